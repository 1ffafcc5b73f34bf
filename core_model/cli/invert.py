"""`triscope invert PHOTO CHECKPOINT --out RUN`: the latent, camera and weights that show a photograph."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

from core_model.cli.progress import progress
from core_model.cli.settings_line import read_line
from core_model.schema.errors import InputError
from core_model.schema.inversion import InvertConfig
from core_model.schema.overrides import apply_overrides
from core_model.schema.run_owner import refuse_if_owned
from core_model.schema.settings import table_of

if TYPE_CHECKING:
    from core_model.training.invert.run import Portrait

WORDS = ("out", "label", "points", "crop")
SWITCHES = ("resume", "help")
HIDDEN = ("checkpoint", "checkpoint_sha256", "camera")
USAGE = """usage: triscope invert PHOTO CHECKPOINT --out RUN [--FIELD=VALUE ...]
       triscope invert --out RUN --resume

Find the latent, camera and weights with which a checkpoint shows a photograph (What You See is What You GAN, A2.3).
The result is RUN/code.safetensors, bound to the checkpoint; it opens wherever a checkpoint does.

  --out RUN         run directory: config, record, ticks, pictures, snapshots, resume state, code
  --resume          continue the run in RUN with the settings saved there
  --label C.npy     EG3D label of the photograph's camera: a file of 25 numbers, or the numbers themselves, N,N,…
  --crop X,Y,EDGE   the square that is compared, pixels of the photograph upright: left, top, edge; it may reach beyond the
                    rim. Default: its middle square
  --points X,Y,…    five points of the face, pixels of the photograph upright: left eye, right eye, nose tip, left and right
                    mouth corner, as the picture shows them; crop and camera follow from them
                    Without label and points: the checkpoint's frontal camera

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
        cfg, portrait = _new(Path(args[0]), args[1], line.words, line.changes)
    with progress("invert") as update:
        state, code = run_invert(out, cfg, portrait, command=_executed(args), told=update)
    if state == "finished":
        print(f"finished: {code}: {code.stat().st_size / 2**20:.1f} MiB")
    else:
        print(f"stopped; continue with: triscope invert --out {out} --resume")


def _new(
    photo: Path, checkpoint: str, words: dict[str, str], changes: list[tuple[str, str]]
) -> "tuple[InvertConfig, Portrait]":
    """(settings, portrait) of a new run; raises InputError."""
    import numpy as np

    from core_model.checkpoints.locate import resolve
    from core_model.cli.files import read_array
    from core_model.data.photos import cropped, middle_square, read_photo
    from core_model.schema.camera import MatrixCamera, focal_from_fov, label25
    from core_model.schema.portrait import Crop, portrait_of
    from core_model.training.invert.run import Portrait, check_base

    if "label" in words and "points" in words:
        raise InputError(what="camera given twice", expected="--label or --points", got="both")
    if "crop" in words and "points" in words:
        raise InputError(what="crop given twice", expected="--crop or --points", got="both")
    cfg = apply_overrides(InvertConfig(), changes, "invert").replace(checkpoint=resolve(checkpoint))
    picture = read_photo(photo)
    default = check_base(cfg.checkpoint).header.camera.default
    if "points" in words:
        points = np.array(_numbers(words["points"], "--points", 10, "x,y of five points")).reshape(5, 2)
        crop, camera = portrait_of(points, focal_from_fov(default.fov), default.distance)
        return cfg, Portrait(cropped(picture, crop), camera, photo.name)
    if "label" in words:
        label, typed = words["label"], "," in words["label"]
        numbers = (
            _numbers(label, "--label", 25, "an EG3D label, or a file of it")
            if typed
            else read_array(Path(label), "--label", ((25,),))
        )
        camera = MatrixCamera.from_label(numbers, where="--label" if typed else label)
    else:
        camera = MatrixCamera.from_label(label25(default))
    if "crop" in words:
        left, top, edge = _numbers(words["crop"], "--crop", 3, "left, top and edge, pixels")
        if edge < 2.0:
            raise InputError(
                what="bad value of --crop", expected="an edge of 2 pixels or more", got=f"{edge:g}"
            )
        return cfg, Portrait(cropped(picture, Crop(left, top, edge)), camera, photo.name)
    return cfg, Portrait(middle_square(picture), camera, photo.name)


def _numbers(text: str, option: str, count: int, what: str) -> list[float]:
    """So many numbers separated by commas or blanks; raises InputError."""
    parts = text.replace(",", " ").split()
    try:
        numbers = [float(part) for part in parts]
    except ValueError:
        numbers = []
    if len(numbers) != count or not all(map(math.isfinite, numbers)):
        raise InputError(what=f"bad value of {option}", expected=f"{count} numbers: {what}", got=text[:80])
    return numbers


def _executed(args: list[str]) -> list[str]:
    from core_model.training.common.local_launcher import executed

    return list(executed("invert", args))
