"""Camera paths: exact at keys, smooth between them, closed where they loop, and honest about bad files."""

from __future__ import annotations

import itertools
import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core_model.schema.camera import OrbitPose
from core_model.schema.camera_path import CameraPath, PathKey, blended, parse_camera_path, read_camera_path
from core_model.schema.errors import InputError
from core_model.schema.latent import LatentSpec


def floats(low: float, high: float) -> st.SearchStrategy[float]:
    return st.floats(low, high, allow_nan=False)


poses = st.builds(
    OrbitPose, yaw=floats(-math.pi, math.pi), pitch=floats(-1.2, 1.2), roll=floats(-3, 3), radius=floats(0.2, 9.0),
    pivot=st.tuples(floats(-1, 1), floats(-1, 1), floats(-1, 1)), fov=floats(0.05, 1.8),
)  # fmt: skip


@st.composite
def paths(draw: st.DrawFn) -> CameraPath:
    steps = draw(st.lists(floats(0.05, 2.0), min_size=2, max_size=7))
    times = [t - steps[0] for t in itertools.accumulate(steps)]
    keys = tuple(PathKey(time=t, pose=draw(poses)) for t in times)
    spline, loop = draw(st.sampled_from(("cubic", "linear"))), draw(st.booleans())
    return CameraPath(keys=keys, spline=spline, loop=loop, duration=times[-1] + draw(floats(0.05, 1.0)))


@settings(max_examples=40)
@given(paths())
def test_each_key_is_met_exactly(path: CameraPath) -> None:
    for key in path.keys:
        assert path.pose_at(key.time) is key.pose
    if path.loop:
        assert path.pose_at(path.keys[0].time + path.duration) is path.keys[0].pose


@settings(max_examples=40)
@given(paths(), floats(0, 1))
def test_it_is_continuous_and_never_impossible(path: CameraPath, share: float) -> None:
    t, h = share * path.duration, 1e-7
    a, b = path.sample(np.array([t])), path.sample(np.array([t + h]))
    assert np.abs(b - a).max() < 1e-3
    pose = path.pose_at(t)
    assert (
        pose.radius > 0
        and 1e-3 < pose.fov < math.pi
        and abs(pose.pitch) <= 0.5 * math.pi
        and -math.pi < pose.yaw <= math.pi
    )


@settings(max_examples=40)
@given(paths())
def test_a_cubic_has_one_velocity_at_each_key(path: CameraPath) -> None:
    path = path.replace(spline="cubic")
    inner = path.times if path.loop else path.times[1:-1]
    for time in inner:
        h = 1e-5
        before, at, after = (path.sample(np.array([time + d])) for d in (-h, 0.0, h))
        left, right = (at - before) / h, (after - at) / h
        np.testing.assert_allclose(left, right, atol=2e-2 * (1 + np.abs(right).max()))


def test_a_parabola_is_followed_between_inner_keys() -> None:
    """Unequal steps: the slopes are those of the parabola, so that a quadratic comes out as itself."""
    keys = tuple(PathKey(time=t, pose=OrbitPose(pitch=0.1 * t * t)) for t in (0.0, 0.5, 1.5, 1.75, 3.0))
    path = CameraPath(keys=keys, duration=3.0)
    for t in np.linspace(0.5, 1.75, 23):
        assert path.pose_at(float(t)).pitch == pytest.approx(0.1 * t * t, abs=1e-12)


def test_yaw_goes_the_short_way_over_the_back_and_a_loop_may_wind() -> None:
    keys = (PathKey(time=0, pose=OrbitPose(yaw=3.0)), PathKey(time=1, pose=OrbitPose(yaw=-3.0)))
    path = CameraPath(keys=keys, spline="linear", duration=1.0)
    assert abs(path.pose_at(0.5).yaw) == pytest.approx(math.pi)
    assert path.sample(np.array([1.0]))[0, 0] == pytest.approx(2 * math.pi - 3.0)
    quarter = tuple(
        PathKey(time=i, pose=OrbitPose(yaw=math.remainder(i * math.pi / 2, 2 * math.pi))) for i in range(4)
    )
    turn = CameraPath(keys=quarter, loop=True, duration=4.0)
    times = np.linspace(0.0, 7.9, 200)
    np.testing.assert_allclose(
        turn.sample(times)[:, 0], times * math.pi / 2, atol=1e-12
    )  # constant speed, on into the second lap


