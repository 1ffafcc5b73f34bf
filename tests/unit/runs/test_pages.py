"""Page models that both windows draw: selection, charts, pictures, log, settings, snapshots, progress."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.unit.runs.synthetic import Plan, write_foreign, write_native
from tests.unit.runs.test_reading import read
from viewer.runs.board import ChartBoard
from viewer.runs.chart import ChartModel
from viewer.runs.facts import SettingsPage
from viewer.runs.log_page import LogPage
from viewer.runs.moments import moment_at, moment_of_number, nearest
from viewer.runs.pictures import PLAY_S, PicturePage
from viewer.runs.reader import RunReader
from viewer.runs.run_health import alarm_cells, alarms_of, images_words, progress_of
from viewer.runs.selection import Moment, Selection
from viewer.runs.snapshots import snapshot_table

SIGNS = ("Discriminator", "Signs of the logits", "")


@pytest.fixture
def native(tmp_path: Path) -> RunReader:
    return read(write_native(tmp_path / "native", Plan(ticks=60, nan_at=20), pictures=5))


@pytest.fixture
def foreign(tmp_path: Path) -> RunReader:
    return read(write_foreign(tmp_path / "foreign", Plan(ticks=40)))


def board_of(view: Selection, *runs: RunReader) -> ChartBoard:
    board = ChartBoard()
    view.ticked = [run.path for run in runs]
    board.update(view, runs)
    return board


def chart_of(board: ChartBoard, title: str) -> ChartModel:
    return next(chart for key, chart in board.charts.items() if key[1] == title)


def test_runs_keep_their_colours_and_leave_with_their_folder() -> None:
    a, b, c = Path("/a"), Path("/b"), Path("/c")
    view = Selection(ticked=[a, b])
    assert (view.colour_of(a), view.colour_of(b), view.compared) == (0, 1, (a, b))
    view.tick(a, False)
    view.tick(c, True)
    assert view.colour_of(c) == 0, "the colour of a run that is shown no more is free"
    view.choose(a)
    assert view.followed == (b, c, a) and view.compared == (b, c)
    view.drop_missing({c})
    assert view.ticked == [c] and view.chosen is None
    view.tick(c, False)
    view.choose(b)
    assert view.compared == (b,), "without ticks the chosen run is drawn"


def test_another_axis_ends_a_zoom() -> None:
    view = Selection(window=(1.0, 2.0))
    view.count_by("images")
    assert view.window == (1.0, 2.0), "the same axis changes nothing"
    view.count_by("time")
    assert view.axis == "time" and view.window is None


def test_the_board_changes_only_with_series_filter_and_runs(native: RunReader, foreign: RunReader) -> None:
    view = Selection()
    board = board_of(view, native, foreign)
    charts = dict(board.charts)
    assert not board.update(view, [native, foreign]) and board.charts == charts
    assert set(chart_of(board, SIGNS[1]).runs) == {native, foreign}
    assert [c for some in board.groups().values() for c in some] == list(board.charts.values())
    view.words = "sign logit"
    assert board.update(view, [native, foreign]) and list(board.charts) == [SIGNS]
    view.words = "no such chart"
    assert board.update(view, [native]) and board.nothing_words(view) == "No chart fits “no such chart”."
    board.update(view, [])
    assert board.nothing_words(view).startswith("Choose a run")


def test_a_y_axis_is_logarithmic_as_wished_or_as_it_suits(native: RunReader) -> None:
    view = Selection()
    board = board_of(view, native)
    beta = chart_of(board, "Beta").key
    assert board.is_log(view, beta) and not board.is_log(view, SIGNS)
    view.log_scale = "linear"
    assert not board.is_log(view, beta)
    view.log_scale = "log"
    assert board.is_log(view, SIGNS)


def test_lines_of_several_runs_are_told_apart(native: RunReader, foreign: RunReader) -> None:
    both = chart_of(board_of(Selection(), native, foreign), "Adversarial loss")
    assert [(line.run.name, line.colour, line.pale > 0) for line in both.lines] == [
        ("native", 0, False), ("native", 0, True), ("foreign", 1, False), ("foreign", 1, True),
    ]  # fmt: skip
    alone = chart_of(board_of(Selection(), native), "Adversarial loss")
    assert [(line.colour, line.pale) for line in alone.lines] == [(0, 0.0), (1, 0.0)]


def test_a_chart_is_made_anew_only_when_something_that_it_shows_has_changed(native: RunReader) -> None:
    view = Selection()
    board = board_of(view, native)
    chart = chart_of(board, "Adversarial loss")
    assert chart.refresh(view, board.span, 400, False) and not chart.refresh(view, board.span, 400, False)
    first = chart.lines[0]
    assert (chart.scale, chart.unit) == (1e3, "k images") and len(first.curve.x) == 60
    assert first.curve.x[-1] * chart.scale == pytest.approx(board.span[1])
    assert chart.limits[0] < np.nanmin(first.curve.low) < np.nanmax(first.curve.high) < chart.limits[1]
    for change in ({"smoothing": 0.2}, {"axis": "time"}):
        for name, value in change.items():
            setattr(view, name, value)
        assert chart.refresh(view, board.span, 400, False)
    native.version += 1
    assert chart.refresh(view, board.span, 400, False)


def test_strokes_hold_the_raw_line_or_the_band(native: RunReader) -> None:
    view = Selection(smoothing=0.0)
    board = board_of(view, native)
    chart = chart_of(board, "R1 penalty")
    line = chart.lines[0]
    chart.refresh(view, board.span, 400, False)
    alone = chart.strokes(line, view)
    assert alone.raw is None and alone.band is None and alone.line is line.curve.low
    view.smoothing = 0.6
    chart.refresh(view, board.span, 400, False)
    averaged = chart.strokes(line, view)
    assert averaged.raw is line.curve.low and averaged.line is line.curve.smooth
    chart.refresh(view, board.span, 5, False)
    banded = chart.strokes(line, view)
    assert banded.raw is None and banded.band is not None
    assert (banded.band[0] <= banded.band[1]).all() and not line.curve.exact
    view.envelope = False
    assert chart.strokes(line, view).band is None and chart.strokes(line, view).raw is not None


def test_values_and_marks_at_a_place(native: RunReader, foreign: RunReader) -> None:
    view = Selection(smoothing=0.0)
    board = board_of(view, native)
    chart = chart_of(board, "Adversarial loss")
    chart.refresh(view, board.span, 400, False)
    assert chart.heading_at(28_000, "images") == "Adversarial loss at 28.0 k images"
    texts = [text for _, text in chart.values_at(40_000, smoothed=False)]
    assert [text.split()[0] for text in texts] == ["G", "D"]
    at = int(np.argmin(np.abs(chart.lines[0].curve.x - 40.0)))
    assert float(texts[0].split()[1]) == pytest.approx(chart.lines[0].curve.low[at], rel=1e-3)
    assert all("raw" in text for _, text in chart.values_at(40_000, smoothed=True))
    stages, alarms = chart.marks(native, "images", board.span)
    nan = next(a for a in native.alarms.alarms if a.key.startswith("nan"))
    assert nan.images / 1e3 in alarms and len(stages)
    assert not len(chart.marks(native, "images", (nan.images + 1, nan.images + 2))[1])
    several = chart_of(board_of(view, native, foreign), "R1 penalty")
    several.refresh(view, board.span, 400, False)
    assert [several.legend(line).split()[0] for line in several.lines][:1] == ["native"]
    assert chart.legend(chart.lines[0]).split()[0] == "G"


def test_a_foreign_board_counts_ticks(foreign: RunReader) -> None:
    view = Selection(axis="steps")
    board = board_of(view, foreign)
    chart = next(iter(board.charts.values()))
    chart.refresh(view, board.span, 100, False)
    assert chart.unit == "ticks"


def test_pictures_follow_the_newest_until_a_hand_comes(native: RunReader) -> None:
    page = PicturePage()
    newest = page.update(native, None, 0.0)
    assert newest is not None and page.place == page.last == 4 and newest is page.pictures[-1]
    page.step(-1)
    page.update(native, None, 0.0)
    assert (page.place, page.follow) == (3, False)
    page.go(99)
    assert page.place == 4
    page.toggle()
    assert page.playing
    for turn in range(1, 7):
        page.update(native, None, turn * PLAY_S)
    assert page.place == (4 + 6) % 5, "the film begins again after the last"
    page.update(native, None, 6.1 * PLAY_S)
    assert page.place == 0, "no faster than its pace"
    page.stay_newest(True)
    page.update(native, None, 10.0)
    assert page.place == 4 and not page.playing


def test_an_alarm_brings_the_last_picture_before_it_once(native: RunReader, foreign: RunReader) -> None:
    page = PicturePage()
    page.update(native, None, 0.0)
    third = page.pictures[2]
    moment = Moment(native.path, step=third.number + 1, images=0.0)
    assert page.update(native, moment, 0.0) == third and not page.follow
    page.step(1)
    assert page.update(native, moment, 0.0) == page.pictures[3], "the hand goes on from there"
    assert page.update(foreign, moment, 0.0) == page.pictures[-1], "another run follows its newest"
    assert page.number_words(page.pictures[-1]).endswith("images")


def test_a_torn_picture_is_tried_again(native: RunReader) -> None:
    page = PicturePage()
    picture = page.update(native, None, 0.0)
    assert picture is not None
    whole = picture.path.read_bytes()
    picture.path.write_bytes(whole[: len(whole) // 2])

    def decoded(now: float) -> object:
        until = time.monotonic() + 20
        while (done := page.decoded(picture, (64, 64), now)) is None and time.monotonic() < until:
            time.sleep(0.01)
        return done.pixels if done is not None else "nothing"

    assert decoded(0.0) is None and page.shown is not None and page.shown.fault
    picture.path.write_bytes(whole)
    assert isinstance(decoded(5.0), np.ndarray)
    with Image.open(picture.path) as image:
        assert page.shown.size == image.size


def test_the_log_page_searches_and_begins_at_the_error_of_a_failed_run(tmp_path: Path) -> None:
    path = write_native(tmp_path / "run", Plan(ticks=30), state="failed")
    (path / "console.txt").write_text(
        "loading\nTraceback (most recent call last):\nRuntimeError: no memory\n"
    )
    page, run = LogPage(), read(path)
    assert page.update(run) and page.file == "console.txt" and page.last_error.endswith("no memory")
    assert not page.update(run), "nothing new"
    page.words = "no memory"
    assert page.update(run) and [line.text for line in page.found] == ["RuntimeError: no memory"]
    assert page.copied() == "RuntimeError: no memory" and page.note() == f"1 lines, {page.errors} errors"
    page.file, page.words = "log.txt", ""
    assert page.update(run) and page.file == "log.txt" and len(page.found) > 5
    other = read(write_native(tmp_path / "other", Plan(ticks=3)))
    page.file = "console.txt"
    assert page.update(other) and page.file == "log.txt", "a file that the run lacks is not kept"


def test_settings_side_by_side(native: RunReader, foreign: RunReader) -> None:
    page = SettingsPage(only_different=False)
    same = page.rows([native, native])
    assert same and not any(row.contrary for row in same)
    page.only_different = True
    assert page.rows([native, native]) == []
    assert page.rows([native]), "one run alone has nothing to differ from"
    rows = {row.name: row for row in page.rows([native, foreign])}
    assert rows["batch"].values == ("32", "–") and not rows["batch"].contrary
    page.words = "BATCH"
    assert all("batch" in row.name.lower() for row in page.rows([native, foreign]))


def test_the_table_of_snapshots(native: RunReader, foreign: RunReader) -> None:
    table = snapshot_table(native, native.listing.snapshots)
    numbers = [row.snapshot.number for row in table.rows]
    assert numbers == sorted(numbers, reverse=True) and len(numbers) == 5 and table.counted == "Step"
    assert all(len(row.scores) == len(table.titles) for row in table.rows)
    assert snapshot_table(foreign, ()).counted == "kimg"


def test_progress_and_alarms_in_words(native: RunReader) -> None:
    now = progress_of(native)
    assert now.done == native.images_done() and now.share == pytest.approx(now.done / now.total)
    assert images_words(1.2e5, 1.2e6) == "120 k of 1.20 M" and images_words(1.2e5, 0) == "120 k"
    ((run, alarm),) = [(r, a) for r, a in alarms_of([native]) if a.key.startswith("nan")]
    assert run is native and alarm_cells(run, alarm)[:2] == ("NaN or infinite", "native")
    assert alarm_cells(run, alarm)[-1].endswith("(over)") and not alarm.active


def test_a_moment_has_all_its_counts_and_charts_and_pictures_meet_in_it(
    native: RunReader, foreign: RunReader
) -> None:
    at = moment_of_number(native, 1000)
    assert at.step == 1000 and at.images == pytest.approx(32_000, rel=0.01) and at.time > 0
    assert moment_at(native, "images", at.images).step == pytest.approx(1000, rel=0.01)
    there = moment_of_number(foreign, 40)
    assert there.images == 40_000 and there.number(True) == 40
    page = PicturePage()
    page.update(native, None, 0.0)
    last = page.place
    first = page.pictures[0]
    page.update(native, moment_of_number(native, first.number), 0.1)
    assert page.place == 0 != last and not page.follow
    assert (nearest([10, 20, 40], 29), nearest([], 3)) == (1, -1)


def test_a_second_page_begins_with_the_reals_or_with_the_first_moment(foreign: RunReader) -> None:
    first, second = PicturePage(), PicturePage()
    first.update(foreign, None, 0.0)
    second.begin_beside(first, "reals")
    assert second.update(foreign, None, 0.0) is not None and second.group == "reals"
    second.begin_beside(first, "step")
    found = second.update(foreign, None, 0.0)
    assert second.group == first.group and second.place == 0 and not second.follow
    assert found == first.pictures[0] != first.pictures[first.place]
