"""RenderSession: request in, frame out, with a cache at every stage. Knows nothing of windows and processes."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import numpy as np
import torch
from torch import Tensor

from core_model.families import FAMILIES
from core_model.families.base import Model
from core_model.fields.base import Field
from core_model.fields.triplane import Planes
from core_model.geometry.rays import Rays, camera_rays, ray_bounds
from core_model.ops.pixel_noise import PixelNoise
from core_model.rendering.channels import CHANNELS
from core_model.rendering.composite import Composite
from core_model.rendering.evaluate import Scene, evaluate
from core_model.rendering.occupancy import DensityGrid, Guide
from core_model.rendering.probe import Proposals
from core_model.rendering.samplers import SAMPLERS, Sampler, TileContext
from core_model.sampling.placement import adaptive_mask, span_samples
from core_model.schema.checkpoint import CheckpointInfo
from core_model.schema.errors import Cancelled, InputError
from core_model.schema.inspect import RayReport
from core_model.schema.latent import LatentSpec
from core_model.schema.question import Question
from core_model.schema.render import ChannelFrame, ErrorInfo, RenderRequest, RenderResult
from core_model.session.answers.registry import Answer, answer
from core_model.session.cache import StageCache
from core_model.session.clock import StageClock
from core_model.session.large_rays import LARGE, LargeRays
from core_model.session.library import OpenCheckpoint, file_stamp, open_checkpoint
from core_model.session.machine import device_name, pick_device, resident_bytes, tune_process
from core_model.session.provenance import RenderRecord
from core_model.session.ray_files import write_ray
from core_model.session.ray_report import inspect_ray
from core_model.session.stages import StageRun

CACHE_BYTES = {"cpu": 512 << 20, "cuda": 8 << 30}
ASIDE_BYTES = 48 << 20
TILE_BYTES = 160 << 20
BACKDROP_RAYS = 1 << 16
SAMPLE_BYTES = 320  # what one sample occupies on its way: position, features, masks, weights
Progress = Callable[[str, float], None]


@dataclass(frozen=True)
class Frame:
    """A result and its pixels: float32 arrays [H, W] or [3, H, W] by channel name; NaN = no value."""

    result: RenderResult
    arrays: dict[str, np.ndarray] = field(default_factory=dict)
    w: np.ndarray | None = None


class RenderSession:
    """Opens checkpoints and renders requests; not thread-safe (one worker owns it)."""

    def __init__(self, device: str = "auto", cache_bytes: int | None = None, threads: int | None = None) -> None:
        self._device = pick_device(device)
        tune_process(threads)
        self._cache = StageCache(cache_bytes if cache_bytes is not None else CACHE_BYTES[self._device.type])
        self._aside = StageCache(ASIDE_BYTES)
        self._open: dict[str, OpenCheckpoint] = {}

    @property
    def device(self) -> str:
        return device_name(self._device)

    @property
    def torch_device(self) -> torch.device:
        return self._device

    @property
    def cached_bytes(self) -> int:
        """What the stages keep for the next picture."""
        return self._cache.used + self._aside.used

    def open(self, path: str) -> CheckpointInfo:
        """Load a checkpoint (again, if its file changed); raises InputError with one clear line."""
        opened = self._open.get(path)
        if opened is None or opened.stamp != file_stamp(path):
            self.close(path)
            opened = self._open[path] = open_checkpoint(path, self._device)
        return opened.info

    def close(self, path: str) -> None:
        """Forget a checkpoint and everything computed from it."""
        if self._open.pop(path, None) is not None:
            for cache in (self._cache, self._aside):
                cache.drop(lambda key: isinstance(key, tuple) and path in key)
            if self._device.type == "cuda":
                torch.cuda.empty_cache()

    def memory_bytes(self) -> int:
        return resident_bytes(self._device)

    def render(
        self,
        request: RenderRequest,
        cancelled: Callable[[], bool] | None = None,
        progress: Progress | None = None,
    ) -> Frame:
        """One picture. Never raises: what went wrong is in `result.error` (kinds input, memory, cancelled, failed)."""
        try:
            return self._render(request, cancelled or (lambda: False), progress or (lambda stage, fraction: None))
        except InputError as error:
            failure = ErrorInfo(kind="input", message=str(error))
        except Cancelled as error:
            failure = ErrorInfo(kind="cancelled", message=str(error))
        except (MemoryError, torch.OutOfMemoryError) as error:
            self._cache.drop(lambda key: True)
            failure = ErrorInfo(kind="memory", message="out of memory while rendering", detail=str(error))
        except Exception as error:  # the boundary of the house: anything else becomes data, once, here
            if "alloc" in str(error).lower() and "memory" in str(error).lower():
                self._cache.drop(lambda key: True)
                failure = ErrorInfo(kind="memory", message="out of memory while rendering", detail=str(error))
            else:
                message = f"{type(error).__name__}: {error}"
                failure = ErrorInfo(kind="failed", message=message, detail=traceback.format_exc())
        return Frame(RenderResult(request=request, error=failure, device=self.device, memory_bytes=self.memory_bytes()))

    def inspect(self, request: RenderRequest, x: int, y: int) -> RayReport:
        """Everything along the ray through pixel (x, y) of the request's picture; raises InputError outside it."""
        if not (0 <= x < request.width and 0 <= y < request.height):
            raise InputError(
                what="pixel outside the picture", where="inspect", expected=f"0 … {request.width - 1}, 0 … {request.height - 1}",
                got=f"{x}, {y}",
            )
        _runnable_sampler(request, self.open(request.checkpoint))
        clock = StageClock(self._device)
        run = StageRun(request, self._open[request.checkpoint], self._device, self._cache, clock)
        with torch.no_grad():
            return inspect_ray(run, x, y)

    def save_ray(self, request: RenderRequest, x: int, y: int, path: str) -> None:
        """Inspect and write the report to a .json, .csv or .png file, as `triscope inspect` does; raises InputError."""
        info = self.open(request.checkpoint)
        record = RenderRecord(checkpoint_sha256=info.sha256, family=info.family, request=request)
        write_ray(Path(path), self.inspect(request, x, y), record)

    def answer(self, question: Question, cancelled: Callable[[], bool] | None = None) -> Answer:
        """What a question of the window asks; raises InputError, or Cancelled when something more urgent waits."""
        import core_model.session.answers  # noqa: F401  (registers every kind of answer)

        with torch.no_grad():
            return answer(self, question, cancelled or (lambda: False))

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Pictures rendered inside push nothing of the view on the screen out of its cache."""
        self._cache, self._aside = self._aside, self._cache
        try:
            yield
        finally:
            self._cache, self._aside = self._aside, self._cache

    def model_of(self, checkpoint: str) -> Model:
        """The generator itself, for answers that need more of it than a picture; raises InputError as `open` does."""
        self.open(checkpoint)
        return self._open[checkpoint].model

    @torch.no_grad()
    def w_of(self, checkpoint: str, latent: LatentSpec) -> tuple[np.ndarray, np.ndarray] | None:
        """(w as rendered, average w), each float32 [L, D]; None where the family has no latent."""
        model = self.model_of(checkpoint)
        plain = LatentSpec(psi=0.0, cutoff=None, cond=latent.cond, class_index=latent.class_index)
        w, average = model.map(latent), model.map(plain)
        if w is None or average is None:
            return None
        return w[0].float().cpu().numpy(), average[0].float().cpu().numpy()

    @torch.no_grad()
    def field_of(self, request: RenderRequest) -> Field:
        """The scene of a request as a field (meshes, slices, measurements); raises InputError as `open` does."""
        self.open(request.checkpoint)
        run = StageRun(request, self._open[request.checkpoint], self._device, self._cache, StageClock(self._device))
        return run.field(run.w())

    @torch.no_grad()
    def planes_of(self, request: RenderRequest) -> Planes | None:
        """The cached planes of a request, None for families without them; raises InputError as `open` does."""
        self.open(request.checkpoint)
        run = StageRun(request, self._open[request.checkpoint], self._device, self._cache, StageClock(self._device))
        return run.planes(run.w())

    @torch.no_grad()
    def _render(self, request: RenderRequest, cancelled: Callable[[], bool], progress: Progress) -> Frame:
        clock = StageClock(self._device)
        with clock.stage("checkpoint"):
            progress("checkpoint", 0.0)
            self.open(request.checkpoint)
        opened = self._open[request.checkpoint]
        channels = _known_channels(request, opened.info)
        if request.native:
            return self._render_native(StageRun(request, opened, self._device, self._cache, clock), channels, cancelled, progress)
        sampler = _runnable_sampler(request, opened.info)
        run = StageRun(request, opened, self._device, self._cache, clock)
        stop_if(cancelled)
        progress("w", 0.0)
        w = run.w()
        progress("planes", 0.0)
        volume = run.field(w)
        stop_if(cancelled)
        space = run.space(volume)
        proposals = run.proposals(volume, space) if sampler.needs_proposal else None
        grid = run.density_grid(volume) if sampler.needs_grid else None
        stop_if(cancelled)
        picture = _Picture(run, run.scene(volume, space), proposals, grid, channels, self._device)
        picture.draw(cancelled, progress)
        arrays, (placed, evaluated, probed) = picture.finish()
        result = RenderResult(
            request=request, width=request.width, height=request.height, frames=_frames(arrays),
            world_from_cam=tuple(request.camera.world_from_cam().reshape(-1).tolist()),
            intrinsics=tuple(request.camera.intrinsics().reshape(-1).tolist()), timings=clock.times(), total_ms=clock.total_ms(),
            device=self.device, memory_bytes=self.memory_bytes(),
            samples_per_pixel=placed, evaluated_per_pixel=evaluated, probe_per_pixel=probed,
        )
        return Frame(result, arrays, None if w is None else w[0].float().cpu().numpy())

    def _render_native(
        self, run: StageRun, channels: tuple[str, ...], cancelled: Callable[[], bool], progress: Progress
    ) -> Frame:
        """The picture of the imported family's own program; arrays keep the sizes that it has there."""
        request, info = run.request, run.opened.info
        native = FAMILIES.get(info.family).native
        if native is None:
            raise InputError(
                what="no native picture", where=request.checkpoint, expected="an imported family (EG3D, EpiGRAF, Mimic3D)", got=info.family
            )
        progress("planes", 0.0)
        w = run.w()
        planes = run.planes(w)
        guide = None
        if request.sampler.name in SAMPLERS and SAMPLERS.get(request.sampler.name).needs_grid:
            volume = run.field(w)
            guide = Guide(volume, run.density_grid(volume))
        stop_if(cancelled)
        progress("samples", 0.0)
        with run.clock.stage("samples"):
            made = native(run.opened.model, request, w, planes, guide)
        lacking = [name for name in channels if name not in made]
        if lacking:
            raise InputError(
                what=f"channel {lacking[0]!r} has no native picture", where=request.checkpoint, expected=", ".join(made), got=lacking[0]
            )
        arrays = {name: made[name] for name in (*channels, *(n for n in made if n == "raw_rgb"))}
        spp = float(made["samples"].mean()) if "samples" in made else 0.0
        result = RenderResult(
            request=request, width=request.width, height=request.height, frames=_frames(arrays),
            world_from_cam=tuple(request.camera.world_from_cam().reshape(-1).tolist()),
            intrinsics=tuple(request.camera.intrinsics().reshape(-1).tolist()), timings=run.clock.times(), total_ms=run.clock.total_ms(),
            device=self.device, memory_bytes=self.memory_bytes(), samples_per_pixel=spp, evaluated_per_pixel=spp,
        )
        return Frame(result, arrays, None if w is None else w[0].float().cpu().numpy())


