"""Numbers of one option."""

from __future__ import annotations

import pytest

from core_model.cli.numbers import numbers_of
from core_model.schema.errors import InputError


def test_commas_blanks_or_both() -> None:
    assert numbers_of(" 1, -2.5 ,3e2", "--x") == numbers_of("1 -2.5 300", "--x", 3) == (1.0, -2.5, 300.0)
    assert numbers_of("7", "--x", 1) == (7.0,)


@pytest.mark.parametrize("text", ["", " ", ",", "1,,2", "1,", "a", "1;2", "nan", "1,inf", "1e999", "1,2,3"])
def test_all_else_is_refused_by_the_option_and_what_was_meant(text: str) -> None:
    with pytest.raises(InputError, match=r"--crop: expected 2 finite numbers: left and top"):
        numbers_of(text, "--crop", 2, "left and top")
