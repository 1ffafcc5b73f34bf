"""What a fit knows of its heads: computed once by side processes, kept in RUN/truth, reused by many steps.

One file per head. Step s may use the first `available(s)` heads, so the order of examples does not depend on how fast the files arrive.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
import time
from collections import OrderedDict
from dataclasses import dataclass
from multiprocessing.sharedctypes import Synchronized
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from core_model.schema.atomic import replacing
from core_model.schema.errors import TriscopeError
from core_model.schema.fit import FitConfig
from core_model.training.fit.truth import TruthSpec, head_truth
from core_model.training.fit.views import taught_planes

AHEAD = 40


def available(step: int, cfg: FitConfig) -> int:
    """Heads that step `step` may draw from: `pool_start`, growing by `pool_growth` per step up to `pool`.

    Fresh heads all the time: a few hundred heads are learned by heart.
    """
    return min(cfg.pool, cfg.pool_start + int(cfg.pool_growth * step))


@dataclass(frozen=True)
class Source:
    """What the side processes need to know."""

    folder: Path
    spec: TruthSpec
    first_seed: int
    pool: int

    def make(self, index: int) -> None:
        """Write the file of head `index`, if it is not there yet."""
        path = self.path(index)
        if path.exists():
            return
        example = head_truth(self.first_seed + index, self.spec)
        with replacing(path) as temporary, open(temporary, "wb") as file:
            np.savez(file, **example)  # pyright: ignore[reportArgumentType]

    def path(self, index: int) -> Path:
        return self.folder / f"{index:05d}.npz"


class TruthPool:
    """Heads first_seed, first_seed + 1, …; fills itself in `workers` processes, waits for files that are not there yet."""

    def __init__(self, folder: Path, spec: TruthSpec, cfg: FitConfig) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.source = Source(folder, spec, cfg.seed, cfg.pool)
        self._kept, self._memory = cfg.kept, OrderedDict[int, dict[str, Tensor]]()
        self._taught, self._size = dict[int, tuple[Tensor, Tensor]](), 0
        context = multiprocessing.get_context("spawn")
        self._wanted = context.Value("i", AHEAD)
        self._workers = [
            context.Process(target=_fill, args=(self.source, k, cfg.workers, self._wanted), daemon=True)
            for k in range(cfg.workers)
        ]
        for worker in self._workers:
            worker.start()

    def want(self, count: int) -> None:
        """Tell the side processes how many heads the next steps may draw from; they stay a little ahead, no more."""
        self._wanted.value = count + AHEAD

    def head(self, index: int) -> dict[str, Tensor]:
        """What is known of head `index`; waits until it is there."""
        if index not in self._memory:
            path = self.source.path(index)
            if not self._workers:
                self.source.make(index)
            while not path.exists():
                worker = self._workers[index % len(self._workers)]
                if worker.is_alive():
                    time.sleep(0.05)
                elif worker.exitcode == 0:  # it could not write: so it is here, with an error that says why
                    self.source.make(index)
                elif not path.exists():
                    raise TriscopeError(f"the process that computes truth stopped before {path.name}")
            with np.load(path, allow_pickle=False) as data:
                self._memory[index] = {k: torch.from_numpy(data[k]) for k in data.files}
            if len(self._memory) > self._kept:
                self._memory.popitem(last=False)
        self._memory.move_to_end(index)
        return self._memory[index]

    def taught(self, index: int, size: int) -> tuple[Tensor, Tensor]:
        """What `taught_planes` makes of head `index`; kept until another size is asked for."""
        if size != self._size:
            self._taught, self._size = {}, size
        if index in self._taught:
            maps, weight = self._taught[index]
            return maps.float(), weight.float()
        maps, weight = taught_planes(self.head(index), size, self.source.spec.box)
        if len(self._taught) < self._kept:
            self._taught[index] = maps.half(), weight.half()
        return maps, weight

    def close(self) -> None:
        for worker in self._workers:
            worker.terminate()
            worker.join(5)


def _fill(source: Source, which: int, workers: int, wanted: Synchronized) -> None:
    """A side process: heads as far as they are wanted, or as the disk takes them."""
    torch.set_num_threads(1)
    os.environ["IGL_NUM_THREADS"] = "1"
    if sys.platform != "win32":
        os.nice(3)
    parent = multiprocessing.parent_process()
    assert parent is not None
    index = which
    while parent.is_alive() and index < source.pool:
        if index < min(wanted.value, source.pool):
            try:
                source.make(index)
            except OSError:
                return
            index += workers
        else:
            time.sleep(0.1)
