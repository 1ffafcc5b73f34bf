"""Two pictures in the viewport: wipe with a draggable divider, side by side, or their difference."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from imgui_bundle import ImVec2, imgui

from core_model.schema.channels import ChannelInfo
from core_model.schema.checkpoint import CheckpointInfo
from core_model.schema.sampler import SamplerInfo
from viewer.state.document import ChannelView, Document
from viewer.state.final_view import FINAL, RAW
from viewer.state.requests import shown_in_b
from viewer.state.second_view import SecondView, difference
from viewer.state.shown_map import ShownMap
from viewer.widgets import overlays
from viewer.widgets.shown_picture import ShownPicture, ShownRange
from viewer.widgets.theme import Theme

WHAT_TITLES = {
    "sampler": "Sampler", "samples": "Samples", "channel": "Channel", "psi": "Psi",
    "checkpoint": "Checkpoint", "reference": "Reference",
}  # fmt: skip
_HALF_GRIP_EM = 0.45


@dataclass(frozen=True)
class Squares:
    """Where the pictures lie: upper left corners of A and B (equal in a wipe) and their edge, logical pixels."""

    a: ImVec2
    b: ImVec2
    edge: float


def squares(doc: Document, corner: ImVec2, width: float, height: float, margin: float) -> Squares:
    """One centred square, or two of equal size side by side."""
    if doc.compare.mode != "side" and (doc.mesh.mode != "side" or doc.compare.mode != "off"):
        edge = max(16.0, float(int(min(width, height) - 2 * margin)))
        origin = ImVec2(round(corner.x + 0.5 * (width - edge)), round(corner.y + 0.5 * (height - edge)))
        return Squares(origin, origin, edge)
    edge = max(16.0, float(int(min(0.5 * (width - 3 * margin), height - 2 * margin))))
    top = round(corner.y + 0.5 * (height - edge))
    left = round(corner.x + 0.5 * (width - 2 * edge - margin))
    return Squares(ImVec2(left, top), ImVec2(left + edge + margin, top), edge)


def second_map(doc: Document, picture: ShownPicture, second_view: SecondView) -> ShownMap | None:
    """The map of B; None while there is no picture of it."""
    frames, channel = second_view.frames, picture.channel(shown_in_b(doc))
    if (
        channel is not None and channel.name == FINAL and FINAL not in frames.arrays
    ):  # both move in raw colours
        channel = picture.channel(RAW)
    if channel is None or channel.name not in frames.arrays:
        return None
    view = doc.view.of(channel.name, channel).replace(outline=False)
    return second_view.maps.of(frames.version, channel, view, frames.arrays, frames.result)


def second_range(doc: Document, picture: ShownPicture, shown: ShownMap, a: ShownMap) -> ShownRange:
    """Range of B's colours: A's where both show the same channel, so that equal colours mean equal values."""
    view = doc.view.of(shown.channel.name, shown.channel)
    if shown.channel.name == a.channel.name:
        return picture.shown_range(doc, a.channel)
    low, high = shown.extremes if view.auto_range else (view.low, view.high)
    return ShownRange(low, high if high > low else low + 1e-6)


class Differences:
    """Keeps the last difference map: made once for a pair of frames."""

    def __init__(self) -> None:
        self._key: tuple[object, ...] | None = None
        self._last: ShownMap | None = None
        self._number = 0

    def of(self, a: ShownMap, b: ShownMap) -> ShownMap | None:
        """|A - B| of equal channels and sizes, else None. Its version is negative, so it never equals a
        frame's.
        """
        if (
            a.channel.kind != b.channel.kind
            or a.channel.name != b.channel.name
            or a.values.shape != b.values.shape
        ):
            return None
        key = (a.version, b.version, a.channel.name)
        if key != self._key:
            self._number -= 1
            unit = {"direction": "degrees", "colour": "mean |A - B|"}.get(a.channel.kind, a.channel.unit)
            info = ChannelInfo(
                name="difference", title=f"{a.channel.title}, |A - B|", kind="scalar", unit=unit, colormap="magma", low=0.0,
                decimals=max(a.channel.decimals, 3),
            )  # fmt: skip
            values = difference(a.values, b.values, a.channel.kind).astype(np.float32)
            self._key, self._last = key, ShownMap(info, values, self._number)
        return self._last


def difference_view(shown: ShownMap) -> tuple[ChannelView, ShownRange]:
    """Colours and range of a difference map: 0 to the 99.9th percentile, so that single outliers do not
    darken the rest.
    """
    finite = shown.values[np.isfinite(shown.values)]
    high = float(np.percentile(finite, 99.9)) if finite.size else 1.0
    return ChannelView(name="difference", colormap=shown.channel.colormap), ShownRange(0.0, max(high, 1e-6))


def wipe(doc: Document, theme: Theme, where: Squares, texture_a: int, texture_b: int) -> Document:
    """A left of the divider, B right of it; the divider is dragged."""
    draw, o, edge = imgui.get_window_draw_list(), where.a, where.edge
    split = doc.compare.split
    x = round(o.x + split * edge)
    draw.add_image(imgui.ImTextureRef(texture_a), o, ImVec2(x, o.y + edge), ImVec2(0, 0), ImVec2(split, 1))
    draw.add_image(
        imgui.ImTextureRef(texture_b),
        ImVec2(x, o.y),
        ImVec2(o.x + edge, o.y + edge),
        ImVec2(split, 0),
        ImVec2(1, 1),
    )
    return _divider(doc, theme, where, x)


def _divider(doc: Document, theme: Theme, where: Squares, x: float) -> Document:
    o, edge = where.a, where.edge
    half = _HALF_GRIP_EM * theme.em
    imgui.set_cursor_screen_pos(ImVec2(x - half, o.y))
    imgui.invisible_button("##divider", ImVec2(2 * half, edge))
    hot = imgui.is_item_hovered() or imgui.is_item_active()
    if hot:
        imgui.set_mouse_cursor(imgui.MouseCursor_.resize_ew)
    draw, p = imgui.get_window_draw_list(), theme.palette
    draw.add_line(ImVec2(x, o.y), ImVec2(x, o.y + edge), theme.colour((0.0, 0.0, 0.0), 0.5), 4.0)
    draw.add_line(
        ImVec2(x, o.y),
        ImVec2(x, o.y + edge),
        theme.colour(p.accent_fill_hover if hot else (1.0, 1.0, 1.0)),
        2.0,
    )
    middle = ImVec2(x, o.y + 0.5 * edge)
    draw.add_circle_filled(
        middle, 0.75 * theme.em, theme.colour(p.accent_fill_hover if hot else p.accent_fill), 24
    )
    for side in (-1, 1):
        tip = ImVec2(x + side * 0.48 * theme.em, middle.y)
        base = x + side * 0.16 * theme.em
        corners = ImVec2(base, middle.y - 0.28 * theme.em), ImVec2(base, middle.y + 0.28 * theme.em)
        draw.add_triangle_filled(tip, *corners, theme.colour(p.on_accent))
    if imgui.is_item_active() and imgui.get_io().mouse_delta.x:
        split = (imgui.get_mouse_pos().x - o.x) / edge
        return doc.replace(compare=doc.compare.replace(split=min(max(split, 0.0), 1.0)))
    return doc


def ways_of(sampler: SamplerInfo) -> list[tuple[str, str]]:
    """(key, title) of each way to use a sampler; the key is NAME or NAME:STRATEGY."""
    if not sampler.strategies:
        return [(sampler.name, sampler.title)]
    return [(f"{sampler.name}:{s}", f"{sampler.title}, {s}") for s in sampler.strategies]


def label_b(
    doc: Document, info: CheckpointInfo | None, picture: ShownPicture, second_view: SecondView
) -> str:
    """What B is, in a few words."""
    spec = doc.compare
    ways = dict(way for s in info.samplers for way in ways_of(s)) if info else {}
    text = {
        "sampler": ways.get(spec.sampler, spec.sampler), "samples": f"{spec.spp:g} spp",
        "channel": picture.channel(spec.channel).title if picture.channel(spec.channel) else spec.channel,  # type: ignore[union-attr]
        "psi": f"psi {spec.psi:.2f}", "checkpoint": spec.checkpoint.rsplit("/", 1)[-1] or "no checkpoint",
        "reference": f"reference {second_view.accumulated():.0f} / {spec.reference_spp} spp",
    }[spec.what]  # fmt: skip
    result = second_view.frames.result
    if result is not None and spec.what in ("sampler", "samples"):
        text += f"  {result.samples_per_pixel:.1f} spp"
    return text


def labels(
    doc: Document,
    theme: Theme,
    info: CheckpointInfo | None,
    picture: ShownPicture,
    second_view: SecondView,
    drawn: ShownMap,
    where: Squares,
) -> None:
    """A and B in the lower corners of the pictures, with the distance of the two."""
    if doc.compare.mode == "off":
        return
    inset, bottom = 0.5 * theme.em, where.a.y + where.edge
    lines = [(f"B  {label_b(doc, info, picture, second_view)}", True)]
    found = second_view.apart(picture.frames) if doc.compare.what != "channel" else None
    if found is not None:
        lines.append(
            (
                f"A to B  {found.psnr:.1f} dB   worst 1 % {found.worst_1:.1f}   0.1 % {found.worst_01:.1f}",
                False,
            )
        )
    elif second_view.error is not None:
        lines.append(("failed: the message is in the banner", False))
    elif not second_view.frames.arrays:
        lines.append(
            (
                "on its way"
                if doc.compare.what != "checkpoint" or doc.compare.checkpoint
                else "choose a checkpoint",
                False,
            )
        )
    if doc.compare.mode == "difference" and second_view.frames.arrays and drawn.channel.name != "difference":
        lines.append(("B has no picture of this map: A is shown", False))
    corner = ImVec2(where.b.x + where.edge - inset, bottom - inset)
    overlays.badge(theme, corner, lines, right=True, bottom=True)
    if doc.compare.mode != "difference":
        end = where.a.x + where.edge * (doc.compare.split if doc.compare.mode == "wipe" else 1.0)
        overlays.badge(
            theme,
            ImVec2(max(end - inset, where.a.x + 2 * inset), bottom - inset),
            [("A", True)],
            right=True,
            bottom=True,
        )
