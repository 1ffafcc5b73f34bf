"""A homogeneous slab: transmittance exp(-σ·L) along the exact chord."""

from __future__ import annotations

import math

import numpy as np
import pytest

from core_model.families.analytic.shapes import SLAB_DENSITY, SLAB_HALF
from core_model.schema.camera import OrbitPose
from core_model.schema.sampler import SamplerSpec
from core_model.session import RenderSession
from tests.unit.rendering.analytic_truth import draw, slab_chord, slab_opacity

POSES = [
    OrbitPose(),
    OrbitPose(yaw=0.5),
    OrbitPose(yaw=-0.9, pitch=0.4),
    OrbitPose(pitch=-0.7, roll=0.6),
    OrbitPose(yaw=math.pi, radius=2.0, fov=0.4),
    OrbitPose(yaw=1.3),
]
SPP = 512
# a sample stands for one step, so either end of the chord is known to within a step of 2 · 0.5 / 511
STEP_ERROR = SLAB_DENSITY * 1.0 / (SPP - 1)


@pytest.mark.parametrize("pose", POSES)
@pytest.mark.parametrize("name", ["uniform", "stratified"])
def test_opacity_along_the_exact_chord(session: RenderSession, pose: OrbitPose, name: str) -> None:
    got = draw(session, "slab", pose, SamplerSpec(name=name, spp=SPP)).arrays["opacity"]
    want = slab_opacity(pose)
    np.testing.assert_allclose(got, want, atol=1.2 * STEP_ERROR)
    assert np.abs(got - want).mean() < 0.4 * STEP_ERROR


def test_straight_on_the_chord_is_the_thickness() -> None:
    chord = slab_chord(OrbitPose(orthographic=True))
    np.testing.assert_allclose(chord, 2 * SLAB_HALF)


def test_depth_is_the_mean_of_the_truncated_exponential(session: RenderSession) -> None:
    """Light of a homogeneous medium comes from entry + 1/σ - L·e^(-σL)/(1 - e^(-σL)) on average."""
    pose = OrbitPose(orthographic=True)
    depth = draw(session, "slab", pose, SamplerSpec(name="uniform", spp=SPP)).arrays["depth"]
    length = 2 * SLAB_HALF
    thick = SLAB_DENSITY * length
    mean = 1 / SLAB_DENSITY - length * math.exp(-thick) / (1 - math.exp(-thick))
    np.testing.assert_allclose(depth, pose.radius - SLAB_HALF + mean, atol=2.5e-3)


@pytest.mark.parametrize(
    "sampler",
    [
        SamplerSpec(name="importance", spp=256),
        *(SamplerSpec(strategy=s, spp=256) for s in ("robust", "stratified", "unstratified")),
    ],
    ids=lambda s: f"{s.name}-{s.strategy}",
)
def test_samplers_that_look_first_find_the_same_light(session: RenderSession, sampler: SamplerSpec) -> None:
    pose = OrbitPose(yaw=0.5, pitch=0.2)
    got = draw(session, "slab", pose, sampler).arrays["opacity"]
    # robust leaves out 2 % of the mass on purpose (τ = 0.98), the independent draws are noisy
    limit = {"importance": 0.02, "learned": 0.04}[sampler.name]
    assert np.abs(got - slab_opacity(pose)).mean() < limit


def test_a_density_without_slope_has_no_normal(session: RenderSession) -> None:
    frame = draw(session, "slab", OrbitPose(), SamplerSpec(name="uniform", spp=32))
    assert bool(np.isnan(frame.arrays["normal"]).all()) and bool(np.isfinite(frame.arrays["rgb"]).all())
