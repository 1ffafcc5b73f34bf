"""The view cube: which side a click picks, and what the sides are called."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from core_model.schema.camera import OrbitPose
from viewer.features.viewport import view_cube
from viewer.state import orbit

EDGE = 400.0
SIDES = [s for s in itertools.product((-1, 0, 1), repeat=3) if any(s)]


@pytest.mark.parametrize("side", SIDES)
def test_a_click_on_the_cube_looks_from_there(side: view_cube.Side) -> None:
    """From a view near each of the 26 sides the spot where it is drawn picks that side, and the camera goes
    there.
    """
    near = orbit.look_from(OrbitPose(), side)
    shown = orbit.orbit(near, 12.0, -9.0 if side[1] <= 0 else 9.0, EDGE).world_from_cam()
    spot = view_cube.spot(shown, side, 1.0)
    assert spot is not None and view_cube.picked(shown, *spot) == side
    away = -near.world_from_cam()[:3, 2]
    assert float(away @ np.asarray(side)) / math.sqrt(sum(c * c for c in side)) > math.cos(math.radians(1.1))
    assert view_cube.picked(shown, 2.0, 2.0) is None and view_cube.name_of(side)


def test_the_far_side_of_the_cube_cannot_be_clicked_and_names_are_words() -> None:
    front = OrbitPose().world_from_cam()
    assert view_cube.spot(front, (0, 0, -1), 1.0) is None
    assert view_cube.name_of((0, 1, 1)) == "top front" and view_cube.name_of((-1, 0, 0)) == "left"
    # Read from outside, each face's own axes and its normal are right-handed: the names are not mirrored.
    for face in view_cube.FACES:
        assert tuple(np.cross(face.right, face.up)) == face.normal
