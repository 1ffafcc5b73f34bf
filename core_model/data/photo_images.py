"""One file of a person's folder as images of a training set; free of torch, so that a process for it starts at once."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import Field

from core_model.data.faces.find import find_faces
from core_model.data.photos import Photo, cropped, read_photo, target_pixels
from core_model.data.writing import png
from core_model.schema.atomic import replacing, write_json
from core_model.schema.camera import label25
from core_model.schema.errors import InputError
from core_model.schema.frozen import Frozen
from core_model.schema.portrait import Crop
from core_model.schema.question_photo import PHOTO_SUFFIXES

VERSION = 1
"""Of what is made of a picture: another one is made anew."""
MIN_SIZE, MAX_SIZE = 8, 2048
WHITE = (1.0, 1.0, 1.0)


class PhotoSetSettings(Frozen):
    """What is made of each picture.

    size: edge of an image, pixels. poses: crop and camera of faces; no cameras and the middle square; or given labels and the middle
    square. faces: of a picture with several. least: edge that a crop has in its source at least, pixels.
    """

    size: int = Field(ge=MIN_SIZE, le=MAX_SIZE)
    poses: Literal["faces", "none", "labels"] = "faces"
    faces: Literal["largest", "all"] = "largest"
    least: int = Field(default=1, ge=1)
    version: int = VERSION


class Taken(Frozen):
    """One image of the set: crop in the upright source (left, top, edge), share of it beyond the source's rim."""

    crop: tuple[float, float, float]
    beyond: float
    label: tuple[float, ...] | None
    score: float | None = None


class Treated(Frozen):
    """What became of one file; stamp: its time of change [ns] and size. `why` is empty unless it was left out."""

    source: str
    stamp: tuple[int, int]
    taken: tuple[Taken, ...] = ()
    why: str = ""
    missed: int = Field(
        default=0, description="faces that were too small or fit no camera, beside those taken"
    )


class Job(Frozen):
    """A file to work on, and where its images go."""

    folder: str
    name: str
    parts: str
    settings: PhotoSetSettings
    label: tuple[float, ...] | None = None
    fault: str = Field(default="", description="of the label that was given")

    @property
    def part(self) -> Path:
        """What its files begin with: no name of a file is too long or too odd for that."""
        return Path(self.parts) / hashlib.sha256(self.name.encode()).hexdigest()[:24]

    @property
    def record(self) -> Path:
        return self.part.with_suffix(".json")

    def picture(self, number: int) -> Path:
        return self.part.with_name(f"{self.part.name}-{number}.png")

    def stamp(self) -> tuple[int, int]:
        try:
            status = (Path(self.folder) / self.name).stat()
        except OSError:
            return 0, 0
        return status.st_mtime_ns, status.st_size


def treat(job: Job) -> Treated:
    """Makes the images of one file and, last, its record."""
    stamp = job.stamp()
    try:
        pictures, missed = _images(job)
        treated = Treated(
            source=job.name, stamp=stamp, taken=tuple(taken for taken, _ in pictures), missed=missed
        )
        for number, (_, pixels) in enumerate(pictures):
            with replacing(job.picture(number)) as temporary:
                temporary.write_bytes(png(pixels))
    except InputError as error:
        treated = Treated(source=job.name, stamp=stamp, why=_short(error))
    write_json(job.record, treated.model_dump(mode="json"))
    return treated


def _images(job: Job) -> tuple[list[tuple[Taken, np.ndarray]], int]:
    """(images [S, S, 3] uint8 of a file, how many more faces could not be taken); raises InputError that says why there is none."""
    settings = job.settings
    if not job.name.lower().endswith(PHOTO_SUFFIXES):
        raise InputError(what="not a picture by its name", expected=" ".join(PHOTO_SUFFIXES))
    if job.fault:
        raise InputError(what=job.fault)
    photo = read_photo(Path(job.folder) / job.name)
    wanted: list[tuple[Crop, tuple[float, ...] | None, float | None]] = []
    missed = 0
    if settings.poses == "faces":
        unfit = InputError(what="no face found")
        for face in find_faces(photo):
            try:
                crop, camera = face.portrait()
            except InputError as error:  # another face may be well
                unfit, missed = error, missed + 1
                continue
            wanted.append((crop, tuple(float(v) for v in label25(camera)), round(face.score, 4)))
            if settings.faces == "largest":
                break
        if not wanted:
            raise unfit
    else:
        width, height = photo.size
        edge = min(width, height)
        wanted.append((Crop((width - edge) // 2, (height - edge) // 2, edge), job.label, None))
    large = [one for one in wanted if one[0].edge >= settings.least]
    if not large:
        largest = max(crop.edge for crop, _, _ in wanted)
        raise InputError(what=f"too small: its crop has {largest:.0f} pixels", expected=f"{settings.least}")
    made = []
    for crop, label, score in large:
        pixels, _ = target_pixels(cropped(photo, crop, settings.size), settings.size, WHITE)
        taken = Taken(
            crop=(crop.left, crop.top, crop.edge), beyond=_beyond(crop, photo), label=label, score=score
        )
        made.append((taken, pixels))
    return made, missed + len(wanted) - len(large)


def _beyond(crop: Crop, photo: Photo) -> float:
    """Share of the crop's area that lies beyond the picture's rim."""
    width, height = photo.size
    inside = lambda start, length: max(0.0, min(start + crop.edge, length) - max(start, 0.0)) / crop.edge
    return abs(round(1.0 - inside(crop.left, width) * inside(crop.top, height), 4))


def _short(error: InputError) -> str:
    """Why, without the name of the file, which stands beside it."""
    got = f": {error.got}" if error.got else ""
    wanted = f" (at least {error.expected})" if error.what.startswith("too small") else ""
    return f"{error.what}{wanted}{got}"
