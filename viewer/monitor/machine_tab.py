"""Half an hour of this machine: processor, memory, disk, and each GPU's load, memory, power and temperature."""

# Dear PyGui annotates its context managers as plain tags:
# pyright: reportGeneralTypeIssues=false

from __future__ import annotations

from collections.abc import Callable

import dearpygui.dearpygui as dpg
import numpy as np

from viewer.monitor.theme import Tag, faded
from viewer.monitor.view import View
from viewer.runs.host import GpuSample, HostSample

Pick = Callable[[HostSample], float]
GB = 1e9


class MachineTab:
    def __init__(self, view: View) -> None:
        self.view = view
        self._body: Tag = 0
        self._plots: list[tuple[Tag, Tag, list[tuple[Pick, Tag, Tag]], Callable[[HostSample], float]]] = []
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
        ago = (np.array([s.time for s in history]) - history[-1].time) / 60.0
        for x, y, lines, top in self._plots:
            dpg.set_axis_limits(x, min(-1.0, float(ago[0])), 0.0)
            dpg.set_axis_limits(y, 0.0, max(1e-6, top(history[-1]) * 1.04))
            for pick, line, legend in lines:
                values = np.array([pick(s) for s in history])
                dpg.set_value(line, [ago, values])
                now = dpg.get_item_user_data(legend)
                dpg.set_value(legend, f"{now} {values[-1]:.1f}" if np.isfinite(values[-1]) else f"{now} –")

    def _rebuild(self, now: HostSample) -> None:
        dpg.delete_item(self._body, children_only=True)
        self._plots = []
        width = int(dpg.get_item_rect_size(self._body)[0] or 1200)
        each = (width - 14 - 16) // 3
        dpg.add_spacer(height=3, parent=self._body)
        with dpg.group(horizontal=True, horizontal_spacing=8, parent=self._body):
            self._plot("Processor", "%", [("all cores", lambda s: s.cpu)], lambda s: 100.0, each)
            self._plot("Memory", "GB", [("used", lambda s: s.ram_used / GB)], lambda s: s.ram_total / GB, each)
            self._plot("Disk of the run", "GB", [("used", lambda s: (s.disk_total - s.disk_free) / GB)], lambda s: s.disk_total / GB, each)
        for gpu in now.gpus:
            pick = _of(gpu.index)
            dpg.add_text(f"GPU {gpu.index}: {gpu.name}", parent=self._body, color=self.view.look.text_muted)
            with dpg.group(horizontal=True, horizontal_spacing=8, parent=self._body):
                heat = [("load %", pick("load")), ("temperature °C", pick("temperature"))]
                self._plot("Load and temperature", "", heat, lambda s: 100.0, each)
                self._plot("Memory", "GB", [("used", pick("memory_used", GB))], pick("memory_total", GB), each)
                self._plot("Power", "W", [("drawn", pick("power"))], pick("power_limit"), each)
        if not now.gpus:
            why = self.view.poller.host.why_no_gpu or "none found"
            dpg.add_spacer(height=4, parent=self._body)
            dpg.add_text(f"No GPU figures on this machine: {why}.", parent=self._body, color=self.view.look.text_muted, indent=4)

    def _plot(self, title: str, unit: str, picks: list[tuple[str, Pick]], top: Pick, width: int) -> None:
        look = self.view.look
        with dpg.child_window(width=width, height=236, border=True, no_scrollbar=True, always_use_window_padding=True) as card:
            dpg.bind_item_theme(card, look.card)
            with dpg.group(horizontal=True, horizontal_spacing=7):
                dpg.bind_item_font(dpg.add_text(title), look.faces.bold)
                dpg.bind_item_font(dpg.add_text(unit, color=look.text_muted), look.faces.small)
            row = dpg.add_group(horizontal=True, horizontal_spacing=14)
            plot = dpg.add_plot(width=-1, height=-1, no_menus=True, no_mouse_pos=True, no_title=True, no_inputs=True)
            x = dpg.add_plot_axis(dpg.mvXAxis, parent=plot, no_menus=True, label="minutes", no_highlight=True)
            y = dpg.add_plot_axis(dpg.mvYAxis, parent=plot, no_menus=True, no_highlight=True, tick_format="%g")
            lines = []
            for place, (label, pick) in enumerate(picks):
                colour = look.curves[place]
                line = dpg.add_line_series([], [], parent=y)
                dpg.bind_item_theme(line, look.series(colour, 1.6))
                legend = dpg.add_text("", parent=row, color=faded(colour, 1.0), user_data=label)
                dpg.bind_item_font(legend, look.faces.small)
                lines.append((pick, line, legend))
            dpg.bind_item_font(plot, look.faces.small)
            self._plots.append((x, y, lines, top))


def _of(index: int) -> Callable[..., Pick]:
    """Picks a figure of one GPU; nan in samples that lack it."""

    def figure(name: str, scale: float = 1.0) -> Pick:
        def pick(sample: HostSample) -> float:
            gpu: GpuSample | None = sample.gpus[index] if index < len(sample.gpus) else None
            return getattr(gpu, name) / scale if gpu is not None else float("nan")

        return pick

    return figure
