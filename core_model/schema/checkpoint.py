"""What a checkpoint says of itself: the viewer's defaults come from here."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from core_model.schema.camera import CameraPrior
from core_model.schema.channels import ChannelInfo
from core_model.schema.conventions import Conventions
from core_model.schema.frozen import Frozen
from core_model.schema.latent import LatentSpec
from core_model.schema.sampler import SamplerInfo

FORMAT_VERSION = 1
USUAL_TARGET_BLUR = 1.0
"""Blur of the proposals' training target [bins] that is shown for checkpoints whose header does not say it
(the paper names none)."""


class Provenance(Frozen):
    """Where a checkpoint comes from."""

    made_by: str = ""
    made_at: str = ""
    source: str = ""
    source_sha256: str = ""
    command: str = ""
    data: str = ""
    steps: int | None = None
    images_seen: float | None = None
    ema: bool | None = None
    scores: dict[str, float] = Field(default_factory=dict)
    notes: str = ""


class CheckpointHeader(Frozen):
    """JSON description stored in the native safetensors file (metadata key `triscope`)."""

    format_version: int = FORMAT_VERSION
    family: str
    name: str = ""
    config: dict[str, Any] = Field(default_factory=dict, description="the family's pydantic config")
    conventions: Conventions = Conventions()
    camera: CameraPrior = CameraPrior()
    provenance: Provenance = Provenance()
    licence: str = ""
    target_blur: float | None = Field(
        default=None,
        gt=0,
        description="blur of the target that the proposal network was trained towards, along the ray, bins (sigma)",
    )


class CheckpointInfo(Frozen):
    """Everything `triscope info` and the viewer show of an opened checkpoint."""

    path: str
    sha256: str = ""
    file_bytes: int = 0
    header: CheckpointHeader
    latent: LatentSpec | None = Field(
        default=None, description="what an inverted code shows first; none = a seed, as usual"
    )
    base_path: str = Field(
        default="", description="of an inverted code: the file of its checkpoint; else empty"
    )
    base_sha256: str = Field(default="", description="of that file")
    title: str = ""
    z_dim: int = 0
    w_dim: int = 0
    num_ws: int = 0
    c_dim: int = 0
    image_size: int = 512
    neural_size: int = Field(
        default=0,
        description="edge of the feature image that is super-resolved [pixels]; 0 = no super-resolution",
    )
    has_native: bool = Field(
        default=False, description="the picture of the original program can be reproduced"
    )
    plane_size: int = 0
    plane_channels: int = 0
    parameters: dict[str, int] = Field(default_factory=dict, description="parameter count by part")
    memory_bytes: int = Field(default=0, description="estimate for weights, planes and one 512² frame")
    has_proposal: bool = False
    view_dependent: bool = Field(
        default=False, description="whether the colours depend on the viewing direction"
    )
    num_classes: int = Field(default=0, description="classes of a class-conditional checkpoint; 0 = none")
    channels: tuple[ChannelInfo, ...] = ()
    samplers: tuple[SamplerInfo, ...] = ()
    left_out: tuple[str, ...] = Field(
        default=(), description="plugins that cannot be used where it was opened, a line each"
    )

    @property
    def family(self) -> str:
        return self.header.family

    @property
    def pose_conditioned(self) -> bool:
        return self.c_dim > 0
