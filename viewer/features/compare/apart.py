"""How far A and B are apart: PSNR of their colours, the difference in every channel, PSNR over samples."""

from __future__ import annotations

import math

import numpy as np
from imgui_bundle import ImVec2, ImVec4, imgui, implot

from core_model.schema.checkpoint import CheckpointInfo
from viewer.state.compared import ChannelApart, Compared
from viewer.state.document import Document
from viewer.state.second_view import CURVE_SPP, CurvePoint
from viewer.widgets import controls
from viewer.widgets.shown_picture import ShownPicture
from viewer.widgets.theme import BODY_PX, Theme

_CURVES = (("all", "psnr"), ("worst 1 %", "worst_1"), ("worst 0.1 %", "worst_01"))


def draw_apart(
    doc: Document,
    theme: Theme,
    picture: ShownPicture,
    compared: Compared,
    info: CheckpointInfo,
    height: float,
) -> str:
    """Numbers and the table of channels, or the curve; returns the channel to show, chosen in the table."""
    spec = doc.compare
    if spec.mode == "off":
        controls.note(theme, "Choose Wipe, Side, Error or Grid to render what this view is compared with.")
        return doc.view.channel
    if any(s.what == "channel" for s in spec.tiles[:2]):
        controls.note(theme, "Two channels of one picture have no distance.")
        return doc.view.channel
    found = compared.apart(doc, picture.frames)
    for index, (label, name) in enumerate(
        (("PSNR", "psnr"), ("worst 1 %", "worst_1"), ("0.1 %", "worst_01"))
    ):
        value = None if found is None else getattr(found, name)
        text = "-" if value is None else "equal" if math.isinf(value) else f"{value:.2f} dB"
        wide = imgui.calc_text_size(f"{label} 00.00 dB").x + theme.em
        if index:
            imgui.same_line(0.0, 0.9 * theme.em)
            if imgui.get_content_region_avail().x < wide:
                imgui.new_line()
        with controls.text_colour(theme.palette.muted):
            imgui.text_unformatted(label)
        controls.tooltip("Colour of A against B, values in [0, 1]")
        imgui.same_line(0.0, 0.4 * theme.em)
        with controls.font(theme.fonts.mono, BODY_PX * 0.95):
            imgui.text_unformatted(text)
    place = next((i for i, s in enumerate(spec.tiles[:2]) if s.what == "reference" and s.curve), None)
    if place is not None:
        _curve(theme, compared.views[place].curve, height)
        return doc.view.channel
    return _channels(doc, theme, compared.by_channel(doc, info.channels, picture.frames))


def _channels(doc: Document, theme: Theme, rows: tuple[ChannelApart, ...]) -> str:
    """A row for each channel that A and B have; a click shows it."""
    shown = doc.view.channel
    if not rows:
        controls.note(theme, "The difference by channel appears when both pictures are there.")
        return shown
    flags = int(imgui.TableFlags_.row_bg | imgui.TableFlags_.sizing_stretch_prop)
    if not imgui.begin_table("##by-channel", 3, flags):
        return shown
    for name, weight in (("channel", 1.5), ("mean", 1.0), ("high", 1.0)):
        imgui.table_setup_column(name, int(imgui.TableColumnFlags_.width_stretch), weight)
    imgui.table_next_row()
    with controls.text_colour(theme.palette.muted), controls.font(theme.fonts.body, BODY_PX * 0.86):
        for title, tip in _COLUMNS:
            imgui.table_next_column()
            imgui.text_unformatted(title)
            controls.tooltip(tip)
    for row in rows:
        imgui.table_next_row()
        imgui.table_next_column()
        here = row.channel.name == doc.view.channel
        flags = int(imgui.SelectableFlags_.span_all_columns)
        if imgui.selectable(f"###apart-{row.channel.name}", here, flags)[0]:
            shown = row.channel.name
        controls.tooltip(f"Show {row.channel.title}; its difference is drawn in the mode Error")
        imgui.same_line(0.0, 0.0)
        controls.wrapped(row.channel.title)
        with controls.font(theme.fonts.mono, BODY_PX * 0.88):
            for value in (row.mean, row.high):
                imgui.table_next_column()
                imgui.text_unformatted(f"{value:.3g} {_SHORT.get(row.unit, row.unit)}".rstrip())
    imgui.end_table()
    return shown


_COLUMNS = (
    ("|A - B|", "Click a row to show that channel"),
    ("mean", "Over the pixels that have a value in both"),
    ("99 %", "99 of 100 pixels differ by less"),
)
_SHORT = {"world units": "w.u.", "degrees": "°", "|grad f| - 1": ""}


def _curve(theme: Theme, points: tuple[CurvePoint, ...], room: float) -> None:
    """PSNR over samples per ray against the reference, for all pixels and the worst ones."""
    p = theme.palette
    if not points:
        controls.note(theme, "The curve follows the reference.")
        return
    imgui.begin_group()
    height = max(room - 2.0 * theme.em, 7 * theme.em)
    flags = (
        implot.Flags_.no_title
        | implot.Flags_.no_menus
        | implot.Flags_.no_box_select
        | implot.Flags_.no_mouse_text
    )
    with controls.font(theme.fonts.mono, BODY_PX * 0.78):
        implot.push_style_color(implot.Col_.frame_bg, ImVec4(*p.panel, 0.0))
        implot.push_style_color(implot.Col_.axis_text, ImVec4(*p.muted, 1.0))
        implot.push_style_var(implot.StyleVar_.fit_padding, ImVec2(0.04, 0.1))
        if implot.begin_plot("##psnr", ImVec2(-1.0, height), int(flags)):
            fit = int(
                implot.AxisFlags_.auto_fit | implot.AxisFlags_.no_menus | implot.AxisFlags_.no_highlight
            )
            implot.setup_axes("samples per ray", "PSNR [dB]", fit, fit)
            implot.setup_axis_scale(implot.ImAxis_.x1, implot.Scale_.log10)
            implot.setup_axis_ticks(
                implot.ImAxis_.x1, [float(n) for n in CURVE_SPP], [str(n) for n in CURVE_SPP], False
            )
            implot.setup_legend(int(implot.Location_.south_east))
            x = np.array([point.spp for point in points], dtype=np.float64)
            for (title, name), ink in zip(_CURVES, (p.accent, p.warn, p.bad), strict=True):
                y = np.array([min(getattr(point.apart, name), 100.0) for point in points], dtype=np.float64)
                spec = implot.Spec(
                    line_color=ImVec4(*ink, 1.0),
                    line_weight=2.0,
                    marker=int(implot.Marker_.circle),
                    marker_size=3.0,
                )
                implot.plot_line(title, x, y, spec)
            implot.end_plot()
        implot.pop_style_color(2)
        implot.pop_style_var()
    imgui.end_group()
