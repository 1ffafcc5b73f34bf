"""Progress of long work on stderr: a bar on a terminal, plain lines otherwise, JSON lines for the window.

With TRISCOPE_PROGRESS=json every line is `{"progress": {"stage": …, "fraction": 0 … 1}}`.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Update = Callable[[str, float], None]

PLAIN_SECONDS = 5.0
JSON_SECONDS = 0.2
PROGRESS_VARIABLE = "TRISCOPE_PROGRESS"


@contextmanager
def progress(title: str) -> Iterator[Update]:
    """Gives `update(stage, fraction of the whole)`; plain lines come at most every 5 s."""
    if os.environ.get(PROGRESS_VARIABLE) == "json":
        yield _lines()
    elif sys.stderr.isatty():
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


def _lines() -> Update:
    last = -JSON_SECONDS

    def update(stage: str, fraction: float) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last < JSON_SECONDS and fraction < 1.0:
            return
        last = now
        said = {"progress": {"stage": stage, "fraction": round(fraction, 5)}}
        print(json.dumps(said, ensure_ascii=False), file=sys.stderr, flush=True)

    return update


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
