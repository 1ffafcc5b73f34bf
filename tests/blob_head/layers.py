"""Layers of the blob head, for window tests: names, shapes and ramps that one can tell apart."""

from __future__ import annotations

import numpy as np

from core_model.schema.errors import InputError
from core_model.schema.question_layers import (
    BINS,
    LayerInfo,
    LayerQuestion,
    LayerSource,
    LayersQuestion,
    LayerValuesQuestion,
)

CHANNELS = 96
_PARTS: dict[str, tuple[LayerInfo, ...]] = {
    "mapping": (
        LayerInfo(name="mapping.layers.0", kind="EqualLinear", shape=(1, 128)),
        LayerInfo(name="w", kind="Styles as rendered", shape=(14, 128)),
    ),
    "backbone": (
        LayerInfo(name="backbone.blocks.2.conv0.affine", kind="EqualLinear", shape=(1, CHANNELS), group=16),
        LayerInfo(name="backbone.blocks.2.conv0", kind="StyleConv", shape=(CHANNELS, 16, 16), group=16),
        LayerInfo(
            name="planes",
            kind="Planes as read",
            shape=(3, 32, 256, 256),
            group=256,
            planes=("xy", "xz", "yz"),
        ),
    ),
    "decoder": (LayerInfo(name="sdf_mlp.fc0", kind="Linear", shape=(4096, 64), surface=True),),
    "proposal": (LayerInfo(name="proposal.trunk.0", kind="Conv2d", shape=(64, 64, 64), group=64),),
}


def _values(question: LayerSource, info: LayerInfo) -> np.ndarray:
    """[K, H, W] or [N, C]: ramps that differ by channel, larger for a larger seed."""
    seed = question.latent.seeds[0].seed
    if not info.pictures:
        row, channel = np.mgrid[0 : info.shape[0], 0 : info.shape[1]]
        return (0.01 * channel - 0.5 + 0.1 * row + seed).astype(np.float32)
    edge = 48 if info.surface else info.shape[-1]
    row, column = np.mgrid[0:edge, 0:edge] / edge - 0.5
    scale = 1.0 + (np.arange(info.channels) * 7 % 11)
    return (scale[:, None, None] * (row + column) + seed).astype(np.float32)


def _told(info: LayerInfo, values: np.ndarray) -> LayerInfo:
    return info.replace(
        mean=float(values.mean()), deviation=float(values.std()), rms=float(np.sqrt((values**2).mean())),
        low=float(values.min()), high=float(values.max()), zeros=float((values == 0).mean()),
    )  # fmt: skip


def _layer(question: LayerQuestion | LayerValuesQuestion) -> tuple[LayerInfo, np.ndarray]:
    info = next((i for i in _PARTS.get(question.part, ()) if i.name == question.layer), None)
    if info is None:
        raise InputError(what="no such layer", where=question.checkpoint, got=question.layer)
    values = _values(question, info)
    return _told(info, values), values


def blob_layers(question: LayersQuestion) -> tuple[dict[str, object], dict[str, np.ndarray]]:
    found = [_told(i, _values(question, i)).model_dump(mode="json") for i in _PARTS.get(question.part, ())]
    return {"layers": found, "note": "" if found else "This checkpoint has no such network."}, {}


def blob_layer(question: LayerQuestion) -> tuple[dict[str, object], dict[str, np.ndarray]]:
    info, values = _layer(question)
    counts, edges = np.histogram(values, BINS)
    arrays = {"counts": counts.astype(np.float32), "edges": edges.astype(np.float32)}
    about: dict[str, object] = {"layer": info.model_dump(mode="json"), "kept": len(values)}
    if not info.pictures:
        return about, arrays | {"rms": np.sqrt((values**2).mean(axis=0)), "picture": values[:512]}
    rms = np.sqrt((values**2).mean(axis=(1, 2)))
    order = np.argsort(-rms, kind="stable") if question.order == "rms" else np.arange(len(values))
    which = order[question.first : question.first + question.count]
    step = max(-(-values.shape[1] // question.cell), 1)
    channel = min(question.channel, len(values) - 1)
    cells = np.ascontiguousarray(values[which][:, ::step, ::step])
    return about | {"channel": channel}, arrays | {
        "rms": rms,
        "which": which,
        "cells": cells,
        "picture": values[channel],
    }


def blob_values(question: LayerValuesQuestion) -> tuple[dict[str, object], dict[str, np.ndarray]]:
    info, values = _layer(question)
    return {"layer": info.model_dump(mode="json"), "kept": len(values)}, {"values": values}
