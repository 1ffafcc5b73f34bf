"""The field on a plane through the scene."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from core_model.fields.ablate import triplane_levels
from core_model.fields.base import Field
from core_model.fields.gradient import distance, with_gradient
from core_model.fields.triplane import Planes, sample_planes
from core_model.queries.registry import ANSWERERS, Answer, SessionView
from core_model.schema.errors import Cancelled, InputError
from core_model.schema.question_planes import SectionQuestion, slice_frame
from core_model.schema.render import RenderRequest

CHUNK = 6144
"""Points between two looks at `cancelled`: some tens of milliseconds on a slow core."""


def answer_section(session: SessionView, question: SectionQuestion, cancelled: Callable[[], bool]) -> Answer:
    """arrays [size, size], row 0 on top, NaN outside the box.

    values: milliseconds of the evaluation, `half` of the square.
    """
    request = RenderRequest(
        checkpoint=question.checkpoint, latent=question.latent, precision=question.precision
    )
    field = session.field_of(request)
    planes = session.planes_of(request) if question.also == "features" else None
    if question.also == "features" and planes is None:
        raise InputError(
            what="no plane features",
            where=question.checkpoint,
            expected="a family with tri-planes",
            got="a closed form",
        )
    if question.also == "slope" and not field.is_sdf:
        raise InputError(
            what="no slope of the distance",
            where=question.checkpoint,
            expected="a signed distance",
            got="a density",
        )
    box = session.open(question.checkpoint).header.conventions.box
    frame = slice_frame(question.normal, question.offset, box)
    grid = frame.centres(question.size)
    inside = (np.abs(grid) <= box * (1.0 + 1e-6)).all(axis=-1)
    device = session.torch_device
    points = torch.from_numpy(grid[inside].astype(np.float32)).to(device)[None]
    begun = time.perf_counter()
    rows = max(1, CHUNK // question.size) * question.size
    parts = session.unfinished.parts(question, list[dict[str, Tensor]])
    chunks = points.split(rows, dim=1) if points.shape[1] else ()
    for chunk in chunks[len(parts) :]:
        if cancelled():
            raise Cancelled("something more urgent waits")
        session.tell("section", len(parts) / len(chunks))
        parts.append(_values(field, planes, chunk, question.also == "slope"))
    arrays: dict[str, np.ndarray] = {}
    for name in parts[0] if parts else ("density",):
        arrays[name] = np.full(inside.shape, np.nan, np.float32)
        if parts:
            arrays[name][inside] = torch.cat([p[name] for p in parts]).float().cpu().numpy()
    return Answer({"ms": (time.perf_counter() - begun) * 1e3, "half": frame.half}, arrays)


def _values(field: Field, planes: Planes | None, points: Tensor, slope: bool) -> dict[str, Tensor]:
    """Quantities [N] of points [1, N, 3]."""
    found: dict[str, Tensor] = {}
    if slope:
        sample, _, gradient = with_gradient(field, points, distance)
        found["slope"] = gradient[0].norm(dim=-1)
    else:
        sample = field.geometry(points)
    for name in ("sdf", "density", "beta", "raw"):
        value = getattr(sample, name)
        if value is not None:
            found[name] = value[0]
    if planes is not None:
        levels = planes.levels[: triplane_levels(planes)]
        total = sum((sample_planes(level.float(), points, planes.conventions) for level in levels[1:]),
                    sample_planes(levels[0].float(), points, planes.conventions))  # fmt: skip
        found["features"] = total[0].norm(dim=-1)
    return found


ANSWERERS.add("SectionQuestion", answer_section)
