"""Planes that are left out, as one word of a command line."""

from __future__ import annotations

import pytest

from core_model.schema.ablation import ablation_of, ablation_word, plane_names
from core_model.schema.conventions import Conventions
from core_model.schema.errors import InputError
from core_model.schema.latent import Ablation

CONV = Conventions()
TWICE = Conventions(plane_axes=(("x", "y"), ("x", "z"), ("x", "z")))


@pytest.mark.parametrize(
    ("text", "planes", "fill"),
    [
        ("xy", ((0, 0),), "mean"),
        ("yz,xy:zero", ((0, 0), (0, 2)), "zero"),
        ("1, XZ@2:mean", ((0, 1), (1, 1)), "mean"),
        ("xy,0", ((0, 0),), "mean"),
    ],
)
def test_words_name_planes(text: str, planes: tuple[tuple[int, int], ...], fill: str) -> None:
    assert ablation_of(text, CONV) == Ablation(planes=planes, fill=fill)  # type: ignore[arg-type]


@pytest.mark.parametrize("text", ["", "xw", "3", "xy@0", "xy@", "xy:grey", ":zero", "xy,,yz", "yx"])
def test_other_words_are_refused(text: str) -> None:
    with pytest.raises(InputError, match="--ablate"):
        ablation_of(text, CONV)


@pytest.mark.parametrize("conv", [CONV, TWICE])
def test_a_word_comes_back(conv: Conventions) -> None:
    for fill in ("mean", "zero"):
        ablation = Ablation(planes=((0, 0), (0, 2), (1, 1)), fill=fill)  # type: ignore[arg-type]
        assert ablation_of(ablation_word(ablation, conv), conv) == ablation


def test_planes_with_the_same_axes_have_numbers() -> None:
    assert plane_names(TWICE) == ("xy", "1", "2")
    with pytest.raises(InputError, match="xy, 1, 2"):
        ablation_of("xz", TWICE)
