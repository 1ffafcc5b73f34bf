"""What a fit knows of its heads: computed once by side processes, kept in RUN/truth, reused by many steps.

Two kinds: points of many heads, in files of BATCH heads, and points with rays of the first few heads, which teach the rendered
picture. Of rays many are kept: a head's 400 were learned by heart in some thirty visits (squared error 0.0040, of fresh rays of the same
heads 0.0061, of heads never seen 0.0064), and 1,600 take hardly longer to compute. Step s may use the first `available(s)` heads, so the
order of examples does not depend on how fast the files arrive.
"""

from __future__ import annotations

import multiprocessing
import os
import time
from dataclasses import dataclass
from multiprocessing.sharedctypes import Synchronized
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from core_model.schema.atomic import replacing
from core_model.schema.errors import TriscopeError
from core_model.schema.fit import FitConfig
from core_model.training.fit.truth import TruthSpec, head_points, head_truth

BATCH = 16
AHEAD = 8 * BATCH
KEEP_EXACT = {
    "z",
    "points",
    "sdf",
    "origins",
    "t",
}  # positions and distances: rounding would move the surface


def available(step: int, cfg: FitConfig) -> int:
    """Heads that step `step` may draw from: `pool_start`, growing by `pool_growth` a step up to `pool`.

    Fresh heads all the time: with a few hundred heads a generator learns them by heart.
    """
    return min(cfg.pool, cfg.pool_start + int(cfg.pool_growth * step))


@dataclass(frozen=True)
class Source:
    """What the side processes need to know."""

    folder: Path
    spec: TruthSpec
    first_seed: int
    pool: int
    ray_pool: int
    points: int

    def make(self, task: str, index: int) -> None:
        """Write one file, if it is not there yet."""
        path = self.path(task, index)
        if path.exists():
            return
        if task == "points":
            first = self.first_seed + index * BATCH
            _write(
                path, head_points(range(first, first + BATCH), self.spec.z_dim, self.points, self.spec.box)
            )
        else:
            _write(path, head_truth(self.first_seed + index, self.spec))

    def path(self, task: str, index: int) -> Path:
        return self.folder / (f"p{index:05d}.npz" if task == "points" else f"{index:05d}.npz")


class TruthPool:
    """Heads first_seed, first_seed + 1, …; fills itself in `workers` processes, waits for files that are not there yet."""

    def __init__(self, folder: Path, spec: TruthSpec, cfg: FitConfig) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.source = Source(folder, spec, cfg.seed, cfg.pool, cfg.ray_pool, cfg.stored_points)
        self._memory: dict[tuple[str, int], dict[str, Tensor]] = {}
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
        """z and points of head `index`; waits until they are there."""
        batch = self._load("points", index // BATCH)
        return {k: v[index % BATCH].float() for k, v in batch.items()}

    def head_with_rays(self, index: int) -> dict[str, Tensor]:
        """Points and rays of head `index` < ray_pool; waits until they are there."""
        example = self._load("rays", index)
        return {k: v.float() if v.dtype == torch.float16 else v for k, v in example.items()}

    def _load(self, task: str, index: int) -> dict[str, Tensor]:
        key = (task, index)
        if key not in self._memory:
            path = self.source.path(task, index)
            if not self._workers:
                self.source.make(task, index)
            while not path.exists():
                if not any(w.is_alive() for w in self._workers):
                    raise TriscopeError(f"the process that computes truth stopped before {path.name}")
                time.sleep(0.05)
            with np.load(path, allow_pickle=False) as data:
                self._memory[key] = {k: torch.from_numpy(data[k]) for k in data.files}
        return self._memory[key]

    def close(self) -> None:
        for worker in self._workers:
            worker.terminate()
            worker.join(5)


def _fill(source: Source, which: int, workers: int, wanted: Synchronized) -> None:
    """A side process: points as far as they are wanted, and heads with rays while nothing is."""
    torch.set_num_threads(1)
    os.nice(3)
    parent = multiprocessing.parent_process()
    assert parent is not None
    batch, ray = which, which
    while parent.is_alive() and (batch * BATCH < source.pool or ray < source.ray_pool):
        if batch * BATCH < min(wanted.value, source.pool):
            source.make("points", batch)
            batch += workers
        elif ray < source.ray_pool:
            source.make("rays", ray)
            ray += workers
        else:
            time.sleep(0.1)


def _write(path: Path, example: dict[str, Tensor]) -> None:
    arrays = {
        k: v.numpy() if k in KEEP_EXACT or v.dtype == torch.bool else v.half().numpy()
        for k, v in example.items()
    }
    with replacing(path) as temporary, open(temporary, "wb") as file:
        np.savez(file, **arrays)  # pyright: ignore[reportArgumentType]
