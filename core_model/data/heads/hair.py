"""Hair, beard and eyebrows: volumes that ride on the skull, bounded by hairlines, with strand relief.

Each volume is (distance to the skull - thickness) intersected with a region; thickness and regions vary
smoothly with the parameters, so styles blend into one another.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from core_model.data.heads.face import MOUTH_Y, Frame, Mouth, Skull
from core_model.data.heads.parameters import HeadParams
from core_model.data.heads.primitives import ellipse, ellipsoid, length3, ramp, round_max, smax, smin


class Hair(NamedTuple):
    """Hair [B, N]: distance, and strand relief in [-1, 1] (for colour)."""

    distance: Tensor
    strand: Tensor


def hat_height(f: Frame) -> Tensor:
    """Signed height [B, N] over the tilted plane in which a hat's edge lies."""
    return 0.925 * (f.y - 0.095) - 0.38 * (f.z - 0.10)


def strands(p: HeadParams, f: Frame) -> Tensor:
    """Strand relief [B, N] in [-1, 1]: ridges that radiate from the parting, blending into curls."""
    px = 0.055 * p.parting
    u, v = f.x - px, f.z + 0.035
    azimuth = torch.atan2(u, v)
    rho2 = u * u + v * v
    fade = rho2 / (rho2 + 0.0022)
    wave = azimuth * 2.0 + f.y * (7.0 + 9.0 * p.hair_curl)
    ridge = torch.sin(azimuth * 17.0 + 2.4 * torch.sin(wave + 2.0 * p.parting) + 14.0 * f.y)
    fine = torch.sin(azimuth * 38.0 - 2.3 * torch.sin(wave * 1.3))
    lines = (0.68 * ridge * (0.75 + 0.45 * torch.sin(wave * 1.7)) + 0.34 * fine) * fade
    k = 2.0 * torch.pi / 0.062
    curls = (
        torch.sin(f.x * k + 0.8 * torch.sin(f.y * 40.0))
        * torch.sin(f.y * k * 0.9 + 1.0)
        * torch.sin(f.z * k + 0.8 * torch.sin(f.x * 37.0))
    )
    return lines + (1.2 * curls - lines) * p.hair_curl


def hair(p: HeadParams, f: Frame, s: Skull) -> Hair:
    """Cap, long curtain and bun; `Hair.distance` is positive everywhere for the bald."""
    strand = strands(p, f)
    lift = ramp(f.y, 0.02, 0.22)
    front = ramp(f.z, -0.05, 0.12)
    thick = p.hair_thick + p.hair_top * lift * (0.55 + 0.45 * front)
    thick = thick + 0.25 * p.hair_top * torch.tanh(f.x * 14.0) * lift * -p.parting
    covered = ramp(hat_height(f), -0.02, 0.03) * p.hat
    thick = thick + covered * (0.012 - thick)
    edge = p.hairline + (0.13 * p.parting * f.x - 0.007 * strand) * (1.0 - covered)
    # Temples recede a little, more so with baldness.
    recede = (0.006 + 0.018 * p.bald + 0.010 * p.masculine.clamp(min=0.0)) * ramp(f.ax, 0.03, 0.10)
    region = 0.81 * (f.z - 0.125) - 0.59 * (f.y - edge) + recede
    cap = round_max(s.cranium_hair - thick, region, 0.016)
    short = -0.085 - 0.20 * p.hair_length
    cap = round_max(cap, 0.958 * (short + 0.30 * (f.z + 0.10) - f.y), 0.02)
    crown = length3(f.x * 0.9, f.y - 0.205, f.z - 0.135) - (-0.06 + 0.29 * p.bald)
    cap = round_max(cap, -crown, 0.016)
    cap = smin(cap, _curtain(p, f, thick), 0.045)
    bun_r = 0.062 * p.bun
    bun = length3(f.x, f.y - 0.215 - 0.045 * p.bun, f.z + 0.095) - bun_r
    cap = smin(cap, bun + 0.08 * (1.0 - p.bun), 0.022)
    depth = (0.0022 + 0.0020 * p.hair_curl) * (p.hair_thick / 0.02).clamp(max=1.0)
    return Hair(cap - strand * depth, strand)


