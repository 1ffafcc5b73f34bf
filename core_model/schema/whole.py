"""Whole numbers in text from outside."""

from __future__ import annotations


def whole(text: str, most: int = 2**63 - 1) -> int | None:
    """The number that `text` writes in the digits 0 to 9; None for all other text and for more than `most`.

    `str.isdigit` calls digits what `int` refuses (²), and `int` raises ValueError for thousands of digits.
    """
    digits = text.lstrip("0") or text[:1]
    if not (text.isascii() and text.isdecimal()) or len(digits) > len(str(most)):
        return None
    number = int(digits)
    return number if number <= most else None
