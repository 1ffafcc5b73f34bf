"""Lines of `stats.jsonl` and its kin → columns of numbers.

Native lines are flat (`{"step": 3, "loss/G": 0.7}`) or nested; lines of the EG3D family hold `{"mean", "std",
"num"}` under each name. Lines that are no JSON object are counted and skipped.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic_core import from_json

PLAIN = ("losses", "scores")
"""Branches of a native line whose names stand on their own: losses.loss/G is `loss/G`."""
NAME_LIMIT = 2000
"""Series of one file; more is no statistics file."""


@dataclass(frozen=True)
class Column:
    """Numbers of one name: `rows` are row numbers within the block (ascending), values [len(rows)]."""

    rows: NDArray[np.int64]
    values: NDArray[np.float64]


@dataclass(frozen=True)
class Block:
    """Rows of some lines. texts: strings by name as (row, text). bad: lines that could not be read."""

    count: int
    columns: dict[str, Column]
    texts: dict[str, list[tuple[int, str]]]
    bad: int = 0


def parse_object(line: bytes) -> dict[str, Any] | None:
    """One line's object, None for anything else (torn, empty, not an object)."""
    try:
        found = from_json(line)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def parse_block(lines: Sequence[bytes]) -> Block:
    """All lines as columns; order is kept, unreadable lines are left out."""
    rows, bad, nested = _objects(lines)
    flat = [_flat(row) for row in rows] if nested else rows
    names: dict[str, None] = {}
    seen: set[tuple[str, ...]] = set()
    for row in flat:
        keys = tuple(row)
        if keys not in seen:
            seen.add(keys)
            names.update(dict.fromkeys(keys))
    columns: dict[str, Column] = {}
    texts: dict[str, list[tuple[int, str]]] = {}
    for name in list(names)[:NAME_LIMIT]:
        values = [row.get(name) for row in flat]
        column = _numbers(values)
        if len(column.rows):
            columns[name] = column
        said = [(i, v) for i, v in enumerate(values) if type(v) is str and _number(v) is None]
        if said:
            texts[name] = said
    share = _wait_share(columns)
    if share is not None:
        columns.setdefault("speed/wait_share", share)
    return Block(len(flat), columns, texts, bad)


def _wait_share(columns: dict[str, Column]) -> Column | None:
    """Share of a step spent waiting for data: a phase of its own, else what the other phases leave."""
    whole, data = columns.get("speed/step_ms"), columns.get("speed/data_ms")
    if whole is not None and data is not None and np.array_equal(whole.rows, data.rows):
        with np.errstate(divide="ignore", invalid="ignore"):
            return Column(whole.rows, np.nan_to_num(np.clip(data.values / whole.values, 0.0, 1.0)))
    phases = [
        c for n, c in columns.items() if n.startswith("speed/") and n.endswith("_ms") and n != "speed/step_ms"
    ]
    if whole is None or not phases:
        return None
    spent = np.zeros(len(whole.rows))
    for phase in phases:
        if len(phase.rows) == len(whole.rows) and np.array_equal(phase.rows, whole.rows):
            spent += phase.values
        else:
            spent += np.interp(whole.rows, phase.rows, phase.values)
    with np.errstate(divide="ignore", invalid="ignore"):
        return Column(whole.rows, np.nan_to_num(np.clip(1.0 - spent / whole.values, 0.0, 1.0)))


def _objects(lines: Sequence[bytes]) -> tuple[list[dict[str, Any]], int, bool]:
    """(objects, unreadable lines, whether some hold more than plain values)."""
    full = [line for line in lines if line and not line.isspace()]
    joined = b",".join(full)
    nested = joined.count(b"{") != len(full) or b"[" in joined
    try:
        found = from_json(b"[" + joined + b"]")
        if len(found) == len(full) and all(type(row) is dict for row in found):
            return found, 0, nested
    except ValueError:
        pass
    rows = [row for line in full if (row := parse_object(line.strip(b"\0 \t\r"))) is not None]
    return rows, len(full) - len(rows), True


def _flat(row: dict[str, Any], prefix: str = "", depth: int = 0) -> dict[str, Any]:
    """Nested names joined by '/'; a mean of no values (num = 0) is left out."""
    out: dict[str, Any] = {}
    for key, value in row.items():
        name = f"{prefix}{key}"
        if isinstance(value, dict) and "mean" in value:
            if value.get("num", 1):
                out[name] = value["mean"]
        elif isinstance(value, dict):
            if depth < 4:
                out |= _flat(value, prefix if key in PLAIN else f"{name}/", depth + 1)
        elif isinstance(value, list):
            if len(value) <= 16:
                out |= {f"{name}/{i}": v for i, v in enumerate(value) if type(v) in (int, float)}
        else:
            out[name] = value
    return out


def _numbers(values: list[Any]) -> Column:
    kinds = set(map(type, values))
    if kinds <= {float, int}:
        try:
            return Column(np.arange(len(values)), np.array(values, np.float64))
        except OverflowError:
            pass
    pairs = [(i, n) for i, v in enumerate(values) if v is not None and (n := _number(v)) is not None]
    rows = np.array([i for i, _ in pairs], np.int64)
    return Column(rows, np.array([n for _, n in pairs], np.float64))


def _number(value: Any) -> float | None:
    if isinstance(value, str) and value.strip().lower().lstrip("+-") not in ("nan", "inf", "infinity"):
        return None
    try:
        return float(value)
    except OverflowError:
        return float("-inf") if str(value).startswith("-") else float("inf")
    except (TypeError, ValueError):
        return None
