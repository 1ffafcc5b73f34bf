"""One training step: generator, discriminator, and every k-th step R1 (What You See is What You GAN, section
5; EG3D; StyleGAN2).

Each phase runs over micro-batches, averages its gradients over all processes, and steps its optimiser only if
they are finite. A phase with bad gradients changes no weights and reports where they were.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from core_model.data.labels import LabelTable
from core_model.data.order import Batch
from core_model.discriminators.augment import AdaAugment
from core_model.discriminators.dual import at_detail_of, gaussian_blur2d, pair, stretch
from core_model.losses.terms import discriminator_loss, generator_loss, r1_penalty
from core_model.schema.schedule import ScheduleValues
from core_model.schema.train import TrainConfig
from core_model.training.common.clock import PhaseClock
from core_model.training.common.distributed import Ranks
from core_model.training.gan.draws import AUGMENT, POSE_NOISE, FakeBatch, draw_fakes, generator
from core_model.training.gan.networks import Networks, update_average
from core_model.training.gan.optimise import GradientReport, Optimisers, gradient_report
from core_model.training.gan.render import Fakes, autocast, make_fakes

GENERATOR, DISCRIMINATOR, PENALTY = range(3)


@dataclass(frozen=True)
class StepReport:
    """What one step measured.

    values: scalars by name, as tensors on the device so that nothing waits. bad: phases that changed no
    weights, and why. mean_sign: mean sign of the discriminator's logits on real images, over all processes.
    """

    values: dict[str, Tensor]
    bad: tuple[tuple[str, GradientReport], ...]
    mean_sign: Tensor


class GanStep:
    """The networks with their optimisers, and how one step changes them."""

    def __init__(
        self,
        networks: Networks,
        optimisers: Optimisers,
        cfg: TrainConfig,
        ranks: Ranks,
        labels: LabelTable,
        clock: PhaseClock,
    ) -> None:
        self.networks, self.optimisers, self.cfg, self.ranks, self.labels, self.clock = (
            networks,
            optimisers,
            cfg,
            ranks,
            labels,
            clock,
        )
        self.augment = AdaAugment().to(ranks.device) if cfg.augment.mode != "none" else None
        self._spread = labels.spread().to(ranks.device)
        self._share = cfg.batch // ranks.world
        self._micro = min(cfg.microbatch or self._share, self._share)

    def run(self, step: int, reals: Batch, augment_p: float) -> StepReport:
        """Step number `step` (from 0) with this process's real images [b, 3, R, R] uint8."""
        values = self.cfg.schedule.at(step * self.cfg.batch)
        scalars: dict[str, Tensor] = {}
        bad: list[tuple[str, GradientReport]] = []
        fakes = self._generator_phase(step, values, augment_p, scalars, bad)
        mean_sign = self._discriminator_phase(step, values, reals, fakes, augment_p, scalars, bad)
        if step % self.cfg.loss.r1_interval == 0:
            self._penalty_phase(step, values, reals, augment_p, scalars, bad)
        seen = (step + 1) * self.cfg.batch
        o = self.cfg.optim
        update_average(
            self.networks,
            self.cfg.batch,
            min(o.ema_images, seen * o.ema_rampup) if o.ema_rampup else o.ema_images,
        )
        return StepReport(scalars, tuple(bad), mean_sign)

    def fakes(self, step: int, phase: int, values: ScheduleValues) -> FakeBatch:
        """This process's latents and cameras of one phase, on its device."""
        cfg, ranks = self.cfg, self.ranks
        drawn = draw_fakes(
            self.labels,
            cfg.network.z_dim,
            cfg.batch,
            values.swap,
            cfg.seed,
            step,
            phase,
            rank=ranks.rank,
            world=ranks.world,
        )
        move = lambda x: x.to(ranks.device, non_blocking=True)
        return FakeBatch(move(drawn.z), move(drawn.condition), move(drawn.label), drawn.seeds)

    def _generator_phase(
        self,
        step: int,
        values: ScheduleValues,
        p: float,
        scalars: dict[str, Tensor],
        bad: list[tuple[str, GradientReport]],
    ) -> list[tuple[Fakes, FakeBatch]]:
        g, cfg = self.networks.generator, self.cfg
        _switch(self.networks, generator=True)
        self.optimisers.set_rates(values.colour_lr, step * cfg.batch)
        self.optimisers.generator.zero_grad(set_to_none=True)
        batch, kept, w_mean = self.fakes(step, GENERATOR, values), [], torch.zeros_like(g.mapping.w_avg)
        with self.clock.phase("generator"):
            for start in range(0, self._share, self._micro):
                rows = batch.rows(start, start + self._micro)
                weight = len(rows) / self._share
                made = make_fakes(g, rows, cfg, values, train=True)
                logits = self._judge(
                    made.images, made.coarse, rows.label, values, p, (step, GENERATOR, start)
                )
                adversarial = generator_loss(logits)
                loss = adversarial
                for term in made.losses:
                    loss = loss + term.weighted
                (loss * weight).backward()
                w_mean += made.w_mean * weight
                told = {"loss/G": adversarial} | {term.name: term.value for term in made.losses}
                _add(scalars, {**told, **made.figures, "logits/fake": logits.mean()}, weight)
                coarse = None if made.coarse is None else made.coarse.detach()
                kept.append((Fakes(made.images.detach(), coarse, made.w_mean), rows))
            self._move("generator", g, self.optimisers.generator, scalars, bad)
            g.mapping.track_average(self.ranks.mean(w_mean)[None])
        return kept if cfg.reuse_fakes else []

    def _discriminator_phase(
        self,
        step: int,
        values: ScheduleValues,
        reals: Batch,
        fakes: list[tuple[Fakes, FakeBatch]],
        p: float,
        scalars: dict[str, Tensor],
        bad: list[tuple[str, GradientReport]],
    ) -> Tensor:
        d, device = self.networks.discriminator, self.ranks.device
        _switch(self.networks, generator=False)
        self.optimisers.discriminator.zero_grad(set_to_none=True)
        batch = None if fakes else self.fakes(step, DISCRIMINATOR, values)
        signs = torch.zeros((), device=device)
        with self.clock.phase("discriminator"):
            for number, start in enumerate(range(0, self._share, self._micro)):
                if batch is None:
                    made, rows = fakes[number]
                else:
                    rows = batch.rows(start, start + self._micro)
                    with torch.no_grad():
                        made = make_fakes(self.networks.generator, rows, self.cfg, values, train=False)
                weight = len(rows) / self._share
                fake_logits = self._judge(
                    made.images, made.coarse, rows.label, values, p, (step, DISCRIMINATOR, 2 * start)
                )
                images, coarse, labels = self._reals(reals, start, values)
                real_logits = self._judge(
                    images, coarse, labels, values, p, (step, DISCRIMINATOR, 2 * start + 1)
                )
                loss = discriminator_loss(real_logits, fake_logits)
                (loss * weight).backward()
                signs += real_logits.detach().sign().mean() * weight
                _add(
                    scalars,
                    {
                        "loss/D": loss,
                        "logits/real": real_logits.mean(),
                        "sign/real": real_logits.sign().mean(),
                    },
                    weight,
                )
            self._move("discriminator", d, self.optimisers.discriminator, scalars, bad)
        return self.ranks.mean(signs)

    def _penalty_phase(
        self,
        step: int,
        values: ScheduleValues,
        reals: Batch,
        p: float,
        scalars: dict[str, Tensor],
        bad: list[tuple[str, GradientReport]],
    ) -> None:
        self.optimisers.discriminator.zero_grad(set_to_none=True)
        interval = self.cfg.loss.r1_interval
        with self.clock.phase("r1"):
            for start in range(0, self._share, self._micro):
                images, coarse, labels = self._reals(reals, start, values)
                weight = images.shape[0] / self._share
                leaf = (images if coarse is None else pair(images, coarse)).requires_grad_(True)
                logits = self._judge(leaf, None, labels, values, p, (step, PENALTY, start), ready=True)
                penalty = r1_penalty(leaf, logits).mean()
                # lazy R1: every k-th step counts k times; the half is from Mescheder et al.
                (penalty * (0.5 * values.r1_gamma * interval * weight)).backward()
                _add(scalars, {"r1": penalty}, weight)
            self._move("r1", self.networks.discriminator, self.optimisers.discriminator, scalars, bad)

    def _reals(
        self, reals: Batch, start: int, values: ScheduleValues
    ) -> tuple[Tensor, Tensor | None, Tensor]:
        """A micro-batch of real images in [-1, 1] at the render's level of detail, their coarse copies and
        labels.
        """
        rows = slice(start, start + self._micro)
        images = reals.images[rows].to(self.ranks.device, non_blocking=True).float() / 127.5 - 1.0
        coarse = at_detail_of(images, self.cfg.network.probe_size) if self.cfg.discriminator.dual else None
        return (
            at_detail_of(images, values.resolution),
            coarse,
            reals.labels[rows].to(self.ranks.device, non_blocking=True).float(),
        )

    def _judge(
        self,
        images: Tensor,
        coarse: Tensor | None,
        labels: Tensor,
        values: ScheduleValues,
        p: float,
        key: tuple[int, int, int],
        *,
        ready: bool = False,
    ) -> Tensor:
        """Discriminator logits of images at any resolution: resized, blurred, augmented.

        key: names the random numbers. ready: the images are already paired for dual discrimination.
        """
        cfg, device = self.cfg, self.ranks.device
        x = stretch(images, cfg.data.resolution)
        if cfg.discriminator.dual and not ready:
            x = pair(x, images if coarse is None else coarse)
        x = gaussian_blur2d(x, values.blur)
        if self.augment is not None:
            x = self.augment(x, p, generator(device, cfg.seed, *key, AUGMENT, self.ranks.rank))
        judge = self.networks.discriminator
        if judge.label is None:
            seen = None
        else:
            seen = labels
            if cfg.discriminator.pose_noise:
                rng = generator(device, cfg.seed, *key, POSE_NOISE, self.ranks.rank)
                noise = torch.randn(labels.shape, generator=rng, device=device)
                seen = labels + noise * self._spread * cfg.discriminator.pose_noise
        with autocast(cfg, device):
            return judge(x, seen)

    def _move(
        self,
        phase: str,
        module: nn.Module,
        optimiser: torch.optim.Adam,
        scalars: dict[str, Tensor],
        bad: list[tuple[str, GradientReport]],
    ) -> None:
        """Average and check the gradients, then step; a phase with bad ones leaves weights and moments
        unchanged.
        """
        self.ranks.mean_gradients(module)
        report = gradient_report(module)
        if report.finite:
            optimiser.step()
            scalars[f"grad/{phase}"] = torch.tensor(report.norm)
        else:
            bad.append((phase, report))
        optimiser.zero_grad(set_to_none=True)


def _switch(networks: Networks, *, generator: bool) -> None:
    """Only the network that learns keeps gradients."""
    networks.generator.requires_grad_(generator)
    networks.discriminator.requires_grad_(not generator)


def _add(scalars: dict[str, Tensor], values: dict[str, Tensor], weight: float) -> None:
    for name, value in values.items():
        part = value.detach().float() * weight
        scalars[name] = scalars[name] + part if name in scalars else part
