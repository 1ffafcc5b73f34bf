"""The renderers of EG3D (also Mimic3D's) and EpiGRAF evaluated plainly, in double precision, from their
written description alone.

Random numbers at their middles, as in the recorded fixtures. Nothing of `core_model` is used.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from tests.parity.plain_nets import State, fc, lrelu

Query = Callable[[Tensor], tuple[Tensor, Tensor]]


def softplus(x: Tensor) -> Tensor:
    return torch.logaddexp(x, torch.zeros_like(x))


def bilinear(plane: Tensor, u: Tensor, v: Tensor, *, corners: bool) -> Tensor:
    """plane [C, H, W] at u, v [N] in [-1, 1] (width, height) → [N, C]; zero outside."""
    c, h, w = plane.shape
    x = (u + 1) / 2 * (w - 1) if corners else ((u + 1) * w - 1) / 2
    y = (v + 1) / 2 * (h - 1) if corners else ((v + 1) * h - 1) / 2
    x0, y0 = x.floor(), y.floor()
    out = plane.new_zeros(len(u), c)
    for dx in (0, 1):
        for dy in (0, 1):
            i, j = (x0 + dx).long(), (y0 + dy).long()
            weight = (1 - (x - i).abs()) * (1 - (y - j).abs())
            inside = (i >= 0) & (i < w) & (j >= 0) & (j < h)
            out += (
                torch.where(inside, weight, 0.0)[:, None] * plane[:, j.clamp(0, h - 1), i.clamp(0, w - 1)].T
            )
    return out


def osg_query(sd: State, levels: list[Tensor], axes: tuple[str, ...], box_warp: float, m: float) -> Query:
    """points [N, 3] → raw density [N], colours [N, O].

    axes: e.g. `zx`: u = z, v = x. levels: planes [3, F, H, W] that are added.
    """

    def query(points: Tensor) -> tuple[Tensor, Tensor]:
        q = points * (2 / box_warp)
        total = 0
        for p, (u, v) in enumerate(axes):
            for planes in levels:
                total = total + bilinear(planes[p], q[:, "xyz".index(u)], q[:, "xyz".index(v)], corners=False)
        assert isinstance(total, Tensor)
        x = fc(sd, "decoder.net.2", softplus(fc(sd, "decoder.net.0", total / 3, m=m)), m=m)
        return x[:, 0], torch.sigmoid(x[:, 1:]) * 1.002 - 0.001

    return query


def eg3d_rays(label: Tensor, size: int) -> tuple[Tensor, Tensor]:
    """label [25] → origin [3], dirs [size², 3]."""
    pose, k = label[:16].reshape(4, 4), label[16:25].reshape(3, 3)
    dirs = []
    for i in range(size):
        for j in range(size):
            u, v = (j + 0.5) / size, (i + 0.5) / size
            y = (v - k[1, 2]) / k[1, 1]
            x = (u - k[0, 2] - k[0, 1] * y) / k[0, 0]
            dirs.append(torch.stack([x, y, torch.ones_like(x)]))
    d = torch.stack(dirs)
    d = d / d.norm(dim=1, keepdim=True)
    return pose[:3, 3], d @ pose[:3, :3].T


def slab(origin: Tensor, dirs: Tensor, half: float) -> tuple[Tensor, Tensor]:
    """'auto' bounds: the cube ±half.

    Rays that miss start at the smallest and end at the LARGEST near of those that hit.
    """
    a, b = (-half - origin) / dirs, (half - origin) / dirs
    near, far = torch.minimum(a, b).amax(dim=1), torch.maximum(a, b).amin(dim=1)
    hit = near <= far
    return torch.where(hit, near, near[hit].min()), torch.where(hit, far, near[hit].max())


def marched(c: Tensor, s: Tensor, t: Tensor, white: bool) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """c [R, S, C], s, t [R, S] → colour [R, C] in [-1, 1], depth [R] before its clamp, weights [R, S-1],
    their sum.
    """
    mid = lambda v: (v[:, 1:] + v[:, :-1]) / 2
    alpha = 1 - torch.exp(-softplus(mid(s) - 1) * (t[:, 1:] - t[:, :-1]))
    left, weights = torch.ones_like(alpha[:, 0]), []
    for k in range(alpha.shape[1]):
        weights.append(alpha[:, k] * left)
        left = left * (1 - alpha[:, k] + 1e-10)
    w = torch.stack(weights, dim=1)
    total = w.sum(dim=1)
    colour = (w[..., None] * mid(c)).sum(dim=1)
    if white:
        colour = colour + (1 - total)[:, None]
    return colour * 2 - 1, (w * mid(t)).sum(dim=1) / total, w, total


def fine_t(t: Tensor, w: Tensor, count: int) -> Tensor:
    """Importance samples of coarse depths t [R, n] with interval weights [R, n-1], the middles of `count`
    equal shares.
    """
    rays, n = t.shape
    padded = torch.cat([torch.zeros(rays, 1).to(t) - 1e30, w, torch.zeros(rays, 1).to(t) - 1e30], dim=1)
    peak = torch.maximum(padded[:, 1:], padded[:, :-1])
    smooth = (peak[:, 1:] + peak[:, :-1]) / 2 + 0.01
    bins = (t[:, 1:] + t[:, :-1]) / 2
    p = smooth[:, 1:-1] + 1e-5
    p = p / p.sum(dim=1, keepdim=True)
    cdf = torch.cat([torch.zeros(rays, 1).to(t), p.cumsum(dim=1)], dim=1)
    out = torch.empty(rays, count).to(t)
    for j in range(count):
        u = torch.full((rays, 1), (j + 0.5) / count).to(t)
        i = (cdf <= u).sum(dim=1)  # first entry that is larger
        lo, hi = (i - 1).clamp_min(0), i.clamp_max(n - 3)
        at = lambda v, k: v.gather(1, k[:, None])[:, 0]
        den = at(cdf, hi) - at(cdf, lo)
        den = torch.where(den < 1e-5, 1.0, den)
        out[:, j] = at(bins, lo) + (u[:, 0] - at(cdf, lo)) / den * (at(bins, hi) - at(bins, lo))
    return out


def eg3d_render(
    query: Query, origin: Tensor, dirs: Tensor, kw: Mapping[str, Any]
) -> tuple[Tensor, Tensor, Tensor]:
    """(features [R, C], depth [R], sum of weights [R]) of EG3D's two passes; kw: rendering_kwargs."""
    rays, n, fine = len(dirs), kw["depth_resolution"], kw.get("depth_resolution_importance", 0)
    if kw["ray_start"] == "auto":
        near, far = slab(origin, dirs, kw["box_warp"] / 2)
    else:
        near, far = (torch.full((rays,), float(kw[k])).to(dirs) for k in ("ray_start", "ray_end"))
    share = (torch.arange(n).to(dirs) + 0.5) / (n - 1)  # jitter 0.5 of a step: a shift of half a step
    if kw.get("disparity_space_sampling"):
        t = 1 / ((1 - share) / near[:, None] + share / far[:, None])
    else:
        t = near[:, None] + share * (far - near)[:, None]

    def at(depths: Tensor) -> tuple[Tensor, Tensor]:
        points = origin + dirs[:, None] * depths[..., None]
        s, c = query(points.reshape(-1, 3))
        return s.reshape(depths.shape), c.reshape(*depths.shape, -1)

    white = bool(kw.get("white_back"))
    s, c = at(t)
    colour, depth, w, total = marched(c, s, t, white)
    every = t
    if fine:
        t2 = fine_t(t, w, fine)
        s2, c2 = at(t2)
        every, order = torch.cat([t, t2], dim=1).sort(dim=1)
        s = torch.cat([s, s2], dim=1).gather(1, order)
        c = torch.cat([c, c2], dim=1).gather(1, order[..., None].expand(-1, -1, c.shape[2]))
        colour, depth, w, total = marched(c, s, every, white)
    depth = torch.where(depth.isnan(), torch.inf, depth).clamp(every.min(), every.max())
    return colour, depth, total


