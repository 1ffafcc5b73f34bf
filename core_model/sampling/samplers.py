"""The samplers, by name: objects that turn a tile of rays into evaluated samples. Adding one is a class and
its registration.

torch is not imported before a sampler places samples: `triscope info` lists the samplers of a checkpoint
without it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, TypeVar

from core_model.schema.plugins import adopt
from core_model.schema.registry import Registry
from core_model.schema.sampler import AUTO, SamplerInfo

if TYPE_CHECKING:
    from core_model.sampling.tile import Tile

E = TypeVar("E")
OPAQUE_ENOUGH = 0.97
"""Opacity below which a ray that ought to be opaque is looked at again."""
SEEN_THROUGH = 0.9
"""Opacity below which a moving picture shows what lies behind."""
NEAR_BINS = 2.0
"""Bins of a ray's distribution within which a sample has come close to a surface."""
LOOKS = 20
"""Samples of a ray that a moving picture's few may have led past a surface."""


class Sampler(ABC):
    """One way to place samples.

    It accesses the scene only through the tile's evaluator, so it can evaluate before it places (importance)
    or follow a prediction (learned).
    """

    info: SamplerInfo
    needs_proposal = False
    needs_grid = False
    needs_lattice = False

    @abstractmethod
    def place(self, tile: Tile[E]) -> E:
        """The samples of one tile, evaluated."""


class Learned(Sampler):
    """Samples from the predicted distribution; hard rays get the large budget (WYSIWYG §4.4, A3.4, A3.5)."""

    info = SamplerInfo(
        name="learned",
        title="Learned",
        default_spp=17.6,
        strategies=("robust", "stratified", "unstratified"),
        description="Draws from a distribution that a network predicts from a low-resolution probe; hard rays get more",
    )
    needs_proposal = True

    def place(self, tile: Tile[E]) -> E:
        from core_model.sampling.placement import draw, draw_adaptive, pdf_on_bins

        assert tile.proposal is not None and tile.hard is not None
        pdf = pdf_on_bins(tile.proposal, tile.rays.near, tile.rays.far)
        budgets = tile.spec.budgets(tile.default_spp)
        evaluated = tile.evaluator.evaluate(draw_adaptive(pdf, tile.spec, budgets, tile.hard, tile.noise))
        if not tile.second_look or budgets[0] >= LOOKS:
            return evaluated
        # at outlines the mass is spread over more bins than there are samples: all of them may lie in front of the surface
        near = NEAR_BINS * (tile.rays.far - tile.rays.near) / pdf.bins
        doubtful = (tile.evaluator.closest(evaluated) < near) & (
            tile.evaluator.opacity(evaluated) < SEEN_THROUGH
        )
        which = doubtful.nonzero()[:, 0]
        if not len(which):
            return evaluated
        again = draw(pdf.select(which), tile.spec, LOOKS, tile.noise.select(which))
        return tile.evaluator.replaced(evaluated, which, again)


class Importance(Sampler):
    """Two passes (NeRF): half stratified, half drawn from the weights of the first, composited together."""

    info = SamplerInfo(
        name="importance",
        title="Importance (two-pass)",
        default_spp=96.0,
        description="Half the samples stratified, half drawn from their weights",
    )

    def place(self, tile: Tile[E]) -> E:
        from core_model.ops.stepfun import stratified_u
        from core_model.sampling.placement import fine_samples, stratified_samples

        near, far, rng = tile.rays.near, tile.rays.far, tile.rng
        coarse_n = max(
            2, tile.count // 2
        )  # a distribution needs two samples; the fine pass gets what is left
        fine_n = tile.count - coarse_n
        u = stratified_u(len(near), coarse_n, rng, near.device)
        coarse = tile.evaluator.evaluate(stratified_samples(near, far, u))
        if fine_n < 1:
            return coarse
        u = stratified_u(len(near), fine_n, None if rng is None else rng.again(), near.device)
        fine = fine_samples(tile.evaluator.pdf(coarse), u, far)
        return tile.evaluator.merge(coarse, tile.evaluator.evaluate(fine))


