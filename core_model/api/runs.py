"""Run directories of `train`, `fit` and `invert`, read: record, settings, curves, scores, snapshots, pictures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from pydantic_core import from_json

from core_model.api.results import locked
from core_model.schema.errors import InputError
from core_model.schema.home import expanded
from core_model.schema.run import RunRecord
from core_model.schema.run_lines import Block, parse_block
from core_model.training.common.run_directory import saved_record

STATISTICS = ("stats.jsonl", "training_stats.jsonl")
"""Of triscope's runs, and of EG3D's, EpiGRAF's and Mimic3D's own."""


@dataclass(frozen=True)
class Series:
    """One curve: values [N] float64 at rows `at` [N] (float64) of `Run.at`'s axis, images shown so far."""

    at: np.ndarray
    values: np.ndarray


@dataclass(frozen=True)
class Run:
    """A run directory as it was when it was read.

    record: None for runs of other programs. settings: config.json. curves: of its statistics, scores: of its
    evaluations, by name. snapshots: checkpoints by step, ascending. pictures: sheets of generated pictures, ascending.
    """

    path: Path
    record: RunRecord | None = field(repr=False)
    settings: Mapping[str, Any] = field(repr=False)
    curves: Mapping[str, Series] = field(repr=False)
    scores: Mapping[str, Series] = field(repr=False)
    snapshots: Mapping[int, Path] = field(repr=False)
    pictures: tuple[Path, ...] = field(repr=False)

    @property
    def state(self) -> str:
        """starting, running, paused, stopped, killed, finished, failed; "" where nothing says it."""
        return self.record.state if self.record is not None else ""

    def _repr_png_(self) -> bytes | None:
        return self.pictures[-1].read_bytes() if self.pictures else None


def read_run(path: str | Path) -> Run:
    """Read what a run has written so far; raises InputError for a folder that is none."""
    root = expanded(path)
    record = saved_record(root)
    blocks = [_block(root / name) for name in STATISTICS]
    statistics = next((block for block in blocks if block.count), blocks[0])
    if record is None and not statistics.count:
        raise InputError(
            what="no run in the folder", where=str(root), expected="run.json or stats.jsonl", got="neither"
        )
    return Run(
        path=root,
        record=record,
        settings=MappingProxyType(_settings(root / "config.json")),
        curves=_series(statistics),
        scores=_series(_block(root / "metrics.jsonl")),
        snapshots=MappingProxyType(_snapshots(root)),
        pictures=tuple(sorted(root.glob("images/fakes*.png")) or sorted(root.glob("fakes[0-9]*.png"))),
    )


def _block(path: Path) -> Block:
    try:
        return parse_block(path.read_bytes().splitlines())
    except OSError:
        return parse_block([])


def _series(block: Block) -> Mapping[str, Series]:
    rows = np.arange(block.count, dtype=np.float64)
    axis = next((block.columns[n] for n in ("images", "Progress/kimg") if n in block.columns), None)
    if axis is not None:
        rows[axis.rows] = axis.values
    found = {
        name: Series(locked(rows[column.rows]), locked(column.values))
        for name, column in block.columns.items()
        if column is not axis
    }
    return MappingProxyType(found)


def _settings(path: Path) -> dict[str, Any]:
    try:
        found = from_json(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _snapshots(root: Path) -> dict[int, Path]:
    from core_model.cli.film import snapshots_of

    try:
        return dict(snapshots_of(root))
    except InputError:  # a young run has none yet
        return {}