def epigraf_camera(yaw: float, pitch: float, radius: float, fov: float, size: int) -> tuple[Tensor, Tensor]:
    """Origin [3] and dirs [size², 3], rows from the top, pixels from edge to edge; fov in degrees."""
    o = radius * torch.tensor(
        [math.sin(pitch) * math.cos(yaw), math.cos(pitch), math.sin(pitch) * math.sin(yaw)],
        dtype=torch.float64,
    )
    unit = lambda v: v / v.norm()
    f = unit(-o)
    left = unit(torch.linalg.cross(torch.tensor([0.0, 1.0, 0.0], dtype=torch.float64), f))
    up = unit(torch.linalg.cross(f, left))
    at = torch.linspace(-1, 1, size, dtype=torch.float64)
    depth = -1 / math.tan(math.radians(fov) / 2)
    dirs = torch.stack([torch.stack([x, -y, torch.full_like(x, depth)]) for y in at for x in at])
    return o, (dirs / dirs.norm(dim=1, keepdim=True)) @ torch.stack([-left, up, -f], dim=1).T


def waves(x: Tensor, period: float) -> Tensor:
    """Fourier features [N, 2·K·D] of coordinates [N, D], coordinates outermost: K sines, K cosines."""
    octaves = math.ceil(math.log2(period))
    f = math.pi * 2.0 ** torch.arange(octaves, dtype=x.dtype) / 2.0**octaves * period
    parts = []
    for d in range(x.shape[1]):
        parts += [torch.sin(x[:, d : d + 1] * f), torch.cos(x[:, d : d + 1] * f)]
    return torch.cat(parts, dim=1)


