"""How the series of a ray report look.

Names and colours of the ray panel and of the exported plots, in one place. Okabe and Ito's colours, lighter
on dark ground and darker on light ground; told apart with every kind of colour vision. Exported plots are on
white paper and take the light ones.
"""

from __future__ import annotations

from typing import Literal

Ground = Literal["dark", "light"]

INKS: dict[Ground, dict[str, str]] = {
    "dark": {
        "truth": "#e8eaf0", "probe": "#56b4e9", "prediction": "#f0a030", "target": "#e28fbe",
        "robust": "#2fc79a", "sdf": "#56b4e9", "density": "#f0a030", "transmittance": "#2fc79a",
        "unstratified": "#e28fbe", "stratified": "#56b4e9", "final": "#e8eaf0",
        "first zero crossing": "#ff7b72", "expected depth": "#8b9aff", "threshold": "#ff7b72", "other": "#a0a8b7",
    },
    "light": {
        "truth": "#171a21", "probe": "#0072b2", "prediction": "#c25500", "target": "#a8447e",
        "robust": "#00795a", "sdf": "#0072b2", "density": "#c25500", "transmittance": "#00795a",
        "unstratified": "#a8447e", "stratified": "#0072b2", "final": "#171a21",
        "first zero crossing": "#b3261e", "expected depth": "#3f50d6", "threshold": "#b3261e", "other": "#525b6b",
    },
}  # fmt: skip
"""Colour of each series, row of samples and marked distance, "#rrggbb"; "other" is for those without one of
their own."""

TITLES = {
    "truth": "true weights", "probe": "dense probe", "prediction": "prediction", "target": "target", "robust": "robust set",
    "sdf": "signed distance", "density": "density", "transmittance": "transmittance T",
}  # fmt: skip
"""Legend of a series; rows of samples are called by their own name."""


def ink(ground: Ground, name: str) -> tuple[int, int, int]:
    """Colour of a series on dark or light ground, 0 to 255 each."""
    text = INKS[ground].get(name, INKS[ground]["other"])
    return int(text[1:3], 16), int(text[3:5], 16), int(text[5:7], 16)
