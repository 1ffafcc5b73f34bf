"""Contact sheets and figures: pictures in rows and columns with captions, scale bar and colour bars.

A row per seed or checkpoint; a column per yaw, psi, view, channel or sampler.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING, Literal

import numpy as np

from core_model.schema.assets import assets_dir
from core_model.schema.camera import OrbitPose
from core_model.schema.errors import InputError
from core_model.schema.latent import SeedWeight
from core_model.schema.record import DisplayRange
from core_model.schema.render import RenderRequest

if TYPE_CHECKING:
    from PIL import ImageFont

Column = Literal["yaw", "psi", "view", "channel", "sampler"]
Value = float | str | tuple[float, float]
MAX_CELLS = 4096
MAX_EDGE = 32768
PAPER, INK, SOFT = (255, 255, 255), (40, 43, 48), (150, 154, 160)
BAR_SHARE = 0.3
"""A scale bar is the longest round length below this share of a picture's width."""


@dataclass(frozen=True)
class SheetPlan:
    """seeds: one row each, unless `checkpoints` (paths) are the rows.

    columns: values of `kind`, one column each: yaw in rad, psi, (yaw, pitch) in rad, channel, NAME[:STRATEGY]. Cells are
    `request`'s size. row_names, column_names: captions in place of the automatic ones; "" = automatic.
    """

    request: RenderRequest
    seeds: tuple[int, ...]
    kind: Column
    columns: tuple[Value, ...]
    checkpoints: tuple[str, ...] = ()
    row_names: tuple[str, ...] = ()
    column_names: tuple[str, ...] = ()

    @property
    def rows(self) -> int:
        return len(self.checkpoints or self.seeds)

    def cells(self) -> list[RenderRequest]:
        """Requests row by row, left to right; those of a row of channels are one and the same.

        Raises InputError where the yaw of a fixed matrix is to change.
        """
        return [self._cell(row, value) for row in range(self.rows) for value in self.columns]

    def channel_of(self, column: int) -> str:
        """Name of the channel that a column shows."""
        value = self.columns[column]
        return str(value) if self.kind == "channel" else self.request.channels[0]

    def _cell(self, row: int, value: Value) -> RenderRequest:
        request = self.request
        if self.checkpoints:
            request = request.replace(checkpoint=self.checkpoints[row])
        else:
            seed = (SeedWeight(seed=self.seeds[row]),)
            request = request.replace(latent=request.latent.replace(seeds=seed, z=None, w=None))
        if self.kind == "psi":
            return request.replace(latent=request.latent.replace(psi=value))
        if self.kind == "channel":
            return request.replace(channels=tuple(dict.fromkeys(str(v) for v in self.columns)))
        if self.kind == "sampler":
            name, _, strategy = str(value).partition(":")
            way = {"name": name, "low_budget": None, "high_budget": None} | (
                {"strategy": strategy} if strategy else {}
            )
            return request.replace(sampler=request.sampler.replace(**way))
        if not isinstance(request.camera, OrbitPose):
            raise InputError(
                what="cannot turn a fixed matrix", where="--label", expected="--psis, or an orbit camera"
            )
        yaw, pitch = value if isinstance(value, tuple) else (value, request.camera.pitch)
        return request.replace(camera=request.camera.replace(yaw=yaw, pitch=pitch))

    def row_caption(self, row: int) -> str:
        name = self.row_names[row] if self.row_names else ""
        return name or (PurePath(self.checkpoints[row]).stem if self.checkpoints else str(self.seeds[row]))

    def caption(self, column: int, titles: dict[str, str] | None = None) -> str:
        """titles: of channels and samplers by their names."""
        if self.column_names and self.column_names[column]:
            return self.column_names[column]
        value = self.columns[column]
        if isinstance(value, tuple):
            return f"yaw {value[0]:g}, pitch {value[1]:g} rad"
        if isinstance(value, str):
            name, _, strategy = value.partition(":")
            return ", ".join(part for part in ((titles or {}).get(name, name), strategy) if part)
        return f"ψ {value:g}" if self.kind == "psi" else f"yaw {value:g} rad"


