"""Settings of `triscope train`.

One tree, of which command line, form, saved run and table are views. No torch here.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, model_validator

from core_model.schema.camera import Vec3
from core_model.schema.curve import Curve
from core_model.schema.frozen import Frozen
from core_model.schema.network import NetworkConfig
from core_model.schema.recipes import RECIPES, settings_recipe
from core_model.schema.run import ControlRequest, MetricRecord, RunRecord, TickRecord
from core_model.schema.schedule import Schedule, ScheduleValues, stages
from core_model.schema.settings import Setting, Shown, settings_of
from core_model.schema.train_epigraf import EpigrafTrainConfig
from core_model.schema.train_mimic3d import Mimic3dTrainConfig
from core_model.schema.train_osg import Eg3dTrainConfig

__all__ = [
    "ControlRequest", "Curve", "MetricRecord", "RunRecord", "Schedule", "ScheduleValues", "TickRecord", "TrainConfig",
]  # fmt: skip

CONFIG_VERSION = 2
WYSIWYG, EG3D = ("wysiwyg",), ("eg3d",)
EPIGRAF, MIMIC3D = ("epigraf",), ("mimic3d",)
"""Recipes that read a setting; one without such a mark is read by all."""


class DiscriminatorConfig(Frozen):
    """StyleGAN2's residual discriminator."""

    channel_base: int = Field(default=32768, ge=8, description="capacity")
    channel_max: int = Field(default=512, ge=1, description="most channels of a layer")
    label_layers: int = Field(default=8, ge=1, description="layers of the network that embeds the camera")
    std_group: Annotated[int, Shown("images")] = Field(
        default=4, ge=1, description="images per group of the minibatch standard deviation"
    )
    std_channels: int = Field(
        default=1, ge=0, description="channels of the minibatch standard deviation; 0 = none"
    )
    pose: bool = Field(default=True, description="judge image and camera together (label projection)")
    pose_noise: Annotated[float, Shown("standard deviations", recipes=WYSIWYG)] = Field(
        default=0.0, ge=0, description="noise on the label that the discriminator sees"
    )
    dual: Annotated[bool, Shown(recipes=WYSIWYG)] = Field(
        default=False,
        description="also show the image at the probe's resolution (EG3D's dual discrimination)",
    )


class DataConfig(Frozen):
    """Where the images come from."""

    path: str = Field(default="", description="zip or folder with dataset.json; set by --data")
    resolution: Annotated[int, Shown("pixels")] = Field(
        default=512, ge=16, le=2048, description="edge of the images that the discriminator sees"
    )
    mirror: bool = Field(default=True, description="also show mirrored images, with mirrored cameras")
    labels: bool = Field(
        default=True, description="the set has cameras; off = they are drawn, and poses are not judged"
    )
    workers: int = Field(
        default=3, ge=0, le=64, description="threads that decode images; 0 = the trainer itself"
    )


class RenderConfig(Frozen):
    """How the generator is rendered while it trains."""

    samples: int = Field(default=192, ge=4, description="samples per ray before proposals are used")
    first_stage: Literal["stratified", "two-pass"] = Field(
        default="stratified",
        description="where `samples` lie before proposals; two-pass = half by the weights of the first half (NeRF)",
    )
    budget_low: int = Field(default=16, ge=1, description="samples of an easy ray with proposals")
    budget_high: int = Field(default=32, ge=1, description="samples of a hard ray with proposals")
    hard_share: float = Field(default=0.1, ge=0, le=1, description="share of rays that count as hard")
    tau: float = Field(default=0.98, gt=0, le=1, description="mass of the robust set of bins")
    box: Annotated[float, Shown("world units")] = Field(
        default=0.5, gt=0, description="half edge of the cube that the planes span"
    )
    scene_radius: Annotated[float, Shown("world units")] = Field(
        default=0.5, gt=0, description="rays span this far around the box centre"
    )
    background: Vec3 | None = Field(default=(0.0, 0.0, 0.0), description="colour behind the scene, in [0, 1]")
    patch: Annotated[int, Shown("pixels")] = Field(
        default=64, ge=4, description="edge of the densely traced patch that supervises proposals"
    )
    blur_bins: Annotated[float, Shown("bins")] = Field(
        default=1.0, gt=0, description="blur of the proposals' target along the ray (sigma)"
    )
    checkpoint_rays: int = Field(
        default=0, ge=0, description="rays rendered at a time and recomputed in the backward pass; 0 = all"
    )
    jitter: Literal["ray", "image"] = Field(
        default="ray", description="samples lie at random places anew for each ray, or image"
    )
    cull_floor: float = Field(
        default=0.0,
        ge=0,
        lt=1,
        description="share of a ray's light below which a sample is left out; 0 = none is",
    )
    refine: int = Field(
        default=0,
        ge=0,
        description="samples per ray added where a first look at `samples` saw a surface, till proposals",
    )
    look: Annotated[int, Shown("pixels")] = Field(
        default=0, ge=0, description="edge of the first look that `refine` adds samples by; 0 = the picture's"
    )
    sampler: bool = Field(
        default=True,
        description="ablation: off = two-pass importance sampling instead of the learned sampler",
    )
    stratified: bool = Field(default=True, description="ablation: off = independent draws from the proposals")
    robust: bool = Field(
        default=True,
        description="ablation: off = draws by the inverse CDF of the proposals, without the robust set",
    )


