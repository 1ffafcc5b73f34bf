"""The cached stages of a render: checkpoint ▸ w ▸ planes ▸ empty space ▸ probe ▸ proposals, each kept under what it depends on."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, replace
from typing import TypeVar

import torch
from torch import Tensor

from core_model.fields.ablate import ablated
from core_model.fields.base import BackedField, Field
from core_model.fields.triplane import Planes
from core_model.geometry.rays import Rays
from core_model.rendering.brick_pyramid import BrickPyramid
from core_model.rendering.empty import SpaceGrid, build_space_grid, live_rays, outside_only
from core_model.rendering.evaluate import Scene
from core_model.rendering.probe import ProbeResult, Proposals, run_probe, run_proposals
from core_model.sampling.occupancy import DensityGrid, build_density_grid, occupied_share
from core_model.sampling.samplers import Sampler
from core_model.sampling.surface import DistanceLattice
from core_model.schema.render import RenderRequest, Tier
from core_model.schema.sampler import AUTO, SamplerSpec
from core_model.session.cache import StageCache
from core_model.session.clock import StageClock, TimedField
from core_model.session.large_rays import LargeRays
from core_model.session.library import OpenCheckpoint

T = TypeVar("T")
SPACE_CELLS = 48
LATTICE_CELLS = 128
"""Cells per edge of the box of the baked distance that guides samples: 8.6 MB."""
MOVING_SPP = 4.0
"""Samples per ray of a surface-guided moving picture."""
SHOWN_ALIKE = frozenset({"rgb", "raw", "depth", "normal", "opacity", "position", "features"})
"""Channels that do not depend on which sampler drew them."""
MOSTLY_EMPTY = 0.5
"""Share of the box below which one guided pass is quicker than two passes; measured by benchmarks/auto_sampler.py."""
DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}


@dataclass(frozen=True)
class StageRun:
    """One request on its way through the stages."""

    request: RenderRequest
    opened: OpenCheckpoint
    device: torch.device
    cache: StageCache
    clock: StageClock

    @property
    def latent_key(self) -> tuple[object, ...]:
        return (self.request.checkpoint, self.opened.stamp, self.request.latent)

    def w(self) -> Tensor | None:
        latent = self.request.latent.replace(noise="const", ablate=None)
        key = ("w", self.request.checkpoint, self.opened.stamp, latent)
        return self._cached("w", key, lambda: self.opened.model.map(self.request.latent), _tensor_bytes)

    def field(self, w: Tensor | None) -> Field:
        """The scene over cached planes; the lookup table is part of what is kept."""
        return self._volume(w).field

    def planes(self, w: Tensor | None) -> Planes | None:
        """The cached planes themselves."""
        return self._volume(w).planes

    @property
    def _volume_key(self) -> tuple[object, ...]:
        return ("planes", *self.latent_key, self.request.precision)

    def _volume(self, w: Tensor | None) -> _Scene:
        return self._cached("planes", self._volume_key, lambda: self._make_volume(w), _scene_bytes)

    def _make_volume(self, w: Tensor | None) -> _Scene:
        latent = self.request.latent
        if latent.ablate is None:
            planes = self.opened.model.planes(w, latent.noise)
        else:  # from the kept planes: switching one off and on again synthesises nothing
            whole = replace(self, request=self.request.replace(latent=latent.replace(ablate=None)))
            kept, _ = self.cache.get(whole._volume_key, lambda: whole._make_volume(w), _scene_bytes)
            planes = ablated(kept.planes, latent.ablate, self.request.checkpoint)
        return _Scene(self.opened.model.field(planes, DTYPES[self.request.precision]), planes)

    def space(self, field: Field) -> SpaceGrid:
        box = self.opened.info.header.conventions.box
        if not self.request.skip_empty:
            return outside_only(box, self.device)
        key = ("skip", *self.latent_key, self.request.precision)
        return self._cached(
            "skip", key, lambda: build_space_grid(field, box, SPACE_CELLS, self.device), lambda g: g.nbytes
        )

    def density_grid(self, field: Field) -> DensityGrid:
        """Bounds of the density in the box, for the occupancy-guided sampler."""
        box = self.opened.info.header.conventions.box
        key = ("density", *self.latent_key, self.request.precision)
        return self._cached(
            "skip", key, lambda: build_density_grid(field, box, self.device), lambda g: g.nbytes
        )

    def lattice(self, field: Field) -> DistanceLattice:
        """The baked distance of the box, for the surface-guided sampler."""
        return self._cached("skip", self._lattice_key, lambda: self._make_lattice(field), lambda x: x.nbytes)

    def keep_lattice(self, pyramid: BrickPyramid) -> None:
        """Keep the distance of a pyramid that has just reached `LATTICE_CELLS`: moving pictures are drawn with it."""
        self.cache.get(self._lattice_key, lambda: pyramid.lattice(), lambda x: x.nbytes)

    def guide(self, sampler: Sampler, field: Field) -> DensityGrid | DistanceLattice | None:
        """What a sampler wants to know of the scene."""
        if sampler.needs_lattice:
            return self.lattice(field)
        return self.density_grid(field) if sampler.needs_grid else None

    def is_quick(self, channels: tuple[str, ...]) -> bool:
        """Whether the picture is a moving one of the learned robust sampler without a channel that shows what the sampler did: it may be
        drawn in any way that shows the same scene.
        """
        spec = self.request.sampler
        moving = self.request.tier is Tier.MOVING and spec.strategy == "robust"
        return moving and spec.name == "learned" and SHOWN_ALIKE.issuperset(channels)

    def moving_sampler(self, name: str, channels: tuple[str, ...]) -> tuple[str, SamplerSpec]:
        """The sampler of a picture whose own is called `name`, and its settings.

        A moving picture of the learned robust sampler is drawn by the surface-guided one as soon as the scene is
        baked: it needs neither probe nor proposals, and fewer samples for the same picture.
        """
        spec = self.request.sampler.replace(name=name)
        if not self.is_quick(channels) or self._lattice_key not in self.cache:
            return name, spec
        return "surface", spec.replace(name="surface", spp=min(spec.spp or MOVING_SPP, MOVING_SPP))

    def _make_lattice(self, field: Field) -> DistanceLattice:
        pyramid = BrickPyramid(field, self.opened.info.header.conventions.box, self.device)
        while not pyramid.has(LATTICE_CELLS):
            pyramid.step()
        return pyramid.lattice()

    @property
    def _lattice_key(self) -> tuple[object, ...]:
        return ("lattice", *self.latent_key, self.request.precision)

    def chosen_sampler(self, field: Field) -> str:
        """The request's sampler; `auto` becomes the quicker of two by the measured share of the box that is not empty."""
        name = self.request.sampler.name
        if name != AUTO:
            return name
        box = self.opened.info.header.conventions.box
        key = ("share", *self.latent_key, self.request.precision)
        share = self._cached("skip", key, lambda: occupied_share(field, box, self.device), lambda _: 64)
        return "occupancy" if share < MOSTLY_EMPTY else "importance"

    def live(self, space: SpaceGrid, rays: Rays | LargeRays) -> Tensor:
        """Flat indices of the pixels worth rendering."""
        request = self.request
        return live_rays(space, request.camera, request.width, request.height, rays.hit)

    def scene(self, field: Field, space: SpaceGrid) -> Scene:
        conv = self.opened.info.header.conventions
        colour = self.request.background if self.request.background is not None else conv.background
        backed = None
        if self.request.background is None and isinstance(field, BackedField) and field.is_backed:
            backed, colour = field, None
        background = None if colour is None else torch.tensor(colour, device=self.device)
        frontal = torch.tensor([0.0, 0.0, -1.0], device=self.device)
        camera_dirs = self.request.view_dirs == "camera"
        return Scene(
            TimedField(field, self.clock), space, background, frontal, camera_dirs=camera_dirs, backed=backed
        )

    def probe(self, field: Field, space: SpaceGrid, stop: Callable[[], None] | None = None) -> ProbeResult:
        """The probe for the request's camera and size; stop: called between pieces of it, raises to give it up."""
        conv, samples = self.opened.info.header.conventions, self.opened.model.sizes.probe_samples
        width, height = self._probe_shape

        def run() -> ProbeResult:
            return run_probe(
                self.scene(field, space), self.request.camera, conv, width, height, samples, stop
            )

        return self._cached("probe", ("probe", *self._probe_key), run, lambda p: _tensor_bytes(p.weights))

    def proposals(self, field: Field, space: SpaceGrid) -> Proposals:
        """Prediction from the probe for the request's camera and size."""
        seen = self.probe(field, space)
        key = ("proposal", *self._probe_key)
        return self._cached(
            "proposal", key, lambda: run_proposals(seen, self.opened.model.propose), lambda p: p.nbytes
        )

    @property
    def _probe_shape(self) -> tuple[int, int]:
        sizes = self.opened.model.sizes
        return probe_shape(self.request, sizes.probe_size, sizes.proposal_size)

    @property
    def _probe_key(self) -> tuple[object, ...]:
        r = self.request
        return (
            *self.latent_key,
            r.precision,
            r.skip_empty,
            r.camera,
            *self._probe_shape,
            r.view_dirs,
            r.background,
        )

    def _cached(self, stage: str, key: Hashable, make: Callable[[], T], size: Callable[[T], int]) -> T:
        with self.clock.stage(stage):
            value, hit = self.cache.get(key, make, size)
        self.clock.add(stage, 0.0, cached=hit)
        return value


@dataclass(frozen=True)
class _Scene:
    field: Field
    planes: Planes | None

    @property
    def nbytes(self) -> int:
        # the lookup table is a second copy of the planes
        return 2 * self.planes.nbytes if self.planes is not None else 0


def _scene_bytes(scene: _Scene) -> int:
    return scene.nbytes


def probe_shape(request: RenderRequest, probe_size: int, proposal_size: int) -> tuple[int, int]:
    """Probe pixels (width, height): the model's probe scaled to the picture; never finer than the picture can use."""
    ratio = proposal_size / probe_size
    long_edge = max(request.width, request.height)
    wanted = long_edge / 2 if request.tier == Tier.MOVING else long_edge
    edge = min(probe_size, max(8.0, wanted / ratio))
    scale = edge / long_edge
    return max(4, round(request.width * scale)), max(4, round(request.height * scale))


def _tensor_bytes(x: Tensor | None) -> int:
    return 0 if x is None else x.numel() * x.element_size()
