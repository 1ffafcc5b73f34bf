"""The Log page: search by typing, errors in colour, whole tracebacks to copy. Draws the lines in sight."""

from __future__ import annotations

from imgui_bundle import ImVec2, imgui

from viewer.features.training.rows import bar, chooser, field, room_for
from viewer.runs.log_page import ABOUT, LogPage
from viewer.runs.reader import RunReader
from viewer.state.actions import CopyText, Dispatch
from viewer.widgets import controls
from viewer.widgets.glyphs import legible
from viewer.widgets.theme import BODY_PX, Theme


class LogDrawing:
    def __init__(self) -> None:
        self.page = LogPage()

    def draw(self, theme: Theme, dispatch: Dispatch, run: RunReader) -> None:
        em, page = theme.em, self.page
        page.update(run)
        with bar(theme):
            page.words = field(
                "##log-search", page.words, "Search", 16 * em, "Lines that hold every typed word"
            )
            options = [(name, name, ABOUT.get(name, "")) for name in page.files]
            page.file = chooser(theme, "##log-file", page.file, options, 8 * em, "Which file")
            room_for(7 * em)
            changed, on = imgui.checkbox("errors only###log-errors", page.only_errors)
            page.only_errors = on if changed else page.only_errors
            controls.tooltip("Lines that tell of an error")
            imgui.same_line()
            room_for(5 * em)
            changed, on = imgui.checkbox("follow###log-follow", page.follow)
            page.follow = on if changed else page.follow
            controls.tooltip("Keep the newest line in sight")
            imgui.same_line()
            room_for(6 * em)
            if controls.button(
                theme,
                "Copy lines###log-copy",
                tip="The lines that are listed",
                why_not="" if page.found else "No lines",
            ):
                dispatch(CopyText(page.copied(), "lines"))
            imgui.same_line()
            room_for(9 * em)
            why = "" if page.last_error else "No error in this file"
            tip = "The newest traceback whole, else the newest error line"
            if controls.button(theme, "Copy the last error###log-copy-error", tip=tip, why_not=why):
                dispatch(CopyText(page.last_error, "last error"))
            imgui.same_line()
            room_for(10 * em)
            with controls.text_colour(theme.palette.bad if page.errors else theme.palette.muted):
                imgui.align_text_to_frame_padding()
                imgui.text_unformatted(page.note())
        self._lines(theme)

    def _lines(self, theme: Theme) -> None:
        p, page = theme.palette, self.page
        imgui.push_style_color(imgui.Col_.child_bg, imgui.ImVec4(*p.panel, 1.0))
        flags = int(imgui.ChildFlags_.always_use_window_padding)
        if controls.begin_child(
            "log-lines", ImVec2(0.0, 0.0), flags, int(imgui.WindowFlags_.horizontal_scrollbar)
        ):
            with controls.font(theme.fonts.mono, BODY_PX * 0.86):
                gutter = imgui.get_cursor_pos_x() + imgui.calc_text_size("000000").x + 0.8 * theme.em
                inks = {"error": p.bad, "warn": p.warn, "": p.text}
                clipper = imgui.ListClipper()
                clipper.begin(len(page.found))
                while clipper.step():
                    for line in page.found[clipper.display_start : clipper.display_end]:
                        with controls.text_colour(p.muted):
                            imgui.text_unformatted(f"{line.number:>6}")
                        imgui.same_line(gutter)
                        with controls.text_colour(inks[line.level]):
                            imgui.text_unformatted(legible(line.text))
                clipper.end()
            wheel = imgui.get_io().mouse_wheel
            if wheel > 0 and imgui.is_window_hovered():
                page.follow = False
            if page.follow:
                imgui.set_scroll_y(imgui.get_scroll_max_y())
        imgui.end_child()
        imgui.pop_style_color()
