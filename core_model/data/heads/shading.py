"""View-independent colour of the head: albedo of every part under a soft baked light.

Albedo and light are linear RGB; the result is sRGB in [0, 1].
"""

from __future__ import annotations

import torch
from torch import Tensor

from core_model.data.heads import programs
from core_model.data.heads.field import Parts, evaluate_parts, head_sdf, in_chunks
from core_model.data.heads.parameters import HeadParams
from core_model.data.heads.primitives import bump, length2, ramp

_OCCLUSION_TAPS = ((0.012, 0.55), (0.035, 0.30), (0.085, 0.15))
_SHADOW_TAPS = (0.030, 0.075)


def _blend(a: Tensor, b: Tensor, weight: Tensor) -> Tensor:
    return a + (b - a) * weight[..., None]


def head_color(params: HeadParams, points: Tensor, normals: Tensor) -> Tensor:
    """sRGB colour [B, N, 3] of points on or near the surface with unit normals, both [B, N, 3] (world)."""
    return in_chunks(params, _color_chunk, points, normals)


def _color_chunk(p: HeadParams, points: Tensor, normals: Tensor) -> Tensor:
    albedo, skin_weight = programs.run("albedo", lambda q, x: _albedo(q, evaluate_parts(q, x)), p, points)
    taps = [points + normals * reach for reach, _ in _OCCLUSION_TAPS]
    taps += [points + normals * 0.006 + p.light_dir * reach for reach in _SHADOW_TAPS]
    # All taps in one call: a call costs as much as ten thousand points.
    seen = list(head_sdf(p, torch.cat(taps, dim=1)).split(points.shape[1], dim=1))
    open_sky = torch.ones_like(skin_weight)
    for reach, weight in _OCCLUSION_TAPS:
        near = (seen.pop(0) / reach).clamp(-0.4, 1.0)
        open_sky = open_sky - weight * (1.0 - near)
    open_sky = open_sky.clamp(0.0, 1.0)
    lit = torch.ones_like(open_sky)
    for reach in _SHADOW_TAPS:
        lit = torch.minimum(lit, ramp(seen.pop(0) / reach, -0.20, 0.55))
    return _light(p, albedo, skin_weight, normals, open_sky, lit)


def _light(
    p: HeadParams, albedo: Tensor, skin: Tensor, normals: Tensor, open_sky: Tensor, lit: Tensor
) -> Tensor:
    cosine = (normals * p.light_dir).sum(-1)
    wrap = (0.16 + 0.22 * skin)[..., None] * albedo.new_tensor([1.0, 0.62, 0.50])
    # Wrapped diffuse: red light bleeds furthest past the terminator, as in skin.
    key = ((cosine[..., None] + wrap) / (1.0 + wrap)).clamp(min=0.0)
    key = key * (0.30 + 0.70 * lit[..., None])
    up = 0.5 + 0.5 * normals[..., 1]
    sky = up[..., None] * albedo.new_tensor([0.40, 0.43, 0.48])
    ground = (1.0 - up)[..., None] * albedo.new_tensor([0.30, 0.24, 0.20])
    front = normals[..., 2].clamp(min=0.0)[..., None] * albedo.new_tensor([0.19, 0.19, 0.20])
    occlusion = open_sky[..., None]
    # Occluded skin turns warm rather than grey: light bounces between its folds.
    tint = occlusion ** (1.0 + skin[..., None] * albedo.new_tensor([-0.25, 0.10, 0.20]))
    light = (
        key * albedo.new_tensor([0.98, 0.92, 0.83]) * (0.55 + 0.45 * occlusion)
        + (sky + ground + front) * tint
    )
    radiance = albedo * light
    radiance = radiance / (1.0 + 0.16 * radiance) * 1.12
    return radiance.clamp(1e-5, 1.0) ** (1.0 / 2.2)


