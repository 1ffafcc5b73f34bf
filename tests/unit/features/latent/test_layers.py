"""Layers of w in words."""

from __future__ import annotations

from viewer.features.latent.mixing import BANDS, band, in_words, toggled


def test_bands_cover_every_layer_once() -> None:
    for layers in (3, 6, 14, 18):
        assert sum((band(name, layers) for name in BANDS), ()) == tuple(range(layers))
    assert (
        band("coarse", 14) == (0, 1, 2, 3)
        and band("fine", 14) == tuple(range(8, 14))
        and band("coarse", 6) == (0, 1)
    )
    assert band("fine", 1) == ()


def test_toggling_and_words() -> None:
    assert toggled((3, 1), 2, True) == (1, 2, 3) and toggled((1, 2, 3), 2, False) == (1, 3)
    assert in_words((), 6) == "none" and in_words(tuple(range(6)), 6) == "all"
    assert in_words((8, 0, 1, 2, 99), 14) == "0-2, 8"
