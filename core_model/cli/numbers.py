"""Numbers in one option, as `0.1,0.2,0.3`."""

from __future__ import annotations

import math
import re

from core_model.schema.errors import InputError

_BETWEEN = re.compile(r"\s*,\s*|\s+")


def numbers_of(text: str, option: str, count: int | None = None, what: str = "") -> tuple[float, ...]:
    """Numbers separated by commas or blanks, all finite; `count` of them where it is given.

    what: what they mean, for the message. Raises InputError that names the option.
    """
    try:
        values = tuple(float(part) for part in _BETWEEN.split(text.strip()))
    except ValueError:
        values = ()
    if not values or count not in (None, len(values)) or not all(map(math.isfinite, values)):
        many = "finite numbers" if count is None else f"{count} finite numbers"
        expected = f"{many}: {what}" if what else f"{many} separated by commas"
        raise InputError(what=f"bad value of {option}", expected=expected, got=text)
    return values