def _albedo(p: HeadParams, s: Parts) -> tuple[Tensor, Tensor]:
    skin = _skin_albedo(p, s)
    groove = (0.80 + 0.26 * s.strand).clamp(min=0.3)[..., None]
    shade = 0.72 + 0.30 * ramp(s.frame.y, -0.25, 0.20)[..., None]
    hair = p.hair_rgb * groove * shade
    beard = p.hair_rgb * 0.80
    layers = (
        (s.skin, skin),
        (s.ball, _eye_albedo(p, s)),
        (s.brow, p.brow_rgb),
        (s.hair, hair),
        (s.beard, beard),
        (s.cloth, p.cloth_rgb),
        (s.collar, p.trim_rgb),
        (s.hat, p.hat_rgb),
        (s.hat_ring, p.hat_rgb * 0.72),
        (s.glasses, p.frame_rgb),
    )
    distance = torch.stack(torch.broadcast_tensors(*(d for d, _ in layers)), dim=-1)
    # The cuff lies inside the hat's distance; a small bonus lets its colour win there.
    distance[..., 8] -= 0.0015
    weights = torch.softmax(distance * (-1.0 / 0.0009), dim=-1)
    colour = torch.zeros_like(skin)
    for i, (_, value) in enumerate(layers):
        colour = colour + weights[..., i, None] * value
    return colour, weights[..., 0]


def _skin_albedo(p: HeadParams, s: Parts) -> Tensor:
    f = s.frame
    flush = 0.75 * bump(f.ax, f.fy, f.z, (0.068, -0.048, 0.11), (0.030, 0.024, 0.06))
    flush = flush + 0.55 * bump(f.x, f.fy, f.z, (0.0, -0.066, 0.185), (0.022, 0.018, 0.03))
    flush = flush + 0.60 * ramp(f.ax, 0.138, 0.160) * ramp(-f.y, -0.08, 0.0) * ramp(f.y, -0.12, -0.06)
    flush = flush + 0.25 * bump(f.x, f.fy, f.z, (0.0, -0.18, 0.14), (0.03, 0.02, 0.04))
    skin = _blend(p.skin_rgb, p.blush_rgb, (0.75 * flush).clamp(max=1.0))
    shadow = p.hair_rgb * 0.5 + p.skin_rgb * 0.25
    skin = _blend(skin, shadow, 0.55 * s.stubble)
    skin = _blend(skin, p.lip_rgb, ramp(-s.mouth.lips, -0.0026, 0.0006))
    seam = (1.0 - (s.mouth.dy.abs() / 0.0026).clamp(max=1.0)) * ramp(-s.mouth.lips, -0.003, -0.0005)
    skin = skin * (1.0 - 0.60 * seam)[..., None]
    inner = ramp(-s.mouth.slit, 0.0006, 0.0026)
    teeth = ramp(s.mouth.dy, -0.0030, -0.0005)
    deep = skin.new_tensor([0.075, 0.018, 0.018])
    skin = _blend(skin, _blend(deep, skin.new_tensor([0.74, 0.70, 0.62]), teeth), inner)
    # Lid rim and lashes: a dark line along the upper edge of the opening, thin below.
    upper = ramp(s.eyes.dy, -0.004, 0.004)
    line = (1.0 - ((s.eyes.opening - 0.0004).abs() / 0.0022).clamp(max=1.0)) * ramp(f.z, 0.06, 0.09)
    near = ramp(-s.ball, -0.012, -0.006)
    lash = skin.new_tensor([0.022, 0.015, 0.013])
    return _blend(skin, lash, line * near * (0.12 + 0.68 * upper))


def _eye_albedo(p: HeadParams, s: Parts) -> Tensor:
    dx, dy = s.eyes.dx, s.eyes.dy - 0.0012
    r = length2(dx, dy)
    iris_r = 0.455 * p.eye_radius
    sclera = r.new_tensor([0.80, 0.78, 0.76])
    pink = r.new_tensor([0.74, 0.52, 0.48])
    white = _blend(sclera, pink, ramp(dx.abs(), 0.022, 0.036) * 0.6)
    rays = 0.80 + 0.45 * ramp(r, 0.25 * iris_r, 0.85 * iris_r) * (
        1.0 - 0.65 * ramp(dy, -0.6 * iris_r, 0.9 * iris_r)
    )
    iris = p.iris_rgb * (1.25 * rays)[..., None]
    iris = _blend(iris, p.iris_rgb * 0.22, ramp(r, 0.80 * iris_r, 0.98 * iris_r))
    colour = _blend(iris, white, ramp(r, 0.96 * iris_r, 1.07 * iris_r))
    colour = _blend(r.new_tensor([0.012, 0.010, 0.010]), colour, ramp(r, 0.42 * iris_r, 0.52 * iris_r))
    side = torch.where(s.frame.x < 0, -dx, dx)
    glint = length2(side - 0.0052 * torch.sign(p.light_dir[..., 0]), dy - 0.0058)
    colour = _blend(r.new_tensor([3.0, 3.0, 3.0]), colour, ramp(glint, 0.0028, 0.0046))
    return colour
