"""Second stage of `triscope fit`: the proposal network, by the paper's sampler loss (spec §4.3).

On a patch of the picture the ray distributions are traced densely; the target is L1-normalise(suppress(blur(P))); the loss is the
cross-entropy of the prediction to it. The generator stays as it is.
"""

from __future__ import annotations

import math
from pathlib import Path

import torch
from torch import Tensor

from core_model.checkpoints.store import load_tensors
from core_model.families.wysiwyg.generator import WysiwygGenerator
from core_model.geometry.rays import camera_rays, ray_bounds
from core_model.losses.terms import sampler_loss
from core_model.ops.stepfun import supervision_target
from core_model.rendering.empty import build_space_grid
from core_model.rendering.evaluate import Scene, evaluate, pdf_of
from core_model.rendering.probe import run_probe
from core_model.sampling.placement import uniform_samples
from core_model.schema.camera import OrbitPose
from core_model.schema.errors import InputError
from core_model.schema.fit import FitConfig
from core_model.training.fit.latent import latent_z
from core_model.training.fit.state import load_state, save_state

SPACE_CELLS = 40


class ProposalStage:
    """Weights of the proposal network, their average, optimiser and step counter."""

    name = "proposal"

    def __init__(self, generator: WysiwygGenerator, cfg: FitConfig) -> None:
        if generator.proposal is None:
            raise ValueError("this preset has no proposal network")
        self.generator, self.net, self.cfg, self.step = generator, generator.proposal, cfg, 0
        self.total = cfg.proposal_steps
        self.generator.requires_grad_(False)
        self.net.requires_grad_(True)
        self.optimizer = torch.optim.Adam(self.net.parameters(), lr=cfg.proposal_lr, betas=(0.9, 0.99))
        self.average = {k: v.detach().clone() for k, v in self.net.state_dict().items()}

    def advance(self) -> dict[str, float]:
        """One optimiser step on one head and one camera; returns nothing where that taught nothing."""
        cfg = self.cfg
        rng = torch.Generator().manual_seed(cfg.seed * 7_000_003 + self.step)
        weights, image, dirs, target, corner = self._example(rng)
        log_p = self.net(weights, image, dirs)
        y, x, n = *corner, target.shape[-1]
        predicted = log_p[:, :, y : y + n, x : x + n]
        seen = target.sum(dim=1) > 0
        loss = sampler_loss(predicted, target)
        for group in self.optimizer.param_groups:
            group["lr"] = self._rate()
        self.optimizer.zero_grad(set_to_none=True)
        self.step += 1
        if not torch.isfinite(loss) or not seen.any():
            return {}
        loss.backward()
        self.optimizer.step()
        self._track()
        with torch.no_grad():
            p = predicted.exp()
            overlap = torch.minimum(p, target).sum(dim=1)[seen].mean()
            own = -(target * target.clamp_min(1e-12).log()).sum(dim=1)[seen].mean()
        return {
            "sampler": float(loss.detach()),
            "sampler/target_entropy": float(own),
            "sampler/overlap": float(overlap),
        }

    @torch.no_grad()
    def _example(self, rng: torch.Generator) -> tuple[Tensor, Tensor, Tensor, Tensor, tuple[int, int]]:
        """Probe inputs, and the target of a patch [1, K, n, n] with its corner (row, column) in the prediction."""
        g, cfg, conv = self.generator, self.cfg, self.generator.conventions
        seed = 50_000_000 + int(torch.randint(1 << 30, (1,), generator=rng))
        psi = float(torch.empty(1).uniform_(0.6, 1.0, generator=rng))
        planes = g.synthesize(g.map(latent_z(seed, g.cfg.z_dim), None, psi=psi))
        field = g.field(planes)
        space = build_space_grid(field, conv.box, SPACE_CELLS, torch.device("cpu"))
        background = None if conv.background is None else torch.tensor(conv.background)
        scene = Scene(field, space, background, torch.tensor([0.0, 0.0, -1.0]))
        # smaller probes are what the window asks for while the view moves
        share = (1.0, 1.0, 0.75, 0.5)[int(torch.randint(4, (1,), generator=rng))]
        size = round(g.cfg.probe_size * share)
        full = size * 2**g.cfg.proposal_ups
        camera = random_camera(rng)
        probe = run_probe(scene, camera, conv, size, size, g.cfg.probe_samples)
        n = min(cfg.proposal_patch, full)
        y, x = (int(torch.randint(full - n + 1, (1,), generator=rng)) for _ in range(2))
        origins, dirs = (
            v.reshape(full, full, 3)[y : y + n, x : x + n].reshape(-1, 3)
            for v in camera_rays(camera, full, full)
        )
        rays = ray_bounds(origins, dirs, conv)
        traced = pdf_of(evaluate(scene, rays, uniform_samples(rays.near, rays.far, g.cfg.probe_samples)))
        target = supervision_target(traced.weights, cfg.blur_bins).reshape(1, n, n, -1).permute(0, 3, 1, 2)
        return probe.weights, probe.image, probe.dirs, target, (y, x)

    def _rate(self) -> float:
        cfg = self.cfg
        cosine = 0.5 * (1.0 + math.cos(math.pi * min(1.0, self.step / cfg.proposal_steps)))
        return cfg.proposal_lr * (0.02 + 0.98 * cosine) * min(1.0, (self.step + 1) / 50)

    @torch.no_grad()
    def _track(self) -> None:
        decay = 0.5 ** (1.0 / min(60.0, 1.0 + 0.1 * self.step))
        for name, value in self.net.state_dict().items():
            self.average[name].lerp_(value, 1.0 - decay)

    def schedule(self) -> dict[str, float]:
        """What changes from step to step."""
        return {"lr": self._rate()}

    def save(self, path: Path) -> None:
        save_state(path, self.step, self.net.state_dict(), self.average, self.optimizer)

    def fill(self, shadow: WysiwygGenerator) -> None:
        """Give a copy of the generator the proposal network's running average."""
        assert shadow.proposal is not None
        shadow.proposal.load_state_dict(self.average)

    def start_from(self, checkpoint: Path) -> None:
        """Take another checkpoint's proposal network as the start; raises InputError where it does not fit."""
        prefix = "proposal."
        given = {k[len(prefix) :]: v for k, v in load_tensors(checkpoint).items() if k.startswith(prefix)}
        own = self.net.state_dict()
        if {k: v.shape for k, v in given.items()} != {k: v.shape for k, v in own.items()}:
            raise InputError(
                what="this checkpoint's proposal network has another shape",
                where=str(checkpoint),
                expected=f"{len(own)} tensors as in preset {self.cfg.preset}",
                got=f"{len(given)} tensors",
            )
        self.net.load_state_dict(given)
        self.average = {k: v.detach().clone() for k, v in given.items()}

    def load(self, path: Path) -> None:
        self.step, weights, self.average, _ = load_state(path, self.optimizer)
        self.net.load_state_dict(weights)


def random_camera(rng: torch.Generator) -> OrbitPose:
    """Two thirds near the prior (yaw N(0, 0.4), pitch N(0, 0.25)), one third anywhere around the head; distance and angle vary."""
    u = torch.rand(5, generator=rng).tolist()
    normal = torch.randn(2, generator=rng).tolist()
    if u[0] < 0.67:
        yaw, pitch = 0.4 * normal[0], 0.25 * normal[1]
    else:
        yaw, pitch = (2 * u[1] - 1) * math.pi, (2 * u[2] - 1) * 0.8
    pose = OrbitPose(yaw=yaw, pitch=max(-1.2, min(1.2, pitch)))
    return pose.replace(radius=pose.radius * (0.8 + 0.5 * u[3]), fov=pose.fov * (0.8 + 0.4 * u[4]))
