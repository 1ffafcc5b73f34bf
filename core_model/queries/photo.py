"""A photograph for the window that aligns it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from core_model.data.photos import Photo, read_photo
from core_model.queries.registry import ANSWERERS, Answer, SessionView
from core_model.schema.question_photo import PhotoQuestion


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


ANSWERERS.add("PhotoQuestion", answer_photo)
