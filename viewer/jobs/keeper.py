"""The keeper of one job: waits for its devices, runs the command, writes down how it ended. Outlives the window.

Started as `python keeper.py [--detach] RUN` with RUN/job.json in place. It needs the standard library and psutil only, so
that it also starts where triscope is not importable. SIGTERM ends the command (SIGKILL after a grace time).
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any

JOB_FILE, CONSOLE_FILE = "job.json", "console.txt"
QUEUE_VARIABLE = "TRISCOPE_QUEUE_DIR"
GRACE_S = 30.0
POLL_S = 0.2
START_TOLERANCE_S = 2.0


class Keeper:
    """One job from its queue to its end."""

    def __init__(self, run: Path) -> None:
        self.run = run
        self.job: dict[str, Any] = json.loads((run / JOB_FILE).read_text(encoding="utf-8"))
        self.child: subprocess.Popen[bytes] | None = None
        self.ended_by = 0
        self._ticket: Path | None = None

    def keep(self) -> int:
        """Wait, run, write the end; returns the exit status of the command."""
        signal.signal(signal.SIGTERM, self._on_signal)
        signal.signal(signal.SIGINT, self._on_signal)
        if hasattr(signal, "SIGHUP"):
            signal.signal(signal.SIGHUP, signal.SIG_IGN)
        queue = self._take_ticket()  # before anybody hears of this keeper, so that the order is that of submission
        self._note(keeper_pid=os.getpid(), keeper_started=started_at(os.getpid()), host=socket.gethostname())
        try:
            if not self._wait_for_turn(queue):
                self._note(ended=time.time(), cancelled=True)
                return 143
            return self._run()
        finally:
            if self._ticket is not None:
                self._ticket.unlink(missing_ok=True)

    def _run(self) -> int:
        environment = os.environ | device_variables(tuple(self.job.get("devices", ()))) | self.job.get("variables", {})
        try:
            with open(self.run / CONSOLE_FILE, "ab") as console:
                self.child = subprocess.Popen(
                    list(self.job["argv"]),
                    stdin=subprocess.DEVNULL,
                    stdout=console,
                    stderr=subprocess.STDOUT,
                    env=environment,
                    start_new_session=True,
                )
        except OSError as error:
            self._note(ended=time.time(), exit_status=127, error=f"cannot start {self.job['argv'][0]}: {error.strerror or error}")
            return 127
        self._note(pid=self.child.pid, pid_started=started_at(self.child.pid), started=time.time())
        status = self._wait(self.child)
        self._note(ended=time.time(), exit_status=status, cancelled=bool(self.ended_by))
        return status

    def _wait(self, child: "subprocess.Popen[bytes]") -> int:
        deadline = 0.0
        while True:
            with contextlib.suppress(subprocess.TimeoutExpired):
                return child.wait(POLL_S)
            if self.ended_by and not deadline:
                deadline = time.monotonic() + float(self.job.get("grace_s", GRACE_S))
                self._signal_group(signal.SIGTERM)
            elif deadline and time.monotonic() > deadline:
                self._signal_group(signal.SIGKILL)

    def _signal_group(self, number: int) -> None:
        if self.child is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.child.pid, number)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self.ended_by = number

    def _take_ticket(self) -> Path | None:
        """Write this job's ticket; returns the folder of the queue, None where it need not wait for anybody."""
        queue, devices = os.environ.get(QUEUE_VARIABLE), self.job.get("devices", ())
        if not queue or not devices:
            return None
        folder = Path(queue)
        folder.mkdir(parents=True, exist_ok=True)
        rank = int(self.job["submitted"] * 1e6)
        ticket = {"pid": os.getpid(), "started": started_at(os.getpid()), "devices": sorted(devices), "run": str(self.run), "rank": rank}
        self._ticket = folder / f"{rank:020d}-{os.getpid()}.json"
        write_json(self._ticket, ticket)
        return folder

    def _wait_for_turn(self, queue: Path | None) -> bool:
        """Until nobody before it in the queue wants one of the job's devices; False when the job was ended meanwhile."""
        while queue is not None and self._ticket is not None and not self.ended_by:
            with locked(queue):  # nobody changes the order between the look and the mark
                if self._my_turn(queue, self._ticket):
                    break
            time.sleep(POLL_S)
        return not self.ended_by

    def _my_turn(self, queue: Path, own: Path) -> bool:
        """Whether the job may begin; if so its ticket says from now on that it runs, and cannot be overtaken any more."""
        devices = set(self.job.get("devices", ()))
        for path, ticket in living_tickets(queue):
            if path == own:
                write_json(own, ticket | {"running": True})
                return True
            if devices & set(ticket["devices"]):
                return False
        return True  # somebody has removed the ticket: nothing is left to wait for

    def _note(self, **changes: Any) -> None:
        self.job |= changes
        write_json(self.run / JOB_FILE, self.job)


def living_tickets(folder: Path) -> list[tuple[Path, dict[str, Any]]]:
    """(file, ticket) of every job in the order of the queue, those that run already first; those of dead keepers are removed."""
    found = []
    for path in folder.glob("*.json"):
        try:
            ticket = json.loads(path.read_text(encoding="utf-8"))
            alive = abs(started_at(int(ticket["pid"])) - float(ticket["started"])) < START_TOLERANCE_S
            rank = int(ticket.get("rank", path.name.split("-")[0])), path.name
            devices, run = tuple(ticket["devices"]), str(ticket["run"])
        except (OSError, ValueError, KeyError, TypeError):
            continue
        if alive:
            found.append((not ticket.get("running", False), rank, path, ticket | {"rank": rank[0], "devices": devices, "run": run}))
        else:
            path.unlink(missing_ok=True)
    return [(path, ticket) for _, _, path, ticket in sorted(found, key=lambda one: one[:2])]


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Alone with the tickets of a queue; the lock ends with its process, however that ends."""
    with open(folder / "lock", "a+b") as file:
        if os.name == "nt":
            import msvcrt

            file.seek(0)
            msvcrt.locking(file.fileno(), msvcrt.LK_LOCK, 1)  # type: ignore[attr-defined]
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def device_variables(devices: tuple[str, ...]) -> dict[str, str]:
    """Environment that lets a command see these devices only; {} = whatever there is."""
    gpus = [d.removeprefix("cuda:") for d in devices if d.startswith("cuda:")]
    if gpus:
        return {"CUDA_VISIBLE_DEVICES": ",".join(gpus)}
    return {"CUDA_VISIBLE_DEVICES": ""} if devices == ("cpu",) else {}


def started_at(pid: int) -> float:
    """Creation time of a process in seconds since 1970; 0 where there is none."""
    import psutil

    try:
        return psutil.Process(pid).create_time()
    except psutil.Error:
        return 0.0


def write_json(path: Path, value: object) -> None:
    """Replace a file as a whole."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    temporary.write_text(json.dumps(value, ensure_ascii=False, indent=1), encoding="utf-8")
    os.replace(temporary, path)


def detach() -> None:
    """Become a child of nobody in a session of its own (POSIX): the window may end, or be killed, without effect."""
    if os.fork():
        os._exit(0)
    os.setsid()
    if os.fork():
        os._exit(0)


def main(args: list[str]) -> int:
    if "--detach" in args and hasattr(os, "fork"):
        detach()
    return Keeper(Path(args[-1])).keep()


if __name__ == "__main__":
    status = main(sys.argv[1:])
    sys.exit(status if 0 <= status < 256 else 128 + abs(status))
