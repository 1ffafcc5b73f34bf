"""From a pixel to a pin: the surface point is the exact picture's, which may not be there yet."""

from __future__ import annotations

from dataclasses import dataclass

from core_model.schema.camera import OrbitPose
from viewer.state.document import Document
from viewer.state.frames import FrameStore
from viewer.state.orbit import surface_point
from viewer.state.ray_marks import Mark, Pin


@dataclass(frozen=True)
class _Wish:
    mark: Mark
    camera: OrbitPose


class Pinning:
    """Holds the pixel that waits for its picture; a view that turns away leaves the ray alone."""

    def __init__(self) -> None:
        self._wish: _Wish | None = None

    def ask(self, mark: Mark, camera: OrbitPose) -> None:
        self._wish = _Wish(mark, camera)

    def due(self, doc: Document, frames: FrameStore) -> Pin | None:
        """The pin, once it is known where it lies."""
        wish = self._wish
        if wish is None:
            return None
        base = frames.base
        if base is not None and base.camera == wish.camera:
            self._wish = None
            depth = frames.under("depth", *wish.mark)
            point = None if depth is None else surface_point(wish.camera, *wish.mark, depth[0])
            return Pin(camera=wish.camera, mark=wish.mark, point=point)
        if doc.camera != wish.camera:
            self._wish = None
            return Pin(camera=wish.camera, mark=wish.mark)
        return None
