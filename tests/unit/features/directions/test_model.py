"""Directions: rows of the panel, edits of the document, and the file of named ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from core_model.schema.errors import InputError
from core_model.schema.latent import Edit, LatentSpec
from viewer.features.directions.model import (
    edit_of,
    forget,
    found,
    keep,
    read_directions,
    rows,
    with_edit,
    write_directions,
)

PCA = found(np.eye(3, 5, dtype=np.float32), np.array([2.0, 1.0, 0.5]), np.array([0.6, 0.3, 0.1]))


def test_found_directions_are_steps_of_one_standard_deviation() -> None:
    assert [d.name for d in PCA] == ["PC 1", "PC 2", "PC 3"] and PCA[0].step == (2.0, 0.0, 0.0, 0.0, 0.0)
    assert [d.sigma for d in PCA] == pytest.approx([2.0, 1.0, 0.5]) and PCA[1].share == pytest.approx(0.3)


def test_edits_come_change_and_go_with_their_strength() -> None:
    latent = with_edit(LatentSpec(), PCA[1], 1.5, (0, 3))
    assert latent.edits == (Edit(name="PC 2", direction=PCA[1].step, strength=1.5, layers=(0, 3)),)
    both = with_edit(with_edit(latent, PCA[0], -1.0, None), PCA[1], 2.0, (0, 3))
    assert [(e.name, e.strength) for e in both.edits] == [("PC 2", 2.0), ("PC 1", -1.0)]
    assert [e.name for e in with_edit(both, PCA[1], 0.0, None).edits] == ["PC 1"]
    assert with_edit(both, PCA[2], 0.0, None) is both and with_edit(both, PCA[0], -1.0, None) is both
    assert edit_of(both, PCA[2]) is None


def test_kept_directions_take_the_place_of_the_found_ones_also_after_rounding() -> None:
    kept = keep((), PCA[1], " smile ")
    nearly = found(
        np.eye(3, 5, dtype=np.float32) + 1e-4, np.array([2.0, 1.0, 0.5]), np.array([0.6, 0.3, 0.1])
    )
    listed = rows(nearly, kept, ())
    assert (
        [d.name for d in listed] == ["PC 1", "smile", "PC 3"]
        and listed[1].step == PCA[1].step
        and listed[1].kept
    )
    own = Edit(name="from a file", direction=(0.0, 0.0, 0.0, 0.0, 1.0), strength=1.0)
    assert [d.name for d in rows(PCA, (), (own,))] == ["PC 1", "PC 2", "PC 3", "from a file"]
    assert [d.name for d in rows((), kept, ())] == ["smile"]
    assert keep(kept, kept[0], "grin")[0].name == "grin" and forget(kept, PCA[1]) == ()


def test_named_directions_on_disk(tmp_path: Path) -> None:
    path = tmp_path / "directions.npz"
    kept = keep(keep((), PCA[0], "age"), PCA[2], "beard")
    write_directions(path, kept)
    assert read_directions(path, 5) == tuple(kept)
    with pytest.raises(InputError, match="this generator"):
        read_directions(path, 6)
    write_directions(path, ())
    assert read_directions(path, 5) == ()
    np.savez(path, steps=np.zeros((2, 5), np.float32), names=np.array(["a"]))
    with pytest.raises(InputError, match="damaged"):
        read_directions(path, 5)
