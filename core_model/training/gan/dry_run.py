"""`triscope train --dry-run`: the schedule as text and as a picture, parameters, memory, time and disk;
nothing is trained.
"""

from __future__ import annotations

import io
import time
from collections.abc import Sequence
from pathlib import Path

import torch

from core_model.ops.cores import threads_each
from core_model.report.charts import BLUE, ORANGE, Chart, Figure
from core_model.schema.atomic import why_not_written, write_atomic
from core_model.schema.curve import Curve
from core_model.schema.errors import InputError
from core_model.schema.train import TrainConfig, curve_settings
from core_model.training.common.distributed import join_ranks
from core_model.training.gan.forecast import Forecast, calibrated, forecast
from core_model.training.gan.measure import Measured, measured

BLOCKS = "▁▂▃▄▅▆▇█"
COLUMNS = 60


def dry_run(
    cfg: TrainConfig,
    device: str,
    out: Path | None,
    processes: int = 1,
    arguments: Sequence[str] | None = None,
) -> str:
    """The report as text for as many processes as torchrun started, or for `processes`; with `out`, also its
    chart as OUT/schedule.png.

    arguments: those of the training, of which a few steps are then taken to measure its time; None = it is
    estimated.
    """
    ranks = join_ranks(device)
    before = torch.get_num_threads()
    try:
        if processes > 1:
            torch.set_num_threads(threads_each(processes))
        made = forecast(cfg, ranks.device, max(ranks.world, processes))
    finally:
        torch.set_num_threads(before)
        ranks.close()
    times = Measured(
        why_not="--data says with which pictures steps can be measured" if not cfg.data.path else ""
    )
    if cfg.data.path and arguments is not None:
        order = sorted(range(len(made.stages)), key=lambda i: -made.stages[i].seconds)
        times = measured(cfg, device, made.world, arguments, order=order)
    made = calibrated(made, times, cfg)
    lines = [
        f"recipe {cfg.recipe}, preset {cfg.preset}: {cfg.images:,} images in {cfg.steps:,} steps of {cfg.batch}",
        "",
    ]
    lines += [*schedule_text(cfg), "", *stage_table(made, cfg), "", *needs(made, cfg, times)]
    if out is not None:
        try:
            out.mkdir(parents=True, exist_ok=True)
            write_atomic(out / "schedule.png", schedule_png(cfg))
        except OSError as error:
            raise InputError(
                what="cannot write the chart", where=str(out), got=why_not_written(error)
            ) from None
        lines += ["", f"chart: {out / 'schedule.png'}"]
    return "\n".join(lines)


def schedule_text(cfg: TrainConfig) -> list[str]:
    """One line per curve: its values at both ends, and a strip of it from the first to the last image."""
    lines = [f"{'schedule':<41}{'first':>7} {'':<{COLUMNS}} {'last':>7}"]
    for setting in curve_settings(cfg.recipe):
        curve: Curve = setting.value(cfg)
        values = [curve.at(cfg.images * (i + 0.5) / COLUMNS) for i in range(COLUMNS)]
        high = max(*values, 1e-12)
        strip = "".join(BLOCKS[min(7, int(8 * v / high))] if v > 0 else " " for v in values)
        label = f"{setting.shown.title} [{setting.unit}]" if setting.unit else setting.shown.title
        lines.append(f"{label:<41}{curve.at(0):>7.4g} {strip} {curve.at(cfg.images):>7.4g}")
    return lines


def stage_table(made: Forecast, cfg: TrainConfig) -> list[str]:
    """One row per stage between two bends of the schedule, with the values at its middle."""
    lines = [
        f"{'images':>21}  {'px':>4} {'R1':>5} {'B_target':>9} {'samples':>9} {'GFLOP/img':>10} {'img/s':>8} {'hours':>8} {'GiB':>6}"
    ]
    for s in made.stages:
        v = s.values
        lines.append(
            f"{_short(s.start):>9} - {_short(s.stop):>9}  {v.resolution:>4} {v.r1_gamma:>5.2g} {v.surface_target:>9.3g} {s.samples:>9} "
            f"{s.gflop:>10.3g} {s.images_s:>8.3g} {s.seconds / 3600:>8.3g} {s.memory_gib:>6.2f}"
        )
    return lines


def needs(made: Forecast, cfg: TrainConfig, times: Measured) -> list[str]:
    """Parameters, memory, time, disk."""
    parts = ", ".join(f"{name} {count:,}" for name, count in made.generator.items())
    where = f"{made.world} process{'es' if made.world > 1 else ''}, {made.device}"
    if made.measured:
        day = time.strftime("%Y-%m-%d %H:%M", time.localtime(times.at))
        how = f"measured on this machine: real steps of {made.measured} of {len(made.stages)} stages, {day}"
    else:
        how = f"estimated at {made.speed_tflops:.3g} TFLOP/s per process; within a factor of two at best"
        how += f" ({times.why_not})" if times.why_not else ""
    return [
        f"generator     {sum(made.generator.values()):,} parameters ({parts})",
        *(f"{name:<13} {count:,} parameters" for name, count in made.judges.items()),
        f"memory        about {made.memory_gib:.2f} GiB a process at its peak ({cfg.optim.precision})",
        f"time          about {_duration(made.seconds)}, {where}, {how}",
        f"disk          about {made.disk_gib:.2f} GiB ({made.snapshot_mib:.1f} MiB a checkpoint)",
    ]


def schedule_png(cfg: TrainConfig) -> bytes:
    """The curves over the images seen, stacked, one common x axis."""
    height, left, right, top = 92, 110, 1130, 118
    curves = curve_settings(cfg.recipe)
    figure = Figure(
        1180,
        top + len(curves) * (height + 44) + 40,
        f"Schedule of {cfg.preset}",
        f"{cfg.images:,} images, batch {cfg.batch}",
    )
    scale, unit = (
        (1e6, "million images")
        if cfg.images >= 2e6
        else (1e3, "thousand images")
        if cfg.images >= 2e3
        else (1.0, "images")
    )
    until = cfg.images / scale
    for row, setting in enumerate(curves):
        curve: Curve = setting.value(cfg)
        y = top + row * (height + 44)
        last = row == len(curves) - 1
        high = max(curve.top, 1e-9) * 1.1
        axis = f"{unit} seen by the discriminator" if last else ""
        chart = Chart(
            figure,
            (left, y, right, y + height),
            (0.0, until),
            (0.0, high),
            setting.shown.title,
            axis,
            setting.unit,
        )
        chart.draw_axes(y_ticks=3, x_numbers=last)
        inner = [p for p in curve.points if 0 < p[0] < cfg.images]
        points = [(0.0, curve.at(0)), *inner, (float(cfg.images), curve.at(cfg.images))]
        chart.curve(
            [x / scale for x, _ in points],
            [v for _, v in points],
            ORANGE if setting.name in ("supervise", "propose") else BLUE,
        )
    buffer = io.BytesIO()
    figure.image().save(buffer, format="PNG")
    return buffer.getvalue()


def _short(images: float) -> str:
    for unit, size in (("M", 1e6), ("k", 1e3)):
        if images >= size:
            return f"{images / size:.4g} {unit}"
    return f"{images:.4g}"


def _duration(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    if seconds < 7200:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h" if seconds < 172800 else f"{seconds / 86400:.1f} days"
