"""Procedural heads: signs, slope, box, cameras, tracing, images."""

from __future__ import annotations

import math
import threading

import numpy as np
import pytest
import torch
from torch import Tensor

from core_model.data.heads import (
    BACKGROUND_RGB,
    FOCAL,
    N_PARAMS,
    HeadParams,
    head_color,
    head_normals,
    head_sdf,
    latent_for_seed,
    look_at_camera,
    pixel_rays,
    project_to_surface,
    render_heads,
    sample_camera,
    sdf_gradient,
    trace_heads,
)
from core_model.schema.errors import InputError


@pytest.fixture(autouse=True)
def _no_grad():
    with torch.no_grad():
        yield


def _heads(count: int) -> HeadParams:
    return HeadParams.from_latent(torch.stack([latent_for_seed(i) for i in range(count)]))


def _extreme() -> HeadParams:
    signs = torch.randn(12, N_PARAMS, generator=torch.Generator().manual_seed(5)).sign()
    return HeadParams.from_latent(
        torch.cat([4.0 * signs, torch.full((1, N_PARAMS), 4.0), torch.full((1, N_PARAMS), -4.0)])
    )


def _surface(params: HeadParams, count: int) -> Tensor:
    """Points [B, count, 3] on the surface, from the nearest of many random ones."""
    generator = torch.Generator().manual_seed(1)
    points = torch.rand(params.batch, 24 * count, 3, generator=generator) - 0.5
    nearest = head_sdf(params, points).abs().topk(count, largest=False, dim=1).indices
    return project_to_surface(params, torch.gather(points, 1, nearest[..., None].expand(-1, -1, 3)))


def test_latents_and_distances_repeat() -> None:
    assert torch.equal(latent_for_seed(7), latent_for_seed(7))
    assert not torch.equal(latent_for_seed(7), latent_for_seed(8))
    points = torch.rand(2, 300, 3) - 0.5
    assert torch.equal(head_sdf(_heads(2), points), head_sdf(_heads(2), points))


def test_batch_equals_heads_one_by_one() -> None:
    params, points = _heads(3), torch.rand(3, 200, 3) - 0.5
    single = torch.cat([head_sdf(params.select(i), points[i : i + 1]) for i in range(3)])
    torch.testing.assert_close(head_sdf(params, points), single, atol=1e-6, rtol=1e-5)


def test_inside_is_negative_and_outside_positive() -> None:
    inside = torch.tensor([[0.0, 0.05, -0.03], [0.0, -0.1, 0.05], [0.0, -0.25, -0.06], [0.15, -0.38, -0.06]])
    outside = torch.tensor([[0.0, 0.0, 0.35], [0.35, 0.1, 0.0], [0.0, 0.42, 0.0], [0.0, 0.1, -0.42]])
    params = _heads(8)
    assert (head_sdf(params, inside.expand(8, -1, -1)) < -0.01).all()
    assert (head_sdf(params, outside.expand(8, -1, -1)) > 0.02).all()


def test_slope_near_the_surface_is_about_one() -> None:
    params = _heads(4)
    slope = sdf_gradient(params, _surface(params, 400)).norm(dim=-1)
    assert ((slope > 0.8) & (slope < 1.25)).float().mean() > 0.90
    assert slope.quantile(0.995) < 1.5


def test_extreme_latents_stay_finite_and_in_the_box() -> None:
    params = _extreme()
    line = torch.linspace(-0.5, 0.5, 11)
    a, b = (g.flatten() for g in torch.meshgrid(line, line, indexing="ij"))
    faces = []
    for side in (-0.5, 0.5):
        c = torch.full_like(a, side)
        faces += [torch.stack(v, -1) for v in ((c, a, b), (a, c, b), (a, b, c))]
    distance = head_sdf(params, torch.cat(faces).expand(params.batch, -1, -1))
    assert torch.isfinite(distance).all()
    assert distance.min() > 0.01
    points = torch.rand(params.batch, 100, 3) - 0.5
    colour = head_color(params, points, torch.nn.functional.normalize(points, dim=-1))
    assert torch.isfinite(colour).all()
    for i in range(params.batch):
        assert np.isfinite(np.hstack([np.ravel(v) for v in params.as_dict(i).values()])).all()


def test_parameters_are_continuous_in_the_latent() -> None:
    latent = torch.stack([latent_for_seed(i) for i in range(4)])
    points = torch.rand(4, 300, 3) - 0.5
    a = head_sdf(HeadParams.from_latent(latent), points)
    b = head_sdf(HeadParams.from_latent(latent + 1e-4), points)
    assert (a - b).abs().max() < 1e-3


def test_normals_are_unit_and_point_outwards() -> None:
    params = _heads(2)
    points = _surface(params, 150)
    normals = head_normals(params, points)
    torch.testing.assert_close(normals.norm(dim=-1), torch.ones(2, 150), atol=1e-4, rtol=0)
    outer = head_sdf(params, points + 2e-3 * normals)
    assert (outer > 0).float().mean() > 0.97


def test_colours_are_in_range() -> None:
    params = _heads(4)
    points = _surface(params, 150)
    colour = head_color(params, points, head_normals(params, points))
    assert colour.min() >= 0 and colour.max() <= 1
    assert colour.std() > 0.05


