"""The layers of the networks for the window: their statistics, pictures of their channels, their values."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from core_model.queries.layer_hooks import CHUNK, Statistics
from core_model.queries.layer_parts import PLANES, Passing, run_part
from core_model.queries.registry import ANSWERERS, Answer, SessionView
from core_model.schema.errors import InputError
from core_model.schema.question_layers import (
    BINS,
    RAW_VALUES,
    ROWS,
    SURFACE_EDGE,
    LayerInfo,
    LayerQuestion,
    LayerSource,
    LayersQuestion,
    LayerValuesQuestion,
)

MOST_VALUES = 1 << 25
"""Values of the one layer that is looked at: 128 MiB; of a larger one the first channels or rows."""
Cancel = Callable[[], bool]


def answer_layers(session: SessionView, question: LayersQuestion, cancelled: Cancel) -> Answer:
    """See `LayersQuestion`."""
    pass_ = _Pass(None)
    session.tell("layers", 0.0)
    note = run_part(pass_.through(session, question.source, cancelled))
    found = [info.model_dump(mode="json") for info in _grouped(pass_.layers())]
    return Answer(
        {"layers": found, "note": note or ("" if found else "No module of this network runs in this part.")}
    )


def answer_layer(session: SessionView, question: LayerQuestion, cancelled: Cancel) -> Answer:
    """See `LayerQuestion`."""
    layer = _layer_of(session, question.source, question.layer, cancelled)
    info, maps = layer.info, layer.maps
    values: dict[str, object] = {"layer": info.model_dump(mode="json"), "kept": len(maps)}
    counts, edges = _histogram(maps, info)
    if not info.pictures:
        rms = _mean_square(maps.float(), 0).sqrt()
        found = {"rms": rms, "picture": maps[:ROWS]}
    else:
        rms = torch.cat([_mean_square(part.float(), (-2, -1)).sqrt() for part in maps.split(16)])
        by_rms = question.order == "rms"
        order = (
            rms.argsort(descending=True, stable=True) if by_rms else torch.arange(len(rms), device=rms.device)
        )
        which = order[question.first : question.first + question.count]
        channel = values["channel"] = min(question.channel, len(maps) - 1)
        cells = _reduced(maps[which].float(), question.cell)
        large = _reduced(maps[channel : channel + 1].float(), question.edge)[0]
        found = {"rms": rms, "which": which, "cells": cells, "picture": large}
    arrays = {name: _array(x) for name, x in found.items()}
    return Answer(values, arrays | {"counts": counts, "edges": edges})


def answer_values(session: SessionView, question: LayerValuesQuestion, cancelled: Cancel) -> Answer:
    """See `LayerValuesQuestion`."""
    layer = _layer_of(session, question.source, question.layer, cancelled)
    kept = max(min(len(layer.maps), RAW_VALUES // max(layer.maps[0].numel(), 1)), 1)
    values = {"layer": layer.info.model_dump(mode="json"), "kept": kept}
    return Answer(values, {"values": _array(layer.maps[:kept])})


@dataclass(frozen=True)
class _Layer:
    """A layer on the device. maps: [K, H, W] of its first channels, or rows [N, C]."""

    info: LayerInfo
    maps: Tensor

    @property
    def nbytes(self) -> int:
        return self.maps.numel() * self.maps.element_size()


def _layer_of(session: SessionView, source: LayerSource, name: str, cancelled: Cancel) -> _Layer:
    """The layer, kept for the next question about it."""

    def make() -> _Layer:
        pass_, note = _Pass(name), ""
        session.tell("layer", 0.0)
        with contextlib.suppress(_Enough):
            note = run_part(pass_.through(session, source, cancelled))
        found = pass_.layer()
        if found is None:
            raise InputError(
                what="no such layer", where=source.checkpoint, expected="one that runs for this picture", got=f"{name}. {note}".strip()
            )  # fmt: skip
        return found

    stamp = session.run_of(source.request()).opened.stamp
    key = ("layer", source.checkpoint, stamp, source, name)
    return session.layers.get(key, make, lambda layer: layer.nbytes)[0]


class _Enough(Exception):
    """The layer that was asked for is there: the rest of the pass is not needed."""


class _Pass:
    """Statistics of every layer of one pass, or values of the one that is wanted."""

    def __init__(self, wanted: str | None) -> None:
        self.wanted = wanted
        self._statistics: dict[str, Statistics] = {}
        self._infos: dict[str, LayerInfo] = {}
        self._kept: list[Tensor] = []
        self._pixels: Tensor | None = None
        self._planes: tuple[str, ...] = ()

    def through(self, session: SessionView, source: LayerSource, cancelled: Cancel) -> Passing:
        run = session.run_of(source.request())
        self._planes = tuple("".join(axes) for axes in run.opened.info.header.conventions.plane_axes)
        return Passing(session, source, run, cancelled, self._take, self._surface)

    def _surface(self, pixels: Tensor) -> None:
        self._pixels = pixels

    def _take(self, name: str, kind: str, tensor: Tensor) -> None:
        if self.wanted is not None and name != self.wanted:
            return
        shaped, known = _shaped(tensor, self._pixels), self._infos.get(name)
        if known is None:
            surface = shaped.dim() == 2 and self._pixels is not None and len(shaped) == len(self._pixels)
            planes = self._planes if kind == PLANES else ()
            self._infos[name] = LayerInfo(
                name=name, kind=kind, shape=tuple(shaped.shape), surface=surface, planes=planes
            )
            self._statistics[name] = Statistics()
        elif shaped.dim() == 2 and known.shape[1:] == tuple(shaped.shape[1:]):
            # a network that runs for several latents: more rows of the same layer
            more = (known.shape[0] + len(shaped), *known.shape[1:])
            self._infos[name] = known.replace(shape=more, calls=known.calls + 1)
        else:
            self._infos[name] = known.replace(calls=known.calls + 1)
            return
        self._statistics[name].add(shaped)
        if self.wanted is not None:
            self._kept.append(_first(shaped).clone())
            if shaped.dim() > 2:
                raise _Enough

    def layers(self) -> tuple[LayerInfo, ...]:
        return tuple(_told(info, self._statistics[name]) for name, info in self._infos.items())

    def layer(self) -> _Layer | None:
        """The wanted one; None where it did not run."""
        found = self.layers()
        if not found:
            return None
        values = torch.cat(self._kept)
        if found[0].surface:
            assert self._pixels is not None
            values = values.float()
            picture = values.new_full((values.shape[1], SURFACE_EDGE * SURFACE_EDGE), torch.nan)
            picture[:, self._pixels] = values.T
            values = picture.view(-1, SURFACE_EDGE, SURFACE_EDGE)
        return _Layer(found[0], values)


def _shaped(x: Tensor, pixels: Tensor | None) -> Tensor:
    """[C, H, W] or [P, C, H, W] of pictures, [N, C] of rows."""
    if x.dim() >= 4:
        planes = x.flatten(0, -4)
        return planes[0] if len(planes) == 1 else planes
    if x.dim() == 2 and pixels is not None and tuple(x.shape) == (1, len(pixels)):
        return x.T  # one number for each point
    return x.reshape(-1, x.shape[-1] if x.dim() else 1)


def _first(x: Tensor) -> Tensor:
    """As many channels [K, H, W] or rows [N, C] as may be kept."""
    maps = x.flatten(0, -3) if x.dim() > 2 else x
    return maps[: max(MOST_VALUES // max(maps[0].numel(), 1), 1)]


def _told(info: LayerInfo, s: Statistics) -> LayerInfo:
    share = lambda count: count / max(s.count, 1)
    told = {"zeros": share(s.zeros), "nans": share(s.nans), "infs": share(s.infs)}
    if s.finite:
        told |= {"mean": s.mean, "deviation": s.deviation, "rms": s.rms, "low": s.low, "high": s.high}
    return info.replace(**told)


def _grouped(layers: tuple[LayerInfo, ...]) -> tuple[LayerInfo, ...]:
    """Each under the edge of its pictures, rows under that of the module that they belong to."""
    edges = {i.name: max(i.shape[-2:]) for i in layers if len(i.shape) > 2}
    for name in list(edges):
        edges.setdefault(name.partition(":")[0], edges[name])

    def group(name: str) -> int:
        while name:
            if name in edges:
                return edges[name]
            name = name.partition(":")[0] if ":" in name else name.rpartition(".")[0]
        return 0

    return tuple(i.replace(group=group(i.name)) for i in layers)


def _mean_square(x: Tensor, dims: int | tuple[int, ...]) -> Tensor:
    """Of the finite values; 0 where there are none."""
    return torch.where(x.isfinite(), x, torch.nan).square().nanmean(dims).nan_to_num(0.0)


def _reduced(x: Tensor, edge: int) -> Tensor:
    """[n, H, W], as it is or as means of blocks so that no edge is longer than `edge`; NaN where a block has no value."""
    by = -(-max(x.shape[-2:]) // edge)
    if by <= 1:
        return x
    known = x.isfinite()
    pool = lambda y: F.avg_pool2d(y[:, None], by, ceil_mode=True, count_include_pad=False)[:, 0]
    return pool(torch.where(known, x, 0.0)) / pool(known.float())


def _histogram(maps: Tensor, info: LayerInfo) -> tuple[np.ndarray, np.ndarray]:
    """Counts [64] and edges [65] of the finite values."""
    low, high = info.low or 0.0, info.high or 0.0
    high = high if high > low else low + max(abs(low), 1.0) * 1e-3
    counts = torch.zeros(BINS, device=maps.device)
    for part in maps.reshape(-1).split(CHUNK):
        values = part.float()
        counts += torch.histc(values[values.isfinite()], BINS, low, high)
    return counts.cpu().numpy(), np.linspace(low, high, BINS + 1, dtype=np.float32)


def _array(x: Tensor) -> np.ndarray:
    x = x.float() if x.is_floating_point() else x
    return np.ascontiguousarray(x.cpu().numpy())


ANSWERERS.add("LayersQuestion", answer_layers)
ANSWERERS.add("LayerQuestion", answer_layer)
ANSWERERS.add("LayerValuesQuestion", answer_values)
