"""Follows one run directory: `poll` reads what is new and never raises because of the files.

Files are read without the lock, results are stored under it: a window may draw from another thread while
holding `lock`.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import PurePath
from typing import Any

import numpy as np
from pydantic import ValidationError
from pydantic_core import to_json

from core_model.schema.curve import Curve
from core_model.schema.run import RunRecord
from core_model.schema.run_lines import parse_block, parse_object
from core_model.schema.schedule import stages
from core_model.schema.train import curve_settings
from viewer.runs import foreign
from viewer.runs.alarms import AlarmBook
from viewer.runs.documents import JsonFile, lenient
from viewer.runs.files import EMPTY, Listing, look
from viewer.runs.job_record import CONSOLE_FILE, JOB_FILE, JobRecord, ShownState
from viewer.runs.log import Log
from viewer.runs.source import HERE, RunSource
from viewer.runs.table import Mark, ScalarTable
from viewer.runs.tail import FileTail, TailRead

STAGE_NAMES = ("stage", "phase", "schedule/stage", "schedule/phase")
STATS_FILES = ("stats.jsonl", "training_stats.jsonl")


class RunReader:
    """State of one run. `version` grows whenever something that is shown has changed.

    disk_free: bytes where it lies, nan = unknown.
    """

    def __init__(self, path: PurePath, source: RunSource = HERE) -> None:
        self.path, self.source = path, source
        self.name = path.name or str(path)
        self.lock = threading.Lock()
        self.version = 0
        self.scalars = ScalarTable()
        self.metrics: dict[str, ScalarTable] = {}
        self.alarms = AlarmBook()
        self.logs: dict[str, Log] = {"log.txt": Log(), CONSOLE_FILE: Log()}
        self.listing: Listing = EMPTY
        self._folder_fault = self._stats_fault = ""
        self.catching_up = True
        self.last_written = 0.0
        self.disk_free = float("nan")
        self.state: ShownState = "queued"
        self._documents = {
            n: JsonFile(path / n, source) for n in ("run.json", "config.json", JOB_FILE, foreign.OPTIONS_FILE)
        }
        self._stats = FileTail(path / STATS_FILES[0], source)
        self._metric_tails: dict[str, FileTail] = {"metrics.jsonl": FileTail(path / "metrics.jsonl", source)}
        self._metric_rows: dict[str, list[dict[str, Any]]] = {}
        self._log_tails = {name: FileTail(path / name, source) for name in self.logs}
        self.look_again()
        self._marks: tuple[Mark, ...] | None = None

    @property
    def fault(self) -> str:
        """Why the folder, else its ticks, cannot be read at present; empty where they can."""
        return self._folder_fault or self._stats_fault

    @property
    def record(self) -> RunRecord | None:
        value = self._documents["run.json"].value
        return lenient(RunRecord, {"id": self.name} | value) if value else None

    @property
    def job(self) -> JobRecord | None:
        value = self._documents[JOB_FILE].value
        return lenient(JobRecord, value) if value else None

    @property
    def config(self) -> dict[str, Any]:
        """The run's settings as written; {} before they are there."""
        return self._documents["config.json"].value or {}

    @property
    def options(self) -> dict[str, Any]:
        """Settings of a run of the EG3D family; {} for a native one."""
        return self._documents[foreign.OPTIONS_FILE].value or {}

    @property
    def is_foreign(self) -> bool:
        return bool(self.options) or any(
            n.startswith(("Loss/", "Progress/", "Timing/")) for n in self.scalars.series
        )

    @property
    def share_read(self) -> float:
        """0…1: how much of the statistics file is in memory."""
        return self._stats.share_read

    def names(self) -> list[str]:
        """Every series, statistics first, then metrics."""
        return [
            *self.scalars.series,
            *(n for t in self.metrics.values() for n in t.series if n not in self.scalars.series),
        ]

    def table_of(self, name: str) -> ScalarTable:
        """The table that holds series `name` (the statistics' where none does)."""
        if name not in self.scalars.series:
            for table in self.metrics.values():
                if name in table.series:
                    return table
        return self.scalars

    def images_total(self) -> float:
        """Images that the run was asked for; 0 = unknown."""
        record = self.record
        if record is not None and record.images_total:
            return float(record.images_total)
        return foreign.total_images(self.options) or float(_number(self.config.get("images")))

    def images_done(self) -> float:
        record = self.record
        told = float(record.images) if record else 0.0
        return max(told, self.scalars.images.last) if len(self.scalars) else told

    def tick_seconds(self) -> float:
        """Usual time between two ticks; nan before the third."""
        recent = self.scalars.time.view[-32:]
        return float(np.median(np.diff(recent))) if len(recent) > 2 else float("nan")

    def rate(self) -> float:
        """Images per second over the last 32 ticks; nan before the second."""
        images, seconds = self.scalars.images.view[-32:], self.scalars.time.view[-32:]
        span = float(seconds[-1] - seconds[0]) if len(seconds) > 1 else 0.0
        return float(images[-1] - images[0]) / span if span > 0 else float("nan")

    def eta_seconds(self) -> float:
        """Seconds to the last image at the present rate; nan where unknown, 0 when done."""
        left = self.images_total() - self.images_done()
        if self.images_total() <= 0:
            return float("nan")
        return max(0.0, left) / self.rate() if self.rate() > 0 else (0.0 if left <= 0 else float("nan"))

    def bytes_needed(self) -> float:
        """Disk space that the rest of the run will need at its present rate; nan where unknown."""
        done, total = self.images_done(), self.images_total()
        if self.listing.total_bytes < 1 << 20 or done < 0.02 * total or total <= 0:
            return float("nan")
        return self.listing.total_bytes / done * max(0.0, total - done)

    def marks(self) -> tuple[Mark, ...]:
        """Stage changes of the schedule and resumes, ascending; those of the schedule may lie ahead."""
        if self._marks is None:
            planned = tuple(self._planned_marks())
            self._marks = tuple(sorted((*planned, *self.scalars.marks), key=lambda m: m.images))
        return self._marks

    def look_again(self) -> None:
        """Make the next poll list the folder and judge the state, however recently that was done."""
        self._next_look = self._next_state = 0.0

    def poll(self, budget_s: float = 0.04) -> bool:
        """Read what is new, for about `budget_s` seconds; True where more is left to read."""
        end = time.monotonic() + budget_s
        now = time.monotonic()  # not the wall clock, which may be set back
        changed = self._refresh_documents()
        more = self._poll_stats(end)
        if now >= self._next_look:
            changed |= self._look(now)
        if not more:
            for name, tail in list(self._metric_tails.items()):
                more |= self._poll_metrics(name, tail)
        for name, tail in self._log_tails.items():
            more |= self._poll_log(name, tail)
        if now >= self._next_state or changed:
            changed |= self._judge(now)
        if changed:
            with self.lock:
                self._marks = None
                self.version += 1
        if self.catching_up and not more:
            with self.lock:
                self.catching_up = False
                self.version += 1
        return more

    def _refresh_documents(self) -> bool:
        changed = False
        for document in self._documents.values():
            changed |= document.refresh()
        return changed

    def _poll_stats(self, end: float) -> bool:
        if self._stats.offset == 0 and not self._has(self._stats.path):
            other = next((p for n in STATS_FILES if self._has(p := self.path / n)), None)
            if other is not None:
                self._stats = FileTail(other, self.source)
        while True:
            read = self._stats.read(self.source.block)
            lines = _with_open_line(self._stats, read)
            block = parse_block(lines) if lines else None
            if read.restarted or block is not None or read.fault != self._stats_fault:
                with self.lock:
                    self._put_stats(read, block)
            if not read.more:
                return False
            if time.monotonic() >= end:
                return True

    def _put_stats(self, read: TailRead, block: Any) -> None:
        if read.restarted:
            self.scalars = ScalarTable()
            self.alarms.clear()
        if block is not None:
            rows = len(self.scalars)
            resumed = len(self.scalars.marks)
            self.scalars.add(block, STAGE_NAMES)
            if len(self.scalars.marks) != resumed and rows:
                self.alarms.cut(min((m.row for m in self.scalars.marks if m.kind == "resume"), default=rows))
            self.alarms.update(self.scalars)
            self._written(self._stats.path)
        self._stats_fault = read.fault
        self._marks = None
        self.version += 1

    def _poll_metrics(self, name: str, tail: FileTail) -> bool:
        read = tail.read(self.source.block)
        lines = _with_open_line(tail, read)
        if not lines and not read.restarted:
            return False
        rows = [row for line in lines if (row := parse_object(line)) is not None]
        if foreign.metric_of(name):
            rows = [self._placed(foreign.metric_row(row)) for row in rows]
        rows = ([] if read.restarted else self._metric_rows.get(name, [])) + rows
        rows.sort(key=_place)  # snapshots may be measured in any order
        table = ScalarTable()
        if len(self.scalars):
            table.first_time = self.scalars.first_time
        table.add(parse_block([to_json(row, inf_nan_mode="constants") for row in rows]))
        with self.lock:
            self._metric_rows[name], self.metrics[name] = rows, table
            self._written(tail.path)
            self.version += 1
        return read.more

    def _placed(self, row: dict[str, Any]) -> dict[str, Any]:
        """A foreign metric counts images only: its place on the axis of ticks is looked up."""
        if "kimg" in row and len(self.scalars):
            row["step"] = float(
                np.interp(row["kimg"] * 1e3, self.scalars.images.view, self.scalars.step.view)
            )
        return row

    def _poll_log(self, name: str, tail: FileTail) -> bool:
        log = self.logs[name]
        if tail.offset == 0:
            tail.skip_to_last(self.source.log_bytes)
        read = tail.read(self.source.block)
        if not read.lines and not read.restarted:
            return False
        with self.lock:
            if read.restarted:
                log.clear()
            log.skipped = tail.skipped
            log.add(read.lines)
            self._written(tail.path)
            self.version += 1
        return read.more

    def _look(self, now: float) -> bool:
        began = time.monotonic()
        try:
            listing = look(self.path, self.source)
        except OSError as error:
            self._next_look = now + 1.0
            fault = f"run directory: {error.strerror or type(error).__name__}"
            changed, self._folder_fault = fault != self._folder_fault, fault
            return changed
        self.disk_free = self.source.free(self.path)
        for name in listing.names:
            if foreign.metric_of(name) and name not in self._metric_tails:
                self._metric_tails[name] = FileTail(self.path / name, self.source)
        self._next_look = now + max(1.0, 20 * (time.monotonic() - began))
        back, self._folder_fault = self._folder_fault != "", ""
        if listing == self.listing:
            return back
        with self.lock:
            self.listing = listing
        return True

    def _judge(self, now: float) -> bool:
        self._next_state = now + 1.0
        if self.record is None and self.job is None and (self.is_foreign or len(self.scalars)):
            ended = any("Exiting..." in line.text for line in self.logs["log.txt"].lines[-5:])
            quiet = self.source.now() - self.last_written
            state = foreign.state_of(
                self.images_done(), self.images_total(), quiet, self.tick_seconds(), ended
            )
        else:
            try:
                state = self.source.state(
                    self.path, self.record, self.job, self.last_written, self.tick_seconds()
                )
            except OSError:
                return False  # the line is down: what was known last stays
        changed, self.state = state != self.state, state
        return changed

    def _written(self, path: PurePath) -> None:
        with suppress(OSError):
            self.last_written = max(self.last_written, self.source.stat(path).changed)

    def _has(self, path: PurePath) -> bool:
        try:
            self.source.stat(path)
        except OSError:
            return False
        return True

    def _planned_marks(self) -> Iterator[Mark]:
        images, step, seconds = (c.view for c in (self.scalars.images, self.scalars.step, self.scalars.time))
        curves = planned_curves(self.config)
        if not curves or not len(images):
            return
        for at in stages(curves.values(), self.images_total() or float(images[-1]))[1:-1]:
            row = int(np.searchsorted(images, at))
            known = at <= images[-1]
            where = [float(np.interp(at, images, c)) if known else float("nan") for c in (step, seconds)]
            words = bends(curves, at)
            if words:
                yield Mark(row, where[0], at, where[1], words)


