"""The probe and the proposals: a low-resolution render whose ray distributions a network turns into high-resolution ones.

What You See is What You GAN, section 4.1 and 4.2: P, I and the view directions at probe resolution → P̂ at proposal resolution.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import torch
import torch.nn.functional as F
from torch import Tensor

from core_model.geometry.rays import Rays, camera_rays, ray_bounds
from core_model.ops import cpu_parallel
from core_model.ops.stepfun import clean, entropy, leftover_mass
from core_model.rendering.composite import Composite
from core_model.rendering.empty import live_rays
from core_model.rendering.evaluate import Scene, evaluate, pdf_of
from core_model.rendering.march import march
from core_model.sampling.placement import uniform_samples
from core_model.schema.camera import MatrixCamera, OrbitPose
from core_model.schema.conventions import Conventions
from core_model.schema.sampler import SamplerSpec

Propose = Callable[[Tensor, Tensor, Tensor], Tensor]
# Opacity from which the probe has met something: the tolerance of skipped space, so that the same rays
# are hard with and without skipping.
SEEN = 1e-3
PIECE = 256  # rays of a probe that can be given up, between two looks
RAYS_PER_WORKER = 64  # rays of a probe that a worker is worth waking for


@dataclass(frozen=True)
class ProbeResult:
    """weights [B, K, h, w], image [B, 3, h, w] in [0, 1], dirs [B, 3, h, w], opacity [B, 1, h, w]; evaluations in all."""

    weights: Tensor
    image: Tensor
    dirs: Tensor
    opacity: Tensor
    evaluations: int


@dataclass(frozen=True)
class Proposals:
    """Predicted distributions p [1, K, H, W] (sum 1) and the chance that a ray meets anything [1, 1, H, W], from the probe."""

    p: Tensor
    chance: Tensor
    evaluations: int

    @property
    def nbytes(self) -> int:
        return 2 * self.p.numel() * self.p.element_size()  # the table is a second copy

    def at_pixels(self, pixels: Tensor, width: int, height: int) -> Tensor:
        """p̂ [R, K] of the pixels with flat indices `pixels` [R] of a width×height picture; bilinear, each row a distribution."""
        return _bilinear_rows(self.table, self.p.shape[-1], self.p.shape[-2], pixels, width, height)

    @cached_property
    def table(self) -> Tensor:
        """p channel-last as a table [H·W, K]."""
        return self.p[0].flatten(1).T.contiguous()

    def leftover(self, spec: SamplerSpec, width: int, height: int) -> Tensor:
        """What ranks the rays [H·W]: A3.4's leftover mass of every pixel, and by the rule "weighted" that times the chance that the ray
        meets anything: the light that may be missed.

        Without that factor an empty background, whose prediction is flat, takes the samples of the silhouette. The paper's photographs
        have none: every one of their rays meets something.
        """
        if spec.hard_rule == "leftover":
            return _resize(
                leftover_mass(self.table, spec.leftover_bins).view_as(self.chance), width, height
            ).reshape(-1)
        seen = self.chance.flatten() > SEEN
        left = torch.zeros_like(self.chance)
        left.view(-1)[seen] = leftover_mass(self.table[seen], spec.leftover_bins) * self.chance.flatten()[
            seen
        ].clamp_max(1.0)
        return _resize(left, width, height).reshape(-1)

    def entropy(self, width: int, height: int) -> Tensor:
        """Entropy [H·W] in nats; NaN where the probe saw nothing."""
        e = entropy(self.p.permute(0, 2, 3, 1))[:, None]
        e = _resize(e, width, height).reshape(-1)
        seen = _resize((self.chance > SEEN).float(), width, height).reshape(-1)
        return torch.where(seen > 0, e, torch.nan)


def run_probe(
    scene: Scene, camera: OrbitPose | MatrixCamera, conv: Conventions, width: int, height: int, samples: int,
    stop: Callable[[], None] | None = None,
) -> ProbeResult:  # fmt: skip
    """Uniform samples at low resolution: P, I and φ. Rays through nothing but empty space are not walked.

    stop: called about every PIECE rays; what it raises ends the probe.
    """
    device = scene.frontal.device
    rays = ray_bounds(*camera_rays(camera, width, height, device), conv, parallel=camera.orthographic)
    live = live_rays(scene.space, camera, width, height, rays.hit)
    weights = torch.zeros(len(rays), samples - 1, device=device)
    image = (
        torch.zeros(len(rays), 3, device=device)
        if scene.background is None
        else scene.background.clamp(0.0, 1.0).repeat(len(rays), 1)
    )
    opacity = torch.zeros(len(rays), device=device)

    def part(which: Tensor) -> int:
        if stop is None or len(which) <= PIECE:
            return walked(which)
        return sum(walked(piece) for piece in which.split(PIECE))

    def walked(which: Tensor) -> int:
        if stop is not None:
            stop()
        some = rays.select(which)
        evaluated = evaluate(scene, some, uniform_samples(some.near, some.far, samples))
        composite = Composite(scene, some, evaluated)
        weights[which], image[which] = clean(pdf_of(evaluated).weights), composite.rgb
        opacity[which] = composite.opacity
        return evaluated.evaluations

    # every n-th ray: neighbours have about the same work, so no worker waits for another
    count = min(cpu_parallel.width(device), -(-len(live) // RAYS_PER_WORKER))
    evaluations = sum(cpu_parallel.spread(part, [live[k::count] for k in range(count)], device))
    grid = lambda x: x.reshape(1, height, width, -1).permute(0, 3, 1, 2)
    return ProbeResult(grid(weights), grid(image), grid(rays.dirs), grid(opacity), evaluations)


def run_dense_probe(scene: Scene, rays: Rays, samples: int) -> ProbeResult:
    """The probe of square pictures [B, size²] of many cameras at once, with every sample evaluated."""
    placed = uniform_samples(rays.near, rays.far, samples)
    seen = march(scene, rays, placed)
    return ProbeResult(
        seen.picture(clean(seen.pdf(placed).weights)),
        seen.picture(seen.rgb).clamp(0.0, 1.0),
        seen.picture(rays.dirs),
        seen.picture(seen.opacity),
        placed.t.numel(),
    )


def run_proposals(probe: ProbeResult, propose: Propose) -> Proposals:
    """The proposal network on a probe."""
    p = torch.exp(propose(probe.weights, probe.image, probe.dirs)).float()
    # a ray can meet what its neighbours in the probe met: the maximum over 3x3 keeps thin things between probe pixels
    chance = F.max_pool2d(probe.opacity, 3, stride=1, padding=1)
    return Proposals(
        p, F.interpolate(chance, size=p.shape[-2:], mode="bilinear", align_corners=False), probe.evaluations
    )


def _resize(x: Tensor, width: int, height: int) -> Tensor:
    return F.interpolate(x, size=(height, width), mode="bilinear", align_corners=False)


def _bilinear_rows(table: Tensor, w: int, h: int, pixels: Tensor, width: int, height: int) -> Tensor:
    """Bilinear lookup of a [h·w, C] table at pixel centres of a width×height picture: one weighted sum of four rows per pixel.

    Same rule as `interpolate` with align_corners False and clamped edges, but only for the pixels that are asked for.
    """
    if (w, h) == (width, height):
        return table[pixels]
    x = (((pixels % width).float() + 0.5) * (w / width) - 0.5).clamp(0, w - 1)
    y = ((torch.div(pixels, width, rounding_mode="floor").float() + 0.5) * (h / height) - 0.5).clamp(0, h - 1)
    x0, y0 = x.long(), y.long()
    x1, y1 = (x0 + 1).clamp_max(w - 1), (y0 + 1).clamp_max(h - 1)
    fx, fy = x - x0, y - y0
    index = torch.stack([y0 * w + x0, y0 * w + x1, y1 * w + x0, y1 * w + x1], dim=-1)
    weights = torch.stack([(1 - fx) * (1 - fy), fx * (1 - fy), (1 - fx) * fy, fx * fy], dim=-1)
    return F.embedding_bag(index, table, per_sample_weights=weights, mode="sum")
