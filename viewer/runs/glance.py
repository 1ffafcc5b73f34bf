"""State of a run of the EG3D family from the ends of its files, without reading all of it."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from core_model.schema.run_lines import parse_block, parse_object
from viewer.runs import foreign
from viewer.runs.job_record import ShownState
from viewer.runs.table import IMAGE_NAMES, TIME_NAMES

STATS_FILES = ("stats.jsonl", "training_stats.jsonl")
END_BYTES = 1 << 16
EXIT_WORDS = b"Exiting..."
"""What the family's trainers print last."""


@dataclass(frozen=True)
class Glance:
    """images, total: shown to the discriminator and requested, 0 = unknown. begun: seconds since 1970."""

    state: ShownState | None = None
    images: float = 0.0
    total: float = 0.0
    begun: float = 0.0


class Glances:
    """Reads a run again only when its files have changed; states that depend on silence are judged anew each
    time.
    """

    def __init__(self) -> None:
        self._known: dict[Path, tuple[object, tuple[float, float, float, bool]]] = {}

    def of(self, run: Path, now: float | None = None) -> Glance:
        """What `run` looks like now; a glance without state where it is no run of that family."""
        stats = next((p for n in STATS_FILES if (p := run / n).exists()), run / STATS_FILES[0])
        options, log = run / foreign.OPTIONS_FILE, run / "log.txt"
        marks = _mark(stats), _mark(options), _mark(log)
        if marks[0] is None and marks[1] is None:
            return Glance()
        if run not in self._known or self._known[run][0] != marks:
            self._known[run] = marks, _read(stats, options, log)
        images, total, tick_s, said_exit = self._known[run][1]
        written = max((mark[0] for mark in marks if mark is not None), default=0.0)
        quiet = (time.time() if now is None else now) - written
        begun = next((mark[0] for mark in (marks[1], *marks) if mark is not None), 0.0)
        return Glance(foreign.state_of(images, total, quiet, tick_s, said_exit), images, total, begun)


def _read(stats: Path, options: Path, log: Path) -> tuple[float, float, float, bool]:
    """(images, images requested, seconds between ticks, whether the log ends with the trainer's last line)."""
    columns = parse_block(_last_lines(stats)).columns
    images = next(
        (float(c.values[-1]) * scale for name, scale in IMAGE_NAMES if (c := columns.get(name)) is not None),
        0.0,
    )
    times = next((c.values for name in TIME_NAMES if (c := columns.get(name)) is not None), np.empty(0))
    tick_s = float(np.median(np.diff(times))) if len(times) > 2 else float("nan")
    try:
        told = parse_object(options.read_bytes()) or {}
    except OSError:
        told = {}
    return (
        images if np.isfinite(images) else 0.0,
        foreign.total_images(told),
        tick_s,
        any(EXIT_WORDS in x for x in _last_lines(log)[-5:]),
    )


def _last_lines(path: Path) -> list[bytes]:
    """Whole lines at the end of a file; [] where it cannot be read."""
    try:
        with open(path, "rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - END_BYTES))
            lines = file.read(END_BYTES).split(b"\n")
    except OSError:
        return []
    return [line for line in (lines[1:] if size > END_BYTES else lines) if line.strip()]


def _mark(path: Path) -> tuple[float, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime, status.st_size