class SheetPage:
    """The page while its cells come in: [H, W, 3] uint8 on white, captions at the left and above.

    titles: of channels and samplers by name, for the captions. bars: leaves room for colour bars below the pictures.
    """

    def __init__(
        self, plan: SheetPlan, title: str, titles: dict[str, str] | None = None, bars: bool = False
    ) -> None:
        self.plan = plan
        width, height = plan.request.width, plan.request.height
        self._font_px = max(11, round(0.075 * min(width, height)))
        self._gap = max(2, round(0.02 * min(width, height)))
        longest = max((self._plain.getlength(plan.row_caption(r)) for r in range(plan.rows)), default=0.0)
        wide = min(max(5.2 * self._font_px, longest + 1.6 * self._font_px), 16.0 * self._font_px)
        self._left, self._top = round(wide), round((3.6 if title else 2.0) * self._font_px)
        w = self._left + len(plan.columns) * (width + self._gap) + self._font_px
        h = self._top + plan.rows * (height + self._gap) + round((3.4 if bars else 1.0) * self._font_px)
        if plan.rows * len(plan.columns) > MAX_CELLS or max(w, h) > MAX_EDGE:
            raise InputError(
                what="contact sheet is too large", expected=f"at most {MAX_CELLS} cells and {MAX_EDGE} pixels per edge",
                got=f"{plan.rows} x {len(plan.columns)} cells, {w} x {h} pixels",
            )  # fmt: skip
        self.pixels = np.empty((h, w, 3), np.uint8)
        self.pixels[:] = PAPER
        self._captions(title, titles)

    def put(self, index: int, cell: np.ndarray) -> None:
        """Cell `index` in the order of `SheetPlan.cells`: [H, W, 3 | 4] uint8."""
        row, column = divmod(index, len(self.plan.columns))
        y, x = self._place(row, column)
        height, width = cell.shape[:2]
        rgb = cell[..., :3]
        if cell.shape[2] == 4:
            rgb = np.where(cell[..., 3:] > 127, rgb, np.array(PAPER, np.uint8))
        self.pixels[y : y + height, x : x + width] = rgb

    def scale_bar(self) -> None:
        """A round length at the pivot's distance, in the lower left corner of the first picture of the last row.

        Raises InputError for a fixed matrix, whose pivot nobody knows.
        """
        camera, width, height = self.plan.request.camera, self.plan.request.width, self.plan.request.height
        if not isinstance(camera, OrbitPose):
            raise InputError(
                what="no scale bar", where="--scale-bar", expected="an orbit camera", got="a matrix"
            )
        across = 2.0 * camera.distance * math.tan(0.5 * camera.fov)
        length = round_length(BAR_SHARE * across)
        y, x = self._place(self.plan.rows - 1, 0)
        pad, thick = round(0.05 * width), max(2, round(0.012 * height))
        a, b = x + pad, x + pad + round(length / across * width)
        low = y + height - pad
        page, draw = self._drawing()
        draw.rectangle((a - 1, low - thick - 1, b + 1, low + 1), fill=(0, 0, 0))
        draw.rectangle((a, low - thick, b, low), fill=PAPER)
        x, y = a, low - thick - 0.3 * self._font_px
        for shift, ink in ((max(1, self._font_px // 14), (0, 0, 0)), (0, PAPER)):
            draw.text((x + shift, y + shift), f"{length:g} world units", ink, font=self._plain, anchor="ls")
        self.pixels = np.array(page)

    def colour_bars(self, spans: dict[str, DisplayRange]) -> None:
        """A bar below the first column of each channel that is a map of numbers, with its range and unit."""
        from core_model.output.images import colour_mapped

        page, draw = self._drawing()
        width, drawn = self.plan.request.width, set()
        small = self._plain.font_variant(size=max(9, round(0.8 * self._font_px)))
        for column in range(len(self.plan.columns)):
            name = self.plan.channel_of(column)
            span = spans.get(name)
            if span is None or name in drawn:
                continue
            drawn.add(name)
            y, x = self._place(self.plan.rows, column)
            top, tall = y + round(0.3 * self._font_px), max(4, round(0.6 * self._font_px))
            ramp = np.broadcast_to(np.linspace(0.0, 1.0, width), (tall, width))
            colours = colour_mapped(1.0 - ramp if span.invert else ramp, span.colormap, 0.0, 1.0)
            at = np.rint(colours.clip(0.0, 1.0) * 255.0).astype(np.uint8)
            page.paste(_image(at), (x, top))
            below = top + tall + round(0.25 * self._font_px)
            draw.text((x, below), f"{span.low:.3g}", INK, font=small, anchor="la")
            draw.text((x + width, below), f"{span.high:.3g}", INK, font=small, anchor="ra")
            draw.text((x + width / 2, below), span.unit, SOFT, font=small, anchor="ma")
        self.pixels = np.array(page)

    def _place(self, row: int, column: int) -> tuple[int, int]:
        request = self.plan.request
        return self._top + row * (request.height + self._gap), self._left + column * (
            request.width + self._gap
        )

    def _drawing(self):  # -> (PIL.Image.Image, PIL.ImageDraw.ImageDraw)
        from PIL import ImageDraw

        page = _image(self.pixels)
        return page, ImageDraw.Draw(page)

    @property
    def _plain(self) -> ImageFont.FreeTypeFont:
        from PIL import ImageFont

        return ImageFont.truetype(str(assets_dir() / "fonts" / "Inter-Regular.otf"), self._font_px)

    def _captions(self, title: str, titles: dict[str, str] | None) -> None:
        from PIL import ImageFont

        page, draw = self._drawing()
        plain, bold = (
            self._plain,
            ImageFont.truetype(str(assets_dir() / "fonts" / "Inter-SemiBold.otf"), self._font_px),
        )
        width, height = self.plan.request.width, self.plan.request.height
        draw.text((self._font_px, 0.5 * self._font_px), title, INK, font=bold)
        for column in range(len(self.plan.columns)):
            x = self._place(0, column)[1] + width / 2
            text = self.plan.caption(column, titles)
            draw.text(
                (x, self._top - 0.5 * self._font_px),
                text,
                INK,
                font=_fitting(plain, text, width),
                anchor="ms",
            )
        for row in range(self.plan.rows):
            y = self._place(row, 0)[0] + height / 2
            text = self.plan.row_caption(row)
            face = _fitting(plain, text, self._left - self._font_px)
            draw.text((self._left - 0.6 * self._font_px, y), text, INK, font=face, anchor="rm")
        self.pixels = np.array(page)


def round_length(most: float) -> float:
    """The largest of 1, 2, 5 × 10ⁿ that is no longer than `most`."""
    power = 10.0 ** math.floor(math.log10(most))
    return next(f * power for f in (5.0, 2.0, 1.0) if f * power <= most * (1.0 + 1e-9))


def _fitting(face: ImageFont.FreeTypeFont, text: str, room: float) -> ImageFont.FreeTypeFont:
    """The font, smaller where the text would be wider than `room` pixels."""
    wide = face.getlength(text)
    return face if wide <= room else face.font_variant(size=max(8, int(face.size * room / wide)))


def _image(pixels: np.ndarray):  # -> PIL.Image.Image
    from PIL import Image

    return Image.fromarray(np.ascontiguousarray(pixels))
