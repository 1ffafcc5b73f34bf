"""The supervisor of one job: waits for its devices, runs the command, writes down how it ended.

It outlives the window. Started as `python supervisor.py [--detach] RUN` with RUN/job.json in place; it finds
its own package by its file's path, and needs only psutil. SIGTERM or a request in RUN/end.json ends the
command (the whole tree by SIGKILL after a grace time, or at once where that was asked for). The command, and
whatever it has started, ends with the supervisor, however that ends.
"""

from __future__ import annotations

import contextlib
import getpass
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

if (
    __name__ == "__main__"
):  # run as a script: import from the folder of the packages, not from this file's own
    sys.path[0] = str(Path(__file__).resolve().parents[2])

from core_model.schema.atomic import write_json
from core_model.schema.processes import JOB_VARIABLE, kill_tree, start_tied, started_at, tree_of
from viewer.jobs.job_object import JobObject, Kernel, creation_flags, kernel

__all__ = ["CONSOLE_FILE", "END_FILE", "JOB_FILE", "QUEUE_VARIABLE", "Supervisor", "started_at"]

JOB_FILE, CONSOLE_FILE, END_FILE = "job.json", "console.txt", "end.json"
QUEUE_VARIABLE = "TRISCOPE_QUEUE_DIR"
GRACE_S = 30.0
POLL_S = 0.2
START_TOLERANCE_S = 2.0


