"""Ticks of axes and colour bars."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from viewer.widgets.ticks import nice_ticks, tick_text


@given(st.floats(-1e6, 1e6), st.floats(1e-3, 1e6), st.integers(2, 9))
def test_ticks_are_few_ordered_and_inside(low, span, most):
    ticks = nice_ticks(low, low + span, most)
    assert 1 <= len(ticks) <= most
    assert list(ticks) == sorted(ticks)
    assert all(low - 1e-6 * span <= t <= low + span * (1 + 1e-6) for t in ticks)


def test_ticks_of_a_depth_map():
    assert nice_ticks(2.401, 2.685, 6) == pytest.approx((2.45, 2.5, 2.55, 2.6, 2.65))
    assert (
        tick_text(2.45, 0.05) == "2.45"
        and tick_text(0.0, 0.5) == "0.0"
        and tick_text(250000.0, 50000.0) == "2.5e5"
    )
    assert nice_ticks(float("nan"), 1.0) == ()
