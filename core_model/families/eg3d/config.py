"""Configuration of an EG3D generator, as read from its file. No torch here beyond what the shared settings need."""

from __future__ import annotations

from pydantic import Field, model_validator

from core_model.families.volumetric import SuperResConfig, VolumetricConfig
from core_model.schema.frozen import Frozen


class Eg3dConfig(Frozen):
    """Sizes of mapping, backbone, decoder and super-resolution, and the rendering settings."""

    z_dim: int = Field(default=512, ge=1)
    c_dim: int = Field(default=25, ge=0, description="width of the label; 0 = not conditioned")
    w_dim: int = Field(default=512, ge=1)
    embed_dim: int = Field(default=512, ge=0, description="width of the embedded label")
    mapping_hidden: tuple[int, ...] = Field(default=(512,), description="widths of all mapping layers but the last")
    mapping_lr_mul: float = Field(default=0.01, gt=0)
    channels: tuple[int, ...] = Field(default=(512, 512, 512, 512, 256, 128, 64), description="widths of the blocks b4, b8, …")
    plane_channels: int = Field(default=32, ge=1, description="features a plane")
    noise: bool = True
    clamp: float | None = Field(default=None, gt=0, description="bound of the backbone's convolution outputs")
    decoder_hidden: int = Field(default=64, ge=1)
    decoder_colours: int = Field(default=32, ge=3)
    decoder_lr_mul: float = Field(default=1.0, gt=0)
    superres: SuperResConfig | None = None
    volumetric: VolumetricConfig = VolumetricConfig()

    @model_validator(mode="after")
    def _sizes(self) -> "Eg3dConfig":
        if len(self.channels) < 2 or min(self.channels) < 1:
            raise ValueError(f"channels needs at least two positive widths, got {self.channels}")
        return self

    @property
    def plane_size(self) -> int:
        """Edge of the planes [pixels]."""
        return 4 << (len(self.channels) - 1)

    @property
    def num_ws(self) -> int:
        return 2 * len(self.channels)

    @property
    def image_size(self) -> int:
        """Edge of the final picture [pixels]."""
        return self.superres.out_size if self.superres is not None else self.volumetric.neural_size