class LossConfig(Frozen):
    """Weights of the losses; the WYSIWYG paper does not publish its own."""

    surface: Annotated[float, Shown(recipes=WYSIWYG)] = Field(
        default=1.0, ge=0, description="weight of the surface loss, (B - B_target)² of each pixel"
    )
    surface_reduction: Annotated[Literal["sum", "mean"], Shown(recipes=WYSIWYG)] = Field(
        default="sum",
        description="over pixels; sum (the paper's) keeps the weight of a pixel when the resolution grows",
    )
    surface_rays: Annotated[Literal["all", "met"], Shown(recipes=WYSIWYG)] = Field(
        default="all",
        description="met = a ray's target is scaled by its opacity, so that rays into a plain background ask for nothing; "
        "all = the paper's, whose pictures are full",
    )
    decision: Annotated[float, Shown(recipes=WYSIWYG)] = Field(
        default=0.0, ge=0, description="weight of the decision loss, mean of exp(-sharpness |sdf|)"
    )
    decision_sharpness: Annotated[float, Shown("1 / world units", recipes=WYSIWYG)] = Field(
        default=2.0, gt=0, description="sharpness of the decision loss"
    )
    decision_points: Annotated[int, Shown(recipes=WYSIWYG)] = Field(
        default=0,
        ge=0,
        description="points of a batch that the decision loss looks at; 0 = all of the probe (the paper's)",
    )
    decision_start: Annotated[int, Shown("images", recipes=WYSIWYG)] = Field(
        default=16_000_000,
        ge=0,
        description="from which the decision loss counts: the paper's is the probe's, which supervision begins",
    )
    bend: Annotated[float, Shown(recipes=WYSIWYG)] = Field(
        default=0.0,
        ge=0,
        description="weight of the bend loss, mean of (second difference of the sdf / step)²",
    )
    bend_step: Annotated[float, Shown("world units", recipes=WYSIWYG)] = Field(
        default=0.02, gt=0, description="distance of the bend loss's three points"
    )
    bend_points: Annotated[int, Shown(recipes=WYSIWYG)] = Field(
        default=2048, ge=64, description="places of a batch that the bend loss looks at"
    )
    sampler: Annotated[float, Shown(recipes=WYSIWYG)] = Field(
        default=1.0, ge=0, description="weight of the proposal network's cross-entropy"
    )
    r1_interval: Annotated[int, Shown("steps")] = Field(
        default=16, ge=1, description="steps between R1 penalties (lazy regularisation)"
    )


class OptimConfig(Frozen):
    """Adam for both networks, and the weight average."""

    generator_lr: float = Field(default=0.0025, gt=0, description="learning rate of the generator")
    discriminator_lr: float = Field(default=0.002, gt=0, description="learning rate of the discriminator")
    decoder_lr: Annotated[float, Shown(recipes=WYSIWYG)] = Field(
        default=0.1,
        gt=0,
        description="multiplier for MLP_sdf, whose weights are not equalised (about 1/√inputs)",
    )
    colour_lr: Annotated[float, Shown(recipes=WYSIWYG)] = Field(
        default=1.0,
        gt=0,
        description="multiplier for MLP_rgb beside schedule.colour_lr; its weights are not equalised: 1 is Table A4 "
        "as written, 0.1 (1/√inputs) has the steps of equalised layers",
    )
    warmup_images: Annotated[float, Shown("images")] = Field(
        default=0.0, ge=0, description="images until the generator's rate is reached, linear; 0 = at once"
    )
    proposal_lr: Annotated[float, Shown(recipes=WYSIWYG)] = Field(
        default=0.2, gt=0, description="multiplier for the proposal network (not equalised)"
    )
    beta1: float = Field(default=0.0, ge=0, lt=1, description="Adam's decay of the mean gradient")
    beta2: float = Field(default=0.99, ge=0, lt=1, description="Adam's decay of the mean squared gradient")
    ema_images: Annotated[float, Shown("images")] = Field(
        default=10000.0, gt=0, description="half-life of the weight average"
    )
    ema_rampup: float = Field(
        default=0.05, ge=0, description="the half-life is at most this share of the images seen; 0 = no ramp"
    )
    precision: Literal["fp32", "bf16"] = Field(
        default="bf16", description="arithmetic of convolutions and heads (CPU: use fp32)"
    )
    max_bad_steps: Annotated[int, Shown("steps")] = Field(
        default=20, ge=1, description="steps in a row with NaN or infinite gradients before the run fails"
    )


