"""Every sampler and strategy comes nearer to the analytic answer as its samples grow."""

from __future__ import annotations

import numpy as np
import pytest

from core_model.families.analytic.shapes import SPHERE_RADIUS
from core_model.sampling.samplers import SAMPLERS
from core_model.schema.camera import OrbitPose
from core_model.schema.sampler import SamplerSpec
from core_model.session import RenderSession
from tests.unit.rendering.analytic_truth import draw, slab_opacity, sphere_hit

POSE = OrbitPose(yaw=0.3, pitch=0.2)
WAYS = [(s.info.name, strategy) for s in SAMPLERS for strategy in (s.info.strategies or ("robust",))]
OF_DENSITY = [
    way for way in WAYS if not SAMPLERS.get(way[0]).needs_lattice
]  # the slab has no surface to be guided by
ladder = pytest.mark.parametrize(("name", "strategy"), WAYS, ids=lambda x: x)


def sphere_error(session: RenderSession, spec: SamplerSpec) -> float:
    """Mean depth error over the face of the sphere; a pixel that found nothing counts with the sphere's radius."""
    truth = sphere_hit(POSE)
    face = truth.approach < 0.9 * SPHERE_RADIUS
    depth = draw(session, "sphere", POSE, spec, channels=("depth",)).arrays["depth"]
    return float(np.nan_to_num(np.abs(depth - truth.t)[face], nan=SPHERE_RADIUS).mean())


def slab_error(session: RenderSession, spec: SamplerSpec) -> float:
    got = draw(session, "slab", POSE, spec, channels=("opacity",)).arrays["opacity"]
    return float(np.abs(got - slab_opacity(POSE)).mean())


@ladder
def test_depth_of_the_sphere(session: RenderSession, name: str, strategy: str) -> None:
    errors = [
        sphere_error(session, SamplerSpec(name=name, strategy=strategy, spp=n)) for n in (4, 16, 64, 256)
    ]  # type: ignore[arg-type]
    assert errors[-1] < 0.0035, errors
    # a sampler that knows the distance is as near as the width of the surface allows with its first four samples
    assert errors[-1] < 0.35 * errors[0] or errors[0] < 0.0005, errors
    # each step helps, down to the width of the surface, which no number of samples removes
    assert all(b < a or b < 0.002 for a, b in zip(errors, errors[1:])), errors


@pytest.mark.parametrize(("name", "strategy"), OF_DENSITY, ids=lambda x: x)
def test_opacity_of_the_slab(session: RenderSession, name: str, strategy: str) -> None:
    errors = [
        slab_error(session, SamplerSpec(name=name, strategy=strategy, spp=n)) for n in (8, 32, 128, 512)
    ]  # type: ignore[arg-type]
    # τ = 0.98 gives up to 2 % of the mass away
    assert errors[-1] < 0.02, errors
    assert errors[-1] < 0.5 * errors[0], errors


def test_the_learned_sampler_is_ahead_at_few_samples(session: RenderSession) -> None:
    """What it is for: at 8 samples per ray it beats the samplers that do not look."""
    learned = sphere_error(session, SamplerSpec(spp=8))
    blind = min(
        sphere_error(session, SamplerSpec(name=n, spp=8)) for n in ("uniform", "stratified", "importance")
    )
    assert learned < 0.2 * blind
