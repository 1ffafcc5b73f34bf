"""Settings of EpiGRAF's recipe: patches of any scale and place, and a discriminator that knows both.

Defaults are those of the released program for FFHQ 512² (Skorokhodov et al. 2022). No torch here.
"""

from __future__ import annotations

import math
from typing import Annotated, Literal

from pydantic import Field, model_validator

from core_model.schema.curve import Curve
from core_model.schema.frozen import Frozen
from core_model.schema.settings import Shown


class EpigrafNetworkConfig(Frozen):
    """Sizes of mapping, backbone, MLP and background."""

    z_dim: int = Field(default=512, ge=1, description="width of z")
    w_dim: int = Field(default=512, ge=1, description="width of w")
    embed_dim: int = Field(default=512, ge=0, description="width of the embedded label")
    mapping_hidden: tuple[int, ...] = Field(
        default=(512,), description="widths of all mapping layers but the last"
    )
    mapping_lr_mul: float = Field(default=0.01, gt=0, description="learning-rate multiplier of the mapping")
    c_dim: int = Field(default=0, ge=0, description="classes of the data set; 0 = it has none")
    camera_cond: bool = Field(
        default=False, description="the mapping sees yaw and pitch (of another image by schedule.swap)"
    )
    camera_drop: float = Field(
        default=0.0, ge=0, lt=1, description="chance that the mapping is not told an angle"
    )
    camera_noise: Annotated[float, Shown("standard deviations")] = Field(
        default=0.0, ge=0, description="noise on the angles that the mapping sees"
    )
    channels: tuple[int, ...] = Field(
        default=(512, 512, 512, 512, 512, 256, 128, 64),
        min_length=2,
        max_length=10,
        description="widths of the backbone's blocks at 4, 8, … pixels; the last makes the planes",
    )
    plane_channels: int = Field(default=32, ge=1, description="features per plane")
    noise: bool = Field(default=True, description="noise inputs of the backbone")
    clamp: float | None = Field(default=256.0, gt=0, description="bound of the backbone's convolutions")
    mlp_widths: tuple[int, ...] = Field(
        default=(64, 4), description="outputs of the MLP's layers; the last: three colours and the density"
    )
    point_freqs: int = Field(default=0, ge=0, description="octaves of the encoded position; 0 = none")
    point_period: float = Field(default=0.0, ge=0, description="longest period of the encoded position")
    view_widths: tuple[int, ...] = Field(
        default=(), description="colour layers that also see the viewing direction; empty = none"
    )
    background: Literal["none", "plane", "sphere"] = Field(
        default="none",
        description="what lies behind: none = the last sample; plane = a picture; sphere = a network on inverse "
        "spheres (NeRF++)",
    )
    sphere_widths: tuple[int, ...] = Field(
        default=(128, 128), min_length=1, description="widths of the sphere's blocks"
    )
    sphere_steps: int = Field(
        default=8, ge=2, description="samples per ray of the sphere; the paper's are 16"
    )
    sphere_period: float = Field(
        default=64.0, ge=1, description="longest period of the sphere's encoded coordinates"
    )


class EpigrafRenderConfig(Frozen):
    """Camera sphere, box and samples. The data's cameras count by their yaw and pitch alone."""

    steps: int = Field(default=48, ge=4, description="samples per ray of each of the two passes")
    fov: Annotated[float, Shown("degrees")] = Field(
        default=12.0, gt=0, lt=180, description="angle across the picture"
    )
    near: Annotated[float, Shown("world units")] = Field(default=0.88, gt=0, description="where rays begin")
    far: Annotated[float, Shown("world units")] = Field(default=1.12, gt=0, description="where rays end")
    radius: Annotated[float, Shown("world units")] = Field(
        default=1.0, gt=0, description="distance of the cameras from the origin, which they look at"
    )
    cube_scale: Annotated[float, Shown("world units")] = Field(
        default=0.2, gt=0, description="half edge of the cube that the planes span"
    )
    activation: Literal["softplus", "relu"] = Field(
        default="softplus", description="what makes densities of the MLP's raw ones"
    )
    density_shift: float = Field(default=0.0, description="added to raw densities")
    white_back: bool = Field(default=False, description="light that passes everything is white")
    last_back: bool = Field(default=False, description="light that passes everything has the last colour")

    @model_validator(mode="after")
    def _bounds(self) -> "EpigrafRenderConfig":
        if self.far <= self.near:
            raise ValueError(f"far must lie behind near ({self.near:g}), got {self.far:g}")
        return self


