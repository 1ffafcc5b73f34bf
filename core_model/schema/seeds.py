"""Lists of seeds as people type them, in the window and on the command line."""

from __future__ import annotations

import re

from core_model.schema.latent import SEEDS
from core_model.schema.whole import whole

MOST_SEEDS = 100_000
"""A longer list is a slip of the hand, not a wish."""
MOST_TOGETHER = 64
"""Heads of one film or one page."""

_PART = re.compile(r"([0-9]+)(?:\s*-\s*([0-9]+))?")


def seeds_in(text: str, most: int = MOST_SEEDS) -> tuple[int, ...]:
    """`0-3,7` → (0, 1, 2, 3, 7).

    Raises ValueError that says what is expected, for other text, a range that runs backwards, and more than
    `most` seeds; a long range is refused before it is made.
    """
    found: list[int] = []
    for part in text.split(","):
        ends = _PART.fullmatch(part.strip())
        if ends is None:
            raise ValueError("numbers and ranges as 0-3,7")
        low, high = (whole(end, SEEDS - 1) for end in (ends[1], ends[2] or ends[1]))
        if low is None or high is None:
            raise ValueError("seeds below 2³²")
        if high < low:
            raise ValueError("ranges that do not run backwards, as 0-3")
        if len(found) + high - low + 1 > most:
            raise ValueError(f"at most {most} seeds")
        found += range(low, high + 1)
    return tuple(found)
