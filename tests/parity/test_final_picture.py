"""The picture of a family with a super-resolution is the one its own program shows.

Through the session, at any size and camera.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from core_model.checkpoints.store import save_checkpoint
from core_model.schema.camera import MatrixCamera, OrbitPose
from core_model.schema.export import default_request
from core_model.schema.render import RenderRequest
from core_model.schema.sampler import AUTO, SamplerSpec
from core_model.session import Frame, RenderSession
from tests.parity.test_session import network, recorded, request
from tests.unit.families.foreign_nets import native


@pytest.fixture(scope="module")
def session() -> RenderSession:
    return RenderSession(device="cpu", threads=1)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = Path(tmp_path_factory.mktemp("final"))
    return str(save_checkpoint(folder / "eg3d.safetensors", *native("eg3d", network("eg3d"))))


def rendered(session: RenderSession, asked: RenderRequest) -> Frame:
    frame = session.render(asked)
    assert frame.result.error is None, frame.result.error
    return frame


def decibel(a: np.ndarray, b: np.ndarray) -> float:
    assert a.shape == b.shape, (a.shape, b.shape)
    return float(-10.0 * np.log10(np.square(a - b).mean()))


def automatic(path: str, **more: object) -> RenderRequest:
    return request("eg3d", path, **{"width": 128, "height": 128, "sampler": SamplerSpec(name=AUTO), **more})


def test_a_render_without_options_is_the_picture_of_the_program(session: RenderSession, path: str) -> None:
    info = session.open(path)
    plain = default_request(info)
    assert (
        plain.sampler.name == AUTO
        and plain.width == info.image_size == 128
        and info.neural_size == 32
        and info.has_native
    )
    mine = rendered(session, automatic(path))
    theirs = rendered(session, automatic(path, native=True))
    want = theirs.arrays["rgb"].clip(0.0, 1.0)
    assert decibel(mine.arrays["rgb"], want) >= 45.0
    assert (
        decibel(mine.arrays["rgb"], (recorded("eg3d")["out/image"][0].numpy() * 0.5 + 0.5).clip(0.0, 1.0))
        >= 45.0
    )
    assert (
        mine.result.sampler in ("occupancy", "importance")
        and mine.arrays["rgb"].min() >= 0.0
        and mine.arrays["rgb"].max() <= 1.0
    )
    blurred = F.interpolate(
        torch.from_numpy(theirs.arrays["raw_rgb"])[None], size=(128, 128), mode="bilinear"
    )[0].numpy()
    assert decibel(blurred, want) < 30.0, "the fixture's super-resolution changes the picture"


@pytest.mark.parametrize("name", ["occupancy", "importance", "stratified", "uniform"])
def test_every_sampler_feeds_the_super_resolution(session: RenderSession, path: str, name: str) -> None:
    want = rendered(session, automatic(path, native=True)).arrays["rgb"].clip(0.0, 1.0)
    spec = SamplerSpec(name=name, spp=256)
    found = rendered(session, automatic(path, sampler=spec))
    assert found.result.sampler == name
    assert decibel(found.arrays["rgb"], want) > 25.0


def test_raw_is_what_colour_was(session: RenderSession, path: str) -> None:
    """The first three feature channels, at the size asked for."""
    spec = SamplerSpec(name="importance", spp=384)
    asked = request("eg3d", path, width=32, height=32, sampler=spec, channels=("raw",), skip_empty=False)
    assert (
        decibel(
            rendered(session, asked).arrays["raw"],
            (recorded("eg3d")["out/image_raw"][0].numpy() * 0.5 + 0.5).clip(0.0, 1.0),
        )
        > 30.0
    )
    theirs = rendered(session, automatic(path, native=True, channels=("rgb", "raw"))).arrays
    np.testing.assert_array_equal(theirs["raw"], theirs["raw_rgb"])


def test_other_families_have_no_raw_channel_and_no_automatic_sampler(session: RenderSession) -> None:
    info = session.open("analytic:sphere")
    assert (
        not info.neural_size
        and "raw" not in {c.name for c in info.channels}
        and AUTO not in {s.name for s in info.samplers}
    )
    result = session.render(
        RenderRequest(checkpoint="analytic:sphere", sampler=SamplerSpec(name=AUTO), width=8, height=8)
    ).result
    assert result.error is not None and result.error.kind == "input" and "auto" in result.error.message


def test_other_sizes_show_the_same_picture(session: RenderSession, path: str) -> None:
    whole = rendered(session, automatic(path)).arrays["rgb"]
    half = rendered(session, automatic(path, width=64, height=64)).arrays["rgb"]
    means = whole.reshape(3, 64, 2, 64, 2).mean(axis=(2, 4))
    assert decibel(half, means) > 30.0
    double = rendered(session, automatic(path, width=256, height=256)).arrays["rgb"]
    assert decibel(double.reshape(3, 128, 2, 128, 2).mean(axis=(2, 4)), whole) > 30.0
    wide = rendered(session, automatic(path, width=128, height=96)).arrays["rgb"]
    np.testing.assert_allclose(wide, whole[:, 16:112], atol=1e-5)


@pytest.mark.parametrize("fixed", [False, True])
def test_a_tall_picture_has_the_width_of_the_square_one(
    session: RenderSession, path: str, fixed: bool
) -> None:
    """32 rays across 96 pixels: the middle pixel of every third one has the very ray of the neural image."""
    pose = OrbitPose(radius=2.7, yaw=0.2, fov=0.25)
    camera: OrbitPose | MatrixCamera = pose
    if fixed:
        k = pose.intrinsics()
        k[0, 2], k[1, 2] = 0.45, 0.56
        camera = MatrixCamera(
            pose=tuple(pose.world_from_cam().ravel()), normalized_intrinsics=tuple(k.ravel())
        )
    spec = SamplerSpec(name="importance", spp=96)
    asked = automatic(
        path, width=64, height=96, camera=camera, sampler=spec, channels=("rgb", "opacity", "depth")
    )
    near, exact = (rendered(session, asked.replace(shared_rays=shared)).arrays for shared in (True, False))
    assert near["rgb"].shape == (3, 96, 64) and near["depth"].shape == near["opacity"].shape == (96, 64)
    for name in ("opacity", "depth"):
        np.testing.assert_allclose(near[name][1::3, ::3], exact[name][1::3, ::3], atol=2e-3)
    assert np.isfinite(near["depth"]).mean() > 0.2 and np.nanstd(near["depth"]) > 0.01


def test_maps_beside_the_colours_come_from_their_rays_only_where_that_is_allowed(
    session: RenderSession, path: str
) -> None:
    asked = automatic(path, channels=("rgb", "depth", "samples", "opacity"))
    shared, exact = (rendered(session, asked.replace(shared_rays=s)) for s in (True, False))
    np.testing.assert_array_equal(shared.arrays["rgb"], exact.arrays["rgb"])
    blocks = shared.arrays["depth"].reshape(32, 4, 32, 4)
    np.testing.assert_array_equal(blocks, np.broadcast_to(blocks[:, :1, :, :1], blocks.shape))
    own = exact.arrays["depth"].reshape(32, 4, 32, 4)
    assert not np.array_equal(own, np.broadcast_to(own[:, :1, :, :1], own.shape), equal_nan=True)
    normal = rendered(session, asked.replace(shared_rays=True, channels=("rgb", "normal", "depth")))
    np.testing.assert_allclose(normal.arrays["depth"], exact.arrays["depth"], atol=1e-4)


def test_the_super_resolved_picture_is_kept(session: RenderSession, path: str) -> None:
    asked = automatic(path, camera=OrbitPose(radius=2.7, yaw=0.11, fov=0.2))
    others = asked.replace(channels=("rgb", "normal")), asked.replace(width=50, height=50)
    first, again, smaller = (rendered(session, a) for a in (asked, *others))
    stages = [{t.stage: t.cached for t in frame.result.timings} for frame in (first, again, smaller)]
    assert [s["superres"] for s in stages] == [False, True, True]
    np.testing.assert_array_equal(first.arrays["rgb"], again.arrays["rgb"])
    jittered = asked.replace(sampler=SamplerSpec(name="stratified", spp=24, jitter=True))
    a, b = (rendered(session, jittered.replace(seed=s)).arrays["rgb"] for s in (1, 2))
    assert not np.array_equal(a, b)


def test_another_background_lies_behind_the_picture(session: RenderSession, path: str) -> None:
    camera = OrbitPose(radius=2.7, fov=0.9)
    asked = automatic(path, camera=camera, channels=("rgb", "opacity"), shared_rays=True)
    own, red = (rendered(session, asked.replace(background=b)).arrays for b in (None, (1.0, 0.0, 0.0)))
    empty, full = own["opacity"] < 0.01, own["opacity"] > 0.999
    assert empty.any()
    # the file's own background is black; what the super-resolution makes of it stays, the red is added
    np.testing.assert_allclose(
        red["rgb"][0][empty], (own["rgb"][0][empty] + 1.0 - own["opacity"][empty]).clip(0, 1), atol=2e-2
    )
    np.testing.assert_allclose(red["rgb"][1:], own["rgb"][1:], atol=1e-6)
    if full.any():
        np.testing.assert_allclose(red["rgb"][0][full], own["rgb"][0][full], atol=2e-3)


def test_cancelling_ends_between_march_and_super_resolution(session: RenderSession, path: str) -> None:
    calls = iter([False] * 4 + [True] * 50)
    frame = session.render(
        automatic(path, camera=OrbitPose(radius=2.7, yaw=0.37)), cancelled=lambda: next(calls)
    )
    assert frame.result.error is not None and frame.result.error.kind == "cancelled"
