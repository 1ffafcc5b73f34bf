"""Which layer of the networks is looked at, and how its pictures are shown. Pure."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from core_model.schema.frozen import Frozen
from core_model.schema.question_layers import LayerInfo, LayerPart

LayerOrder = Literal["index", "rms"]
LayerRange = Literal["layer", "channel", "symmetric", "fixed"]
COLORMAP = "viridis"
PART_TITLES: dict[LayerPart, str] = {
    "mapping": "Mapping",
    "backbone": "Backbone",
    "decoder": "Decoder",
    "background": "Background",
    "proposal": "Proposal network",
    "superres": "Super-resolution",
}


class LayerView(Frozen):
    """part, layer: the chosen one. channel: of the large picture. order: of the small ones.

    range: of the colours: of the whole layer, each channel's own, the same on both sides of 0, or low … high.
    """

    part: LayerPart = "backbone"
    layer: str = Field(default="planes", max_length=512)
    channel: int = Field(default=0, ge=0)
    order: LayerOrder = "index"
    range: LayerRange = "layer"
    low: float = Field(default=-1.0, allow_inf_nan=False)
    high: float = Field(default=1.0, allow_inf_nan=False)
    colormap: str = COLORMAP


def colour_range(view: LayerView, info: LayerInfo, own: tuple[float, float]) -> tuple[float, float]:
    """Values of the first and the last colour. own: extremes of the channel that is drawn."""
    low, high = info.low if info.low is not None else 0.0, info.high if info.high is not None else 0.0
    if view.range == "channel":
        low, high = own
    elif view.range == "symmetric":
        high = max(abs(low), abs(high))
        low = -high
    elif view.range == "fixed":
        low, high = view.low, view.high
    return low, high if high > low else low + 1e-6


class Group(Frozen):
    """Layers that are listed together. key: unique; title: "Backbone 32²"."""

    key: str
    title: str
    part: LayerPart
    layers: tuple[LayerInfo, ...]


def grouped(part: LayerPart, layers: tuple[LayerInfo, ...]) -> tuple[Group, ...]:
    """The layers of a part by the edge of their pictures, in the order in which they come."""
    found: dict[int, list[LayerInfo]] = {}
    for layer in layers:
        found.setdefault(layer.group, []).append(layer)
    return tuple(
        Group(
            key=f"{part}-{edge}",
            title=f"{PART_TITLES[part]} {edge}²" if edge else PART_TITLES[part],
            part=part,
            layers=tuple(inside),
        )
        for edge, inside in found.items()
    )


def matching(layers: tuple[LayerInfo, ...], words: str) -> tuple[LayerInfo, ...]:
    """Layers whose name or class holds every typed word."""
    wanted = words.lower().split()
    return tuple(i for i in layers if all(w in f"{i.name} {i.kind}".lower() for w in wanted))


def shape_text(info: LayerInfo) -> str:
    """ "32 × 64²", "3 × 32 × 256²", "14 × 512"."""
    shape = info.shape
    if len(shape) > 2 and shape[-1] == shape[-2]:
        return " × ".join([*map(str, shape[:-2]), f"{shape[-1]}²"])
    return " × ".join(map(str, shape))


def number_text(value: float | None) -> str:
    """A statistic in at most six letters; "–" for none."""
    if value is None:
        return "–"
    size = abs(value)
    if size == 0.0 or 0.001 <= size < 999.5:
        return f"{value:.3g}"
    return f"{value:.0e}".replace("e-0", "e-").replace("e+0", "e")