def test_traced_points_lie_on_the_surface() -> None:
    params = _heads(2)
    cameras = torch.stack([look_at_camera(0.0, 0.0), look_at_camera(0.7, -0.2)])
    origins, dirs = pixel_rays(cameras, FOCAL, 32)
    t, hit = trace_heads(params, origins, dirs, 2.0, 3.6)
    points = origins + t[..., None] * dirs
    assert 0.25 < hit.float().mean() < 0.7
    assert head_sdf(params, points)[hit].abs().max() < 1e-3
    # Nothing lies before the hit.
    middle = origins + (2.0 + 0.97 * (t[..., None] - 2.0)) * dirs
    assert (head_sdf(params, middle)[hit] > -1e-3).all()


def test_camera_label_follows_the_look_at_law() -> None:
    for seed in range(20):
        world_from_cam, label = sample_camera(seed)
        again, _ = sample_camera(seed)
        assert torch.equal(world_from_cam, again)
        torch.testing.assert_close(label[:16].view(4, 4), world_from_cam)
        torch.testing.assert_close(label[16:], torch.tensor([4.2647, 0, 0.5, 0, 4.2647, 0.5, 0, 0, 1]))
        rotation, origin = world_from_cam[:3, :3], world_from_cam[:3, 3]
        torch.testing.assert_close(rotation @ rotation.T, torch.eye(3), atol=1e-5, rtol=0)
        assert torch.det(rotation) > 0
        torch.testing.assert_close(origin, -2.7 * rotation[:, 2], atol=1e-5, rtol=0)
        assert rotation[1, 1] < 0, "the camera's down axis points down"
        assert abs(rotation[1, 0]) < 1e-6, "the camera does not roll"


def test_frontal_camera_and_pitch_law() -> None:
    torch.testing.assert_close(
        look_at_camera(0.0, 0.0)[:3, 3], torch.tensor([0.0, 0.0, 2.7]), atol=1e-5, rtol=0
    )
    torch.testing.assert_close(
        look_at_camera(0.0, 0.0)[:3, 0], torch.tensor([1.0, 0.0, 0.0]), atol=1e-6, rtol=0
    )
    v = math.pi / 2 - 0.3
    height = 2.7 * (1.0 - 2.0 * v / math.pi)
    assert look_at_camera(0.0, -0.3)[1, 3].item() == pytest.approx(height, abs=1e-5)


def test_rendered_image() -> None:
    images = render_heads(_heads(1), look_at_camera(0.3, 0.0)[None], FOCAL, 32)
    assert images.rgb.shape == (1, 3, 32, 32) and images.normal.shape == (1, 3, 32, 32)
    assert images.rgb.min() >= 0 and images.rgb.max() <= 1
    hit = ~torch.isnan(images.depth)
    assert ((images.depth[hit] > 2.1) & (images.depth[hit] < 3.3)).all()
    length = images.normal.norm(dim=1)
    torch.testing.assert_close(length, hit.float(), atol=1e-4, rtol=0)
    torch.testing.assert_close(images.rgb[0, :, 0, 0], torch.tensor(BACKGROUND_RGB))
    assert images.mask[0, 0, 0] == 0 and images.mask[0, 16, 16] == 1


def test_rays_stop_at_the_first_change_of_sign() -> None:
    """Against samples 2 mm apart on every ray: nothing is skipped; only rays that graze may stop early."""
    params = HeadParams.from_latent(latent_for_seed(1)[None])
    origins, dirs = pixel_rays(look_at_camera(0.5, -0.1)[None], FOCAL, 20)
    t, hit = trace_heads(params, origins, dirs, 2.0, 3.4)
    places = torch.arange(2.0, 3.4, 2e-3)
    points = origins[0] + places[:, None, None] * dirs[0]
    inside = head_sdf(params, points.view(1, -1, 3)).view(len(places), -1) < 0
    crosses = inside.any(0)
    first = places[inside.to(torch.uint8).argmax(0)]
    assert hit[0][crosses].all()
    assert (hit[0] & ~crosses).sum() <= 3
    late = (t[0] - first)[crosses]
    assert late.max() < 1e-3
    assert (late < -4e-3).float().mean() < 0.03


def test_rendered_tensors_can_be_learned_from() -> None:
    images = render_heads(_heads(1), look_at_camera(0.0, 0.0)[None], FOCAL, 16, supersample=1)
    with torch.enable_grad():
        weight = torch.ones((), requires_grad=True)
        (weight * images.rgb).square().sum().backward()
    assert weight.grad is not None and weight.grad > 0


def test_wrong_latent_width() -> None:
    with pytest.raises(InputError):
        HeadParams.from_latent(torch.zeros(2, N_PARAMS + 1))


def test_colours_of_many_points_with_two_threads_come_back_and_are_those_of_one() -> None:
    """Colours ask for distances in turn.

    All threads of the pool once waited for pieces that none of them was free to compute.
    """
    params = HeadParams.from_latent(torch.zeros(1, N_PARAMS))
    points = torch.rand(1, 45_000, 3, generator=torch.Generator().manual_seed(4)) * 0.4 - 0.2
    normals = torch.nn.functional.normalize(points, dim=-1)
    before, found = torch.get_num_threads(), []

    @torch.no_grad()
    def colour() -> None:
        found.append(head_color(params, points, normals))

    try:
        for threads in (2, 1):
            torch.set_num_threads(threads)
            work = threading.Thread(target=colour, daemon=True)
            work.start()
            work.join(120)
            assert not work.is_alive(), f"hangs with {threads} threads"
    finally:
        torch.set_num_threads(before)
    assert torch.allclose(*found, atol=1e-5)
