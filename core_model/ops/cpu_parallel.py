"""The parts of one CPU evaluation side by side, each on a worker thread of its own with one torch thread.

A chain of many small operations scales badly when every operation is split over the cores: each ends with a
barrier, and one core's half of a tensor is in the other core's cache at the next. Parts that run whole on one
core have neither cost. A part that is on a worker already, a process with one thread and a CUDA device run
their parts one after the other.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import torch
from torch import Tensor

Part = TypeVar("Part")
Result = TypeVar("Result")

LEAST = 1024  # rows of a field evaluation that a worker thread is worth waking for

_here = threading.local()
_guard = threading.Lock()
_pool: ThreadPoolExecutor | None = None
_width = 0


def width(device: torch.device | None = None) -> int:
    """How many parts would run side by side if `spread` were called here with tensors on `device`."""
    if (device is not None and device.type != "cpu") or getattr(_here, "inside", False):
        return 1
    return torch.get_num_threads()


def spread(
    work: Callable[[Part], Result], parts: Sequence[Part], device: torch.device | None = None
) -> Iterator[Result]:
    """`work` of every part, in order, side by side where that helps.

    Gradient and inference mode are those of the caller. Numbers do not depend on how many workers there are.
    """
    workers = min(width(device), len(parts))
    if workers < 2:
        yield from map(work, parts)
        return
    grad, inference = torch.is_grad_enabled(), torch.is_inference_mode_enabled()

    def one(part: Part) -> Result:
        with torch.inference_mode(inference), torch.set_grad_enabled(grad):
            return work(part)

    yield from _executor(torch.get_num_threads()).map(one, parts)


def by_rows(work: Callable[[Tensor], Result], points: Tensor, largest: int) -> list[Result]:
    """`work` of points [B, N, 3] in pieces along N of at most `largest` rows; side by side where no gradient
    is asked for.
    """
    workers = 1 if torch.is_grad_enabled() else width(points.device)
    return list(
        spread(work, [points[:, rows] for rows in cuts(points.shape[1], largest, workers)], points.device)
    )


def parts_of(count: int, largest: int, workers: int) -> int:
    """Into how many parts `count` rows go: at most `largest` rows each, and no worker idle where there are
    rows for all.
    """
    parts = max(-(-count // largest), min(workers, count), 1)
    return min(-(-parts // workers) * workers, max(count, 1))


def cuts(count: int, largest: int, workers: int) -> list[slice]:
    """Neighbouring rows together: `parts_of` slices that cover `count` rows evenly; few rows stay on one
    worker.
    """
    parts = parts_of(count, largest, max(1, min(workers, count // LEAST)))
    bounds = [count * i // parts for i in range(parts + 1)]
    return [slice(a, b) for a, b in zip(bounds[:-1], bounds[1:], strict=True)]


def _executor(threads: int) -> ThreadPoolExecutor:
    """The process's workers. Each asks torch for one thread; the setting is per thread, but it also becomes
    the answer of `torch.get_num_threads()` everywhere, so the caller's number is set again afterwards.
    """
    global _pool, _width
    with _guard:
        if _pool is None or _width != threads:
            if _pool is not None:
                _pool.shutdown(wait=False)
            started = threading.Barrier(threads + 1)
            _pool, _width = (
                ThreadPoolExecutor(threads, thread_name_prefix="cpu-part", initializer=_enter),
                threads,
            )
            for _ in range(threads):
                _pool.submit(started.wait)
            started.wait()
            torch.set_num_threads(threads)
        return _pool


def _enter() -> None:
    _here.inside = True
    # torch sets up a thread at its first call, with the process's number; called here, that cannot undo the
    # next line
    torch.get_num_threads()
    torch.set_num_threads(1)
