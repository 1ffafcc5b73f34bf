"""Orbit poses of hypothesis for tests of camera text and camera moves."""

from __future__ import annotations

from hypothesis import strategies as st

from core_model.schema.camera import OrbitPose


def floats(low: float, high: float) -> st.SearchStrategy[float]:
    return st.floats(low, high, allow_nan=False)


poses = st.builds(
    OrbitPose, yaw=floats(-3.1, 3.1), pitch=floats(-1.5, 1.5), roll=floats(-3.1, 3.1), radius=floats(0.3, 9.0),
    pivot=st.tuples(floats(-1, 1), floats(-1, 1), floats(-1, 1)), fov=floats(0.06, 1.8),
)  # fmt: skip
