"""The command that gives the two streams (`ssh gpu-box triscope worker`): its start, its errors, its end.

It is split as a shell would split it, but no shell runs it. It has no terminal: ssh then asks for passwords and host
keys through SSH_ASKPASS or not at all, and what it says on its error stream is kept for the person who waits.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable

import psutil

from core_model.schema.errors import InputError
from core_model.schema.processes import FOLLOW_VARIABLE, kill_tree, started_at

_LINES = 40


def split(text: str) -> list[str]:
    """The words of a command; raises InputError for one that cannot be split, is empty or is not there."""
    try:
        words = shlex.split(text, posix=os.name != "nt")
    except ValueError as e:
        raise InputError(
            what="--worker cannot be read", where=text, expected="a command", got=str(e)
        ) from None
    if not words:
        raise InputError(what="--worker is empty", expected='a command, e.g. "ssh gpu-box triscope worker"')
    if shutil.which(words[0]) is None:
        raise InputError(what="--worker: no such program here", where=text, got=words[0])
    return words


class Command:
    """A running command with pipes on its three streams. Raises OSError where it cannot be started."""

    def __init__(self, text: str, told: Callable[[str], None] | None = None) -> None:
        """told: gets each line of the error stream as it comes."""
        self.text = text
        self._told = told
        self._said: deque[str] = deque(maxlen=_LINES)
        # A group of its own, so that all of it can be ended, and Ctrl+C in our terminal is ours to answer.
        group: dict[str, object] = (
            {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW}  # pyright: ignore
            if sys.platform == "win32"
            else {"start_new_session": True}
        )
        follows = {FOLLOW_VARIABLE: f"{os.getpid()}:{started_at(os.getpid())!r}"}
        self._process = subprocess.Popen(
            split(text),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
            env={**os.environ, **follows},
            **group,  # type: ignore[arg-type]
        )
        assert self._process.stdin and self._process.stdout and self._process.stderr
        self.read, self.write = os.dup(self._process.stdout.fileno()), os.dup(self._process.stdin.fileno())
        self._process.stdout.close()
        self._process.stdin.close()
        self._listener = threading.Thread(target=self._listen, name="triscope-line-errors", daemon=True)
        self._listener.start()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def said(self) -> tuple[str, ...]:
        """The last lines of its error stream."""
        return tuple(self._said)

    def wait(self, timeout_s: float) -> int | None:
        """Its exit status; None while it runs."""
        try:
            return self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            return None

    def kill(self) -> None:
        """End it and all it has started here; the far side ends by itself when its stream closes."""
        tree: list[psutil.Process] = []
        with contextlib.suppress(psutil.Error):
            if self._process.poll() is None:
                one = psutil.Process(self.pid)
                tree = [one, *one.children(recursive=True)]
        if sys.platform != "win32":
            with contextlib.suppress(OSError):
                os.killpg(self.pid, signal.SIGKILL)
        kill_tree(lambda: [p for p in tree if _lives(p)], within_s=2.0)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(1.0)

    def why(self) -> tuple[str, bool]:
        """(why it gave no worker, in one line with what to do; whether another try may go better)."""
        self._listener.join(0.5)
        code = self.wait(0.5)
        said = "\n".join(self._said)
        last = next((line for line in reversed(self._said) if line.strip()), "").strip()
        host = f"`{self.text}`"
        low = said.lower()
        if "host key verification failed" in low or "authenticity of host" in low:
            return (
                f"{host}: the key of that host is not known; connect once in a terminal and accept it",
                False,
            )
        if "permission denied" in low:
            return f"{host}: it asks for a password or another key; set up a key or an agent ({last})", False
        if "could not resolve hostname" in low:
            return f"{host}: no such host ({last})", False
        missing = "not found" in low or "no such file or directory" in low or "invalid choice" in low
        if code in (126, 127) or (missing and code not in (None, 255)):
            return f"{host}: there is no triscope there; give its full path in --worker ({last})", False
        if "unknown command" in low and "worker" in low:
            return f"{host}: the triscope there is too old for this ({last})", False
        if code is None:
            return f"{host} closed the line", True
        ended = f"ended with status {code}" if code >= 0 else f"was ended by signal {-code}"
        return f"{host} {ended}{f': {last}' if last else ' without a word'}", code not in (0, 2)

    def _listen(self) -> None:
        stream = self._process.stderr
        assert stream is not None
        with contextlib.suppress(OSError, ValueError):
            for raw in iter(lambda: stream.readline(4096), b""):
                line = "".join(c for c in raw.decode(errors="replace") if c.isprintable())[:1000]
                self._said.append(line)
                if self._told is not None and line:
                    self._told(line)
        stream.close()


def _lives(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False
