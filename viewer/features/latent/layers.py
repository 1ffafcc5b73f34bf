"""Layers of w in words: coarse, middle, fine, and ranges."""

from __future__ import annotations

BANDS = ("coarse", "middle", "fine")


def band(name: str, layers: int) -> tuple[int, ...]:
    """Layers of a band of w with `layers` layers.

    Four coarse ones, four middle ones and the rest; thirds where there are few.
    """
    coarse, middle = (4, 8) if layers >= 10 else (max(1, round(layers / 3)), max(2, round(2 * layers / 3)))
    first, last = {"coarse": (0, coarse), "middle": (coarse, middle), "fine": (middle, layers)}[name]
    return tuple(range(first, min(last, layers)))


def toggled(chosen: tuple[int, ...], layer: int, on: bool) -> tuple[int, ...]:
    """`chosen` with a layer added or removed, in order."""
    return tuple(sorted({*chosen, layer} if on else set(chosen) - {layer}))


def in_words(chosen: tuple[int, ...], layers: int) -> str:
    """ "none", "all", "0-3, 8"."""
    inside = sorted(i for i in set(chosen) if 0 <= i < layers)
    if not inside:
        return "none"
    if len(inside) == layers:
        return "all"
    runs: list[list[int]] = []
    for i in inside:
        if runs and i == runs[-1][1] + 1:
            runs[-1][1] = i
        else:
            runs.append([i, i])
    return ", ".join(str(a) if a == b else f"{a}-{b}" for a, b in runs)
