"""RenderSession: request in, frame out, with a cache at every stage. Knows nothing of windows and processes."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import numpy as np
import torch

from core_model.families import FAMILIES
from core_model.families.base import Model
from core_model.fields.base import Field
from core_model.fields.triplane import Planes
from core_model.ops.devices import choose, free_bytes, of_kind, release_memory
from core_model.rendering.channels import CHANNELS
from core_model.rendering.composite import OPACITY_FLOOR
from core_model.sampling.occupancy import Guide
from core_model.sampling.samplers import SAMPLERS
from core_model.schema.checkpoint import CheckpointInfo
from core_model.schema.errors import Cancelled, InputError, OutOfMemory, is_out_of_memory
from core_model.schema.latent import LatentSpec
from core_model.schema.question_bake import BakeQuestion
from core_model.schema.render import ErrorInfo, RenderRequest, RenderResult, Tier, lay_out
from core_model.schema.sampler import AUTO
from core_model.session.bakery import Baked, Bakery
from core_model.session.cache import StageCache
from core_model.session.clock import StageClock
from core_model.session.cut_depth import cut_depth
from core_model.session.final_picture import check_auto, final_arrays, final_image, sources_of
from core_model.session.library import OpenCheckpoint, file_stamp, open_checkpoint
from core_model.session.machine import described, resident_bytes, tune_process
from core_model.session.picture import Picture, Progress, stop_if
from core_model.session.room import no_room_for, too_large, working_bytes
from core_model.session.stages import StageRun
from core_model.session.unfinished import Unfinished

CACHE_BYTES = (256 << 20, 8 << 30)
"""Of a processor, and of an accelerator."""
ASIDE_BYTES = 48 << 20
LAYER_BYTES = 64 << 20


@dataclass(frozen=True)
class Frame:
    """A result and its pixels: float32 arrays [H, W] or [3, H, W] by channel name; NaN = no value."""

    result: RenderResult
    arrays: dict[str, np.ndarray] = field(default_factory=dict)
    w: np.ndarray | None = None


class RenderSession:
    """Opens checkpoints and renders requests; not thread-safe (one worker owns it)."""

    def __init__(
        self, device: str = "auto", cache_bytes: int | None = None, threads: int | None = None
    ) -> None:
        self._device = choose(device, "session")
        tune_process(threads)
        self._cache = StageCache(
            cache_bytes if cache_bytes is not None else of_kind(self._device, *CACHE_BYTES)
        )
        self._aside = StageCache(ASIDE_BYTES)
        self.layers = StageCache(LAYER_BYTES)
        """Layers of networks that were looked at; empty until one is."""
        self._open: dict[str, OpenCheckpoint] = {}
        self._bakery = Bakery()
        self.unfinished = Unfinished()

    @property
    def device(self) -> str:
        return described(self._device)

    @property
    def torch_device(self) -> torch.device:
        return self._device

    @property
    def cached_bytes(self) -> int:
        """What the stages keep for the next picture, layers that were looked at, and the baked volumes."""
        return self._cache.used + self._aside.used + self.layers.used + self._bakery.nbytes

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
            self.unfinished.forget(path)
            self._bakery.forget(path)
            for cache in (self._cache, self._aside, self.layers):
                cache.drop(lambda key: isinstance(key, tuple) and path in key)
            release_memory(self._device)

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
            return self._render(request, cancelled or (lambda: False), progress or _untold)
        except InputError as error:
            failure = ErrorInfo(kind="input", message=str(error))
        except Cancelled as error:
            failure = ErrorInfo(kind="cancelled", message=str(error))
        except OutOfMemory as error:
            failure = ErrorInfo(kind="memory", message=str(error))
        except Exception as error:  # the boundary of the house: anything else becomes data, once, here
            message = f"{type(error).__name__}: {error}"
            failure = ErrorInfo(kind="failed", message=message, detail=traceback.format_exc())
            if is_out_of_memory(error):
                failure = ErrorInfo(kind="memory", message="", detail=str(error))
                traceback.clear_frames(error.__traceback__)  # they hold the picture that was begun
        if not failure.message:
            failure = failure.replace(message=self._too_large(request))
        return Frame(
            RenderResult(request=request, error=failure, device=self.device, memory_bytes=self.memory_bytes())
        )

    def _too_large(self, request: RenderRequest) -> str:
        """What to say after a picture did not fit; everything that can be made again is forgotten before it is measured."""
        self._make_room()
        opened = self._open.get(request.checkpoint)
        model_bytes = 0.0 if opened is None else working_bytes(opened.info)
        return too_large(request, free_bytes(self._device), model_bytes)

    def _make_room(self) -> None:
        self.unfinished.forget()
        self._bakery.forget()
        self._cache.drop(lambda key: True)
        self.layers.drop(lambda key: True)

    def run_of(self, request: RenderRequest) -> StageRun:
        """The stages of a request (w, planes, field, probe, samples), cached with those of the pictures; raises InputError as `open`."""
        self.open(request.checkpoint)
        return StageRun(
            request, self._open[request.checkpoint], self._device, self._cache, StageClock(self._device)
        )

    @torch.no_grad()
    def named_run_of(self, request: RenderRequest) -> StageRun:
        """`run_of` with the sampler that `auto` stands for; raises InputError for a sampler that the checkpoint cannot run."""
        _check_sampler(request, self.open(request.checkpoint))
        run = self.run_of(request)
        chosen = request.sampler.replace(name=run.chosen_sampler(run.field(run.w())))
        return replace(run, request=request.replace(sampler=chosen))

    @torch.no_grad()
    def cut_depth(self, request: RenderRequest) -> np.ndarray:
        """[H, W] float32: depth as the non-flatness score takes it (see `core_model.session.cut_depth`); raises InputError."""
        return cut_depth(self.named_run_of(request))

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
        plain = LatentSpec(
            psi=0.0, cutoff=None, cond=latent.cond, class_index=latent.class_index, centre=latent.centre
        )
        w, average = model.map(latent), model.map(plain)
        if w is None or average is None:
            return None
        return w[0].float().cpu().numpy(), average[0].float().cpu().numpy()

    @torch.no_grad()
    def field_of(self, request: RenderRequest) -> Field:
        """The scene of a request as a field (meshes, slices, measurements); raises InputError as `open` does, and OutOfMemory."""
        run = self.run_of(request)
        try:
            return run.field(run.w())
        except Exception as error:
            if not is_out_of_memory(error):
                raise
            free = free_bytes(self._device)
            raise OutOfMemory(no_room_for(run.opened.info, "making the planes of", free)) from error

    @torch.no_grad()
    def planes_of(self, request: RenderRequest) -> Planes | None:
        """The cached planes of a request, None for families without them; raises InputError as `open` does."""
        run = self.run_of(request)
        return run.planes(run.w())

    def forget_baked(self) -> None:
        """Make every baked volume anew at the next request (benchmarks)."""
        self._bakery.forget()

    @torch.no_grad()
    def bake(
        self,
        question: BakeQuestion,
        cancelled: Callable[[], bool] | None = None,
        progress: Progress | None = None,
    ) -> Baked:
        """The baked volume of a latent, kept for the next time.

        Raises InputError as `open` does, and Cancelled: asked again, it goes on from what it has.
        """
        run = self.run_of(
            RenderRequest(
                checkpoint=question.checkpoint, latent=question.latent, precision=question.precision
            )
        )
        return self._bakery.bake(run, question.level, cancelled or (lambda: False), progress or _untold)

    @torch.no_grad()
    def _render(self, request: RenderRequest, cancelled: Callable[[], bool], progress: Progress) -> Frame:
        clock = StageClock(self._device)
        with clock.stage("checkpoint"):
            progress("checkpoint", 0.0)
            self.open(request.checkpoint)
        opened = self._open[request.checkpoint]
        if request.tier is Tier.MOVING:
            self.unfinished.turned(request.camera)
        channels = _known_channels(request, opened.info)
        run = StageRun(request, opened, self._device, self._cache, clock)
        if request.native:
            return self._render_native(run, channels, cancelled, progress)
        _check_sampler(request, opened.info)
        stop_if(cancelled)
        progress("w", 0.0)
        w = run.w()
        progress("planes", 0.0)
        volume = run.field(w)
        stop_if(cancelled)
        chosen, sources = run.chosen_sampler(volume), sources_of(request, channels, opened.info)
        made: dict[str, np.ndarray] = {}
        placed = evaluated = probed = 0.0
        if sources.final:
            assert w is not None
            image = final_image(run, w, volume, cancelled, progress)
            made |= final_arrays(image, request, opened.info.header.conventions.background, sources.shared)
            placed, evaluated = float(image.samples.mean()), image.evaluated
        if sources.marched:
            chosen, sampler = run.moving_sampler(chosen, sources.marched)
            named = replace(run, request=request.replace(sampler=sampler))
            marched, (placed, evaluated, probed), clock = self._march(
                named, volume, sources.marched, cancelled, progress
            )
            made |= marched
        arrays = {name: made[name] for name in channels}
        result = RenderResult(
            request=request,
            width=request.width,
            height=request.height,
            frames=lay_out(arrays)[0],
            world_from_cam=tuple(request.camera.world_from_cam().reshape(-1).tolist()),
            intrinsics=tuple(request.camera.intrinsics().reshape(-1).tolist()),
            timings=clock.times(),
            total_ms=clock.total_ms(),
            device=self.device,
            memory_bytes=self.memory_bytes(),
            samples_per_pixel=placed,
            evaluated_per_pixel=evaluated,
            probe_per_pixel=probed,
            sampler=chosen,
        )
        return Frame(result, arrays, None if w is None else w[0].float().cpu().numpy())

    def _march(
        self,
        run: StageRun,
        volume: Field,
        channels: tuple[str, ...],
        cancelled: Callable[[], bool],
        progress: Progress,
    ) -> tuple[dict[str, np.ndarray], tuple[float, float, float], StageClock]:
        """Channels from rays of the request's own size, its (samples, evaluations, probe evaluations) per pixel, and its clock:
        that of the first attempt where the picture had to give way before."""
        sampler = SAMPLERS.get(run.request.sampler.name)
        space = run.space(volume)
        proposals = run.proposals(volume, space) if sampler.needs_proposal else None
        stop_if(cancelled)
        picture = self.unfinished.take(run.request, run.opened)
        if picture is None:
            picture = Picture(
                run, run.scene(volume, space), proposals, run.guide(sampler, volume), channels, self._device,
                second_look=run.is_quick(channels),
            )  # fmt: skip
        try:
            picture.draw(cancelled, progress)
        except Cancelled:
            self.unfinished.keep(picture)
            raise
        return (*picture.finish(), picture.run.clock)

    def _render_native(
        self, run: StageRun, channels: tuple[str, ...], cancelled: Callable[[], bool], progress: Progress
    ) -> Frame:
        """The picture of the imported family's own program; arrays keep the sizes that it has there."""
        request, info = run.request, run.opened.info
        native = FAMILIES.get(info.family).native
        if native is None:
            raise InputError(
                what="no native picture",
                where=request.checkpoint,
                expected="an imported family (EG3D, EpiGRAF, Mimic3D)",
                got=info.family,
            )
        progress("planes", 0.0)
        w = run.w()
        planes = run.planes(w)
        guide = None
        if (
            request.sampler.name in SAMPLERS and SAMPLERS.get(request.sampler.name).needs_grid
        ):  # `auto` is exact here: the two passes
            volume = run.field(w)
            guide = Guide(volume, run.density_grid(volume))
        stop_if(cancelled)
        progress("samples", 0.0)
        with run.clock.stage("samples"):
            made = native(run.opened.model, request, w, planes, guide)
        lacking = [name for name in channels if name not in made]
        if lacking:
            raise InputError(
                what=f"channel {lacking[0]!r} has no native picture",
                where=request.checkpoint,
                expected=", ".join(made),
                got=lacking[0],
            )
        if request.shared_rays and "depth" in made:  # for picking; the program itself gives every ray a depth
            made["depth"] = np.where(made["opacity"] > OPACITY_FLOOR, made["depth"], np.float32(np.nan))
        arrays = {name: made[name] for name in (*channels, *(n for n in made if n == "raw_rgb"))}
        spp = float(made["samples"].mean()) if "samples" in made else 0.0
        result = RenderResult(
            request=request,
            width=request.width,
            height=request.height,
            frames=lay_out(arrays)[0],
            world_from_cam=tuple(request.camera.world_from_cam().reshape(-1).tolist()),
            intrinsics=tuple(request.camera.intrinsics().reshape(-1).tolist()),
            timings=run.clock.times(),
            total_ms=run.clock.total_ms(),
            device=self.device,
            memory_bytes=self.memory_bytes(),
            samples_per_pixel=spp,
            evaluated_per_pixel=spp,
            sampler="occupancy" if guide is not None else "importance",
        )
        return Frame(result, arrays, None if w is None else w[0].float().cpu().numpy())


