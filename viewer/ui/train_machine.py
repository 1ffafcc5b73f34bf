"""The Machine page: processor, memory, disk and GPUs of this computer over the last half hour."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from imgui_bundle import ImVec2, ImVec4, imgui, implot

from viewer.runs.host import GpuSample, HostSample, HostSampler
from viewer.ui import controls
from viewer.ui.palette import CURVES
from viewer.ui.theme import BODY_PX, Theme
from viewer.ui.train_plot import style, unstyle

GB = 1e9
Pick = Callable[[HostSample], float]
_FLAGS = int(
    implot.Flags_.no_title | implot.Flags_.no_menus | implot.Flags_.no_box_select | implot.Flags_.no_mouse_text
    | implot.Flags_.no_legend | implot.Flags_.no_inputs
)  # fmt: skip


def draw(theme: Theme, host: HostSampler) -> None:
    """Plots of everything that this machine tells about itself."""
    if implot.get_current_context() is None:
        implot.create_context()
    history = list(host.history)
    if len(history) < 2:
        controls.note(theme, "Measuring …")
        return
    now = history[-1]
    if not imgui.begin_child("machine", ImVec2(0.0, 0.0)):
        imgui.end_child()
        return
    gap = 0.5 * theme.em
    width = max(14 * theme.em, (imgui.get_content_region_avail().x - 2 * gap) / 3)
    controls.section(theme, f"Computer, {now.cores} cores, load {now.load1:.1f}")
    _row(theme, history, width, gap, (
        ("Processor", "%", [("used", lambda s: s.cpu)], lambda s: 100.0),
        ("Memory", "GB", [("used", lambda s: s.ram_used / GB)], lambda s: s.ram_total / GB),
        ("Disk", "GB", [("used", lambda s: (s.disk_total - s.disk_free) / GB)], lambda s: s.disk_total / GB),
    ))  # fmt: skip
    for gpu in now.gpus:
        controls.section(theme, f"GPU {gpu.index}: {gpu.name}")
        pick = _of(gpu.index)
        _row(theme, history, width, gap, (
            ("Load and temperature", "% and °C", [("load", pick("load")), ("temperature", pick("temperature"))], lambda s: 100.0),
            ("Memory", "GB", [("used", pick("memory_used", GB))], pick("memory_total", GB)),
            ("Power", "W", [("drawn", pick("power"))], pick("power_limit")),
        ))  # fmt: skip
    if not now.gpus:
        controls.note(theme, f"No GPU figures on this machine: {host.why_no_gpu or 'none found'}.")
    imgui.end_child()


Plot = tuple[str, str, list[tuple[str, Pick]], Pick]


def _row(theme: Theme, history: list[HostSample], width: float, gap: float, plots: tuple[Plot, ...]) -> None:
    ago = (np.array([s.time for s in history]) - history[-1].time) / 60.0
    for index, (title, unit, picks, top) in enumerate(plots):
        if index:
            imgui.same_line(0.0, gap)
        imgui.begin_group()
        _plot(theme, history, ago, title, unit, picks, top, width)
        imgui.end_group()


def _plot(
    theme: Theme, history: list[HostSample], ago: np.ndarray, title: str, unit: str, picks: list[tuple[str, Pick]], top: Pick, width: float
) -> None:
    inks = CURVES[theme.palette.name]
    with controls.font(theme.fonts.bold, BODY_PX * 0.95):
        imgui.text_unformatted(title)
    limit = top(history[-1])
    series = [(label, np.array([pick(s) for s in history])) for label, pick in picks]
    with controls.font(theme.fonts.body, theme.small()):
        for place, (label, values) in enumerate(series):
            imgui.same_line(0.0, 0.8 * theme.em)
            with controls.text_colour(inks[place]):
                shown = f"{values[-1]:.1f}" if np.isfinite(values[-1]) else "–"
                imgui.text_unformatted(f"{label} {shown}" + (f" of {limit:.0f} {unit}" if len(series) == 1 and np.isfinite(limit) else ""))
    highest = max([float(np.nanmax(v)) for _, v in series if np.isfinite(v).any()] + [limit if np.isfinite(limit) else 1.0])
    style(theme)
    if implot.begin_plot(f"##machine-{title}", ImVec2(width, 11 * theme.em), _FLAGS):
        implot.setup_axes("minutes", "", int(implot.AxisFlags_.lock), int(implot.AxisFlags_.lock))
        implot.setup_axis_limits(implot.ImAxis_.x1, min(float(ago[0]), -0.5), 0.0, implot.Cond_.always)
        implot.setup_axis_limits(implot.ImAxis_.y1, 0.0, 1.05 * highest, implot.Cond_.always)
        for place, (label, values) in enumerate(series):
            spec = implot.Spec(line_color=ImVec4(*inks[place], 1.0), line_weight=1.6 * theme.scale)
            implot.plot_line(f"##{label}", ago, values, spec)
        implot.end_plot()
    unstyle()


def _of(index: int) -> Callable[..., Pick]:
    """Picks a figure of one GPU; nan in samples that lack it."""

    def figure(name: str, scale: float = 1.0) -> Pick:
        def pick(sample: HostSample) -> float:
            gpu: GpuSample | None = sample.gpus[index] if index < len(sample.gpus) else None
            return getattr(gpu, name) / scale if gpu is not None else float("nan")

        return pick

    return figure
