"""EpiGRAF's MLP over mean plane features, and the density field that it makes of the planes."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core_model.families.epigraf.config import EpigrafConfig
from core_model.fields.base import FieldSample
from core_model.fields.density import density_of
from core_model.fields.triplane import Planes, PlaneTable, sample_planes
from core_model.nn.layers import EqualLinear
from core_model.ops import cpu_parallel

DIR_FREQS, DIR_PERIOD = 3, 8.0
CHUNK = 65536


def periodic_features(
    x: Tensor, freqs: int, period: float, *, cosines: bool = True, raw: bool = False
) -> Tensor:
    """x [..., D] → [..., D · …]: sines and cosines of each coordinate.

    Coordinates outermost, each as [x if raw, K sines, K cosines if asked] of π·2^k/2^K·period·x.
    """
    scale = math.pi * period / 2.0**freqs
    angles = x[..., None] * (scale * 2.0 ** torch.arange(freqs, device=x.device, dtype=x.dtype))
    parts = [x[..., None]] if raw else []
    parts.append(torch.sin(angles))
    if cosines:
        parts.append(torch.cos(angles))
    return torch.cat(parts, dim=-1).flatten(-2)


class EpigrafMlp(nn.Module):
    """Mean plane features (and encoded position) → raw density and colours.

    The raw density is the last output. With a colour network the others are its input features.
    """

    def __init__(self, cfg: EpigrafConfig) -> None:
        super().__init__()
        self.cfg = cfg
        dims = [cfg.plane_channels + 6 * cfg.point_freqs, *cfg.mlp_widths]
        self.layers = nn.ModuleList(
            EqualLinear(i, o, activate=k + 2 < len(dims))
            for k, (i, o) in enumerate(zip(dims[:-1], dims[1:], strict=True))
        )
        wide = [cfg.answers - 1 + 3 * (1 + DIR_FREQS), *cfg.view_widths] if cfg.view_widths else [0]
        self.colour = nn.ModuleList(
            EqualLinear(i, o, activate=k + 2 < len(wide))
            for k, (i, o) in enumerate(zip(wide[:-1], wide[1:], strict=True))
        )

    def forward(self, features: Tensor, q: Tensor) -> tuple[Tensor, Tensor]:
        """features [..., C] → (raw density [...], colours or features [..., F]).

        q [..., 3]: box coordinates.
        """
        x = features
        if self.cfg.point_freqs:
            x = torch.cat([x, periodic_features(q, self.cfg.point_freqs, self.cfg.point_period)], dim=-1)
        for layer in self.layers:
            x = layer(x)
        return x[..., -1], x[..., :-1]

    def radiance(self, features: Tensor, dirs: Tensor) -> Tensor:
        """Colours [..., 3], linear, nominally in [-1, 1]; dirs [..., 3] unit, world, camera to scene."""
        if not self.cfg.view_widths:
            return features[..., :3]
        seen = periodic_features(dirs, DIR_FREQS, DIR_PERIOD, cosines=False, raw=True)
        x = torch.cat([F.leaky_relu(features, 0.1), seen], dim=-1)
        for layer in self.colour:
            x = layer(x)
        return x


class EpigrafField:
    """Density field over cached planes. fast: embedding-bag lookup (inference), else one grid_sample over all
    points.
    """

    is_sdf = False

    def __init__(
        self,
        planes: Planes,
        mlp: EpigrafMlp,
        *,
        fast: bool = True,
        dtype: torch.dtype = torch.float32,
        backdrop: Callable[[Tensor, Tensor, Tensor], Tensor] | None = None,
    ) -> None:
        self._backdrop = backdrop
        self.planes, self.mlp, self.cfg, self.dtype = planes, mlp, mlp.cfg, dtype
        self._table = PlaneTable.build(planes.levels[0], planes.conventions) if fast else None

    def query(self, points: Tensor) -> tuple[Tensor, Tensor]:
        """points [B, N, 3] → (raw density [B, N] before shift and activation, features [B, N, F] of
        `colours`).
        """
        parts = cpu_parallel.by_rows(self._query, points, CHUNK)
        return torch.cat([p[0] for p in parts], dim=1), torch.cat([p[1] for p in parts], dim=1)

    @property
    def is_backed(self) -> bool:
        return self._backdrop is not None

    def behind(self, origins: Tensor, dirs: Tensor, places: Tensor) -> Tensor:
        """Radiance [R, 3] of the background model; see `BackedField`."""
        assert self._backdrop is not None
        return self._backdrop(origins, dirs, places)

    def colours(self, features: Tensor, dirs: Tensor) -> Tensor:
        """Linear colours [B, N, 3], nominally in [-1, 1]."""
        with torch.autocast(features.device.type, dtype=self.dtype, enabled=self.dtype != torch.float32):
            return self.mlp.radiance(features, dirs).float()

    def _query(self, points: Tensor) -> tuple[Tensor, Tensor]:
        conv = self.planes.conventions
        if self._table is not None:
            features = self._table.lookup(points)
        else:
            features = sample_planes(self.planes.levels[0], points, conv)
        with torch.autocast(points.device.type, dtype=self.dtype, enabled=self.dtype != torch.float32):
            raw, out = self.mlp(features.float(), points / conv.box)
        return raw.float(), out.float()

    def geometry(self, points: Tensor) -> FieldSample:
        raw, features = self.query(points)
        return FieldSample(
            density=density_of(raw + self.cfg.density_shift, self.planes.conventions.density_rule),
            raw=raw,
            features=features,
        )

    def colour(self, sample: FieldSample, points: Tensor, dirs: Tensor) -> Tensor:
        assert sample.features is not None
        return (self.colours(sample.features, dirs) + 1.0) * 0.5
