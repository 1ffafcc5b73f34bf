"""Edits of camera paths: keys keep their order, times stay in the path, templates do what their names say."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core_model.schema.camera import CameraPrior, OrbitPose
from core_model.schema.camera_path import CameraPath
from viewer.features.path import edits


def two(**more: object) -> CameraPath:
    path = edits.with_key(CameraPath(**more), 0.0, OrbitPose()).path
    return edits.with_key(path, 2.0, OrbitPose(yaw=1.0)).path


def test_adding_snaps_to_frames_and_replaces_what_is_there() -> None:
    edited = edits.with_key(two(fps=10.0), 1.04, OrbitPose(yaw=0.3))
    assert edited.path.times == (0.0, 1.0, 2.0) and edited.chosen == 1
    again = edits.with_key(edited.path, 1.03, OrbitPose(yaw=0.7))
    assert again.chosen == 1 and again.path.keys[1].pose.yaw == 0.7 and len(again.path.keys) == 3


def test_a_dragged_key_passes_its_neighbour_and_never_lands_on_it() -> None:
    path = edits.with_key(two(fps=10.0), 3.0, OrbitPose(yaw=2.0)).path
    edited = edits.moved(path, 0, 2.5)
    assert (
        edited.path.times == (2.0, 2.5, 3.0)
        and edited.chosen == 1
        and edited.path.keys[1].pose == OrbitPose()
    )
    beside = edits.moved(path, 0, 2.0)
    assert len(set(beside.path.times)) == 3 and beside.path.keys[beside.chosen].pose == OrbitPose()
    assert edits.moved(path, 2, 99.0).path.times[-1] == path.duration


@settings(max_examples=60)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(("add", "move", "drop", "copy", "loop", "reverse", "stretch")), st.floats(0, 5)
        ),
        max_size=14,
    )
)
def test_any_row_of_edits_gives_a_valid_path(steps: list[tuple[str, float]]) -> None:
    """CameraPath refuses keys out of order, beyond the end or on each other: nothing here may raise."""
    path = two(fps=12.0)
    for name, value in steps:
        index = int(value) % len(path.keys) if path.keys else 0
        if name == "add":
            path = edits.with_key(path, value, OrbitPose(yaw=value)).path
        elif name == "loop":
            path = edits.looped(path, not path.loop)
        elif name == "stretch":
            path = edits.stretched(path, value)
        elif name == "reverse":
            path = edits.backwards(path)
        elif path.keys:
            made = {
                "move": edits.moved(path, index, value),
                "drop": edits.without_key(path, index),
                "copy": edits.duplicated(path, index),
            }
            path = made[name].path
    assert (
        all(np.isfinite(path.sample(np.linspace(0, path.duration, 5))).ravel())
        if path.keys
        else path.keys == ()
    )


def test_duplicate_reverse_and_stretch() -> None:
    path = two(fps=10.0, duration=2.0)
    copied = edits.duplicated(path, 0)
    assert (
        copied.path.times == (0.0, 1.0, 2.0)
        and copied.path.keys[1].pose == path.keys[0].pose
        and copied.chosen == 1
    )
    longer = edits.duplicated(path, 1)
    assert longer.path.duration == 3.0 and longer.path.times[-1] == 3.0
    back = edits.backwards(copied.path)
    for t in (0.0, 0.4, 1.3, 2.0):
        assert back.pose_at(2.0 - t).yaw == pytest.approx(copied.path.pose_at(t).yaw, abs=1e-12)
    assert edits.stretched(path, 4.0).times == (0.0, 4.0)
    assert edits.without_key(path, 0).path.times == (2.0,) and edits.without_key(path, 1).chosen == 0


def test_a_loop_makes_room_for_its_way_back() -> None:
    loop = edits.looped(two(fps=10.0, duration=2.0), True)
    assert loop.loop and loop.duration == 4.0 and loop.times == (0.0, 2.0)
    assert loop.pose_at(3.999).yaw == pytest.approx(0.0, abs=0.01)
    back = edits.backwards(loop)
    assert back.pose_at(1.0).yaw == pytest.approx(loop.pose_at(3.0).yaw, abs=1e-9)


def test_templates() -> None:
    base, prior = OrbitPose(yaw=0.2, pitch=0.1), CameraPrior(yaw_std=0.3, pitch_std=0.15)
    turn = edits.turntable(base, 6.0, 30.0)
    assert turn.sample(np.array([6.0 - 1e-9]))[0, 0] - 0.2 == pytest.approx(2 * math.pi, abs=1e-6)
    sway = edits.sway(base, prior, 4.0, 30.0)
    yaw, pitch = sway.sample(np.linspace(0, 4, 200))[:, :2].T
    away = np.hypot((yaw - base.yaw) / prior.yaw_std, (pitch - base.pitch) / prior.pitch_std)
    assert away.min() > 0.97 and away.max() < 1.03  # one standard deviation all the way round
    spiral = edits.spiral(base, 4.0, 30.0)
    tracks = spiral.sample(np.array([0.0, 4.0]))
    assert tracks[1, 0] - tracks[0, 0] == pytest.approx(4 * math.pi) and spiral.keys[
        -1
    ].pose.radius == pytest.approx(base.radius / 1.5)
