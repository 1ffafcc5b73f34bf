"""Sizes of the WYSIWYG SDF-GAN generator (arXiv 2401.02411).

The family's config and a part of the training settings.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from core_model.schema.frozen import Frozen
from core_model.schema.settings import Shown


class NetworkConfig(Frozen):
    """Sizes of mapping, backbone, plane blocks, decoders and proposal network.

    The defaults are the paper's.
    """

    z_dim: int = Field(default=512, ge=1, description="width of z")
    c_dim: int = Field(default=25, ge=0, description="width of the pose label; 0 = not pose-conditioned")
    w_dim: int = Field(default=512, ge=1, description="width of w")
    mapping_layers: int = Field(default=2, ge=1, description="layers of the mapping network")
    mapping_width: int | None = Field(
        default=None, ge=1, description="width of the mapping's layers but the last; none = w_dim"
    )
    channel_base: int = Field(default=65536, ge=8, description="backbone capacity; EG3D has 32768")
    channel_max: int = Field(default=512, ge=1, description="most channels of a layer")
    start_size: Annotated[int, Shown("pixels")] = Field(
        default=4, ge=4, description="resolution of the backbone's learned constant; StyleGAN2 has 4"
    )
    base_size: Annotated[int, Shown("pixels")] = Field(default=256, ge=8, description="resolution of T'")
    plane_size: Annotated[int, Shown("pixels")] = Field(
        default=512, ge=8, description="resolution of T; base_size or twice it"
    )
    plane_channels: int = Field(default=32, ge=1, description="features per plane")
    plane_block_channels: int | None = Field(
        default=None, description="width of the three plane blocks; none = the backbone's law"
    )
    noise: bool = Field(default=True, description="noise inputs of StyleGAN2")
    sdf_hidden: int = Field(default=128, ge=1, description="width of MLP_sdf")
    geo_dim: int = Field(default=64, ge=1, description="geometry features handed to MLP_rgb")
    point_freqs: int = Field(default=6, ge=0, description="octaves of the position encoding")
    rgb_hidden: int = Field(default=64, ge=1, description="width of MLP_rgb")
    dir_freqs: int = Field(default=2, ge=0, description="octaves of the direction encoding")
    beta_start: Annotated[float, Shown("world units")] = Field(
        default=0.01, gt=0, description="beta at beta_pre = 0"
    )
    beta_floor: Annotated[float, Shown("world units")] = Field(
        default=0.0001, gt=0, description="smallest beta"
    )
    image_size: Annotated[int, Shown("pixels")] = Field(default=512, ge=8, description="native image size")
    probe_size: Annotated[int, Shown("pixels")] = Field(default=128, ge=4, description="probe resolution")
    probe_samples: int = Field(
        default=192, ge=4, description="uniform samples of a probe ray; the bins are one fewer"
    )
    proposal_channels: int = Field(default=256, ge=0, description="width of the proposal network; 0 = none")
    proposal_size: Annotated[int, Shown("pixels")] = Field(
        default=512, ge=4, description="resolution of the predicted distributions"
    )
    default_spp: float = Field(
        default=17.6, gt=1, description="adaptive mean of samples per ray in the viewer"
    )
    init_radius: Annotated[float, Shown("world units")] = Field(
        default=0.25, gt=0, description="radius of the sphere that the first SDF is"
    )
