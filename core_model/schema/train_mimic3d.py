"""Settings of Mimic3D's recipe: EG3D's, 3D-aware planes, and what the 3D branch learns. No torch here."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from core_model.schema.curve import Curve
from core_model.schema.frozen import Frozen
from core_model.schema.settings import Shown
from core_model.schema.train_osg import DensityConfig, OsgNetworkConfig, OsgTrainConfig

View = Literal["separate", "mean", "attention"]


class Mimic3dNetworkConfig(OsgNetworkConfig):
    """Sizes of mapping, 3D-aware backbone, detail blocks, decoder and super-resolution."""

    aware: int = Field(
        default=10, ge=0, le=10, description="blocks with a 3D-aware one, from 4² on; as many as there are"
    )
    attention: bool = Field(
        default=False, description="planes see each other by attention instead of by means"
    )
    detail: View = Field(
        default="separate", description="what a plane sees in the detail blocks: itself, or the others too"
    )
    detail_ups: tuple[int, ...] = Field(
        default=(2, 1), min_length=1, max_length=2, description="growth of each detail block, 1 or 2"
    )
    levels: tuple[int, ...] = Field(
        default=(-3, -1),
        min_length=2,
        max_length=2,
        description="coarse and detail planes, counted from the last block's; their features are added",
    )
    plane_act: Literal["none", "tanh", "sigmoid"] = Field(default="none", description="applied to the planes")

    @model_validator(mode="after")
    def _ordered(self) -> "Mimic3dNetworkConfig":
        if any(up not in (1, 2) for up in self.detail_ups):
            raise ValueError(f"detail_ups must be 1 or 2 each, got {list(self.detail_ups)}")
        if not self.levels[0] < self.levels[1] < 0:
            raise ValueError(f"levels must be negative and ascending, got {list(self.levels)}")
        return self


class ImitationConfig(Frozen):
    """How the 3D branch imitates the super-resolved picture."""

    weight: float = Field(default=1.0, ge=0, description="weight of the perceptual distance")
    vgg: str = Field(
        default="",
        description="file with VGG16's weights (vgg16-397923af.pth); without it colours are compared, not LPIPS",
    )
    lpips: str = Field(
        default="", description="file with LPIPS's linear layers (vgg.pth), where `vgg` does not hold them"
    )

    @model_validator(mode="after")
    def _together(self) -> "ImitationConfig":
        if self.lpips and not self.vgg:
            raise ValueError("lpips goes with vgg: the convolutions are missing")
        return self


class PatchConfig(Frozen):
    """Windows of the picture that the 3D branch renders, and their discriminator."""

    size: Annotated[int, Shown("pixels")] = Field(
        default=64, ge=8, le=1024, description="edge of a window; a power of two"
    )
    weight: float = Field(default=0.1, ge=0, description="weight of the patch discriminator's verdict")
    gamma: Annotated[Curve, Shown(title="R1 gamma of patches")] = Field(
        default=Curve.model_validate("1"), description="weight of the patch discriminator's R1"
    )

    @field_validator("gamma")
    @classmethod
    def _not_negative(cls, curve: Curve) -> Curve:
        if any(y < 0 for _, y in curve.points):
            raise ValueError("values must not be negative")
        return curve


class FineDensityConfig(DensityConfig):
    """Regulariser of the density (EG3D, supplement): neighbours should be alike; half as far apart as EG3D's."""

    offset: Annotated[float, Shown("world units")] = Field(
        default=0.002, gt=0, description="distance of neighbours (standard deviation)"
    )


class Mimic3dTrainConfig(OsgTrainConfig):
    """Mimic3D: EG3D with 3D-aware planes, and a 3D branch that imitates its super-resolved pictures."""

    network: Mimic3dNetworkConfig = Mimic3dNetworkConfig()  # pyright: ignore[reportIncompatibleVariableOverride]
    density: FineDensityConfig = FineDensityConfig()  # pyright: ignore[reportIncompatibleVariableOverride]
    imitate: Annotated[Curve, Shown("1 = yes", title="Train the 3D branch")] = Field(
        default=Curve.model_validate("1"),
        description="train the 3D branch too; 0 throughout = 2D stage, 0 and later 1 = both in one run",
    )
    imitation: ImitationConfig = ImitationConfig()
    patch: PatchConfig = PatchConfig()

    @field_validator("imitate")
    @classmethod
    def _switch(cls, curve: Curve) -> Curve:
        if any(not 0 <= y <= 1 for _, y in curve.points):
            raise ValueError("values must lie between 0 and 1")
        return curve

    @property
    def has_3d(self) -> bool:
        """Whether the 3D branch is trained at any time; without it the generator has no detail blocks."""
        return self.imitate.top >= 0.5

    def imitates(self, images: float) -> bool:
        """Whether the 3D branch is trained after `images` images."""
        return self.imitate.at(images) >= 0.5
