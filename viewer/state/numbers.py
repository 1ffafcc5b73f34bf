"""Numbers that people type: accepted as a whole, or refused with a reason. Pure, except for the state of the
open field.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal

_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d{1,3})?")
SHOWN_S = 8.0
"""How long a refusal stays beside its field."""


@dataclass(frozen=True)
class Refusal:
    """ident: of the field; value: what it kept; until: Dear ImGui's seconds."""

    ident: int
    text: str
    value: object
    until: float


class Typing:
    """The field that is being typed in; one per window, as only one has the keyboard.

    ident: of the number that is typed in place of its drag field, 0 = none; field: of the text field that was
    typed in last. fresh: frames that the text field has left to get the keyboard.
    """

    def __init__(self) -> None:
        self.ident = 0
        self.field = 0
        self.text = ""
        self.before = ""
        self.fresh = 0
        self.refusal: Refusal | None = None


def read_number(text: str, low: float, high: float, whole: bool = False) -> tuple[Decimal, str]:
    """(number, "") where `text` is one in [low, high], else (0, why it is refused).

    An exponent is part of a number: 1e3 is 1000.
    """
    words, kind = text.strip(), "a whole number" if whole else "a number"
    span = f"{kind} from {_plain(low)} to {_plain(high)}"
    if not words:
        return Decimal(0), f"Nothing was typed: expected {span}"
    if _NUMBER.fullmatch(words) is None:
        return Decimal(0), f"“{_short(words)}” is no number: expected {span}"
    value = Decimal(words)
    if not Decimal(repr(low)) <= value <= Decimal(repr(high)):
        return Decimal(
            0
        ), f"{_short(words)} is too {'small' if value < Decimal(repr(low)) else 'large'}: expected {span}"
    if whole and value != value.to_integral_value():
        return Decimal(0), f"{_short(words)} is not whole: expected {span}"
    return value, ""


def _plain(value: float) -> str:
    return str(value) if isinstance(value, int) else f"{value:g}"


def _short(text: str) -> str:
    return text if len(text) <= 24 else text[:23] + "…"
