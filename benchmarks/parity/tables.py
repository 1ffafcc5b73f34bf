"""Recorded tables of schedules, learning rates and augmentation probabilities."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.parity.recording import Table
from core_model.losses.ada import AdaController, AdaState
from core_model.training.gan.phases.schedules import AdamRule


def check_phases(table: Table, rates: dict[str, tuple[float, str | None]], intervals: dict[str, int]) -> None:
    """Interval, rate and betas of every phase. rates: base rate of a network and the lazy phase that corrects
    it (None = none), by the longest prefix of the phase's name.
    """
    name = "out/table_phases"
    if name not in table.recording:
        return
    names: list[str] = table.recording.setting("names", "phases")
    rows = []
    for phase in names:
        key = max((k for k in rates if phase.startswith(k)), key=len, default=None)
        if key is None:
            table.fail(name, f"no phase of that name is known: {phase}")
            return
        lr, lazy = rates[key]
        rule = AdamRule.lazy(lr, intervals[lazy] if lazy else None)
        rows.append([float(intervals.get(phase, 1)), rule.lr, rule.beta1, rule.beta2])
    want = np.asarray(table.recording.array(name))
    table.check(name, np.asarray(rows), scale=column_scale(want))


def check_ada(table: Table) -> None:
    """Columns p before, mean sign, kimg, p after: batch 32, every 4 iterations, target 0.6."""
    name = "out/table_ada"
    if name not in table.recording:
        return
    rows = []
    for p, sign, kimg, _ in np.asarray(table.recording.array(name)):
        ada = AdaController(0.6, 1, float(kimg), AdaState(p=float(p)), highest=math.inf)
        rows.append([p, sign, kimg, ada.update(float(sign), 4 * 32)])
    want = np.asarray(table.recording.array(name))
    table.check(name, np.asarray(rows), scale=column_scale(want))


def check_schedule_columns(table: Table, row_of: Callable[[list[float]], list[float]]) -> None:
    """A table of schedules; row_of: a row from its own inputs. Each column is compared on its own scale."""
    name = "out/table_schedule"
    if name not in table.recording:
        return
    want = np.asarray(table.recording.array(name))
    got = np.asarray([row_of([float(x) for x in row]) for row in want])
    table.check(name, got, scale=column_scale(want))


def column_scale(want: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Largest entry of every column."""
    return np.abs(want).max(axis=0).clip(1e-12)
