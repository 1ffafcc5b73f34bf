"""The colours of the depth error."""

from __future__ import annotations

import numpy as np

from viewer.features.mesh.error_map import depth_error, error_map, error_range


def test_the_error_map_is_symmetric_about_agreement() -> None:
    mesh = np.linspace(1.0, 1.2, 100, dtype=np.float32).reshape(10, 10)
    error = depth_error(mesh, np.full((10, 10), 1.05, np.float32))
    low, high = error_range(error)
    assert low == -high and 0.14 < high <= 0.15
    shown = error_map(error, -3)
    assert shown.version == -3 and shown.channel.unit == "world units" and shown.values is error.values
    agreeing = depth_error(mesh, mesh)
    assert agreeing.rms == 0.0 and error_range(agreeing)[1] > 0.0
