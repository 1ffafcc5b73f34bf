"""Rays of a picture that is larger than the screen: made row by row when they are asked for, so that memory stays bounded."""

from __future__ import annotations

import torch
from torch import Tensor

from core_model.geometry.rays import Rays, camera_rays, ray_bounds
from core_model.schema.camera import MatrixCamera, OrbitPose
from core_model.schema.conventions import Conventions

LARGE = 1 << 21
"""Pixels above which the rays of a picture are not kept: 220 bytes per pixel would be 15 GB at 8192²."""
BAND_RAYS = 1 << 19


class LargeRays:
    """Behaves as the `Rays` of the whole picture [H·W] where a picture in the making needs it: length, hit, select."""

    def __init__(
        self,
        camera: OrbitPose | MatrixCamera,
        width: int,
        height: int,
        conv: Conventions,
        device: torch.device,
    ) -> None:
        self._camera, self._width, self._height, self._conv, self._device = (
            camera,
            width,
            height,
            conv,
            device,
        )
        self._rows = max(1, BAND_RAYS // width)
        starts = range(0, height, self._rows)
        self.hit = torch.cat([self._band(row, min(row + self._rows, height)).hit for row in starts])

    def __len__(self) -> int:
        return self._width * self._height

    def select(self, index: Tensor | slice) -> Rays:
        """Rays of some pixels: flat indices in ascending order [R], or a slice of the first row."""
        if isinstance(index, slice):
            return self._band(0, 1).select(index)
        if not len(index):
            return self._band(0, 1).select(slice(0, 0))
        # A tile takes every n-th pixel, and searchsorted copies such a tensor with a warning.
        index = index.contiguous()
        parts = []
        per_band = self._rows * self._width
        first, last = int(index[0]) // per_band, int(index[-1]) // per_band
        ends = torch.arange(first, last + 1, device=index.device) * per_band
        cuts = [*torch.searchsorted(index, ends).tolist(), len(index)]
        for start, end in zip(cuts, cuts[1:], strict=False):
            if end > start:
                some = index[start:end]
                low, high = int(some[0]) // self._width, int(some[-1]) // self._width + 1
                parts.append(self._band(low, high).select(some - low * self._width))
        return Rays(
            *(
                torch.cat([getattr(p, name) for p in parts])
                for name in ("origins", "dirs", "near", "far", "hit")
            )
        )

    def _band(self, low: int, high: int) -> Rays:
        origins, dirs = camera_rays(self._camera, self._width, self._height, self._device, rows=(low, high))
        return ray_bounds(origins, dirs, self._conv, parallel=self._camera.orthographic)
