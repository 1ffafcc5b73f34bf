"""Skipped space: flags that are right, and pictures that stay within the stated tolerance of full evaluation."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

from core_model.families.analytic.shapes import AnalyticField
from core_model.geometry.rays import camera_rays, ray_bounds
from core_model.rendering.empty import TOLERANCE, SpaceGrid, build_space_grid, live_pixels, outside_only
from core_model.rendering.evaluate import Scene, evaluate, weights_of
from core_model.rendering.probe import run_probe
from core_model.sampling.placement import uniform_samples
from core_model.schema.camera import OrbitPose
from core_model.schema.conventions import Conventions
from core_model.schema.sampler import SamplerSpec
from core_model.session import RenderSession
from tests.unit.rendering.analytic_truth import draw

CPU = torch.device("cpu")
SHAPES = ("sphere", "torus", "shell", "slab")
SAMPLERS = [
    SamplerSpec(name="uniform", spp=96),
    SamplerSpec(name="stratified", spp=33),
    SamplerSpec(name="importance", spp=64),
    SamplerSpec(adaptive=False, spp=24),
    SamplerSpec(spp=24),
]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(
    "sampler", SAMPLERS, ids=lambda s: f"{s.name}-{'adaptive' if s.adaptive else 'flat'}"
)
def test_skipping_stays_within_the_tolerance(
    session: RenderSession, shape: str, sampler: SamplerSpec
) -> None:
    pose = OrbitPose(yaw=0.5, pitch=0.3)
    full = draw(session, shape, pose, sampler, skip_empty=False)
    quick = draw(session, shape, pose, sampler)
    assert quick.result.evaluated_per_pixel <= full.result.evaluated_per_pixel
    change = np.abs(quick.arrays["opacity"] - full.arrays["opacity"])
    if sampler.name == "learned":
        # the probe skips too, and where two bins are equally likely its last digit decides which one is sampled
        assert (change > TOLERANCE).mean() < 0.01 and change.max() < 0.02
        assert np.abs(quick.arrays["rgb"] - full.arrays["rgb"]).mean() < TOLERANCE
        np.testing.assert_array_equal(quick.arrays["samples"], full.arrays["samples"])
    else:
        assert change.max() < TOLERANCE
        np.testing.assert_allclose(quick.arrays["rgb"], full.arrays["rgb"], atol=2 * TOLERANCE)
        np.testing.assert_array_equal(np.isnan(quick.arrays["depth"]), np.isnan(full.arrays["depth"]))


def test_skipping_saves_most_of_the_work_on_a_thin_surface(session: RenderSession) -> None:
    sampler = SamplerSpec(name="uniform", spp=128)
    full = draw(session, "torus", OrbitPose(), sampler, skip_empty=False)
    quick = draw(session, "torus", OrbitPose(), sampler)
    assert quick.result.evaluated_per_pixel < 0.25 * full.result.evaluated_per_pixel


@pytest.mark.parametrize("radius", [0.05, 0.2, 0.31])
def test_a_camera_inside_or_at_the_surface(session: RenderSession, radius: float) -> None:
    """Solid space may be skipped only where something before it has taken the light."""
    sampler, pose = SamplerSpec(name="uniform", spp=700), OrbitPose(radius=radius)
    full = draw(session, "sphere", pose, sampler, skip_empty=False, width=12, height=12)
    quick = draw(session, "sphere", pose, sampler, width=12, height=12)
    np.testing.assert_allclose(quick.arrays["opacity"], full.arrays["opacity"], atol=TOLERANCE)
    np.testing.assert_allclose(quick.arrays["depth"], full.arrays["depth"], atol=TOLERANCE)


@pytest.mark.parametrize("shape", ["sphere", "torus", "shell"])
def test_flags_are_right_at_random_points(shape: str) -> None:
    field = AnalyticField(shape)
    grid = build_space_grid(field, 0.5, 32, CPU)
    points = torch.rand(1, 60_000, 3, generator=torch.Generator().manual_seed(0)) - 0.5
    sample = field.geometry(points)
    assert sample.sdf is not None
    flags = grid.at(points)
    # empty: a ray of length 1 at that density loses less than the tolerance; solid: deeper than eight widths
    assert float(sample.density[flags == 0].max()) <= TOLERANCE
    assert shape == "shell" or bool((flags == 2).any())
    assert bool((sample.sdf[flags == 2] < -8 * field.beta).all())
    assert 0 < grid.occupied_share() < 0.5
    assert float((flags == 0).float().mean()) > 0.4


def test_outside_the_cube_is_empty_and_a_corner_is_not_wrapped() -> None:
    grid = outside_only(0.5, CPU)
    corner = torch.tensor([[0.5001, 0.0, 0.0], [-0.5001, 0.0, 0.0], [0.0, 0.0, 0.7], [0.499, -0.499, 0.499]])
    assert grid.at(corner).tolist() == [0, 0, 0, 1]


def test_density_fields_keep_the_neighbours_of_matter() -> None:
    grid = build_space_grid(AnalyticField("slab"), 0.5, 20, CPU)
    kept = torch.nonzero(grid.flags[10, 10]).flatten().tolist()
    assert kept == list(range(7, 13))  # |z| < 0.1 fills cells 8 to 11, and one more on either side


CAMERAS = {
    "orbit": OrbitPose(yaw=0.4, pitch=0.6, fov=0.4),
    "close": OrbitPose(yaw=2.0, radius=0.95, fov=0.9),
    "far": OrbitPose(pitch=-0.5, radius=40.0, fov=0.4),
    "rolled": OrbitPose(roll=1.0, pivot=(0.2, -0.1, 0.05), fov=0.3),
    "orthographic": OrbitPose(yaw=-1.0, pitch=0.3, orthographic=True),
}


@pytest.mark.parametrize("shape", ["sphere", "torus"])
@pytest.mark.parametrize("camera", CAMERAS)
@pytest.mark.parametrize(("width", "height"), [(48, 48), (60, 32)])
def test_live_pixels_miss_nothing(shape: str, camera: str, width: int, height: int) -> None:
    field, pose = AnalyticField(shape), CAMERAS[camera]
    grid = build_space_grid(field, 0.5, 48, CPU)
    rays = ray_bounds(*camera_rays(pose, width, height), Conventions(scene_radius=0.5))
    live = live_pixels(grid, pose, width, height)
    assert live is not None
    scene = Scene(field, outside_only(0.5, CPU), None, torch.tensor([0.0, 0.0, -1.0]))
    dense = evaluate(scene, rays, uniform_samples(rays.near, rays.far, 300))
    opacity = weights_of(dense)[0].sum(dim=-1)
    assert bool((opacity > TOLERANCE).any()) or camera == "far"
    assert not bool((~live & (opacity > TOLERANCE)).any())
    if camera == "orbit":  # and not much more than what is seen
        assert float(live.float().mean()) < 1.5 * float((opacity > TOLERANCE).float().mean())


def test_live_pixels_know_a_camera_inside_matter_and_an_empty_scene() -> None:
    grid = build_space_grid(AnalyticField("sphere"), 0.5, 24, CPU)
    assert live_pixels(grid, OrbitPose(radius=0.2), 16, 16) is None
    nothing = SpaceGrid(torch.zeros_like(grid.flags), 0.5)
    empty = live_pixels(nothing, OrbitPose(), 16, 12)
    assert empty is not None and empty.shape == (192,) and not bool(empty.any())


@pytest.mark.parametrize(("width", "height"), [(7, 13), (16, 5), (3, 3)])
def test_live_pixels_of_any_shape(width: int, height: int) -> None:
    grid = build_space_grid(AnalyticField("sphere"), 0.5, 16, CPU)
    live = live_pixels(grid, OrbitPose(), width, height)
    assert (
        live is not None
        and live.shape == (width * height,)
        and bool(live[(height // 2) * width + width // 2])
    )


def test_evaluated_tables_point_at_their_points() -> None:
    field = AnalyticField("sphere")
    scene = Scene(field, build_space_grid(field, 0.5, 24, CPU), None, torch.tensor([0.0, 0.0, -1.0]))
    rays = ray_bounds(*camera_rays(OrbitPose(), 6, 6), Conventions(scene_radius=0.5))
    e = evaluate(scene, rays, uniform_samples(rays.near, rays.far, 40))
    assert 0 < e.evaluations < 36 * 40
    points = rays.points(e.samples.t)
    for ray, sample in itertools.product(range(0, 36, 7), range(40)):
        row = int(e.row[ray, sample])
        if row >= 0:
            assert torch.equal(e.points[0, row], points[ray, sample])
            assert float(e.density[ray, sample]) == float(e.table.density[0, row])
        else:
            assert float(e.density[ray, sample]) == 0.0
    assert int((e.row >= 0).sum()) == e.evaluations


@pytest.mark.parametrize("yaw", [0.0, 0.7, 3.0])
@pytest.mark.parametrize("shape", SHAPES)
def test_a_probe_that_walks_live_rays_only_is_the_probe_of_all_rays(shape: str, yaw: float) -> None:
    field, conv, pose = AnalyticField(shape), Conventions(), OrbitPose(yaw=yaw, pitch=0.2)
    found = []
    for space in (build_space_grid(field, conv.box, 64, CPU), outside_only(conv.box, CPU)):
        scene = Scene(field, space, torch.tensor([0.2, 0.4, 0.6]), torch.tensor([0.0, 0.0, -1.0]))
        found.append(run_probe(scene, pose, conv, 24, 20, 64))
    quick, full = found
    assert quick.evaluations < 0.7 * full.evaluations
    for name in ("weights", "image", "opacity"):
        a, b = getattr(quick, name), getattr(full, name)
        assert a.shape == b.shape
        assert torch.allclose(a, b, atol=2 * TOLERANCE), name
    assert torch.equal(quick.dirs, full.dirs)
    away = quick.opacity == 0
    assert torch.equal(quick.image[:, :1][away], torch.full((int(away.sum()),), 0.2))
