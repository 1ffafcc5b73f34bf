"""The density field of EG3D and Mimic3D: cached planes, OSG decoder, and the checkpoint's density rule
(softplus(raw - 1)).
"""

from __future__ import annotations

import copy

import torch
import torch.nn.functional as F
from torch import Tensor

from core_model.fields.base import FieldSample
from core_model.fields.density import density_of
from core_model.fields.triplane import AXIS, Planes, PlaneTable, sample_planes
from core_model.nn.osg import OsgDecoder
from core_model.ops import cpu_parallel

CHUNK = 32768


class OsgField:
    """Density field over one or more plane levels.

    The features of the levels are added, then averaged over the three planes. Samples carry the first three
    colour features, or all of them in the field that `whole` gives.
    fast: embedding-bag lookup in chunks (inference); otherwise one grid_sample over all points.
    """

    is_sdf = False

    def __init__(
        self,
        planes: Planes,
        decoder: OsgDecoder,
        *,
        fast: bool = True,
        dtype: torch.dtype = torch.float32,
        chunk: int = CHUNK,
    ) -> None:
        self.planes, self.decoder, self.dtype, self.chunk = planes, decoder, dtype, chunk
        self._tables = (
            [PlaneTable.build(level, planes.conventions) for level in planes.levels] if fast else None
        )
        self._kept: int | None = 3

    def whole(self) -> OsgField:
        """The same field over the same tables, whose samples keep every colour feature."""
        other = copy.copy(self)
        other._kept = None
        return other

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
        parts = cpu_parallel.by_rows(self._decode, points, self.chunk)
        if len(parts) == 1:
            return parts[0]
        return torch.cat([p[0] for p in parts], dim=1), torch.cat([p[1] for p in parts], dim=1)

    def hidden(self, points: Tensor) -> Tensor:
        """points [N, 3] → the decoder's hidden units [N, H], in float32."""
        parts = cpu_parallel.by_rows(
            lambda p: self.decoder.hidden(self.features(p)[0].float()), points[None], self.chunk
        )
        return parts[0] if len(parts) == 1 else torch.cat(parts)

    @property
    def colour_features(self) -> int:
        return self.decoder.fc1.weight.shape[0] - 1

    def raw_of(self, hidden: Tensor) -> Tensor:
        """Hidden units [N, H] → raw density [N]."""
        return self.decoder.raw(hidden)

    def colours_of(self, hidden: Tensor) -> Tensor:
        """Hidden units [N, H] → colour features [N, O]."""
        return self.decoder.colours(hidden)

    def lattice(self, size: int, edge: float = 1.0) -> Tensor:
        """Raw density [size, size, size] (x, y, z) at the centres of size³ equal cells of a cube.

        edge: its size in boxes. On a lattice the first layer is a sum of one term per plane, which is looked
        up and multiplied size² times instead of size³.
        """
        conv, fc = self.planes.conventions, self.decoder.fc0
        assert conv.reduction == "mean"
        device = self.planes.levels[0].device
        at = (torch.arange(size, device=device, dtype=torch.float32) + 0.5) * (2.0 * edge / size) - edge
        uv = torch.stack(torch.meshgrid(at, at, indexing="xy"), dim=-1)  # [v, u, (u, v)]
        terms: list[Tensor] = []
        for number, axes in enumerate(conv.plane_axes):
            picture = sum(
                F.grid_sample(
                    level[:1, number].float(), uv[None], mode="bilinear", align_corners=conv.align_corners
                )
                for level in self.planes.levels
            )
            assert isinstance(picture, Tensor)
            term = F.linear(picture[0].permute(2, 1, 0), fc.weight * (fc.weight_gain / 3.0))  # [u, v, H]
            u, v = (AXIS[a] for a in axes)
            term = term if u < v else term.transpose(0, 1)
            terms.append(term.unsqueeze(3 - u - v).contiguous())
        bias = fc.bias * fc.bias_gain
        rows = []
        for x in range(size):
            total = sum(t[x if t.shape[0] > 1 else 0] for t in terms) + bias
            assert isinstance(total, Tensor)
            rows.append(self.decoder.raw(F.softplus(total)))
        return torch.stack(rows)

    def density_of(self, raw: Tensor) -> Tensor:
        """Raw density → density [1 / world unit], same shape."""
        return density_of(raw, self.planes.conventions.density_rule)

    def lattice_density(self, size: int, edge: float) -> Tensor:
        """Density [size, size, size] at the centres of size³ equal cells of a cube.

        edge: its size in boxes.
        """
        return self.density_of(self.lattice(size, edge))

    def _decode(self, points: Tensor) -> tuple[Tensor, Tensor]:
        features = self.features(points).float()
        with torch.autocast(points.device.type, dtype=self.dtype, enabled=self.dtype != torch.float32):
            raw, colours = self.decoder(features)
        return raw.float(), colours.float()

    def geometry(self, points: Tensor) -> FieldSample:
        raw, colours = self.query(points)
        return FieldSample(density=self.density_of(raw), raw=raw, features=colours[..., : self._kept])

    def colour(self, sample: FieldSample, points: Tensor, dirs: Tensor) -> Tensor:
        """The colour features that samples keep; EG3D's radiance does not depend on the direction."""
        assert sample.features is not None
        return sample.features
