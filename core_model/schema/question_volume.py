"""Questions about slices and level sets of the ray distributions of a whole picture.

Fig. 3 of What You See is What You GAN.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from core_model.schema.camera import CameraSpec, OrbitPose
from core_model.schema.latent import LatentSpec
from core_model.schema.question import Question
from core_model.schema.render import RenderRequest
from core_model.schema.sampler import SamplerSpec

VolumeForm = Literal["slice", "level"]


class RayVolumeQuestion(Question):
    """One view of the ray distributions P and P̂.

    P: the probe's distributions of light along its rays. P̂: the network's prediction at high resolution.

    Arrays: `image` [3, h, w] of the probe, `probe` [h, w], and `proposal` [H, W] where there is a proposal
    network. In a slice they hold the share of each ray's light between two distances; in a level set the
    distance at which the share in one bin first reaches the level, NaN where it never does. Values: `near`
    and `far` of the rays, `start` and `end` of the slice (world units along the rays), `bins`.
    """

    latent: LatentSpec = LatentSpec()
    camera: CameraSpec = OrbitPose()
    precision: Literal["fp32", "bf16"] = "fp32"
    skip_empty: bool = True
    size: int = Field(
        default=512, ge=16, le=16384, description="edge of the picture that the probe is for, pixels"
    )
    form: VolumeForm = "slice"
    depth: float = Field(
        default=0.5, ge=0.0, le=1.0, description="middle of the slice, 0 at near and 1 at far"
    )
    thickness: float = Field(
        default=0.02, gt=0.0, le=1.0, description="of the slice, share of the way from near to far"
    )
    level: float = Field(default=0.1, gt=0.0, le=1.0, description="share of the light in one bin")

    def request(self) -> RenderRequest:
        """The picture whose probe it is."""
        return RenderRequest(
            checkpoint=self.checkpoint, latent=self.latent, camera=self.camera, width=self.size, height=self.size,
            precision=self.precision, skip_empty=self.skip_empty, sampler=SamplerSpec(name="uniform"),
        )  # fmt: skip
