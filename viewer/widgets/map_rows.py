"""Rows that decide how a slice is coloured (colour map, range, iso-lines), kept as a channel view of the
document.
"""

from __future__ import annotations

from imgui_bundle import ImVec2, imgui

from core_model.schema.channels import ChannelInfo
from core_model.schema.colormaps import colormaps
from viewer.state.document import ChannelView, Document
from viewer.state.section import Quantity
from viewer.widgets import choice_rows, color_bar, controls, number_rows
from viewer.widgets.shown_picture import ShownRange, iso_step_of
from viewer.widgets.theme import Theme


def view_of(doc: Document, quantity: Quantity) -> ChannelView:
    """Display settings of a slice's quantity: the user's, else its own colour map, range and iso-lines."""
    for view in doc.view.channel_views:
        if view.name == quantity.info.name:
            return view
    return ChannelView.defaults_of(quantity.info).replace(iso=quantity.iso)


def colour_rows(doc: Document, theme: Theme, quantity: Quantity, span: ShownRange) -> Document:
    """Colours, invert, range, iso-lines; span: the range that is shown now."""
    info = quantity.info
    view = view_of(doc, quantity)
    fresh = view.replace(
        colormap=map_combo(
            theme,
            "##section-colours",
            view.colormap,
            "Colour map of the slice; the field is not evaluated again",
        ),
        invert=choice_rows.toggle(
            theme, "Invert", "##section-invert", view.invert, tip="Turn the colour map round"
        ),
    )
    fresh = _range(theme, quantity, fresh, span)
    fresh = _lines(theme, info, fresh, span)
    return doc if fresh == view else doc.replace(view=doc.view.with_channel_view(fresh))


def map_combo(theme: Theme, key: str, value: str, tip: str) -> str:
    """A drop-down of colour maps whose entries show their gradient."""
    maps = colormaps()
    controls.label(theme, "Colours", tip)
    if not choice_rows.begin_combo(theme, key, maps[value].title if value in maps else value):
        controls.tooltip(tip)
        return value
    em = theme.em
    for name, entry in maps.items():
        corner, width = imgui.get_cursor_screen_pos(), imgui.get_content_region_avail().x
        if imgui.selectable(f"{entry.title}###{name}", name == value)[0]:
            value = name
        controls.tooltip(f"{entry.kind}; {entry.origin}")
        left = ImVec2(corner.x + max(5.5 * em, 0.45 * width), corner.y + 0.12 * em)
        color_bar.gradient(
            theme, left, ImVec2(corner.x + width, corner.y + 0.95 * em), name, invert=False, vertical=False
        )
    imgui.end_combo()
    return value


def _range(theme: Theme, quantity: Quantity, view: ChannelView, span: ShownRange) -> ChannelView:
    middle = "" if quantity.centre is None else f", the same on both sides of {quantity.centre:g}"
    options = (
        (True, "Auto", f"Smallest and largest value of each slice{middle}"),
        (False, "Fixed", "Two numbers that stay while the plane moves"),
    )
    auto = choice_rows.segmented(
        theme, "Range", "section-range", view.auto_range, options, tip="Values that the colours span"
    )
    if auto != view.auto_range:
        view = view.replace(auto_range=auto, low=span.low, high=span.high)
    why_not = "The range follows the slice; choose Fixed to set it" if auto else ""
    ends = []
    for text, value, which in (("Low", span.low, "first"), ("High", span.high, "last")):
        ends.append(
            number_rows.drag_float(
                theme,
                text,
                f"##section-{text.lower()}",
                value,
                speed=max(span.high - span.low, 1e-6) / 300,
                low=-1e6,
                high=1e6,
                fmt=f"%.{quantity.info.decimals}f {quantity.info.unit}".rstrip(),
                tip=f"Value of the {which} colour, {quantity.info.unit or 'no unit'}",
                why_not=why_not,
            )  # fmt: skip
        )
    if not auto and (ends[0], ends[1]) != (span.low, span.high):
        view = view.replace(low=ends[0], high=ends[1])
    return view


def _lines(theme: Theme, info: ChannelInfo, view: ChannelView, span: ShownRange) -> ChannelView:
    tip = "Lines of equal value over the slice; the line of 0 is thick"
    iso = choice_rows.toggle(theme, "Iso-lines", "##section-iso", view.iso, tip=tip)
    if iso != view.iso:
        view = view.replace(iso=iso, iso_step=None)
    why_not = "" if iso else "Iso-lines are off"
    step = iso_step_of(view.replace(iso=True), span)
    typed = number_rows.drag_float(
        theme, "Step", "##section-step", step, speed=max(step, 1e-6) / 100, low=1e-6, high=1e6,
        fmt=f"%.{info.decimals + 1}f {info.unit}".rstrip(),
        tip=f"From line to line, {info.unit or 'no unit'}; follows the range until it is set", why_not=why_not,
    )  # fmt: skip
    return view.replace(iso_step=typed) if typed != step and typed > 0 else view
