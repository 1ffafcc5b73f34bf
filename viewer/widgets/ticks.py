"""Round numbers for axes and colour bars."""

from __future__ import annotations

import math


def nice_ticks(low: float, high: float, most: int = 6) -> tuple[float, ...]:
    """Multiples of 1, 2 or 5 times a power of ten within [low, high]: at most `most`, at least two where
    possible.
    """
    span = high - low
    if not (math.isfinite(low) and math.isfinite(high)) or span <= 0 or most < 1:
        return (low,) if math.isfinite(low) else ()
    step = 10.0 ** math.floor(math.log10(span / most))
    for factor in (1, 2, 5, 10, 20):
        first = math.ceil(low / (step * factor) - 1e-9)
        last = math.floor(high / (step * factor) + 1e-9)
        if last - first + 1 <= most:
            return tuple(_clean(i * step * factor) for i in range(first, last + 1))
    return (low, high)


def tick_text(value: float, step: float) -> str:
    """`value` with as many decimals as ticks `step` apart need; large and tiny numbers in powers of ten."""
    if value and (abs(value) >= 1e5 or abs(value) < 1e-4):
        mantissa, exponent = f"{value:.1e}".split("e")
        return f"{mantissa.removesuffix('.0')}e{int(exponent)}"
    decimals = max(0, -math.floor(math.log10(step) + 1e-9)) if step > 0 else 3
    return f"{value:.{min(decimals, 6)}f}"


def fixed(value: float, decimals: int) -> str:
    """`value` with `decimals` places; never "-0.000"."""
    text = f"{value:.{decimals}f}"
    return text[1:] if text.startswith("-") and not float(text) else text


def _clean(value: float) -> float:
    return 0.0 if abs(value) < 1e-15 else value
