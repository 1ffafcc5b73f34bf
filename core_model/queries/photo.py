"""A photograph for the window that aligns it: its pixels, and its faces in a checkpoint's portrait convention."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from core_model.data.faces.find import Face, find_faces
from core_model.data.photos import Photo, read_photo
from core_model.families import FAMILIES
from core_model.inversion.own_face import own_convention
from core_model.queries.registry import ANSWERERS, Answer, SessionView
from core_model.schema.camera import label25
from core_model.schema.errors import InputError
from core_model.schema.portrait import Convention
from core_model.schema.question_photo import FacesQuestion, PhotoQuestion

_CONVENTIONS: dict[tuple[str, str], tuple[Convention, bool]] = {}
"""(checkpoint, SHA-256) → what its mean head told: the next photograph need not draw it again."""


def answer_photo(session: SessionView, question: PhotoQuestion, cancelled: Callable[[], bool]) -> Answer:
    """See `PhotoQuestion`."""
    photo = read_photo(Path(question.photo))
    width, height = photo.size
    return Answer({"width": width, "height": height}, {"pixels": _fitted(photo, question.edge)})


def _fitted(photo: Photo, edge: int) -> np.ndarray:
    """[h, w, 3] float32, over white."""
    rgb = photo.rgb
    if photo.alpha is not None:
        rgb = rgb * photo.alpha[..., None] + (1.0 - photo.alpha[..., None])
    width, height = photo.size
    scale = min(1.0, edge / max(width, height))
    if scale == 1.0:
        return np.ascontiguousarray(rgb, np.float32)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = Image.fromarray(np.round(rgb * 255.0).astype(np.uint8)).resize(size, Image.Resampling.BOX)
    return np.asarray(small, np.float32) / 255.0


def answer_faces(session: SessionView, question: FacesQuestion, cancelled: Callable[[], bool]) -> Answer:
    """See `FacesQuestion`."""
    session.tell("faces of the photograph", 0.0)
    faces = find_faces(read_photo(Path(question.photo)))
    session.tell("face of the checkpoint", 0.5)
    convention, own = _convention(session, question.checkpoint)
    placed = [found for face in faces if (found := _placed(face, convention)) is not None]
    rows = lambda part, width: np.array([p[part] for p in placed], np.float32).reshape(-1, width)
    arrays = {"points": rows(0, 10), "boxes": rows(1, 4), "crops": rows(2, 3), "labels": rows(3, 25)}
    return Answer({"convention": convention.model_dump_json(), "own": own}, arrays)


def _convention(session: SessionView, checkpoint: str) -> tuple[Convention, bool]:
    """(portrait convention of the checkpoint, whether its mean head told it); seconds the first time."""
    info = session.open(checkpoint)
    key = (checkpoint, info.sha256)
    if key not in _CONVENTIONS:
        model, default = session.model_of(checkpoint), info.header.camera.default
        painter = FAMILIES.get(info.family).painter
        own = None if painter is None else own_convention(model, painter(model), default)
        _CONVENTIONS[key] = (Convention.before(default), False) if own is None else (own, True)
    return _CONVENTIONS[key]


def _placed(face: Face, convention: Convention) -> tuple[np.ndarray, ...] | None:
    """(points, box, crop, label), flat; None for points that no camera sees so."""
    try:
        crop, camera = face.portrait(convention)
    except InputError:
        return None
    square = np.array((crop.left, crop.top, crop.edge))
    return np.array(face.points).reshape(-1), np.array(face.box), square, label25(camera)


ANSWERERS.add("PhotoQuestion", answer_photo)
ANSWERERS.add("FacesQuestion", answer_faces)