def _curtain(p: HeadParams, f: Frame, thick: Tensor) -> Tensor:
    """Hair that falls behind and beside the face down to a length [B, N]."""
    grow = p.hair_length
    low = 0.10 - 0.44 * grow
    flare = 0.10 * (0.05 - f.y).clamp(0.0, 0.35) * grow
    tube = ellipse(f.x, f.z + 0.050, 0.112 + 0.040 * grow.clamp(max=1.0) + flare, 0.105 + 0.030 * grow)
    tube = round_max(tube - 0.45 * thick, low - f.y, 0.03)
    tube = smax(tube, f.y - 0.09, 0.05)
    # The front edge leans back downwards and swings around the cheeks.
    return round_max(tube, 0.985 * (f.z - 0.028 - 0.14 * f.y - 0.10 * (f.ax - 0.10)), 0.022)


def beard(p: HeadParams, f: Frame, plain: Tensor, skin: Tensor, m: Mouth) -> tuple[Tensor, Tensor]:
    """Beard and moustache: (distance, stubble mask 0…1 for colour), [B, N].

    `plain` and `skin` are the skin distances without and with nose, lips, lids.
    """
    amount = p.beard
    cheek = (f.fy + 0.092) - 0.95 * (f.ax - 0.055).clamp(min=0.0)
    edge_up = torch.maximum(cheek * 0.85, -(f.z + 0.005))
    edge_up = smax(edge_up, -0.232 - f.y, 0.01)
    patch = ellipse(f.x, f.fy - (MOUTH_Y - 0.004), p.mouth_half + 0.004, 0.0235)
    lower = smax(edge_up, -patch, 0.012)
    lip_bar = ellipse(f.ax - 0.024, f.fy + 0.101 + 0.18 * (f.ax - 0.024), 0.035, 0.0105)
    bar = torch.maximum(lip_bar, 0.10 - f.z)
    thick = -0.008 + 0.024 * amount + 0.012 * p.beard_long * ramp(-f.fy, 0.13, 0.19)
    grain = torch.sin(f.x * 190.0 + 2.0 * torch.sin(f.y * 60.0)) * torch.sin(f.y * 70.0 + f.z * 60.0)
    grain = grain * 0.0012 * (amount * 3.0).clamp(max=1.0)
    # Thinner towards its edges, so that cheeks run into the beard without a step.
    thick = thick - (0.003 + 0.008 * amount) * ramp(lower, -0.034, 0.0)
    full = round_max(plain - thick, lower, 0.008)
    hang = ellipsoid(f.x, f.fy + 0.180, f.z - 0.092, 0.060, 0.040 + 0.030 * p.beard_long, 0.052)
    full = smin(full, hang + 0.06 * (1.0 - p.beard_long), 0.03)
    tache = smax(skin - (-0.010 + 0.018 * p.moustache), bar, 0.008)
    mask = torch.maximum(ramp(-lower, -0.008, 0.012), ramp(-bar, -0.004, 0.005)) * ramp(amount, 0.0, 0.35)
    volume = smin(full, tache, 0.008) - grain
    # Lips stay free of hair.
    return smax(volume, 0.0015 - m.lips, 0.006), mask


def brows(p: HeadParams, f: Frame, skin: Tensor) -> Tensor:
    """Eyebrows [B, N]: arched tapering tubes that ride on the skin."""
    t = (f.ax - p.eye_x) / 0.036
    tc = t.clamp(-1.0, 1.0)
    arch = p.brow_y + 0.004 + p.brow_tilt * 0.036 * tc - 0.0065 * tc * tc - 0.0025 * tc
    radius = p.brow_radius * (1.0 - 0.30 * tc - 0.28 * tc * tc)
    over = (t.abs() - 1.0).clamp(min=0.0) * 0.036
    return torch.maximum(length3(f.y - arch, skin * 1.15, over) - radius, 0.04 - f.z)
