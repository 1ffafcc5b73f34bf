"""What a run directory of an inversion shows: its newest pictures in a texture, and its losses."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from viewer.gl.texture import Texture
from viewer.runs.pictures import Decoded, Decoder
from viewer.runs.reader import RunReader
from viewer.runs.source import HERE

POLL_S = 0.5
TITLES = ("photograph", "render", "difference × 4")
"""Of the first pictures of a sheet; the rest are novel views."""
LOSSES = ("loss", "mse", "lpips", "edges")
"""Series that are drawn, where the run has them."""


class Watch:
    """One run at a time. cells: pictures in the sheet, 0 before the first. psnr: of the newest one, dB."""

    def __init__(self) -> None:
        self.run: RunReader | None = None
        self.step = -1
        self._decoder = Decoder()
        self._wish: object = None
        self._shown: Decoded | None = None
        self._texture: Texture | None = None
        self._next = 0.0

    def follow(self, folder: str, now: float, cell_px: int) -> None:
        """Read what is new, twice per second. cell_px: edge of a picture on the screen."""
        if self.run is None or str(self.run.path) != folder:
            self.run, self._wish, self._shown, self.step, self._next = (
                RunReader(Path(folder)),
                None,
                None,
                -1,
                0.0,
            )
        if now >= self._next:
            self._next = now + POLL_S
            self.run.poll()
        self._pictures(cell_px)

    def _pictures(self, cell_px: int) -> None:
        assert self.run is not None
        newest = self.run.listing.pictures.get("fakes", ())[-1:]
        if newest and (wish := (newest[0].path, newest[0].changed, cell_px)) != self._wish:
            self._wish = wish
            self._decoder.want(newest[0], (1 << 15, max(cell_px, 16)), HERE)
        done = self._decoder.take()
        if done is None or done.pixels is None or not newest or done.path != newest[0].path:
            return
        self._texture = self._texture or Texture()
        self._texture.upload(done.pixels)
        self._shown, self.step = done, newest[0].number

    @property
    def cells(self) -> int:
        if self._shown is None or not self._shown.size[1]:
            return 0
        return self._shown.size[0] // self._shown.size[1]

    @property
    def texture(self) -> int:
        return self._texture.handle if self._texture is not None else 0

    @property
    def psnr(self) -> float:
        """dB; nan before it was measured."""
        if self.run is None:
            return float("nan")
        table = self.run.metrics.get("metrics.jsonl")
        series = table.series.get("mse") if table is not None else None
        return (
            float("nan")
            if series is None or not len(series)
            else -10.0 * math.log10(max(series.values[-1], 1e-12))
        )

    def losses(self) -> list[tuple[str, np.ndarray, np.ndarray]]:
        """(name, steps, values) of what is drawn."""
        if self.run is None:
            return []
        table, found = self.run.scalars, []
        for name in LOSSES:
            series = table.series.get(name)
            if series is not None and len(series):
                rows = series.rows_at(np.arange(len(series)))
                found.append((name, table.axis("steps")[rows], series.values))
        return found

    def close(self) -> None:
        """Frees the texture."""
        if self._texture is not None:
            self._texture.delete()
        self._texture = self._shown = None
