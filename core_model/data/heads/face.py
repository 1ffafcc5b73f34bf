"""Skin of the head: cranium, face, jaw, sculpted relief, nose, lips, lids, ears.

World frame: +x to the viewer's right, +y up, the face looks to +z; skin reaches from chin (y ≈ -0.205)
to crown (y ≈ 0.225). Paired features are evaluated once through `ax`, a |x| that is rounded at the
midline so that it leaves no crease.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from core_model.data.heads.parameters import HeadParams
from core_model.data.heads.primitives import (
    bump,
    ellipse,
    ellipsoid,
    length2,
    length3,
    round_max,
    round_min,
    segment,
    smax,
    smin,
)

MOUTH_Y = -0.122
EYE_Y = 0.012


class Frame(NamedTuple):
    """Coordinates of N points per head, each [B, N]: world x, y, z; rounded |x|; face-stretched height."""

    x: Tensor
    y: Tensor
    z: Tensor
    ax: Tensor
    fy: Tensor


class Skull(NamedTuple):
    """Distances [B, N] before detail: cranium and face mass (hair and hats ride on it); with jaw and chin."""

    cranium_hair: Tensor
    base: Tensor


class Eyes(NamedTuple):
    """Eye region [B, N]: eyeball distance, frontal lid opening (negative inside), offsets to the centre."""

    ball: Tensor
    opening: Tensor
    dx: Tensor
    dy: Tensor


class Mouth(NamedTuple):
    """Mouth region [B, N]: lip distance, slit (negative between the lips), height over the mouth line."""

    lips: Tensor
    slit: Tensor
    dy: Tensor


def make_frame(p: HeadParams, points: Tensor) -> Frame:
    """Splits points [B, N, 3] (world) into coordinates; `face_length` stretches the face below the eyes."""
    x, y, z = (points[..., i].contiguous() for i in range(3))
    ax = (x * x + 3e-5).sqrt_()
    below = EYE_Y - y
    # Softplus-like one-sided stretch: y is kept above the eyes, scaled by 1 ± 0.05 below them.
    one_sided = 0.5 * (below + (below * below + 4e-4).sqrt_())
    return Frame(x, y, z, ax, y + one_sided * (0.055 * p.face_length))


def skull(p: HeadParams, f: Frame) -> Skull:
    """Cranium, face mass, jaw and chin."""
    w, jaw = p.head_width, p.jaw_width
    cranium = ellipsoid(f.x, f.y - 0.072, f.z + 0.030, 0.1430 * w, 0.152 + 0.004 * p.forehead, 0.168)
    face = ellipsoid(f.x, f.fy + 0.038, f.z - 0.012, 0.1165 * w + 0.003 * p.cheekbone, 0.148, 0.126)
    crown = head = smin(cranium, face, 0.075)
    corner = (0.075 * w + 0.012 * jaw, -0.094 - 0.008 * jaw, 0.000)
    tip = (0.020 + 0.008 * jaw, -0.172, 0.098 + 0.007 * p.chin)
    ramus, along = segment(f.ax, f.fy, f.z, corner, tip)
    head = smin(head, ramus - (0.033 + 0.004 * p.weight + (-0.003) * along), 0.05)
    chin = length3(f.x * 0.9, f.fy + 0.170 + 0.003 * p.chin, f.z - 0.106 - 0.009 * p.chin)
    head = smin(head, chin - (0.031 + 0.003 * p.chin), 0.035)
    return Skull(crown, head)


def relief(p: HeadParams, f: Frame) -> Tensor:
    """Sculpted relief [B, N] in world units, positive outwards: sockets, brows, cheeks, muzzle, folds."""
    y, z, ax = f.fy, f.z, f.ax
    lift = 0.5 * p.smile + 0.3
    out = bump(ax, f.y, z, (p.eye_x, EYE_Y + 0.006, 0.135), (0.036, 0.022, 0.045)) * -0.0150
    out += bump(f.x, f.y, z, (0.0, 0.030, 0.155), (0.030, 0.020, 0.04)) * -0.004
    out += bump(ax, f.y, z, (0.048, 0.052, 0.135), (0.045, 0.014, 0.045)) * (0.0050 + 0.0030 * p.masculine)
    out += bump(ax, y, z, (0.088, -0.030, 0.085), (0.034, 0.024, 0.040)) * (0.0085 + 0.0035 * p.cheekbone)
    apple = 0.0055 + 0.0040 * p.weight + 0.0050 * lift
    out += bump(ax, y, z, (0.062, -0.058 + 0.006 * lift, 0.120), (0.027, 0.026, 0.04)) * apple
    hollow = 0.0065 * p.weight - 0.0030 - 0.0045 * p.age + 0.001 * p.cheekbone
    out += bump(ax, y, z, (0.090, -0.098, 0.070), (0.026, 0.034, 0.040)) * hollow
    out += bump(ax, f.y, z, (0.122, 0.065, 0.075), (0.035, 0.035, 0.035)) * -0.005
    out += bump(f.x, f.y, z, (0.0, 0.115, 0.130), (0.060, 0.040, 0.05)) * (0.0035 * p.forehead)
    out += bump(f.x, y, z, (0.0, MOUTH_Y, 0.140), (0.040, 0.036, 0.050)) * 0.0105
    out += bump(f.x, y, z, (0.0, -0.156, 0.145), (0.026, 0.010, 0.03)) * -0.0050
    out += bump(f.x, y, z, (0.0, -0.101, 0.165), (0.0055, 0.011, 0.03)) * -0.0025
    slant_u = (ax - 0.050) * 0.80 - (y + 0.098) * -0.60
    slant_v = (ax - 0.050) * -0.60 + (y + 0.098) * 0.80
    fold = bump(slant_u, slant_v, z, (0.0, 0.0, 0.13), (0.0075, 0.030, 0.05))
    out += fold * -(0.0010 + 0.0028 * p.age + 0.0016 * p.smile.clamp(min=0.0))
    out += bump(ax, y, z, (0.008, -0.182, 0.135), (0.012, 0.012, 0.03)) * 0.002
    return out


def nose(p: HeadParams, f: Frame, skin: Tensor) -> Tensor:
    """Adds bridge, tip, wings and nostrils to the skin distance."""
    long, up, wide = p.nose_length, p.nose_upturn, p.nose_width
    tip_y, tip_z = -0.060 - 0.006 * long + 0.004 * up, 0.168 + 0.006 * long + 0.003 * up
    bridge, along = segment(f.x / (0.70 + 0.40 * wide), f.fy, f.z, (0.0, 0.034, 0.121), (0.0, tip_y, tip_z))
    hump = 0.0035 * p.nose_bridge * (4.0 * along * (1.0 - along))
    out = smin(skin, bridge - (0.0130 + 0.0050 * along) - hump, 0.026)
    tip = length3(f.x / wide, f.fy - tip_y + 0.002, f.z - tip_z)
    out = smin(out, tip - 0.0195, 0.012)
    wing_y = -0.0715 - 0.003 * long
    wing = ellipsoid(f.ax - 0.0215 * wide, f.fy - wing_y, f.z - 0.1480, 0.0125, 0.0125, 0.0185)
    out = smin(out, wing, 0.011)
    hole = ellipsoid(f.ax - 0.0115 * wide, f.fy - wing_y + 0.0135, f.z - 0.158, 0.0062, 0.0065, 0.0095)
    return smax(out, -hole, 0.006)


def mouth(p: HeadParams, f: Frame, skin: Tensor) -> tuple[Tensor, Mouth]:
    """Lips as tubes that ride on the skin (its distance is their third coordinate), and the slit between."""
    half = p.mouth_half
    t = f.x / half
    t2 = (t * t).clamp(max=2.0)
    line = MOUTH_Y + 0.013 * p.smile * (t2 - 0.35)
    full = (1.0 - t2).clamp(min=0.0)
    gap = p.mouth_gap * full
    over = (f.ax - half).clamp(min=0.0)
    dy = f.fy - line
    opened = gap.clamp(min=0.0)
    bow = (f.x * f.x * (-1.0 / (2 * 0.0065**2))).clamp_(min=-40.0).exp_()
    upper_r = p.lip_radius * (0.16 + 0.76 * full)
    lower_r = p.lip_radius * (0.16 + 0.84 * full)
    sink = skin + 0.0018
    flat = 0.88
    upper = length3(dy - opened - upper_r * (0.92 - 0.20 * bow), sink * flat, over) - upper_r
    lower = length3(dy + opened * 0.9 + lower_r * 0.90, sink * flat, over) - lower_r
    lips = smin(upper, lower, 0.0035)
    slit2d = torch.maximum(dy.abs() - gap, f.ax - half * 0.93)
    front = torch.maximum(slit2d, 0.06 - f.z)
    out = smin(skin, lips, 0.006)
    out = smax(out, -torch.maximum(front, -(skin + 0.012)), 0.004)
    return out, Mouth(lips, front, dy)


def eyes(p: HeadParams, f: Frame, skin: Tensor) -> tuple[Tensor, Eyes]:
    """Lids as a shell around the eyeball with an almond opening; returns skin with lids, and the eyeball."""
    r = p.eye_radius
    dx, dy, dz = f.ax - p.eye_x, f.y - EYE_Y, f.z - 0.0875
    radial = length3(dx, dy, dz)
    half = 0.87 * r
    t = (dx / half).clamp(-1.6, 1.6)
    t2 = t * t
    ty = dy - p.eye_tilt * dx
    high = 0.0205 * p.lid_open * (r / 0.0415)
    low = (0.0150 - 0.0040 * p.smile.clamp(min=0.0)) * (r / 0.0415)
    # The upper lid peaks towards the nose, the lower one towards the temple, as in life.
    up = ty - high * (1.0 - t2) * (1.0 - 0.18 * t)
    down = -low * (1.0 - t2) * (1.0 + 0.15 * t) - ty
    slope = 1.0 + (2.0 * high / half) ** 2 * t2
    opening = smax(up, down, 0.002) / slope.sqrt_()
    lid = radial - (r + 0.0036)
    out = smin(skin, lid, 0.012)
    crease = (up - 0.0085) * (1.0 / 0.0028)
    shown = bump(dx, dy, dz, (0.0, 0.016, 0.03), (0.022, 0.014, 0.02))
    out = out + (crease * crease * -0.5).clamp_(min=-40.0).exp_() * shown * 0.0022
    hole = torch.maximum(opening, torch.maximum((r - 0.003) - radial, 0.010 - dz))
    out = smax(out, -hole, 0.003)
    return out, Eyes(radial - r, opening, dx, dy)


def ears(p: HeadParams, f: Frame, skin: Tensor) -> Tensor:
    """Adds ears: a tilted disc with a rolled rim, inner fold, tragus and lobe."""
    s = p.ear_scale
    cos, sin = torch.cos(p.ear_flare), torch.sin(p.ear_flare)
    qx, qy, qz = (f.ax - 0.1415 * p.head_width) / s, (f.y - 0.003) / s, (f.z + 0.030) / s
    side, fwd = cos * qx + sin * qz, cos * qz - sin * qx
    high = 0.975 * qy + 0.22 * fwd
    fwd = 0.975 * fwd - 0.22 * qy
    wide = 0.0270 + 0.14 * high.clamp(-0.05, 0.05)
    rim2d = ellipse(fwd, high, wide, 0.0450)
    rim = length2(rim2d, side - 0.0065) - 0.0060
    disc = length2(rim2d.clamp(min=0.0), side - 0.000) - 0.0050
    fold = length2(ellipse(fwd - 0.004, high - 0.006, wide * 0.52, 0.0270), side - 0.0040) - 0.0040
    lobe = length3(fwd - 0.006, high + 0.037, side - 0.003) - 0.0115
    tragus = length3(fwd - 0.022, high + 0.006, side - 0.004) - 0.0085
    ear = smin(smin(rim, disc, 0.006), fold, 0.006)
    ear = smin(ear, smin(lobe, tragus, 0.006), 0.012)
    return smin(skin, ear * s, 0.012)


def neck(p: HeadParams, f: Frame) -> tuple[Tensor, Tensor]:
    """Neck and shoulders: (skin distance of both, distance of the shoulders' mass) [B, N]."""
    thick = 0.0610 + 0.0090 * p.masculine + 0.003 * p.weight
    column, _ = segment(f.x, f.y, f.z, (0.0, -0.08, -0.040), (0.0, -0.42, -0.075))
    column = column - thick
    apple = bump(f.x, f.y, f.z, (0.0, -0.232, 0.02), (0.012, 0.016, 0.03)) * (0.0025 + 0.0025 * p.masculine)
    wide = 0.335 + 0.030 * p.masculine + 0.012 * p.weight
    mass = ellipsoid(f.x, f.y + 0.430, f.z + 0.065, wide, 0.155, 0.120)
    # The mean of both blends: one is too flat at right angles, the other too steep in parallel.
    body = 0.5 * (smin(column - apple, mass, 0.10) + round_min(column - apple, mass, 0.085))
    return round_max(body, -0.455 - f.y, 0.03), mass
