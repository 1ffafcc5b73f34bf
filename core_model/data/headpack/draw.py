"""Parameters of random people, by the ranges that the pack's README (section 7) gives for plausible, pleasant faces."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Literal, TypeVar

import numpy as np

from core_model.data.headpack.pack import Axis, Pack, load_pack
from core_model.data.headpack.parameters import Glasses, HeadParameters, Tone, Weight

T = TypeVar("T")

HAIR_TONES: dict[str, Tone] = {
    "black": (0.009, 0.007, 0.006),
    "dark brown": (0.028, 0.016, 0.010),
    "brown": (0.07, 0.038, 0.020),
    "light brown": (0.14, 0.085, 0.045),
    "blonde": (0.33, 0.22, 0.11),
    "red": (0.15, 0.045, 0.018),
    "grey": (0.26, 0.25, 0.235),
    "white": (0.50, 0.49, 0.465),
}
CLOTH_TONES: tuple[Tone, ...] = (
    (0.45, 0.44, 0.42),
    (0.55, 0.50, 0.42),
    (0.05, 0.05, 0.055),
    (0.02, 0.022, 0.03),
    (0.03, 0.05, 0.12),
    (0.05, 0.11, 0.22),
    (0.18, 0.30, 0.42),
    (0.10, 0.02, 0.025),
    (0.32, 0.05, 0.05),
    (0.04, 0.09, 0.05),
    (0.16, 0.20, 0.12),
    (0.30, 0.22, 0.12),
    (0.12, 0.07, 0.05),
    (0.30, 0.12, 0.20),
    (0.12, 0.06, 0.18),
    (0.45, 0.32, 0.10),
)
FRAME_TONES: tuple[Tone, ...] = (
    (0.012, 0.012, 0.013),
    (0.03, 0.014, 0.008),
    (0.10, 0.045, 0.02),
    (0.30, 0.28, 0.26),
    (0.35, 0.25, 0.12),
    (0.02, 0.03, 0.07),
    (0.10, 0.012, 0.015),
)
WOMENS_SHAPE = {
    "head/head-oval": 0.15,
    "chin/chin-width-decr|incr": -0.12,
    "nose/nose-scale-horiz-decr|incr": -0.12,
    "mouth/mouth-lowerlip-volume-decr|incr": 0.15,
    "mouth/mouth-upperlip-volume-decr|incr": 0.15,
    "eyes/eye-scale-decr|incr": 0.12,
    "eyebrows/eyebrows-angle-down|up": 0.2,
}
MENS_SHAPE = {"eyebrows/eyebrows-trans-down|up": 0.2, "eyebrows/eyebrows-angle-down|up": 0.1}
_YOUNG, _OLD = 0.6, 0.82


def draw(seed: int) -> HeadParameters:
    """The person of `seed` (a whole number ≥ 0); the same on every machine."""
    rng = np.random.Generator(np.random.PCG64([seed, 0x48EAD]))
    pack = load_pack()
    woman = bool(rng.random() < 0.5)
    male = float(rng.uniform(0.0, 0.06) if woman else rng.uniform(0.85, 1.0))
    age = _age(rng)
    shares = _ancestry(rng)
    ancestry = max(shares, key=lambda name: shares[name])
    colour, tone = _hair_tone(rng, ancestry, age)
    skin = _skin(rng, pack, woman, ancestry, age)
    expression, units = _expression(rng)
    hair = _hair(rng, pack, woman, ancestry, age)
    hat = None
    if (hair is None or pack.manifest["hair"][hair]["under_hat"]) and rng.random() < 0.07:
        hat = _one(rng, sorted(pack.manifest["hats"]))
    beard, beard_shape = (0.0, "none") if woman or age < 0.36 else _beard(rng)
    clothes = _one(rng, [n for n, c in pack.manifest["clothes"].items() if _sex(woman) in c["sex"]])
    tinted = pack.manifest["clothes"][clothes]["tint"] == "yes"
    return HeadParameters(
        seed=seed,
        male=male,
        age=age,
        **shares,
        muscle=float(rng.uniform(0.35, 0.65)),
        weight=float(np.clip(rng.normal(0.5, 0.13), 0.2, 0.8)),
        details=_details(rng, pack, woman, age),
        expression=expression,
        units=units,
        gaze=(float(np.clip(rng.normal(0, 3.0), -8, 8)), float(np.clip(rng.normal(0, 1.5), -4, 4))),
        skin=skin,
        skin_gain=float(rng.uniform(0.92, 1.08)),
        lips=_lips(rng, ancestry),
        lip_strength=float(rng.uniform(0.25, 0.6)) if woman and age > 0.3 and rng.random() < 0.6 else 0.0,
        iris=_weighted(rng, pack.manifest["eyes"]["suggested"][ancestry]),
        iris_gain=float(rng.uniform(0.62, 0.78)),
        brows=_one(rng, [n for n, b in pack.manifest["brows"].items() if _sex(woman) in b["sex"]]),
        brow_tone=_brow_tone(tone, colour),
        brow_alpha=float(rng.uniform(1.2, 1.4) if woman else rng.uniform(1.45, 1.7)),
        lashes=_lashes(rng, woman),
        hair=hair,
        hair_mirrored=bool(rng.random() < 0.5),
        hair_colour=colour,
        hair_tone=tone,
        beard=beard,
        beard_shape=beard_shape,
        hat=hat,
        hat_texture=_one(rng, pack.manifest["hats"][hat]["textures"]) if hat else None,
        clothes=clothes,
        clothes_tone=_jitter(rng, _one(rng, CLOTH_TONES)) if tinted else None,
        glasses=_glasses(rng, woman) if rng.random() < 0.16 + 0.14 * (age > 0.7) else None,
    )


def _sex(woman: bool) -> str:
    return "female" if woman else "male"


def _one(rng: np.random.Generator, choices: Sequence[T]) -> T:
    return choices[int(rng.integers(len(choices)))]


def _weighted(rng: np.random.Generator, weights: Mapping[str, float]) -> str:
    names = sorted(weights)
    shares = np.cumsum([weights[n] for n in names], dtype=np.float64)
    return names[int(np.searchsorted(shares, rng.random() * shares[-1], side="right"))]


def _age(rng: np.random.Generator) -> float:
    """Mostly grown-ups; one in twelve is a child of about ten to fifteen."""
    if rng.random() < 1 / 12:
        return float(rng.uniform(0.20, 0.30))
    return float(0.34 + 0.62 * rng.random() ** 1.35)


def _ancestry(rng: np.random.Generator) -> dict[str, float]:
    names = ["african", "asian", "caucasian"]
    main = _one(rng, names)
    share = rng.uniform(0.65, 1.0)
    split = rng.random()
    first, second = (n for n in names if n != main)
    return {main: float(share), first: float((1 - share) * split), second: float((1 - share) * (1 - split))}


def _details(rng: np.random.Generator, pack: Pack, woman: bool, age: float) -> tuple[Weight, ...]:
    spread = 0.75 if woman else 0.9
    shapes = [a for a in pack.axes if a.kind == "shape"]
    chosen = {shapes[int(i)].name for i in rng.choice(len(shapes), 2, replace=False)}
    found: list[Weight] = []
    for axis in pack.axes:
        mean = (WOMENS_SHAPE if woman else MENS_SHAPE).get(axis.name, 0.0)
        if axis.kind == "shape":
            value = rng.uniform(0.0, axis.limit) if axis.name in chosen else 0.0
            found += _weights(rng, axis, min(value + mean, axis.limit), 0.0)
        elif axis.kind in ("signed", "lateral"):
            value = rng.normal(0.0, axis.sigma * (spread if axis.kind == "signed" else 1.0))
            found += _weights(rng, axis, float(value) + mean, 0.04)
        elif axis.name.startswith("neck/neck-double") and age > _OLD:
            found += _weights(rng, axis, float(rng.uniform(0.0, 0.4)), 0.0, limit=0.4)
    for name in pack.asymmetry:
        if rng.random() < 0.12:
            found.append(Weight(target=name, weight=_short(abs(rng.normal(0, 0.2)), 0.6)))
    return tuple(w for w in found if w.weight > 0)


def _weights(
    rng: np.random.Generator, axis: Axis, value: float, uneven: float, limit: float | None = None
) -> list[Weight]:
    limit = axis.limit if limit is None else limit
    found = []
    for pair in axis.targets.values():
        t = float(np.clip(value + (rng.normal(0, uneven) if len(axis.targets) > 1 else 0.0), -limit, limit))
        name = pair[1] if t > 0 else pair[0]
        if name is not None:
            found.append(Weight(target=name, weight=_short(abs(t), 1.0)))
    return found


def _short(value: float, limit: float) -> float:
    return round(min(float(value), limit), 4)


def _expression(rng: np.random.Generator) -> tuple[str, tuple[Weight, ...]]:
    name = _weighted(
        rng, {"neutral": 4, "smile": 6, "grin": 1.6, "speech": 0.8, "surprise": 0.3, "frown": 0.25}
    )

    def u(low: float, high: float) -> float:
        return float(rng.uniform(low, high))

    # A little of both in every face: brows at rest look stern, corners of the mouth sullen.
    units: dict[str, float] = {"mouthSmile": u(0.14, 0.3), "browInnerUp": u(0.15, 0.4)}
    if name == "smile":
        units |= {"mouthSmile": u(0.35, 0.65), "cheekSquint": u(0.2, 0.45), "eyeSquint": u(0.0, 0.2)}
    elif name == "grin":
        units |= {"mouthSmile": u(0.6, 0.78), "mouthUpperUp": u(0.28, 0.4), "mouthLowerDown": u(0.1, 0.2)}
        units |= {"jawOpen": u(0.05, 0.11), "cheekSquint": u(0.2, 0.45)}
    elif name == "speech":
        units |= {"jawOpen": u(0.08, 0.2)}
    elif name == "surprise":
        units |= {"browInnerUp": u(0.35, 0.6), "jawOpen": u(0.08, 0.18), "eyeWide": u(0.05, 0.15)}
    elif name == "frown":
        units |= {"browInnerUp": 0.0, "browDown": u(0.15, 0.3)}
    targets = load_pack().geometry.targets
    found = []
    for unit, value in units.items():
        if f"arkit/{unit}" in targets:
            found.append(Weight(target=f"arkit/{unit}", weight=_short(value, 0.8)))
            continue
        uneven = float(rng.normal(0, 0.05)) * value
        found.append(Weight(target=f"arkit/{unit}Left", weight=_short(max(value + uneven, 0), 0.8)))
        found.append(Weight(target=f"arkit/{unit}Right", weight=_short(max(value - uneven, 0), 0.8)))
    return name, tuple(found)


def _skin(rng: np.random.Generator, pack: Pack, woman: bool, ancestry: str, age: float) -> str:
    group = "young" if age < _YOUNG else "middleage" if age < _OLD else "old"
    fitting = [
        name
        for name, s in sorted(pack.manifest["skins"].items())
        if s["sex"] == _sex(woman) and s["ancestry"] == ancestry and s["age"] == group
    ]
    return _one(rng, fitting)


def _hair_tone(rng: np.random.Generator, ancestry: str, age: float) -> tuple[str, Tone]:
    if rng.random() < (0.75 if age > 0.86 else 0.3 if age > 0.76 else 0.0):
        name = _weighted(rng, {"grey": 3, "white": 2})
    elif ancestry in ("african", "asian"):
        name = _weighted(rng, {"black": 3, "dark brown": 2})
    else:
        weights = {"black": 1, "dark brown": 3, "brown": 3, "light brown": 2, "blonde": 2, "red": 1}
        name = _weighted(rng, weights)
    return name, _jitter(rng, HAIR_TONES[name])


def _jitter(rng: np.random.Generator, tone: Tone) -> Tone:
    colourful = min(1.0, (max(tone) - min(tone)) / max(tone) * 3.0)
    gain = rng.uniform(0.8, 1.25) * np.exp(rng.normal(0, 0.04 * colourful, 3))
    r, g, b = (round(float(min(v, 0.9)), 5) for v in np.asarray(tone) * gain)
    return (r, g, b)


def _brow_tone(tone: Tone, colour: str) -> Tone:
    top = 0.13 if colour in ("grey", "white") else 0.09
    # Grey over red skin looks blue: brows are warmer than the hair.
    scaled = np.asarray(tone) * 0.75 * ((1.0, 0.88, 0.78) if colour in ("grey", "white") else 1.0)
    r, g, b = scaled * min(1.0, top / scaled.max())
    return (float(r), float(g), float(b))


def _lips(rng: np.random.Generator, ancestry: str) -> Tone:
    dark = 0.45 if ancestry == "african" else 1.0
    tone = _one(rng, [(0.32, 0.08, 0.09), (0.36, 0.12, 0.11), (0.27, 0.04, 0.06), (0.30, 0.10, 0.13)])
    r, g, b = (round(c * dark, 5) for c in tone)
    return (r, g, b)


def _lashes(rng: np.random.Generator, woman: bool) -> str:
    if not woman:
        return "lashes01"
    return _weighted(rng, {"lashes01": 0.5, "lashes02": 2, "lashes03": 2, "lashes04": 0.25})


def _hair(rng: np.random.Generator, pack: Pack, woman: bool, ancestry: str, age: float) -> str | None:
    if not woman and (age > 0.45 or ancestry == "african") and rng.random() < 0.2:
        return None
    weights: dict[str, float] = {}
    for name, style in pack.manifest["hair"].items():
        if _sex(woman) not in style["sex"]:
            continue
        weights[name] = 1.0
        if name == "afro01":
            weights[name] = 3.0 if ancestry == "african" else 0.0
        elif style["covers_one_eye"]:
            weights[name] = 0.2
    return _weighted(rng, weights)


def _beard(rng: np.random.Generator) -> tuple[float, Literal["full", "goatee", "moustache", "none"]]:
    kind = _weighted(rng, {"none": 4, "shadow": 2, "stubble": 2, "beard": 2})
    if kind == "none":
        return 0.0, "none"
    if kind == "shadow":
        return float(rng.uniform(0.1, 0.25)), "full"
    if kind == "stubble":
        return float(rng.uniform(0.3, 0.5)), "full"
    shape = _weighted(rng, {"full": 5, "goatee": 2, "moustache": 1})
    return float(
        rng.uniform(0.65, 0.9)
    ), "goatee" if shape == "goatee" else "moustache" if shape == "moustache" else "full"


def _glasses(rng: np.random.Generator, woman: bool) -> Glasses:
    shape = _weighted(rng, {"round": 2, "oval": 3 if woman else 2, "square": 3, "rimless": 1})
    heights = {"round": (0.9, 0.98), "oval": (0.7, 0.84), "square": (0.68, 0.82), "rimless": (0.64, 0.76)}
    metal = rng.random() < 0.4
    tint = float(rng.uniform(0.9, 0.98))
    return Glasses.model_validate(
        {
            "shape": shape,
            "width": float(rng.uniform(0.60, 0.67) if shape == "round" else rng.uniform(0.68, 0.76)),
            "height": float(rng.uniform(*heights[shape])),
            "rim": float(
                rng.uniform(0.003, 0.0042) if metal or shape == "rimless" else rng.uniform(0.005, 0.009)
            ),
            "tone": _jitter(rng, _one(rng, FRAME_TONES)),
            "lens": (tint, tint, min(1.0, tint * math.exp(float(rng.normal(0, 0.01))))),
        }
    )
