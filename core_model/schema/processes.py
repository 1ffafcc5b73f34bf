"""Processes that belong together: who is alive, who follows whom, and how a whole tree of them is ended.

A process is named by its id and the time of its start, so that an id that the system gave away again is
never taken for it, on a clock that nobody sets. Needs the standard library and psutil only: the supervisor of a job imports it too.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from core_model.schema.whole import whole

if TYPE_CHECKING:
    import psutil

START_TOLERANCE_S = 2.0
JOB_VARIABLE = "TRISCOPE_JOB"
"""Id of the job that a process belongs to. Children inherit it, also those that leave the session and outlive
their parents."""
FOLLOW_VARIABLE = "TRISCOPE_FOLLOWS"
"""`pid:start` of the process with which this one ends."""
LOOK_S = 0.5
SINCE_1970 = 1e9
"""Start times above this are seconds since 1970: records of earlier builds on Linux have them too."""
_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None) if sys.platform.startswith("linux") else None


def started_at(pid: int) -> float:
    """When a process started, in seconds of a clock of its system; 0 where there is none.

    On Linux since the machine's own start: psutil's time there is told from the wall clock of now, and moves with it when
    that is set (after a sleep, by NTP). Elsewhere since 1970, as the system noted it.
    """
    if sys.platform.startswith("linux"):
        return _since_boot(pid)
    import psutil

    try:
        return psutil.Process(pid).create_time()
    except psutil.Error:
        return 0.0


def process_alive(pid: int, started: float) -> bool:
    """Whether the process `pid` that started at `started` (as `started_at` tells it; 0 = any) still runs here."""
    if pid <= 0:
        return False
    import psutil

    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return False
        now = process.create_time() if started > SINCE_1970 else started_at(pid)
        return started <= 0 or abs(now - started) < START_TOLERANCE_S
    except psutil.NoSuchProcess:
        return False
    except psutil.Error:
        return True  # there, but another user's


def tree_of(job: str, pid: int = 0, started: float = 0.0) -> "list[psutil.Process]":
    """Every living process of a job.

    Those that carry its mark, the command `pid` created at `started`, and what descends from either. A
    process that left the session and lost its parent is found by its mark (the variables of other users
    cannot be read). While the command lives, its session counts too. Processes without a mark count by
    descent or session only while the command itself lives: afterwards its id may be somebody else's.
    """
    import psutil

    alive = process_alive(pid, started)
    found: dict[int, psutil.Process] = {}
    parents: dict[int, list[psutil.Process]] = {}
    for process in psutil.process_iter():
        if process.pid == os.getpid():
            continue
        with contextlib.suppress(psutil.Error, OSError):
            if process.status() == psutil.STATUS_ZOMBIE:
                continue
            parents.setdefault(process.ppid(), []).append(process)
            if (
                alive
                and (process.pid == pid or _session(process.pid) == pid)
                or job
                and process.environ().get(JOB_VARIABLE) == job
            ):
                found[process.pid] = process
    queue = list(found.values())
    while queue:
        one = queue.pop()
        for child in parents.get(one.pid, ()):
            if child.pid not in found and child.create_time() >= one.create_time() - START_TOLERANCE_S:
                found[child.pid] = child
                queue.append(child)
    return list(found.values())


def kill_tree(find: "Callable[[], Iterable[psutil.Process]]", within_s: float = 10.0) -> list[int]:
    """SIGKILL to whatever `find` finds, again until it finds nothing twice.

    Returns the ids of those that live on all the same. A child that is made while its parent is being killed
    is found by the next look. psutil compares creation times before it kills.
    """
    import psutil

    until, quiet = time.monotonic() + within_s, 0
    while True:
        found = list(find())
        quiet = 0 if found else quiet + 1
        if quiet == 2:
            return []
        if found and time.monotonic() > until:
            return [p.pid for p in found]
        for process in found:
            with contextlib.suppress(psutil.Error):
                process.kill()
        time.sleep(0.02)


def tied(environment: Mapping[str, str] | None = None, own: bool = False) -> dict[str, Any]:
    """Options for subprocess (env, and on Linux preexec_fn) of a process that ends with this one.

    However this one ends. Linux: the kernel kills it, where the main thread starts it (the kernel looks at
    the thread, not at the process). Everywhere: it carries FOLLOW_VARIABLE, which every triscope command
    heeds (`follow_starter`).
    own: it is such a command, and asks the kernel itself, so that nothing runs between fork and exec of a
    process that has many threads.
    """
    by_kernel = _LIBC is not None and threading.current_thread() is threading.main_thread()
    follows = f"{os.getpid()}:{started_at(os.getpid())!r}{':kernel' if by_kernel else ''}"
    made: dict[str, Any] = {
        "env": {**(os.environ if environment is None else environment), FOLLOW_VARIABLE: follows}
    }
    if by_kernel and not own:
        made["preexec_fn"] = _tie(os.getpid())
    return made


def start_tied(
    command: Sequence[str], env: Mapping[str, str] | None = None, own: bool = False, **options: Any
) -> "subprocess.Popen[Any]":
    """subprocess.Popen of a process that is `tied` to this one."""
    return subprocess.Popen(list(command), **tied(env, own), **options)


def untied(environment: "os._Environ[str] | dict[str, str]") -> dict[str, str]:
    """The environment for a process that is to outlive the job, or the window, in which it is started."""
    return {name: text for name, text in environment.items() if name not in (JOB_VARIABLE, FOLLOW_VARIABLE)}


def follow_starter() -> None:
    """End with the process that started this one by `start_tied`, directly or through others."""
    pid, started, kernel = [*os.environ.get(FOLLOW_VARIABLE, "").split(":"), "", ""][:3]
    starter = whole(pid)
    if starter is None:
        return
    follow(starter, float(started or 0.0))
    if (
        kernel and _LIBC is not None and os.getppid() == starter
    ):  # not in a grandchild, whose parent is another
        _tie(starter)()


def follow_parent() -> None:
    """End with the process that started this one from its main thread, whoever that was."""
    parent = os.getppid()
    follow(parent)
    if _LIBC is not None:
        _tie(parent)()


def follow(pid: int, started: float = 0.0) -> None:
    """End this process, without another word, once the process `pid` is gone.

    started: as `started_at` tells it; 0 = that of the one now there.
    """
    started = started or started_at(pid)

    def watch() -> None:
        while process_alive(pid, started):
            time.sleep(LOOK_S)
        os._exit(1)

    threading.Thread(target=watch, daemon=True, name="starter").start()


def peak_bytes() -> int:
    """Largest resident memory of this process so far."""
    if sys.platform == "win32":
        import psutil

        return int(getattr(psutil.Process().memory_info(), "peak_wset", 0))
    import resource

    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def _tie(parent: int) -> "Callable[[], None]":
    """What a child of `parent` does to be killed with it (Linux)."""
    libc, number = _LIBC, 9 if sys.platform == "win32" else int(signal.SIGKILL)

    def tie() -> None:
        assert libc is not None
        libc.prctl(_PR_SET_PDEATHSIG, number)
        if os.getppid() != parent:  # it died before the kernel was told
            os._exit(1)

    return tie


def _since_boot(pid: int) -> float:
    """Start of a process in seconds since that of the machine (Linux); 0 where there is none."""
    if sys.platform == "win32":
        return 0.0
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            after_name = file.read().rpartition(b")")[2].split()  # the name may hold spaces and brackets
        return int(after_name[19]) / os.sysconf("SC_CLK_TCK")
    except (OSError, IndexError, ValueError):
        return 0.0


def _session(pid: int) -> int:
    try:
        return -1 if sys.platform == "win32" else os.getsid(pid)
    except OSError:
        return -1