def epigraf_query(
    sd: State, planes: Tensor, cube: float, period: float
) -> Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]:
    """(points [N, 3], dirs [N, 3]) → raw density [N], colours [N, 3]; planes [3, F, H, W]."""
    mlp = "synthesis.tri_plane_mlp."

    def query(points: Tensor, dirs: Tensor) -> tuple[Tensor, Tensor]:
        q = points / cube
        pairs = ((0, 1), (0, 2), (1, 2))
        x = sum(bilinear(planes[p], q[:, u], q[:, v], corners=True) for p, (u, v) in enumerate(pairs)) / 3
        assert isinstance(x, Tensor)
        if period:
            x = torch.cat([x, waves(q, period)], dim=1)
        count = sum(1 for n in sd if n.startswith(f"{mlp}model.") and n.endswith(".weight"))
        for k in range(count):
            x = fc(sd, f"{mlp}model.{k}", x, active=k < count - 1)
        density, rest = x[:, -1], x[:, :-1]
        if f"{mlp}color_network.0.weight" in sd:
            seen = torch.cat(
                [torch.cat([dirs[:, d : d + 1], torch.sin(dirs[:, d : d + 1] * math.pi * torch.tensor([1.0, 2.0, 4.0]).to(dirs))], dim=1)
                 for d in range(3)], dim=1,
            )  # fmt: skip
            y = fc(sd, f"{mlp}color_network.0", torch.cat([lrelu(rest, 0.1), seen], dim=1), active=True)
            rest = fc(sd, f"{mlp}color_network.1", y)
        return density, rest

    return query


def left_rule(density: Tensor, t: Tensor, last: float) -> tuple[Tensor, Tensor]:
    """Weights [R, S] and the transmittance in front of the last sample [R]."""
    left, weights = torch.ones_like(density[:, 0]), []
    before = left
    for k in range(t.shape[1]):
        delta = t[:, k + 1] - t[:, k] if k + 1 < t.shape[1] else torch.full_like(left, last)
        alpha = 1 - torch.exp(-delta * density[:, k])
        weights.append(alpha * left)
        before, left = left, left * (1 - alpha + 1e-10)
    return torch.stack(weights, dim=1), before


def epigraf_fine(t: Tensor, w: Tensor) -> Tensor:
    rays, n = t.shape
    bins = (t[:, 1:] + t[:, :-1]) / 2
    p = w[:, 1:-1] + 2e-5
    cdf = torch.cat([torch.zeros(rays, 1).to(t), (p / p.sum(dim=1, keepdim=True)).cumsum(dim=1)], dim=1)
    out = torch.empty_like(t)
    at = lambda v, k: v.gather(1, k[:, None])[:, 0]
    for j in range(n):
        u = (j + 0.5) / n
        i = (cdf < u).sum(dim=1)
        lo, hi = (i - 1).clamp_min(0), i.clamp_max(n - 2)
        den = at(cdf, hi) - at(cdf, lo)
        den = torch.where(den < 1e-5, 1.0, den)
        out[:, j] = at(bins, lo) + (u - at(cdf, lo)) / den * (at(bins, hi) - at(bins, lo))
    return out


