"""Questions that may crash, hang or never come back, put to a process of their own.

The process prints one JSON object per line; what it printed before it ended is kept, so that a driver that
takes the process down leaves the name of what it was at.
"""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from core_model.schema.processes import kill_tree, start_tied


@dataclass(frozen=True)
class Answer:
    """What a process printed, and how it ended; `ended` is "" where it ended by itself with status 0."""

    lines: tuple[dict[str, Any], ...]
    ended: str

    def first(self, key: str) -> Any:
        """The value of the first line that has `key`; None where there is none."""
        return next((line[key] for line in self.lines if key in line), None)

    def all(self, key: str) -> list[Any]:
        return [line[key] for line in self.lines if key in line]


def ask(module: str, *arguments: str, timeout_s: float, env: Mapping[str, str] | None = None) -> Answer:
    """Run `python -m MODULE ARGUMENTS` and take what it says; its whole tree is ended after `timeout_s`."""
    # A file, not a pipe: what the process leaves behind could hold a pipe open for ever.
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        process = start_tied(
            [sys.executable, "-m", module, *arguments],
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
        )
        ended = ""
        try:
            process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            ended = f"gave no answer within {timeout_s:.0f} s"
        finally:
            if process.returncode is None:
                _end(process)
        out.seek(0)
        err.seek(0)
        said, complaint = out.read().decode(errors="replace"), err.read().decode(errors="replace")
    return Answer(tuple(_objects(said)), ended or how_it_ended(process.returncode or 0, complaint))


def tell(**values: Any) -> None:
    """One line of an answer, written at once."""
    print(json.dumps(values), flush=True)


def how_it_ended(status: int, complaint: str = "") -> str:
    """An exit status in words; "" for 0. `complaint`: what the process wrote to stderr."""
    if status == 0:
        return ""
    if status < 0:
        try:
            return f"crashed ({signal.Signals(-status).name})"
        except ValueError:
            return f"crashed (signal {-status})"
    if sys.platform == "win32" and status >= 0xC0000000:  # an NTSTATUS, e.g. 0xC0000005: access violation
        return f"crashed ({status:#x})"
    last = [line for line in complaint.splitlines() if line.strip()][-1:]
    return last[0].strip()[:300] if last else f"ended with status {status}"


def _objects(text: str) -> list[dict[str, Any]]:
    found = []
    for line in text.splitlines():
        with contextlib.suppress(ValueError):  # libraries print to stdout too
            value = json.loads(line)
            if isinstance(value, dict):
                found.append(value)
    return found


def _end(process: "subprocess.Popen[Any]") -> None:
    import psutil

    def living() -> list[psutil.Process]:
        with contextlib.suppress(psutil.Error):
            root = psutil.Process(process.pid)
            return [p for p in (root, *root.children(recursive=True)) if p.status() != psutil.STATUS_ZOMBIE]
        return []

    kill_tree(living)
    process.wait(10)
