"""Poses as text: every format reads back what it wrote, and bad text gets one line that says what is wrong."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core_model.schema.camera import EG3D_FOV, MatrixCamera, OrbitPose, label25, orbit_from_matrix
from core_model.schema.errors import InputError
from tests.unit.state.poses import poses
from viewer.features.camera.pose_text import PoseFormat, pose_text, read_pose

NOW = OrbitPose(yaw=1.0, radius=4.0, pivot=(0.1, 0.2, 0.3), fov=0.5)


@settings(max_examples=40)
@given(poses, st.sampled_from(("json", "label", "matrix", "options")))
def test_each_format_reads_back_as_the_same_camera(pose: OrbitPose, form: PoseFormat) -> None:
    """`now` gives what the text leaves out: the pivot's depth, and the field of view of a 4x4."""
    found, _ = read_pose(pose_text(pose, form), pose)
    atol = {"json": 0.0, "label": 3e-6, "matrix": 1e-7, "options": 3e-5}[form]
    np.testing.assert_allclose(found.world_from_cam(), pose.world_from_cam(), atol=atol * 10 * pose.radius)
    np.testing.assert_allclose(found.intrinsics(), pose.intrinsics(), rtol=1e-4)
    assert found.radius == pytest.approx(pose.radius, rel=2e-4)


@settings(max_examples=40)
@given(poses)
def test_any_rigid_pose_is_an_orbit_pose(pose: OrbitPose) -> None:
    """The pivot is found where the axis passes nearest to a given point.

    Poles and cameras that look away too.
    """
    for near in ((0.0, 0.0, 0.0), (5.0, -3.0, 2.0)):
        found = orbit_from_matrix(pose.world_from_cam(), pose.fov, near)
        np.testing.assert_allclose(
            found.world_from_cam(), pose.world_from_cam(), atol=1e-9 * (1 + found.radius)
        )
        m = found.world_from_cam()
        depth = float((np.asarray(near) - m[:3, 3]) @ m[:3, 2])
        assert depth <= 1e-3 or found.radius == pytest.approx(depth)


@pytest.mark.parametrize("pitch", [math.pi / 2, -math.pi / 2])
def test_straight_from_above_or_below(pitch: float) -> None:
    pose = OrbitPose(yaw=0.7, pitch=pitch, roll=0.4)
    np.testing.assert_allclose(
        orbit_from_matrix(pose.world_from_cam(), 0.3).world_from_cam(), pose.world_from_cam(), atol=1e-9
    )


def test_labels_in_the_ways_people_paste_them() -> None:
    label = label25(OrbitPose(yaw=0.3, pitch=-0.1))
    m = OrbitPose(yaw=0.3, pitch=-0.1).world_from_cam()
    for text in (
        json.dumps(label.tolist()), repr(label), " ".join(map(str, label.tolist())), np.array2string(label, separator=", "),
        f"torch.tensor({label.tolist()}, dtype=torch.float32)", MatrixCamera.from_label(label).model_dump_json(),
    ):  # fmt: skip
        found, what = read_pose(text, OrbitPose())
        np.testing.assert_allclose(found.world_from_cam(), m, atol=1e-5)
        assert (
            found.fov == pytest.approx(EG3D_FOV, rel=1e-5)
            and found.pivot == pytest.approx((0, 0, 0), abs=1e-5)
            and what
        )
    found, what = read_pose(str(m.tolist()), NOW)
    assert what == "4x4 matrix" and found.fov == NOW.fov


def test_json_may_name_only_what_changes() -> None:
    found, what = read_pose('{"yaw": 0.25}', NOW)
    assert found == NOW.replace(yaw=0.25) and what == "pose"


I4 = "1 0 0 0  0 1 0 0  0 0 1 0  0 0 0 1"


@pytest.mark.parametrize(
    ("text", "says"),
    [("", "no text"), ("hello", "no pose"), ("1 2 3", "3 numbers"), ('{"yaw": 1, "zoom": 2}', "zoom"), ("{}", "empty"),
     ('{"pitch": 3}', "pitch"), ("{yaw: 1}", "JSON"), ("1 " * 16, "last row"), (I4.replace("1 0 0 0 ", "2 0 0 0 "), "unit length"),
     (I4.replace("1 0 0 0 ", "-1 0 0 0 "), "mirrored"), (f"{I4} 512 0 256 0 512 256 0 0 1", "pixels"),
     (f"{I4} 4 0 .6 0 4 .5 0 0 1", "principal point"), (f"{I4} 4 0 .5 0 3 .5 0 0 1", "square pixels"),
     (f"{I4} 4 1 .5 0 4 .5 0 0 1", "skewed"), (f"{I4} -4 0 .5 0 4 .5 0 0 1", "positive"), ("1e999 " + I4[2:], "infinity"),
     ("--yaw", "--yaw"), ("--yaw 1 --zoom 2", "--zoom"), ("--pivot 1 2", "three numbers"), ("x" * 200_000, "characters")],
)  # fmt: skip
def test_bad_text_is_refused_in_one_line(text: str, says: str) -> None:
    with pytest.raises(InputError, match=says) as caught:
        read_pose(text, NOW)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 260
