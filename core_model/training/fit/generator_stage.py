"""First stage of `triscope fit`: the generator. One optimiser step is a few heads, in one batch while planes are small.

Up to `joint_start` the planes are regressed, texel by texel, onto what the head looks like along the three axes (views.py), and the decoder
learns from such views as they should be. Both are far better posed than learning planes through the points that happen to read them: after
600 steps of points the decoder draws likenesses of heads that it never saw from their views. Then points and rays teach both.
"""

from __future__ import annotations

import math
from pathlib import Path

import torch
from torch import Tensor

from core_model.families.wysiwyg.decoder import WysiwygField
from core_model.families.wysiwyg.generator import WysiwygGenerator
from core_model.losses.terms import LossTerm
from core_model.nn.synthesis import SynthesisBlock
from core_model.schema.fit import FitConfig
from core_model.training.common.distributed import Ranks
from core_model.training.fit.mapping_stage import Readout
from core_model.training.fit.objective import point_losses, ray_losses, view_losses
from core_model.training.fit.pool import TruthPool, available
from core_model.training.fit.state import load_state, save_state
from core_model.training.fit.views import features_at

BATCHED = 64
"""Planes up to this edge go through in one batch; feature maps of larger ones leave the cache then."""
ALONE = Ranks(0, 1, torch.device("cpu"))


class TaughtField(WysiwygField):
    """The field of planes that hold the views of B heads without an error: what the decoder learns from at first."""

    heads: list[dict[str, Tensor]]

    def features(self, points: Tensor) -> Tensor:
        conv, channels = self.planes.conventions, self.cfg.plane_channels
        pairs = zip(self.heads, points, strict=True)
        return torch.stack([features_at(head, own, conv, channels) for head, own in pairs])


@torch.no_grad()
def quiet_later_blocks(generator: WysiwygGenerator, size: int) -> None:
    """Blocks that larger planes than `size` wait for add nothing until they learn; pictures are of all blocks from the start."""
    for block in [*generator.backbone.blocks, *generator.plane_blocks]:
        if isinstance(block, SynthesisBlock) and block.resolution > size:
            block.torgb.weight.zero_()


def is_coarse(step: int, cfg: FitConfig, base_size: int) -> bool:
    return cfg.coarse_size * 2 ** sum(step >= at for at in cfg.doublings) < base_size


