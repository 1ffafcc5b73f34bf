"""Typed numbers are read whole or refused with a reason."""

from __future__ import annotations

import pytest

from viewer.state.numbers import read_number

MOST = 2**32 - 1


@pytest.mark.parametrize(
    ("text", "value"), [("13", 13), (" 1e3 ", 1000), ("1.5e1", 15), ("+7", 7), ("4294967295", MOST), ("0", 0)]
)
def test_whole_numbers(text: str, value: int) -> None:
    found, why = read_number(text, 0, MOST, whole=True)
    assert (int(found), why) == (value, "")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "Nothing"), ("-5", "too small"), ("4294967296", "too large"), ("1e10", "too large"), ("1e999", "too large"),
        ("1.5", "not whole"),
        ("abc", "no number"),
        ("1e", "no number"), ("0x10", "no number"), ("nan", "no number"), ("1,5", "no number"), ("1_000", "no number"),
        ("1e99999999", "no number"), ("漢" * 100, "no number"),
    ],
)  # fmt: skip
def test_what_is_no_seed_says_why(text: str, said: str) -> None:
    found, why = read_number(text, 0, MOST, whole=True)
    assert found == 0 and said in why and "0 to 4294967295" in why and len(why) < 120


def test_fractions_and_their_ends() -> None:
    assert float(read_number("-.5", -2.0, 2.0)[0]) == -0.5
    assert float(read_number("2", -2.0, 2.0)[0]) == 2.0
    assert "too large" in read_number("2.0001", -2.0, 2.0)[1]
