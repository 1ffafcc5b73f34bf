"""The two stages of A2.3: latent, camera and noise maps first; then camera and weights about the latent found.

Everything that a step depends on is in `tensors` (and the step's number), so that a stage which is filled from them
goes on bit by bit.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn

from core_model.families.base import Painted, Painter
from core_model.inversion.camera import FreeCamera
from core_model.inversion.likeness import Likeness
from core_model.inversion.noise_maps import noise_maps, whiten, whiteness
from core_model.inversion.shape_hold import ShapeHold
from core_model.inversion.start import LatentSpace
from core_model.losses.terms import LossTerm
from core_model.schema.inversion import InvertConfig

FROZEN_PARTS = ("mapping", "proposal")
"""Parts of a generator that the picture of a given latent does not depend on, or that only place samples."""
BETAS = (0.9, 0.999)
SHARPENING = 0.75
"""Share of the first stage in which a softened outline becomes sharp, and of the second in which it stays softened."""


@dataclass
class Search:
    """What both stages work on: a generator of its own (its weights will change), the camera, the latent.

    x [L or 1, D]: the latent in standard deviations of `space`.
    """

    cfg: InvertConfig
    model: Any
    painter: Painter
    likeness: Likeness
    camera: FreeCamera
    space: LatentSpace
    x: Tensor

    @classmethod
    def begin(
        cls,
        cfg: InvertConfig,
        model: Any,
        painter: Painter,
        likeness: Likeness,
        camera: FreeCamera,
        space: LatentSpace,
    ) -> Search:
        layers = model.module.num_ws if cfg.space == "w+" else 1
        x = torch.zeros(layers, len(space.mean), device=space.mean.device)
        return cls(cfg, model, painter, likeness, camera, space, x)

    def ws(self, x: Tensor) -> Tensor:
        """[1, L, D] of x."""
        return self.space.w(x)[None].expand(1, self.model.module.num_ws, -1)

    def paint(self, x: Tensor, *, fresh: bool, sharp: float | None = None) -> Painted:
        """sharp: how far the outline has gone from its width at the start, 0, to its width at the end, 1; None = hard, as it is shown."""
        cfg, edge = self.cfg, 0.0
        if cfg.edge and sharp is not None:
            edge = max(cfg.edge_start, cfg.edge) ** (1.0 - sharp) * cfg.edge**sharp
        size = self.likeness.target.shape[-1]
        return self.painter.paint(self.ws(x), self.camera.label(), size, fresh=fresh, edge=edge)

    def losses(self, painted: Painted) -> list[LossTerm]:
        mask = painted.opacity.clamp(0.0, 1.0) if self.cfg.mask == "opacity" else None
        found = self.likeness.terms(painted.image, mask)
        if self.cfg.camera_prior:
            found.append(LossTerm("camera", self.camera.moved(), self.cfg.camera_prior))
        return found

    def camera_groups(self, factor: float) -> list[dict[str, Any]]:
        """Adam's groups of the camera; what has no rate stays where it is."""
        cfg, camera = self.cfg, self.camera
        rates = ((camera.turn, cfg.turn_lr), (camera.shift, cfg.shift_lr), (camera.distance, cfg.distance_lr))
        for parameter, rate in rates:
            parameter.requires_grad_(rate * factor > 0)
        return [{"params": [p], "lr": rate * factor} for p, rate in rates if rate * factor > 0]


class _Stage(ABC):
    """Steps of one stage: a picture, its losses, one step of Adam at the scheduled share of the rates."""

    name: Literal["latent", "tuning"]

    def __init__(self, search: Search, total: int, groups: list[dict[str, Any]]) -> None:
        self.search, self.total, self.step = search, total, 0
        self.optimiser = torch.optim.Adam(groups, lr=1.0, betas=BETAS)
        self._rates = [group["lr"] for group in groups]

    def share(self) -> float:
        """Of the peak rates, at this step."""
        cfg, at = self.search.cfg, (self.step + 0.5) / max(1, self.total)
        rise = min(1.0, at / cfg.ramp_up) if cfg.ramp_up else 1.0
        fall = min(1.0, (1.0 - at) / cfg.ramp_down) if cfg.ramp_down else 1.0
        return rise * (0.5 - 0.5 * math.cos(math.pi * fall))

    def schedule(self) -> dict[str, float]:
        return {"rate": self.share()}

    def advance(self) -> dict[str, float]:
        """One step; the losses by name, unweighted."""
        cfg = self.search.cfg
        fresh = self.step % cfg.refresh == 0 or self.step % cfg.save_steps == 0
        for group, rate in zip(self.optimiser.param_groups, self._rates, strict=True):
            group["lr"] = rate * self.share()
        self.optimiser.zero_grad(set_to_none=True)
        terms = self._terms(fresh)
        total = torch.stack([term.weighted for term in terms]).sum()
        total.backward()
        self.optimiser.step()
        self._after()
        self.step += 1
        return {term.name: float(term.value.detach()) for term in terms} | {"loss": float(total.detach())}

    @abstractmethod
    def _terms(self, fresh: bool) -> list[LossTerm]:
        """Losses at this step; fresh: samples are placed anew."""

    def _after(self) -> None:  # noqa: B027  (most stages need nothing)
        """Whatever follows a step."""

    def picture(self) -> Tensor:
        """The present render [1, 3, S, S], samples placed for it."""
        with torch.no_grad():
            return self.search.paint(self.search.x, fresh=True).image

    def tensors(self) -> dict[str, Tensor]:
        """What changes in this stage, by name, beside Adam's moments."""
        found = {"x": self.search.x, **{f"camera/{k}": v for k, v in self.search.camera.named_parameters()}}
        maps = noise_maps(self.search.model.module) if self.search.cfg.noise_lr else {}
        return found | {f"noise/{k}": v for k, v in maps.items()}


