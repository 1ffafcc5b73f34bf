"""`triscope invert PHOTO CHECKPOINT --out RUN`: the latent, camera and weights that show a photograph."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from core_model.cli.numbers import numbers_of
from core_model.cli.progress import progress
from core_model.cli.settings_line import read_line
from core_model.schema.errors import InputError
from core_model.schema.inversion import InvertConfig
from core_model.schema.overrides import apply_overrides
from core_model.schema.run_owner import refuse_if_owned
from core_model.schema.settings import table_of
from core_model.schema.whole import whole

if TYPE_CHECKING:
    from core_model.data.photos import Photo
    from core_model.training.invert.run import Portrait

WORDS = ("out", "label", "points", "crop", "face")
SWITCHES = ("resume", "help")
HIDDEN = ("checkpoint", "checkpoint_sha256", "camera")
USAGE = """usage: triscope invert PHOTO CHECKPOINT --out RUN [--FIELD=VALUE ...]
       triscope invert --out RUN --resume

Find the latent, camera and weights with which a checkpoint shows a photograph (What You See is What You GAN, A2.3).
The result is RUN/code.safetensors, bound to the checkpoint; it opens wherever a checkpoint does.

  --out RUN         run directory: config, record, ticks, pictures, snapshots, resume state, code
  --resume          resume the run in RUN with the settings saved there
  Crop and camera follow from the face in the photograph; or give
  --face N          the Nth face by size, 1 = the largest (default); none = no face: the middle square, from the checkpoint's
                    frontal camera
  --points X,Y,…    five points of the face, pixels of the photograph upright: left eye, right eye, nose tip, left and right
                    mouth corner, as the picture shows them
  --crop X,Y,EDGE   the square that is compared, pixels of the photograph upright: left, top, edge; it may reach beyond the
                    rim. Without a label from the checkpoint's frontal camera
  --label C.npy     EG3D label of the photograph's camera: a file of 25 numbers, or the numbers themselves, N,N,…; without a
                    crop the middle square is taken

Fields of the settings, as --FIELD=VALUE:
"""


def main(args: list[str]) -> None:
    named = 0
    while named < len(args) and not args[named].startswith("-"):
        named += 1
    line = read_line("invert", args[named:], InvertConfig, WORDS, SWITCHES)
    if "help" in line.switches:
        print(USAGE + table_of(InvertConfig))
        return
    if "out" not in line.words:
        raise InputError(what="invert: no run directory", expected="--out RUN")
    for path, _ in line.changes:
        if path.replace("-", "_") in HIDDEN:
            raise InputError(
                what=f"invert: --{path} is filled in by itself", expected="PHOTO CHECKPOINT --label C.npy"
            )
    out, resume = Path(line.words["out"]), "resume" in line.switches
    if named != (0 if resume else 2):
        expected = "--out RUN alone with --resume" if resume else "PHOTO CHECKPOINT --out RUN"
        raise InputError(what="invert: wrong number of files", expected=expected, got=str(named))
    from core_model.training.invert.run import resumed_settings, run_invert

    refuse_if_owned(out)
    if resume:
        cfg, portrait = resumed_settings(out, line.changes), None
    else:
        cfg, portrait = new_inversion(Path(args[0]), args[1], line.words, line.changes)
    with progress("invert") as update:
        state, code = run_invert(out, cfg, portrait, command=_executed(args), told=update)
    if state == "finished":
        print(f"finished: {code}: {code.stat().st_size / 2**20:.1f} MiB")
    else:
        print(f"stopped; resume with: triscope invert --out {out} --resume")


def new_inversion(
    photo: Path, checkpoint: str, words: dict[str, str], changes: list[tuple[str, str]]
) -> "tuple[InvertConfig, Portrait]":
    """(settings, portrait) of a new run; raises InputError."""
    from core_model.checkpoints.locate import resolve
    from core_model.cli.files import read_array
    from core_model.data.photos import cropped, middle_square, read_photo
    from core_model.schema.camera import MatrixCamera, label25
    from core_model.schema.portrait import Crop
    from core_model.training.invert.run import Portrait, check_base

    for one, other in (
        ("label", "points"),
        ("crop", "points"),
        ("face", "points"),
        ("face", "label"),
        ("face", "crop"),
    ):
        if one in words and other in words:
            raise InputError(what="the face is told twice", expected=f"--{one} or --{other}", got="both")
    cfg = apply_overrides(InvertConfig(), changes, "invert").replace(checkpoint=resolve(checkpoint))
    picture = read_photo(photo)
    default = check_base(cfg.checkpoint).header.camera.default
    if "label" not in words and "crop" not in words and words.get("face") != "none":
        return cfg, _of_face(picture, photo, cfg, words)
    if "label" in words:
        label, typed = words["label"], "," in words["label"]
        numbers = (
            numbers_of(label, "--label", 25, "an EG3D label, or a file of it")
            if typed
            else read_array(Path(label), "--label", ((25,),))
        )
        camera = MatrixCamera.from_label(numbers, where="--label" if typed else label)
    else:
        camera = MatrixCamera.from_label(label25(default))
    if "crop" in words:
        left, top, edge = numbers_of(words["crop"], "--crop", 3, "left, top and edge, pixels")
        if edge < 2.0:
            raise InputError(
                what="bad value of --crop", expected="an edge of 2 pixels or more", got=f"{edge:g}"
            )
        return cfg, Portrait(cropped(picture, Crop(left, top, edge)), camera, photo.name)
    return cfg, Portrait(middle_square(picture), camera, photo.name)


def _of_face(picture: "Photo", photo: Path, cfg: InvertConfig, words: dict[str, str]) -> "Portrait":
    import numpy as np

    from core_model.training.invert.portraits import portrait_of_photo

    points, face = None, None
    if "points" in words:
        numbers = numbers_of(words["points"], "--points", 10, "x,y of five points")
        points = np.array(numbers).reshape(5, 2)
    elif "face" in words:
        face = whole(words["face"])
        if face is None:
            raise InputError(
                what="bad value of --face", expected="1, 2, … by size, or none", got=words["face"][:20]
            )
    placed = portrait_of_photo(
        picture, cfg.checkpoint, photo.name, points=points, face=face, device=cfg.device
    )
    for line in placed.told:
        print(f"{photo.name}: {line}", file=sys.stderr)
    return placed.portrait


def _executed(args: list[str]) -> list[str]:
    from core_model.training.common.local_launcher import executed

    return list(executed("invert", args))
