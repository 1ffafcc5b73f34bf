"""Sheets of the sampler report: pictures whose pixels stay as they are, enlarged details, colour bars."""

from __future__ import annotations

import math

import numpy as np
from PIL import Image, ImageDraw

from core_model.output.images import colour_mapped
from core_model.report.charts import INK, SOFT, Color, Figure

MARK: Color = (255, 59, 92)
DETAIL = 0.11  # edge of an enlarged detail, as a share of the picture
DETAIL_LEAST = 12  # pixels
ERROR_MAP = "inferno"


class Sheet(Figure):
    """A figure whose pasted pictures are not resampled with the drawing."""

    def __init__(self, width: int, height: int, title: str, subtitle: str = "") -> None:
        super().__init__(width, height, title, subtitle)
        self._tiles: list[tuple[Image.Image, tuple[int, int]]] = []

    def tile(self, picture: Image.Image, at: tuple[int, int]) -> None:
        """Put a picture at a pixel; it lies over everything that was drawn there."""
        self._tiles.append((picture, at))

    def image(self) -> Image.Image:
        page = super().image()
        for picture, at in self._tiles:
            page.paste(picture, at)
        return page

    def color_bar(
        self, box: tuple[int, int, int, int], name: str, high: float, title: str, ticks: list[float]
    ) -> None:
        """A horizontal bar from 0 to `high` in box (left, top, right, bottom), ticks with numbers below."""
        left, top, right, bottom = box
        ramp = np.broadcast_to(np.linspace(0.0, 1.0, right - left), (bottom - top, right - left))
        self.tile(to_image(colour_mapped(ramp, name, 0.0, 1.0)), (left, top))
        self.text((left, top - 8), title, size=14, bold=True, anchor="ls")
        for value in ticks:
            x = left + (right - left) * value / high
            self.line([(x, bottom), (x, bottom + 6)], SOFT)
            label = f"≥ {value:.3g}" if math.isclose(value, high) else f"{value:.3g}"
            self.text((x, bottom + 9), label, size=13, color=INK, anchor="ma")


def to_image(colors: np.ndarray) -> Image.Image:
    """[H, W, 3] in [0, 1] → picture."""
    return Image.fromarray(np.rint(np.nan_to_num(colors).clip(0.0, 1.0) * 255.0).astype(np.uint8))


def rgb_image(rgb: np.ndarray) -> Image.Image:
    """[3, H, W] in [0, 1] → picture."""
    return to_image(np.moveaxis(rgb, 0, -1))


def error_image(errors: np.ndarray, high: float) -> Image.Image:
    """L2 errors [H, W] in the report's colour map, black = 0."""
    return to_image(colour_mapped(errors, ERROR_MAP, 0.0, high))


def fit(picture: Image.Image, edge: int) -> Image.Image:
    """The picture with its longer edge at `edge`: enlarged pixels stay squares, reduced ones are averaged."""
    scale = edge / max(picture.size)
    size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    return picture.resize(size, Image.Resampling.NEAREST if scale > 1 else Image.Resampling.BOX)


def detail_box(x: int, y: int, width: int, height: int) -> tuple[int, int, int, int]:
    """The detail about pixel (x, y), moved into the picture: left, top, right, bottom."""
    edge = max(DETAIL_LEAST, round(DETAIL * max(width, height)))
    w, h = min(edge, width), min(edge, height)
    left, top = min(max(x - w // 2, 0), width - w), min(max(y - h // 2, 0), height - h)
    return left, top, left + w, top + h


def with_detail(
    picture: Image.Image, box: tuple[int, int, int, int], edge: int, inset: int, *, outline: bool
) -> Image.Image:
    """The picture fitted to `edge`, the detail enlarged to `inset` pixels in the farthest corner (0: no).

    outline: also mark in the picture where the detail lies.
    """
    page = fit(picture, edge)
    scale = edge / max(picture.size)
    left, top, right, bottom = (round(v * scale) for v in box)
    if inset == 0:
        return _outlined(page, (left, top, right, bottom)) if outline else page
    zoom = picture.crop(box).resize((inset, inset), Image.Resampling.NEAREST)
    if outline:
        page = _outlined(page, (left, top, right, bottom))
    corner_x = page.width - inset - 3 if left + right < page.width else 3
    corner_y = page.height - inset - 3 if top + bottom < page.height else 3
    page.paste(zoom, (corner_x, corner_y))
    frame = (corner_x - 2, corner_y - 2, corner_x + inset + 1, corner_y + inset + 1)
    ImageDraw.Draw(page).rectangle(frame, outline=MARK, width=2)
    return page


def _outlined(page: Image.Image, box: tuple[int, int, int, int]) -> Image.Image:
    left, top, right, bottom = box
    ImageDraw.Draw(page).rectangle(
        (left - 1, top - 1, right, bottom), outline=MARK, width=max(1, page.width // 256)
    )
    return page
