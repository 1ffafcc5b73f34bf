"""Parameters of the closed-form head.

From a Gaussian latent to bounded, named shape and colour quantities. One latent component drives one idea
("jaw width", "hair length"); a few ideas are coupled (beard with the masculine axis, baldness with age and
masculinity) as they are in people. Every map is continuous and saturates, so a latent far out in the tail
still gives a head. Lengths are world units, colours linear RGB.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from core_model.data.heads import colouring
from core_model.schema.errors import InputError

N_PARAMS = 48

NAMES = (
    "masculine",
    "age",
    "weight",
    "head_width",
    "face_length",
    "jaw_width",
    "chin",
    "cheekbone",
    "forehead",
    "nose_length",
    "nose_width",
    "nose_bridge",
    "nose_upturn",
    "eye_size",
    "eye_spacing",
    "eye_tilt",
    "lid_open",
    "brow_height",
    "brow_tilt",
    "brow_thick",
    "lip_full",
    "mouth_width",
    "smile",
    "mouth_open",
    "ear_size",
    "ear_flare",
    "skin_tone",
    "skin_hue",
    "hair_light",
    "hair_warm",
    "iris",
    "hair_length",
    "hair_volume",
    "hair_curl",
    "fringe",
    "parting",
    "bald",
    "bun",
    "beard",
    "beard_style",
    "hat",
    "hat_brim",
    "hat_colour",
    "glasses",
    "glasses_shape",
    "cloth_hue",
    "cloth_light",
    "light_side",
)
"""Meaning of each latent component, in order."""


def _unit(u: Tensor) -> Tensor:
    """Normal CDF: a standard normal becomes uniform on (0, 1)."""
    return 0.5 * (1.0 + torch.erf(u / math.sqrt(2.0)))


def _gate(u: Tensor, fraction: float) -> Tensor:
    """Nearly a switch that is on for `fraction` of all heads; narrow but continuous."""
    threshold = math.sqrt(2.0) * float(torch.erfinv(torch.tensor(1.0 - 2.0 * fraction)))
    return torch.sigmoid((u - threshold) / 0.025)


def _step(v: Tensor, lo: float, hi: float) -> Tensor:
    t = ((v - lo) / (hi - lo)).clamp(0.0, 1.0)
    return t * t * (3.0 - 2.0 * t)


@dataclasses.dataclass(frozen=True)
class HeadParams:
    """Bounded parameters of B heads.

    Scalars are [B, 1], lengths world units; colours [B, 1, 3], linear RGB. `-1…1` quantities are deviations
    from the mean head, `0…1` quantities are amounts.
    """

    masculine: Tensor
    age: Tensor
    weight: Tensor
    head_width: Tensor
    face_length: Tensor
    jaw_width: Tensor
    chin: Tensor
    cheekbone: Tensor
    forehead: Tensor
    nose_length: Tensor
    nose_width: Tensor
    nose_bridge: Tensor
    nose_upturn: Tensor
    eye_radius: Tensor
    eye_x: Tensor
    eye_tilt: Tensor
    lid_open: Tensor
    brow_y: Tensor
    brow_tilt: Tensor
    brow_radius: Tensor
    lip_radius: Tensor
    mouth_half: Tensor
    smile: Tensor
    mouth_gap: Tensor
    ear_scale: Tensor
    ear_flare: Tensor
    hair_length: Tensor
    hair_thick: Tensor
    hair_top: Tensor
    hair_curl: Tensor
    hairline: Tensor
    parting: Tensor
    bald: Tensor
    bun: Tensor
    beard: Tensor
    beard_long: Tensor
    moustache: Tensor
    hat: Tensor
    hat_brim: Tensor
    glasses: Tensor
    glasses_round: Tensor
    light_dir: Tensor
    skin_rgb: Tensor
    blush_rgb: Tensor
    lip_rgb: Tensor
    hair_rgb: Tensor
    brow_rgb: Tensor
    iris_rgb: Tensor
    cloth_rgb: Tensor
    trim_rgb: Tensor
    hat_rgb: Tensor
    frame_rgb: Tensor

    @property
    def batch(self) -> int:
        """Number of heads B."""
        return self.masculine.shape[0]

    @staticmethod
    def from_latent(u: Tensor) -> HeadParams:
        """Maps latents u [B, N_PARAMS] ~ N(0, 1) to parameters of B heads (continuous in u)."""
        if u.ndim != 2 or u.shape[1] != N_PARAMS:
            raise InputError(
                what="head latent",
                where="HeadParams.from_latent",
                expected=f"[B, {N_PARAMS}]",
                got=str(tuple(u.shape)),
            )
        raw = {name: u[:, i : i + 1] for i, name in enumerate(NAMES)}
        dev = {name: torch.tanh(v * 0.75) for name, v in raw.items()}
        return HeadParams(**_shape(raw, dev), **_hair(raw, dev), **colouring.colours(raw, dev))

    def to(self, device: torch.device | str) -> HeadParams:
        """The same heads on another device."""
        return self._map(lambda t: t.to(device))

    def select(self, index: int) -> HeadParams:
        """Head `index` alone, as a batch of one."""
        return self._map(lambda t: t[index : index + 1])

    def take(self, indices: Tensor) -> HeadParams:
        """The heads at `indices` [K] (long), as a batch of K."""
        return self._map(lambda t: t[indices])

    def as_dict(self, i: int) -> dict[str, float | list[float]]:
        """Head i as plain numbers, for JSON."""
        out: dict[str, float | list[float]] = {}
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)[i].reshape(-1).tolist()
            out[field.name] = value[0] if len(value) == 1 else value
        return out

    def _map(self, change: Callable[[Tensor], Tensor]) -> HeadParams:
        return HeadParams(**{f.name: change(getattr(self, f.name)) for f in dataclasses.fields(self)})


def latent_for_seed(seed: int) -> Tensor:
    """The latent [N_PARAMS] that belongs to an integer seed, the same on every machine."""
    return torch.from_numpy(np.random.RandomState(seed).randn(N_PARAMS)).float()


def _shape(raw: dict[str, Tensor], dev: dict[str, Tensor]) -> dict[str, Tensor]:
    masc = torch.tanh(raw["masculine"] * 1.1)
    age = _unit(raw["age"])
    young = (1.0 - age / 0.35).clamp(min=0.0) ** 2 * 0.8
    open_ = _step(_unit(raw["mouth_open"]), 0.45, 1.0)
    smile = 0.25 + 0.75 * dev["smile"]
    return {
        "masculine": masc,
        "age": age,
        "weight": dev["weight"],
        "head_width": 1.0 + 0.055 * dev["head_width"] + 0.02 * dev["weight"],
        "face_length": dev["face_length"] * 0.6 + 0.2 * masc - 0.6 * young,
        "jaw_width": 0.45 * dev["jaw_width"] + 0.35 * masc + 0.15 * dev["weight"] - 0.3 * young,
        "chin": 0.75 * dev["chin"] + 0.35 * masc - 0.5 * young,
        "cheekbone": dev["cheekbone"],
        "forehead": dev["forehead"] + 0.4 * young,
        "nose_length": 0.8 * dev["nose_length"] + 0.3 * (age - 0.5) - 0.7 * young,
        "nose_width": 1.0 + 0.20 * dev["nose_width"] + 0.07 * masc,
        "nose_bridge": dev["nose_bridge"] + 0.25 * masc - 0.5 * young,
        "nose_upturn": dev["nose_upturn"] - 0.3 * masc + 0.4 * young,
        "eye_radius": 0.0415 + 0.0022 * dev["eye_size"] - 0.0012 * masc + 0.0020 * young,
        "eye_x": 0.0625 + 0.0035 * dev["eye_spacing"],
        "eye_tilt": 0.06 + 0.10 * dev["eye_tilt"] - 0.03 * masc,
        "lid_open": 0.90
        + 0.20 * dev["lid_open"]
        - 0.07 * masc
        - 0.12 * (age - 0.5)
        + 0.12 * young
        - 0.08 * smile,
        "brow_y": 0.0630 + 0.0065 * dev["brow_height"] - 0.0035 * masc,
        "brow_tilt": 0.20 * dev["brow_tilt"] - 0.06 * masc,
        "brow_radius": 0.0056 + 0.0016 * dev["brow_thick"] + 0.0013 * masc,
        "lip_radius": 0.0105 + 0.0026 * dev["lip_full"] - 0.0010 * masc,
        "mouth_half": 0.0480 + 0.0060 * dev["mouth_width"] + 0.0050 * smile,
        "smile": smile,
        "mouth_gap": -0.004 + 0.0125 * open_ * (0.45 + 0.55 * _unit(raw["smile"])),
        "ear_scale": 1.0 + 0.14 * dev["ear_size"] + 0.05 * masc + 0.05 * (age - 0.5),
        "ear_flare": 0.42 + 0.22 * dev["ear_flare"],
    }


def _hair(raw: dict[str, Tensor], dev: dict[str, Tensor]) -> dict[str, Tensor]:
    masc = torch.tanh(raw["masculine"] * 1.1)
    age = _unit(raw["age"])
    hat = _gate(raw["hat"], 0.15)
    bald = _step(_unit((0.85 * raw["bald"] + 0.75 * masc + 1.0 * (age - 0.5)) / 1.1), 0.74, 1.0)
    length = _step(_unit(0.75 * raw["hair_length"] - 1.15 * masc), 0.30, 0.95) * (1.0 - 0.85 * bald)
    volume = _unit(raw["hair_volume"])
    curl = _step(_unit(raw["hair_curl"]), 0.35, 1.0)
    bun = _step(_unit(raw["bun"] - 0.6 * masc), 0.84, 0.92) * (1.0 - bald) * (1.0 - hat)
    beard = _step(_unit((0.8 * raw["beard"] + 1.3 * masc) / 1.35), 0.62, 1.0)
    style = _unit(raw["beard_style"])
    return {
        "hair_length": length * (1.0 - 0.75 * bun),
        "hair_thick": (0.010 + 0.026 * volume + 0.012 * curl + 0.004 * length) * (1.0 - 0.75 * bald),
        "hair_top": (0.004 + 0.026 * _unit(raw["hair_volume"] * 0.7 - raw["fringe"] * 0.7)) * (1.0 - bald),
        "hair_curl": curl,
        "hairline": 0.150 - 0.034 * _step(_unit(raw["fringe"]), 0.45, 1.0) + 0.012 * age + 0.02 * bald,
        "parting": dev["parting"],
        "bald": bald,
        "bun": bun,
        "beard": beard,
        "beard_long": beard * _step(style, 0.45, 1.0),
        "moustache": beard * (0.55 + 0.45 * (1.0 - style)),
        "hat": hat,
        "hat_brim": _step(_unit(raw["hat_brim"]), 0.40, 0.75) * (0.7 + 0.3 * _unit(raw["hat_brim"])),
        "glasses": _gate(raw["glasses"], 0.20),
        "glasses_round": _unit(raw["glasses_shape"]),
    }
