"""Baked volumes as OpenGL draws them, against core_model's slow and exact drawing of the same arrays."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import pytest

from core_model.rendering.baked_picture import draw_baked
from core_model.schema.baked import BakedArrays, BakedSpec
from core_model.schema.baked_tables import brick_table, room_of
from core_model.schema.camera import OrbitPose
from tests.gl.baked_blob import BETA, Dense, corners, dense_cloud, dense_head, head_distance, packed
from viewer.gl.baked_volume import BakedMap, BakedVolume, VolumeTexels, VolumeTextures

pytestmark = [pytest.mark.gui, pytest.mark.usefixtures("context")]

EDGE = 48
VIEWS = {
    "front": OrbitPose(),
    "side": OrbitPose(yaw=1.4, pitch=0.2),
    "above": OrbitPose(yaw=-0.6, pitch=1.2, roll=0.3),
    "near": OrbitPose(yaw=0.3, radius=0.45, fov=1.0),
    "inside": OrbitPose(yaw=0.2, radius=0.02, pivot=(0.0, 0.05, 0.33), fov=1.2),
    "parallel": OrbitPose(yaw=-0.7, pitch=-0.3, orthographic=True),
}
Volume = tuple[BakedSpec, BakedArrays]


@pytest.fixture(scope="module")
def head() -> Volume:
    return packed(dense_head(64))


@pytest.fixture
def volume(context: None) -> Iterator[BakedVolume]:
    made = BakedVolume()
    yield made
    made.delete()


def drawn(
    volume: BakedVolume, baked: Volume, camera: OrbitPose, shown: BakedMap = "rgb", edge: int = EDGE
) -> np.ndarray:
    textures = VolumeTextures(VolumeTexels.of(*baked))
    while not textures.upload():
        pass
    volume.draw(textures, camera, edge, shown)
    found = volume.read()
    textures.delete()
    return found


def decibels(a: np.ndarray, b: np.ndarray) -> float:
    return -10.0 * math.log10(max(float(np.square(a - b).mean()), 1e-12))


@pytest.mark.parametrize("view", list(VIEWS))
def test_a_head_is_drawn_as_it_is_by_the_exact_march(volume: BakedVolume, head: Volume, view: str):
    truth = draw_baked(*head, VIEWS[view], EDGE, EDGE)
    rgb = drawn(volume, head, VIEWS[view])
    assert (rgb[..., 3] == 1.0).all()
    assert decibels(rgb[..., :3], truth.rgb.permute(1, 2, 0).numpy()) > 36.0
    opacity = drawn(volume, head, VIEWS[view], "opacity")[..., 0]
    assert decibels(opacity, truth.opacity.numpy()) > 34.0
    missing = (truth.opacity.numpy() > 0.95) & (opacity < 0.8)
    assert not missing.any(), f"{missing.sum()} pixels are missing inside the head"


@pytest.mark.parametrize("view", ["front", "side", "near", "parallel"])
def test_depth_is_the_expected_distance_and_nothing_beside_the_head(
    volume: BakedVolume, head: Volume, view: str
):
    truth = draw_baked(*head, VIEWS[view], EDGE, EDGE)
    found, depth = drawn(volume, head, VIEWS[view], "depth"), truth.depth.numpy()
    valid = found[..., 1] > 0
    assert (valid != np.isfinite(depth)).mean() < 0.02
    apart = np.abs(found[..., 0] - depth)[valid & np.isfinite(depth) & (truth.opacity.numpy() > 0.95)]
    assert np.percentile(apart, 95) < 1.5 * BETA


def test_normals_are_those_of_the_distance(volume: BakedVolume, head: Volume):
    camera = VIEWS["side"]
    found, depth = drawn(volume, head, camera, "normal"), drawn(volume, head, camera, "depth")
    solid = drawn(volume, head, camera, "opacity")[..., 0] > 0.99
    at = (np.arange(EDGE) + 0.5) / EDGE
    k, pose = camera.intrinsics(), camera.world_from_cam()
    x, y = (at - k[0, 2]) / k[0, 0], (at - k[1, 2]) / k[1, 1]
    rays = np.stack([*np.meshgrid(x, y), np.ones((EDGE, EDGE))], axis=-1)
    rays = rays / np.linalg.norm(rays, axis=-1, keepdims=True) @ pose[:3, :3].T
    p, h = pose[:3, 3] + rays * depth[..., :1], 1e-3
    slope = np.stack([head_distance(p + h * e) - head_distance(p - h * e) for e in np.eye(3)], axis=-1)
    truth = slope / np.linalg.norm(slope, axis=-1, keepdims=True)
    assert np.allclose(np.linalg.norm(found[solid][:, :3], axis=-1), 1.0, atol=1e-3)
    angle = np.degrees(np.arccos(np.clip((found[..., :3] * truth).sum(-1)[solid], -1, 1)))
    assert np.median(angle) < 2.0 and np.percentile(angle, 90) < 15.0


@pytest.mark.parametrize("view", ["front", "above", "parallel"])
def test_a_density_is_composited(volume: BakedVolume, view: str):
    cloud = packed(dense_cloud(64), log_beta=None)
    truth = draw_baked(*cloud, VIEWS[view], EDGE, EDGE)
    assert decibels(drawn(volume, cloud, VIEWS[view])[..., :3], truth.rgb.permute(1, 2, 0).numpy()) > 36.0
    opacity = drawn(volume, cloud, VIEWS[view], "opacity")[..., 0]
    assert np.abs(opacity - truth.opacity.numpy()).max() < 0.03


def test_a_field_that_is_steeper_than_a_distance_has_no_holes(volume: BakedVolume):
    steep = dense_head(64)
    steep = Dense(steep.value * (1.0 + 0.9 * np.sin(12.0 * corners(64)[..., 0]) ** 2), steep.rgb, steep.alpha)
    baked = packed(steep)
    for view in ("side",):
        truth = draw_baked(*baked, VIEWS[view], EDGE, EDGE).opacity.numpy()
        opacity = drawn(volume, baked, VIEWS[view], "opacity")[..., 0]
        assert not ((truth > 0.95) & (opacity < 0.8)).any(), view


def test_the_width_of_the_surface_may_vary(volume: BakedVolume):
    plain = dense_head(64)
    low, high = math.log(0.002), math.log(0.03)
    varied = Dense(plain.value, plain.rgb, np.clip(corners(64)[..., 1] + 0.5, 0.0, 1.0))
    baked = packed(varied, log_beta=(low, high), matters=lambda v: np.abs(v) < 0.2)
    truth = draw_baked(*baked, VIEWS["front"], EDGE, EDGE)
    assert decibels(drawn(volume, baked, VIEWS["front"])[..., :3], truth.rgb.permute(1, 2, 0).numpy()) > 33.0


def test_fixed_ray_bounds_cut_what_the_checkpoint_cuts(volume: BakedVolume, head: Volume):
    spec, arrays = head
    cut = spec.model_copy(update={"near": 2.6, "far": 2.75})
    truth = draw_baked(cut, arrays, VIEWS["front"], EDGE, EDGE)
    assert (
        decibels(drawn(volume, (cut, arrays), VIEWS["front"])[..., :3], truth.rgb.permute(1, 2, 0).numpy())
        > 33.0
    )


def test_an_upload_goes_in_parts_and_changes_nothing(volume: BakedVolume, head: Volume):
    textures = VolumeTextures(VolumeTexels.of(*head))
    parts = 1
    while not textures.upload(budget_ms=0.0):
        parts += 1
    assert parts > 3 and textures.complete
    volume.draw(textures, OrbitPose(), EDGE, "rgb")
    assert np.array_equal(volume.read(), drawn(volume, head, OrbitPose()))
    textures.delete()


def test_an_empty_volume_is_background(volume: BakedVolume):
    spec, arrays = packed(Dense(*(np.ones(s, np.float32) for s in ((33,) * 3, (33, 33, 33, 3), (33,) * 3))))
    assert (arrays.index[..., 3] == 0).all()
    assert np.allclose(drawn(volume, (spec, arrays), OrbitPose())[..., :3], spec.background, atol=1e-3)


def test_room_never_reaches_over_a_surface(head: Volume):
    spec, arrays = head
    room = room_of(spec, arrays)
    blocks, per = len(room), spec.level // len(room)
    near = head_distance(corners(spec.level)) < 0.0
    where = np.argwhere(
        near
        & (arrays.index[..., 3] > 0)
        .repeat(spec.brick, 0)
        .repeat(spec.brick, 1)
        .repeat(spec.brick, 2)[tuple(np.minimum(np.indices(near.shape), spec.level - 1))]
    )
    assert (room[tuple(np.minimum(where // per, blocks - 1).T)] == 0).all()
    full = np.argwhere(room == 0)
    for z, y, x in np.random.default_rng(0).integers(0, blocks, (200, 3)):
        assert room[z, y, x] <= np.abs(full - (z, y, x)).max(axis=1).min()


def test_steps_shorten_where_the_field_is_steep():
    plain = dense_head(64)
    spec, arrays = packed(Dense(2.0 * plain.value, plain.rgb, plain.alpha))
    parts = brick_table(spec, arrays)[..., 3]
    occupied = arrays.index[..., 3] > 0
    assert (parts[occupied] > -0.51).all() and -0.51 < np.median(parts[occupied]) < -0.3
    assert np.array_equal(parts[~occupied], arrays.clear[~occupied].astype(np.float32))
