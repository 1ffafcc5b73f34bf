"""Recorded training phases of the three programs, through the comparison that `benchmarks.training_parity` prints."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.parity.eg3d import Eg3dComparison
from benchmarks.parity.epigraf import EpigrafComparison
from benchmarks.parity.iteration import allow_rounding
from benchmarks.parity.mimic3d import Mimic3dComparison
from benchmarks.parity.recording import LIMIT, Recording, Row, Table
from benchmarks.training_parity import compare, report
from core_model.schema.errors import InputError
from tests.fixtures import FIXTURES


def check_all(table: Table) -> None:
    above = [f"{row.name} {row.error:.1e} {row.note}" for row in table.rows if row.error > LIMIT]
    assert table.rows and not above


def test_eg3d_layers_and_penalty() -> None:
    comparison = Eg3dComparison(Recording.read(FIXTURES / "train_eg3d.npz"))
    comparison.images_alone()
    comparison.layers()
    comparison.tables()
    for name in ("Greg_l1", "Dreg", "Dreg_ada"):
        comparison.phase(name, comparison.table)
    assert len(comparison.table.rows) > 60
    check_all(comparison.table)


def test_epigraf_pieces_and_penalty() -> None:
    comparison = EpigrafComparison(Recording.read(FIXTURES / "train_epigraf.npz"))
    for part in (comparison.geometry, comparison.layers, comparison.windows, comparison.cameras):
        part()
    comparison.tables()
    for name in ("Dreg", "Dreg_ada"):
        comparison.phase(name, comparison.table)
    assert len(comparison.table.rows) > 90
    check_all(comparison.table)


def test_mimic3d_pieces_and_penalties() -> None:
    comparison = Mimic3dComparison(Recording.read(FIXTURES / "train_mimic3d.npz"))
    comparison.layers()
    comparison.tables()
    for name in ("Dreg", "D_patchreg", "D_patchreg_ada"):
        comparison.phase(name, comparison.table)
    assert len(comparison.table.rows) == 34
    check_all(comparison.table)


@pytest.mark.slow
@pytest.mark.parametrize("program", ["eg3d", "epigraf", "mimic3d"])
def test_every_recorded_result(program: str, capsys: pytest.CaptureFixture[str]) -> None:
    table = compare(FIXTURES / f"train_{program}.npz")
    check_all(table)
    assert not table.missing()
    assert report(table) == 0
    assert "0 above 0.001, 0 not compared" in capsys.readouterr().out


def test_what_rounding_decides_is_left_out_and_nothing_else() -> None:
    """One entry of 40 that moved runs place anywhere is left out; a wrong value elsewhere still fails."""
    recording = Recording(Path("made up"), {"out/x": np.ones(40, np.float32)}, {})

    def rows(wrong: float) -> list[Row]:
        table = Table(recording)
        for open_entry in (0.2, -0.7, 0.9):
            found = np.ones(40)
            found[3], found[7] = open_entry, 1.0 + wrong
            table.check("out/x", found)
        return table.rows

    lucky, unlucky = rows(1e-5), rows(0.01)
    allow_rounding(lucky[0], lucky)
    allow_rounding(unlucky[0], unlucky)
    assert lucky[0].ok and "1 of 40 entries left out" in lucky[0].note
    assert unlucky[0].error == pytest.approx(0.01)
    none = rows(float("nan"))
    allow_rounding(none[0], none)
    assert not none[0].ok


def test_a_jump_that_one_run_of_many_makes_may_be_the_recordings_too() -> None:
    """Entries that jump in one moved run each: the recording may have jumped as far, and no further."""
    recording = Recording(Path("made up"), {"out/x": np.ones(40, np.float32)}, {})

    def error_of(recorded_jump: float, jumps: float) -> float:
        table = Table(recording)
        for number in range(5):
            found = np.ones(40)
            found[0] += recorded_jump
            if number:
                found[1 + number : 4 + number] += jumps
            table.check("out/x", found)
        allow_rounding(table.rows[0], table.rows)
        return table.rows[0].error

    assert error_of(0.005, 0.004) == 0.0
    assert error_of(0.02, 0.004) == pytest.approx(0.012)
    assert error_of(0.005, 0.0) == pytest.approx(0.005)


def test_what_nobody_computes_is_listed_and_fails(capsys: pytest.CaptureFixture[str]) -> None:
    recording = Recording.read(FIXTURES / "train_eg3d.npz")
    table = Table(recording)
    table.check("out/iter/ema_beta", float(recording.array("out/iter/ema_beta")) + 0.5)
    assert report(table) == 1
    printed = capsys.readouterr().out
    assert "ABOVE THE LIMIT" in printed and "not compared: nothing here computes it" in printed


def test_files_that_are_no_recordings_are_refused_in_one_line(tmp_path: Path) -> None:
    text, bare, other = tmp_path / "a.npz", tmp_path / "b.npz", tmp_path / "c.npz"
    text.write_text("no archive")
    np.savez(bare, x=np.zeros(2))
    np.savez(other, meta=np.asarray('{"codebase": "stylenerf"}'))
    gone = tmp_path / "d.npz"
    wrong = {text: "unreadable", bare: "without meta", other: "unknown program", gone: "no such"}
    for path, what in wrong.items():
        with pytest.raises(InputError, match=what) as caught:
            compare(path)
        assert "\n" not in str(caught.value)
