"""The density field of EG3D and Mimic3D: cached planes, OSG decoder, softplus(raw - 1)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from core_model.fields.base import FieldSample
from core_model.fields.triplane import Planes, PlaneTable, sample_planes
from core_model.nn.osg import OsgDecoder

CHUNK = 65536


class OsgField:
    """Density field over one or more plane levels, whose features are added (then averaged over the three planes).

    fast: embedding-bag lookup and chunks (inference); otherwise one grid_sample over all points.
    """

    is_sdf = False

    def __init__(
        self, planes: Planes, decoder: OsgDecoder, *, fast: bool = True, dtype: torch.dtype = torch.float32, chunk: int = CHUNK
    ) -> None:
        self.planes, self.decoder, self.dtype, self.chunk = planes, decoder, dtype, chunk
        self._tables = [PlaneTable.build(level, planes.conventions) for level in planes.levels] if fast else None

    def features(self, points: Tensor) -> Tensor:
        """points [B, N, 3] world → mean plane features [B, N, C]."""
        if self._tables is not None:
            parts = [table.lookup(points) for table in self._tables]
        else:
            parts = [sample_planes(level, points, self.planes.conventions) for level in self.planes.levels]
        total = parts[0]
        for part in parts[1:]:
            total = total + part
        return total

    def query(self, points: Tensor) -> tuple[Tensor, Tensor]:
        """points [B, N, 3] → (raw density [B, N], colour features [B, N, O])."""
        parts = [self._decode(p) for p in points.split(self.chunk, dim=1)]
        if len(parts) == 1:
            return parts[0]
        return torch.cat([p[0] for p in parts], dim=1), torch.cat([p[1] for p in parts], dim=1)

    def _decode(self, points: Tensor) -> tuple[Tensor, Tensor]:
        features = self.features(points).float()
        with torch.autocast(points.device.type, dtype=self.dtype, enabled=self.dtype != torch.float32):
            raw, colours = self.decoder(features)
        return raw.float(), colours.float()

    def geometry(self, points: Tensor) -> FieldSample:
        raw, colours = self.query(points)
        return FieldSample(density=F.softplus(raw - 1.0), raw=raw, features=colours[..., :3])

    def colour(self, sample: FieldSample, points: Tensor, dirs: Tensor) -> Tensor:
        """The first three colour features; EG3D's radiance does not depend on the direction."""
        assert sample.features is not None
        return sample.features