def epigraf_render(
    query: Callable[[Tensor, Tensor], tuple[Tensor, Tensor]],
    origin: Tensor,
    dirs: Tensor,
    cfg: Mapping[str, Any],
    *,
    backed: bool,
) -> tuple[Tensor, Tensor, Tensor]:
    """(foreground colour [R, 3], depth [R], transmittance at the last sample [R])."""
    data = cfg["dataset"]
    n = cfg["num_ray_steps"]
    grid = torch.linspace(data["camera"]["ray_start"], data["camera"]["ray_end"], n, dtype=torch.float64)
    middle = (grid[1:] + grid[:-1]) / 2
    low, high = torch.cat([grid[:1], middle]), torch.cat([middle, grid[-1:]])
    t = ((low + high) / 2).expand(len(dirs), n)

    def at(depths: Tensor) -> tuple[Tensor, Tensor]:
        points = origin + dirs[:, None] * depths[..., None]
        raw, c = query(points.reshape(-1, 3), dirs[:, None].expand_as(points).reshape(-1, 3))
        raw = raw.reshape(depths.shape) + cfg["density_shift"]
        return (softplus(raw) if cfg["clamp_mode"] == "softplus" else raw.clamp_min(0)), c.reshape(
            *depths.shape, 3
        )

    last = 1e-3 if backed else 1e10
    s, c = at(t)
    t2 = epigraf_fine(t, left_rule(s, t, last)[0])
    s2, c2 = at(t2)
    every, order = torch.cat([t, t2], dim=1).sort(dim=1)
    s = torch.cat([s, s2], dim=1).gather(1, order)
    c = torch.cat([c, c2], dim=1).gather(1, order[..., None].expand(-1, -1, 3))
    w, passed = left_rule(s, every, last)
    if data.get("last_back"):
        w = torch.cat([w[:, :-1], w[:, -1:] + (1 - w.sum(dim=1, keepdim=True))], dim=1)
    colour = (w[..., None] * c).sum(dim=1)
    if data.get("white_back"):
        colour = colour + (1 - w.sum(dim=1))[:, None]
    return colour, (w * every).sum(dim=1), passed


def sphere_background(
    sd: State, origin: Tensor, dirs: Tensor, ws: Tensor, bg: Mapping[str, Any], mode: str
) -> Tensor:
    """Colours [R, 3] of the inverse-sphere model; ws [1, 2·blocks, W]: the slots after the planes'."""
    steps = bg["num_steps"]
    iota = torch.linspace(bg["start"], 0, steps, dtype=torch.float64)
    d1 = -(dirs * origin).sum(dim=1, keepdim=True)
    m = origin + d1 * dirs
    reach = m.norm(dim=1, keepdim=True)
    s = origin + (d1 + torch.sqrt(1 - reach**2)) * dirs
    axis = torch.linalg.cross(origin.expand_as(s), s)
    axis = axis / axis.norm(dim=1, keepdim=True)
    rows = []
    for i in iota:
        angle = torch.asin(reach) - torch.asin(reach * i)
        p = s * torch.cos(angle) + torch.linalg.cross(axis, s) * torch.sin(angle)
        p = p + axis * (axis * s).sum(dim=1, keepdim=True) * (1 - torch.cos(angle))
        rows.append(torch.cat([p / p.norm(dim=1, keepdim=True), i.expand(len(dirs), 1)], dim=1))
    x = torch.stack(rows, dim=1).reshape(-1, 4)
    h, total = waves(x, bg["posenc_period_len"]), None

    def layer(name: str, x: Tensor, w: Tensor, out: bool) -> Tensor:
        name = f"synthesis.bg_model.blocks.{name}"
        style = fc(sd, f"{name}.affine", w)[0]
        weight = sd[f"{name}.weight"]
        weight = weight * (style / math.sqrt(len(style)) if out else style)
        if not out:
            weight = weight / torch.sqrt((weight * weight).sum(dim=1, keepdim=True) + 1e-8)
        y = x @ weight.T + sd[f"{name}.bias"]
        return y if out else math.sqrt(2) * lrelu(y)

    for k in range(bg["num_blocks"]):
        if k:
            h = layer(f"{k}.conv0", h, ws[:, 2 * k - 1], False)
        h = layer(f"{k}.conv1", h, ws[:, 2 * k], False)
        out = layer(f"{k}.to_out", h, ws[:, 2 * k + 1], True)
        total = out if total is None else total + out
    assert total is not None
    raw = total[:, -1].reshape(len(dirs), steps)
    density = softplus(raw) if mode == "softplus" else raw.clamp_min(0)
    w, _ = left_rule(density, (-iota).expand(len(dirs), steps), 1e10)
    return (w[..., None] * total[:, :3].reshape(len(dirs), steps, 3)).sum(dim=1)


def corner_resized(picture: Tensor, size: int) -> Tensor:
    """picture [C, H, W] sampled from edge to edge → [size², C]."""
    at = torch.linspace(-1, 1, size, dtype=picture.dtype)
    v, u = torch.meshgrid(at, at, indexing="ij")
    return bilinear(picture, u.reshape(-1), v.reshape(-1), corners=True)
