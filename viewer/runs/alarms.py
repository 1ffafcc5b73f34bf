"""Alarms over the scalars of a run; each rule is a row of data, and each alarm knows when it began.

Series are found by name, so that foreign runs are watched too. A rule fires once when its condition has held
for `hold` values, and again only after the condition was false in between.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from viewer.runs.table import Axis, ScalarTable, Series

F8 = NDArray[np.float64]
Severity = Literal["bad", "warn"]


@dataclass(frozen=True)
class Alarm:
    """One moment. row, step, images, time: where it began (time in seconds since the run's first tick)."""

    key: str
    severity: Severity
    title: str
    detail: str
    row: int = 0
    step: float = 0.0
    images: float = 0.0
    time: float = 0.0
    active: bool = True

    def at(self, axis: Axis) -> float:
        """Where it stands on an x axis."""
        return {"images": self.images, "steps": self.step, "time": self.time}[axis]


@dataclass(frozen=True)
class Watch:
    """Values that a rule looks at.

    y of the watched series, `other` of its partner at the same rows (nan: none), `peak` the largest magnitude
    of y seen up to each value, `before` the value before (0 for the first).
    """

    y: F8
    other: F8
    peak: F8
    before: F8


@dataclass(frozen=True)
class Rule:
    """name: pattern of the watched series.

    partner: pattern of a second one (its value is nan where there is none).
    """

    key: str
    severity: Severity
    title: str
    name: str
    broken: Callable[[Watch], NDArray[np.bool_]]
    detail: str
    partner: str = ""
    hold: int = 3


RULES: tuple[Rule, ...] = (
    Rule(
        "saturated", "bad", "Discriminator saturated",
        r"signs?[/_](real|reals)$|(real|reals)[/_]signs?$", lambda w: (w.y > 0.95) & ~(w.other >= -0.95),
        "it is right about every picture (mean sign of its logits on real ones {y:+.2f}): no gradient is left",
        partner=r"signs?[/_](fake|fakes)$|(fake|fakes)[/_]signs?$", hold=5,
    ),
    Rule(
        "beta", "bad", "Beta collapsed",
        r"(^|/)beta([/_](mean|avg))?$|surface_width$", lambda w: (w.y < 0.2 * w.other) | (w.y <= 1.2e-4),
        "the surface is {y:.2g} wide (target {other:.2g}): rays see almost no gradient through it",
        partner=r"beta[/_]target$|target[/_]beta$|surface_target$",
    ),
    Rule(
        "flat", "bad", "Flat depth",
        r"(non_?flatness|depth[/_](std|spread|range)|flatness[/_]score)(_score)?$", lambda w: w.y < 0.25 * w.peak,
        "depth varies {y:.3g}, at best it was {peak:.3g}: the heads turn into billboards",
    ),
    Rule(
        "entropy", "warn", "Sampler entropy collapsed",
        r"(sampler|proposal|pdf)\w*[/_]entropy(_mean)?$", lambda w: w.y < 0.2 * w.peak,
        "entropy of the predicted distribution {y:.3g}, at best it was {peak:.3g}: samples fall on one bin",
    ),
    Rule(
        "loader", "warn", "Loader stalled",
        r"(loader|data)[/_]?(wait|share|fraction)[/_]?(share|fraction)?$|(data|wait)_share$", lambda w: w.y > 0.5,
        "{y:.0%} of a step is spent outside the networks, usually waiting for data: more workers or a faster disk would help",
    ),
    Rule(
        "gradients", "bad", "Gradients not finite",
        r"(bad|nonfinite|non_finite|skipped|nan)[/_]?(grad\w*|steps?|updates?)$", lambda w: w.y > w.before,
        "{y:g} steps skipped so far because of NaN or infinite gradients", hold=1,
    ),
    Rule(
        "ada", "warn", "Augmentation near its limit",
        r"(^|/)(augment|ada_p|ada/p|augment_p)$", lambda w: w.y > 0.8,
        "ADA p is {y:.2f}: augmentations begin to leak into the pictures, the data set is too small",
    ),
)  # fmt: skip


@dataclass
class _Progress:
    """How far one rule has looked at one series."""

    done: int = 0
    held: int = 0
    peak: float = 0.0
    last: float = 0.0
    firing: bool = False
    since: int = 0
    """Row at which the condition began to hold."""


@dataclass
class AlarmBook:
    """Alarms of one run in order of their rows; `update` looks at new values only."""

    alarms: list[Alarm] = field(default_factory=list)
    _progress: dict[tuple[str, str], _Progress] = field(default_factory=dict)
    _names: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    _known: int = -1

    def clear(self) -> None:
        self.__init__()

    def update(self, table: ScalarTable) -> bool:
        """Look at values that are new since the last call; True where an alarm began or ended."""
        before = len(self.alarms), sum(a.active for a in self.alarms)
        if len(table.series) != self._known:
            self._known = len(table.series)
            self._names = {rule.key: _pairs(rule, tuple(table.series)) for rule in RULES}
        for name, series in table.series.items():
            self._non_finite(name, series, table)
        for rule in RULES:
            for name, partner in self._names[rule.key]:
                self._check(rule, name, partner, table)
        return before != (len(self.alarms), sum(a.active for a in self.alarms))

    def cut(self, row: int) -> None:
        """Rows from `row` on were superseded."""
        self.alarms = [a for a in self.alarms if a.row < row]
        self._progress.clear()
        self._known = -1

    def _non_finite(self, name: str, series: Series, table: ScalarTable) -> None:
        state = self._progress.setdefault(("nan", name), _Progress())
        state.done = min(state.done, len(series))
        wrong = ~np.isfinite(series.values[state.done :])
        if wrong.any() and not state.firing:
            at = int(np.argmax(wrong)) + state.done
            self._raise(
                table,
                Alarm(f"nan:{name}", "bad", "NaN or infinite", f"{name} is {series.values[at]}"),
                _row(series, at),
            )
        if len(wrong):
            state.firing = bool(wrong[-1])
            self._settle(f"nan:{name}", state.firing)
        state.done = len(series)

    def _check(self, rule: Rule, name: str, partner: str, table: ScalarTable) -> None:
        series = table.series[name]
        state = self._progress.setdefault((rule.key, name), _Progress())
        state.done = min(state.done, len(series))
        y = series.values[state.done :]
        if not len(y):
            return
        rows = series.rows_at(np.arange(state.done, len(series)))
        other = _values_at(table.series[partner], rows) if partner else np.full(len(y), np.nan)
        peak = np.maximum.accumulate(np.fmax(np.abs(np.nan_to_num(y, posinf=0, neginf=0)), state.peak))
        before = np.concatenate([[state.last], y[:-1]])
        with np.errstate(invalid="ignore"):
            broken = rule.broken(Watch(y, other, peak, before))
        for i, since in _starts(broken, rows, rule.hold, state):
            detail = rule.detail.format(y=y[i], other=other[i], peak=peak[i])
            self._raise(table, Alarm(f"{rule.key}:{name}", rule.severity, rule.title, detail), since)
        self._settle(f"{rule.key}:{name}", state.firing)
        state.done, state.peak, state.last = len(series), float(peak[-1]), float(y[-1])

    def _raise(self, table: ScalarTable, alarm: Alarm, row: int) -> None:
        where = {"step": table.step.view[row], "images": table.images.view[row], "time": table.time.view[row]}
        self.alarms.append(replace(alarm, row=row, **{k: float(v) for k, v in where.items()}))
        self.alarms.sort(key=lambda a: a.row)
        del self.alarms[:-500]

    def _settle(self, key: str, firing: bool) -> None:
        """Only the newest alarm of a rule can still be going on."""
        newest = max((i for i, a in enumerate(self.alarms) if a.key == key), default=-1)
        for i, alarm in enumerate(self.alarms):
            if alarm.key == key and alarm.active != (firing and i == newest):
                self.alarms[i] = replace(alarm, active=firing and i == newest)


def _starts(
    broken: NDArray[np.bool_], rows: NDArray[np.int64], hold: int, state: _Progress
) -> list[tuple[int, int]]:
    """(index, row where it began) of each time that the condition has held for `hold` values; updates
    `state`.
    """
    if not broken.any():
        state.held, state.firing = 0, False
        return []
    found = []
    for i, bad in enumerate(broken.tolist()):
        state.held = state.held + 1 if bad else 0
        if state.held == 1:
            state.since = int(rows[i])
        if not bad:
            state.firing = False
        elif state.held >= hold and not state.firing:
            state.firing = True
            found.append((i, state.since))
    return found


def _pairs(rule: Rule, names: tuple[str, ...]) -> list[tuple[str, str]]:
    """(watched series, partner or "") for every series that matches the rule; partners share the longest
    prefix.
    """
    watched = [n for n in names if re.search(rule.name, n, re.IGNORECASE)]
    partners = [n for n in names if rule.partner and re.search(rule.partner, n, re.IGNORECASE)]
    return [
        (n, max(partners, key=lambda p, n=n: _common(n, p), default="")) for n in watched if n not in partners
    ]


def _common(a: str, b: str) -> int:
    return next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))


def _values_at(series: Series, rows: NDArray[np.int64]) -> F8:
    """Value of `series` at each of `rows`, or the one before it; nan before its first."""
    at = np.searchsorted(series.rows, rows, "right") - 1
    return (
        np.where(at >= 0, series.values[np.maximum(at, 0)], np.nan)
        if len(series)
        else np.full(len(rows), np.nan)
    )


def _row(series: Series, index: int) -> int:
    return int(series.rows_at(np.array([index]))[0])
