"""Ray inspector: everything that the renderer computed on the ray of the chosen pixel.

Pins to compare rays; export to files.
"""

from __future__ import annotations

import re
from pathlib import Path

from imgui_bundle import ImVec2, imgui, implot
from imgui_bundle import icons_fontawesome_6 as fa

from core_model.schema.home import expanded
from core_model.schema.inspect import RayReport
from viewer.features.ray.measure import draw_measure
from viewer.features.ray.numbers import draw_numbers, numbers_text
from viewer.features.ray.overlay import PinLayer
from viewer.features.ray.pin_plot import PinPlot
from viewer.features.ray.pins import draw_pins
from viewer.features.ray.plots import NARROW_EM, SPANS, RayPlots
from viewer.features.ray.readings import Readings, present
from viewer.state.actions import CopyText, Dispatch, PinRay, SaveRay, ShowPanel
from viewer.state.document import Document
from viewer.state.ray_marks import MAX_PINS, Key, Pin
from viewer.state.ray_queries import RayQueries
from viewer.widgets import choice_rows, controls
from viewer.widgets.feature import FEATURES, Feature
from viewer.widgets.glyphs import legible
from viewer.widgets.theme import BODY_PX, Theme

TITLE = "Ray"
_BELOW_EM, _BELOW_NARROW_EM = 16.4, 27.5
"""Height of the numbers and the files under the plots; in a narrow panel the numbers have a line each."""