def stop_if(cancelled: Callable[[], bool]) -> None:
    if cancelled():
        raise Cancelled("a newer request is waiting")


class _Picture:
    """One picture in the making, tile by tile."""

    def __init__(
        self,
        run: StageRun,
        scene: Scene,
        proposals: Proposals | None,
        grid: DensityGrid | None,
        channels: tuple[str, ...],
        device: torch.device,
    ) -> None:
        self.run, self.scene, self.proposals, self.channels, self.device = run, scene, proposals, channels, device
        self.grid = grid
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
        self.evaluated = 0.0
        self.leftover: Tensor | None = None
        self.entropy: Tensor | None = None
        self.hard: Tensor | None = None
        if proposals is not None:
            bins = request.sampler.leftover_count(proposals.p.shape[1])
            self.leftover = proposals.leftover(bins, request.width, request.height)
            share = request.sampler.adaptive_share if request.sampler.adaptive else 0.0
            self.hard = adaptive_mask(self.leftover, share)
            if "entropy" in channels:
                self.entropy = proposals.entropy(request.width, request.height)

        everything = torch.arange(len(self.rays), device=device)
        self.allotted = self._context(self.rays, everything, predicted=False).allotted(proposals is not None)

    def draw(self, cancelled: Callable[[], bool], progress: Progress) -> None:
        """Live pixels in tiles, then one dead ray whose values fill the rest of the picture."""
        self._fill_dead()
        tile = self._rays_a_tile()
        for start in range(0, len(self.live), tile):
            stop_if(cancelled)
            progress("samples", start / max(1, len(self.live)))
            self._tile(self.live[start : start + tile])

    def _tile(self, pixels: Tensor) -> None:
        clock = self.run.clock
        with clock.stage("samples"):
            rays = self.rays.select(pixels)
            evaluated = self.sampler.place(self._context(rays, pixels))
        composite = Composite(
            self.scene, rays, evaluated, self.allotted[pixels], _part(self.leftover, pixels), _part(self.entropy, pixels)
        )
        with clock.stage("composite"):
            composite.opacity  # noqa: B018 - weights are shared by all channels, so they are booked under `composite`
        with clock.stage("channels"):
            index = pixels.cpu().numpy()
            for name in self.channels:
                values = CHANNELS.get(name).compute(composite).float().reshape(len(pixels), -1)
                if name == "rgb" and self.backdrop is not None:
                    values = (values + (1.0 - composite.opacity)[:, None] * self.backdrop[pixels]).clamp(0.0, 1.0)
                self.out[name][:, index] = values.T.cpu().numpy()
        self.evaluated += evaluated.evaluations

    def _fill_dead(self) -> None:
        """Values of a ray that meets nothing, everywhere; what the sampler knows of each pixel stays per pixel."""
        n = self.request.width * self.request.height
        first = self.rays.select(slice(0, 1))
        missing = Rays(first.origins, first.dirs, first.near, first.far, torch.zeros_like(first.hit))
        nothing = evaluate(self.scene, missing, span_samples(first.near, first.far, 2, stratified=False, rng=None))
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
            value = CHANNELS.get(name).compute(composite).float().reshape(-1, 1).cpu().numpy()
            self.out[name] = np.repeat(value, n, axis=1)

    def _backdrop(self) -> Tensor:
        """Radiance [H·W, 3] behind the scene, where its field knows it."""
        backed, width, height = self.scene.backed, self.request.width, self.request.height
        assert backed is not None and isinstance(self.rays, Rays)
        at = [(torch.arange(n, device=self.device) + 0.5) * (2.0 / n) - 1.0 for n in (height, width)]
        row, column = torch.meshgrid(*at, indexing="ij")
        places = torch.stack([column, row], dim=-1).reshape(-1, 2)
        parts = zip(*(x.split(BACKDROP_RAYS) for x in (self.rays.origins, self.rays.dirs, places)), strict=True)
        return torch.cat([backed.behind(*part) for part in parts]).float()

    def _context(self, rays: Rays | LargeRays, pixels: Tensor, *, predicted: bool = True) -> TileContext:
        """What the sampler may use for the rays of `pixels`; predicted = False leaves the proposals out (they are large)."""
        request = self.request
        proposal = None
        if self.proposals is not None and predicted:
            proposal = self.proposals.at_pixels(pixels, request.width, request.height)
        hard = None if self.hard is None else self.hard[pixels]
        noise = PixelNoise(request.seed, pixels)
        return TileContext(self.scene, cast(Rays, rays), request.sampler, self.default_spp, noise, proposal, hard, self.grid)

    def finish(self) -> tuple[dict[str, np.ndarray], tuple[float, float, float]]:
        """(channels, (samples, evaluations, probe evaluations) a pixel)."""
        shape = (self.request.height, self.request.width)
        arrays = {k: v.reshape(-1, *shape) if v.shape[0] == 3 else v.reshape(shape) for k, v in self.out.items()}
        pixels = self.request.width * self.request.height
        probe = self.proposals.evaluations if self.proposals is not None else 0
        return arrays, (float(self.allotted.mean()), self.evaluated / pixels, probe / pixels)

    def _rays_a_tile(self) -> int:
        request = self.request
        if request.tile_rays is not None:
            return request.tile_rays
        samples = max(float(self.allotted.max()) if len(self.allotted) else 0.0, 4.0)
        bins = self.proposals.p.shape[1] if self.proposals is not None else 0
        budget = TILE_BYTES * (16 if self.device.type == "cuda" else 1)
        rays = int(budget / (samples * SAMPLE_BYTES + bins * 24))
        return max(64, min(rays, 16384 if self.device.type == "cpu" else 1 << 20))


