"""What panels beside the picture and the picture itself tell each other while the mouse moves; nothing that undo should know."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from core_model.schema.camera import Vec3
from viewer.features.planes.fed_pixels import FedPixels

GONE = -9


@dataclass
class Linked:
    """section_frame, planes_frame: number of the GUI frame in which that panel last drew itself.

    slice_point: world point under the cursor on the slice. cut: segments [M, 2, 3] in the world where the slice meets the surface.
    answered: whether the panel that was drawn last shows what it asked for, not an earlier answer.
    handle: place of the section's handle [3] from the plane's middle; it stays while handle_held, whatever the picture shows.
    plane_size: (width, height) of the shown planes, (0, 0) before there are any.
    """

    section_frame: int = GONE
    planes_frame: int = GONE
    slice_point: Vec3 | None = None
    cut: np.ndarray = field(default_factory=lambda: np.zeros((0, 2, 3)))
    answered: bool = False
    handle: np.ndarray = field(default_factory=lambda: np.zeros(3))
    handle_held: bool = False
    plane_size: tuple[int, int] = (0, 0)
    levels: int = 1
    fed: FedPixels = field(default_factory=FedPixels)

    def section_shown(self, frame: int) -> bool:
        """Whether the section panel is in sight in GUI frame `frame` (or was in the one before)."""
        return frame - self.section_frame <= 1

    def planes_shown(self, frame: int) -> bool:
        return frame - self.planes_frame <= 1