class LatentStage(_Stage):
    """Latent, camera and noise maps; the weights stay."""

    name = "latent"

    def __init__(self, search: Search) -> None:
        cfg, module = search.cfg, search.model.module
        module.requires_grad_(False)
        self.maps = noise_maps(module) if cfg.noise_lr else {}
        for grid in self.maps.values():
            grid.requires_grad_(True)
        search.x.requires_grad_(True)
        groups = [{"params": [search.x], "lr": cfg.lr}, *search.camera_groups(1.0)]
        if self.maps:
            groups.append({"params": list(self.maps.values()), "lr": cfg.noise_lr})
        super().__init__(search, cfg.latent_total, groups)

    def _terms(self, fresh: bool) -> list[LossTerm]:
        search, cfg = self.search, self.search.cfg
        reach = (
            max(0.0, 1.0 - self.step / max(1, self.total) / cfg.latent_noise_share) ** 2 * cfg.latent_noise
        )
        x = search.x
        if reach:
            rng = torch.Generator().manual_seed(cfg.seed * 1_000_003 + self.step)
            x = x + torch.randn(x.shape, generator=rng).to(x.device) * reach
        terms = search.losses(
            search.paint(x, fresh=fresh, sharp=min(1.0, self.step / max(1, self.total) / SHARPENING))
        )
        if cfg.latent_prior:
            terms.append(LossTerm("latent", search.x.square().mean(), cfg.latent_prior))
        if self.maps and cfg.noise_regulariser:
            terms.append(LossTerm("noise", whiteness(self.maps), cfg.noise_regulariser))
        return terms

    def _after(self) -> None:
        whiten(self.maps)

    def close(self) -> None:
        """Nothing here learns any more."""
        for value in (*self.maps.values(), self.search.x):
            value.requires_grad_(False)
            value.grad = None


class TuneStage(_Stage):
    """Camera and weights about the latent found (pivotal tuning)."""

    name = "tuning"

    def __init__(self, search: Search) -> None:
        cfg = search.cfg
        self.weights = tuned(search.model.module)
        for weight in self.weights.values():
            weight.requires_grad_(True)
        groups = [
            {"params": list(self.weights.values()), "lr": cfg.tune_lr},
            *search.camera_groups(cfg.tune_camera),
        ]
        super().__init__(search, cfg.tune_total, groups)
        self.hold = self._hold() if cfg.tune_hold else None

    @torch.no_grad()
    def _hold(self) -> ShapeHold:
        search = self.search
        field = search.paint(search.x, fresh=True).field
        return ShapeHold.of(field, search.model.conventions.box, search.cfg.seed, search.x.device)

    def _terms(self, fresh: bool) -> list[LossTerm]:
        # the last steps fit what is shown: colours beside a hard outline
        sharp = 1.0 if self.step < SHARPENING * self.total else None
        painted = self.search.paint(self.search.x, fresh=fresh, sharp=sharp)
        terms = self.search.losses(painted)
        if self.hold is not None:
            terms.append(
                LossTerm("shape", self.hold.loss(painted.field, self.step), self.search.cfg.tune_hold)
            )
        return terms

    def close(self) -> None:
        for weight in self.weights.values():
            weight.requires_grad_(False)
            weight.grad = None

    def tensors(self) -> dict[str, Tensor]:
        held = {} if self.hold is None else {"hold/points": self.hold.points, "hold/values": self.hold.values}
        return super().tensors() | {f"weight/{k}": v for k, v in self.weights.items()} | held


def tuned(module: nn.Module) -> dict[str, nn.Parameter]:
    """The weights that the second stage may change, by name."""
    return {n: p for n, p in module.named_parameters() if n.split(".")[0] not in FROZEN_PARTS}


@torch.no_grad()
def fill(present: Mapping[str, Tensor], saved: Mapping[str, Tensor], prefix: str = "") -> None:
    """Copy saved tensors into those of the same name, in place; names that are not saved stay."""
    for name, value in present.items():
        if prefix + name in saved:
            value.copy_(saved[prefix + name])
