"""Configuration of a Mimic3D generator (2D stage: one plane level; 3D stage: coarse and detail planes), as read from its file."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from core_model.families.volumetric import SuperResConfig, VolumetricConfig
from core_model.schema.frozen import Frozen


class TailBlock(Frozen):
    """A plane block after the last one of the 3D-aware branch."""

    view: Literal["mean", "attention", "separate"] = "separate"
    up: Literal[1, 2] = 2


class Mimic3dConfig(Frozen):
    """Sizes of mapping, backbone, 3D-aware branch, decoder and super-resolution, and the rendering settings.

    levels: entries of the list of plane results (negative, from its end) that are sampled; their features are added.
    """

    z_dim: int = Field(default=512, ge=1)
    c_dim: int = Field(default=25, ge=0)
    w_dim: int = Field(default=512, ge=1)
    embed_dim: int = Field(default=512, ge=0)
    mapping_hidden: tuple[int, ...] = (512,)
    mapping_lr_mul: float = Field(default=0.01, gt=0)
    channels: tuple[int, ...] = Field(default=(512, 512, 512, 512, 256, 128, 64), description="widths of the blocks b4, b8, …")
    plane_channels: int = Field(default=32, ge=1)
    noise: bool = True
    clamp: float | None = Field(default=None, gt=0)
    aware: tuple[int, ...] = Field(default=(), description="resolutions with a 3D-aware block; empty = plain backbone")
    attention: bool = Field(default=False, description="planes see each other by attention instead of means")
    tail: tuple[TailBlock, ...] = ()
    levels: tuple[int, ...] = Field(default=(-1,), min_length=1, max_length=2)
    plane_act: Literal["tanh", "sigmoid"] | None = Field(default=None, description="applied to the planes")
    decoder_hidden: int = Field(default=64, ge=1)
    decoder_colours: int = Field(default=32, ge=3)
    decoder_lr_mul: float = Field(default=1.0, gt=0)
    depth_guide: float = Field(default=0.0, ge=0, description="half range about the coarse depth for the second render; 0 = off")
    superres: SuperResConfig | None = None
    volumetric: VolumetricConfig = VolumetricConfig()

    @model_validator(mode="after")
    def _sizes(self) -> Mimic3dConfig:
        known = [4 << k for k in range(len(self.channels))]
        if len(self.channels) < 2 or list(self.aware) != known[: len(self.aware)]:
            raise ValueError(f"aware must be the first of the resolutions {known}, got {list(self.aware)}")
        if self.tail and len(self.aware) != len(self.channels):
            raise ValueError("blocks after the 3D-aware branch need a branch that reaches the last resolution")
        results = max(1, len(self.aware)) + len(self.tail)
        if any(not -results <= i < 0 for i in self.levels):
            raise ValueError(f"levels must lie in {-results} … -1, got {list(self.levels)}")
        return self

    @property
    def backbone_size(self) -> int:
        """Edge of the backbone's last picture [pixels]."""
        return 4 << (len(self.channels) - 1)

    @property
    def plane_size(self) -> int:
        """Edge of the finest sampled planes [pixels]."""
        size = self.backbone_size
        for block in self.tail[: len(self.tail) + 1 + max(self.levels)]:
            size *= block.up
        return size

    @property
    def num_ws(self) -> int:
        return 2 * len(self.channels)

    @property
    def uses_superres(self) -> bool:
        """The 2D super-resolution is left out when the render is larger than its input."""
        return self.superres is not None and self.volumetric.neural_size <= self.superres.in_size

    @property
    def image_size(self) -> int:
        """Edge of the final picture [pixels]."""
        return self.superres.out_size if self.superres is not None and self.uses_superres else self.volumetric.neural_size
