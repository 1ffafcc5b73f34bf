"""What changes while a GAN trains, as data.

Piecewise-linear curves over the number of images that the discriminator has seen. Table A4 of What You See is
What You GAN is such a `Schedule` (`schema/train_presets.py`).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

from pydantic import Field, field_validator

from core_model.schema.curve import Curve
from core_model.schema.frozen import Frozen
from core_model.schema.settings import Shown


class ScheduleValues(Frozen):
    """All values at one moment."""

    r1_gamma: float
    resolution: int
    surface_target: float
    colour_lr: float
    swap: float
    blur: float
    supervise: bool
    propose: bool


class Schedule(Frozen):
    """The curves of one training.

    Defaults are the FFHQ run of the paper (Table A4); swapping and blur are EG3D's.
    """

    r1_gamma: Annotated[Curve, Shown(title="R1 gamma")] = Field(
        default=Curve.model_validate("0:1,18M:1,18M:4,25M:4,25M:2"), description="weight of R1"
    )
    resolution: Annotated[Curve, Shown("pixels", title="Rendering resolution")] = Field(
        default=Curve.model_validate("0:64,10M:64,11M:128,18M:128,18.2M:512"),
        description="edge of rendered images; EpiGRAF: of its patches, the same for the whole run",
    )
    surface_target: Annotated[
        Curve, Shown("world units", recipes=("wysiwyg",), title="Surface variance aimed at")
    ] = Field(
        default=Curve.model_validate("0:0.01,10M:0.01,11M:0.001"),
        description="surface variance that the losses aim at (B_target in the paper)",
    )
    colour_lr: Annotated[Curve, Shown(recipes=("wysiwyg",), title="Learning rate of colours")] = Field(
        default=Curve.model_validate("0:2,25M:2,25M:1"), description="learning-rate multiplier of MLP_rgb"
    )
    swap: Annotated[Curve, Shown("chance", title="Camera swapping")] = Field(
        default=Curve.model_validate("0:1,1M:0.5"),
        description="chance that the generator is conditioned on another image's camera",
    )
    blur: Annotated[Curve, Shown("sigma, pixels", title="Blur")] = Field(
        default=Curve.model_validate("0:10,200k:0"),
        description="Gaussian blur of all images before the discriminator",
    )
    supervise: Annotated[
        Curve, Shown("1 = yes", recipes=("wysiwyg",), title="Supervise the proposal network")
    ] = Field(default=Curve.model_validate("0:0,16M:0,16M:1"), description="train the proposal network")
    propose: Annotated[Curve, Shown("1 = yes", recipes=("wysiwyg",), title="Render with proposals")] = Field(
        default=Curve.model_validate("0:0,17M:0,17M:1"), description="render with proposals"
    )

    @field_validator("resolution")
    @classmethod
    def _pixels(cls, curve: Curve) -> Curve:
        if any(y < 8 or y > 4096 for _, y in curve.points):
            raise ValueError("resolutions must lie between 8 and 4096 pixels")
        return curve

    @field_validator("r1_gamma", "surface_target", "colour_lr", "blur")
    @classmethod
    def _not_negative(cls, curve: Curve) -> Curve:
        if any(y < 0 for _, y in curve.points):
            raise ValueError("values must not be negative")
        return curve

    @field_validator("swap", "supervise", "propose")
    @classmethod
    def _chance(cls, curve: Curve) -> Curve:
        if any(not 0 <= y <= 1 for _, y in curve.points):
            raise ValueError("values must lie between 0 and 1")
        return curve

    def at(self, images: float) -> ScheduleValues:
        """Everything after `images` images; switches are on from one half."""
        return ScheduleValues(
            r1_gamma=self.r1_gamma.at(images),
            resolution=round(self.resolution.at(images)),
            surface_target=self.surface_target.at(images),
            colour_lr=self.colour_lr.at(images),
            swap=self.swap.at(images),
            blur=self.blur.at(images),
            supervise=self.supervise.at(images) >= 0.5,
            propose=self.propose.at(images) >= 0.5,
        )


def stages(curves: Iterable[Curve], until: float) -> tuple[float, ...]:
    """Numbers of images at which a curve bends or jumps, 0 and `until` included, ascending."""
    bends = {x for curve in curves for x, _ in curve.points if 0 < x < until}
    return (0.0, *sorted(bends), float(until))
