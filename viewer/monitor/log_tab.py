"""The log: search by typing, errors in colour, whole tracebacks to copy. Only the lines in sight are items."""

# Dear PyGui annotates its context managers as plain tags:
# pyright: reportGeneralTypeIssues=false

from __future__ import annotations

import dearpygui.dearpygui as dpg

from viewer.monitor.theme import Tag
from viewer.monitor.view import View
from viewer.runs.escapes import in_ranges
from viewer.runs.log import LogLine

LINE = 19
ROWS = 120


class LogTab:
    def __init__(self, view: View) -> None:
        self.view = view
        self._words = ""
        self._errors = False
        self._follow = True
        self._file = "log.txt"
        self._rows: list[tuple[Tag, Tag]] = []
        self._key: object = None
        self._found: list[LogLine] = []
        self._top = 0

    def build(self, parent: Tag) -> None:
        look = self.view.look
        with dpg.group(parent=parent):
            dpg.add_spacer(height=2)
            with dpg.group(horizontal=True, horizontal_spacing=10):
                dpg.add_input_text(hint="Search", width=260, tag="log-search", callback=self._set("_words"))
                dpg.add_checkbox(label="Errors only", tag="log-errors", callback=self._set("_errors"))
                self._follower = dpg.add_checkbox(label="Follow", default_value=True, tag="log-follow", callback=self._set("_follow"))
                self._files = dpg.add_combo([], default_value="log.txt", width=150, tag="log-file", callback=self._set("_file"))
                dpg.add_button(label="Copy lines", tag="log-copy", callback=self._copy)
                self._trace = dpg.add_button(label="Copy the last error", tag="log-copy-error", callback=self._copy_error)
                self._count = dpg.add_text("", color=look.text_muted)
            dpg.add_spacer(height=4)
            with dpg.group(horizontal=True, horizontal_spacing=4):
                with dpg.child_window(
                    width=-22, border=True, no_scrollbar=True, always_use_window_padding=True, tag="log-body"
                ) as self._body:
                    dpg.bind_item_theme(self._body, look.card)
                    for i in range(ROWS):
                        number = dpg.add_text("", pos=(10, 8 + i * LINE), color=look.text_muted)
                        text = dpg.add_text("", pos=(72, 8 + i * LINE))
                        dpg.bind_item_font(number, look.faces.mono)
                        dpg.bind_item_font(text, look.faces.mono)
                        self._rows.append((number, text))
                self._bar = dpg.add_slider_int(vertical=True, width=14, height=400, tag="log-bar", format="", callback=self._scrolled)
        with dpg.handler_registry():
            dpg.add_mouse_wheel_handler(callback=self._wheel)

    def update(self) -> None:
        """Search again where something changed, then fill the rows in sight."""
        run = self.view.run
        with run.lock:
            files = [name for name, log in run.logs.items() if log.count] or ["log.txt"]
            if self._file not in files:
                self._file = files[0]
            log = run.logs[self._file]
            key = (self.view.chosen, self._file, log.count, self._words, self._errors)
            if key != self._key:
                self._found = log.find(self._words, self._errors)
                errors, skipped = len(log.errors), log.skipped
                has_error = bool(log.last_error())
        if key != self._key:
            self._key = key
            note = f"{len(self._found):,} lines · {errors:,} errors".replace(",", " ")
            dpg.set_value(self._count, note + (f" · the first {skipped / 1e6:.0f} MB are left out" if skipped else ""))
            dpg.configure_item(self._files, items=files)
            dpg.set_value(self._files, self._file)
            dpg.configure_item(self._trace, show=has_error)
        self._fill()

    def _fill(self) -> None:
        height = int(dpg.get_item_rect_size(self._body)[1])
        room = max(1, min(ROWS, (height - 16) // LINE))
        last = max(0, len(self._found) - room)
        if self._follow:
            self._top = last
        self._top = min(max(0, self._top), last)
        dpg.configure_item(self._bar, height=max(60, height), max_value=max(1, last), show=last > 0)
        dpg.set_value(self._bar, last - self._top)
        look = self.view.look
        for i, (number, text) in enumerate(self._rows):
            at = self._top + i
            line = self._found[at] if i < room and at < len(self._found) else None
            dpg.set_value(number, f"{line.number:>6}" if line else "")
            dpg.set_value(text, in_ranges(line.text[:400]) if line else "")
            if line:
                dpg.configure_item(text, color=look.level(line.level) if line.level else look.text)

    def _wheel(self, sender: Tag, notches: float) -> None:
        if dpg.is_item_hovered(self._body):
            self._move(self._top - round(3 * notches))

    def _scrolled(self, sender: Tag, value: int) -> None:
        self._move(dpg.get_item_configuration(self._bar)["max_value"] - value)

    def _move(self, top: int) -> None:
        self._top, self._follow = top, False
        dpg.set_value(self._follower, False)

    def _copy(self) -> None:
        dpg.set_clipboard_text("\n".join(line.text for line in self._found[-20_000:]))

    def _copy_error(self) -> None:
        run = self.view.run
        with run.lock:
            dpg.set_clipboard_text(run.logs[self._file].last_error())

    def _set(self, name: str):
        return lambda sender, value: setattr(self, name, value)
