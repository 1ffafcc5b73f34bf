"""`triscope data KIND …`: data sets; heads of made-up people here, a folder of photographs in `photos.py`."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from tyro.conf import Positional, arg

from core_model.cli import photos
from core_model.cli.parse import parse
from core_model.cli.progress import progress
from core_model.schema.atomic import made_folder
from core_model.schema.errors import InputError

SUMMARY = "Heads of made-up people with known truth, in EG3D's layout (images and dataset.json)."
OVERVIEW = f"""usage: triscope data heads OUT --count N [options]
       triscope data photos FOLDER OUT.zip --size S [options]

  heads   {SUMMARY}
  photos  {photos.SUMMARY}

triscope data KIND --help lists the options."""


@dataclass(frozen=True)
class HeadsOptions:
    out: Annotated[Path, Positional, arg(metavar="OUT")]
    """a .zip, or a folder where the name has no .zip"""
    count: Annotated[int, arg(metavar="N")]
    """number of images"""
    size: Annotated[int, arg(metavar="S")] = 128
    """edge of an image, pixels"""
    seed: Annotated[int, arg(metavar="N")] = 0
    """seed of the first image; image i has camera seed + i and head seed + i / views"""
    views: Annotated[int, arg(metavar="N")] = 1
    """images of each head"""
    background: Literal["plain", "blurred"] = "plain"
    """one colour (what the training presets expect), or a place far out of focus"""
    truth: bool = True
    """write normals, depth, masks, parts, parameters and landmarks beside the images"""
    supersample: Annotated[int, arg(metavar="N")] = 3
    """samples along each edge of a pixel"""


def main(args: list[str]) -> None:
    if not args or args[0] in ("-h", "--help"):
        print(OVERVIEW)
        return
    if args[0] == "photos":
        photos.main(args[1:])
        return
    if args[0] != "heads":
        raise InputError(
            what="unknown kind of data", where="triscope data", expected="heads or photos", got=repr(args[0])
        )
    options = parse(HeadsOptions, args[1:], "data heads", SUMMARY)
    if not options.out.parent.is_dir():
        raise InputError(
            what="cannot write",
            where=str(options.out),
            expected="an existing folder",
            got=f"no {options.out.parent}",
        )
    made_folder(options.out.parent, str(options.out))
    from core_model.data.heads_dataset import write_heads_dataset

    started = time.monotonic()
    with progress("heads") as update:
        write_heads_dataset(
            options.out,
            options.count,
            options.size,
            seed=options.seed,
            views=options.views,
            background=options.background,
            progress=lambda done, count: update(f"image {done} of {count}", done / count),
            depth=options.truth,
            supersample=options.supersample,
        )
    seconds = time.monotonic() - started
    print(f"{options.out}: {options.count} images, {options.size} x {options.size}, {seconds:.1f} s")