def planned_curves(config: Mapping[str, Any]) -> dict[str, Curve]:
    """Name → curve of what the settings of a run let change; none where they are not those of a training."""
    if not isinstance(config.get("schedule"), dict):
        return {}
    found: dict[str, Curve] = {}
    for one in curve_settings(str(config.get("recipe", "wysiwyg"))):
        place: Any = config
        for part in one.path.split("."):
            place = place.get(part) if isinstance(place, Mapping) else None
        with suppress(ValidationError):
            found[one.name] = Curve.model_validate(place)
    return found


def bends(curves: Mapping[str, Curve], images: float) -> str:
    """What changes at a moment of the schedule, in words."""
    words = []
    for name, curve in curves.items():
        points = curve.points
        here = [y for x, y in points if x == images]
        if not here:
            continue
        label = name.replace("_", " ")
        before = next((y for x, y in reversed(points) if x < images), here[0])
        later = next((y for x, y in points if x > images), here[-1])
        if here[0] != here[-1]:
            words.append(f"{label} from {here[0]:g} to {here[-1]:g}")
        elif later != here[-1]:
            words.append(f"{label} leaves {here[-1]:g} for {later:g}")
        elif before != here[-1]:
            words.append(f"{label} reaches {here[-1]:g}")
    return ", ".join(words)


def _with_open_line(tail: FileTail, read: TailRead) -> tuple[bytes, ...]:
    """The new lines, with the last one too if it is whole but for its line end."""
    text = read.open_line.strip()
    if text.startswith(b"{") and text.endswith(b"}") and parse_object(text) is not None:
        tail.accept_open_line()
        return (*read.lines, text)
    return read.lines


def _place(row: dict[str, Any]) -> float:
    return next(
        (
            float(row[k])
            for k in ("images", "kimg", "step", "timestamp")
            if isinstance(row.get(k), int | float)
        ),
        0.0,
    )


def _number(value: Any) -> float:
    return float(value) if isinstance(value, int | float) else 0.0
