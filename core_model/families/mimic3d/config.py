"""Configuration of a Mimic3D generator, as read from its file.

2D stage: one plane level. 3D stage: coarse and detail planes.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from core_model.families.osg.settings import GeneratorConfig
from core_model.schema.frozen import Frozen

AXES = (("x", "y"), ("y", "z"), ("z", "x"))  # fixed in the program, nothing of it is in the file


class TailBlock(Frozen):
    """A plane block after the last one of the 3D-aware branch."""

    view: Literal["mean", "attention", "separate"] = "separate"
    up: Literal[1, 2] = 2


class Mimic3dConfig(GeneratorConfig):
    """The shared settings, and the 3D-aware branch.

    levels: entries of the list of plane results (negative, from its end) that are sampled; their features are
    added.
    """

    aware: tuple[int, ...] = Field(
        default=(), description="resolutions with a 3D-aware block; empty = plain backbone"
    )
    attention: bool = Field(default=False, description="planes see each other by attention instead of means")
    tail: tuple[TailBlock, ...] = ()
    levels: tuple[int, ...] = Field(default=(-1,), min_length=1, max_length=2)
    plane_act: Literal["tanh", "sigmoid"] | None = Field(default=None, description="applied to the planes")
    depth_guide: float = Field(
        default=0.0, ge=0, description="half range about the coarse depth for the second render; 0 = off"
    )

    @model_validator(mode="after")
    def _sizes(self) -> Mimic3dConfig:
        known = [4 << k for k in range(len(self.channels))]
        if len(self.channels) < 2 or list(self.aware) != known[: len(self.aware)]:
            raise ValueError(f"aware must be the first of the resolutions {known}, got {list(self.aware)}")
        if self.tail and len(self.aware) != len(self.channels):
            raise ValueError(
                "blocks after the 3D-aware branch need a branch that reaches the last resolution"
            )
        results = max(1, len(self.aware)) + len(self.tail)
        if any(not -results <= i < 0 for i in self.levels):
            raise ValueError(f"levels must lie in {-results} … -1, got {list(self.levels)}")
        return self

    @property
    def plane_size(self) -> int:
        """Edge of the finest sampled planes [pixels]."""
        size = self.backbone_size
        for block in self.tail[: len(self.tail) + 1 + max(self.levels)]:
            size *= block.up
        return size

    @property
    def uses_superres(self) -> bool:
        """The 2D super-resolution is left out when the render is larger than its input."""
        return self.superres is not None and self.volumetric.neural_size <= self.superres.in_size
