"""One slice or level set of P and P̂."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from torch import Tensor

from core_model.schema.errors import Cancelled
from core_model.schema.question_volume import RayVolumeQuestion
from core_model.queries.registry import ANSWERERS, Answer
from core_model.queries.ray_volume import level_set, slab

if TYPE_CHECKING:
    from core_model.session.session import RenderSession


def answer_volume(session: RenderSession, question: RayVolumeQuestion, cancelled: Callable[[], bool]) -> Answer:
    def stop() -> None:
        if cancelled():
            raise Cancelled("something more urgent waits")

    found = session.ray_volumes(question.request(), stop)
    length = found.far - found.near
    middle, half = found.near + question.depth * length, 0.5 * question.thickness * length
    start, end = max(found.near, middle - half), min(found.far, middle + half)
    arrays = {"image": found.image.clamp(0.0, 1.0)}
    for name, volume in (("probe", found.probe), ("proposal", found.proposal)):
        if volume is not None and question.form == "slice":
            arrays[name] = slab(volume, found.near, found.far, start, end)
        elif volume is not None:
            arrays[name] = level_set(volume, found.near, found.far, question.level, stop)
    values = {"near": found.near, "far": found.far, "start": start, "end": end, "bins": found.bins}
    return Answer(values, {name: _array(a) for name, a in arrays.items()})


def _array(x: Tensor) -> np.ndarray:
    return np.ascontiguousarray(x.float().cpu().numpy())


ANSWERERS.add("RayVolumeQuestion", answer_volume)
