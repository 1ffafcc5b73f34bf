"""Pictures larger than the screen: the same rays, made in bands."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from core_model.geometry.rays import camera_rays, ray_bounds
from core_model.output import images
from core_model.output.images import picture
from core_model.schema.camera import MatrixCamera, OrbitPose
from core_model.schema.channels import ChannelInfo
from core_model.schema.conventions import Conventions
from core_model.schema.render import RenderRequest
from core_model.schema.sampler import SamplerSpec
from core_model.session import RenderSession, large_rays
from core_model.session.large_rays import LargeRays

POSE = OrbitPose(yaw=0.3, pitch=0.2)
MATRIX = MatrixCamera(
    pose=tuple(POSE.world_from_cam().reshape(-1)), normalized_intrinsics=(1.5, 0, 0.4, 0, 1.5, 0.5, 0, 0, 1)
)


@pytest.mark.parametrize("camera", [POSE, POSE.replace(fov=1.2, orthographic=True), MATRIX])
@pytest.mark.parametrize("band", [1, 100, 10**6])
def test_rays_of_any_pixels_are_those_of_the_whole(
    camera: OrbitPose | MatrixCamera, band: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(large_rays, "BAND_RAYS", band)
    width, height, conv = 37, 23, Conventions()
    origins, dirs = camera_rays(camera, width, height)
    whole = ray_bounds(origins, dirs, conv, parallel=camera.orthographic)
    large = LargeRays(camera, width, height, conv, torch.device("cpu"))
    assert len(large) == len(whole) and torch.equal(large.hit, whole.hit)
    assert large.hit.shape == whole.near.shape
    for index in (
        torch.arange(len(whole)),
        torch.tensor([0, 36, 37, 500, 850]),
        torch.tensor([70]),
        torch.arange(0),
    ):
        some, expected = large.select(index), whole.select(index)
        assert len(some) == len(index) and some.near.shape == expected.near.shape
        for name in ("origins", "dirs", "near", "far"):
            torch.testing.assert_close(getattr(some, name), getattr(expected, name), rtol=0, atol=1e-6)
        assert torch.equal(some.hit, expected.hit)


def test_a_large_picture_is_the_same_picture(
    tiny: str, session: RenderSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    channels = ("rgb", "depth", "samples")
    request = RenderRequest(
        checkpoint=tiny, width=30, height=22, camera=POSE, channels=channels, sampler=SamplerSpec(spp=8.0)
    )
    whole = session.render(request)
    monkeypatch.setattr("core_model.session.picture.LARGE", 10)
    monkeypatch.setattr(large_rays, "BAND_RAYS", 64)
    made: list[int] = []
    select = LargeRays.select
    monkeypatch.setattr(LargeRays, "select", lambda self, index: (made.append(1), select(self, index))[1])
    large = session.render(request)
    assert whole.result.error is None and large.result.error is None and made
    for name in channels:
        np.testing.assert_allclose(
            large.arrays[name], whole.arrays[name], atol=1e-4
        )  # rays differ in their last bit


def test_colours_in_bands_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    depth = rng.uniform(1, 3, (40, 9)).astype(np.float32)
    depth[20:25, 3] = np.nan
    vector = rng.normal(size=(3, 40, 9)).astype(np.float32)
    for kind, values in (("scalar", depth), ("direction", vector), ("position", vector), ("colour", vector)):
        channel = ChannelInfo(name="a", title="A", kind=kind)  # type: ignore[arg-type]
        whole, shown = picture(channel, values)
        monkeypatch.setattr(images, "BAND_ROWS", 7)
        banded, same = picture(channel, values)
        monkeypatch.undo()
        np.testing.assert_array_equal(banded, whole)
        assert same == shown and whole.shape[2] == (4 if kind == "scalar" else 3)
