"""Settings of the recipes whose generators have EG3D's shape: backbone, OSG decoder, two passes, super-resolution.

Defaults are EG3D's for FFHQ 512². No torch here.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from core_model.schema.frozen import Frozen
from core_model.schema.settings import Shown

SuperRes = Literal[
    "none",
    "SuperresolutionHybrid8XDC",
    "SuperresolutionHybrid8X",
    "SuperresolutionHybrid4X",
    "SuperresolutionHybridDeepfp32",
    "SuperresolutionHybrid2X",
    "SuperresolutionHybrid16XDC",
    "TriscopeDoubled32",
]


class OsgNetworkConfig(Frozen):
    """Sizes of mapping, backbone, decoder and super-resolution."""

    z_dim: int = Field(default=512, ge=1, description="width of z")
    c_dim: int = Field(default=25, ge=0, description="width of the mapping's label; 0 = it takes none")
    w_dim: int = Field(default=512, ge=1, description="width of w")
    embed_dim: int = Field(default=512, ge=0, description="width of the embedded label")
    mapping_hidden: tuple[int, ...] = Field(
        default=(512,), description="widths of all mapping layers but the last"
    )
    mapping_lr_mul: float = Field(default=0.01, gt=0, description="learning-rate multiplier of the mapping")
    channels: tuple[int, ...] = Field(
        default=(512, 512, 512, 512, 256, 128, 64),
        min_length=2,
        max_length=10,
        description="widths of the backbone's blocks at 4, 8, … pixels; the last makes the planes",
    )
    plane_channels: int = Field(default=32, ge=1, description="features per plane")
    noise: bool = Field(default=True, description="noise inputs of the backbone")
    clamp: float | None = Field(default=None, gt=0, description="bound of the backbone's convolutions")
    decoder_hidden: int = Field(default=64, ge=1, description="width of the decoder")
    decoder_colours: int = Field(
        default=32, ge=3, description="features that are rendered; the first 3 are RGB"
    )
    decoder_lr_mul: float = Field(default=1.0, gt=0, description="learning-rate multiplier of the decoder")
    superres: SuperRes = Field(
        default="SuperresolutionHybrid8XDC",
        description="super-resolution: 8XDC makes 512, 4X 256, 2X 128, TriscopeDoubled32 64 pixels",
    )
    superres_w_dim: int = Field(default=512, ge=1, description="style numbers of the super-resolution")
    superres_clamp: float | None = Field(
        default=256.0, gt=0, description="bound of the super-resolution's convolutions"
    )
    superres_antialias: bool = Field(default=True, description="low-pass where its input is reduced")
    superres_noise: Literal["none", "const", "random", "absent"] = Field(
        default="none", description="noise of the super-resolution; absent = it has no inputs for any"
    )


class OsgRenderConfig(Frozen):
    """How rays are marched: coarse samples, then fine ones where the coarse weights lie."""

    coarse: int = Field(default=48, ge=4, description="samples per ray of the first pass")
    fine: int = Field(default=48, ge=0, description="samples per ray of the second pass; 0 = one pass")
    near: Annotated[float | None, Shown("world units")] = Field(
        default=2.25, description="where rays begin; none = at the box"
    )
    far: Annotated[float | None, Shown("world units")] = Field(
        default=3.3, description="where rays end; none = at the box"
    )
    box_warp: Annotated[float, Shown("world units")] = Field(
        default=1.0, gt=0, description="edge of the cube that the planes span"
    )
    disparity: bool = Field(default=False, description="coarse samples even in 1/distance")
    white_back: bool = Field(default=False, description="rays that meet nothing are white instead of black")
    c_scale: float = Field(default=1.0, description="factor of the generator's label")

    @model_validator(mode="after")
    def _bounds(self) -> "OsgRenderConfig":
        if (self.near is None) != (self.far is None):
            raise ValueError("near and far must both be numbers, or both none")
        if self.near is not None and self.far is not None and self.far <= self.near:
            raise ValueError(f"far must lie behind near ({self.near:g}), got {self.far:g}")
        return self


class DensityConfig(Frozen):
    """Regulariser of the density (EG3D, supplement): neighbours should be alike."""

    kind: Literal["l1", "monotonic-detach", "monotonic-fixed"] = Field(
        default="l1",
        description="l1 = neighbours are alike; monotonic = it also does not fall towards the back",
    )
    weight: float = Field(default=0.25, ge=0, description="weight, mean over points; 0 = none")
    offset: Annotated[float, Shown("world units")] = Field(
        default=0.004, gt=0, description="distance of neighbours (standard deviation)"
    )
    interval: Annotated[int, Shown("steps")] = Field(
        default=4, ge=1, description="steps between regularisations, which count as many times"
    )


class OsgTrainConfig(Frozen):
    """What every such recipe trains with: two-pass density rendering at `schedule.resolution`, super-resolution, dual
    discrimination.
    """

    network: OsgNetworkConfig = OsgNetworkConfig()
    render: OsgRenderConfig = OsgRenderConfig()
    density: DensityConfig = DensityConfig()
    pose_conditioning: bool = Field(
        default=True, description="the mapping sees a camera (swapped by schedule.swap); off = zeros"
    )
    raw_filter: Literal["antialiased", "none", "classic"] = Field(
        default="antialiased", description="how real images are reduced to the rendering resolution"
    )
    label_noise: Annotated[float, Shown("standard deviations")] = Field(
        default=0.0, ge=0, description="noise on the label that the discriminator sees"
    )


class Eg3dNetworkConfig(OsgNetworkConfig):
    """Sizes of mapping, backbone, decoder and super-resolution."""

    plane_axes: Literal["published", "three"] = Field(
        default="published", description="published = EG3D's released table (xy, xz, zx); three = xy, xz, yz"
    )


class Eg3dTrainConfig(OsgTrainConfig):
    """EG3D: two-pass density rendering at `schedule.resolution`, super-resolution, dual discrimination."""

    network: Eg3dNetworkConfig = Eg3dNetworkConfig()  # pyright: ignore[reportIncompatibleVariableOverride]
