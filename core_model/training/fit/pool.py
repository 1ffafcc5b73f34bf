"""The pool of known heads of a fit: computed once by side processes, kept in RUN/truth, reused by many steps.

Step s may use the first `available(s)` heads, so the order of examples does not depend on how fast the pool fills.
"""

from __future__ import annotations

import multiprocessing
import os
import time
from multiprocessing.sharedctypes import Synchronized
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from core_model.schema.errors import TriscopeError
from core_model.training.fit.truth import TruthSpec, head_truth

AHEAD = 64


def available(step: int, pool: int) -> int:
    """Heads that step `step` may draw from: a start of 300, then one more for every sixteen steps."""
    return min(pool, 300 + step // 16)


class TruthPool:
    """Heads first_seed … first_seed + pool - 1; fills itself in `workers` processes, waits for heads that are not there yet."""

    def __init__(self, folder: Path, spec: TruthSpec, first_seed: int, pool: int, workers: int) -> None:
        self.folder, self.spec, self.first_seed, self.pool = folder, spec, first_seed, pool
        folder.mkdir(parents=True, exist_ok=True)
        self._memory: dict[int, dict[str, Tensor]] = {}
        context = multiprocessing.get_context("spawn")
        self._wanted = context.Value("i", AHEAD)
        self._workers = [
            context.Process(target=_fill, args=(folder, spec, first_seed, pool, k, workers, self._wanted), daemon=True)
            for k in range(workers)
        ]
        for worker in self._workers:
            worker.start()

    def want(self, count: int) -> None:
        """Tell the side processes how many heads the next steps may draw from; they stay a little ahead, no more."""
        self._wanted.value = count + AHEAD

    def head(self, index: int) -> dict[str, Tensor]:
        """The example of head `index`; waits until it is there."""
        if index not in self._memory:
            path = self.folder / f"{index:05d}.npz"
            if not self._workers:
                _write(path, head_truth(self.first_seed + index, self.spec))
            while not path.exists():
                if not any(w.is_alive() for w in self._workers):
                    raise TriscopeError(f"the process that computes truth stopped before head {index}")
                time.sleep(0.05)
            with np.load(path, allow_pickle=False) as data:
                self._memory[index] = {k: torch.from_numpy(data[k]) for k in data.files}
        return {k: v.float() if v.dtype == torch.float16 else v for k, v in self._memory[index].items()}

    def close(self) -> None:
        for worker in self._workers:
            worker.terminate()
            worker.join(5)


def _fill(folder: Path, spec: TruthSpec, first_seed: int, pool: int, which: int, workers: int, wanted: Synchronized) -> None:
    torch.set_num_threads(1)
    os.nice(3)
    parent = os.getppid()
    for index in range(which, pool, workers):
        path = folder / f"{index:05d}.npz"
        while index >= wanted.value and os.getppid() == parent:
            time.sleep(0.2)
        if os.getppid() != parent:
            return
        if not path.exists():
            _write(path, head_truth(first_seed + index, spec))


def _write(path: Path, example: dict[str, Tensor]) -> None:
    """Half precision but for positions, whose rounding would move the surface."""
    keep = {"z", "points", "sdf", "origins", "t"}
    arrays = {k: v.numpy() if k in keep or v.dtype == torch.bool else v.half().numpy() for k, v in example.items()}
    temp = path.with_suffix(f".{os.getpid()}.tmp.npz")
    np.savez(temp, **arrays)  # pyright: ignore[reportArgumentType]
    os.replace(temp, path)