class EpigrafPatchConfig(Frozen):
    """Which windows of the pictures are rendered and judged (Eq. 3 to 5). Their edge is `schedule.resolution`."""

    distribution: Literal["beta", "uniform", "discrete_uniform"] = Field(
        default="beta",
        description="of scales: beta = whole pictures first, then all; uniform = from a falling smallest one; "
        "discrete_uniform = the same among `scales`",
    )
    min_scale: Annotated[float, Shown("of the picture")] = Field(
        default=0.0, ge=0, le=1, description="smallest window; 0 = where a pixel of it is one of the data"
    )
    max_scale: Annotated[float, Shown("of the picture")] = Field(
        default=1.0, gt=0, le=1, description="largest window"
    )
    anneal: Annotated[float, Shown("images")] = Field(
        default=10_000_000.0, ge=0, description="until the distribution is at its end"
    )
    alpha: float = Field(default=1.0, gt=0, description="of Beta(alpha, beta)")
    beta_start: float = Field(default=0.001, gt=0, description="beta at first: nearly 0 = whole pictures")
    beta_end: float = Field(default=0.8, gt=0, description="beta after `anneal` images: 1 = uniform")
    scales: int = Field(
        default=2, ge=2, description="of discrete_uniform, even from the smallest to the largest"
    )

    @model_validator(mode="after")
    def _order(self) -> "EpigrafPatchConfig":
        if self.min_scale > self.max_scale:
            raise ValueError(
                f"min_scale must not exceed max_scale ({self.max_scale:g}), got {self.min_scale:g}"
            )
        return self


class EpigrafJudgeConfig(Frozen):
    """What the discriminator knows of a patch. Whether it knows the camera: discriminator.pose."""

    hyper: bool = Field(
        default=True, description="scale and place modulate every block (hypernetwork); off = ablation"
    )
    placed: bool = Field(
        default=True, description="scale and place are judged with the patch; off = ablation"
    )
    bands: int = Field(
        default=1,
        ge=1,
        le=8,
        description="ablation: as many discriminators, each for an equal part of the scales (2, 4: with hyper off)",
    )
    camera_raw: bool = Field(
        default=False, description="yaw and pitch as two numbers instead of sines and cosines"
    )
    camera_drop: float = Field(
        default=0.5, ge=0, lt=1, description="chance that a number of the camera's code is dropped"
    )
    camera_noise: Annotated[float, Shown("standard deviations")] = Field(
        default=0.0, ge=0, description="noise on the angles that the discriminator sees"
    )


class EpigrafCameraConfig(Frozen):
    """From where fakes are seen: as the data, or by a distribution about the origin.

    EpiGRAF's angles: yaw 0 stands on +x, π/2 on +z; pitch is measured from straight above.
    """

    front: Annotated[float, Shown("rad")] = Field(
        default=0.5 * math.pi,
        description="yaw of a camera of the data in front of its subject: π/2 = subjects face +z as elsewhere in "
        "triscope; 0 = +x as in the program (fine-tuning of its files takes it over)",
    )

    prior: Literal["data", "uniform", "normal", "spherical_uniform"] = Field(
        default="data",
        description="data = the set's own cameras; spherical_uniform = even over the sphere. All but data: the "
        "discriminator is told of no camera",
    )
    yaw: Annotated[float, Shown("rad")] = Field(default=0.5 * math.pi, description="mean yaw; π/2 = frontal")
    yaw_spread: Annotated[float, Shown("rad")] = Field(
        default=math.pi, ge=0, description="half range of the yaw (normal: standard deviation)"
    )
    pitch: Annotated[float, Shown("rad")] = Field(
        default=0.5 * math.pi, ge=0, le=math.pi, description="mean pitch from straight above; π/2 = level"
    )
    pitch_spread: Annotated[float, Shown("rad")] = Field(
        default=0.5 * math.pi, ge=0, description="half range of the pitch (normal: standard deviation)"
    )


class EpigrafTrainConfig(Frozen):
    """EpiGRAF: a density field trained on patches at full resolution, without a super-resolution."""

    network: EpigrafNetworkConfig = EpigrafNetworkConfig()
    render: EpigrafRenderConfig = EpigrafRenderConfig()
    patch: EpigrafPatchConfig = EpigrafPatchConfig()
    judge: EpigrafJudgeConfig = EpigrafJudgeConfig()
    camera: EpigrafCameraConfig = EpigrafCameraConfig()
    density_noise: Annotated[Curve, Shown("standard deviations", title="Density noise")] = Field(
        default=Curve.model_validate("0:1,5M:0"),
        description="noise on raw densities while the generator learns",
    )

    @model_validator(mode="after")
    def _positive(self) -> "EpigrafTrainConfig":
        if any(y < 0 for _, y in self.density_noise.points):
            raise ValueError("density_noise must not be negative")
        return self

    def smallest_scale(self, patch: float, resolution: int) -> float:
        """Smallest window as a share of the picture."""
        return self.patch.min_scale or min(patch / resolution, self.patch.max_scale)

    def fault(self, patch: Curve, resolution: int, reuse_fakes: bool) -> str:
        """What is wrong with settings of the run beside this branch; "" where nothing is.

        patch: `schedule.resolution`, the edge of the patches.
        """
        edges = {y for _, y in patch.points}
        edge = round(patch.top)
        if len(edges) > 1 or edge & (edge - 1) or edge < 8:
            return (
                "schedule.resolution is the edge of EpiGRAF's patches: one power of two from 8 for the whole run, "
                f"got {patch.text()}"
            )
        if reuse_fakes:
            return (
                "reuse_fakes shows the discriminator the windows of the generator's step again; EpiGRAF draws new "
                "ones for every phase"
            )
        if self.smallest_scale(edge, resolution) > self.patch.max_scale:
            return f"epigraf.patch.max_scale lies below the smallest scale, got {self.patch.max_scale:g}"
        return ""
