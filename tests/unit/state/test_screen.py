"""World points on the screen."""

from __future__ import annotations

import numpy as np
import pytest

from core_model.schema.camera import OrbitPose
from viewer.state.screen import project_points


@pytest.mark.parametrize("orthographic", [False, True])
def test_projection_of_the_pivot_is_the_middle_and_y_runs_down(orthographic: bool):
    pose = OrbitPose(yaw=0.7, pitch=-0.2, pivot=(0.1, 0.2, 0.0), orthographic=orthographic)
    above = tuple(np.asarray(pose.pivot) + np.array([0.0, 0.1, 0.0]))
    found = project_points(pose, np.asarray([pose.pivot, above])).uv
    assert found[0] == pytest.approx((0.5, 0.5))
    assert found[1, 1] < 0.5 and found[1, 0] == pytest.approx(0.5, abs=0.02)
    m = pose.world_from_cam()
    assert project_points(pose, (m[:3, 3] - m[:3, 2])[None]).ahead[0] == orthographic, (
        "parallel rays have no eye to be behind"
    )
