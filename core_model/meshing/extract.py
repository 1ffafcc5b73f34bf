"""Field → surface: roots, carving, verification, triangles, with the memory given back between the steps."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from core_model.meshing.bricks import BrickStore
from core_model.meshing.carve import carve, find_roots
from core_model.meshing.grow import verify
from core_model.meshing.lattice import Lattice
from core_model.meshing.levelset import LevelSet
from core_model.meshing.polygonise import Surface, polygonise
from core_model.schema.errors import InputError

RANGE_NODES = 64
Stage = Callable[[str, float], None]


@dataclass(frozen=True)
class Extraction:
    """A surface and what it took. low, high: range of the field on the coarsest grid."""

    surface: Surface
    evaluated: int
    grown: int
    audited: int
    misses: int
    slope: float
    low: float
    high: float
    bricks: int
    probes: int
    seconds: dict[str, float]


def extract(
    lattice: Lattice,
    levelset: LevelSet,
    *,
    stage: Stage | None = None,
    expected_points: int | None = None,
    allow_empty: bool = False,
) -> Extraction:
    """The level set on the lattice, equal to marching cubes over all its nodes.

    stage(name, fraction of that stage): `evaluate` counts against `expected_points` (a forecast; without one
    it creeps up). Raises InputError, with the range of the field, when the level has no surface (unless
    `allow_empty`), and Cancelled.
    """
    tell = stage or (lambda name, fraction: None)
    started, seconds = time.monotonic(), {}
    before = levelset.evaluated
    goal = expected_points or max(1, lattice.nodes // 50)

    def spent(points: int) -> None:
        done = levelset.evaluated - before
        tell("evaluate", done / goal if done < 0.9 * goal else 1.0 - 0.09 * goal / max(1, done))

    roots = find_roots(lattice, levelset)
    store = BrickStore(lattice, levelset, spent)
    carve(store, roots)
    seconds["evaluate"] = time.monotonic() - started
    at = time.monotonic()
    verified = verify(store)
    seconds["verify"] = time.monotonic() - at
    at = time.monotonic()
    surface = polygonise(store, lambda fraction: tell("triangles", fraction))
    seconds["triangles"] = time.monotonic() - at
    low, high = roots.low, roots.high
    if store.count:
        known = store.values[(store.codes & 2) > 0]
        low, high = min(low, float(known.min())), max(high, float(known.max()))
    if not len(surface.faces) and not allow_empty:
        raise no_surface(levelset, lattice)
    near = roots.slope[abs(roots.values - levelset.level) <= roots.slope * roots.size * lattice.step]
    return Extraction(
        surface,
        levelset.evaluated - before,
        verified.grown,
        verified.audited,
        verified.misses,
        float(near.max()) if near.size else float(roots.slope.max()),
        low,
        high,
        store.count,
        roots.probes,
        seconds,
    )


def no_surface(levelset: LevelSet, lattice: Lattice) -> InputError:
    """The error for a level outside the field's values, whose range is measured on up to 64³ nodes."""
    axes = [
        table[np.unique(np.linspace(0, len(table) - 1, RANGE_NODES).astype(int))]
        for table in lattice.tables()
    ]
    values = levelset.values(np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3))
    low, high = float(values.min()), float(values.max())
    return InputError(
        what=f"no surface at level {levelset.level:g}",
        where=f"the field's {levelset.quantity}",
        expected=f"a level between {low:.5g} and {high:.5g}, the range inside the box",
        got=f"{levelset.level:g}",
    )
