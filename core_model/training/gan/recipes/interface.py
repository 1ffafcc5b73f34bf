"""What a recipe is to the training loop: networks, judges, and what each phase of a step computes.

A step is the same for every recipe, phase by phase (`step.py`):

1. generator: `Recipe.fakes` with gradients; every judge's verdict on its part of them, and the losses that the
   recipe adds.
2. each `Regulariser` of the generator that is due at this step.
3. each `Judge`: fakes without gradients against `Recipe.reals`, and, where it is due, the R1 penalty.

All randomness is a function of (seed, step, phase, image), see `draws`: a phase gets its seeds in its
`FakeBatch` or as a key, so that nothing but the step has to be saved to resume exactly.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import torch
from torch import Tensor, nn

from core_model.data.labels import LabelTable
from core_model.losses.terms import LossTerm
from core_model.schema.checkpoint import CheckpointHeader
from core_model.schema.schedule import ScheduleValues
from core_model.schema.train import TrainConfig
from core_model.training.gan.draws import JITTER, REALS, FakeBatch, draw_fakes, mix_seed

GENERATOR, DISCRIMINATOR, PENALTY, REGULARISER = 0, 1, 2, 500
"""Numbers of the phases, for their random numbers; further judges count on in tens, regularisers in ones."""
Key = tuple[int, int, int]
"""(step, phase, draw within the phase): names the random numbers of one verdict."""


@dataclass(frozen=True)
class Moment:
    """Where a run is. images: shown before this step. p: strength of the augmentation."""

    step: int
    images: int
    values: ScheduleValues
    p: float = 0.0


@dataclass(frozen=True)
class Sight:
    """What a judge is shown of a batch.

    pictures: one or more [B, C, h, w] in [-1, 1], R1 differentiates by all of them. labels [B, L]: cameras (and
    classes). extra: further conditions [B, …] by name.
    """

    pictures: tuple[Tensor, ...]
    labels: Tensor
    extra: Mapping[str, Tensor] = field(default_factory=dict)

    def detached(self) -> "Sight":
        return Sight(tuple(p.detach() for p in self.pictures), self.labels, self.extra)

    def with_pictures(self, pictures: Sequence[Tensor]) -> "Sight":
        return Sight(tuple(pictures), self.labels, self.extra)

    def __len__(self) -> int:
        return self.labels.shape[0]


@dataclass(frozen=True)
class Fakes:
    """What the generator made of one micro-batch.

    sights: by judge. w_mean [D]: of the mapping's outputs. losses: what the generator's step adds to the
    adversarial losses; figures: scalars by name, without gradients.
    """

    sights: Mapping[str, Sight]
    w_mean: Tensor
    losses: tuple[LossTerm, ...] = ()
    figures: Mapping[str, Tensor] = field(default_factory=dict)


class Judge(ABC):
    """A discriminator of a run with its way of looking.

    name: of its network and its phases. suffix: of its scalars (`loss/D` + suffix). weight: of its adversarial loss
    in the generator's step. steers: whether the controller of the augmentation listens to it; steers_by_penalty:
    also in its passes for R1. prepared_leaf: R1 differentiates by the pictures after `prepare` (EG3D) instead of
    before (EpiGRAF, WYSIWYG). interval: steps between R1 penalties, 0 = none.
    """

    name: str = "discriminator"
    suffix: str = ""
    weight: float = 1.0
    steers: bool = True
    steers_by_penalty: bool = False
    prepared_leaf: bool = False
    interval: int = 16

    def __init__(self, module: nn.Module) -> None:
        self.module = module

    def awake(self, at: Moment) -> bool:
        """Whether it judges and learns now."""
        del at
        return True

    @abstractmethod
    def gamma(self, at: Moment) -> float:
        """Weight of R1."""

    @abstractmethod
    def prepare(self, sight: Sight, at: Moment, key: Key) -> Sight:
        """The pictures as they are judged: blurred, augmented."""

    @abstractmethod
    def logits(self, sight: Sight, at: Moment, key: Key) -> Tensor:
        """Verdicts [B] on prepared pictures, positive for real ones."""

    def verdicts(self, sight: Sight, at: Moment, key: Key) -> Tensor:
        """[B] of pictures that are not prepared."""
        return self.logits(self.prepare(sight, at, key), at, key)


@dataclass(frozen=True)
class Regulariser:
    """A phase of the generator without a judge, every `interval` steps and `interval` times as strong."""

    name: str
    interval: int


@dataclass(frozen=True)
class Snapshot:
    """The average generator as a native checkpoint of its family. target_blur: of `CheckpointHeader`."""

    family: str
    config: Mapping[str, Any]
    tensors: Mapping[str, Tensor]
    notes: str
    target_blur: float | None = None


@dataclass(frozen=True)
class Cost:
    """What one image of a step takes: arithmetic of all phases [FLOP], and the numbers that its backward pass keeps."""

    flop: float
    kept: float


G = TypeVar("G", bound=nn.Module)


@dataclass(frozen=True)
class Networks(Generic[G]):
    """The networks of a run; average has the generator's shape and is never trained by gradients."""

    generator: G
    average: G
    judges: Mapping[str, nn.Module]

    def modules(self) -> dict[str, nn.Module]:
        return {"generator": self.generator, **self.judges, "average": self.average}

    @property
    def discriminator(self) -> nn.Module:
        """The first judge."""
        return next(iter(self.judges.values()))


