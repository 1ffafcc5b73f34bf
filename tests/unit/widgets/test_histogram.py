"""The histogram beside the colour bar."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from viewer.widgets.histogram import BINS, histogram


@given(st.lists(st.floats(-10, 10) | st.just(float("nan")), min_size=1, max_size=200))
def test_histogram_counts_every_finite_value(values):
    array = np.asarray(values, np.float32).reshape(1, -1)
    finite = array[np.isfinite(array)]
    found = histogram(array, -10.0, 10.0)
    assert len(found.counts) == BINS and sum(found.counts) == finite.size
    assert found.empty_share == pytest.approx(1 - finite.size / array.size)
