"""What every part of the monitor draws with: look, runs, selection, readout beside the cursor."""

# Dear PyGui annotates its context managers as plain tags:
# pyright: reportGeneralTypeIssues=false

from __future__ import annotations

from dataclasses import dataclass

import dearpygui.dearpygui as dpg

from viewer.monitor.theme import Look, Rgba, rgba
from viewer.runs.poller import Poller
from viewer.runs.reader import RunReader
from viewer.runs.selection import Selection

AWAY = 16


class Readout:
    """Values under the cursor (a plot cannot hold a tooltip in Dear PyGui).

    `say` during a frame shows it; a frame without hides it (`end_frame`).
    """

    def __init__(self, look: Look) -> None:
        with dpg.window(
            show=False,
            no_title_bar=True,
            no_resize=True,
            no_move=True,
            no_focus_on_appearing=True,
            no_bring_to_front_on_focus=False,
            autosize=True,
            no_scrollbar=True,
            min_size=(10, 10),
            no_saved_settings=True,
        ) as self._window:
            self._text = dpg.add_text("")
        dpg.bind_item_font(self._text, look.faces.mono)
        with dpg.theme() as theme, dpg.theme_component(dpg.mvAll):
            dpg.add_theme_style(dpg.mvStyleVar_WindowPadding, 10, 8)
            dpg.add_theme_style(dpg.mvStyleVar_WindowBorderSize, 1)
            dpg.add_theme_style(dpg.mvStyleVar_WindowRounding, 6)
            dpg.add_theme_color(dpg.mvThemeCol_WindowBg, rgba(look.palette.raised, 0.97))
            dpg.add_theme_color(dpg.mvThemeCol_Border, rgba(look.palette.faint, 0.6))
        dpg.bind_item_theme(self._window, theme)
        self._said = False

    def say(self, text: str) -> None:
        dpg.set_value(self._text, text)
        width, height = dpg.get_item_rect_size(self._window)
        x, y = dpg.get_mouse_pos(local=False)
        right, bottom = dpg.get_viewport_client_width(), dpg.get_viewport_client_height()
        left = x + AWAY if x + AWAY + width < right else x - AWAY - width
        top = y + AWAY if y + AWAY + height < bottom else y - AWAY - height
        dpg.configure_item(self._window, show=True, pos=(max(0, int(left)), max(0, int(top))))
        self._said = True

    def end_frame(self) -> None:
        if not self._said and dpg.is_item_shown(self._window):
            dpg.configure_item(self._window, show=False)
        self._said = False


@dataclass(frozen=True)
class View:
    """All of `poller`'s runs are followed; those ticked in `selection` are shown, in the poller's order.

    worker: the command that leads to the machine with the runs; "" = they are here.
    """

    look: Look
    poller: Poller
    readout: Readout
    selection: Selection
    worker: str = ""

    @property
    def shown(self) -> list[RunReader]:
        return [run for run in self.poller.runs if run.path in self.selection.ticked]

    @property
    def run(self) -> RunReader:
        """The chosen run."""
        return self.poller.of(self.selection.chosen) or self.poller.runs[0]

    def colour(self, run: RunReader) -> Rgba:
        return self.look.curves[self.selection.colour_of(run.path) % len(self.look.curves)]
