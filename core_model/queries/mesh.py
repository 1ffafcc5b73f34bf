"""Field histogram, forecast and preview of a mesh, for the window; a waiting picture interrupts them."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from core_model.meshing.attributes import surface_attributes
from core_model.meshing.extract import extract
from core_model.meshing.forecast import plan
from core_model.meshing.formats import FORMATS
from core_model.meshing.job import MeshSource, MeshWork, check_request
from core_model.meshing.lattice import Lattice
from core_model.meshing.levelset import LevelSet, default_level
from core_model.meshing.topology import components, examine, keep_components
from core_model.ops.devices import of_kind
from core_model.queries.registry import ANSWERERS, Answer, SessionView
from core_model.schema.errors import Cancelled
from core_model.schema.mesh import MeshRequest, Quantity
from core_model.schema.question import Question
from core_model.schema.question_mesh import (
    HISTOGRAM_BINS,
    FieldHistogramQuestion,
    MeshForecastQuestion,
    MeshPreviewQuestion,
)
from core_model.schema.render import RenderRequest

CALL_POINTS = (1 << 14, 1 << 21)
"""Points per call on a processor, and on an accelerator."""
"""Points between two looks at what waits: 10 to 40 ms on two cores."""
Cancel = Callable[[], bool]


def answer_histogram(session: SessionView, question: FieldHistogramQuestion, cancelled: Cancel) -> Answer:
    """arrays: counts [96], edges [97]; values: see FieldHistogramQuestion."""
    request = MeshRequest(
        checkpoint=question.checkpoint, latent=question.latent, quantity=question.quantity, crop=question.crop
    )
    source = _source(session, request)
    levels = _level_set(session, question, source, request, cancelled)
    values = levels.values(_grid(Lattice.of_box(question.nodes, source.box, question.crop)))
    counts, edges = np.histogram(values, bins=HISTOGRAM_BINS)
    about: dict[str, object] = {
        "quantity": levels.quantity, "quantities": _quantities(source), "level": default_level(levels.quantity, source.family),
        "low": float(values.min()), "high": float(values.max()), "box": source.box,
    }  # fmt: skip
    return Answer(about, {"counts": counts.astype(np.float32), "edges": edges.astype(np.float32)})


def answer_forecast(session: SessionView, question: MeshForecastQuestion, cancelled: Cancel) -> Answer:
    """values: a MeshForecast. Its memory is that of a process of its own, which holds no pictures."""
    request, suffix = question.request, question.suffix
    check_request(request, Path(f"mesh{suffix}"))
    FORMATS.get(suffix, where="mesh")
    source = _source(session, request)
    forecast = plan(
        request, _level_set(session, question, source, request, cancelled), source.box, suffix
    ).forecast
    cached = session.cached_bytes if source.device.type == "cpu" else 0
    return Answer(forecast.replace(memory_bytes=max(forecast.memory_bytes - cached, 0)).model_dump())


def answer_preview(session: SessionView, question: MeshPreviewQuestion, cancelled: Cancel) -> Answer:
    """arrays: vertices, normals, colours [V, 3] float32 and faces [F, 3] uint32.

    values: see MeshPreviewQuestion.
    """
    started, request = _Clock(session.torch_device), question.request
    source = _source(session, request)
    levels = _level_set(session, question, source, request, cancelled)
    lattice = Lattice.of_box(request.resolution, source.box, request.crop)

    def told(stage: str, fraction: float) -> None:
        if stage != "evaluate":  # there every call looks, but for those whose values are known already
            _give_way(cancelled)
        session.tell(stage, fraction)

    found = extract(lattice, levels, stage=told, allow_empty=True)
    surface, parts, removed = keep_components(
        found.surface, components(found.surface), request.keep, request.min_share
    )
    about: dict[str, object] = {
        "quantity": levels.quantity, "level": levels.level, "voxel": lattice.step, "low": found.low, "high": found.high,
        "components": len(parts.faces), "removed": removed, "cut_by": (), "ms": 0.0,
    }  # fmt: skip
    arrays = {"vertices": surface.vertices, "faces": surface.faces.astype(np.uint32)}
    if not len(surface.faces):
        return Answer(about, arrays | {"normals": np.empty((0, 3), np.float32)})
    x, y, z = lattice.axes()
    low, high = (float(x[0]), float(y[0]), float(z[0])), (float(x[-1]), float(y[-1]), float(z[-1]))
    about["cut_by"] = examine(surface, parts, low, high).cut_by
    size = of_kind(source.device, *CALL_POINTS)
    made = surface_attributes(levels, surface, request, call_points=size)
    arrays["normals"] = made.normals
    if made.colours is not None:
        arrays["colours"] = made.colours.astype(np.float32) / 255.0
    about["ms"] = started.ms()
    return Answer(about, arrays)


class _Clock:
    """Processor milliseconds of the work itself, so that a busy machine does not make the preview coarser."""

    def __init__(self, device: torch.device) -> None:
        self._threads = torch.get_num_threads() if device.type == "cpu" else 0
        self._wall, self._work = time.monotonic(), time.process_time()

    def ms(self) -> float:
        wall = time.monotonic() - self._wall
        return 1e3 * (
            min(wall, (time.process_time() - self._work) / self._threads) if self._threads else wall
        )


def _source(session: SessionView, request: MeshRequest) -> MeshSource:
    """The field of a latent, from the cache when it is the one on the screen."""
    info = session.open(request.checkpoint)
    field = session.field_of(RenderRequest(checkpoint=request.checkpoint, latent=request.latent))
    return MeshSource(field, info.family, info.header.conventions.box, session.torch_device)


class _KeptLevels(LevelSet):
    """Remembers the values of each call.

    The same question makes the same calls in the same order, so an interrupted answer repeats its finished
    calls without evaluating the field.
    """

    kept: list[np.ndarray]
    at = 0

    def call(self, points: np.ndarray) -> np.ndarray:
        if self.at == len(self.kept):
            self.kept.append(super().call(points))
        self.at += 1
        return self.kept[self.at - 1]


def _level_set(
    session: SessionView, question: Question, source: MeshSource, request: MeshRequest, cancelled: Cancel
) -> LevelSet:
    plain = MeshWork(source, request, Path("mesh.ply"), cancelled=cancelled).level_set()
    levels = _KeptLevels(plain.field, plain.quantity, plain.level, device=plain.device, cancelled=cancelled)
    levels.kept = session.unfinished.parts(question, list[np.ndarray])
    levels.call_points = of_kind(source.device, *CALL_POINTS)
    return levels


def _quantities(source: MeshSource) -> tuple[Quantity, ...]:
    """What the field can be asked for."""
    with torch.no_grad():
        sample = source.field.geometry(torch.zeros(1, 1, 3, device=source.device))
    names: tuple[tuple[Quantity, object], ...] = (
        ("sdf", sample.sdf),
        ("raw", sample.raw),
        ("density", sample.density),
    )
    return tuple(name for name, value in names if value is not None)


def _grid(lattice: Lattice) -> np.ndarray:
    """[N, 3] float32: every node."""
    return np.stack(np.meshgrid(*lattice.tables(), indexing="ij"), axis=-1).reshape(-1, 3)


def _give_way(cancelled: Cancel) -> None:
    if cancelled():
        raise Cancelled("a picture is waiting")


ANSWERERS.add("FieldHistogramQuestion", answer_histogram)
ANSWERERS.add("MeshForecastQuestion", answer_forecast)
ANSWERERS.add("MeshPreviewQuestion", answer_preview)
