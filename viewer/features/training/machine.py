"""The Machine page: processor, memory, disk and GPUs of this computer over the last half hour."""

from __future__ import annotations

import numpy as np
from imgui_bundle import ImVec2, ImVec4, imgui, implot

from viewer.features.training.plot import style, unstyle
from viewer.runs.host import HostSample, HostSampler
from viewer.runs.host_plots import COMPUTER, HostPlot, gpu_plots, minutes_ago, no_gpu_words
from viewer.state.palette import CURVES
from viewer.widgets import controls
from viewer.widgets.theme import BODY_PX, Theme

_FLAGS = int(
    implot.Flags_.no_title | implot.Flags_.no_menus | implot.Flags_.no_box_select | implot.Flags_.no_mouse_text
    | implot.Flags_.no_legend | implot.Flags_.no_inputs
)  # fmt: skip


HEAD_EM, LEAST_EM, MOST_EM = 6.0, 11.0, 22.0
"""Titles above a row of plots, and the heights that a plot may have."""


def draw(theme: Theme, host: HostSampler) -> None:
    """Plots of everything that this machine tells about itself."""
    if implot.get_current_context() is None:
        implot.create_context()
    history = list(host.history)
    if len(history) < 2:
        controls.note(theme, "Measuring …")
        return
    now = history[-1]
    if not controls.begin_child("machine", ImVec2(0.0, 0.0)):
        imgui.end_child()
        return
    gap = 0.5 * theme.em
    room = imgui.get_content_region_avail()
    width = max(14 * theme.em, (room.x - 2 * gap) / 3)
    high = min(
        max(room.y / (1 + len(now.gpus)) - HEAD_EM * theme.em, LEAST_EM * theme.em), MOST_EM * theme.em
    )
    controls.section(theme, f"Computer, {now.cores} cores, load {now.load1:.1f}")
    _row(theme, history, ImVec2(width, high), gap, COMPUTER)
    for gpu in now.gpus:
        controls.section(theme, f"GPU {gpu.index}: {gpu.name}")
        imgui.push_id(gpu.index)
        _row(theme, history, ImVec2(width, high), gap, gpu_plots(gpu.index))
        imgui.pop_id()
    if not now.gpus:
        controls.note(theme, no_gpu_words(host))
    imgui.end_child()


def _row(
    theme: Theme, history: list[HostSample], size: ImVec2, gap: float, plots: tuple[HostPlot, ...]
) -> None:
    ago = minutes_ago(history)
    for index, plot in enumerate(plots):
        if index:
            imgui.same_line(0.0, gap)
        imgui.begin_group()
        _plot(theme, history, ago, plot, size)
        imgui.end_group()


def _plot(theme: Theme, history: list[HostSample], ago: np.ndarray, plot: HostPlot, size: ImVec2) -> None:
    inks = CURVES[theme.palette.name]
    with controls.font(theme.fonts.bold, BODY_PX * 0.95):
        imgui.text_unformatted(plot.title)
    series = plot.told(history)
    with controls.font(theme.fonts.body, theme.small()):
        for place, (_, told) in enumerate(series):
            imgui.same_line(0.0, 0.8 * theme.em)
            with controls.text_colour(inks[place]):
                imgui.text_unformatted(told)
    style(theme)
    if implot.begin_plot(f"##machine-{plot.title}", size, _FLAGS):
        implot.setup_axes("minutes", "", int(implot.AxisFlags_.lock), int(implot.AxisFlags_.lock))
        implot.setup_axis_limits(implot.ImAxis_.x1, min(float(ago[0]), -0.5), 0.0, implot.Cond_.always)
        implot.setup_axis_limits(implot.ImAxis_.y1, 0.0, 1.05 * plot.height(history), implot.Cond_.always)
        for place, (values, _) in enumerate(series):
            spec = implot.Spec(line_color=ImVec4(*inks[place], 1.0), line_weight=1.6 * theme.scale)
            implot.plot_line(f"##{place}", ago, values, spec)
        implot.end_plot()
    unstyle()