class AugmentConfig(Frozen):
    """Adaptive discriminator augmentation."""

    mode: Literal["none", "ada", "fixed"] = Field(
        default="none", description="ada = p follows the target; fixed = p stays"
    )
    pipe: Literal["bgc", "bg", "b", "g", "c"] = Field(
        default="bgc",
        description="changes that are made: b = flips, turns and shifts of whole pixels, g = other geometry, c = colour",
    )
    p: float = Field(default=0.0, ge=0, le=1, description="strength at the start")
    target: float = Field(
        default=0.6,
        ge=-1,
        le=1,
        description="mean sign of the discriminator on real images that p is steered to",
    )
    speed_images: Annotated[float, Shown("images")] = Field(
        default=500_000.0, gt=0, description="images in which p can move by one"
    )
    interval: Annotated[int, Shown("steps")] = Field(default=4, ge=1, description="steps between adjustments")


class OutputConfig(Frozen):
    """What the run directory gets, and how often."""

    tick_images: Annotated[int, Shown("images")] = Field(
        default=4000, ge=1, description="images per line of stats.jsonl"
    )
    snapshot_ticks: Annotated[int, Shown("ticks")] = Field(
        default=50, ge=1, description="ticks between snapshots (checkpoint and resume state)"
    )
    image_ticks: Annotated[int, Shown("ticks")] = Field(
        default=50, ge=1, description="ticks between sample grids"
    )
    grid: tuple[int, int] = Field(default=(4, 3), description="columns and rows of the sample grid")
    keep_states: int = Field(
        default=2, ge=1, description="newest resume states kept; checkpoints are kept all"
    )
    evaluate: bool = Field(default=True, description="measure the distance to the data at every snapshot")
    evaluate_images: Annotated[int, Shown("images")] = Field(
        default=256, ge=2, description="images per evaluation"
    )
    threads: int = Field(default=0, ge=0, description="torch threads; 0 = torch's own choice")
    tensorboard: bool = Field(
        default=True, description="also write TensorBoard events, where tensorboard is installed"
    )


def _known_recipe(name: str) -> str:
    if name not in RECIPES:
        raise ValueError(f"one of {', '.join(RECIPES.names())}, got {name!r}")
    return name