class Occupancy(Sampler):
    """One pass with samples only where the cached density grid says that the ray can lose light."""

    info = SamplerInfo(
        name="occupancy",
        title="Occupancy-guided",
        default_spp=24.0,
        description="One pass where a cached density grid says that light is lost; empty and hidden space is skipped",
    )
    needs_grid = True

    def place(self, tile: Tile[E]) -> E:
        from core_model.sampling.guided import guided_samples
        from core_model.sampling.occupancy import DensityGrid

        assert isinstance(tile.guide, DensityGrid)
        samples, asked = guided_samples(tile.rays, tile.guide, tile.count, tile.rng)
        return tile.evaluator.evaluate(samples, asked=asked, skip=False)


class Surface(Sampler):
    """A few samples where a baked distance says that the ray meets the surface; more where the field disagrees."""

    info = SamplerInfo(
        name="surface",
        title="Surface-guided",
        default_spp=4.0,
        description="A few samples where a baked distance says that the ray meets the surface: the moving picture",
    )
    needs_lattice = True

    def place(self, tile: Tile[E]) -> E:
        from core_model.sampling.surface import DistanceLattice, looks_around, surface_samples

        assert isinstance(tile.guide, DistanceLattice)
        placed = surface_samples(tile.rays, tile.guide, tile.count, tile.rng)
        evaluated = tile.evaluator.evaluate(placed.samples, asked=placed.asked, skip=False)
        missed = (placed.opaque & (tile.evaluator.opacity(evaluated) < OPAQUE_ENOUGH)).nonzero()[:, 0]
        if not len(missed):
            return evaluated
        samples, asked = looks_around(placed, missed, tile.guide)
        return tile.evaluator.replaced(evaluated, missed, samples, asked=asked, skip=False)


class Stratified(Sampler):
    """One sample in each of n equal strata (NeRF's coarse pass)."""

    info = SamplerInfo(
        name="stratified",
        title="Stratified",
        default_spp=96.0,
        description="One sample in each of n equal strata",
    )

    def place(self, tile: Tile[E]) -> E:
        from core_model.ops.stepfun import stratified_u
        from core_model.sampling.placement import stratified_samples

        near, far = tile.rays.near, tile.rays.far
        u = stratified_u(len(near), tile.count, tile.rng, near.device)
        return tile.evaluator.evaluate(stratified_samples(near, far, u))


class Uniform(Sampler):
    """Equal steps between near and far, both included; jitter is one common shift per ray, so that the
    spacing is kept.
    """

    info = SamplerInfo(
        name="uniform", title="Uniform", default_spp=96.0, description="Equal steps between near and far"
    )

    def place(self, tile: Tile[E]) -> E:
        from core_model.sampling.placement import uniform_samples

        near, far, rng = tile.rays.near, tile.rays.far, tile.rng
        samples = uniform_samples(near, far, tile.count)
        if rng is not None:
            step = (far - near) / (tile.count - 1)
            samples = samples.shifted((rng.uniform(1)[:, 0] - 0.5) * step)
        return tile.evaluator.evaluate(samples)


def _installed() -> None:
    """Samplers of other packages."""
    adopt("samplers", Sampler, lambda found: SAMPLERS.add(found.info.name, found))


SAMPLERS: Registry[Sampler] = Registry("sampler", _installed)
for _sampler in (Learned(), Importance(), Occupancy(), Surface(), Stratified(), Uniform()):
    SAMPLERS.add(_sampler.info.name, _sampler)

# Not a sampler itself: the session chooses between two samplers for each scene.
AUTO_INFO = SamplerInfo(
    name=AUTO,
    title="Automatic",
    default_spp=96.0,
    description="Occupancy-guided where the space is measured to be mostly empty, else the two passes of the family's own program",
)


def available_samplers(
    *, has_proposal: bool, learned_spp: float, is_sdf: bool, has_superres: bool = False
) -> tuple[SamplerInfo, ...]:
    """Descriptions for the GUI; samplers that the checkpoint cannot run say why."""
    out = [AUTO_INFO] if has_superres else []
    for sampler in SAMPLERS:
        info = sampler.info
        if sampler.needs_proposal:
            info = info.replace(default_spp=learned_spp)
            if not has_proposal:
                info = info.replace(available=False, why_not="this checkpoint has no proposal network")
        if sampler.needs_lattice and not is_sdf:
            info = info.replace(available=False, why_not="this checkpoint has no signed distance")
        out.append(info)
    return tuple(out)
