"""A batch: one command of triscope for many values, part after part here, or as one job array of Slurm.

DIR/batch.json     the command, the values, the folder it runs in; the array that works on it
DIR/parts/N.json   how part N ended: status, seconds; written once it has ended
DIR/logs/N.txt     what it printed

A part whose record says status 0 is never run again, so that the same batch goes on where it stopped, also after
the window, the login or the cluster's time limit ended it. A batch that is watched again while its array still runs
is only watched.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from pydantic import ValidationError

from core_model.schema.atomic import why_not_written, write_json
from core_model.schema.errors import InputError, TriscopeError
from core_model.schema.frozen import Frozen
from core_model.schema.home import expanded
from viewer.jobs import batch_part, slurm
from viewer.jobs.backend import Resources

LOOK_S = 1.0
SETTLE_S = 5.0
"""A network disk may show the last records this much later than the cluster says that the array has ended."""
MOST_TASKS = 1000
"""Tasks of an array: Slurm's own default limit is 1001. Further parts are shared out among them."""
Update = Callable[[str, float], None]


class BatchRecord(Frozen):
    """batch.json. todo: parts of the present array, task K runs every `tasks`-th of them from the K-th on."""

    words: tuple[str, ...]
    values: tuple[str, ...]
    cwd: str
    array: str = ""
    todo: tuple[int, ...] = ()
    tasks: int = 0


class Asked(Protocol):
    """Options of the command line."""

    at_once: int
    gpus: int
    cpus: int
    memory: float
    hours: float
    partition: str
    account: str


@dataclass(frozen=True)
class Ended:
    """How a batch ended. failed: (part, value, last line of its log)."""

    folder: Path
    parts: int
    failed: tuple[tuple[int, str, str], ...]

    def words(self) -> str:
        done = f"{self.folder}: {self.parts - len(self.failed)} of {self.parts} parts are done"
        if not self.failed:
            return done
        number, value, said = self.failed[0]
        more = f" and {len(self.failed) - 1} more" if len(self.failed) > 1 else ""
        log = self.folder / "logs" / f"{number}.txt"
        return f"{done}; failed: {value} ({said or 'without a word'}; {log}){more}. The same line tries them again"


def run(
    folder: Path,
    words: tuple[str, ...],
    values: tuple[str, ...],
    backend: Literal["local", "slurm"],
    asked: Asked,
    update: Update,
) -> Ended:
    """Run what is missing of the batch and watch it; returns when nothing more is under way.

    Raises InputError where another batch lies in the folder. An interrupt ends the parts that run, and the array.
    """
    folder = Path(os.path.abspath(expanded(folder)))
    record = _opened(folder, BatchRecord(words=words, values=values, cwd=os.getcwd()))
    if record.array and not slurm.SlurmBackend().why_not() and _tasks(record.array):
        _watch(folder, record, update)
        return _ended(folder, record)
    todo = tuple(n for n in range(len(values)) if batch_part.status_of(folder, n) != 0)
    if todo:
        for number in todo:
            (folder / "parts" / f"{number}.json").unlink(missing_ok=True)
        if backend == "slurm":
            _watch(folder, _submitted(folder, record, todo, asked), update)
        else:
            _here(folder, record, todo, max(1, asked.at_once), update)
    return _ended(folder, record)


def _opened(folder: Path, wanted: BatchRecord) -> BatchRecord:
    path = folder / "batch.json"
    try:
        found = BatchRecord.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        try:
            for name in ("parts", "logs"):
                (folder / name).mkdir(parents=True, exist_ok=True)
            write_json(path, wanted.model_dump())
        except OSError as e:
            raise InputError(
                what="cannot make the batch", where=str(folder), got=why_not_written(e)
            ) from None
        return wanted
    except (OSError, ValidationError) as e:
        raise InputError(what="cannot read the batch", where=str(path), got=str(e).splitlines()[0]) from None
    if (found.words, found.values) != (wanted.words, wanted.values):
        raise InputError(
            what="another batch lies there",
            where=str(folder),
            expected="its own command and values, or another folder",
        )
    return found