class Recipe(ABC, Generic[G]):
    """One way to train a family.

    device: where its networks lie; `meta` = sizes only. labels: cameras of the data. rank: of this process, for
    random numbers that are of a process instead of an image (augmentation).
    """

    networks: Networks[G]
    judges: tuple[Judge, ...]
    regularisers: tuple[Regulariser, ...] = ()
    average_in_generator: bool = True
    """Whether the mean style follows the generator's phase; else that of the first judge (EG3D)."""
    highest_p: float = 1.0
    """Bound of the augmentation's probability."""
    fresh: tuple[str, ...] = ()
    """Beginnings of `network/tensor` names that a resume state to start from may lack."""
    notes: tuple[str, ...] = ()
    """What whoever reads the log should know of how this run trains."""

    def __init__(
        self, cfg: TrainConfig, device: torch.device | str, labels: LabelTable | None = None, rank: int = 0
    ) -> None:
        self.cfg, self.device, self.labels, self.rank = cfg, torch.device(device), labels, rank

    # --- what learns, and how fast

    @abstractmethod
    def groups(self) -> dict[str, list[nn.Parameter]]:
        """The generator's parameters by group of its optimiser; no parameter is left out."""

    def rates(self, at: Moment) -> Mapping[str, float]:
        """Multipliers of the generator's learning rate by group; groups that are not named have 1."""
        return {}

    def track(self, w_mean: Tensor) -> None:
        """Move the mean style towards [D], the mean over a batch."""
        self.networks.generator.mapping.track_average(w_mean[None])  # pyright: ignore[reportCallIssue, reportAttributeAccessIssue]

    # --- what a phase computes

    @property
    @abstractmethod
    def z_dim(self) -> int:
        """Width of the latents."""

    def draw(
        self, batch: int, swap: float, step: int, phase: int, *, rank: int = 0, world: int = 1
    ) -> FakeBatch:
        """Latents and cameras of one phase, on the CPU: images rank, rank + world, … of the whole batch.

        Cameras are those of the data; `swap` is the chance that an image is conditioned on another's.
        """
        assert self.labels is not None
        seed = self.cfg.seed
        return draw_fakes(self.labels, self.z_dim, batch, swap, seed, step, phase, rank=rank, world=world)

    def real_seeds(self, step: int, phase: int, places: Sequence[int]) -> tuple[int, ...]:
        """The seeds that `reals` gets, by the images' places in the whole batch."""
        return tuple(mix_seed(self.cfg.seed, step, phase, JITTER, REALS + place) for place in places)

    @abstractmethod
    def fakes(self, batch: FakeBatch, at: Moment, *, judges: Sequence[str], train: bool) -> Fakes:
        """What the judges named are shown. train: with the generator's own losses and figures, else none."""

    @abstractmethod
    def reals(
        self, images: Tensor, labels: Tensor, at: Moment, judge: Judge, seeds: tuple[int, ...]
    ) -> Sight:
        """Real images [B, 3, R, R] in [-1, 1] and their labels as a judge is shown them; a seed an image."""

    def regularise(self, name: str, batch: FakeBatch, at: Moment) -> tuple[LossTerm, ...]:
        """The losses of the regulariser `name` for one micro-batch; a recipe without regularisers has none."""
        del name, batch, at
        return ()

    @abstractmethod
    def pictures(self, batch: FakeBatch, at: Moment) -> Tensor:
        """[B, 3, r, r] in [-1, 1] of the average generator, as it would be shown now."""

    # --- what is kept and foreseen

    @abstractmethod
    def snapshot(self, at: Moment) -> Snapshot:
        """The average generator for a checkpoint."""

    def header(self, snapshot: Snapshot, **rest: Any) -> CheckpointHeader:
        """The description of a snapshot; `rest`: name, camera, provenance."""
        conventions = self.networks.average.conventions
        return CheckpointHeader(
            family=snapshot.family, config=dict(snapshot.config), conventions=conventions,  # pyright: ignore[reportArgumentType]
            target_blur=snapshot.target_blur, **rest,
        )  # fmt: skip

    @abstractmethod
    def start(self, header: CheckpointHeader, tensors: Mapping[str, Tensor], source: str) -> int:
        """Fill generator and average from a native checkpoint of the recipe's family; returns how many tensors were taken.

        Raises InputError for other sizes.
        """

    @abstractmethod
    def cost(self, at: Moment) -> Cost:
        """What an image of a step costs now; the networks may lie on the meta device."""

    def samples_text(self, at: Moment) -> str:
        """Samples per ray, for the forecast's table."""
        return "-"


def autocast(cfg: TrainConfig, device: torch.device) -> torch.autocast | nullcontext[None]:
    """bf16 arithmetic for convolutions where the config asks for it; bf16 has float32's range, so no loss
    scaling is needed.
    """
    half = cfg.optim.precision == "bf16"
    return torch.autocast(device.type, dtype=torch.bfloat16) if half else nullcontext()
