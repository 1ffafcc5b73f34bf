"""Parallel rays: the analytic sphere in closed form, with every sampler, with and without empty space skipped."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from core_model.families.analytic.shapes import BETA, SPHERE_RADIUS
from core_model.geometry.rays import camera_rays, ray_bounds
from core_model.queries import QuerySession
from core_model.rendering.empty import SpaceGrid, live_pixels
from core_model.schema.camera import OrbitPose
from core_model.schema.conventions import Conventions
from core_model.schema.render import RenderRequest
from core_model.schema.sampler import SamplerSpec
from tests.unit.rendering.analytic_truth import SIZE, draw, silhouette_radius, sphere_hit

POSES = [
    OrbitPose(orthographic=True),
    OrbitPose(yaw=0.6, pitch=-0.4, roll=0.8, orthographic=True, pivot=(0.1, -0.05, 0.2), fov=0.3),
    OrbitPose(yaw=2.5, pitch=0.9, orthographic=True, radius=6.0, fov=0.11),
]
SAMPLERS = [
    SamplerSpec(name="uniform", spp=384),
    SamplerSpec(name="importance", spp=128),
    SamplerSpec(name="occupancy", spp=256),
    SamplerSpec(strategy="robust", spp=64),
]


@pytest.mark.parametrize("pose", POSES)
@pytest.mark.parametrize("sampler", SAMPLERS, ids=lambda s: s.name)
def test_silhouette_depth_and_normal_of_the_sphere(
    session: QuerySession, pose: OrbitPose, sampler: SamplerSpec
) -> None:
    arrays = draw(session, "sphere", pose, sampler).arrays
    truth = sphere_hit(pose)
    face = truth.approach < 0.95 * SPHERE_RADIUS
    assert face.sum() > 100
    assert np.median(np.abs(arrays["depth"] - truth.t)[face]) < 1.5 * BETA
    cosine = (arrays["normal"] * truth.normal).sum(axis=0)[face]
    assert np.degrees(np.arccos(np.clip(cosine, -1, 1))).max() < 5.0
    seen, want = arrays["opacity"] > 0.5, truth.approach < silhouette_radius()
    assert (seen & want).sum() / (seen | want).sum() > (0.96 if sampler.name == "learned" else 0.99)


@pytest.mark.parametrize("sampler", SAMPLERS, ids=lambda s: s.name)
def test_skipping_empty_space_changes_nothing_that_can_be_seen(
    session: QuerySession, sampler: SamplerSpec
) -> None:
    pose = POSES[1]
    skipped, full = (draw(session, "torus", pose, sampler, skip_empty=skip).arrays for skip in (True, False))
    assert np.abs(skipped["opacity"] - full["opacity"]).max() < 0.02
    both = np.isfinite(skipped["depth"]) & np.isfinite(full["depth"]) & (full["opacity"] > 0.9)
    assert both.sum() > 50 and np.abs(skipped["depth"] - full["depth"])[both].max() < 0.02


def test_the_picture_spans_the_view_height_and_depth_does_not_shrink_it(session: QuerySession) -> None:
    """The silhouette is as large as the sphere wherever the camera stands, as parallel rays have no perspective."""
    height = 0.9
    for radius in (1.0, 2.7, 9.0):
        fov = 2 * np.arctan(0.5 * height / radius)
        pose = OrbitPose(orthographic=True, radius=radius, fov=float(fov))
        assert pose.view_height == pytest.approx(height)
        opacity = draw(
            session, "sphere", pose, SamplerSpec(name="uniform", spp=256), width=96, height=96
        ).arrays["opacity"]
        area = (opacity > 0.5).sum() * (height / 96) ** 2
        assert area == pytest.approx(np.pi * silhouette_radius() ** 2, rel=0.02)


def test_one_ray_of_the_inspector_is_the_picture_s_ray(session: QuerySession) -> None:
    """The bounds of a single parallel ray are those of its neighbours: its depth is the picture's at that pixel."""
    pose, sampler = POSES[1], SamplerSpec(name="uniform", spp=256)
    depth = draw(session, "sphere", pose, sampler).arrays["depth"]
    request = RenderRequest(
        checkpoint="analytic:sphere", camera=pose, width=SIZE, height=SIZE, sampler=sampler
    )
    truth = sphere_hit(pose)
    y, x = np.argwhere(truth.approach < 0.6 * SPHERE_RADIUS)[7]
    report = session.inspect(request, int(x), int(y))
    assert report.numbers["first zero crossing"] == pytest.approx(truth.t[y, x], abs=2 * BETA)
    assert depth[y, x] == pytest.approx(report.numbers["first zero crossing"], abs=3 * BETA)
    origins, dirs = camera_rays(pose, SIZE, SIZE)
    conv = Conventions(scene_radius=0.5)
    alone = ray_bounds(origins[5:6], dirs[5:6], conv, parallel=True)
    assert torch.allclose(alone.near, ray_bounds(origins, dirs, conv).near[5:6])


def test_fixed_bounds_become_the_same_length_about_the_middle() -> None:
    """A checkpoint with fixed near and far knows them for its own distance only; parallel rays may start anywhere."""
    conv = Conventions(near=2.25, far=3.3, box=0.5)
    for radius in (1.5, 2.7, 8.0):
        rays = ray_bounds(*camera_rays(OrbitPose(orthographic=True, radius=radius), 8, 8), conv)
        np.testing.assert_allclose(rays.near, radius - 0.525, atol=1e-5)
        np.testing.assert_allclose(rays.far - rays.near, 1.05, atol=1e-5)


def test_live_pixels_of_parallel_rays_miss_nothing() -> None:
    axis = (torch.arange(16) + 0.5) / 16 - 0.5
    x, y, z = torch.meshgrid(axis, axis, axis, indexing="ij")
    space = SpaceGrid((x**2 + y**2 + z**2 < 0.2**2).to(torch.uint8), 0.5)
    for pose in POSES:
        rays = ray_bounds(*camera_rays(pose, 24, 24), Conventions(scene_radius=0.5))
        steps = torch.linspace(0.0, 1.0, 200)
        inside = (
            space.at(rays.points(rays.near[:, None] + (rays.far - rays.near)[:, None] * steps)) > 0
        ).any(dim=-1)
        live = live_pixels(space, pose, 24, 24)
        assert live is not None and bool(inside.any()) and not bool((inside & ~live).any())
        assert float(live.float().mean()) < 0.5 + float(inside.float().mean())
