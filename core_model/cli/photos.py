"""`triscope data photos FOLDER OUT.zip --size S`: anybody's pictures as a training set with cameras."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from tyro.conf import Positional, arg

from core_model.cli.parse import parse
from core_model.cli.progress import progress
from core_model.schema.errors import InputError

if TYPE_CHECKING:
    import numpy as np

    from core_model.data.photo_set import PhotoSet

SUMMARY = "Pictures of any size and form, aligned, cropped and labelled for training."
SHOWN = 20
"""Lines about what was left out; the report has all of them."""
FAR_BEYOND = 0.1


@dataclass(frozen=True)
class PhotosOptions:
    folder: Annotated[Path, Positional, arg(metavar="FOLDER")]
    """pictures, also in folders below it: PNG, JPEG, WebP, TIFF, BMP; turned by EXIF, transparent, 16-bit and grey ones too"""
    out: Annotated[Path, Positional, arg(metavar="OUT.zip")]
    """the set; OUT.report.json and OUT.cameras.png are written beside it. The same line goes on with a run that was stopped"""
    size: Annotated[int, arg(metavar="S")]
    """edge of an image, pixels"""
    poses: Annotated[str | None, arg(metavar="faces|none|LABELS.json")] = "faces"
    """faces: crop and camera of the face that is found; none: middle square, no cameras; LABELS.json: middle square, cameras by name,
    as in a set's dataset.json or {name: [25 numbers]}"""
    faces: Literal["largest", "all"] = "largest"
    """of a picture with several"""
    least: Annotated[int | None, arg(metavar="PIXELS")] = None
    """edge that a crop has in its picture at least; default half of --size"""


def main(args: list[str]) -> None:
    options = parse(PhotosOptions, args, "data photos", SUMMARY)
    out = options.out
    if out.suffix.lower() != ".zip" or out.is_dir():
        raise InputError(what="bad name of the set", where=str(out), expected="a file with the ending .zip")
    if not out.parent.is_dir():
        raise InputError(
            what="cannot write", where=str(out), expected="an existing folder", got=f"no {out.parent}"
        )
    from core_model.data.index import read_label_file
    from core_model.data.photo_images import MAX_SIZE, MIN_SIZE, PhotoSetSettings
    from core_model.data.photo_set import beside_of, write_photo_set
    from core_model.schema.atomic import write_json

    if not MIN_SIZE <= options.size <= MAX_SIZE:
        raise InputError(
            what="bad value of --size", expected=f"{MIN_SIZE} to {MAX_SIZE}", got=str(options.size)
        )
    least = max(1, options.size // 2) if options.least is None else options.least
    if least < 1:
        raise InputError(what="bad value of --least", expected="1 or more", got=str(least))
    labels, poses = None, "none" if options.poses is None else "faces"
    if options.poses not in (None, "faces"):
        labels, poses = read_label_file(Path(options.poses)), "labels"
    settings = PhotoSetSettings(size=options.size, poses=poses, faces=options.faces, least=least)
    started = time.monotonic()
    with progress("photos") as update:
        made = write_photo_set(
            options.folder, out, settings, labels=labels,
            progress=lambda done, count, images: update(
                f"file {done} of {count}, {images} images", done / max(1, count)
            ),
        )  # fmt: skip
    report, drawing = beside_of(out)
    write_json(report, _report(made))
    for line in _told(made, report):
        print(line, file=sys.stderr)
    if not made.taken:
        raise InputError(
            what="no picture could be taken", where=str(options.folder), expected=f"see {report}", got=f"{len(made.files)} files"
        )  # fmt: skip
    _draw(made, drawing, f"{out.name}: {len(made.taken)} images")
    seconds = time.monotonic() - started
    files = f"{len(made.files) - len(made.left_out)} of {len(made.files)} files"
    print(f"{out}: {len(made.taken)} images of {files}, {options.size} x {options.size}, {seconds:.1f} s")


def _report(made: "PhotoSet") -> dict[str, object]:
    """What became of every file."""
    return {
        "settings": made.settings.model_dump(mode="json"),
        "images": len(made.taken),
        "left_out": [{"name": name, "why": why} for name, why in made.left_out],
        "labels_without_picture": list(made.without_picture),
        "taken": [
            {"name": f.source, "further_faces": f.missed, "images": [t.model_dump(mode="json", exclude={"label"}) for t in f.taken]}
            for f in made.files if f.taken
        ],
    }  # fmt: skip


def _told(made: "PhotoSet", report: Path) -> list[str]:
    """Lines for a person, after the work."""
    lines = [f"left out: {name}: {why}" for name, why in made.left_out[:SHOWN]]
    if len(made.left_out) > SHOWN:
        lines.append(f"left out: {len(made.left_out) - SHOWN} more, see {report}")
    counted = (
        ("further faces that were too small or fit no camera", sum(f.missed for f in made.files)),
        (
            "crops with more than a tenth beyond the rim of their picture, which is repeated there",
            sum(taken.beyond > FAR_BEYOND for _, taken in made.taken),
        ),
        ("labels without a picture", len(made.without_picture)),
    )
    return lines + [f"{what}: {count}" for what, count in counted if count]


def _draw(made: "PhotoSet", path: Path, title: str) -> None:
    import numpy as np

    from core_model.report.camera_chart import camera_chart
    from core_model.schema.atomic import replacing

    known = [taken for _, taken in made.taken if taken.label is not None]
    path.unlink(missing_ok=True)
    if not known:
        return
    labels: np.ndarray = np.array([taken.label for taken in known])
    image = camera_chart(labels, [taken.crop[2] for taken in known], made.settings.size, title)
    with replacing(path) as temporary:
        image.save(temporary, format="PNG")