class RayPanel:
    """Zoom and the folder that is being typed live here; which rays are looked at is in the document."""

    def __init__(self) -> None:
        self._plots = RayPlots()
        self._folder = str(Path.cwd())
        self.readings = Readings()
        self._pin_plot = PinPlot()

    def draw(self, doc: Document, theme: Theme, rays: RayQueries, dispatch: Dispatch) -> Document:
        if implot.get_current_context() is None:
            implot.create_context()
        self.readings.follow(doc)
        mark = doc.rays.selected
        if mark is None and doc.rays.pins:
            mark = doc.rays.pins[-1]
        if mark is None:
            controls.note(
                theme,
                "Click a pixel of the picture, or hold I over it: this panel shows what happened on its ray. "
                + theme.keyed("Shift + click pins the surface point there", "ray.pin")
                + ".",
            )
            return doc
        report, error = rays.report(mark), rays.error(mark)
        doc = self._head(doc, theme, rays, dispatch, mark, report)
        if error is not None:
            with controls.text_colour(theme.palette.bad):
                imgui.text_wrapped(legible(error.message))
            return doc
        if report is None:
            outside = isinstance(mark, Pin) and not mark.is_ray and mark.seen_at(doc.camera) is None
            controls.note(
                theme, "This point is outside of the picture now." if outside else "Asking the renderer …"
            )
            return self._pins(doc, theme, rays)
        if not report.hit_box:
            controls.note(theme, "This ray misses the box of the scene: nothing was evaluated on it.")
        else:
            self._body(theme, report, doc.rays.pins)
        return self._foot(doc, theme, rays, dispatch, mark, report)

    def _head(
        self,
        doc: Document,
        theme: Theme,
        rays: RayQueries,
        dispatch: Dispatch,
        mark: Key,
        report: RayReport | None,
    ) -> Document:
        imgui.align_text_to_frame_padding()
        with controls.font(theme.fonts.bold, BODY_PX):
            imgui.text_unformatted("Pixel" if report is None else f"Pixel {report.x}, {report.y}")
        edge = imgui.get_frame_height()
        buttons = 3 * edge + 2 * imgui.get_style().item_spacing.x
        imgui.same_line()
        if report is not None:
            stale = "view changed" if rays.is_stale(mark) else f"{report.ms:.0f} ms"
            size = f"of {report.width} × {report.height}"
            told = f"{size}   {stale}"
            room = imgui.get_content_region_avail().x - buttons - theme.em
            if imgui.calc_text_size(told).x > room:
                told = stale
            with controls.text_colour(theme.palette.muted):
                imgui.text_unformatted(told)
            controls.tooltip(f"Pixel {size}, the full picture; time that the renderer took for this ray")
            imgui.same_line()
        controls.below(imgui.get_content_region_avail().x - buttons)
        imgui.set_cursor_pos_x(
            imgui.get_cursor_pos_x() + max(imgui.get_content_region_avail().x - buttons, 0.0)
        )
        pinned = doc.rays.pin_at(doc.camera, mark) is not None
        tip = "Remove the pin" if pinned else f"Pin this point, as Shift + click does; {MAX_PINS} at most"
        tip = theme.keyed(tip, "ray.pin")
        if controls.icon_button(theme, fa.ICON_FA_THUMBTACK, "pin", tip=tip):
            dispatch(PinRay(mark))
        imgui.same_line()
        why_not = "" if report is not None else "No report yet"
        if (
            controls.icon_button(
                theme, fa.ICON_FA_COPY, "copy-ray", tip="Copy the numbers as text", why_not=why_not
            )
            and report
        ):
            dispatch(CopyText(numbers_text(report), "numbers of this ray"))
        imgui.same_line()
        if controls.icon_button(theme, fa.ICON_FA_XMARK, "close-ray", tip="Close this panel"):
            dispatch(ShowPanel(TITLE, False))
            doc = doc.replace(rays=doc.rays.replace(selected=None))
        return doc

    def _body(self, theme: Theme, report: RayReport, pins: tuple[Pin, ...]) -> None:
        em = theme.em
        narrow = imgui.get_content_region_avail().x < NARROW_EM * em
        self._plots.span = choice_rows.segmented(
            theme, "" if narrow else "Distance", "span", self._plots.span, [(key, title, _SPAN_TIPS[key]) for key, title in SPANS],
            tip="Range of the distance axis; wheel and drag zoom all plots together",
        )  # fmt: skip
        room = imgui.get_content_region_avail().y
        table = (len(pins) + 2.2) * 1.55 * em if pins else 0.0
        below = _BELOW_NARROW_EM if narrow else _BELOW_EM
        self._plots.draw(theme, report, max(room - below * em - table, 24 * em))
        with controls.font(theme.fonts.mono, BODY_PX * 0.8), controls.text_colour(theme.palette.muted):
            controls.wrapped(self._plots.readout())
        draw_numbers(theme, report)

    def _foot(
        self, doc: Document, theme: Theme, rays: RayQueries, dispatch: Dispatch, mark: Key, report: RayReport
    ) -> Document:
        doc = self._pins(doc, theme, rays)
        imgui.dummy(ImVec2(0.0, 0.15 * theme.em))
        controls.label(theme, "Export to", "Where the files go; the names hold checkpoint and pixel")
        width = imgui.get_content_region_avail().x - 3 * (3.6 * theme.em + imgui.get_style().item_spacing.x)
        beside = width >= 6 * theme.em
        imgui.set_next_item_width(width if beside else -1.0)
        self._folder = imgui.input_text("##folder", self._folder)[1]
        controls.tooltip("Folder of the files that the buttons write")
        folder = expanded(self._folder)
        why_not = "" if folder.is_dir() else "There is no such folder"
        for suffix, tip in _FILES:
            if beside or suffix != _FILES[0][0]:
                imgui.same_line()
            title = f"{suffix[1:].upper()}###export{suffix}"
            if controls.button(theme, title, tip=tip, why_not=why_not, width=3.6 * theme.em):
                dispatch(SaveRay(mark, str(free_path(folder, file_stem(report), suffix))))
        imgui.dummy(ImVec2(0.0, 0.1 * theme.em))
        return doc

    def _pins(self, doc: Document, theme: Theme, rays: RayQueries) -> Document:
        """Table and plot of the pins with the readings that were kept, and the distance of two."""
        if not doc.rays.pins:
            return doc
        controls.section(theme, f"Pins ({len(doc.rays.pins)})")
        doc = draw_pins(doc, theme, rays, self.readings)
        now = present(doc, rays)
        if controls.button(
            theme, f"{fa.ICON_FA_BOOKMARK} Keep these readings###keep-readings", why_not="" if now else "No report yet",
            tip="Keep what the pins say now, to compare it with another view, sampler, seed or checkpoint",
        ):  # fmt: skip
            self.readings.keep(doc, rays)
        if self.readings.kept:
            imgui.same_line()
            if controls.button(
                theme, "Clear###clear-readings", tip="Forget the kept readings; the pins stay"
            ):
                self.readings.clear()
        if self.readings.note:
            controls.note(theme, self.readings.note)
        if now or self.readings.kept:
            self._pin_plot.draw(theme, (*self.readings.kept, *now), 10.5 * theme.em)
        return draw_measure(doc, theme)


_SPAN_TIPS = {
    "surface": "The stretch that holds the true weights and the prediction",
    "ray": "From near to far",
    "keep": "The present zoom stays when another ray is chosen",
}
_FILES = (
    (".png", "The chart that `triscope inspect` draws"),
    (".csv", "Every value as one table: quantity, unit, t, t_end, value"),
    (".json", "The whole report with its provenance"),
)


def file_stem(report: RayReport) -> str:
    """File name of a report without suffix: checkpoint and pixel."""
    stem = re.sub(r"[^A-Za-z0-9._-]+", "-", Path(report.checkpoint).stem).strip("-.") or "ray"
    return f"ray-{stem}-x{report.x}-y{report.y}"


def free_path(folder: Path, stem: str, suffix: str) -> Path:
    """`stem` with the first number that is not taken: a file is never overwritten."""
    path, number = folder / f"{stem}{suffix}", 2
    while path.exists():
        path, number = folder / f"{stem}-{number}{suffix}", number + 1
    return path


FEATURES.add("ray", lambda: Feature(RayPanel(), PinLayer()))