def _here(folder: Path, record: BatchRecord, todo: Sequence[int], at_once: int, update: Update) -> None:
    with ThreadPoolExecutor(at_once) as pool:
        futures = {pool.submit(batch_part.run, folder, number) for number in todo}
        try:
            while futures:
                ended, futures = wait(futures, LOOK_S)
                for one in ended:
                    one.result()
                _tell(folder, record, min(at_once, len(futures)), update)
        except BaseException:
            for one in futures:
                one.cancel()
            batch_part.end_all()
            raise


def _submitted(folder: Path, record: BatchRecord, todo: tuple[int, ...], asked: Asked) -> BatchRecord:
    """sbatch of the array; remembers its number."""
    place = slurm.SlurmBackend()
    why = place.why_not()
    if why:
        raise InputError(what="the batch cannot run on slurm", expected="a cluster's login node", got=why)
    tasks = min(len(todo), MOST_TASKS)
    record = record.replace(todo=todo, tasks=tasks)
    write_json(folder / "batch.json", record.model_dump())
    script = folder / slurm.SCRIPT_FILE
    script.write_text(slurm.SCRIPT, encoding="utf-8")
    resources = Resources(
        gpus=asked.gpus,
        cpus=asked.cpus,
        memory_mb=round(1024 * asked.memory),
        hours=asked.hours,
        partition=asked.partition,
        account=asked.account,
    )
    limit = f"%{asked.at_once}" if asked.at_once else ""
    said = slurm.ask(
        [
            "sbatch", "--parsable", "--no-requeue", f"--array=0-{tasks - 1}{limit}", f"--job-name=triscope {folder.name}"[:200],
            f"--chdir={record.cwd}", "--output=/dev/null", *slurm.options(resources),
            str(script), sys.executable, batch_part.__file__, str(folder),
        ]
    )  # fmt: skip
    record = record.replace(array=slurm.job_number(said))
    write_json(folder / "batch.json", record.model_dump())
    return record


def _watch(folder: Path, record: BatchRecord, update: Update) -> None:
    """One line of progress until the array has ended; an interrupt ends the array."""
    try:
        while words := _tasks(record.array):
            _tell(folder, record, sum(w in ("RUNNING", "COMPLETING") for w in words), update)
            time.sleep(LOOK_S)
    except BaseException:
        slurm.ask(["scancel", record.array])
        raise
    until = time.monotonic() + SETTLE_S
    while any(batch_part.status_of(folder, n) is None for n in record.todo) and time.monotonic() < until:
        time.sleep(0.2)
    _tell(folder, record, 0, update)


def _tasks(array: str) -> list[str]:
    """States of the tasks that wait or run; [] once the array has ended, or Slurm has forgotten it."""
    try:
        return slurm.ask(["squeue", "--noheader", "--array", f"--jobs={array}", "--format=%T"]).split()
    except TriscopeError as error:
        if "invalid job id" in str(error).lower():
            return []
        raise


def _tell(folder: Path, record: BatchRecord, running: int, update: Update) -> None:
    found = [batch_part.status_of(folder, n) for n in range(len(record.values))]
    done, failed = sum(s == 0 for s in found), sum(s not in (0, None) for s in found)
    parts = [
        f"{done} of {len(found)} parts done",
        f"{running} running" if running else "",
        f"{failed} failed" if failed else "",
    ]
    update(", ".join(p for p in parts if p), (done + failed) / len(found))


def _ended(folder: Path, record: BatchRecord) -> Ended:
    failed = tuple(
        (n, value, batch_part.last_line(folder, n))
        for n, value in enumerate(record.values)
        if batch_part.status_of(folder, n) != 0
    )
    return Ended(folder, len(record.values), failed)
