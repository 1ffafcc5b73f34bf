"""Lists of seeds: what is read, what is refused and how soon."""

from __future__ import annotations

import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core_model.schema.latent import SEEDS
from core_model.schema.seeds import seeds_in
from viewer.features.training.snapshots import film_hindrance


def test_numbers_and_ranges() -> None:
    assert seeds_in(" 0-3, 7 ,2 - 2,007") == (0, 1, 2, 3, 7, 2, 7)
    assert seeds_in(f"{SEEDS - 2}-{SEEDS - 1}") == (SEEDS - 2, SEEDS - 1)
    assert seeds_in("0-63", most=64)[-1] == 63


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "numbers and ranges"), ("x", "numbers and ranges"), ("1,,2", "numbers and ranges"), ("-3", "numbers and ranges"),
        ("1-2-3", "numbers and ranges"), ("1.5", "numbers and ranges"), ("٣", "numbers and ranges"), ("1\n2", "numbers and ranges"),
        ("5-2", "backwards"), (str(SEEDS), "below 2³²"), ("9" * 5000, "below 2³²"), (f"0-{'9' * 5000}", "below 2³²"),
        ("0-64", "at most 64 seeds"), ("0-31,32-64", "at most 64 seeds"),
    ],
)  # fmt: skip
def test_other_text_is_refused_by_what_is_expected(text: str, expected: str) -> None:
    with pytest.raises(ValueError, match=expected):
        seeds_in(text, most=64)


def test_a_long_range_is_refused_before_it_is_made() -> None:
    tracemalloc.start()
    try:
        for text in (f"0-{SEEDS - 1}", "0-99999999999", ",".join(["0-4294967294"] * 100)):
            with pytest.raises(ValueError, match=r"at most|below"):
                seeds_in(text)
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()


@given(st.lists(st.integers(0, SEEDS - 1), min_size=1, max_size=20))
def test_what_is_written_is_read_back(seeds: list[int]) -> None:
    assert seeds_in(",".join(map(str, seeds))) == tuple(seeds)


@given(st.text(max_size=30))
def test_any_text_is_a_list_or_a_reason(text: str) -> None:
    try:
        assert all(0 <= seed < SEEDS for seed in seeds_in(text))
    except ValueError as error:
        assert any(word in str(error) for word in ("numbers", "seeds", "backwards"))


def test_a_film_does_not_start_with_seeds_that_its_command_refuses() -> None:
    assert film_hindrance("0-3", "a.mp4") == film_hindrance("", "a.mp4 ") == ""
    assert "64 seeds" in film_hindrance("0-64", "a.mp4") and "0-3,7" in film_hindrance("x", "a.mp4")
    assert ".mp4" in film_hindrance("0-3", "a.avi")
