"""Who works in a run directory.

One trainer at a time, told by the file RUN/owner.N.json with the highest number N. A new owner publishes
number N + 1 by one exclusive operation of the file system, and only after it has seen that owner N is gone.
Of two that see the same, one fails to publish and looks again. An owner that ends writes `released` into its
file rather than removing it, so that numbers never come back and a process that looked long ago cannot win
with an old one.

Gone means: on the same machine (same boot, same process namespace) that process is dead; seen from anywhere
else its lease of LEASE_S has run out, which the living owner renews every BEAT_S by the file's time of
change. The clock of the lease is the file system's own.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import socket
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from core_model.schema.atomic import why_not_written, write_atomic
from core_model.schema.errors import InputError
from core_model.schema.frozen import Frozen
from core_model.schema.processes import process_alive, started_at

LEASE_S, BEAT_S = 60.0, 10.0
_NAME = re.compile(r"^owner\.(\d{6,})\.json$")
_NO_LINKS = (errno.EPERM, errno.ENOTSUP, errno.ENOSYS, errno.EOPNOTSUPP, errno.EACCES)


class RunOwner(Frozen):
    """Content of the file. place: host, boot and process namespace, in which `pid` means something.

    Times in seconds since 1970.
    """

    pid: int
    started: float
    host: str
    place: str
    since: float
    released: bool = False


@dataclass(frozen=True)
class OwnerFile:
    """The newest owner of a run directory.

    touched: last renewal of its lease. owner: None where its file cannot be read (yet).
    """

    path: Path
    number: int
    owner: RunOwner | None
    touched: float

    def live(self, now: float) -> bool:
        """Whether it still works there. now: of the clock that `touched` is told by."""
        if self.owner is not None and self.owner.released:
            return False
        if self.owner is not None and self.owner.place == this_place():
            return process_alive(self.owner.pid, self.owner.started)
        return now - self.touched < LEASE_S


def this_place() -> str:
    """Where process ids of this process are valid."""
    parts = [socket.gethostname()]
    for read in (
        lambda: Path("/proc/sys/kernel/random/boot_id").read_text(encoding="utf-8").strip(),
        lambda: os.readlink("/proc/self/ns/pid"),
    ):
        with contextlib.suppress(OSError):
            parts.append(read())
    return " ".join(parts)


def newest_owner(run: Path) -> OwnerFile | None:
    """The file of the highest number; None where nobody has worked in `run` yet."""
    for _ in range(20):
        try:
            numbers = [int(found[1]) for name in os.listdir(run) if (found := _NAME.match(name))]
        except OSError:
            return None
        if not numbers:
            return None
        path = run / _name(max(numbers))
        try:
            touched = path.stat().st_mtime
            owner = RunOwner.model_validate_json(path.read_bytes())
        except FileNotFoundError:  # a newer one has removed it meanwhile
            continue
        except (OSError, ValidationError):
            owner, touched = None, _touched(path)
        return OwnerFile(path, max(numbers), owner, touched)
    return None


def live_owner(run: Path) -> RunOwner | None:
    """Who works in `run` now, as far as can be seen without writing there."""
    top = newest_owner(run)
    return top.owner if top is not None and top.live(time.time()) else None


def in_use(run: Path, owner: RunOwner | None) -> InputError:
    """The one line with which a second trainer is refused."""
    if owner is None:
        return InputError(what=f"run folder {run} is in use: another process is just taking it")
    since = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(owner.since))
    return InputError(
        what=f"run folder {run} is in use by pid {owner.pid} on host {owner.host} since {since}"
    )


def release(run: Path) -> None:
    """Say that the owner is gone, where that is known from elsewhere than its process.

    A cluster has ended its job.
    """
    top = newest_owner(run)
    if top is not None and top.owner is not None and not top.owner.released:
        write_atomic(top.path, _text(top.owner.replace(released=True)))


def refuse_if_owned(run: Path) -> None:
    """Raises InputError where somebody works in `run`.

    `owned` decides, this only spares the start of what would be refused.
    """
    top = newest_owner(run)
    if top is not None and top.live(time.time()):
        raise in_use(run, top.owner)


@contextlib.contextmanager
def owned(run: Path) -> Iterator[None]:
    """This process works in `run` (made where needed) while the context lasts.

    Raises InputError where another one does. Should another host take the directory over, because this
    process stood still for longer than its lease, this one ends at once: what it would write is the other's.
    """
    path, number, owner = _take(run)
    ended = threading.Event()

    def beat() -> None:
        while not ended.wait(BEAT_S):
            with contextlib.suppress(OSError):
                os.utime(path)
            top = newest_owner(run)
            if top is not None and top.number > number and not ended.is_set():
                print(
                    f"triscope: {in_use(run, top.owner)}; this process had stood still and ends",
                    file=sys.stderr,
                    flush=True,
                )
                os._exit(1)

    threading.Thread(target=beat, daemon=True, name="run-owner").start()
    try:
        yield
    finally:
        ended.set()
        with contextlib.suppress(OSError):
            _say_released(path, owner)


def _say_released(path: Path, owner: RunOwner) -> None:
    text = _text(owner.replace(released=True))
    try:
        write_atomic(path, text)
    except OSError:  # a full disk has room in the file that is there, which is no shorter
        with open(path, "rb+") as file:
            file.write(text.ljust(os.fstat(file.fileno()).st_size))


def _take(run: Path) -> tuple[Path, int, RunOwner]:
    try:
        run.mkdir(parents=True, exist_ok=True)
        while True:
            owner = RunOwner(
                pid=os.getpid(),
                started=started_at(os.getpid()),
                host=socket.gethostname(),
                place=this_place(),
                since=time.time(),
            )
            temporary = _written(run, owner)
            try:
                top = newest_owner(run)
                if top is not None and top.live(_touched(temporary)):
                    raise in_use(run, top.owner)
                number = top.number + 1 if top is not None else 1
                path = run / _name(number)
                if not _publish(temporary, path):
                    continue
            finally:
                temporary.unlink(missing_ok=True)
            newest = newest_owner(run)
            if newest is not None and newest.number > number:
                path.unlink(missing_ok=True)
                continue
            _forget_below(run, number)
            return path, number, owner
    except OSError as error:
        raise InputError(
            what="cannot write the run directory", where=str(run), got=why_not_written(error)
        ) from None


def _publish(temporary: Path, path: Path) -> bool:
    """Make `temporary` the file `path` as a whole, if there is none; False where there is."""
    try:
        if os.name == "nt":
            os.rename(temporary, path)  # fails where the target exists
        else:
            os.link(temporary, path)
        return True
    except FileExistsError:
        return _links(temporary) == 2  # NFS may repeat a request that had gone through
    except OSError as error:
        if os.name == "nt" or error.errno not in _NO_LINKS:
            raise
    # a file system without links: a reader may see the file before its content, and takes the owner as alive
    try:
        with open(path, "xb") as file:
            file.write(temporary.read_bytes())
        return True
    except FileExistsError:
        return False


def _written(run: Path, owner: RunOwner) -> Path:
    temporary = run / f".owner.{uuid.uuid4().hex}.part"
    try:
        with open(temporary, "wb") as file:
            file.write(_text(owner))
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    return temporary


def _text(owner: RunOwner) -> bytes:
    return owner.model_dump_json(indent=1).encode()


def _forget_below(run: Path, number: int) -> None:
    for name in os.listdir(run):
        found = _NAME.match(name)
        if found and int(found[1]) < number:
            (run / name).unlink(missing_ok=True)


def _name(number: int) -> str:
    return f"owner.{number:06d}.json"


def _links(path: Path) -> int:
    try:
        return path.stat().st_nlink
    except OSError:
        return 0


def _touched(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0
