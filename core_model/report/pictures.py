"""Figs. A5 and A7 of the sampler report: pictures and error maps, with the hardest place enlarged."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image

from core_model.report.charts import INK, SOFT, nice_ticks
from core_model.report.measure import l2_error
from core_model.report.records import COUNTS, STRATEGIES, SamplerReport, Score
from core_model.report.sheet import (
    ERROR_MAP,
    Sheet,
    detail_box,
    error_image,
    rgb_image,
    to_image,
    with_detail,
)

TILE, GAP, MARGIN = 256, 16, 24
INSET = 84
BIG, BIG_GAP, BIG_INSET = 512, 16, 168
CHOSEN = np.array([1.0, 0.23, 0.36])
_EXPLAINED = {
    "unstratified": "independent quantiles of the prediction",
    "stratified": "one quantile of the prediction in each of n equal strata",
    "robust": "equal shares for the bins that hold 98 % of the prediction, spread evenly inside each",
}


@dataclass(frozen=True)
class Shot:
    """A rendered picture [3, H, W] and its score."""

    rgb: np.ndarray
    score: Score


def a5_figure(report: SamplerReport, reference: np.ndarray, grid: dict[str, list[Shot]]) -> Image.Image:
    """Three strategies × six budgets: picture and L2-error map, all maps on one scale."""
    box = detail_box(report.pixel.x, report.pixel.y, report.width, report.height)
    errors = {name: [l2_error(shot.rgb, reference) for shot in row] for name, row in grid.items()}
    high = _scale(errors)
    width = 2 * MARGIN + len(COUNTS) * TILE + (len(COUNTS) - 1) * GAP
    block = 46 + 2 * TILE + 4 + 44
    head = 78 + TILE + 34
    subtitle = (
        f"{report.view}  ·  {report.width} × {report.height}  ·  "
        "learned sampler, the same number of samples for every ray"
    )
    sheet = Sheet(
        width,
        head + block * len(STRATEGIES) + 8,
        title="A5  Three sampling strategies at few samples",
        subtitle=subtitle,
    )
    _a5_head(sheet, report, reference, box, high)
    for row, name in enumerate(STRATEGIES):
        top = head + row * block
        w = sheet.text((MARGIN, top + 22), name.capitalize(), size=17, bold=True, anchor="ls")
        sheet.text((MARGIN + w + 14, top + 22), _EXPLAINED[name], size=14, color=SOFT, anchor="ls")
        for column, shot in enumerate(grid[name]):
            left, under = MARGIN + column * (TILE + GAP), top + 32
            sheet.tile(with_detail(rgb_image(shot.rgb), box, TILE, INSET, outline=column == 0), (left, under))
            picture = error_image(errors[name][column], high)
            sheet.tile(with_detail(picture, box, TILE, INSET, outline=False), (left, under + TILE + 4))
            foot = under + 2 * TILE + 4 + 8
            sheet.text((left, foot), f"{COUNTS[column]} samples", size=14, bold=True)
            psnr = shot.score.psnr
            sheet.text(
                (left + TILE, foot),
                f"{psnr.all:.1f} dB   worst 1 % {psnr.worst_1:.1f}",
                size=12,
                color=INK,
                anchor="ra",
            )
    return sheet.image()


def _a5_head(
    sheet: Sheet, report: SamplerReport, reference: np.ndarray, box: tuple[int, int, int, int], high: float
) -> None:
    """Reference, its detail, the legend of the error maps."""
    top = 78
    sheet.tile(with_detail(rgb_image(reference), box, TILE, INSET, outline=True), (MARGIN, top))
    left = MARGIN + TILE + 28
    sheet.text((left, top + 2), "Reference: two-pass importance, 192 + 192 samples", size=16, bold=True)
    lines = (
        f"The framed detail lies about pixel ({report.pixel.x}, {report.pixel.y}): {report.pixel.how}.",
        f"Its probe took {report.probe_per_pixel:.3g} samples per pixel beside those that are counted here.",
        "Under each pair: PSNR over all pixels, and over the 1 % with the largest squared error, dB.",
    )
    for i, line in enumerate(lines):
        sheet.text((left, top + 32 + 22 * i), line, size=14, color=SOFT)
    bar = (left, top + 176, left + 560, top + 198)
    title = "L2 error: distance of two sRGB colours, each channel in [0, 1]"
    sheet.color_bar(bar, ERROR_MAP, high, title, nice_ticks(0.0, high, 5))


def _scale(errors: dict[str, list[np.ndarray]]) -> float:
    """One end of scale for all error maps: the 99.5th percentile of the pictures at 8 samples, rounded up."""
    at = COUNTS.index(8)
    value = max(0.02, *(float(np.percentile(row[at], 99.5)) for row in errors.values()))
    steps = (0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.8, 1.0, 1.75)
    return next((s for s in steps if s >= value), steps[-1])


def a7_figure(
    report: SamplerReport,
    reference: np.ndarray,
    flat: Shot,
    adaptive: Shot,
    hard: np.ndarray,
    rest: list[Shot],
) -> Image.Image:
    """2 × 3 pictures: flat and adaptive budget, the chosen pixels, two-pass importance 10, 22, 384."""
    box = detail_box(report.pixel.x, report.pixel.y, report.width, report.height)
    cell = BIG + 66
    subtitle = (
        f"{report.view}  ·  {report.width} × {report.height}  ·  "
        f"probe of the learned sampler: {report.probe_per_pixel:.3g} samples per pixel more"
    )
    sheet = Sheet(
        2 * MARGIN + 3 * BIG + 2 * BIG_GAP,
        84 + 2 * cell,
        title="A7  Adaptive sample budget",
        subtitle=subtitle,
    )
    share = report.adaptive_pixels / hard.size
    chosen_text = f"{report.adaptive_pixels} pixels ({100 * share:.3g} %), largest leftover mass first"
    # (picture, title, line below) row by row; the chosen pixels and the reference have no score of their own
    cells: list[tuple[Image.Image, str, str]] = [
        (rgb_image(flat.rgb), flat.score.title, _scores(flat.score)),
        (rgb_image(adaptive.rgb), adaptive.score.title, _scores(adaptive.score)),
        (_chosen(reference, hard), "The pixels with 19 samples", chosen_text),
        *((rgb_image(s.rgb), s.score.title, _scores(s.score)) for s in rest),
        (rgb_image(reference), "Two-pass importance, 384 samples", "the reference of every PSNR here"),
    ]
    for i, (picture, title, text) in enumerate(cells):
        left, top = MARGIN + (i % 3) * (BIG + BIG_GAP), 80 + (i // 3) * cell
        inset = 0 if i == 2 else BIG_INSET
        sheet.tile(with_detail(picture, box, BIG, inset, outline=True), (left, top))
        sheet.text((left, top + BIG + 8), title, size=15, bold=True)
        sheet.text((left, top + BIG + 31), text, size=14, color=SOFT)
    return sheet.image()


def _scores(score: Score) -> str:
    p = score.psnr
    head = f"PSNR {p.all:.1f} dB   foreground {p.foreground:.1f}"
    return f"{head}   worst 1 % {p.worst_1:.1f}   worst 0.1 % {p.worst_01:.1f}"


def _chosen(reference: np.ndarray, hard: np.ndarray) -> Image.Image:
    """The chosen pixels in red over a pale grey reference."""
    gray = 0.55 + 0.45 * reference.mean(axis=0)
    colors = np.repeat(gray[..., None], 3, axis=-1)
    colors[hard] = CHOSEN
    return to_image(colors)
