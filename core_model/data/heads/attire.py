"""Clothing, hats and glasses. Absent pieces have positive distance everywhere."""

from __future__ import annotations

from torch import Tensor

from core_model.data.heads.face import EYE_Y, Frame, Skull
from core_model.data.heads.hair import hat_height
from core_model.data.heads.parameters import HeadParams
from core_model.data.heads.primitives import ellipse, length2, length3, round_max, segment, smax, smin


def shirt(f: Frame, body: Tensor) -> tuple[Tensor, Tensor]:
    """Shirt over the body and its collar ring: two distances [B, N]."""
    line = f.y + 0.248 + 0.30 * (f.z + 0.06) - 0.10 * f.ax
    cloth = round_max(body - 0.008, 0.96 * line, 0.005)
    collar = length2(body - 0.005, (line.abs() - 0.006).clamp(min=0.0)) - 0.0085
    return cloth, collar


def hat(p: HeadParams, f: Frame, s: Skull) -> tuple[Tensor, Tensor]:
    """Beanie with a folded cuff that grows a brim: (distance, cuff-or-brim distance), [B, N]."""
    height = hat_height(f)
    offset = 0.026 * p.hat - 0.05 * (1.0 - p.hat)
    crown = round_max(s.cranium_hair - offset - 0.010 * p.hat_brim, -height, 0.008)
    cuff = (
        length2(s.cranium_hair - offset, (height.abs() - 0.018 * (1.0 - 0.5 * p.hat_brim)).clamp(min=0.0))
        - 0.0095
    )
    reach = 0.070 * p.hat_brim
    plan = ellipse(f.x, f.z + 0.030 - 0.25 * reach, 0.150 * p.head_width + reach, 0.180 + reach)
    curl = height + 0.012 * p.hat_brim - 1.1 * f.x * f.x * p.hat_brim
    brim = length2(plan.clamp(min=0.0), curl) - 0.0085
    ring = smin(cuff, brim, 0.012) + 0.10 * (1.0 - p.hat)
    return smin(crown, ring, 0.006), ring


def glasses(p: HeadParams, f: Frame) -> Tensor:
    """Spectacle frames [B, N]: two rims between round and square, a bridge and temple arms."""
    tube = 0.0062
    wide, high = 0.0440, 0.0350 + 0.0075 * p.glasses_round
    corner = 0.012 + (high - 0.012) * p.glasses_round
    centre = 0.0620
    qx, qy = (f.ax - centre).abs() - (wide - corner), (f.y - EYE_Y + 0.003).abs() - (high - corner)
    inside = smax(qx, qy, 0.004).clamp(max=0.0)
    rim2d = length2(qx.clamp(min=0.0), qy.clamp(min=0.0)) + inside - corner
    bow = f.z - (0.1580 - 2.6 * (f.ax - 0.012).clamp(min=0.0) ** 2 / (1.0 + 2.0 * f.ax))
    rim = length2(rim2d, bow)
    bridge = length3((f.x.abs() - 0.016).clamp(min=0.0), f.y - EYE_Y - 0.012 + 6.0 * f.x * f.x, f.z - 0.1600)
    hinge = (centre + wide - 0.002, EYE_Y + 0.016, 0.140)
    ear = (0.1430 * p.head_width + 0.002, EYE_Y + 0.028, -0.040)
    arm, _ = segment(f.ax, f.y, f.z, hinge, ear)
    return smin(smin(rim, bridge, 0.003), arm, 0.004) - tube + 0.03 * (1.0 - p.glasses)
