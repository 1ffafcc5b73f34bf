"""Planes that are taken out, as one word of a command line.

`xy,yz@2:zero` = plane xy of level 1 and yz of level 2, set to zero.
"""

from __future__ import annotations

import re

from core_model.schema.conventions import Conventions
from core_model.schema.errors import InputError
from core_model.schema.latent import Ablation
from core_model.schema.whole import whole

_ONE = re.compile(r"(?P<plane>[a-z]{2}|[0-2])(?:@(?P<level>[1-9]\d?))?")
OPTION = "--ablate"


def plane_names(conv: Conventions) -> tuple[str, ...]:
    """What each plane is called: its world axes ("xy"), or its number where two planes have the same ones."""
    titles = [f"{a}{b}" for a, b in conv.plane_axes]
    return tuple(title if titles.count(title) == 1 else str(i) for i, title in enumerate(titles))


def ablation_of(text: str, conv: Conventions) -> Ablation:
    """The ablation of `PLANE[@LEVEL],…[:mean|zero]`.

    A plane by its axes or its number from 0, levels from 1. Raises InputError.
    """
    planes, _, fill = text.strip().lower().partition(":")
    if fill not in ("", "mean", "zero"):
        raise InputError(
            what="planes are set to their mean or to zero",
            where=OPTION,
            expected="PLANE,…:mean or PLANE,…:zero",
            got=fill,
        )
    found = []
    names = plane_names(conv)
    for word in planes.split(","):
        match = _ONE.fullmatch(word.strip())
        name = match["plane"] if match else ""
        if match is None or (name not in names and whole(name) is None):
            expected = f"{', '.join(names)} or 0 to 2, with @2 for the second level"
            raise InputError(
                what="no such plane", where=OPTION, expected=expected, got=word.strip() or "nothing"
            )
        found.append((int(match["level"] or 1) - 1, names.index(name) if name in names else int(name)))
    return Ablation(planes=tuple(found), fill=fill or "mean")  # type: ignore[arg-type]


def ablation_word(ablation: Ablation, conv: Conventions) -> str:
    """The inverse of `ablation_of`, as short as it can be said."""
    names = plane_names(conv)
    words = [names[plane] + (f"@{level + 1}" if level else "") for level, plane in ablation.planes]
    return ",".join(words) + ("" if ablation.fill == "mean" else f":{ablation.fill}")