class TrainConfig(Frozen):
    """One training run."""

    version: Literal[2] = CONFIG_VERSION
    recipe: Annotated[str, AfterValidator(_known_recipe), Shown(choices=RECIPES.names)] = Field(
        default="wysiwyg", description="how it is trained: networks, discriminators and losses"
    )
    preset: str = Field(default="ffhq512", description="preset that this tree started from")
    seed: int = Field(default=0, ge=0, lt=2**31, description="seed of weights, data order and latents")
    images: Annotated[int, Shown("images")] = Field(
        default=28_200_000, ge=1, description="images shown to the discriminator in all"
    )
    batch: Annotated[int, Shown("images")] = Field(
        default=32, ge=1, description="images per step, all processes together"
    )
    microbatch: Annotated[int, Shown("images")] = Field(
        default=0,
        ge=0,
        description="images that each process computes at once; 0 = its whole share of the batch",
    )
    reuse_fakes: bool = Field(
        default=False, description="the discriminator judges the generator step's own images (saves a render)"
    )
    start_from: str = Field(
        default="", description="checkpoint or resume state whose weights the run starts from (fine-tuning)"
    )
    data: DataConfig = DataConfig()
    network: Annotated[NetworkConfig, Shown(recipes=WYSIWYG)] = NetworkConfig()
    discriminator: DiscriminatorConfig = DiscriminatorConfig()
    render: Annotated[RenderConfig, Shown(recipes=WYSIWYG)] = RenderConfig()
    loss: LossConfig = LossConfig()
    eg3d: Annotated[Eg3dTrainConfig, Shown(recipes=EG3D)] = Eg3dTrainConfig()
    epigraf: Annotated[EpigrafTrainConfig, Shown(recipes=EPIGRAF)] = EpigrafTrainConfig()
    mimic3d: Annotated[Mimic3dTrainConfig, Shown(recipes=MIMIC3D)] = Mimic3dTrainConfig()
    optim: OptimConfig = OptimConfig()
    augment: AugmentConfig = AugmentConfig()
    schedule: Schedule = Schedule()
    output: OutputConfig = OutputConfig()

    @model_validator(mode="before")
    @classmethod
    def _of_version_1(cls, data: Any) -> Any:
        """Settings that were saved before version 2, with what their run did: it goes on as it began."""
        if not isinstance(data, dict) or data.get("version") != 1:
            return data
        loss, optim = dict(data.get("loss") or {}), dict(data.get("optim") or {})
        loss = {
            "surface": 4096.0,
            "surface_reduction": "mean",
            "decision_points": 65536,
            "decision_start": 0,
        } | loss
        optim = {"colour_lr": optim.get("decoder_lr", 0.1)} | optim
        return data | {"version": CONFIG_VERSION, "loss": loss, "optim": optim}

    @model_validator(mode="after")
    def _of_this_recipe(self) -> "TrainConfig":
        for one in settings_of(type(self)).values():
            if not one.read_by(self.recipe) and one.text(self) != one.default:
                raise ValueError(foreign_setting(one, self.recipe))
        return self

    @model_validator(mode="after")
    def _together(self) -> "TrainConfig":
        if self.data.resolution & (self.data.resolution - 1):
            raise ValueError(f"data.resolution must be a power of two, got {self.data.resolution}")
        if self.microbatch and self.batch % self.microbatch:
            raise ValueError(f"batch must be a multiple of microbatch ({self.microbatch}), got {self.batch}")
        kind = settings_recipe(self.recipe)
        if kind == "wysiwyg":
            self._wysiwyg()
        if kind == "epigraf":
            fault = self.epigraf.fault(self.schedule.resolution, self.data.resolution, self.reuse_fakes)
            if fault:
                raise ValueError(fault)
        if self.schedule.resolution.top > self.data.resolution:
            top = round(self.schedule.resolution.top)
            raise ValueError(
                f"schedule.resolution must not exceed data.resolution ({self.data.resolution}), got {top}"
            )
        return self

    def _wysiwyg(self) -> None:
        """Raise ValueError for settings of that recipe that contradict each other."""
        extras = [name for name in ("refine", "cull_floor", "look") if getattr(self.render, name)]
        if self.render.first_stage == "two-pass" and extras:
            raise ValueError(
                f"render.first_stage two-pass goes without render.{extras[0]}, which belongs to stratified samples"
            )
        if self.render.budget_high < self.render.budget_low:
            raise ValueError(
                f"render.budget_high must not be below budget_low ({self.render.budget_low}), got {self.render.budget_high}"
            )
        uses = self.schedule.supervise.top >= 0.5 or self.schedule.propose.top >= 0.5
        if uses and not self.network.proposal_channels:
            raise ValueError(
                "schedule.supervise and schedule.propose need a proposal network: network.proposal_channels is 0"
            )

    def curves(self) -> dict[str, Curve]:
        """Name → curve of all that changes while this recipe trains."""
        return {one.name: one.value(self) for one in curve_settings(self.recipe)}

    def changing(self, images: float) -> dict[str, float]:
        """What the curves of this recipe say after `images` images, as a tick records it."""
        usual = self.schedule.at(images).model_dump()
        return {name: usual[name] if name in usual else c.at(images) for name, c in self.curves().items()}

    def moments(self) -> tuple[float, ...]:
        """Numbers of images at which a curve of this recipe bends or jumps, 0 and the end included, ascending.

        The stages of the training.
        """
        return stages(self.curves().values(), float(self.images))

    @property
    def steps(self) -> int:
        """Steps of the whole run; the last one may pass `images` by less than a batch."""
        return -(-self.images // self.batch)


def foreign_setting(one: Setting, recipe: str) -> str:
    """What is wrong with a setting that the recipe does not read."""
    readers = " and ".join(RECIPES.get(name).title for name in one.recipes)
    return f"{one.path} is a setting of {readers}; this run's recipe is {recipe}"


def curve_settings(recipe: str) -> list[Setting]:
    """What a recipe lets follow a curve over the images."""
    found = settings_of(TrainConfig).values()
    return [one for one in found if one.kind == "curve" and one.read_by(recipe)]
