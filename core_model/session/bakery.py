"""Baked volumes of a session: kept when they are done, gone on with when they had to give way."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass

from core_model.rendering.baked import baked
from core_model.rendering.brick_pyramid import BrickPyramid
from core_model.schema.baked import BakedArrays, BakedSpec
from core_model.schema.errors import InputError
from core_model.schema.question_bake import BAKE_LEVELS
from core_model.session.cache import StageCache
from core_model.session.picture import Progress, stop_if
from core_model.session.stages import LATTICE_CELLS, StageRun

FINEST_SHOWN = 256
"""Level from which on a pyramid is let go: the window asks for nothing finer."""
KEPT_BYTES = 64 << 20
"""Of finished volumes: some five heads at 256³, or thirty at 128³."""
BEGUN = 2
"""Pyramids that may be gone on with: of the view, and of a walk or board beside it. One at 256³ holds some 40 MB."""


@dataclass(frozen=True)
class Baked:
    """A volume as it is sent and drawn."""

    spec: BakedSpec
    arrays: BakedArrays


class Bakery:
    """Not thread-safe, as the session that it belongs to."""

    def __init__(self) -> None:
        self._done = StageCache(KEPT_BYTES)
        self._begun: OrderedDict[Hashable, BrickPyramid] = OrderedDict()

    @property
    def nbytes(self) -> int:
        return self._done.used + sum(p.nbytes for p in self._begun.values())

    def bake(self, run: StageRun, level: int, cancelled: Callable[[], bool], progress: Progress) -> Baked:
        """The volume of the run's latent with `level` cells per edge.

        Raises Cancelled between two steps: asked again, it goes on. Raises InputError for a level that there is not.
        """
        if level not in BAKE_LEVELS:
            raise InputError(
                what="no such level of a baked volume", where="bake", expected=", ".join(map(str, BAKE_LEVELS)), got=str(level)
            )  # fmt: skip
        key = (*run.latent_key, run.request.precision)
        return self._done.get(
            (*key, level), lambda: self._made(key, run, level, cancelled, progress), lambda b: b.arrays.nbytes
        )[0]

    def forget(self, checkpoint: str | None = None) -> None:
        """Drop what belongs to a checkpoint; None = everything."""
        belongs = lambda key: isinstance(key, tuple) and checkpoint in (None, key[0])
        self._done.drop(belongs)
        for key in [k for k in self._begun if belongs(k)]:
            self._drop(key)

    def _drop(self, key: Hashable) -> None:
        self._begun.pop(key).close()

    def _made(
        self,
        key: tuple[object, ...],
        run: StageRun,
        level: int,
        cancelled: Callable[[], bool],
        progress: Progress,
    ) -> Baked:
        pyramid = self._pyramid(key, run, level, cancelled)
        while not pyramid.has(level):
            stop_if(cancelled)
            pyramid.step()
            progress("baking", 0.0 if pyramid.level is None else pyramid.level.cells / level)
        assert pyramid.level is not None
        if pyramid.field.is_sdf and level == LATTICE_CELLS:
            run.keep_lattice(pyramid)
        info = run.opened.info
        done = Baked(
            *baked(pyramid.level, info.header.conventions, info.sha256 or info.path, run.request.latent)
        )
        if level >= FINEST_SHOWN:
            self._drop(key)
        return done

    def _pyramid(
        self, key: tuple[object, ...], run: StageRun, level: int, cancelled: Callable[[], bool]
    ) -> BrickPyramid:
        """The one begun for this latent, if it is not finer than what is asked for."""
        found = self._begun.get(key)
        if found is None or (found.level is not None and found.level.cells > level):
            field = run.field(run.w())
            stop_if(cancelled)
            if found is not None:
                self._drop(key)
            found = self._begun[key] = BrickPyramid(field, run.opened.info.header.conventions.box, run.device)
        self._begun.move_to_end(key)
        while len(self._begun) > BEGUN:
            self._drop(next(iter(self._begun)))
        return found
