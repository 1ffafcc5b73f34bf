"""Natural palettes: from latent components to linear RGB of skin, hair, iris, cloth; and the light."""

from __future__ import annotations

import math

import torch
from torch import Tensor

# sRGB stops, light to dark; natural tones in between come from linear interpolation.
_SKIN = (
    (0.965, 0.815, 0.735),
    (0.925, 0.735, 0.620),
    (0.865, 0.655, 0.515),
    (0.745, 0.525, 0.385),
    (0.590, 0.395, 0.285),
    (0.440, 0.285, 0.210),
    (0.330, 0.215, 0.165),
)
_HAIR = (
    (0.085, 0.070, 0.070),
    (0.165, 0.115, 0.090),
    (0.290, 0.190, 0.125),
    (0.430, 0.285, 0.175),
    (0.610, 0.440, 0.260),
    (0.800, 0.650, 0.430),
)
_IRIS = (
    (0.225, 0.130, 0.075),
    (0.375, 0.225, 0.110),
    (0.430, 0.360, 0.170),
    (0.300, 0.450, 0.300),
    (0.290, 0.470, 0.600),
    (0.450, 0.580, 0.680),
)
_CLOTH = (
    (0.60, 0.24, 0.22),
    (0.72, 0.50, 0.26),
    (0.40, 0.48, 0.30),
    (0.22, 0.46, 0.46),
    (0.22, 0.34, 0.54),
    (0.36, 0.28, 0.48),
    (0.58, 0.33, 0.40),
)


def to_linear(srgb: Tensor) -> Tensor:
    """sRGB [.., 3] in [0, 1] to linear light (plain 2.2 power: cheap, smooth at black)."""
    return srgb.clamp(min=0.0) ** 2.2


def _stops(table: tuple[tuple[float, ...], ...], t: Tensor) -> Tensor:
    """Piecewise linear colour ramp; t [B, 1] in [0, 1] to [B, 1, 3]."""
    stops = t.new_tensor(table)
    place = t.clamp(0.0, 1.0) * (len(table) - 1)
    weights = (1.0 - (place[..., None] - torch.arange(len(table), device=t.device)).abs()).clamp(min=0.0)
    return weights @ stops


def _unit(u: Tensor) -> Tensor:
    return 0.5 * (1.0 + torch.erf(u / math.sqrt(2.0)))


def _mix(a: Tensor, b: Tensor, t: Tensor) -> Tensor:
    return a + (b - a) * t[..., None]


def colours(raw: dict[str, Tensor], dev: dict[str, Tensor]) -> dict[str, Tensor]:
    """All colours [B, 1, 3] (linear RGB) and `light_dir` [B, 1, 3] (unit, world, towards the light)."""
    age = _unit(raw["age"])
    masc = dev["masculine"]
    tone = _unit(raw["skin_tone"])
    hue = dev["skin_hue"][..., None]
    warm = dev["skin_hue"].new_tensor([0.012, -0.004, -0.020])
    skin = (_stops(_SKIN, tone) + hue * warm).clamp(0.02, 1.0)
    dark_skin = ((tone - 0.45) / 0.35).clamp(0.0, 1.0)
    light = _unit(raw["hair_light"]) * (1.0 - 0.78 * dark_skin)
    hair = _stops(_HAIR, light)
    red = ((_unit(raw["hair_warm"]) - 0.78) / 0.15).clamp(0.0, 1.0) * (1.0 - dark_skin) * 0.8
    hair = _mix(hair, hair.new_tensor([0.56, 0.255, 0.12]).expand_as(hair), red)
    grey = ((age - 0.72) / 0.25).clamp(0.0, 1.0) * ((0.9 - _unit(raw["hair_warm"])) / 0.3).clamp(0.0, 1.0)
    hair = _mix(hair, hair.new_tensor([0.74, 0.73, 0.72]).expand_as(hair), grey * 0.9)
    brow = _mix(hair, hair.new_tensor([0.17, 0.12, 0.10]).expand_as(hair), torch.full_like(age, 0.5))
    iris = _stops(_IRIS, _unit(raw["iris"]) * (1.0 - 0.8 * dark_skin))
    blush = skin * skin.new_tensor([1.03, 0.80, 0.76])
    lip_base = skin * skin.new_tensor([0.93, 0.64, 0.62])
    lip = _mix(
        lip_base, lip_base.new_tensor([0.72, 0.25, 0.27]).expand_as(lip_base), (0.16 - 0.22 * masc).clamp(0.0)
    )
    cloth = _stops(_CLOTH, _unit(raw["cloth_hue"]))
    shade = _unit(raw["cloth_light"])
    cloth = _mix(cloth, torch.full_like(cloth, 0.88), ((shade - 0.6) / 0.4).clamp(0.0, 1.0) * 0.8)
    cloth = _mix(cloth, torch.full_like(cloth, 0.14), ((0.4 - shade) / 0.4).clamp(0.0, 1.0) * 0.8)
    trim = _mix(cloth, torch.full_like(cloth, 0.92), torch.full_like(age, 0.45))
    hat = _stops(_CLOTH, _unit(raw["hat_colour"]))
    hat = _mix(hat, torch.full_like(hat, 0.25), 0.45 * _unit(raw["cloth_light"] + raw["hat_colour"]))
    frame = _stops(
        ((0.07, 0.06, 0.07), (0.25, 0.13, 0.08), (0.55, 0.16, 0.15), (0.62, 0.50, 0.28)),
        _unit(raw["hat_colour"] - raw["glasses_shape"]) ** 1.5,
    )
    side = 0.55 * dev["light_side"] + 0.25 * torch.tanh(4.0 * dev["light_side"])
    direction = torch.stack([side, torch.full_like(side, 0.62), torch.full_like(side, 0.85)], dim=-1)
    named = {
        "skin_rgb": skin,
        "blush_rgb": blush,
        "lip_rgb": lip,
        "hair_rgb": hair,
        "brow_rgb": brow,
        "iris_rgb": iris,
        "cloth_rgb": cloth,
        "trim_rgb": trim,
        "hat_rgb": hat,
        "frame_rgb": frame,
    }
    out = {name: to_linear(value) for name, value in named.items()}
    out["light_dir"] = direction / direction.norm(dim=-1, keepdim=True)
    return out
