"""Half an hour of this machine: processor, memory, disk, and load, memory, power and heat of each GPU."""

# Dear PyGui annotates its context managers as plain tags:
# pyright: reportGeneralTypeIssues=false

from __future__ import annotations

import dearpygui.dearpygui as dpg

from viewer.monitor.theme import Tag, faded
from viewer.monitor.view import View
from viewer.runs.host import HostSample
from viewer.runs.host_plots import COMPUTER, HostPlot, gpu_plots, minutes_ago, no_gpu_words


class MachineTab:
    def __init__(self, view: View) -> None:
        self.view = view
        self._body: Tag = 0
        self._plots: list[tuple[HostPlot, Tag, Tag, list[tuple[Tag, Tag]]]] = []
        """Plot, its axes, and (curve, legend) of each of its lines."""
        self._gpus = -1
        self._version = -1

    def build(self, parent: Tag) -> None:
        self._body = dpg.add_child_window(parent=parent, border=False, tag="machine-body")
        dpg.bind_item_theme(self._body, self.view.look.plain)

    def update(self) -> None:
        poller = self.view.poller
        if poller.version == self._version or not poller.host.history:
            return
        self._version = poller.version
        history = list(poller.host.history)
        if self._gpus != len(history[-1].gpus):
            self._gpus = len(history[-1].gpus)
            self._rebuild(history[-1])
        ago = minutes_ago(history)
        for plot, x, y, lines in self._plots:
            dpg.set_axis_limits(x, min(-1.0, float(ago[0])), 0.0)
            dpg.set_axis_limits(y, 0.0, 1.05 * plot.height(history))
            for (values, told), (line, legend) in zip(plot.told(history), lines, strict=True):
                dpg.set_value(line, [ago, values])
                dpg.set_value(legend, told)

    def _rebuild(self, now: HostSample) -> None:
        dpg.delete_item(self._body, children_only=True)
        self._plots = []
        width = int(dpg.get_item_rect_size(self._body)[0] or 1200)
        each = (width - 14 - 16) // 3
        dpg.add_spacer(height=3, parent=self._body)
        self._row(COMPUTER, each)
        for gpu in now.gpus:
            dpg.add_text(f"GPU {gpu.index}: {gpu.name}", parent=self._body, color=self.view.look.text_muted)
            self._row(gpu_plots(gpu.index), each)
        if not now.gpus:
            dpg.add_spacer(height=4, parent=self._body)
            dpg.add_text(
                no_gpu_words(self.view.poller.host),
                parent=self._body,
                color=self.view.look.text_muted,
                indent=4,
            )

    def _row(self, plots: tuple[HostPlot, ...], width: int) -> None:
        with dpg.group(horizontal=True, horizontal_spacing=8, parent=self._body):
            for plot in plots:
                self._plot(plot, width)

    def _plot(self, shown: HostPlot, width: int) -> None:
        look = self.view.look
        with dpg.child_window(
            width=width, height=236, border=True, no_scrollbar=True, always_use_window_padding=True
        ) as card:
            dpg.bind_item_theme(card, look.card)
            with dpg.group(horizontal=True, horizontal_spacing=7):
                dpg.bind_item_font(dpg.add_text(shown.title), look.faces.bold)
                dpg.bind_item_font(dpg.add_text(shown.unit, color=look.text_muted), look.faces.small)
            row = dpg.add_group(horizontal=True, horizontal_spacing=14)
            plot = dpg.add_plot(
                width=-1, height=-1, no_menus=True, no_mouse_pos=True, no_title=True, no_inputs=True
            )
            x = dpg.add_plot_axis(dpg.mvXAxis, parent=plot, no_menus=True, label="minutes", no_highlight=True)
            y = dpg.add_plot_axis(
                dpg.mvYAxis, parent=plot, no_menus=True, no_highlight=True, tick_format="%g"
            )
            lines = []
            for place in range(len(shown.lines)):
                colour = look.curves[place]
                line = dpg.add_line_series([], [], parent=y)
                dpg.bind_item_theme(line, look.series(colour, 1.6))
                legend = dpg.add_text("", parent=row, color=faded(colour, 1.0))
                dpg.bind_item_font(legend, look.faces.small)
                lines.append((line, legend))
            dpg.bind_item_font(plot, look.faces.small)
            self._plots.append((shown, x, y, lines))