def _untold(stage: str, fraction: float) -> None:
    """Nobody watches."""


def _check_sampler(request: RenderRequest, info: CheckpointInfo) -> None:
    """Raises InputError for a sampler that the checkpoint cannot run."""
    if request.sampler.name == AUTO:
        check_auto(info)
        return
    sampler = SAMPLERS.get(request.sampler.name, where="sampler")
    if sampler.needs_proposal and not info.has_proposal:
        raise InputError(
            what=f"sampler {request.sampler.name!r} cannot run",
            where=request.checkpoint,
            expected="a proposal network",
            got="none",
        )
    if sampler.needs_lattice and info.header.conventions.field != "sdf":
        raise InputError(
            what=f"sampler {request.sampler.name!r} cannot run",
            where=request.checkpoint,
            expected="a signed distance field",
            got="a density field",
        )


def _known_channels(request: RenderRequest, info: CheckpointInfo) -> tuple[str, ...]:
    have = {c.name for c in info.channels}
    for name in request.channels:
        CHANNELS.get(name, where="request")
        if name not in have:
            raise InputError(
                what=f"channel {name!r} does not exist",
                where=request.checkpoint,
                expected=f"one of {', '.join(sorted(have))}",
                got=name,
            )
    return tuple(dict.fromkeys(request.channels))