class Supervisor:
    """One job from its queue to its end."""

    def __init__(self, run: Path, api: Kernel | None = None) -> None:
        self.run = run
        self.job: dict[str, Any] = json.loads((run / JOB_FILE).read_text(encoding="utf-8"))
        self.child: subprocess.Popen[bytes] | None = None
        self.ended_by = 0
        self._killed = False
        self._ticket: Path | None = None
        self._api = api
        self._object = JobObject(self.job["id"], api)

    def supervise(self) -> int:
        """Wait for the devices, run the command, record its end; returns its exit status."""
        signal.signal(signal.SIGTERM, self._on_signal)
        signal.signal(signal.SIGINT, self._on_signal)
        if sys.platform != "win32":
            signal.signal(signal.SIGHUP, signal.SIG_IGN)
        # the ticket is written before the launcher hears of this supervisor, so the order is that of
        # submission
        queue = self._take_ticket()
        self._note(
            supervisor_pid=os.getpid(), supervisor_started=started_at(os.getpid()), host=socket.gethostname()
        )
        try:
            if not self._wait_for_turn(queue):
                self._note(ended=time.time(), cancelled=True)
                return 143
            return self._run()
        finally:
            if self._ticket is not None:
                self._ticket.unlink(missing_ok=True)

    def _run(self) -> int:
        environment = (
            os.environ | device_variables(tuple(self.job.get("devices", ()))) | self.job.get("variables", {})
        )
        environment[JOB_VARIABLE] = self.job["id"]
        try:
            with open(self.run / CONSOLE_FILE, "ab") as console:
                self.child = start_tied(
                    list(self.job["argv"]),
                    stdin=subprocess.DEVNULL,
                    stdout=console,
                    stderr=subprocess.STDOUT,
                    env=environment,
                    start_new_session=True,
                    creationflags=creation_flags(self._api),
                )
                self._object.hold(self.child.pid, int(getattr(self.child, "_handle", 0)))
        except OSError as error:
            self._note(
                ended=time.time(),
                exit_status=127,
                error=f"cannot start {self.job['argv'][0]}: {error.strerror or error}",
            )
            return 127
        self._note(pid=self.child.pid, pid_started=started_at(self.child.pid), started=time.time())
        status = self._wait(self.child)
        self._kill_tree()  # what the command has left behind
        request = read_end_request(self.run, self.job["id"])
        by = request["by"] if request else ""
        if self._killed or (request and request["force"] and status):
            mark_killed(self.run, by)
            self._note(ended=time.time(), exit_status=status, cancelled=True, killed=True, ended_by=by)
        else:
            error = (
                f"ended by {signal_name(-status)}, which nobody asked for here"
                if status < 0 and not self.ended_by
                else ""
            )
            self._note(
                ended=time.time(), exit_status=status, cancelled=bool(self.ended_by), ended_by=by, error=error
            )
        return status

    def _wait(self, child: "subprocess.Popen[bytes]") -> int:
        """Wait for the command to end; carries out end requests meanwhile."""
        deadline = 0.0
        while True:
            with contextlib.suppress(subprocess.TimeoutExpired):
                return child.wait(POLL_S)
            request = read_end_request(self.run, self.job["id"])
            if request and not self.ended_by:
                self.ended_by = int(signal.SIGTERM)
            if (request and request["force"]) or (deadline and time.monotonic() > deadline):
                self._killed = True
                self._kill_tree()
            elif self.ended_by and not deadline:
                deadline = time.monotonic() + float(self.job.get("grace_s", GRACE_S))
                self._ask_to_end(child)

    def _ask_to_end(self, child: "subprocess.Popen[bytes]") -> None:
        """SIGTERM to the command's session; torchrun passes it on to the processes that it started in other
        sessions.
        """
        with contextlib.suppress(OSError):
            if sys.platform != "win32":
                os.killpg(child.pid, signal.SIGTERM)
            else:  # a console program of Windows; a detached one cannot be asked, and is ended after the grace time
                child.send_signal(getattr(signal, "CTRL_BREAK_EVENT", signal.SIGTERM))

    def _kill_tree(self) -> None:
        self._object.terminate()
        kill_tree(lambda: tree_of(self.job["id"], self.job.get("pid", 0), self.job.get("pid_started", 0.0)))

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self.ended_by = number

    def _take_ticket(self) -> Path | None:
        """Write this job's ticket; returns the queue's folder, None where the job need not wait."""
        queue, devices = os.environ.get(QUEUE_VARIABLE), self.job.get("devices", ())
        if not queue or not devices:
            return None
        folder = Path(queue)
        folder.mkdir(parents=True, exist_ok=True)
        rank = int(self.job["submitted"] * 1e6)
        ticket = {
            "pid": os.getpid(),
            "started": started_at(os.getpid()),
            "devices": sorted(devices),
            "run": str(self.run),
            "rank": rank,
        }
        self._ticket = folder / f"{rank:020d}-{os.getpid()}.json"
        write_json(self._ticket, ticket)
        return folder

    def _wait_for_turn(self, queue: Path | None) -> bool:
        """Wait until no earlier job of the queue needs one of the devices; False when the job was ended
        meanwhile.
        """
        while queue is not None and self._ticket is not None and not self.ended_by:
            with locked(queue):  # nobody changes the order between the look and the mark
                if self._my_turn(queue, self._ticket):
                    break
            time.sleep(POLL_S)
        return not self.ended_by

    def _my_turn(self, queue: Path, own: Path) -> bool:
        """Whether the job may begin; if so its ticket is marked as running, and cannot be overtaken any more."""
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
    """(file, ticket) of every job in queue order, running ones first; removes tickets of dead supervisors."""
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
            found.append(
                (
                    not ticket.get("running", False),
                    rank,
                    path,
                    ticket | {"rank": rank[0], "devices": devices, "run": run},
                )
            )
        else:
            path.unlink(missing_ok=True)
    return [(path, ticket) for _, _, path, ticket in sorted(found, key=lambda one: one[:2])]


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Exclusive access to the tickets of a queue; the lock ends with its process, however that ends."""
    with open(folder / "lock", "a+b") as file:
        if os.name == "nt":
            import msvcrt

            file.seek(0)
            msvcrt.locking(file.fileno(), msvcrt.LK_LOCK, 1)  # type: ignore[attr-defined]
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def signal_name(number: int) -> str:
    """SIGKILL (perhaps the system ran out of memory), SIGSEGV …"""
    try:
        name = signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
    return f"{name} (perhaps the system ran out of memory)" if name == "SIGKILL" else name


def device_variables(devices: tuple[str, ...]) -> dict[str, str]:
    """Environment that lets a command see these devices only; {} = whatever there is."""
    gpus = [d.removeprefix("cuda:") for d in devices if d.startswith("cuda:")]
    if gpus:
        return {"CUDA_VISIBLE_DEVICES": ",".join(gpus)}
    return {"CUDA_VISIBLE_DEVICES": ""} if devices == ("cpu",) else {}


def ask_end(run: Path, job: str, force: bool) -> str:
    """Record a request to end the job, and who made it; returns who."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError, ImportError):  # a user without a name
        user = "somebody" if sys.platform == "win32" else f"user {os.getuid()}"
    by = f"{user} on {socket.gethostname()}"
    write_json(run / END_FILE, {"job": job, "force": force, "by": by, "time": time.time()})
    return by


def read_end_request(run: Path, job: str) -> dict[str, Any] | None:
    """What `ask_end` wrote for this job; None where nothing was."""
    try:
        request = json.loads((run / END_FILE).read_text(encoding="utf-8"))
        return {"force": bool(request["force"]), "by": str(request["by"])} if request["job"] == job else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def mark_killed(run: Path, by: str) -> None:
    """Note in run.json that the trainer was killed, where the trainer could not do so itself."""
    path = run / "run.json"
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        if record["state"] in ("starting", "running", "paused"):
            write_json(path, record | {"state": "killed", "ended_by": by, "updated": time.time()})
    except (OSError, ValueError, KeyError, TypeError):
        return


def detach() -> None:
    """Become a process without parent in a session of its own (POSIX), which the end of the window does not
    affect.
    """
    if sys.platform == "win32":
        return
    if os.fork():
        os._exit(0)
    os.setsid()
    if os.fork():
        os._exit(0)


def main(args: list[str]) -> int:
    if "--detach" in args:
        detach()
    return Supervisor(Path(args[-1]), kernel()).supervise()


if __name__ == "__main__":
    status = main(sys.argv[1:])
    sys.exit(status if 0 <= status < 256 else 128 + abs(status))