class GeneratorStage:
    """Weights, average, optimiser and step counter; everything that a resumed run needs is in `state()`."""

    name = "generator"
    readout: Readout | None = None
    """What keeps w readable; None = nothing does."""
    pool: TruthPool
    """Where heads come from; set before the first step."""

    def __init__(self, generator: WysiwygGenerator, cfg: FitConfig, ranks: Ranks = ALONE) -> None:
        self.model, self.cfg, self.ranks, self.step, self.total = generator, cfg, ranks, 0, cfg.steps
        constants = [p for n, p in generator.backbone.named_parameters() if n.endswith(".const")]
        layers = [p for n, p in generator.backbone.named_parameters() if not n.endswith(".const")]
        sdf = generator.sdf_mlp
        self.optimizer = torch.optim.Adam(
            [
                {"params": [*layers, *generator.plane_blocks.parameters()], "scale": cfg.backbone_lr},
                {"params": constants, "scale": cfg.constant_lr},
                {"params": [*sdf.fc0.parameters(), *sdf.fc1.parameters()], "scale": cfg.decoder_lr},
                {"params": [*sdf.fc2.parameters(), *generator.rgb_mlp.parameters()], "scale": cfg.colour_lr},
                {"params": list(generator.mapping.parameters()), "scale": cfg.mapping_lr},
            ],
            lr=cfg.lr,
            betas=(0.9, 0.99),
        )
        quiet_later_blocks(generator, cfg.coarse_size)
        self.average = {k: v.detach().clone() for k, v in self._weights().items()}

    def _weights(self) -> dict[str, Tensor]:
        """Everything but the proposal network, which is the next stage's."""
        return {k: v for k, v in self.model.state_dict().items() if not k.startswith("proposal.")}

    def put(self, weights: dict[str, Tensor]) -> None:
        """Set the generator's weights; the proposal network keeps its own."""
        _put(self.model, weights)

    def fill(self, shadow: WysiwygGenerator) -> None:
        """Make a copy of the generator the running average."""
        _put(shadow, self.average)
        set_w_average(shadow)

    def schedule(self) -> dict[str, float]:
        """What changes from step to step: rate, edge of the planes, heads to draw from."""
        known = available(self.step, self.cfg)
        return {
            "lr": self.learning_rate(),
            "plane_size": float(self.plane_size()),
            "heads_known": float(known),
        }

    def learning_rate(self) -> float:
        """Linear warm-up, then cosine to lr · lr_final."""
        cfg = self.cfg
        done = min(1.0, self.step / cfg.steps)
        cosine = cfg.lr_final + (1.0 - cfg.lr_final) * 0.5 * (1.0 + math.cos(math.pi * done))
        return cfg.lr * cosine * min(1.0, (self.step + 1) / cfg.warmup)

    def advance(self) -> dict[str, float]:
        """One optimiser step, of which this process takes its share of heads; returns its mean losses."""
        cfg, ranks, pool = self.cfg, self.ranks, self.pool
        known = available(self.step, cfg)
        pool.want(known)
        coarse = self.coarse
        heads = cfg.coarse_heads if coarse else cfg.heads
        chosen = torch.randint(known, (heads,), generator=self._rng(0)).tolist()
        mine = range(ranks.rank, heads, ranks.world)
        for group in self.optimizer.param_groups:
            group["lr"] = self.learning_rate() * group["scale"]
        self.optimizer.zero_grad(set_to_none=True)
        totals: dict[str, float] = {}
        for batch in [list(mine)] if self.plane_size() <= BATCHED else [[k] for k in mine]:
            examples = [pool.head(chosen[k]) for k in batch]
            taught = [pool.taught(chosen[k], self.plane_size()) for k in batch]
            losses = self._losses(examples, taught, [self._rng(1 + k) for k in batch])
            loss = torch.stack([term.weighted for term in losses]).sum()
            (loss * len(batch) / len(mine)).backward()
            told = {f"loss/{term.name}": term.value for term in losses}
            for name, value in {**told, "loss/all": loss}.items():
                totals[name] = totals.get(name, 0.0) + float(value.detach()) * len(batch) / len(mine)
        if self.readout is not None and cfg.parameter_weight:
            totals["unexplained"] = self._hold_parameters(self.readout)
        ranks.mean_gradients(self.model)
        norm = torch.nn.utils.clip_grad_norm_(self._trained(), 1e9)
        totals["grad/generator"] = float(norm)
        if math.isfinite(totals["grad/generator"]):
            self._update()
            self._track()
        self.step += 1
        return totals

    def _rng(self, stream: int) -> torch.Generator:
        """Stream 0 draws what all processes share, stream 1 + k what head k of the step needs: the same however many processes."""
        return torch.Generator().manual_seed((self.cfg.seed * 1_000_003 + self.step) * 64 + stream)

    def _hold_parameters(self, readout: Readout) -> float:
        """Stage zero's loss once more on this process's share of fresh latents: adds its gradient, returns its value."""
        z = torch.randn(self.cfg.mapping_batch, self.model.cfg.z_dim, generator=self._rng(63))[
            self.ranks.rank :: self.ranks.world
        ]
        loss = readout.unexplained(self.model.mapping(z), z)
        (self.cfg.parameter_weight * loss).backward()
        return float(loss.detach())

    @torch.no_grad()
    def _update(self) -> None:
        """One Adam step. The output row of the signed distance moves at the rate of the layers under it: at the rate of the colour
        features beside it in fc2, one step would shift every surface by more than the accuracy that the fit is after."""
        rows = [self.model.sdf_mlp.fc2.weight[:1], self.model.sdf_mlp.fc2.bias[:1]]
        before = [row.clone() for row in rows]
        self.optimizer.step()
        for row, old in zip(rows, before, strict=True):
            row.copy_(torch.lerp(old, row, min(1.0, self.cfg.decoder_lr / self.cfg.colour_lr)))

    def _trained(self) -> list[Tensor]:
        return [p for group in self.optimizer.param_groups for p in group["params"] if p.grad is not None]

    def _losses(
        self, heads: list[dict[str, Tensor]], taught: list[tuple[Tensor, Tensor]], rngs: list[torch.Generator]
    ) -> tuple[LossTerm, ...]:
        """Before joint_start the planes learn the views, and the decoder learns from views as they should be; then both at once."""
        cfg, model = self.cfg, self.model
        z = torch.stack([h["z"] for h in heads])
        planes = model.synthesize(model.map(z, None), up_to=self.plane_size())
        if self.step < cfg.joint_start:
            losses = view_losses(planes.levels[0], taught, cfg.view_weight)
            field = TaughtField(planes, model.sdf_mlp, model.rgb_mlp, model.cfg, fast=False)
            field.heads = heads
            count = cfg.points // (cfg.coarse_heads if self.coarse else cfg.heads)
            return losses + point_losses(field, heads, count, cfg, rngs)
        field = model.field(planes, fast=True)
        losses = view_losses(planes.levels[0], taught, cfg.view_weight * cfg.view_hold)
        losses += point_losses(field, heads, cfg.points, cfg, rngs)
        if cfg.rays and len(heads) == 1:
            rays = torch.randperm(len(heads[0]["t"]), generator=rngs[0])[: cfg.rays]
            losses += ray_losses(field, heads[0], rays, cfg, rngs[0])
        return losses

    def plane_size(self) -> int:
        """Plane resolution of the present step."""
        passed = sum(self.step >= at for at in self.cfg.doublings)
        return min(self.cfg.coarse_size * 2**passed, self.model.cfg.plane_size)

    @property
    def coarse(self) -> bool:
        """Whether planes are so small that heads go through in one batch."""
        return is_coarse(self.step, self.cfg, self.model.cfg.base_size)

    @torch.no_grad()
    def _track(self) -> None:
        decay = 0.5 ** (1.0 / min(self.cfg.ema_steps, 1.0 + 0.1 * self.step))
        for name, value in self._weights().items():
            if value.is_floating_point():
                self.average[name].lerp_(value, 1.0 - decay)

    def save(self, path: Path) -> None:
        if self.ranks.writer:
            save_state(path, self.step, self._weights(), self.average, self.optimizer, self.readout)

    def load(self, path: Path) -> None:
        self.step, weights, average, self.readout = load_state(path, self.optimizer)
        self.average = {k: v for k, v in average.items() if not k.startswith("proposal.")}
        self.put(weights)


def _put(model: WysiwygGenerator, weights: dict[str, Tensor]) -> None:
    own = {k: v for k, v in weights.items() if not k.startswith("proposal.")}
    model.load_state_dict({**model.state_dict(), **own})


@torch.no_grad()
def set_w_average(generator: WysiwygGenerator, count: int = 4096, seed: int = 0) -> None:
    """w_avg = mean of w over `count` latents; the point that truncation draws to."""
    rng = torch.Generator().manual_seed(seed)
    z = torch.randn(count, generator.cfg.z_dim, generator=rng)
    generator.mapping.w_avg.copy_(generator.mapping(z).mean(dim=0))
