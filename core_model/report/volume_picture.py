"""Fig. 3 as a sheet: the probe's picture I, and P and P̂ as slices along depth and as evenly spaced level
sets.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PIL import Image
from torch import Tensor

from core_model.output.images import colour_mapped
from core_model.queries.ray_volume import RayVolumes, level_set, slab
from core_model.report.charts import INK, SOFT, Color, nice_ticks
from core_model.report.sheet import Sheet, fit, rgb_image, to_image

SLICES = 6
TILE, GAP, MARGIN = 256, 12, 24
SLICE_MAP, LEVEL_MAP = "inferno", "viridis"
NOTHING = np.array([0.90, 0.91, 0.93], np.float32)  # a ray that never reaches the level
PROBE, PREDICTION = "P", "P̂"
_SUB = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")


def volume_figure(found: RayVolumes, view: str) -> Image.Image:
    """view: a line that says what is seen."""
    volumes = [(PROBE, found.probe)] + ([(PREDICTION, found.proposal)] if found.proposal is not None else [])
    low, high = found.span
    edges = np.linspace(low, high, SLICES + 1)
    slices = [
        [_np(slab(v, found.near, found.far, a, b)) for a, b in zip(edges, edges[1:])] for _, v in volumes
    ]
    sets = [
        [_np(level_set(v, found.near, found.far, level, lambda: None)) for level in found.levels]
        for _, v in volumes
    ]
    row = TILE + 34
    head = 78 + TILE + 34
    width = 2 * MARGIN + SLICES * TILE + (SLICES - 1) * GAP
    sheet = Sheet(
        width,
        head + 2 * (46 + len(volumes) * row) + 24,
        title="Fig. 3  What the probe saw and what it predicts",
        subtitle=view,
    )
    top_light = _ceiling(slices)
    _head(sheet, found, top_light, (low, high))
    top = head
    titles = [f"{a:.3f} to {b:.3f}" for a, b in zip(edges, edges[1:])]
    top = _block(sheet, top, "Slices along depth: share of the ray's light between two distances from the camera (world units)",
                 volumes, slices, titles, lambda a: colour_mapped(a, SLICE_MAP, 0.0, top_light))  # fmt: skip
    words = [f"level {level:g}" for level in found.levels]
    _block(sheet, top, "Level sets: distance at which one bin first holds this share of the ray's light; grey where none does",
           volumes, sets, words, lambda a: _distances(a, low, high))  # fmt: skip
    return sheet.image()


def _letter(
    sheet: Sheet, at: tuple[float, float], letter: str, size: int, points: int, color: Color
) -> float:
    """A volume's letter in bold with the edge of its picture.

    The hat of P̂ is drawn over it, which fonts do badly. Returns the width.
    """
    if letter == PREDICTION:
        sheet.text(
            (at[0] + 0.33 * points, at[1] - 0.26 * points),
            "ˆ",
            size=points,
            bold=True,
            color=color,
            anchor="ma",
        )
    return sheet.text(at, named(letter[0], size), size=points, bold=True, color=color)


def named(letter: str, size: int) -> str:
    """ "P₁₂₈": a volume by its letter and the edge of its picture."""
    return letter + str(size).translate(_SUB)


def _head(sheet: Sheet, found: RayVolumes, top_light: float, span: tuple[float, float]) -> None:
    """The probe's picture, what the letters mean, and both legends."""
    top, left = 78, MARGIN + TILE + 28
    h, w = found.image.shape[1:]
    sheet.tile(fit(rgb_image(_np(found.image)), TILE), (MARGIN, top))
    sheet.text(
        (MARGIN, top + TILE + 8),
        f"{named('I', w)}: the probe's own render, {w} × {h} pixels",
        size=14,
        bold=True,
    )
    ends = f"{found.bins} equal bins between {found.near:.3g} and {found.far:.3g} world units"
    end = left + _letter(sheet, (left, top + 4), PROBE, w, 15, INK)
    sheet.text((end, top + 4), f": share of the ray's light from each of {ends}.", size=15)
    if found.proposal is None:
        sheet.text(
            (left, top + 28),
            "This checkpoint has no proposal network: only what the probe saw itself exists.",
            size=15,
        )
    else:
        ph, pw = found.proposal.shape[1:]
        end = left + _letter(sheet, (left, top + 28), PREDICTION, pw, 15, INK)
        text = f": the proposal network's prediction at {pw} × {ph} pixels, from which the samples are drawn."
        sheet.text((end, top + 28), text, size=15)
    bar = 620
    sheet.color_bar((left, top + 92, left + bar, top + 112), SLICE_MAP, top_light, "Slices: share of the ray's light",
                    nice_ticks(0.0, top_light, 5))  # fmt: skip
    low, high = span
    y = top + 188
    sheet.text(
        (left, y - 8), "Level sets: distance from the camera, world units", size=14, bold=True, anchor="ls"
    )
    ramp = np.broadcast_to(np.linspace(1.0, 0.0, bar), (20, bar))
    sheet.tile(to_image(colour_mapped(ramp, LEVEL_MAP, 0.0, 1.0)), (left, y))
    for value in nice_ticks(low, high, 6):
        x = left + bar * (value - low) / (high - low)
        sheet.line([(x, y + 20), (x, y + 26)], SOFT)
        sheet.text((x, y + 29), f"{value:g}", size=13, color=INK, anchor="ma")


def _block(
    sheet: Sheet, top: int, title: str, volumes: list[tuple[str, Tensor]], pictures: list[list[np.ndarray]], words: list[str],
    colours: Callable[[np.ndarray], np.ndarray],
) -> int:  # fmt: skip
    """Rows of tiles, one a volume, under a heading; returns where they end."""
    sheet.text((MARGIN, top + 24), title, size=15, bold=True, anchor="ls")
    top += 40
    for (letter, volume), row in zip(volumes, pictures, strict=True):
        for column, (picture, word) in enumerate(zip(row, words, strict=True)):
            left = MARGIN + column * (TILE + GAP)
            sheet.tile(fit(to_image(colours(picture)), TILE), (left, top))
            _letter(sheet, (left, top + TILE + 7), letter, volume.shape[2], 13, INK)
            sheet.text((left + TILE, top + TILE + 7), word, size=13, color=SOFT, anchor="ra")
        top += TILE + 34
    return top + 6


def _distances(values: np.ndarray, low: float, high: float) -> np.ndarray:
    """Near is light: [H, W, 3]."""
    colours = colour_mapped(high + low - values, LEVEL_MAP, low, high)
    return np.where(np.isfinite(values)[..., None], colours, NOTHING)


def _ceiling(slices: list[list[np.ndarray]]) -> float:
    """End of the slices' scale: the 99.5th percentile of those of P, rounded up to a tenth."""
    top = max(float(np.percentile(a, 99.5)) for a in slices[0])
    return min(1.0, max(0.1, np.ceil(10.0 * top) / 10.0))


def _np(x: Tensor) -> np.ndarray:
    return x.float().cpu().numpy()
