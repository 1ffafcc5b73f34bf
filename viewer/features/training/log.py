"""The Log page: search by typing, errors in colour, whole tracebacks to copy. Only the lines in sight are drawn."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from imgui_bundle import ImVec2, imgui

from viewer.runs.log import LogLine
from viewer.runs.reader import RunReader
from viewer.widgets import controls
from viewer.state.actions import CopyText
from viewer.widgets.context import PanelContext
from viewer.widgets.glyphs import legible
from viewer.widgets.theme import BODY_PX
from viewer.features.training.rows import bar, chooser, room_for
from viewer.features.training.rows import field as text_field

MOST_COPIED = 20_000


@dataclass
class LogPage:
    words: str = ""
    only_errors: bool = False
    follow: bool = True
    file: str = "log.txt"
    found: list[LogLine] = field(default_factory=list, repr=False)
    _key: object = None
    _was: Path | None = None

    def draw(self, ctx: PanelContext, run: RunReader) -> None:
        theme, em = ctx.theme, ctx.theme.em
        with run.lock:
            files = [name for name, log in run.logs.items() if log.count] or ["log.txt"]
            if self.file not in files or run.path != self._was:
                self.file = _most_telling(run, files)
                self._was = run.path
            log = run.logs[self.file]
            key = (run.path, self.file, log.count, self.words, self.only_errors)
            if key != self._key:
                self._key, self.found = key, log.find(self.words, self.only_errors)
            errors, skipped, last_error = len(log.errors), log.skipped, log.last_error()
        with bar(theme):
            self.words = text_field(theme, "##log-search", self.words, "Search", 16 * em, "Lines that hold every typed word")
            about = {"console.txt": "What the command printed", "log.txt": "What the trainer wrote down"}
            options = [(name, name, about.get(name, "")) for name in files]
            self.file = chooser(theme, "##log-file", self.file, options, 8 * em, "Which file")
            room_for(7 * em)
            changed, on = imgui.checkbox("errors only###log-errors", self.only_errors)
            self.only_errors = on if changed else self.only_errors
            controls.tooltip("Lines that tell of an error")
            imgui.same_line()
            room_for(5 * em)
            changed, on = imgui.checkbox("follow###log-follow", self.follow)
            self.follow = on if changed else self.follow
            controls.tooltip("Keep the newest line in sight")
            imgui.same_line()
            room_for(6 * em)
            if controls.button(theme, "Copy lines###log-copy", tip="The lines that are listed", why_not="" if self.found else "No lines"):
                ctx.emit(CopyText("\n".join(line.text for line in self.found[-MOST_COPIED:]), "lines"))
            imgui.same_line()
            room_for(9 * em)
            why = "" if last_error else "No error in this file"
            tip = "The newest traceback whole, else the newest error line"
            if controls.button(theme, "Copy the last error###log-copy-error", tip=tip, why_not=why):
                ctx.emit(CopyText(last_error, "last error"))
            imgui.same_line()
            room_for(10 * em)
            note = f"{len(self.found)} lines, {errors} errors"
            with controls.text_colour(theme.palette.bad if errors else theme.palette.muted):
                imgui.align_text_to_frame_padding()
                imgui.text_unformatted(note + (f", the first {skipped / 1e6:.0f} MB left out" if skipped else ""))
        self._lines(ctx)

    def _lines(self, ctx: PanelContext) -> None:
        theme, p = ctx.theme, ctx.theme.palette
        imgui.push_style_color(imgui.Col_.child_bg, imgui.ImVec4(*p.panel, 1.0))
        flags = int(imgui.ChildFlags_.always_use_window_padding)
        if imgui.begin_child("log-lines", ImVec2(0.0, 0.0), flags, int(imgui.WindowFlags_.horizontal_scrollbar)):
            with controls.font(theme.fonts.mono, BODY_PX * 0.86):
                gutter = imgui.get_cursor_pos_x() + imgui.calc_text_size("000000").x + 0.8 * theme.em
                inks = {"error": p.bad, "warn": p.warn, "": p.text}
                clipper = imgui.ListClipper()
                clipper.begin(len(self.found))
                while clipper.step():
                    for line in self.found[clipper.display_start : clipper.display_end]:
                        with controls.text_colour(p.muted):
                            imgui.text_unformatted(f"{line.number:>6}")
                        imgui.same_line(gutter)
                        with controls.text_colour(inks[line.level]):
                            imgui.text_unformatted(legible(line.text))
                clipper.end()
            wheel = imgui.get_io().mouse_wheel
            if wheel > 0 and imgui.is_window_hovered():
                self.follow = False
            if self.follow:
                imgui.set_scroll_y(imgui.get_scroll_max_y())
        imgui.end_child()
        imgui.pop_style_color()


def _most_telling(run: RunReader, files: list[str]) -> str:
    """Of a failed run the file that holds its error, else the trainer's own log."""
    if run.state in ("failed", "lost"):
        for name in files:
            if run.logs[name].tracebacks or run.logs[name].last_error():
                return name
    return files[0]
