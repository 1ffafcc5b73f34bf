"""An animated turn of the camera to a target pose; any other change of the camera ends it."""

from __future__ import annotations

from core_model.schema.camera import OrbitPose
from viewer.state.orbit import between

GLIDE_S = 0.2


class CameraGlide:
    """The running turn, if any; the viewport asks it for the camera of each GUI frame."""

    def __init__(self) -> None:
        self._start: OrbitPose | None = None
        self._end = OrbitPose()
        self._last = OrbitPose()
        self._began = 0.0

    def to(self, camera: OrbitPose, target: OrbitPose, now: float) -> None:
        """Turn from `camera` to `target`, beginning at `now` [s]."""
        if camera != target:
            self._start, self._last, self._end, self._began = camera, camera, target, now

    def stop(self) -> None:
        """Stay where the camera is."""
        self._start = None

    @property
    def moving(self) -> bool:
        return self._start is not None

    def step(self, camera: OrbitPose, now: float) -> OrbitPose:
        """The camera at `now`.

        camera: the document's; if something else has changed it since the last step, the turn ends.
        """
        if self._start is None:
            return camera
        if camera != self._last:
            self._start = None
            return camera
        share = min(max((now - self._began) / GLIDE_S, 0.0), 1.0)
        self._last = between(self._start, self._end, share * share * (3.0 - 2.0 * share))
        if share >= 1.0:
            self._start = None
        return self._last
