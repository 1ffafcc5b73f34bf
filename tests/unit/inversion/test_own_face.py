"""The face of the demo's mean head is where the head pack's are; a photograph is cropped to match it."""

from __future__ import annotations

import numpy as np
import pytest

from core_model.schema.assets import demo_checkpoint
from core_model.training.invert.portraits import convention_of


@pytest.mark.slow
def test_the_demo_tells_its_own_convention() -> None:
    demo = demo_checkpoint()
    if demo is None:
        pytest.skip("no demo checkpoint")
    convention, own = convention_of(demo, "cpu")
    face = np.array(convention.face)
    # The mean of the pack's heads: eyes level with the origin and 0.17 before it, mouth 0.125 below.
    assert own and np.abs(face[1] - (0.057, -0.003, 0.168)).max() < 0.015
    assert face[0, 1] - face[3, 1] == pytest.approx(0.125, abs=0.015) and face[2, 2] > face[0, 2] + 0.03
