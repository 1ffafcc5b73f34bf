"""The log: search while typing, errors in colour, whole tracebacks to copy. Only visible lines are items."""

# Dear PyGui annotates its context managers as plain tags:
# pyright: reportGeneralTypeIssues=false

from __future__ import annotations

import dearpygui.dearpygui as dpg

from viewer.monitor.theme import Tag
from viewer.monitor.view import View
from viewer.runs.format import in_ranges
from viewer.runs.log_page import LogPage

LINE = 19
ROWS = 120


class LogTab:
    def __init__(self, view: View) -> None:
        self.view = view
        self.page = LogPage()
        self._rows: list[tuple[Tag, Tag]] = []
        self._top = 0

    def build(self, parent: Tag) -> None:
        look = self.view.look
        with dpg.group(parent=parent):
            dpg.add_spacer(height=2)
            with dpg.group(horizontal=True, horizontal_spacing=10):
                dpg.add_input_text(hint="Search", width=260, tag="log-search", callback=self._set("words"))
                dpg.add_checkbox(label="Errors only", tag="log-errors", callback=self._set("only_errors"))
                self._follower = dpg.add_checkbox(
                    label="Follow", default_value=True, tag="log-follow", callback=self._set("follow")
                )
                self._files = dpg.add_combo(
                    [], default_value="log.txt", width=150, tag="log-file", callback=self._set("file")
                )
                dpg.add_button(label="Copy lines", tag="log-copy", callback=self._copy)
                self._trace = dpg.add_button(
                    label="Copy the last error", tag="log-copy-error", callback=self._copy_error
                )
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
                self._bar = dpg.add_slider_int(
                    vertical=True, width=14, height=400, tag="log-bar", format="", callback=self._scrolled
                )
        with dpg.handler_registry():
            dpg.add_mouse_wheel_handler(callback=self._wheel)

    def update(self) -> None:
        """Search again where something changed, then fill the visible rows."""
        page = self.page
        if page.update(self.view.run):
            dpg.set_value(self._count, page.note())
            dpg.configure_item(self._files, items=page.files)
            dpg.set_value(self._files, page.file)
            dpg.configure_item(self._trace, show=bool(page.last_error))
        self._fill()

    def _fill(self) -> None:
        height = int(dpg.get_item_rect_size(self._body)[1])
        room = max(1, min(ROWS, (height - 16) // LINE))
        last = max(0, len(self.page.found) - room)
        if self.page.follow:
            self._top = last
        self._top = min(max(0, self._top), last)
        dpg.configure_item(self._bar, height=max(60, height), max_value=max(1, last), show=last > 0)
        dpg.set_value(self._bar, last - self._top)
        look = self.view.look
        for i, (number, text) in enumerate(self._rows):
            at = self._top + i
            line = self.page.found[at] if i < room and at < len(self.page.found) else None
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
        self._top, self.page.follow = top, False
        dpg.set_value(self._follower, False)

    def _copy(self) -> None:
        dpg.set_clipboard_text(self.page.copied())

    def _copy_error(self) -> None:
        dpg.set_clipboard_text(self.page.last_error)

    def _set(self, name: str):
        return lambda sender, value: setattr(self.page, name, value)
