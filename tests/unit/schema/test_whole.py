"""Whole numbers in text from outside, and the commands that read them."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core_model.cli.batch import values_of
from core_model.cli.inspect import parse_pixel
from core_model.schema.errors import InputError
from core_model.schema.record import utc_now
from core_model.schema.record_file import read_provenance
from core_model.schema.whole import whole
from core_model.training.common.local_launcher import chosen_processes
from viewer.monitor.options import _size

LONG = "9" * 5000


@given(st.integers(0, 2**63 - 1), st.integers(0, 5))
def test_digits_are_their_number(number: int, zeros: int) -> None:
    assert whole("0" * zeros + str(number)) == number


@given(st.text(max_size=12), st.integers(0, 10**6))
def test_all_other_text_is_none(text: str, most: int) -> None:
    found = whole(text, most)
    assert found is None or (found <= most and set(text) <= set("0123456789"))


@pytest.mark.parametrize("text", ["", " 1", "-1", "+1", "1.0", "1_000", "²", "٣", "１", LONG, str(2**63)])
def test_what_int_would_refuse_or_read_otherwise(text: str) -> None:
    assert whole(text) is None


def test_zeros_and_the_largest() -> None:
    assert (whole("0"), whole("000"), whole("007", 7), whole("8", 7), whole("10", 7)) == (0, 0, 7, None, None)


@pytest.mark.parametrize("text", ["²", LONG])
def test_commands_say_one_line(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for read in (
        lambda: parse_pixel(f"1,{text}", 64, 64), lambda: _size(f"{text}x480"), lambda: chosen_processes(text, 8, "cpu"),
        lambda: values_of(f"0-9/{text}"),
    ):  # fmt: skip
        with pytest.raises(InputError):
            read()
    assert values_of(f"0-{text}") == (f"0-{text}",)  # words are values too
    monkeypatch.setenv("SOURCE_DATE_EPOCH", text)
    assert utc_now().startswith("2")


def test_a_subject_with_an_escaped_8_is_just_no_record(tmp_path: Path) -> None:
    page = tmp_path / "page.pdf"
    page.write_bytes(rb"%PDF-1.4 1 0 obj << /Subject (an \8 and a \101) >> endobj")
    with pytest.raises(InputError, match="no provenance"):
        read_provenance(page)
