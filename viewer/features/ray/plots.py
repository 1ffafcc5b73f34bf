"""The plots of one ray over one shared distance axis.

SDF, density and transmittance, distributions, samples and colours.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import numpy as np
from imgui_bundle import ImVec2, ImVec4, imgui, implot

from core_model.schema import glossary, ray_look
from core_model.schema.inspect import RayReport
from viewer.features.ray.series import RaySeries, series_of
from viewer.state.palette import Rgb
from viewer.widgets.theme import BODY_PX, Theme

SPANS = (("surface", "Surface"), ("ray", "Whole ray"), ("keep", "Keep"))
THRESHOLD = glossary.ROBUST_THRESHOLD.title
_PLOT = (
    implot.Flags_.no_title
    | implot.Flags_.no_menus
    | implot.Flags_.no_box_select
    | implot.Flags_.no_mouse_text
)


NARROW_EM = 24.0
"""Below this width legends stand above their plots, and axes have no names."""


class RayPlots:
    """Keeps the zoom of the distance axis and the cursor; the arrays of the last report."""

    def __init__(self) -> None:
        self.span = "surface"
        self.cursor: float | None = None
        self._low, self._high = implot.BoxedValue(0.0), implot.BoxedValue(1.0)
        self._report: RayReport | None = None
        self._series: RaySeries | None = None
        self._fitted: tuple[int, str] | None = None

    @property
    def limits(self) -> tuple[float, float]:
        """Shown range of the distance axis, world units."""
        return self._low.value, self._high.value

    def draw(self, theme: Theme, report: RayReport, height: float) -> None:
        """All plots in the width of the window; linked zoom by wheel and drag, double click fits."""
        if report is not self._report or self._series is None:
            self._report, self._series = report, series_of(report)
        series = self._series
        self._fit(series)
        narrow = imgui.get_content_region_avail().x < NARROW_EM * theme.em
        rows = self._row_heights(series, height, theme.em, narrow)
        hovered: float | None = None
        with plot_style(theme):
            aligned = implot.begin_aligned_plots("##ray", True)
            for name, tall in rows:
                flags = _PLOT | implot.Flags_.no_legend if name == "samples" or narrow else _PLOT
                if narrow and name != "samples":
                    _legend(theme, _entries(name, series))
                if implot.begin_plot(f"##ray-{name}", ImVec2(-1.0, tall), int(flags)):
                    self._axes(
                        name, series, last=name == rows[-1][0], short=tall < 8 * theme.em, narrow=narrow
                    )
                    getattr(self, f"_{name}")(theme, series)
                    self._marks(theme, report)
                    if implot.is_plot_hovered():
                        hovered = float(implot.get_plot_mouse_pos().x)
                    implot.end_plot()
            if aligned:
                implot.end_aligned_plots()
        self.cursor = hovered

    def readout(self) -> str:
        """Values at the cursor, for one line of small print."""
        t, s = self.cursor, self._series
        if t is None or s is None or not s.near <= t <= s.far:
            return f"{s.near:.3f} to {s.far:.3f} world units from the camera" if s is not None else ""
        i = s.near_index(t)
        parts = [f"t {t:.4f}"]
        if s.sdf is not None and np.isfinite(s.sdf[i]):
            parts.append(f"sdf {s.sdf[i]:+.4f}")
        parts += [f"density {s.density[i]:.3g}", f"T {s.transmittance[i]:.3f}"]
        for one in s.steps:
            value = one.at(t)
            if value is not None and one.name in ("truth", "prediction"):
                parts.append(f"{'w' if one.name == 'truth' else 'p'} {value:.3g}")
        return "  ".join(parts)

    def _fit(self, series: RaySeries) -> None:
        key = (id(series), self.span)
        if self._fitted == key or (self.span == "keep" and self._fitted is not None):
            return
        self._fitted = key
        self._low.value, self._high.value = (
            series.close if self.span == "surface" else (series.near, series.far)
        )

    def _row_heights(
        self, series: RaySeries, height: float, em: float, narrow: bool
    ) -> list[tuple[str, float]]:
        samples = (len(series.rows) + 1) * 1.35 * em + 3.2 * em
        legends = 5.0 * em if narrow else 0.0
        rest = max(height - samples - legends - 3 * imgui.get_style().item_spacing.y, 14.5 * em)
        shares = [("sdf", 1.0), ("density", 1.0), ("steps", 1.7)]
        if series.sdf is None:
            shares = shares[1:]
        total = sum(share for _, share in shares)
        return [(name, rest * share / total) for name, share in shares] + [("samples", samples)]

    def _axes(self, name: str, series: RaySeries, last: bool, short: bool, narrow: bool) -> None:
        quiet = int(
            implot.AxisFlags_.no_menus | implot.AxisFlags_.no_highlight | implot.AxisFlags_.no_side_switch
        )
        x_flags = quiet if last else quiet | int(implot.AxisFlags_.no_tick_labels)
        fit = quiet | int(implot.AxisFlags_.auto_fit | implot.AxisFlags_.range_fit)
        labels = {"sdf": "SDF [w.u.]", "density": "density [1/w.u.]", "steps": "p(t) [1/w.u.]", "samples": ""}
        if short:  # the unit would run into the next plot; the readout below has it
            labels = {key: text.split(" ", 1)[0] for key, text in labels.items()}
        if narrow:
            labels = dict.fromkeys(labels, "")
        y_flags = fit if name in ("sdf", "steps", "density") else quiet | int(implot.AxisFlags_.lock)
        implot.setup_axes(
            "distance along the ray [world units]" if last and not narrow else "",
            labels[name],
            x_flags,
            y_flags,
        )
        implot.setup_axis_links(implot.ImAxis_.x1, self._low, self._high)
        implot.setup_axis_limits_constraints(implot.ImAxis_.x1, series.near, series.far)
        implot.setup_axis_zoom_constraints(
            implot.ImAxis_.x1, 1e-4 * (series.far - series.near), series.far - series.near
        )
        if name == "density":
            implot.setup_axis(
                implot.ImAxis_.y2,
                "" if narrow else "T",
                quiet
                | int(implot.AxisFlags_.opposite | implot.AxisFlags_.no_grid_lines)
                | int(implot.AxisFlags_.no_tick_labels if narrow else 0),
            )
            implot.setup_axis_limits(implot.ImAxis_.y2, 0.0, 1.06, implot.Cond_.always)
        if name == "density" and not series.density.any():
            implot.setup_axis_limits(implot.ImAxis_.y1, -0.06, 1.0, implot.Cond_.always)
        if name == "samples":
            rows = [row for row, _ in series.rows]
            titles = [
                "colour",
                *[f"{r} {len(t)}" for r, (_, t) in zip(rows[::-1], series.rows[::-1], strict=True)],
            ]
            implot.setup_axis_limits(implot.ImAxis_.y1, -0.6, len(rows) + 0.6, implot.Cond_.always)
            implot.setup_axis_ticks(implot.ImAxis_.y1, [float(i) for i in range(len(titles))], titles, False)
        else:
            implot.setup_legend(int(implot.Location_.north_east), int(implot.LegendFlags_.no_menus))

    # Contents, by name of the row

    def _sdf(self, theme: Theme, s: RaySeries) -> None:
        assert s.sdf is not None
        implot.plot_line(ray_look.TITLES["sdf"], s.t, s.sdf, _line(theme, "sdf", 2.0))
        zero = implot.Spec(
            line_color=ImVec4(*theme.palette.muted, 0.8), line_weight=1.0,
            flags=int(implot.InfLinesFlags_.horizontal) | int(implot.ItemFlags_.no_legend) | int(implot.ItemFlags_.no_fit),
        )  # fmt: skip
        implot.plot_inf_lines("##zero", np.zeros(1), zero)

    def _density(self, theme: Theme, s: RaySeries) -> None:
        implot.plot_line(ray_look.TITLES["density"], s.t, s.density, _line(theme, "density", 2.0))
        implot.set_axes(implot.ImAxis_.x1, implot.ImAxis_.y2)
        implot.plot_line(
            ray_look.TITLES["transmittance"], s.t, s.transmittance, _line(theme, "transmittance", 2.0)
        )
        implot.set_axes(implot.ImAxis_.x1, implot.ImAxis_.y1)

    def _steps(self, theme: Theme, s: RaySeries) -> None:
        for one in s.steps:
            shaded = one.name == "truth"
            spec = _line(theme, one.name, 2.2 if one.name in ("truth", "prediction") else 1.4)
            if shaded:
                spec.fill_color, spec.fill_alpha = ImVec4(*ink_of(theme, "truth"), 1.0), 0.16
                spec.flags = int(implot.StairsFlags_.shaded)
            implot.plot_stairs(one.title, one.edges, one.density, spec)
        if s.threshold is not None:
            line = implot.Spec(
                line_color=ImVec4(*ink_of(theme, "threshold"), 0.8), line_weight=1.0,
                flags=int(implot.InfLinesFlags_.horizontal) | int(implot.ItemFlags_.no_fit),
            )  # fmt: skip
            implot.plot_inf_lines(THRESHOLD, np.array([s.threshold]), line)

    def _samples(self, theme: Theme, s: RaySeries) -> None:
        draw = implot.get_plot_draw_list()
        implot.push_plot_clip_rect()
        low, high = self.limits
        for index, (name, t) in enumerate(s.rows):
            y = float(len(s.rows) - index)
            ink = theme.colour(ink_of(theme, name))
            for value in t[(t >= low) & (t <= high)]:
                top, bottom = (
                    implot.plot_to_pixels(float(value), y + 0.34),
                    implot.plot_to_pixels(float(value), y - 0.34),
                )
                draw.add_line(
                    ImVec2(round(top.x) + 0.5, top.y), ImVec2(round(top.x) + 0.5, bottom.y), ink, 1.5
                )
        edges = np.append(s.t, s.far)
        for i, colour in enumerate(s.colours):
            if np.isfinite(colour).all() and edges[i + 1] >= low and edges[i] <= high:
                a, b = (
                    implot.plot_to_pixels(float(edges[i]), 0.42),
                    implot.plot_to_pixels(float(edges[i + 1]), -0.42),
                )
                # whole pixels: neighbours would otherwise leave a seam
                box = ImVec2(float(int(a.x)), a.y), ImVec2(float(int(max(b.x, a.x + 1)) + 1), b.y)
                draw.add_rect_filled(*box, theme.colour(tuple(float(v) for v in colour)))  # type: ignore[arg-type]
        implot.pop_plot_clip_rect()

    def _marks(self, theme: Theme, report: RayReport) -> None:
        """The zero crossing, the expected depth and the cursor, through every plot."""
        marks = [
            (report.numbers.get(name), ink_of(theme, name), 1.0)
            for name in ("first zero crossing", "expected depth")
        ]
        if self.cursor is not None:
            marks.append((self.cursor, theme.palette.muted, 0.8))
        draw = implot.get_plot_draw_list()
        implot.push_plot_clip_rect()
        corner, size = implot.get_plot_pos(), implot.get_plot_size()
        for t, ink, alpha in marks:
            if t is not None:
                x = round(implot.plot_to_pixels(t, 0.0).x) + 0.5
                draw.add_line(
                    ImVec2(x, corner.y), ImVec2(x, corner.y + size.y), theme.colour(ink, alpha), 1.0
                )
        implot.pop_plot_clip_rect()


def ink_of(theme: Theme, name: str) -> Rgb:
    """Colour of a series, of a row of samples or of a marked distance in this theme."""
    red, green, blue = ray_look.ink(theme.palette.name, name)
    return red / 255.0, green / 255.0, blue / 255.0


def _entries(name: str, series: RaySeries) -> list[tuple[str, str]]:
    """(title, name of its colour) of the curves of one plot."""
    if name == "steps":
        found = [(one.title, one.name) for one in series.steps]
        return found + ([(THRESHOLD, "threshold")] if series.threshold is not None else [])
    names = ("sdf",) if name == "sdf" else ("density", "transmittance")
    return [(ray_look.TITLES[n], n) for n in names]


def _legend(theme: Theme, entries: list[tuple[str, str]]) -> None:
    """Names of the curves in a line that wraps, each after a square of its colour."""
    gap, side = 0.9 * theme.em, 0.55 * imgui.get_font_size()
    right = imgui.get_cursor_screen_pos().x + imgui.get_content_region_avail().x
    for place, (title, name) in enumerate(entries):
        width = side + 0.35 * theme.em + imgui.calc_text_size(title).x
        if place and imgui.get_item_rect_max().x + gap + width <= right:
            imgui.same_line(0.0, gap)
        corner, line = imgui.get_cursor_screen_pos(), imgui.get_text_line_height()
        low = ImVec2(corner.x, corner.y + 0.5 * (line - side))
        square = theme.colour(ink_of(theme, name))
        imgui.get_window_draw_list().add_rect_filled(low, ImVec2(low.x + side, low.y + side), square)
        imgui.dummy(ImVec2(side, line))
        imgui.same_line(0.0, 0.35 * theme.em)
        imgui.text_unformatted(title)


def _line(theme: Theme, name: str, weight: float) -> implot.Spec:
    return implot.Spec(line_color=ImVec4(*ink_of(theme, name), 1.0), line_weight=weight * theme.scale)


_COLOURS, _VARS = 8, 6


@contextlib.contextmanager
def plot_style(theme: Theme) -> Iterator[None]:
    """Colours and sizes of the plots drawn inside, in the window's style."""
    p, em, c, v = theme.palette, theme.em, implot.Col_, implot.StyleVar_
    imgui.push_font(theme.fonts.mono, BODY_PX * 0.78)
    for role, ink, alpha in (
        (c.frame_bg, p.panel, 0.0), (c.plot_bg, p.field, 0.45), (c.plot_border, p.line, 1.0), (c.axis_grid, p.muted, 0.22),
        (c.axis_text, p.muted, 1.0), (c.legend_bg, p.panel, 0.82), (c.legend_border, p.line, 0.0), (c.legend_text, p.text, 1.0),
    ):  # fmt: skip
        implot.push_style_color(role, ImVec4(*ink, alpha))
    for var, x, y in (
        (v.plot_padding, 0.1, 0.2), (v.label_padding, 0.25, 0.2), (v.legend_padding, 0.35, 0.3),
        (v.legend_inner_padding, 0.25, 0.2), (v.fit_padding, 0.0, 0.08 / em),
    ):  # fmt: skip
        implot.push_style_var(var, ImVec2(x * em, y * em))
    implot.push_style_var(v.plot_min_size, ImVec2(4 * em, 3 * em))
    try:
        yield
    finally:
        implot.pop_style_color(_COLOURS)
        implot.pop_style_var(_VARS)
        imgui.pop_font()
