"""The rate that a simulated line has is found, and no more is under way than it needs."""

from __future__ import annotations

from statistics import median

import pytest

from viewer.wire.pace import LEVELS, PICTURE_S, Pace, Quality


def run(
    pace: Pace, rate: float, trip: float, seconds: float, start: float = 0.0
) -> tuple[float, list[float]]:
    """A sender that always has something, on a line of `rate` bytes per second and a round trip of `trip` seconds.

    (bytes that arrived per second, waiting time of each segment in the queue of the line).
    """
    now, free, arrived, waits, acks = start, start, 0, [], []
    while now < start + seconds:
        while acks and acks[0][0] <= now:
            at, total = acks.pop(0)
            pace.acknowledged(total, at)
        if pace.under_way < pace.window:
            size = pace.segment()
            pace.sending(size, now)
            begun = max(free, now)
            waits.append(begun - now)
            free = begun + size / rate
            arrived += size
            acks.append((free + trip, pace.sent))
        else:
            pace.blocked()
            now = acks[0][0]
    for at, total in acks:
        pace.acknowledged(total, at)
    return arrived / seconds, waits


@pytest.mark.parametrize(("rate", "trip"), [(2e6, 0.08), (2e5, 0.15), (50e6, 0.005), (12e6, 0.03)])
def test_the_line_is_used_and_its_queue_stays_short(rate: float, trip: float) -> None:
    pace = Pace()
    run(pace, rate, trip, 3.0)
    used, waits = run(pace, rate, trip, 3.0, start=5.0)
    assert used > 0.8 * rate and pace.rate == pytest.approx(rate, rel=0.35)
    assert max(waits) < 1.7 * trip + 20_000 / rate  # the first of a burst: a whole window
    assert median(waits) < 0.9 * trip + 20_000 / rate


def test_a_line_that_becomes_slower_is_noticed() -> None:
    pace = Pace()
    run(pace, 10e6, 0.05, 3.0)
    run(pace, 1e6, 0.05, 8.0, start=5.0)
    assert pace.rate < 2e6


def test_quality_fits_the_line() -> None:
    bits = {level: 30_000 * 0.66**i for i, level in enumerate(LEVELS)}
    for rate in (5e4, 3e5, 1e6, 1e8):
        quality = Quality()
        for _ in range(30):
            quality.measured(int(bits[quality.level]), rate)
        assert bits[quality.level] <= max(rate * PICTURE_S, bits[LEVELS[-1]])
    assert quality.level == LEVELS[0]
