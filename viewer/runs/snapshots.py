"""The table of a run's snapshots: size, date, scores of evaluations, and which ones are the best."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from viewer.runs.catalogue import score_title
from viewer.runs.files import Snapshot
from viewer.runs.format import moment, number, size
from viewer.runs.reader import RunReader

MOST_SCORES = 3


@dataclass(frozen=True)
class SnapshotRow:
    """One snapshot. scores: one for each score column, "–" where not measured. best: in what, or ""."""

    snapshot: Snapshot
    scores: tuple[str, ...]
    best: str
    size: str
    written: str


@dataclass(frozen=True)
class SnapshotTable:
    """counted: what a snapshot's number counts. titles: of the score columns. rows: newest first."""

    counted: str
    titles: tuple[str, ...]
    rows: tuple[SnapshotRow, ...]


def snapshot_table(run: RunReader, snapshots: Sequence[Snapshot]) -> SnapshotTable:
    """The table of `snapshots` (ascending) with what `run` knows of them."""
    with run.lock:
        record, scores, foreign = run.record, _scores(run), run.is_foreign
    best = {Path(path).name: name for name, path in (record.best_snapshot if record else {}).items()}
    names = sorted({name for row in scores.values() for name in row})[:MOST_SCORES]
    rows = []
    for one in reversed(snapshots):
        measured = scores.get(one.number, {})
        texts = tuple(number(measured[name]) if name in measured else "–" for name in names)
        rows.append(SnapshotRow(one, texts, best.get(one.path.name, ""), size(one.size), moment(one.changed)))
    return SnapshotTable("kimg" if foreign else "Step", tuple(map(score_title, names)), tuple(rows))


def _scores(run: RunReader) -> dict[int, dict[str, float]]:
    """Evaluations by the step (kimg of a foreign run) of the snapshot that they measured."""
    found: dict[int, dict[str, float]] = {}
    for table in run.metrics.values():
        for name, series in table.series.items():
            for row, value in zip(series.rows.tolist(), series.values.tolist(), strict=True):
                at = table.images.view[row] / 1e3 if run.is_foreign else table.step.view[row]
                found.setdefault(round(float(at)), {})[name] = value
    return found
