"""Shipped files: colour maps, fonts, their licences, and what a missing one says."""

from __future__ import annotations

import numpy as np
import pytest

from core_model.schema import assets
from core_model.schema.colormaps import colormaps
from core_model.schema.errors import InputError


def test_colour_maps_are_complete_and_name_their_licence():
    maps = colormaps()
    assert {"viridis", "magma", "inferno", "cividis", "turbo", "gray", "balance"} <= set(maps)
    for m in maps.values():
        assert m.table().shape == (256, 3) and m.licence and m.origin
    # Sequential maps get lighter all the way: that is what makes them readable in grey.
    weights = np.array([0.2126, 0.7152, 0.0722])
    for name in ("viridis", "magma", "inferno", "cividis", "gray"):
        lightness = (maps[name].table() ** 2.2) @ weights
        assert (np.diff(lightness) > -2e-3).all(), name


def test_fonts_carry_their_licence():
    folder = assets.asset_path("fonts")
    assert "SIL OPEN FONT LICENSE" in (folder / "OFL.txt").read_text()
    listed = (folder / "README.md").read_text()
    assert all(p.name in listed for p in folder.iterdir() if p.suffix in (".otf", ".ttf"))


def test_a_missing_asset_is_one_clear_line():
    with pytest.raises(InputError, match=r"asset is missing.*nothing\.bin"):
        assets.asset_path("nothing.bin")
    assert assets.find_asset("nothing.bin") is None