def _part(values: Tensor | None, pixels: Tensor) -> Tensor | None:
    return None if values is None else values[pixels]


def _runnable_sampler(request: RenderRequest, info: CheckpointInfo) -> Sampler:
    sampler = SAMPLERS.get(request.sampler.name, where="sampler")
    if sampler.needs_proposal and not info.has_proposal:
        raise InputError(
            what=f"sampler {request.sampler.name!r} cannot run",
            where=request.checkpoint,
            expected="a proposal network",
            got="none",
        )
    return sampler


def _known_channels(request: RenderRequest, info: CheckpointInfo) -> tuple[str, ...]:
    have = {c.name for c in info.channels}
    for name in request.channels:
        CHANNELS.get(name, where="request")
        if name not in have:
            raise InputError(
                what=f"channel {name!r} does not exist", where=request.checkpoint, expected=f"one of {', '.join(sorted(have))}", got=name
            )
    return tuple(dict.fromkeys(request.channels))


def _frames(arrays: dict[str, np.ndarray]) -> tuple[ChannelFrame, ...]:
    frames, offset = [], 0
    for name, a in arrays.items():
        finite = a[np.isfinite(a)]
        low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)
        frames.append(ChannelFrame(name=name, shape=a.shape, low=low, high=high, offset=offset))
        offset += a.nbytes
    return tuple(frames)
