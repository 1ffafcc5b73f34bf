"""What is compared: two to six pictures of one view, each the window's own or that view with one thing changed."""

from __future__ import annotations

import os.path
from typing import Literal

from pydantic import Field

from core_model.schema.frozen import Frozen
from core_model.schema.latent import SEEDS

What = Literal[
    "view",
    "sampler",
    "samples",
    "channel",
    "psi",
    "seed",
    "basket",
    "checkpoint",
    "snapshot",
    "reference",
    "photo",
]
Mode = Literal["off", "wipe", "side", "difference", "grid"]
MOST_TILES = 6
LETTERS = "ABCDEF"
OTHER_FILES = ("checkpoint", "snapshot")
"""Sources that the renderer opens a second checkpoint for."""


class Source(Frozen):
    """One picture of a comparison. `what` names the one thing in which it differs from the window's own view.

    w: rows of the basket's entry that `entry` names. photo: a picture file, which nothing renders. reference_spp: samples per
    ray that a reference accumulates.
    """

    what: What = "view"
    sampler: str = Field(default="stratified", description="NAME or NAME:STRATEGY")
    spp: float = Field(default=64.0, gt=1, le=4096, description="samples per ray")
    channel: str = "normal"
    psi: float = Field(default=1.0, ge=-2.0, le=2.0)
    seed: int = Field(default=1, ge=0, le=SEEDS - 1)
    entry: str = ""
    w: tuple[tuple[float, ...], ...] = ()
    checkpoint: str = ""
    photo: str = ""
    reference_spp: int = Field(default=512, ge=16, le=65536)
    curve: bool = Field(default=False, description="measure PSNR over samples when the reference is done")

    @property
    def is_rendered(self) -> bool:
        """Whether the renderer makes it beside the window's own picture."""
        return self.what not in ("view", "photo") and not self.lacks

    @property
    def lacks(self) -> str:
        """What is to be chosen before there is a picture; "" = nothing."""
        if self.what in OTHER_FILES and not self.checkpoint:
            return f"choose a {self.what}"
        if self.what == "basket" and not self.w:
            return "choose an entry"
        return "choose a picture file" if self.what == "photo" and not self.photo else ""

    @property
    def file(self) -> str:
        """Name of the checkpoint or photo, without its folder."""
        return os.path.basename((self.photo if self.what == "photo" else self.checkpoint).rstrip("/\\"))


class Comparison(Frozen):
    """Pictures beside the window's own. tiles: A, B and, in the grid, those after them; A is the view itself at first."""

    mode: Mode = "off"
    tiles: tuple[Source, ...] = Field(
        default=(Source(), Source(what="sampler")), min_length=2, max_length=MOST_TILES
    )
    split: float = Field(default=0.5, ge=0.0, le=1.0, description="place of the divider, 0 left to 1 right")

    @classmethod
    def beside(cls, mode: Mode, **b: object) -> Comparison:
        """The window's own view as A, and a B with these settings."""
        return cls(mode=mode, tiles=(Source(), Source(**b)))  # type: ignore[arg-type]

    @property
    def shown(self) -> tuple[Source, ...]:
        """The tiles that are on the screen: none where nothing is compared, two except in the grid."""
        return () if self.mode == "off" else self.tiles if self.mode == "grid" else self.tiles[:2]

    @property
    def files(self) -> frozenset[str]:
        """Checkpoints that are opened for what is shown."""
        return frozenset(s.checkpoint for s in self.shown if s.what in OTHER_FILES and s.checkpoint)

    def with_tile(self, index: int, source: Source) -> Comparison:
        """A copy with another picture at a place."""
        return self.replace(tiles=(*self.tiles[:index], source, *self.tiles[index + 1 :]))

    def without_tile(self, index: int) -> Comparison:
        """A copy without a picture; two always stay."""
        if len(self.tiles) <= 2:
            return self
        return self.replace(tiles=self.tiles[:index] + self.tiles[index + 1 :])

    def swapped(self) -> Comparison:
        """A copy in which A and B have changed places."""
        a, b, *rest = self.tiles
        return self.replace(tiles=(b, a, *rest))