def test_an_open_path_rests_at_its_ends_and_one_key_is_a_still() -> None:
    keys = (PathKey(time=1, pose=OrbitPose(yaw=0.2)), PathKey(time=2, pose=OrbitPose(yaw=0.4)))
    path = CameraPath(keys=keys, duration=5.0)
    assert path.pose_at(0.0).yaw == pytest.approx(0.2) and path.pose_at(4.9).yaw == pytest.approx(0.4)
    still = CameraPath(keys=keys[:1], duration=2.0, fps=10.0)
    assert still.pose_at(1.7).yaw == pytest.approx(0.2) and len(still.frame_times()) == 21
    assert still.replace(loop=True).pose_at(0.3).yaw == pytest.approx(0.2)
    with pytest.raises(ValueError, match="no keys"):
        CameraPath().pose_at(0.0)


def test_frames_of_a_loop_leave_out_the_repeated_one() -> None:
    keys = (PathKey(time=0, pose=OrbitPose()), PathKey(time=1, pose=OrbitPose(yaw=1.0)))
    assert len(CameraPath(keys=keys, duration=2.0, fps=30.0).frame_times()) == 61
    loop = CameraPath(keys=keys, duration=2.0, fps=30.0, loop=True)
    assert len(loop.frame_times()) == 60 and len(loop.frame_times(15.0)) == 30
    assert CameraPath(keys=keys, duration=2.0, fps=30.0).frame_times()[-1] == pytest.approx(2.0)


def test_heads_blend_in_w_where_only_their_seeds_differ() -> None:
    a, b = LatentSpec.of_seed(1, psi=0.6), LatentSpec.of_seed(2, psi=1.0)
    half = blended(a, b, 0.25)
    assert half is not None and half.psi == pytest.approx(0.7)
    assert [(s.seed, s.weight) for s in half.seeds] == [(1, pytest.approx(0.75)), (2, pytest.approx(0.25))]
    other = b.replace(cutoff=3)
    assert blended(a, other, 0.9) == a
    keys = (PathKey(time=0, pose=OrbitPose(), latent=a), PathKey(time=1, pose=OrbitPose(), latent=b))
    path = CameraPath(keys=keys, duration=1.0)
    assert path.latent_at(0.0) == a and path.latent_at(1.0) == b and path.latent_at(0.25) == half
    assert CameraPath(keys=(keys[0], keys[1].replace(latent=None)), duration=1.0).latent_at(0.5) is None


@settings(max_examples=40)
@given(paths())
def test_the_file_keeps_everything(path: CameraPath) -> None:
    assert parse_camera_path(path.model_dump_json()) == path


@pytest.mark.parametrize(
    ("text", "says"),
    [("", "JSON"), ("[]", "keys"), ("{}", "keys"), ('{"keys": []}', "at least one key"), ('{"keys": [{"time": 1}]}', "pose"),
     ('{"keys": [{"time": -1, "pose": {}}]}', "time"), ('{"keys": [{"time": 9, "pose": {}}]}', "after the end"),
     ('{"keys": [{"time": 1, "pose": {}}, {"time": 1, "pose": {}}]}', "rising"),
     ('{"keys": [{"time": 1, "pose": {}}], "speed": 2}', "speed"),
     ('{"keys": [{"time": 1, "pose": {"yaw": NaN}}]}', "finite"), ('{"version": 2, "keys": [{"time": 1, "pose": {}}]}', "version"),
     ('{"keys": [{"time": 0, "pose": {}}, {"time": 4, "pose": {}}], "loop": true}', "loop")],
)  # fmt: skip
def test_bad_files_are_one_clear_line(text: str, says: str, tmp_path) -> None:
    file = tmp_path / "bad.json"
    file.write_text(text)
    with pytest.raises(InputError, match=says) as caught:
        read_camera_path(file)
    assert "\n" not in str(caught.value) and "bad.json" in str(caught.value)


def test_missing_and_binary_files(tmp_path) -> None:
    with pytest.raises(InputError, match="No such file"):
        read_camera_path(tmp_path / "none.json")
    (tmp_path / "b.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="JSON text"):
        read_camera_path(tmp_path / "b.json")


def test_a_short_file_written_by_hand_is_enough() -> None:
    text = json.dumps(
        {"keys": [{"time": 0, "pose": {"yaw": -0.5}}, {"time": 4, "pose": {"yaw": 0.5, "pitch": 0.2}}]}
    )
    path = parse_camera_path(text)
    assert path.duration == 4.0 and path.pose_at(2.0).yaw == pytest.approx(0.0, abs=1e-12)


def test_heads_of_one_s_own_w_pass_into_each_other() -> None:
    a, b = LatentSpec(w=((0.0, 2.0),)), LatentSpec(w=((4.0, 0.0), (8.0, 0.0)), psi=0.5)
    middle = blended(a, b, 0.25)
    assert middle is not None and middle.w == ((1.0, 1.5), (2.0, 1.5)) and middle.psi == 0.875
    assert blended(a, b.replace(noise="none"), 0.5) == a
    assert blended(a, LatentSpec(w=((1.0, 2.0, 3.0),)), 0.5) == a, "of another generator"
