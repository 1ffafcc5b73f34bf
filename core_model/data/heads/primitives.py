"""Distance primitives and smooth Boolean operations. Coordinates are [B, N] tensors, parameters [B, 1].

Polynomial smooth minimum and maximum have bounded support k: where the two arguments differ by more than k
they are exactly the minimum and maximum, so parts do not disturb each other from afar.
"""

from __future__ import annotations

import torch
from torch import Tensor

Num = Tensor | float


def smin(a: Tensor, b: Tensor, k: Num) -> Tensor:
    """Smooth union of distances a and b [B, N]; k is the width of the blend, world units."""
    h = (k - (a - b).abs()).clamp_(min=0.0)
    return torch.minimum(a, b) - h * h * (0.25 / k)


def smax(a: Tensor, b: Tensor, k: Num) -> Tensor:
    """Smooth intersection of distances a and b [B, N]; k is the width of the blend, world units."""
    h = (k - (a - b).abs()).clamp_(min=0.0)
    return torch.maximum(a, b) + h * h * (0.25 / k)


def round_min(a: Tensor, b: Tensor, k: Num) -> Tensor:
    """Union with a circular fillet of radius k: stays metric where the surfaces meet at right angles."""
    return torch.minimum(a, b).clamp_(min=k) - length2((k - a).clamp_(min=0.0), (k - b).clamp_(min=0.0))


def round_max(a: Tensor, b: Tensor, k: Num) -> Tensor:
    """Intersection with a circular rounding of radius k: stays metric where surfaces meet at right angles."""
    return torch.maximum(a, b).clamp_(max=-k) + length2((a + k).clamp_(min=0.0), (b + k).clamp_(min=0.0))


def length2(a: Tensor, b: Tensor) -> Tensor:
    """Euclidean length of (a, b), kept off zero so that gradients exist."""
    return (a * a + b * b + 1e-12).sqrt_()


def length3(a: Tensor, b: Tensor, c: Tensor) -> Tensor:
    """Euclidean length of (a, b, c), kept off zero so that gradients exist."""
    return (a * a + b * b + c * c + 1e-12).sqrt_()


def ellipsoid(x: Tensor, y: Tensor, z: Tensor, rx: Num, ry: Num, rz: Num) -> Tensor:
    """Near-metric distance to an axis-aligned ellipsoid at the origin with radii rx, ry, rz."""
    px, py, pz = x / rx, y / ry, z / rz
    k0 = length3(px, py, pz)
    k1 = length3(px / rx, py / ry, pz / rz)
    return k0 * (k0 - 1.0) / k1.clamp_(min=1e-3)


def ellipse(x: Tensor, y: Tensor, rx: Num, ry: Num) -> Tensor:
    """Near-metric distance to an axis-aligned ellipse at the origin with radii rx, ry."""
    px, py = x / rx, y / ry
    k0 = length2(px, py)
    return k0 * (k0 - 1.0) / length2(px / rx, py / ry).clamp_(min=1e-3)


def segment(
    x: Tensor, y: Tensor, z: Tensor, a: tuple[Num, Num, Num], b: tuple[Num, Num, Num]
) -> tuple[Tensor, Tensor]:
    """Distance to the segment a → b and the place 0…1 along it."""
    dx, dy, dz = b[0] - a[0], b[1] - a[1], b[2] - a[2]
    qx, qy, qz = x - a[0], y - a[1], z - a[2]
    along = ((qx * dx + qy * dy + qz * dz) / (dx * dx + dy * dy + dz * dz)).clamp_(0.0, 1.0)
    return length3(qx - along * dx, qy - along * dy, qz - along * dz), along


def bump(
    x: Tensor, y: Tensor, z: Tensor, centre: tuple[Num, Num, Num], sigma: tuple[float, float, float]
) -> Tensor:
    """Gaussian weight exp(-½ |(p - centre) / sigma|²), 1 at the centre."""
    qx = (x - centre[0]) * (0.70711 / sigma[0])
    qy = (y - centre[1]) * (0.70711 / sigma[1])
    qz = (z - centre[2]) * (0.70711 / sigma[2])
    # Clamped: far from the centre the exponential would be denormal, ten times slower to compute with.
    return (qx * qx + qy * qy + qz * qz).clamp_(max=40.0).neg_().exp_()


def ramp(v: Tensor, lo: Num, hi: Num) -> Tensor:
    """Smoothstep from 0 at lo to 1 at hi."""
    t = ((v - lo) / (hi - lo)).clamp_(0.0, 1.0)
    return t * t * (3.0 - 2.0 * t)
