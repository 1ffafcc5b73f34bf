"""Progress of long work on stderr: a bar on a terminal, plain lines otherwise."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Update = Callable[[str, float], None]

PLAIN_SECONDS = 5.0


@contextmanager
def progress(title: str) -> Iterator[Update]:
    """Gives `update(stage, fraction of the whole)`; plain lines come at most every 5 s."""
    if sys.stderr.isatty():
        with _bar(title) as update:
            yield update
    else:
        yield _plain(title)


@contextmanager
def _bar(title: str) -> Iterator[Update]:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
        task = bars.add_task(title, total=1.0)
        yield lambda stage, fraction: bars.update(task, completed=fraction, description=f"{title}: {stage}")


def _plain(title: str) -> Update:
    started = last = time.monotonic()

    def update(stage: str, fraction: float) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last < PLAIN_SECONDS:
            return
        last = now
        left = f", {(now - started) * (1 - fraction) / fraction:.0f} s left" if fraction > 0.02 else ""
        print(f"{title}: {stage} {100 * fraction:.0f} %{left}", file=sys.stderr, flush=True)

    return update
