"""The shape of a head: base vertices plus weighted targets (section 3 of the pack's README)."""

from __future__ import annotations

import numpy as np

from core_model.data.headpack.pack import Pack
from core_model.data.headpack.parameters import HeadParameters

_DECIMETRES = 0.001
_ANCESTRIES = ("african", "asian", "caucasian")
_SIDEWAYS, _UP, _DOWN = 15.0, 10.0, 11.0
"""Degrees that an eyeball turns at weight 1 of eyeLookIn/Out, Up, Down."""


def macro_weights(p: HeadParameters) -> dict[str, float]:
    """Weights of the `macro/…` targets: ancestry · sex · age, and sex · age · muscle · weight; each set adds up to 1."""
    sexes = {"male": p.male, "female": 1.0 - p.male}
    ages = _ages(p.age)
    muscles, weights = _three(p.muscle), _three(p.weight)
    found: dict[str, float] = {}
    for sex, s in sexes.items():
        for age, a in ages.items():
            for ancestry in _ANCESTRIES:
                found[f"macro/{ancestry}-{sex}-{age}"] = getattr(p, ancestry) * s * a
            for muscle, m in muscles.items():
                for weight, w in weights.items():
                    found[f"macro/universal-{sex}-{age}-{muscle}muscle-{weight}weight"] = s * a * m * w
    return {name: w for name, w in found.items() if w > 0.0}


def identity(pack: Pack, p: HeadParameters) -> np.ndarray:
    """Base vertices [7171, 3] in decimetres with the shape of the person, without an expression."""
    return _moved(pack, pack.geometry.vertices, macro_weights(p) | _summed(p.details))


def expressed(pack: Pack, p: HeadParameters, shape: np.ndarray) -> np.ndarray:
    """`shape` with the expression and the gaze of the person."""
    return _moved(pack, shape, _add(_summed(p.units), gaze_weights(p.gaze)))


def gaze_weights(gaze: tuple[float, float]) -> dict[str, float]:
    """Weights of the eyeLook units for a gaze of (degrees to the person's left, degrees up)."""
    left, up = gaze
    aside = min(abs(left) / _SIDEWAYS, 1.0)
    ways = ("OutLeft", "InRight") if left > 0 else ("InLeft", "OutRight")
    high = ("UpLeft", "UpRight") if up > 0 else ("DownLeft", "DownRight")
    turn = min(abs(up) / (_UP if up > 0 else _DOWN), 1.0)
    found = {f"arkit/eyeLook{way}": aside for way in ways} | {f"arkit/eyeLook{way}": turn for way in high}
    return {name: w for name, w in found.items() if w > 0.0}


def _ages(age: float) -> dict[str, float]:
    if age < 0.1875:
        return {"baby": 1.0 - age / 0.1875, "child": age / 0.1875}
    if age < 0.5:
        t = (age - 0.1875) / 0.3125
        return {"child": 1.0 - t, "young": t}
    return {"young": 2.0 - 2.0 * age, "old": 2.0 * age - 1.0}


def _three(x: float) -> dict[str, float]:
    return {"min": max(0.0, 1 - 2 * x), "average": 1 - abs(2 * x - 1), "max": max(0.0, 2 * x - 1)}


def _summed(weights: tuple) -> dict[str, float]:
    found: dict[str, float] = {}
    for w in weights:
        found[w.target] = found.get(w.target, 0.0) + w.weight
    return found


def _add(a: dict[str, float], b: dict[str, float]) -> dict[str, float]:
    return {name: a.get(name, 0.0) + b.get(name, 0.0) for name in a.keys() | b.keys()}


def _moved(pack: Pack, vertices: np.ndarray, weights: dict[str, float]) -> np.ndarray:
    moved = vertices.copy()
    for name in sorted(weights):  # floating-point sums depend on the order
        index, delta = pack.geometry.targets[name]
        moved[index] += delta * (weights[name] * _DECIMETRES)
    return moved
