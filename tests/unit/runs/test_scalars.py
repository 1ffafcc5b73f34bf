"""Pyramid, moving average and alarms against plain loops."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core_model.schema.run_lines import parse_block
from tests.unit.runs.synthetic import Plan, line, tick
from viewer.runs.alarms import AlarmBook
from viewer.runs.catalogue import charts
from viewer.runs.format import amount, axis_unit, duration, number, size, time_left
from viewer.runs.pyramid import Pyramid
from viewer.runs.smoothing import Finite, Smoothed
from viewer.runs.table import ScalarTable

VALUES = st.lists(st.floats(-1e6, 1e6) | st.just(float("nan")), min_size=1, max_size=700)


@settings(max_examples=40, deadline=None)
@given(VALUES, st.data())
def test_bounds_are_exact_however_the_values_arrived(values: list[float], data: st.DataObject) -> None:
    pyramid, at = Pyramid(), 0
    while at < len(values):
        step = data.draw(st.integers(1, 200))
        pyramid.append(np.array(values[at : at + step]))
        at += step
    keep = data.draw(st.integers(0, len(values)))
    pyramid.cut(keep)
    pyramid.append(np.array(values[keep:]))
    a = data.draw(st.integers(0, len(values)))
    b = data.draw(st.integers(a, len(values)))
    inside = [v for v in values[a:b] if v == v]
    low, high = pyramid.bounds(a, b)
    assert (low, high) == (min(inside), max(inside)) if inside else (np.isnan(low) and np.isnan(high))


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 5000), st.integers(1, 60), st.integers(0, 2**31))
def test_no_spike_is_lost_and_none_is_invented(count: int, columns: int, seed: int) -> None:
    values = np.random.default_rng(seed).normal(size=count)
    pyramid = Pyramid()
    pyramid.append(values)
    edges = np.unique(np.linspace(0, count, columns + 1).astype(np.int64))
    low, high = pyramid.envelope(edges)
    assert low.min() == values.min() and high.max() == values.max()
    width = max(1, count // columns)
    for i, (a, b) in enumerate(zip(edges[:-1], edges[1:], strict=True)):
        # A value next to a column's end may count for its neighbour.
        assert low[i : i + 2].min() <= values[a:b].min() and high[i : i + 2].max() >= values[a:b].max()
        around = values[max(0, a - width) : b + width]
        assert low[i] >= around.min() and high[i] <= around.max()


@settings(max_examples=30, deadline=None)
@given(VALUES, st.sampled_from([0.0, 0.5, 0.9, 0.999]), st.integers(1, 300))
def test_the_average_is_that_of_a_plain_loop(values: list[float], weight: float, part: int) -> None:
    smoothed, finite, source = Smoothed(weight), Finite(), np.array(values)
    for end in range(part, len(values) + part, part):
        kept = finite.extend(source[:end])
        smoothed.extend(kept)
    got = smoothed.at(kept, finite.places(np.arange(len(values))))
    total = seen = 0.0
    expected = []
    for v in values:
        if np.isfinite(v):
            total, seen = weight * total + (1 - weight) * v, weight * seen + (1 - weight)
        expected.append(total / seen if seen else np.nan)
    np.testing.assert_allclose(
        got, expected, rtol=1e-9, atol=1e-6 * max(1.0, np.nanmax(np.abs(source), initial=0.0)) * 1e-3
    )


def test_the_average_of_a_long_series_is_that_of_a_plain_loop() -> None:
    """Long enough for strides of strides of blocks."""
    source, smoothed = np.random.default_rng(0).normal(size=400_001), Smoothed(0.999)
    for end in (7, 150_000, 150_003, 400_001):
        smoothed.extend(source[:end])
    total = seen = 0.0
    places = (0, 63, 64, 4095, 4096, 262_143, 262_144, 399_999, 400_000)
    expected = []
    for i, v in enumerate(source.tolist()):
        total, seen = 0.999 * total + 0.001 * v, 0.999 * seen + 0.001
        if i in places:
            expected.append(total / seen)
    np.testing.assert_allclose(smoothed.at(source, np.array(places)), expected, rtol=1e-7, atol=1e-12)


def table_of(
    plan: Plan, first: int = 0, last: int | None = None, table: ScalarTable | None = None
) -> ScalarTable:
    table = ScalarTable() if table is None else table
    table.add(parse_block([line(tick(plan, i)).encode() for i in range(first, last or plan.ticks)]))
    return table


def test_the_average_does_not_depend_on_the_zoom() -> None:
    table = table_of(Plan(ticks=600))
    whole = table.curve("loss/G", "images", 0, 2.4e6, 40, 0.9)
    near = table.curve("loss/G", "images", 1.0e6, 1.4e6, 1000, 0.9)
    assert (
        not whole.exact
        and near.exact
        and np.array_equal(near.low, table.series["loss/G"].values[len(near.x) * 0 + 248 : 248 + len(near.x)])
    )
    smooth = table.series["loss/G"].smooth(0.9, np.arange(600))
    assert near.smooth.tolist() == smooth[248 : 248 + len(near.x)].tolist()
    assert set(whole.smooth) <= set(smooth)


def test_columns_with_gaps_keep_their_places() -> None:
    table = ScalarTable()
    table.add(
        parse_block(
            [
                b'{"step": %d, "a": 1%s}' % (i, b', "lazy": %d' % i if i % 16 == 0 else b"")
                for i in range(5000)
            ]
        )
    )
    curve = table.curve("lazy", "steps", 1000, 1100, 500, 0.0)
    assert curve.x.tolist() == curve.low.tolist() and curve.x[0] <= 1000 and curve.x[-1] >= 1100
    coarse = table.curve("lazy", "steps", 0, 5000, 20, 0.0)
    assert coarse.high[-1] == 4992 and np.all(coarse.low <= coarse.high) and np.all(np.diff(coarse.x) >= 0)


def alarms_of(table: ScalarTable) -> list[tuple[str, int, bool]]:
    book = AlarmBook()
    book.update(table)
    return [(a.key.split(":")[0], a.row, a.active) for a in book.alarms]


def test_nan_and_a_saturated_discriminator_are_found_at_their_rows() -> None:
    found = alarms_of(table_of(Plan(ticks=120, nan_at=50, saturated_from=80)))
    assert ("nan", 50, False) in found and ("saturated", 80, True) in found and len(found) == 2
    assert alarms_of(table_of(Plan(ticks=200))) == []


def test_alarms_do_not_depend_on_how_the_rows_arrived() -> None:
    plan = Plan(ticks=120, nan_at=50, saturated_from=80)
    book, table = AlarmBook(), ScalarTable()
    for i in range(0, 120, 7):
        table_of(plan, i, min(120, i + 7), table)
        book.update(table)
    assert [(a.key.split(":")[0], a.row, a.active) for a in book.alarms] == alarms_of(table_of(plan))


@pytest.mark.parametrize(
    ("name", "values", "key", "row"),
    [
        ("beta", [0.01] * 30 + [1.0e-4] * 5, "beta", 30),
        ("non_flatness", [20.0] * 30 + [3.0] * 5, "flat", 30),
        ("proposal/entropy", [3.0] * 30 + [0.1] * 5, "entropy", 30),
        ("loader/wait_share", [0.1] * 30 + [0.8] * 5, "loader", 30),
        ("bad_steps", [0] * 30 + [2] * 5, "gradients", 30),
        ("augment_p", [0.3] * 30 + [0.9] * 5, "ada", 30),
        ("loss/G", [1.0] * 30 + [float("inf")] * 5, "nan", 30),
    ],
)
def test_every_rule_fires_where_its_trouble_begins(
    name: str, values: list[float], key: str, row: int
) -> None:
    import json

    table = ScalarTable()
    table.add(parse_block([json.dumps({"step": i, name: v}).encode() for i, v in enumerate(values)]))
    assert [(k, r) for k, r, _ in alarms_of(table)] == [(key, row)]
    calm = ScalarTable()
    calm.add(parse_block([json.dumps({"step": i, name: v}).encode() for i, v in enumerate(values[:30])]))
    assert alarms_of(calm) == []


def test_every_series_is_in_exactly_one_chart() -> None:
    names = list(table_of(Plan(ticks=2)).series) + ["fid", "strange name/with/parts", "Loss/G/loss"]
    drawn = [one.name for chart in charts(names, frozenset(["fid"])) for one in chart.lines]
    assert sorted(drawn) == sorted(names)
    found = next(c for c in charts(names) if c.title == "Signs of the logits")
    assert found.fits("sign REAL") and not found.fits("beta")


def test_words_are_short_and_carry_units() -> None:
    assert [number(v) for v in (0, 0.01234567, 18.4242, 123456.0, 1.2e-5, float("nan"))] == [
        "0",
        "0.01235",
        "18.42",
        "1.23e+05",
        "1.20e-05",
        "nan",
    ]
    assert [amount(v) for v in (12, 880_000, 1_200_000, 28.2e6)] == ["12", "880 k", "1.20 M", "28.2 M"]
    assert [duration(v) for v in (3.4, 12, 65, 250, 3725, 7500, 90000, float("nan"))] == [
        "3 s",
        "12 s",
        "1 min 05 s",
        "4 min 10 s",
        "1 h 02 min",
        "2 h 05 min",
        "1 d 1 h",
        "–",
    ]
    assert [time_left(v) for v in (0.2, 99, 280, 7300, float("nan"))] == [
        "1 s left",
        "99 s left",
        "5 min left",
        "2 h left",
        "",
    ]
    assert (
        size(17.2e9) == "17.2 GB"
        and axis_unit("images", 1.2e6) == (1e3, "k images")
        and axis_unit("time", 9000) == (3600.0, "hours")
    )
