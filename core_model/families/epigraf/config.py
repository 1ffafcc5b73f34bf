"""Configuration of an EpiGRAF generator, as read from its file. Torch-free."""

from __future__ import annotations

import math
from typing import Literal

from pydantic import Field, model_validator

from core_model.families.imported import MAX_BLOCKS
from core_model.schema.camera import CameraPrior, OrbitPose
from core_model.schema.conventions import Conventions
from core_model.schema.frozen import Frozen


def octaves_of(period: float) -> int:
    """Octaves whose longest period covers `period`; 0 = no encoding."""
    return max(0, math.ceil(math.log2(period))) if period > 0 else 0


class SphereConfig(Frozen):
    """Background on inverse spheres (NeRF++): inverse depths from `start` to 0, style-modulated layers of
    `widths`.
    """

    widths: tuple[int, ...] = Field(default=(128, 128), min_length=1, description="width of each block")
    outputs: int = Field(default=4, ge=4, description="colours and density")
    period: float = Field(default=64.0, ge=1, description="longest period of the encoded coordinates")
    steps: int = Field(default=8, ge=2, le=8192)
    start: float = Field(default=1.0, gt=0)


class EpigrafConfig(Frozen):
    """Sizes of mapping, backbone, MLP and background; camera and integration of the data set."""

    z_dim: int = Field(default=512, ge=1)
    c_dim: int = Field(default=0, ge=0, description="classes")
    camera_cond: bool = Field(default=False, description="the mapping sees yaw and pitch")
    w_dim: int = Field(default=512, ge=1)
    embed_dim: int = Field(default=0, ge=0)
    mapping_hidden: tuple[int, ...] = (512,)
    mapping_lr_mul: float = Field(default=0.01, gt=0)
    channels: tuple[int, ...] = Field(
        default=(512, 512, 512, 512, 512, 256, 128, 64),
        max_length=MAX_BLOCKS,
        description="widths of the blocks b4, b8, …",
    )
    plane_channels: int = Field(default=32, ge=1)
    noise: bool = True
    clamp: float | None = Field(default=256.0, gt=0)
    mlp_widths: tuple[int, ...] = Field(
        default=(64, 4), description="outputs of the MLP's layers; empty = none"
    )
    point_freqs: int = Field(default=0, ge=0, description="octaves of the encoded position; 0 = none")
    point_period: float = Field(default=0.0, ge=0)
    view_widths: tuple[int, ...] = Field(
        default=(), description="colour layers of a view-dependent model; empty = not view-dependent"
    )
    activation: Literal["softplus", "relu"] = "softplus"
    density_shift: float = 0.0
    steps: int = Field(default=48, ge=4, le=8192, description="samples of each of the two passes")
    fov: float = Field(default=12.0, gt=0, lt=180, description="degrees across the picture")
    near: float = 0.88
    far: float = 1.12
    radius: float = Field(default=1.0, gt=0)
    cube_scale: float = Field(default=0.2, gt=0, description="half edge of the box, world units")
    white_back: bool = False
    last_back: bool = False
    image_size: int = Field(default=512, ge=2, le=8192)
    background: Literal["plane", "sphere"] | None = None
    sphere: SphereConfig = SphereConfig()

    @model_validator(mode="after")
    def _sizes(self) -> EpigrafConfig:
        if len(self.channels) < 2 or min(self.channels) < 1:
            raise ValueError(f"channels needs at least two positive widths, got {self.channels}")
        if not self.view_widths and self.answers < 4:
            raise ValueError(f"the MLP must end in three colours and a density, got {self.answers}")
        if not self.near < self.far:
            raise ValueError(f"near must be less than far, got {self.near} and {self.far}")
        return self

    @property
    def answers(self) -> int:
        """Outputs of the MLP at a point: colours or features, and the density last."""
        return self.mlp_widths[-1] if self.mlp_widths else self.plane_channels

    @property
    def plane_size(self) -> int:
        """Edge of the planes [pixels]."""
        return 4 << (len(self.channels) - 1)

    @property
    def label_dim(self) -> int:
        """Width of the mapping's label."""
        return self.c_dim + (2 if self.camera_cond else 0)

    @property
    def plane_ws(self) -> int:
        """Style slots of the backbone; those of a sphere background follow them."""
        return 2 * len(self.channels)

    @property
    def num_ws(self) -> int:
        return self.plane_ws + (2 * len(self.sphere.widths) if self.background == "sphere" else 0)

    def prior(self) -> CameraPrior:
        return CameraPrior(law="labels", default=OrbitPose(radius=self.radius, fov=math.radians(self.fov)))

    def conventions(self) -> Conventions:
        empty = 1.0 if self.white_back else 0.5
        return Conventions(
            plane_axes=(("x", "y"), ("x", "z"), ("y", "z")),
            align_corners=True,
            padding="zeros",
            box=self.cube_scale,
            reduction="mean",
            field="density",
            density_rule=self.activation,
            near=self.near,
            far=self.far,
            background=(empty, empty, empty),
            camera_label="angles",
        )
