"""MLP_sdf and MLP_rgb of WYSIWYG (supplement, Tables A2 and A3) and the field that they make of the planes.

Symbols of the paper: s > 0 inside, so the signed distance is -s; beta = 0.01 + tanh(2·beta_pre)·(0.01 -
0.0001).
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core_model.families.wysiwyg.config import WysiwygConfig
from core_model.fields.base import FieldSample
from core_model.fields.density import volsdf_density
from core_model.fields.encoding import encoded_dim, frequency_encoding, frequency_parts
from core_model.fields.triplane import Planes, PlaneTable, sample_planes
from core_model.ops import cpu_parallel
from core_model.ops.dense import SoftplusStack
from core_model.ops.rows import stock

PIECE = 4096  # points evaluated at once with gradients
WHOLE = 2  # pieces of a picture from which on its planes are read in one piece
FEATURE_GAIN = 2.0
# initial gain of layers before a Softplus, whose slope of about one half would otherwise damp every signal
SPREAD = 2.0


class SdfMlp(nn.Module):
    """[features, encoded position] → (s, beta_pre, f_geo)."""

    def __init__(self, cfg: WysiwygConfig) -> None:
        super().__init__()
        d = cfg.plane_channels + encoded_dim(3, cfg.point_freqs)
        self.fc0 = nn.Linear(d, cfg.sdf_hidden)
        self.fc1 = nn.Linear(cfg.sdf_hidden, cfg.sdf_hidden)
        self.fc2 = nn.Linear(cfg.sdf_hidden, 2 + cfg.geo_dim)

    def forward(self, features: Tensor, encoded: Tensor) -> Tensor:
        x = F.softplus(self.fc0(torch.cat([features, encoded], dim=-1)))
        return self.fc2(F.softplus(self.fc1(x)))

    def frozen(self) -> SoftplusStack:
        """`forward` without gradients for the present weights.

        [features, encoded position] [N, C + E] → [N, 2 + G].
        """
        return SoftplusStack.of(self.fc0, self.fc1, self.fc2)

    @torch.no_grad()
    def init_sphere(self, cfg: WysiwygConfig, box: float, rng: torch.Generator) -> None:
        """Geometric initialisation.

        The last layer is solved so that s is a sphere of `cfg.init_radius` (beta_pre 0). SAL's closed form
        assumes ReLU; with Softplus a least-squares fit of the last layer on the layer's own activations gives
        the same start. Plane features start near 1 (see the generator), so the fit is made there.
        FEATURE_GAIN sets how far random planes ripple the sphere; it must not be small: quiet feature weights
        learn one mean shape and forget the latents.
        """
        c = cfg.plane_channels
        self.fc0.weight[:, :c] = _normal(self.fc0.weight[:, :c], FEATURE_GAIN, rng)
        # Softplus is nearly straight for small inputs, so |x| needs steep first units; high octaves start
        # quiet to keep it smooth
        octave = torch.ones(self.fc0.weight.shape[1] - c)
        for k in range(cfg.point_freqs):
            octave[3 + 6 * k : 9 + 6 * k] = 0.05 * 2.0**-k
        wide = torch.randn(self.fc0.weight[:, c:].shape, generator=rng)
        self.fc0.weight[:, c:] = wide * octave * 4.0
        self.fc0.bias.copy_(torch.randn(self.fc0.bias.shape, generator=rng))
        self.fc1.weight.copy_(_normal(self.fc1.weight, SPREAD, rng))
        points = (torch.rand(4096, 3, generator=rng) * 2 - 1) * box
        encoded = frequency_encoding(points / box, cfg.point_freqs)
        hidden = F.softplus(self.fc1(F.softplus(self.fc0(torch.cat([torch.ones(4096, c), encoded], dim=-1)))))
        design = torch.cat([hidden, torch.ones(4096, 1)], dim=-1).double()
        target = (cfg.init_radius - points.norm(dim=-1, keepdim=True)).double()
        ridge = 0.2 * torch.eye(design.shape[1], dtype=torch.float64)
        solution = torch.linalg.solve(design.T @ design + ridge, design.T @ target)
        self.fc2.weight[0], self.fc2.bias[0] = solution[:-1, 0].float(), solution[-1, 0].float()
        self.fc2.weight[1], self.fc2.bias[1] = 0.0, 0.0
        self.fc2.weight[2:] = _normal(self.fc2.weight[2:], 1.0, rng)


def _normal(like: Tensor, gain: float, rng: torch.Generator) -> Tensor:
    """N(0, gain² / inputs) in the shape of `like`."""
    return torch.randn(like.shape, generator=rng) * (gain / math.sqrt(like.shape[1]))


class RgbMlp(nn.Module):
    """[f_geo, encoded view direction] → rgb = 1.002·sigmoid(c_pre) - 0.001."""

    def __init__(self, cfg: WysiwygConfig) -> None:
        super().__init__()
        self.dir_freqs = cfg.dir_freqs
        self.fc0 = nn.Linear(cfg.geo_dim + encoded_dim(3, cfg.dir_freqs), cfg.rgb_hidden)
        self.fc1 = nn.Linear(cfg.rgb_hidden, 3)

    @torch.no_grad()
    def init_spread(self, rng: torch.Generator) -> None:
        """Initial weights that let differences between latents reach the colour."""
        self.fc0.weight.copy_(_normal(self.fc0.weight, SPREAD, rng))
        self.fc1.weight.copy_(_normal(self.fc1.weight, 1.0, rng))

    def forward(self, f_geo: Tensor, dirs: Tensor) -> Tensor:
        x = torch.cat([f_geo, frequency_encoding(dirs, self.dir_freqs)], dim=-1)
        return torch.sigmoid(self.fc1(F.softplus(self.fc0(x)))) * 1.002 - 0.001

    def infer(self, f_geo: Tensor, direction: Tensor) -> Tensor:
        """`forward` without gradients for features [N, G], all seen along one direction [3].

        The direction's part of the first layer is then a constant.
        """
        geo = f_geo.shape[1]
        weight = self.fc0.weight
        constant = self.fc0.bias + weight[:, geo:] @ frequency_encoding(direction, self.dir_freqs)
        x = F.softplus(torch.addmm(constant, f_geo, weight[:, :geo].T))
        return torch.sigmoid_(self.fc1(x)).mul_(1.002).sub_(0.001)


class WysiwygField:
    """SDF field over cached planes.

    fast: embedding-bag lookup and cache-sized chunks (inference); otherwise one grid_sample over all points.
    """

    is_sdf = True

    def __init__(
        self,
        planes: Planes,
        sdf: SdfMlp,
        rgb: RgbMlp,
        cfg: WysiwygConfig,
        *,
        fast: bool = True,
        chunk: int = 16384,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        self.planes, self.sdf_mlp, self.rgb_mlp, self.cfg = planes, sdf, rgb, cfg
        self.fast, self.chunk, self.dtype = fast, chunk, dtype
        self._table = PlaneTable.build(planes.levels[0], planes.conventions) if fast else None

    def of_image(self, i: int) -> WysiwygField:
        """The field of image i of the batch."""
        planes = Planes(tuple(level[i : i + 1] for level in self.planes.levels), self.planes.conventions)
        return WysiwygField(
            planes, self.sdf_mlp, self.rgb_mlp, self.cfg, fast=self.fast, chunk=self.chunk, dtype=self.dtype
        )

    def features(self, points: Tensor) -> Tensor:
        """Plane features [B, N, C] after the Hadamard product."""
        if self._table is not None:
            return self._table.lookup(points)
        return sample_planes(self.planes.levels[0], points, self.planes.conventions)

    def geometry(self, points: Tensor) -> FieldSample:
        if self.fast and not torch.is_grad_enabled() and self.dtype == torch.float32:
            out = self._infer(points)
        elif self.fast:
            out = torch.cat(cpu_parallel.by_rows(self._mlp, points, self.chunk), dim=1).float()
        else:
            out = self._mlp(points).float()
        sdf, beta = -out[..., 0], self.beta_of(out[..., 1])
        return FieldSample(density=volsdf_density(sdf, beta), sdf=sdf, beta=beta, features=out[..., 2:])

    def colour(self, sample: FieldSample, points: Tensor, dirs: Tensor) -> Tensor:
        assert sample.features is not None
        if not torch.is_grad_enabled() and self.dtype == torch.float32 and _one_direction(dirs):
            flat, direction = (
                sample.features.reshape(1, -1, sample.features.shape[-1]),
                dirs.reshape(-1, 3)[0],
            )
            parts = cpu_parallel.by_rows(
                lambda rows: self.rgb_mlp.infer(rows[0].float(), direction), flat, self.chunk
            )
            return torch.cat(parts).reshape(dirs.shape)
        with torch.autocast(points.device.type, dtype=self.dtype, enabled=self.dtype != torch.float32):
            return self.rgb_mlp(sample.features, dirs).float()

    def beta_of(self, beta_pre: Tensor) -> Tensor:
        """beta = start + tanh(2·beta_pre)·(start - floor), world units."""
        cfg = self.cfg
        return cfg.beta_start + torch.tanh(2.0 * beta_pre) * (cfg.beta_start - cfg.beta_floor)

    @torch.no_grad()
    def distances(self, points: Tensor) -> tuple[Tensor, Tensor]:
        """Signed distance and beta [B, N] at points [B, N, 3], without gradients, in pieces that fit the
        processor's cache.
        """
        level, conv = self.planes.levels[0], self.planes.conventions
        sdf = self.sdf_mlp.frozen()
        out = torch.empty(*points.shape[:2], 2, device=points.device)
        for i in range(points.shape[0]):
            for first in range(0, points.shape[1], self.chunk):
                part = points[i : i + 1, first : first + self.chunk]
                features = sample_planes(level[i : i + 1], part, conv)[0]
                encoded = frequency_parts(part[0] / conv.box, self.cfg.point_freqs)
                out[i, first : first + self.chunk] = sdf(torch.cat([features.float(), *encoded], dim=-1))[
                    :, :2
                ]
        return -out[..., 0], self.beta_of(out[..., 1])

    def learned_distance(self, points: Tensor) -> Tensor:
        """Signed distance [B, N] at points [B, N, 3] with gradients: planes are read by grid_sample, whose
        backward pass is the faster one.
        """
        conv = self.planes.conventions
        encoded = frequency_encoding(points / conv.box, self.cfg.point_freqs)
        features = sample_planes(self.planes.levels[0], points, conv)
        with torch.autocast(points.device.type, dtype=self.dtype, enabled=self.dtype != torch.float32):
            return -self.sdf_mlp(features.float(), encoded)[..., 0].float()

    def learned_pieces(
        self, points: Tensor, dirs: Tensor, counts: list[int]
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Signed distance and beta [M] and colour [M, 3] with gradients at points [M, 3] seen along dirs
        [M, 3]; counts: of each picture, one after the other.

        In pieces of one picture: what a piece makes on its way stays in the cache. Planes are read as in
        `learned_distance`.
        """
        conv, done = self.planes.conventions, []
        for level, own, d in zip(
            self.planes.levels[0].split(1), points.split(counts), dirs.split(counts), strict=True
        ):
            # planes are read once: every lookup's backward pass makes a gradient as large as they are
            looked_up = sample_planes(level, own[None], conv)[0] if len(own) > WHOLE * PIECE else None
            for number, (piece, along) in enumerate(zip(own.split(PIECE), d.split(PIECE), strict=True)):
                p, direction = stock(piece), stock(along)
                if looked_up is None:
                    features = sample_planes(level, p[None], conv)[0]
                else:
                    features = stock(looked_up[number * PIECE : (number + 1) * PIECE])
                encoded = frequency_encoding(p / conv.box, self.cfg.point_freqs)
                with torch.autocast(
                    points.device.type, dtype=self.dtype, enabled=self.dtype != torch.float32
                ):
                    out = self.sdf_mlp(features, encoded)
                    colour = self.rgb_mlp(out[:, 2:], direction)
                done.append(torch.cat([out[:, :2].float(), colour.float()], dim=1)[: len(piece)])
        out = torch.cat(done)
        beta = self.beta_of(out[:, 1])
        return -out[:, 0], beta, out[:, 2:]

    def _infer(self, points: Tensor) -> Tensor:
        """`_mlp` without gradients, over parts of the points.

        Weights are prepared once for all parts. All results go into one buffer, which may be large.
        """
        out = torch.empty(*points.shape[:2], 2 + self.cfg.geo_dim, device=points.device)
        sdf_mlp, box = self.sdf_mlp.frozen(), self.planes.conventions.box

        def part(rows: slice) -> None:
            asked = points[:, rows]
            encoded = frequency_parts(asked.reshape(-1, 3) / box, self.cfg.point_freqs)
            features = self.features(asked).reshape(-1, self.cfg.plane_channels).float()
            out[:, rows] = sdf_mlp(torch.cat([features, *encoded], dim=-1)).view(
                len(points), -1, out.shape[-1]
            )

        for _ in cpu_parallel.spread(
            part,
            cpu_parallel.cuts(points.shape[1], self.chunk, cpu_parallel.width(points.device)),
            points.device,
        ):
            pass
        return out

    def _mlp(self, points: Tensor) -> Tensor:
        encoded = frequency_encoding(points / self.planes.conventions.box, self.cfg.point_freqs)
        features = self.features(points)
        with torch.autocast(points.device.type, dtype=self.dtype, enabled=self.dtype != torch.float32):
            return self.sdf_mlp(features.float(), encoded)


def _one_direction(dirs: Tensor) -> bool:
    """Whether dirs [.., 3] is one direction expanded, as the constant frontal view is.

    Looks at strides, not at numbers.
    """
    return dirs.numel() > 0 and all(
        n == 1 or step == 0 for n, step in zip(dirs.shape[:-1], dirs.stride()[:-1], strict=True)
    )


def beta_pre_for(beta: float, cfg: WysiwygConfig) -> float:
    """Inverse of the beta activation."""
    return 0.5 * math.atanh((beta - cfg.beta_start) / (cfg.beta_start - cfg.beta_floor))
