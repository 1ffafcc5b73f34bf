"""The samplers, by name: how a tile of rays becomes evaluated samples. Adding one is a function in `placing.py` and one registration.

No torch here until a sampler places: `triscope info` lists the samplers of a checkpoint.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from core_model.schema.registry import Registry
from core_model.schema.sampler import AUTO, SamplerInfo

if TYPE_CHECKING:
    from core_model.rendering.evaluate import Evaluated
    from core_model.rendering.placing import TileContext


@dataclass(frozen=True)
class Sampler:
    """Its function is `place_NAME` of `placing.py`."""

    info: SamplerInfo
    needs_proposal: bool = False
    needs_grid: bool = False

    def place(self, context: TileContext) -> Evaluated:
        """The samples of one tile, evaluated."""
        from core_model.rendering import placing

        return getattr(placing, f"place_{self.info.name}")(context)


SAMPLERS: Registry[Sampler] = Registry("sampler")
# Not a way to place samples but a choice between two of them, made by the session for each scene.
AUTO_INFO = SamplerInfo(
    name=AUTO, title="Automatic", default_spp=96.0,
    description="Occupancy-guided where the space is measured to be mostly empty, else the two passes of the family's own program",
)


def _register(info: SamplerInfo, *, needs_proposal: bool = False, needs_grid: bool = False) -> None:
    SAMPLERS.add(info.name, Sampler(info, needs_proposal, needs_grid))


_register(
    SamplerInfo(
        name="learned", title="Learned", default_spp=17.6, strategies=("robust", "stratified", "unstratified"),
        description="Draws from a distribution that a network predicts from a low-resolution probe; hard rays get more",
    ),
    needs_proposal=True,
)
_register(
    SamplerInfo(
        name="importance", title="Importance (two-pass)", default_spp=96.0,
        description="Half the samples stratified, half drawn from their weights",
    ),
)
_register(
    SamplerInfo(
        name="occupancy", title="Occupancy-guided", default_spp=24.0,
        description="One pass where a cached density grid says that light is lost; empty and hidden space is skipped",
    ),
    needs_grid=True,
)
_register(
    SamplerInfo(
        name="stratified", title="Stratified", default_spp=96.0, description="One sample in each of n equal strata"
    ),
)
_register(
    SamplerInfo(name="uniform", title="Uniform", default_spp=96.0, description="Equal steps between near and far"),
)


def available_samplers(*, has_proposal: bool, learned_spp: float, has_superres: bool = False) -> tuple[SamplerInfo, ...]:
    """Descriptions for the GUI; samplers that the checkpoint cannot run say why."""
    out = [AUTO_INFO] if has_superres else []
    for sampler in SAMPLERS:
        info = sampler.info
        if sampler.needs_proposal:
            info = info.replace(default_spp=learned_spp)
            if not has_proposal:
                info = info.replace(available=False, why_not="this checkpoint has no proposal network")
        out.append(info)
    return tuple(out)
