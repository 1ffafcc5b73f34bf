"""Rendering settings that EG3D and its fork Mimic3D share: bounds, samples, label, super-resolution, presets.
Torch-free.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from core_model.families.configs import read_config
from core_model.families.description import Description, Sizes, ToNative
from core_model.families.imported import MAX_BLOCKS
from core_model.nn.superres_variants import VARIANTS
from core_model.schema.camera import EG3D_FOCAL, CameraPrior, OrbitPose, fov_from_focal
from core_model.schema.checkpoint import CheckpointHeader
from core_model.schema.conventions import Conventions
from core_model.schema.frozen import Frozen

if TYPE_CHECKING:
    from core_model.families.osg.twopass import TwoPassRule

CAMERA_LABEL = 25  # 4 x 4 camera-to-world matrix and 3 x 3 intrinsics


class SuperResConfig(Frozen):
    """One of the super-resolution networks of `core_model.nn.superres`; its style width is its own."""

    variant: str
    w_dim: int = Field(default=512, ge=1)
    clamp: float | None = Field(default=256.0, gt=0, description="bound of convolution outputs")
    antialias: bool = True
    use_noise: bool = True
    noise: Literal["none", "const", "random"] = "none"

    @property
    def out_size(self) -> int:
        """Edge of the picture it makes [pixels]."""
        return VARIANTS[self.variant].out_size

    @property
    def in_size(self) -> int:
        return VARIANTS[self.variant].in_size


class VolumetricConfig(Frozen):
    """EG3D's rendering_kwargs under their meaning. near, far None = from the box, ray by ray."""

    coarse: int = Field(default=48, ge=4, le=8192, description="samples of the first pass")
    fine: int = Field(default=48, ge=0, le=8192, description="samples of the second pass; 0 = one pass")
    near: float | None = 2.25
    far: float | None = 3.3
    box_warp: float = Field(default=1.0, gt=0, description="edge of the box, world units")
    disparity: bool = Field(default=False, description="coarse samples even in 1/t")
    white_back: bool = False
    c_scale: float = Field(default=1.0, description="factor of the conditioning label")
    zero_condition: bool = Field(default=False, description="the mapping sees a label of zeros")
    neural_size: int = Field(
        default=64, ge=1, le=4096, description="edge of the rendered feature image [pixels]"
    )
    camera_radius: float = Field(
        default=2.7, gt=0, description="distance of the camera to the world's origin"
    )
    camera_pivot: tuple[float, float, float] = (0.0, 0.0, 0.2)
    focal: float = Field(
        default=EG3D_FOCAL, gt=0, description="focal length of the frontal camera, image widths"
    )

    def rule(self) -> TwoPassRule:
        from core_model.families.osg.twopass import TwoPassRule  # needs torch, a description does not

        return TwoPassRule(
            self.near,
            self.far,
            self.coarse,
            self.fine,
            0.5 * self.box_warp,
            disparity=self.disparity,
            white_back=self.white_back,
        )

    def prior(self) -> CameraPrior:
        """Frontal camera on the world's +z axis that orbits the origin and looks at the pivot, as in the
        programs' scripts.
        """
        centre = (0.0, 0.0, 0.0) if any(self.camera_pivot) else None
        pose = OrbitPose(
            radius=self.camera_radius, pivot=self.camera_pivot, centre=centre, fov=fov_from_focal(self.focal)
        )
        return CameraPrior(law="labels", default=pose)

    def conventions(self, plane_axes: tuple[tuple[Any, Any], ...]) -> Conventions:
        """Lookup and density rules; `plane_axes` as axis letters (width, height) of each plane."""
        return Conventions(
            plane_axes=plane_axes,
            align_corners=False,
            padding="zeros",
            box=0.5 * self.box_warp,
            reduction="mean",
            field="density",
            density_rule="softplus_minus_one",
            near=self.near,
            far=self.far,
            scene_radius=0.5 * math.sqrt(3.0) * self.box_warp,
            background=(1.0, 1.0, 1.0) if self.white_back else (0.0, 0.0, 0.0),
            camera_label="eg3d25",
        )


class GeneratorConfig(Frozen):
    """Settings of every such generator: sizes of mapping, backbone and decoder, super-resolution, rendering."""

    z_dim: int = Field(default=512, ge=1)
    c_dim: int = Field(default=25, ge=0, description="width of the label; 0 = not conditioned")
    w_dim: int = Field(default=512, ge=1)
    embed_dim: int = Field(default=512, ge=0, description="width of the embedded label")
    mapping_hidden: tuple[int, ...] = Field(
        default=(512,), description="widths of all mapping layers but the last"
    )
    mapping_lr_mul: float = Field(default=0.01, gt=0)
    channels: tuple[int, ...] = Field(
        default=(512, 512, 512, 512, 256, 128, 64),
        max_length=MAX_BLOCKS,
        description="widths of the blocks b4, b8, …",
    )
    plane_channels: int = Field(default=32, ge=1, description="features per plane")
    noise: bool = True
    clamp: float | None = Field(default=None, gt=0, description="bound of the backbone's convolution outputs")
    decoder_hidden: int = Field(default=64, ge=1)
    decoder_colours: int = Field(default=32, ge=3)
    decoder_lr_mul: float = Field(default=1.0, gt=0)
    superres: SuperResConfig | None = None
    volumetric: VolumetricConfig = VolumetricConfig()

    @property
    def num_ws(self) -> int:
        return 2 * len(self.channels)

    @property
    def backbone_size(self) -> int:
        """Edge of the backbone's last picture [pixels]."""
        return 4 << (len(self.channels) - 1)

    @property
    def plane_size(self) -> int:
        """Edge of the finest sampled planes [pixels]."""
        return self.backbone_size

    @property
    def uses_superres(self) -> bool:
        return self.superres is not None

    @property
    def image_size(self) -> int:
        """Edge of the final picture [pixels]."""
        return (
            self.superres.out_size
            if self.superres is not None and self.uses_superres
            else self.volumetric.neural_size
        )


def volumetric_description(
    name: str, title: str, config: type[GeneratorConfig], convert: ToNative, licence_note: str
) -> Description:
    """Description of a family whose checkpoints hold such a generator; title: for people."""

    def describe(header: CheckpointHeader, where: str) -> Sizes:
        cfg = read_config(config, header, where)
        return Sizes(
            title=title,
            z_dim=cfg.z_dim,
            w_dim=cfg.w_dim,
            num_ws=cfg.num_ws,
            c_dim=cfg.c_dim,
            image_size=cfg.image_size,
            neural_size=cfg.volumetric.neural_size if cfg.uses_superres else 0,
            num_classes=cfg.c_dim if cfg.c_dim < CAMERA_LABEL else cfg.c_dim - CAMERA_LABEL,
            plane_size=cfg.plane_size,
            plane_channels=cfg.plane_channels,
            is_sdf=False,
        )

    return Description(name, describe, convert, licence_note)
