"""Crop and camera as the panel edits them, and the command that they become."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core_model.schema.camera import MatrixCamera, OrbitPose, label25
from core_model.schema.checkpoint import CheckpointHeader, CheckpointInfo
from core_model.schema.errors import InputError
from core_model.schema.inversion import PAPER_STEPS
from core_model.schema.portrait import Convention, Crop
from viewer.features.inversion.alignment import Alignment, face_in, found_faces
from viewer.features.inversion.settings import InversionSettings, arguments, free_run, why_not

CONVENTION = Convention()
FRESH = Alignment.fresh((400, 300), CONVENTION)


def test_a_fresh_photograph_is_the_middle_square_seen_from_the_front() -> None:
    assert FRESH.crop == Crop(50.0, 0.0, 300.0)
    assert FRESH.pose.yaw == pytest.approx(0.0) and FRESH.pose.roll == pytest.approx(0.0)
    again = FRESH.from_points(CONVENTION)
    assert again.complaint == "" and again.crop.edge == pytest.approx(300.0, rel=0.02)


def test_points_of_a_turned_face_tell_its_camera() -> None:
    pose = FRESH.pose.replace(yaw=0.3, roll=0.1)
    square = Crop(120.0, 30.0, 200.0)
    found = replace(FRESH, points=face_in(pose, square, CONVENTION)).from_points(CONVENTION)
    assert found.pose.yaw == pytest.approx(0.3, abs=0.03) and found.pose.roll == pytest.approx(0.1, abs=0.02)
    assert (found.crop.left, found.crop.edge) == pytest.approx((120.0, 200.0), abs=6.0)


def test_points_that_are_no_face_leave_the_camera() -> None:
    line = replace(FRESH, points=tuple((10.0 * i, 50.0) for i in range(5)))
    kept = line.from_points(CONVENTION)
    assert kept.complaint and kept.pose == FRESH.pose and kept.crop == FRESH.crop
    assert kept.with_pose(FRESH.pose).complaint == ""


def test_a_point_stays_in_the_photograph() -> None:
    assert FRESH.with_point(2, (-50.0, 900.0), CONVENTION).points[2] == (0.0, 300.0)


@pytest.mark.parametrize(
    "corner, fixed", [(0, (350.0, 300.0)), (1, (50.0, 300.0)), (2, (350.0, 0.0)), (3, (50.0, 0.0))]
)
def test_a_corner_that_is_dragged_keeps_the_opposite_one(corner: int, fixed: tuple[float, float]) -> None:
    for move in ((8.0, 8.0), (-20.0, -4.0), (900.0, -900.0)):
        crop = FRESH.with_corner(corner, *move).crop
        x = crop.left + crop.edge * (corner % 2 == 0)
        y = crop.top + crop.edge * (corner < 2)
        assert (x, y) == pytest.approx(fixed), (corner, move)


def test_a_square_keeps_a_part_of_the_photograph() -> None:
    crop = FRESH.with_crop(5000.0, -5000.0, 100.0).crop
    assert crop.left < 400 and crop.top + crop.edge > 0


def test_a_label_is_taken_exactly_until_the_pose_is_moved() -> None:
    label = label25(OrbitPose(yaw=0.25, pitch=-0.1))
    found = FRESH.with_label(" ".join(map(str, label)), CONVENTION)
    np.testing.assert_allclose(found.camera, label)
    assert found.pose.yaw == pytest.approx(0.25)
    assert found.with_pose(found.pose.replace(yaw=0.0)).label == ()
    for wrong in ("1 2 3", "not numbers", ",".join(["nan"] * 25), ",".join(["0"] * 25)):
        with pytest.raises(InputError):
            FRESH.with_label(wrong, CONVENTION)


@given(
    st.lists(
        st.tuples(st.integers(0, 24), st.sampled_from([0.0, -1.0, 5.0, 1e30, 1e200, 1e308, -1e308, 1e-320])),
        min_size=1,
        max_size=5,
    )
)
def test_any_25_numbers_are_a_camera_or_are_refused(changes: list[tuple[int, float]]) -> None:
    """A focal length in pixels, pasted, once set the panel aside: no angle of view is that small."""
    numbers = [float(v) for v in label25(OrbitPose())]
    for place, value in changes:
        numbers[place] = value
    with contextlib.suppress(InputError), np.errstate(all="ignore"):
        assert np.isfinite(FRESH.with_label(" ".join(map(str, numbers)), CONVENTION).pose.distance)


def test_a_focal_length_in_pixels_is_said_to_be_no_angle() -> None:
    numbers = [float(v) for v in label25(OrbitPose())]
    numbers[16] = numbers[20] = 2182.0
    with pytest.raises(InputError, match="not a camera, fov"):
        FRESH.with_label(" ".join(map(str, numbers)), CONVENTION)


def test_faces_of_an_answer() -> None:
    label = np.array(label25(FRESH.pose))
    arrays = {
        "points": np.array([np.array(FRESH.points).reshape(-1)]), "boxes": np.array([[1.0, 2.0, 3.0, 4.0]]),
        "crops": np.array([[5.0, 6.0, 70.0]]), "labels": label[None],
    }  # fmt: skip
    (face,) = found_faces(arrays)
    assert face.box == (1.0, 2.0, 3.0, 4.0) and face.crop == Crop(5.0, 6.0, 70.0)
    taken = Alignment.of_face((400, 300), face, CONVENTION)
    assert taken.points == FRESH.points and taken.pose.yaw == pytest.approx(0.0, abs=1e-6)


def test_the_command_says_photograph_checkpoint_crop_camera_and_steps(tmp_path: Path) -> None:
    info = CheckpointInfo(
        path="/code.safetensors",
        base_path="/base.safetensors",
        header=CheckpointHeader(family="wysiwyg"),
        z_dim=8,
    )
    words = arguments(
        "/me.png", info, str(tmp_path), FRESH, InversionSettings(plan="paper", size=64, space="w+")
    )
    assert words[:5] == ("invert", "/me.png", "/base.safetensors", "--out", str(tmp_path))
    assert words[words.index("--crop") + 1] == "50.00,0.00,300.00"
    camera = MatrixCamera.from_label([float(v) for v in words[words.index("--label") + 1].split(",")])
    np.testing.assert_allclose(camera.world_from_cam(), FRESH.pose.world_from_cam(), atol=1e-5)
    assert {f"--latent-steps={PAPER_STEPS[0]}", "--size=64", "--space=w+"} <= set(words)
    assert not any(
        "steps=" in w and "latent" in w for w in arguments("/me.png", info, "r", FRESH, InversionSettings())
    )
    assert why_not(info, False) == "" and why_not(info, True) and why_not(None, False)
    assert "no latent" in why_not(info.replace(z_dim=0), False)


def test_a_run_gets_a_name_that_is_free(tmp_path: Path) -> None:
    assert free_run(tmp_path, "/x/me.jpg", ()) == tmp_path / "me-inverted"
    (tmp_path / "me-inverted").mkdir()
    taken = {str(tmp_path / "me-inverted-2")}
    assert free_run(tmp_path, "/x/me.jpg", taken) == tmp_path / "me-inverted-3"
