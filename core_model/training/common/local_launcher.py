"""Starts the other processes of a training on this machine: what torchrun does, for one command and one
folder.

On CPUs a training step is many small operations, which threads slow down and processes speed up: heads64-cpu
at 32² on two cores gives 12 images per second in one process with one thread, 8 with two threads and 15 to 20
in two processes (short trainings by hand; `python -m benchmarks.training_processes` does the same).
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import torch

import core_model
from core_model.ops.cores import threads_each, usable_cores
from core_model.ops.devices import accelerator
from core_model.schema.errors import InputError
from core_model.schema.processes import follow_parent, start_tied
from core_model.schema.whole import whole

RENDEZVOUS, PARENT = "TRISCOPE_RENDEZVOUS", "TRISCOPE_PARENT"
MAIN = "core_model.cli.main"
MOST = 8  # beyond this a small batch has too little for each
PATIENCE_S = 10.0
LOOK_S = 0.5


def under_torchrun() -> bool:
    """Whether somebody else started this process as one of many."""
    return "WORLD_SIZE" in os.environ and "RANK" in os.environ


def started_by_torchrun() -> bool:
    """Whether that was torchrun rather than `siblings`."""
    return under_torchrun() and RENDEZVOUS not in os.environ


def is_first() -> bool:
    """Whether this process reports for all: it is the only one, or rank 0."""
    return int(os.environ.get("RANK", "0") or 0) == 0


def chosen_processes(wanted: str, device: str, batch: int, before: int = 0) -> int:
    """Number of training processes for `wanted`, a number or auto.

    auto on CPUs: as many as a resumed run had `before`, so that it continues exactly, if there are cores for
    them; else one per core as far as the batch size permits. auto on a GPU: one. Raises InputError.
    """
    if PARENT in os.environ:
        return 1
    if under_torchrun():
        if wanted != "auto":
            raise InputError(
                what="--processes under torchrun", expected="torchrun's own --nproc-per-node", got=wanted
            )
        return 1
    if wanted != "auto":
        count = whole(wanted)
        if not count:
            raise InputError(
                what="bad value of --processes", expected="auto or a whole number from 1", got=wanted
            )
        if batch % count:
            raise InputError(
                what="bad value of --processes", expected=f"a divisor of the batch of {batch}", got=wanted
            )
        return count
    if device not in ("cpu", "auto") or (device == "auto" and accelerator()):
        return 1
    if 0 < before <= usable_cores() and batch % before == 0:
        return before
    return max(n for n in range(1, min(usable_cores(), MOST, batch) + 1) if batch % n == 0)


def executed(command: str, args: Sequence[str]) -> list[str]:
    """The executed command as a shell line: the interpreter by its path, preceded by torchrun where that
    started it.
    """
    launcher = ["-m", "torch.distributed.run", f"--nproc-per-node={os.environ.get('LOCAL_WORLD_SIZE', '1')}"]
    return [sys.executable, *(launcher if started_by_torchrun() else ()), "-m", MAIN, command, *args]


@contextmanager
def siblings(count: int, args: Sequence[str]) -> Iterator[None]:
    """`count` - 1 more processes with the arguments `args` of triscope; this one is rank 0 while the context
    lasts.

    They meet in a file of a private folder and talk over the loopback interface, and end with this process,
    however that ends. Raises RuntimeError with what a sibling said where one failed first.
    """
    if count == 1:
        yield
        return
    before = dict(os.environ)
    threads, before_threads = threads_each(count), torch.get_num_threads()
    with tempfile.TemporaryDirectory(prefix="triscope-ranks-") as folder:
        shared = {
            "WORLD_SIZE": str(count), "LOCAL_WORLD_SIZE": str(count), "OMP_NUM_THREADS": str(threads), PARENT: str(os.getpid()),
            RENDEZVOUS: str(Path(folder) / "meeting"),
        }  # fmt: skip
        if sys.platform.startswith("linux"):
            shared["GLOO_SOCKET_IFNAME"] = "lo"
        os.environ.update({**shared, "RANK": "0", "LOCAL_RANK": "0"})
        torch.set_num_threads(threads)
        family: list[subprocess.Popen[bytes]] = []
        try:
            family = [_start(rank, args, shared, Path(folder)) for rank in range(1, count)]
            yield
            _end(family, PATIENCE_S)
        except InputError:
            raise
        except Exception as error:
            said = _last_words(family, Path(folder))
            if said:
                raise RuntimeError(said) from error
            raise
        finally:
            _end(family, LOOK_S)
            os.environ.clear()
            os.environ.update(before)
            torch.set_num_threads(before_threads)


def follow_torchrun() -> None:
    """In a process that torchrun started: end when torchrun ends, however it ends."""
    if started_by_torchrun():
        follow_parent()


def _start(rank: int, args: Sequence[str], shared: dict[str, str], folder: Path) -> subprocess.Popen[bytes]:
    paths = [str(Path(core_model.__file__).parents[1]), os.environ.get("PYTHONPATH", "")]
    environment = {
        **os.environ, **shared, "RANK": str(rank), "LOCAL_RANK": str(rank), "PYTHONPATH": os.pathsep.join(p for p in paths if p),
    }  # fmt: skip
    command = [sys.executable, "-m", MAIN, *args]
    with (folder / f"{rank}.txt").open("wb") as said:
        return start_tied(
            command, environment, own=True, stdin=subprocess.DEVNULL, stdout=said, stderr=subprocess.STDOUT
        )


def _last_words(family: Sequence[subprocess.Popen[bytes]], folder: Path) -> str:
    """Last output of the first process that failed by itself."""
    time.sleep(LOOK_S)  # a connection error can arrive before the end of the process that caused it
    for rank, process in enumerate(family, start=1):
        status = process.poll()
        if status:
            lines = (
                (folder / f"{rank}.txt").read_text(encoding="utf-8", errors="replace").strip().splitlines()
            )
            end = lines[-1] if lines else "said nothing"
            return f"process {rank} of {len(family) + 1} ended with status {status}: {end}"
    return ""


def _end(family: Sequence[subprocess.Popen[bytes]], patience_s: float) -> None:
    """Give processes that are about to finish a moment, then terminate the others, then kill them."""
    for ask in (None, subprocess.Popen.terminate, subprocess.Popen.kill):
        for process in family:
            if ask is not None and process.poll() is None:
                ask(process)
        end = time.monotonic() + patience_s
        while any(p.poll() is None for p in family) and time.monotonic() < end:
            time.sleep(0.02)
