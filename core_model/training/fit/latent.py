"""Which head a latent stands for: z [B, Z] → parameters of people of the head pack, as continuous as the pack allows.

A subset of what `triscope data heads` draws, so that a small generator fitted in hours draws a typical head sharply: adults up to
about forty who smile a little, no hats and no glasses, five hair styles, four kinds of clothes, features that differ by IDENTITY_SPREAD
of the spread there. Choices (sex, ancestry, style, clothes, iris) change at thresholds of single numbers of z / rms(z), all else moves
smoothly. The last 40 numbers are the identity: a fixed random matrix turns them into the pack's signed axes.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from core_model.data.headpack.draw import CLOTH_TONES, HAIR_TONES, WOMENS_SHAPE
from core_model.data.headpack.pack import load_pack
from core_model.data.headpack.parameters import HeadParameters, Tone, Weight
from core_model.nn.layers import second_moment_norm

Z_MIN = 64
"""Numbers of z that a head takes."""
CHOSEN, IDENTITY = 24, 40
ANCESTRIES = ("african", "asian", "caucasian")
IDENTITY_SPREAD = 0.6
SKINS = tuple(f"young_{ancestry}_{sex}" for ancestry in ANCESTRIES for sex in ("female", "male"))
STYLES = ("long01", "ponytail01", "short01", "short04", "")
"""The last one is a shaved head."""
_WOMENS_STYLES, _MENS_STYLES = np.array([0, 0, 1]), np.array([2, 2, 3, 3, 4])
CLOTHES = ("female_sportsuit01", "female_casualsuit01", "male_casualsuit04", "male_elegantsuit01")
BROWS = ("brow001", "brow009")
"""Women's and men's."""
IRISES = ("blue", "green", "hazel", "brown", "darkbrown")
_HAIR_PATHS = (
    ("black", "black", "dark brown"),
    ("black", "black", "dark brown"),
    ("black", "dark brown", "brown", "red", "light brown", "blonde"),
)
"""By ancestry."""


@dataclass(frozen=True)
class LatentHeads:
    """B heads: choices as numbers [B] into the lists above, all else as floating-point arrays [B] or [B, 3]."""

    woman: np.ndarray
    ancestry: np.ndarray
    skin: np.ndarray
    style: np.ndarray
    clothes: np.ndarray
    iris: np.ndarray
    share: np.ndarray
    """Of the main ancestry."""
    age: np.ndarray
    weight: np.ndarray
    muscle: np.ndarray
    smile: np.ndarray
    gain: np.ndarray
    beard: np.ndarray
    lips: np.ndarray
    hair_tone: np.ndarray
    cloth_tone: np.ndarray
    identity: np.ndarray
    """[B, IDENTITY]."""

    @staticmethod
    def of(z: Tensor) -> LatentHeads:
        """The heads of z [B, Z] with Z ≥ 64."""
        n = second_moment_norm(z.double())
        u = (0.5 * (1.0 + torch.erf(n[:, :CHOSEN] / np.sqrt(2.0)))).clamp(0, 1 - 1e-9).numpy().T
        n = n.numpy()
        woman, ancestry, age = u[0] < 0.5, (3 * u[1]).astype(int), 0.40 + 0.19 * u[3]
        style = np.where(woman, _pick(_WOMENS_STYLES, u[8]), _pick(_MENS_STYLES, u[8]))
        return LatentHeads(
            woman=woman,
            ancestry=ancestry,
            skin=2 * ancestry + ~woman,
            style=style,
            clothes=(2 * u[11]).astype(int) + 2 * ~woman,
            iris=np.where(ancestry == 2, (4 * u[14]).astype(int), 3 + (2 * u[14]).astype(int)),
            share=0.75 + 0.25 * u[2],
            age=age,
            weight=np.clip(0.5 + 0.08 * n[:, 4], 0.25, 0.75),
            muscle=0.35 + 0.3 * u[5],
            smile=0.35 + 0.35 * u[6],
            gain=0.86 + 0.12 * u[13],
            beard=np.where(woman, 0.0, 0.85 * np.clip(2.0 * u[15] - 0.9, 0.0, 1.0)),
            lips=np.where(woman, 0.5 * u[17], 0.0),
            hair_tone=_hair_tones(ancestry, u[9], 0.8 + 0.45 * u[10]),
            cloth_tone=_along(np.asarray(CLOTH_TONES), u[12]),
            identity=n[:, CHOSEN : CHOSEN + IDENTITY],
        )

    def columns(self) -> np.ndarray:
        """All that describes the heads, [B, P]: numbers as they are, choices as one column each, of tones the logarithm.

        Tones differ most in lightness: without the differences of their channels a network that knows 95 % of their variance may not
        know a hue.
        """
        numbers = [
            self.age,
            self.weight,
            self.muscle,
            self.smile,
            self.gain,
            self.beard,
            self.lips,
            self.share,
        ]
        choices = ((self.skin, SKINS), (self.style, STYLES), (self.clothes, CLOTHES), (self.iris, IRISES))
        picked = [(chosen[:, None] == np.arange(len(names))).astype(float) for chosen, names in choices]
        tones = [np.log(self.hair_tone), np.log(self.cloth_tone)]
        hues = [x[:, :2] - x[:, 1:] for x in tones]
        return np.concatenate([np.stack(numbers, axis=1), *picked, *tones, *hues, self.identity], axis=1)

    def parameters(self, i: int) -> HeadParameters:
        """Head i as the pack takes it."""
        woman, tone, clothes = bool(self.woman[i]), _tone(self.hair_tone[i]), CLOTHES[self.clothes[i]]
        share, main = float(self.share[i]), ANCESTRIES[self.ancestry[i]]
        african, asian, caucasian = (share if a == main else (1.0 - share) / 2 for a in ANCESTRIES)
        tinted = load_pack().manifest["clothes"][clothes]["tint"] == "yes"
        return HeadParameters(
            male=0.03 if woman else 0.95,
            age=float(self.age[i]),
            african=african,
            asian=asian,
            caucasian=caucasian,
            muscle=float(self.muscle[i]),
            weight=float(self.weight[i]),
            details=_details(self.identity[i], woman),
            expression="smile",
            units=_units(float(self.smile[i])),
            skin=SKINS[self.skin[i]],
            skin_gain=float(self.gain[i]),
            lips=(0.32, 0.08, 0.09),
            lip_strength=float(self.lips[i]),
            iris=IRISES[self.iris[i]],
            iris_gain=0.7,
            brows=BROWS[0 if woman else 1],
            brow_tone=_tone(np.asarray(tone) * min(0.75, 0.09 / max(tone))),
            brow_alpha=1.6,
            lashes="lashes02" if woman else "lashes01",
            hair=STYLES[self.style[i]] or None,
            hair_colour="",
            hair_tone=tone,
            beard=float(self.beard[i]),
            clothes=clothes,
            clothes_tone=_tone(self.cloth_tone[i]) if tinted else None,
        )


def latent_z(seed: int, z_dim: int) -> Tensor:
    """z [1, Z] of a seed, as the viewer draws it: numpy RandomState(seed) normals."""
    return torch.from_numpy(np.random.RandomState(seed).randn(1, z_dim)).float()


def head_of_z(z: Tensor) -> HeadParameters:
    """The head of one latent [1, Z]."""
    return LatentHeads.of(z).parameters(0)


def _pick(choices: np.ndarray, u: np.ndarray) -> np.ndarray:
    return choices[(u * len(choices)).astype(int)]


def _hair_tones(ancestry: np.ndarray, shade: np.ndarray, gain: np.ndarray) -> np.ndarray:
    tones = np.zeros((len(shade), 3))
    for k, path in enumerate(_HAIR_PATHS):
        of = ancestry == k
        tones[of] = _along(np.array([HAIR_TONES[name] for name in path]), shade[of])
    return tones * gain[:, None]


def _along(tones: np.ndarray, u: np.ndarray) -> np.ndarray:
    """The tones [B, 3] at u [B] in [0, 1] of the way through a list [K, 3], mixed in logarithms."""
    at = u * (len(tones) - 1)
    k = np.minimum(at.astype(int), len(tones) - 2)
    share = (at - k)[:, None]
    return np.exp(np.log(tones[k]) * (1.0 - share) + np.log(tones[k + 1]) * share)


def _tone(values: np.ndarray) -> Tone:
    r, g, b = (float(v) for v in values)
    return (r, g, b)


def _units(smile: float) -> tuple[Weight, ...]:
    """An expression that is alike on both sides; brows at rest look stern."""
    both = {"mouthSmile": smile, "cheekSquint": 0.5 * smile}
    found = [
        Weight(target=f"arkit/{n}{side}", weight=v) for n, v in both.items() for side in ("Left", "Right")
    ]
    return (*found, Weight(target="arkit/browInnerUp", weight=0.3))


@functools.cache
def _mixing(count: int) -> np.ndarray:
    """[count, IDENTITY], rows of unit length."""
    rows = np.random.RandomState(40).randn(count, IDENTITY)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def _details(identity: np.ndarray, woman: bool) -> tuple[Weight, ...]:
    """Weights of the pack's signed and sideways axes; of the outlines only what makes a woman's head."""
    axes = [a for a in load_pack().axes if a.kind in ("signed", "lateral", "shape")]
    found = []
    for axis, number in zip(axes, _mixing(len(axes)) @ identity, strict=True):
        spread = {"lateral": 1.0, "signed": 0.75 if woman else 0.9, "shape": 0.0}[axis.kind]
        value = IDENTITY_SPREAD * number * axis.sigma * spread + (
            WOMENS_SHAPE.get(axis.name, 0.0) if woman else 0.0
        )
        value = float(np.clip(value, -axis.limit, axis.limit))
        names = [pair[1] if value > 0 else pair[0] for pair in axis.targets.values()]
        found += [Weight(target=name, weight=abs(value)) for name in names if name is not None and value]
    return tuple(found)
