"""Settings of `triscope invert`: the latent, camera and weights that make a checkpoint show a photograph.

Stages and, on a GPU, steps are those of What You See is What You GAN, A2.3 (600 on latent, camera and noise, then 350 on
camera and weights); the rest, where it is silent, is that of pivotal tuning (Roich et al. 2021) and StyleGAN2's projection.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator

from core_model.schema.frozen import Frozen
from core_model.schema.settings import Heading, Shown

PICTURE = Heading("picture", "what is compared, and where")
LATENT = Heading("latent", "first stage: latent, camera and noise maps")
TUNE = Heading("tuning", "second stage: camera and weights about the latent found")
CAMERA = Heading("camera", "which of its degrees of freedom are found, and how fast")
LOSSES = Heading("losses", "weights")
OUTPUT = Heading("output", "what the run directory gets, and how often")
MACHINE = Heading("machine", "what may differ from machine to machine")


PAPER_STEPS = (600, 350)
CPU_STEPS = (150, 90)
"""On a CPU a step costs a second. Along the principal axes of w the head is found within a quarter of the paper's steps."""


class InvertConfig(Frozen):
    """One tree of settings; saved in the run directory, so that a resumed run is the same run."""

    checkpoint: str = Field(default="", description="the generator; the command line names it")
    checkpoint_sha256: str = Field(default="", description="of its file, filled in when the run begins")
    camera: tuple[float, ...] = Field(
        default=(), description="start: EG3D label of 25 numbers, filled in when the run begins"
    )
    size: Annotated[int, Shown("pixels", group=PICTURE)] = Field(
        default=0,
        ge=0,
        le=4096,
        description="edge of the compared picture; 0 = 128 on a CPU, the checkpoint's on a GPU",
    )
    mask: Annotated[Literal["none", "box", "alpha", "opacity"], Shown(group=PICTURE)] = Field(
        default="none",
        description="where losses count: everywhere, in box, where the photograph is opaque, where the head is",
    )
    box: Annotated[tuple[float, float, float, float], Shown("shares of the picture", group=PICTURE)] = Field(
        default=(0.0, 0.0, 1.0, 1.0), description="left, top, right, bottom of mask box"
    )
    latent_steps: Annotated[int | None, Shown("steps", group=LATENT)] = Field(
        default=None,
        ge=0,
        description="steps of the first stage; none = the paper's 600 on a GPU, 150 on a CPU",
    )
    space: Annotated[Literal["w", "w+"], Shown(group=LATENT)] = Field(
        default="w", description="one w for all layers, or one for each (w+: closer, and easier to break)"
    )
    lr: Annotated[float, Shown("standard deviations", group=LATENT)] = Field(
        default=0.05, gt=0, description="peak learning rate of the latent, along the principal axes of w"
    )
    ramp_up: Annotated[float, Shown("share of the stage", group=LATENT)] = Field(
        default=0.05, ge=0, le=1, description="share of the stage in which rates rise"
    )
    ramp_down: Annotated[float, Shown("share of the stage", group=LATENT)] = Field(
        default=0.25, ge=0, le=1, description="share of the stage in which rates fall (cosine)"
    )
    latent_noise: Annotated[float, Shown("standard deviations", group=LATENT)] = Field(
        default=0.05, ge=0, description="random move of the latent at every step, at the start"
    )
    latent_noise_share: Annotated[float, Shown("share of the stage", group=LATENT)] = Field(
        default=0.75, gt=0, le=1, description="share of the stage after which there is none"
    )
    average_samples: Annotated[int, Shown("latents", group=LATENT)] = Field(
        default=4096, ge=64, description="latents of which the mean and axes of w are taken"
    )
    noise_lr: Annotated[float, Shown(group=LATENT)] = Field(
        default=0.01, ge=0, description="learning rate of the noise maps; 0 = they stay"
    )
    tune_steps: Annotated[int | None, Shown("steps", group=TUNE)] = Field(
        default=None,
        ge=0,
        description="steps of the second stage; none = the paper's 350 on a GPU, 90 on a CPU",
    )
    tune_lr: Annotated[float, Shown(group=TUNE)] = Field(
        default=1e-4, gt=0, description="learning rate of the weights"
    )
    tune_hold: Annotated[float, Shown(group=TUNE)] = Field(
        default=2.0,
        ge=0,
        description="keeps the shape of the latent found (mean squared change of the field near its surface); 0 = it may bend freely",
    )
    tune_camera: Annotated[float, Shown(group=TUNE)] = Field(
        default=0.05, ge=0, description="factor of the camera's rate in the second stage"
    )
    turn_lr: Annotated[float, Shown("rad", group=CAMERA)] = Field(
        default=4e-3, ge=0, description="learning rate of yaw, pitch and roll; 0 = they stay"
    )
    shift_lr: Annotated[float, Shown("picture heights", group=CAMERA)] = Field(
        default=1e-3, ge=0, description="learning rate of the shift within the picture; 0 = it stays"
    )
    distance_lr: Annotated[float, Shown("share of the distance", group=CAMERA)] = Field(
        default=3e-4, ge=0, description="learning rate of the distance; 0 = it stays"
    )
    camera_prior: Annotated[float, Shown(group=CAMERA)] = Field(
        default=0.0,
        ge=0,
        description="weight that draws the camera back to where it started (radians squared)",
    )
    mse: Annotated[float, Shown(group=LOSSES)] = Field(
        default=1.0, ge=0, description="mean squared error of the picture in [-1, 1]"
    )
    perceptual: Annotated[float, Shown(group=LOSSES)] = Field(
        default=1.0,
        ge=0,
        description="LPIPS where vgg names its weights, else colours and gradients at several scales",
    )
    vgg: Annotated[str, Shown("file", group=LOSSES)] = Field(
        default="", description="VGG16's weights (torchvision's vgg16-397923af.pth), or LPIPS whole"
    )
    lpips: Annotated[str, Shown("file", group=LOSSES)] = Field(
        default="", description="LPIPS's linear layers, version 0.1 (its vgg.pth)"
    )
    edge_start: Annotated[float, Shown("pixels", group=PICTURE)] = Field(
        default=1.5,
        ge=0,
        description="softening of a hard outline at the start, so that it teaches the shape",
    )
    edge: Annotated[float, Shown("pixels", group=PICTURE)] = Field(
        default=0.25,
        ge=0,
        description="softening from the end of the first stage on: an antialiased edge; 0 = none in either stage",
    )
    noise_regulariser: Annotated[float, Shown(group=LOSSES)] = Field(
        default=1e5, ge=0, description="keeps the noise maps white: they must not carry the picture"
    )
    latent_prior: Annotated[float, Shown(group=LOSSES)] = Field(
        default=0.0,
        ge=0,
        description="mean squared distance of the latent from the mean, in standard deviations",
    )
    refresh: Annotated[int, Shown("steps", group=MACHINE)] = Field(
        default=8,
        ge=1,
        description="steps that share where the samples lie (WYSIWYG); 1 = placed at every step",
    )
    tick_steps: Annotated[int, Shown("steps", group=OUTPUT)] = Field(
        default=24, ge=1, description="steps per line of stats.jsonl"
    )
    save_steps: Annotated[int, Shown("steps", group=OUTPUT)] = Field(
        default=48, ge=1, description="steps between resume states"
    )
    picture_steps: Annotated[int, Shown("steps", group=OUTPUT)] = Field(
        default=96, ge=1, description="steps between pictures: target, render, difference, novel views"
    )
    tensorboard: Annotated[bool, Shown(group=OUTPUT)] = Field(
        default=False, description="also write TensorBoard events"
    )
    threads: Annotated[int, Shown("threads", group=MACHINE)] = Field(
        default=0, ge=0, description="CPU threads; 0 = one per core"
    )
    device: Annotated[str, Shown(group=MACHINE)] = Field(
        default="auto", description="auto, cpu, cuda or cuda:N"
    )
    seed: int = Field(default=0, ge=0, description="of the latent's random moves")

    @field_validator("box")
    @classmethod
    def _ordered(cls, v: tuple[float, float, float, float]) -> tuple[float, float, float, float]:
        if not (0.0 <= v[0] < v[2] <= 1.0 and 0.0 <= v[1] < v[3] <= 1.0):
            raise ValueError("left, top, right and bottom are shares of the picture, 0 to 1, in that order")
        return v

    @field_validator("camera")
    @classmethod
    def _label(cls, v: tuple[float, ...]) -> tuple[float, ...]:
        if len(v) not in (0, 25):
            raise ValueError("a camera is a label of 25 numbers")
        return v

    @property
    def latent_total(self) -> int:
        """Steps of the first stage."""
        return PAPER_STEPS[0] if self.latent_steps is None else self.latent_steps

    @property
    def tune_total(self) -> int:
        """Steps of the second stage."""
        return PAPER_STEPS[1] if self.tune_steps is None else self.tune_steps

    @property
    def steps(self) -> int:
        """Steps of both stages."""
        return self.latent_total + self.tune_total


class CodeHeader(Frozen):
    """What an inverted code says of itself (JSON in its safetensors file, metadata key `triscope-code`)."""

    version: Literal[1] = 1
    base_sha256: str = Field(min_length=64, max_length=64, description="of the checkpoint's file")
    base_name: str = Field(default="", max_length=255, description="file name of the checkpoint")
    base_path: str = Field(default="", max_length=4096, description="where it lay")
    name: str = Field(
        default="", max_length=255, description="the photograph's file name, without its folder"
    )
    camera: tuple[float, ...] = Field(
        min_length=25, max_length=25, description="label of the photograph's camera"
    )
    size: int = Field(default=0, ge=0, description="edge of the compared picture, pixels")
    psnr: float | None = Field(default=None, description="of the render against the photograph, dB")
    latent_steps: int = 0
    tune_steps: int = 0
    made_by: str = ""
    made_at: str = ""
