"""One picture in the making: live pixels in tiles, several tiles at a time on CPUs."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from core_model.geometry.rays import Rays, camera_rays, ray_bounds
from core_model.ops import cpu_parallel
from core_model.ops.devices import of_kind
from core_model.ops.pixel_noise import PixelNoise, frame_shift
from core_model.rendering.channels import CHANNELS
from core_model.rendering.composite import Composite
from core_model.rendering.evaluate import Evaluated, RayEvaluator, Scene, evaluate
from core_model.rendering.probe import Proposals
from core_model.sampling.occupancy import DensityGrid
from core_model.sampling.placement import adaptive_mask, uniform_samples
from core_model.sampling.samplers import SAMPLERS
from core_model.sampling.surface import DistanceLattice
from core_model.sampling.tile import Tile, allotted
from core_model.schema.errors import Cancelled
from core_model.schema.render import Tier
from core_model.session.large_rays import LARGE, LargeRays
from core_model.session.room import SAMPLE_BYTES, TILE_BYTES
from core_model.session.stages import StageRun

BACKDROP_RAYS = 1 << 16
FEW_RAYS = 1 << 13  # in a small picture two more tiles cost more than the padding
FEATURES = "features"  # not a channel of the registry: every colour channel of the field, before any clamp
Progress = Callable[[str, float], None]


def stop_if(cancelled: Callable[[], bool]) -> None:
    if cancelled():
        raise Cancelled("a newer request is waiting")


class Picture:
    """One picture in the making, tile by tile."""

    def __init__(
        self,
        run: StageRun,
        scene: Scene,
        proposals: Proposals | None,
        guide: DensityGrid | DistanceLattice | None,
        channels: tuple[str, ...],
        device: torch.device,
        second_look: bool = False,
    ) -> None:
        self.run, self.scene, self.proposals, self.channels, self.device = (
            run,
            scene,
            proposals,
            channels,
            device,
        )
        self.guide, self.second_look = guide, second_look
        request = run.request
        self.request, self.conv = request, run.opened.info.header.conventions
        self.sampler = SAMPLERS.get(request.sampler.name)
        info = next(s for s in run.opened.info.samplers if s.name == request.sampler.name)
        self.default_spp = info.default_spp
        self.rays: Rays | LargeRays
        if request.width * request.height > LARGE and scene.backed is None:
            self.rays = LargeRays(request.camera, request.width, request.height, self.conv, device)
        else:
            origins, dirs = camera_rays(request.camera, request.width, request.height, device)
            self.rays = ray_bounds(origins, dirs, self.conv, parallel=request.camera.orthographic)
        with run.clock.stage("skip"):
            self.live = run.live(scene.space, self.rays)
        self.out: dict[str, np.ndarray] = {}
        self.backdrop = self._backdrop() if scene.backed is not None and "rgb" in channels else None
        self._planned: list[Tensor] | None = None
        self._drawn: dict[int, float] = {}  # evaluated samples by number of the tile
        self.leftover: Tensor | None = None
        self.entropy: Tensor | None = None
        self.hard: Tensor | None = None
        if proposals is not None:
            self.leftover = proposals.leftover(request.sampler, request.width, request.height)
            share = request.sampler.adaptive_share if request.sampler.adaptive else 0.0
            self.hard = adaptive_mask(self.leftover, share)
            if "entropy" in channels:
                self.entropy = proposals.entropy(request.width, request.height)

        self.allotted = allotted(self.rays.hit, request.sampler, self.default_spp, self.hard)

    def draw(self, cancelled: Callable[[], bool], progress: Progress) -> None:
        """Live pixels in tiles, several at a time on CPUs; one dead ray whose values fill the rest of the picture.

        Raises Cancelled between two tiles; called again, it goes on with those that are not drawn yet.
        """
        workers = cpu_parallel.width(self.device)
        if self._planned is None:
            self._fill_dead()
            self._planned = self.tiles(workers)
        tiles = self._planned

        def draw_one(number: int) -> None:
            stop_if(cancelled)
            self._drawn[number] = self._tile(tiles[number])

        left = [n for n in range(len(tiles)) if n not in self._drawn]
        done = len(tiles) - len(left)
        with self.run.clock.shared(min(workers, len(left))):
            for n, _ in enumerate(cpu_parallel.spread(draw_one, left, self.device), done):
                progress("samples", n / len(tiles))

    @property
    def evaluated(self) -> float:
        """Samples that were evaluated so far."""
        return sum(self._drawn.values())

    def tiles(self, workers: int) -> list[Tensor]:
        """The live pixels, cut into tiles. Rays of one sample budget stay together, so that none is padded to the larger one; a tile
        takes every n-th of them, so that all tiles have about the same work and no worker waits for another."""
        groups = [self.live]
        if self.hard is not None and len(self.live) > FEW_RAYS:
            hard = self.hard[self.live]
            groups = [self.live[~hard], self.live[hard]]
        tiles = []
        for pixels in groups:
            if len(pixels):
                count = cpu_parallel.parts_of(len(pixels), self._rays_per_tile(pixels, workers), workers)
                tiles += [pixels[k::count] for k in range(count)]
        return tiles

    def placed(self, pixels: Tensor, rays: Rays | None = None) -> Evaluated:
        """The samples of the pixels with these flat indices, evaluated; rays: theirs, where the caller has them."""
        with self.run.clock.stage("samples"):
            return self.sampler.place(self._of(self.rays.select(pixels) if rays is None else rays, pixels))

    def _tile(self, pixels: Tensor) -> float:
        """Draw the pixels with these flat indices; returns how many samples were evaluated."""
        clock = self.run.clock
        rays = self.rays.select(pixels)
        evaluated = self.placed(pixels, rays)
        composite = Composite(
            self.scene,
            rays,
            evaluated,
            self.allotted[pixels],
            _part(self.leftover, pixels),
            _part(self.entropy, pixels),
        )
        with clock.stage("composite"):
            composite.opacity  # noqa: B018 - weights are shared by all channels, so they are booked under `composite`
        with clock.stage("channels"):
            index = pixels.cpu().numpy()
            for name in self.channels:
                values = _compute(name)(composite).float().reshape(len(pixels), -1)
                if name == "rgb" and self.backdrop is not None:
                    values = (values + (1.0 - composite.opacity)[:, None] * self.backdrop[pixels]).clamp(
                        0.0, 1.0
                    )
                self.out[name][:, index] = values.T.cpu().numpy()
        return float(evaluated.evaluations)

    def _fill_dead(self) -> None:
        """Values of a ray that meets nothing, everywhere; what the sampler knows of each pixel stays per pixel."""
        n = self.request.width * self.request.height
        first = self.rays.select(slice(0, 1))
        missing = Rays(first.origins, first.dirs, first.near, first.far, torch.zeros_like(first.hit))
        nothing = evaluate(self.scene, missing, uniform_samples(first.near, first.far, 2))
        composite = Composite(self.scene, missing, nothing)
        known = {"samples": self.allotted, "leftover": self.leftover, "entropy": self.entropy}
        for name in self.channels:
            if name == "rgb" and self.backdrop is not None:
                self.out[name] = self.backdrop.clamp(0.0, 1.0).T.cpu().numpy().copy()
                continue
            per_pixel = known.get(name)
            if per_pixel is not None:
                self.out[name] = per_pixel.float().reshape(1, n).cpu().numpy().copy()
                continue
            value = _compute(name)(composite).float().reshape(-1, 1).cpu().numpy()
            self.out[name] = np.repeat(value, n, axis=1)

    def _backdrop(self) -> Tensor:
        """Radiance [H·W, 3] behind the scene, where its field knows it."""
        backed, width, height = self.scene.backed, self.request.width, self.request.height
        assert backed is not None and isinstance(self.rays, Rays)
        at = [(torch.arange(n, device=self.device) + 0.5) * (2.0 / n) - 1.0 for n in (height, width)]
        row, column = torch.meshgrid(*at, indexing="ij")
        places = torch.stack([column, row], dim=-1).reshape(-1, 2)
        parts = zip(
            *(x.split(BACKDROP_RAYS) for x in (self.rays.origins, self.rays.dirs, places)), strict=True
        )
        return torch.cat([backed.behind(*part) for part in parts]).float()

    def _of(self, rays: Rays, pixels: Tensor) -> Tile[Evaluated]:
        """What the sampler may use for the rays of `pixels`."""
        request = self.request
        proposal = None
        if self.proposals is not None:
            proposal = self.proposals.at_pixels(pixels, request.width, request.height)
        hard = None if self.hard is None else self.hard[pixels]
        # frames that are averaged share one offset each instead of a random one for each sample
        common = frame_shift(request.seed) if request.tier is Tier.REFINED else None
        noise = PixelNoise(request.seed, pixels, common=common)
        evaluator = RayEvaluator(self.scene, rays)
        return Tile(
            evaluator,
            rays,
            request.sampler,
            self.default_spp,
            noise,
            proposal,
            hard,
            self.guide,
            self.second_look,
        )

    def finish(self) -> tuple[dict[str, np.ndarray], tuple[float, float, float]]:
        """(channels, (samples, evaluations, probe evaluations) a pixel)."""
        shape = (self.request.height, self.request.width)
        arrays = {
            k: v.reshape(-1, *shape) if v.shape[0] > 1 else v.reshape(shape) for k, v in self.out.items()
        }
        pixels = self.request.width * self.request.height
        probe = self.proposals.evaluations if self.proposals is not None else 0
        return arrays, (float(self.allotted.mean()), self.evaluated / pixels, probe / pixels)

    def _rays_per_tile(self, pixels: Tensor, workers: int) -> int:
        """The largest tile of these pixels: what fits a worker's share of the memory that tiles may take."""
        request = self.request
        if request.tile_rays is not None:
            return request.tile_rays
        samples = max(float(self.allotted[pixels].max()), 4.0)
        bins = self.proposals.p.shape[1] if self.proposals is not None else 0
        budget = TILE_BYTES * (of_kind(self.device, 1, 16))
        rays = int(budget / workers / (samples * SAMPLE_BYTES + bins * 24))
        return max(64, min(rays, of_kind(self.device, 16384, 1 << 20)))


def _compute(name: str) -> Callable[[Composite], Tensor]:
    return (lambda c: c.radiance) if name == FEATURES else CHANNELS.get(name).compute


def _part(values: Tensor | None, pixels: Tensor) -> Tensor | None:
    return None if values is None else values[pixels]
