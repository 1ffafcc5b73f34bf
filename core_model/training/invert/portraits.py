"""What is inverted of a photograph: its face in the checkpoint's portrait convention, from the camera that its points tell."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from core_model.data.faces.find import Face, find_faces
from core_model.data.photos import Photo, cropped
from core_model.families import FAMILIES
from core_model.inversion.own_face import own_convention
from core_model.ops.devices import choose
from core_model.schema.camera import MatrixCamera, orbit_from_matrix
from core_model.schema.errors import InputError
from core_model.schema.portrait import Convention, Crop, portrait_of
from core_model.session.library import open_checkpoint
from core_model.training.invert.run import Portrait

NO_FACE = "a face at least a thirtieth of the picture's longer edge wide; else five points, a crop or a label of yours"


@dataclass(frozen=True)
class Placed:
    """A portrait, and what a person is told of it, one line each."""

    portrait: Portrait
    told: tuple[str, ...]


def convention_of(checkpoint: str, device: str = "auto") -> tuple[Convention, bool]:
    """(portrait convention of a generator, whether its mean head told it; else it is EG3D's before its cameras).

    Opens the checkpoint and draws its mean head three times: seconds.
    """
    opened = open_checkpoint(checkpoint, choose(device, "--device"))
    default = opened.info.header.camera.default
    painter = FAMILIES.get(opened.info.family).painter
    own = None if painter is None else own_convention(opened.model, painter(opened.model), default)
    return (Convention.before(default), False) if own is None else (own, True)


def face_of(faces: tuple[Face, ...], number: int | None, where: str) -> Face:
    """The face of that number, 1 = the largest (None: that one); raises InputError."""
    if not faces:
        raise InputError(what="no face found", where=where, expected=NO_FACE)
    if number is None:
        return faces[0]
    if not 1 <= number <= len(faces):
        raise InputError(
            what="no such face", where="--face", got=str(number),
            expected="1, the only one" if len(faces) == 1 else f"1 to {len(faces)}, by size",
        )  # fmt: skip
    return faces[number - 1]


def portrait_of_photo(
    photo: Photo, checkpoint: str, name: str, *, points: np.ndarray | None = None, face: int | None = None, device: str = "auto"
) -> Placed:  # fmt: skip
    """The portrait by five `points` [5, 2], else by the face of that number (1 = the largest, None: that one).

    Raises InputError where there is no such face.
    """
    told: list[str] = []
    found = None
    if points is None:
        faces = find_faces(photo)
        found = face_of(faces, face, name)
        if len(faces) > 1 and face is None:
            told.append(f"{len(faces)} faces, the largest is taken; --face 2 is the next by size")
    convention, own = convention_of(checkpoint, device)
    if not own:
        told.append("the checkpoint's mean head shows no face to match: the crop is that of EG3D")
    crop, camera = found.portrait(convention) if found is not None else portrait_of(_five(points), convention)
    told.append(said(crop, camera))
    return Placed(Portrait(cropped(photo, crop), camera, name), tuple(told))


def said(crop: Crop, camera: MatrixCamera) -> str:
    """Crop and camera in a line."""
    pose = orbit_from_matrix(camera.world_from_cam(), 0.2)
    degrees = " ".join(f"{n} {math.degrees(getattr(pose, n)):+.1f}°" for n in ("yaw", "pitch", "roll"))
    return f"crop {crop.edge:.0f} pixels from {crop.left:.0f}, {crop.top:.0f}; camera {degrees}"


def _five(points: np.ndarray | None) -> np.ndarray:
    assert points is not None
    return points
