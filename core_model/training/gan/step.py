"""One training step, phase by phase, the same for every recipe (StyleGAN2; EG3D; What You See is What You GAN).

Generator, its regularisers, then each judge and its R1 penalty, those that are lazy every k-th step. Each phase
runs over micro-batches, averages its gradients over them and over all processes, and steps its optimiser only
if they are finite. A phase with bad gradients changes no weights and reports where they were.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from core_model.data.order import Batch
from core_model.losses.terms import LossTerm, discriminator_loss, generator_loss, r1_penalty
from core_model.training.common.clock import PhaseClock
from core_model.training.common.distributed import Ranks
from core_model.training.gan.draws import FakeBatch
from core_model.training.gan.networks import update_average
from core_model.training.gan.optimise import GradientReport, Optimisers, gradient_report
from core_model.training.gan.recipes.interface import (
    DISCRIMINATOR,
    GENERATOR,
    PENALTY,
    REGULARISER,
    Judge,
    Moment,
    Recipe,
    Regulariser,
    Sight,
)


@dataclass(frozen=True)
class StepReport:
    """What one step measured.

    values: scalars by name, as tensors on the device so that nothing waits. bad: phases that changed no
    weights, and why. mean_sign: mean sign of the logits on real images of the judge that steers the augmentation,
    over all processes; looks: of how many looks at the batch that is (1, or 2 with that for R1).
    """

    values: dict[str, Tensor]
    bad: tuple[tuple[str, GradientReport], ...]
    mean_sign: Tensor
    looks: int = 1


@dataclass
class _Told:
    """What the phases of one step add to its report."""

    scalars: dict[str, Tensor] = field(default_factory=dict)
    bad: list[tuple[str, GradientReport]] = field(default_factory=list)

    def add(self, values: dict[str, Tensor], weight: float) -> None:
        """Scalars of a micro-batch that is `weight` of its phase."""
        for name, value in values.items():
            part = value.detach().float() * weight
            self.scalars[name] = self.scalars[name] + part if name in self.scalars else part


class GanStep:
    """A recipe with its optimisers, and how one step changes its networks."""

    def __init__(self, recipe: Recipe, optimisers: Optimisers, ranks: Ranks, clock: PhaseClock) -> None:
        self.recipe, self.optimisers, self.ranks, self.clock = recipe, optimisers, ranks, clock
        self.cfg = recipe.cfg
        self._share = self.cfg.batch // ranks.world
        self._micro = min(self.cfg.microbatch or self._share, self._share)

    def run(self, step: int, reals: Batch, augment_p: float) -> StepReport:
        """Step number `step` (from 0) with this process's real images [b, 3, R, R] uint8."""
        cfg, recipe = self.cfg, self.recipe
        images = step * cfg.batch
        at = Moment(step, images, cfg.schedule.at(images), augment_p)
        told, signs = _Told(), list[Tensor]()
        kept = self._generator_phase(at, told)
        for number, one in enumerate(recipe.regularisers):
            if step % one.interval == 0:
                self._regulariser_phase(one, REGULARISER + number, at, told)
        for number, judge in self._awake(at):
            sign = self._judge_phase(judge, number, at, reals, kept.get(judge.name, []), told)
            if judge.steers:
                signs.append(sign)
            if judge.interval and step % judge.interval == 0:
                sign = self._penalty_phase(judge, number, at, reals, told)
                if judge.steers and judge.steers_by_penalty:
                    signs.append(sign)
        o, seen = cfg.optim, images + cfg.batch
        # the average of a fine-tuning goes on from the loaded one: no ramp, which would replace it
        ramp = o.ema_rampup if not cfg.start_from else 0.0
        half_life = min(o.ema_images, seen * ramp) if ramp else o.ema_images
        update_average(recipe.networks, cfg.batch, half_life)
        return StepReport(told.scalars, tuple(told.bad), torch.stack(signs).mean(), len(signs))

    def _awake(self, at: Moment) -> list[tuple[int, Judge]]:
        """The judges of this step with their numbers."""
        return [(n, judge) for n, judge in enumerate(self.recipe.judges) if judge.awake(at)]

    def _draw(self, at: Moment, phase: int) -> FakeBatch:
        """This process's latents and cameras of one phase, on its device."""
        drawn = self.recipe.draw(
            self.cfg.batch, at.values.swap, at.step, phase, rank=self.ranks.rank, world=self.ranks.world
        )
        return drawn.on(self.ranks.device)

    def _generator_phase(self, at: Moment, told: _Told) -> dict[str, list[tuple[Sight, Tensor]]]:
        """Returns what the judges are shown again, where the settings say so: (sight, mean style) by judge."""
        recipe, cfg = self.recipe, self.cfg
        g = recipe.networks.generator
        self._only(g)
        self.optimisers.set_rates(recipe.rates(at), at.images)
        self.optimisers.generator.zero_grad(set_to_none=True)
        batch = self._draw(at, GENERATOR)
        judges = self._awake(at)
        kept: dict[str, list[tuple[Sight, Tensor]]] = {judge.name: [] for _, judge in judges}
        w_mean: Tensor | None = None
        with self.clock.phase("generator"):
            for start in range(0, self._share, self._micro):
                rows = batch.rows(start, start + self._micro)
                weight = len(rows) / self._share
                made = recipe.fakes(rows, at, judges=tuple(kept), train=True)
                terms: list[LossTerm] = []
                for number, judge in judges:
                    sight = made.sights[judge.name]
                    logits = judge.verdicts(sight, at, (at.step, _phase(GENERATOR, number), start))
                    terms.append(LossTerm(f"loss/G{judge.suffix}", generator_loss(logits), judge.weight))
                    told.add({f"logits/fake{judge.suffix}": logits.mean()}, weight)
                    kept[judge.name].append((sight.detached(), made.w_mean))
                terms += made.losses
                loss = terms[0].weighted if terms[0].weight != 1.0 else terms[0].value
                for term in terms[1:]:
                    loss = loss + term.weighted
                (loss * weight).backward()
                w_mean = made.w_mean * weight if w_mean is None else w_mean + made.w_mean * weight
                told.add({term.name: term.value for term in terms} | dict(made.figures), weight)
            self._move("generator", g, self.optimisers.generator, told)
            if recipe.average_in_generator and w_mean is not None:
                recipe.track(self.ranks.mean(w_mean))
        return kept if cfg.reuse_fakes else {}

    def _regulariser_phase(self, one: Regulariser, phase: int, at: Moment, told: _Told) -> None:
        recipe = self.recipe
        g = recipe.networks.generator
        self._only(g)
        self.optimisers.generator.zero_grad(set_to_none=True)
        batch = self._draw(at, phase)
        with self.clock.phase(one.name):
            for start in range(0, self._share, self._micro):
                rows = batch.rows(start, start + self._micro)
                weight = len(rows) / self._share
                terms = recipe.regularise(one.name, rows, at)
                # lazy: every k-th step counts k times
                (sum(t.weighted for t in terms) * (one.interval * weight)).backward()  # pyright: ignore[reportAttributeAccessIssue]
                told.add({term.name: term.value for term in terms}, weight)
            self._move(one.name, g, self.optimisers.generator, told)

    def _judge_phase(
        self,
        judge: Judge,
        number: int,
        at: Moment,
        reals: Batch,
        again: list[tuple[Sight, Tensor]],
        told: _Told,
    ) -> Tensor:
        """The judge learns from fakes (`again`, or new ones) and reals; returns its mean sign on the reals."""
        recipe, device, phase = self.recipe, self.ranks.device, _phase(DISCRIMINATOR, number)
        self._only(judge.module)
        optimiser = self.optimisers.judges[judge.name]
        optimiser.zero_grad(set_to_none=True)
        batch = None if again else self._draw(at, phase)
        signs = torch.zeros((), device=device)
        w_mean: Tensor | None = None
        with self.clock.phase(judge.name):
            for index, start in enumerate(range(0, self._share, self._micro)):
                if batch is None:
                    sight, w = again[index]
                else:
                    rows = batch.rows(start, start + self._micro)
                    with torch.no_grad():
                        made = recipe.fakes(rows, at, judges=(judge.name,), train=False)
                    sight, w = made.sights[judge.name], made.w_mean
                weight = len(sight) / self._share
                fake_logits = judge.verdicts(sight, at, (at.step, phase, 2 * start))
                real = self._reals(judge, phase, at, reals, start)
                real_logits = judge.verdicts(real, at, (at.step, phase, 2 * start + 1))
                loss = discriminator_loss(real_logits, fake_logits)
                (loss * weight).backward()
                signs += real_logits.detach().sign().mean() * weight
                w_mean = w * weight if w_mean is None else w_mean + w * weight
                means = {
                    f"loss/D{judge.suffix}": loss,
                    f"logits/real{judge.suffix}": real_logits.mean(),
                    f"sign/real{judge.suffix}": real_logits.sign().mean(),
                }
                told.add(means, weight)
            self._move(judge.name, judge.module, optimiser, told)
            if number == 0 and not recipe.average_in_generator and w_mean is not None:
                recipe.track(self.ranks.mean(w_mean))
        return self.ranks.mean(signs)

    def _penalty_phase(self, judge: Judge, number: int, at: Moment, reals: Batch, told: _Told) -> Tensor:
        """Returns the mean sign on the reals."""
        signs = torch.zeros((), device=self.ranks.device)
        optimiser, phase, name = (
            self.optimisers.judges[judge.name],
            _phase(PENALTY, number),
            f"r1{judge.suffix}",
        )
        self._only(judge.module)
        optimiser.zero_grad(set_to_none=True)
        with self.clock.phase(name):
            for start in range(0, self._share, self._micro):
                key = (at.step, phase, start)
                sight = self._reals(judge, phase, at, reals, start)
                weight = len(sight) / self._share
                if judge.prepared_leaf:
                    sight = judge.prepare(sight, at, key)
                leaves = [p.detach().requires_grad_(True) for p in sight.pictures]
                sight = sight.with_pictures(leaves)
                logits = (judge.logits if judge.prepared_leaf else judge.verdicts)(sight, at, key)
                penalty = r1_penalty(leaves, logits).mean()
                # lazy R1: every k-th step counts k times; the half is from Mescheder et al.
                (penalty * (0.5 * judge.gamma(at) * judge.interval * weight)).backward()
                signs += logits.detach().sign().mean() * weight
                told.add({name: penalty}, weight)
            self._move(name, judge.module, optimiser, told)
        return self.ranks.mean(signs)

    def _reals(self, judge: Judge, phase: int, at: Moment, reals: Batch, start: int) -> Sight:
        """A micro-batch of real images as the judge is shown them."""
        rows, ranks = slice(start, start + self._micro), self.ranks
        images = reals.images[rows].to(ranks.device, non_blocking=True).float() / 127.5 - 1.0
        labels = reals.labels[rows].to(ranks.device, non_blocking=True).float()
        first, count = ranks.rank + start * ranks.world, images.shape[0]
        numbers = range(first, first + count * ranks.world, ranks.world)
        seeds = self.recipe.real_seeds(at.step, phase, numbers)
        return self.recipe.reals(images, labels, at, judge, seeds)

    def _move(self, phase: str, module: nn.Module, optimiser: torch.optim.Adam, told: _Told) -> None:
        """Average and check the gradients, then step; a phase with bad ones leaves weights and moments
        unchanged.
        """
        self.ranks.mean_gradients(module)
        report = gradient_report(module)
        if report.finite:
            optimiser.step()
            told.scalars[f"grad/{phase}"] = torch.tensor(report.norm)
        else:
            told.bad.append((phase, report))
        optimiser.zero_grad(set_to_none=True)

    def _only(self, learner: nn.Module) -> None:
        """Only the network that learns keeps gradients."""
        networks = self.recipe.networks
        for module in (networks.generator, *networks.judges.values()):
            module.requires_grad_(module is learner)


def _phase(first: int, judge: int) -> int:
    return first + 10 * judge
