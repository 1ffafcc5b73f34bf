"""Seed board: figures against the metric's own code, order, rows in sight, what is wanted next, stars on
disk.
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch

from core_model.metrics.flatness import surface_spread
from core_model.schema.errors import InputError
from viewer.features.seeds.board import (
    Board,
    Thumb,
    figures,
    ordered,
    read_stars,
    stars_path,
    visible_rows,
    write_stars,
)


def thumb(depth_range: float = 1.0, samples: float = 2.0, flatness: float = 3.0) -> Thumb:
    return Thumb(np.zeros((4, 4, 3), np.uint8), depth_range, samples, flatness)


def test_figures_are_those_of_the_metric() -> None:
    rng = np.random.RandomState(3)
    depth = rng.uniform(2.3, 2.9, (32, 32)).astype(np.float32)
    depth[:9] = np.nan
    span, samples, flatness = figures(depth, np.full((32, 32), 8.5), 2.2, 3.2)
    truth = surface_spread(torch.from_numpy(depth)[None], 2.2, 3.2)[0].item()
    assert flatness == pytest.approx(truth) and 20 < flatness < 64
    assert span == pytest.approx(0.588, abs=0.02) and samples == pytest.approx(8.5)
    wall = figures(np.full((8, 8), 2.5), None, 2.2, 3.2)
    assert wall[0] == 0.0 and math.isnan(wall[1]) and wall[2] == pytest.approx(1.0)
    assert math.isnan(figures(np.full((8, 8), np.nan), None, 0.0, 1.0)[2])


def test_orders() -> None:
    thumbs = {1: thumb(0.5), 2: thumb(0.2), 3: thumb(math.nan), 4: thumb(0.9)}
    assert ordered([5, 4, 3, 2, 1], "range", False, thumbs) == [2, 1, 4, 3, 5]
    assert ordered([5, 4, 3, 2, 1], "range", True, thumbs) == [4, 1, 2, 3, 5]
    assert ordered([2, 9, 4], "seed", True, thumbs) == [9, 4, 2]


def test_what_is_wanted_next_is_what_is_in_sight() -> None:
    board = Board(budget=3 * 8 * 8 * 10)
    assert board.follow("a") and not board.follow("a") and board.capacity(8) == 10
    board.take(5, thumb())
    board.failed.add(6)
    assert board.missing([5, 6, 7], [1, 2]) == 7 and board.missing([5, 6], [1, 2]) == 1
    assert board.nbytes == 48
    assert board.follow("b") and board.missing([5], []) == 5 and board.nbytes == 0


def test_rows_in_sight() -> None:
    assert visible_rows(0.0, 100.0, 50.0, 20) == (0, 4)
    assert visible_rows(500.0, 100.0, 50.0, 20, spare=1) == (9, 13)
    assert visible_rows(5000.0, 100.0, 50.0, 20) == (20, 20) and visible_rows(0.0, 10.0, 50.0, 0) == (0, 0)


def test_stars_are_kept_by_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRISCOPE_CONFIG_DIR", str(tmp_path))
    path = stars_path("ab")
    assert read_stars(path) == frozenset()
    write_stars(path, frozenset({7, 3}))
    assert read_stars(path) == {3, 7} and path == tmp_path / "stars" / "ab.json"
    for text in ("{", "{}", "[1.5]", "[-1]"):
        path.write_text(text)
        with pytest.raises(InputError, match="stars not read"):
            read_stars(path)
