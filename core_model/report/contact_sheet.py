"""Contact sheets: many small pictures with captions, a row per seed, a column per yaw or per psi."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from core_model.schema.assets import assets_dir
from core_model.schema.camera import OrbitPose
from core_model.schema.errors import InputError
from core_model.schema.latent import SeedWeight
from core_model.schema.render import RenderRequest

Column = Literal["yaw", "psi"]
MAX_CELLS = 4096
MAX_EDGE = 32768
PAPER, INK = (255, 255, 255), (40, 43, 48)


@dataclass(frozen=True)
class SheetPlan:
    """seeds: one row each. columns: values of `kind` (yaw in rad, psi), one column each.

    Cells are `request`'s size.
    """

    request: RenderRequest
    seeds: tuple[int, ...]
    kind: Column
    columns: tuple[float, ...]

    def cells(self) -> list[RenderRequest]:
        """Requests row by row, left to right.

        Raises InputError where the yaw of a fixed matrix is to change.
        """
        return [self._cell(seed, value) for seed in self.seeds for value in self.columns]

    def _cell(self, seed: int, value: float) -> RenderRequest:
        latent = self.request.latent.replace(seeds=(SeedWeight(seed=seed),), z=None, w=None)
        if self.kind == "psi":
            return self.request.replace(latent=latent.replace(psi=value))
        if not isinstance(self.request.camera, OrbitPose):
            raise InputError(
                what="cannot turn a fixed matrix", where="--label", expected="--psis, or an orbit camera"
            )
        return self.request.replace(latent=latent, camera=self.request.camera.replace(yaw=value))

    def caption(self, value: float) -> str:
        return f"ψ {value:g}" if self.kind == "psi" else f"yaw {value:g} rad"


class SheetPage:
    """The page while its cells come in: [H, W, 3] uint8 on white, captions at the left and above."""

    def __init__(self, plan: SheetPlan, title: str) -> None:
        self.plan = plan
        width, height = plan.request.width, plan.request.height
        self._font_px = max(11, round(0.075 * min(width, height)))
        self._gap = max(2, round(0.02 * min(width, height)))
        self._left, self._top = round(5.2 * self._font_px), round(3.6 * self._font_px)
        w = self._left + len(plan.columns) * (width + self._gap) + self._font_px
        h = self._top + len(plan.seeds) * (height + self._gap) + self._font_px
        if len(plan.seeds) * len(plan.columns) > MAX_CELLS or max(w, h) > MAX_EDGE:
            raise InputError(
                what="contact sheet is too large", expected=f"at most {MAX_CELLS} cells and {MAX_EDGE} pixels per edge",
                got=f"{len(plan.seeds)} x {len(plan.columns)} cells, {w} x {h} pixels",
            )  # fmt: skip
        self.pixels = np.empty((h, w, 3), np.uint8)
        self.pixels[:] = PAPER
        self._captions(title)

    def put(self, index: int, cell: np.ndarray) -> None:
        """Cell `index` in the order of `SheetPlan.cells`: [H, W, 3 | 4] uint8."""
        row, column = divmod(index, len(self.plan.columns))
        y, x = self._place(row, column)
        height, width = cell.shape[:2]
        rgb = cell[..., :3]
        if cell.shape[2] == 4:
            rgb = np.where(cell[..., 3:] > 127, rgb, np.array(PAPER, np.uint8))
        self.pixels[y : y + height, x : x + width] = rgb

    def _place(self, row: int, column: int) -> tuple[int, int]:
        request = self.plan.request
        return self._top + row * (request.height + self._gap), self._left + column * (
            request.width + self._gap
        )

    def _captions(self, title: str) -> None:
        from PIL import Image, ImageDraw, ImageFont

        page = Image.fromarray(self.pixels)
        draw = ImageDraw.Draw(page)
        fonts = assets_dir() / "fonts"
        plain = ImageFont.truetype(str(fonts / "Inter-Regular.otf"), self._font_px)
        bold = ImageFont.truetype(str(fonts / "Inter-SemiBold.otf"), self._font_px)
        width, height = self.plan.request.width, self.plan.request.height
        draw.text((self._font_px, 0.5 * self._font_px), title, INK, font=bold)
        for column, value in enumerate(self.plan.columns):
            x = self._place(0, column)[1] + width / 2
            draw.text(
                (x, self._top - 0.5 * self._font_px), self.plan.caption(value), INK, font=plain, anchor="ms"
            )
        for row, seed in enumerate(self.plan.seeds):
            y = self._place(row, 0)[0] + height / 2
            text = str(seed)
            fits = plain.getlength(text) < self._left - self._font_px
            face = plain if fits else plain.font_variant(size=max(8, round(0.6 * self._font_px)))
            draw.text((self._left - 0.6 * self._font_px, y), text, INK, font=face, anchor="rm")
        self.pixels = np.array(page)
