"""Charts that several runs share, and the numbers that they are drawn with."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.unit.runs.synthetic import Plan, write_foreign, write_native
from viewer.runs.board import chart_of, logarithmic, shared_charts, whole_span
from viewer.runs.chart import events_near, limits, place_words, positive
from viewer.runs.reader import RunReader


@pytest.fixture
def runs(tmp_path: Path) -> list[tuple[int, RunReader]]:
    made = [
        write_native(tmp_path / "a", Plan(ticks=30)),
        write_foreign(tmp_path / "b", Plan(ticks=40)),
        write_native(tmp_path / "c", Plan(ticks=20, nan_at=7)),
    ]
    readers = [RunReader(path) for path in made]
    for reader in readers:
        while reader.poll():
            pass
    return list(enumerate(readers))


def test_runs_of_different_programs_meet_in_one_chart(runs: list[tuple[int, RunReader]]) -> None:
    found = shared_charts(runs)
    names = found["Losses", "Adversarial loss", ""]
    assert set(names) == {0, 1, 2} and names[0]["G"] == "loss/G" and names[1]["G"] == "Loss/G/loss"
    assert [line.label for line in chart_of(("Losses", "Adversarial loss", ""), names).lines] == ["G", "D"]
    groups = [key[0] for key in found]
    assert groups == sorted(groups, key=groups.index), "a group is not torn apart"
    assert ("Losses", "R1 penalty", "") in logarithmic(runs) and (
        "Losses",
        "Adversarial loss",
        "",
    ) not in logarithmic(runs)


def test_filter_by_typing(runs: list[tuple[int, RunReader]]) -> None:
    found = shared_charts(runs, "r1 loss")
    assert found and all("R1" in title or "r1" in str(names) for (_, title, _), names in found.items())
    assert shared_charts(runs, "no such chart") == {}


def test_span_limits_and_words(runs: list[tuple[int, RunReader]]) -> None:
    readers = [run for _, run in runs]
    assert whole_span(readers, "images") == (0.0, 160_000.0)
    assert whole_span([], "images") == (0.0, 1.0)
    low, high = limits([np.array([1.0, np.nan])], [np.array([3.0, np.nan])], False)
    assert low < 1.0 < 3.0 < high and high - low < 2.5
    low, high = limits([np.array([-1.0, 0.01])], [np.array([0.01, 10.0])], True)
    assert 0 < low < 0.01 and high > 10
    assert limits([np.array([np.nan])], [np.array([np.nan])], True) == (0.1, 1.0) and limits(
        [], [], False
    ) == (0.0, 1.0)
    low, high = limits([np.array([2.0])], [np.array([2.0])], False)
    assert low < 2.0 < high
    assert np.isnan(positive(np.array([-1.0, 0.0, 2.0]))).tolist() == [True, True, False]
    assert place_words(28_000, "images") == "28.0 k images" and place_words(70, "time") == "1 min 10 s"


def test_events_are_told_near_their_place(runs: list[tuple[int, RunReader]]) -> None:
    broken = runs[2][1]
    alarm = next(a for a in broken.alarms.alarms if a.key.startswith("nan"))
    assert any("NaN" in text for text in events_near(broken, "images", alarm.images, 10.0))
    assert not any("NaN" in text for text in events_near(broken, "images", alarm.images + 1e5, 10.0))
