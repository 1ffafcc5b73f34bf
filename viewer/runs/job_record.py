"""RUN/job.json: how a run was started and how it ended. Written by the launcher and by the job's supervisor.

The trainer's own files are described in `core_model.schema.run`; this one is there before the trainer has
started, and it has the exit status even where the trainer could not write its own record.
"""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import AliasChoices, Field

from core_model.schema.frozen import Frozen

MAIN = "core_model.cli.main"
"""Module of the command `triscope`."""
JOB_FILE = "job.json"
CONSOLE_FILE = "console.txt"
"""What the command printed: everything of a run that fails before it can open its own log."""

ShownState = Literal[
    "queued", "starting", "running", "paused", "stalled", "done", "failed", "stopped", "killed", "lost"
]
"""queued: waits for its devices. stalled: alive, but no tick for long.
stopped: ended on request, can be resumed.
killed: ended by a person without a snapshot, can be resumed from the last one.
lost: its process is gone without a record of its end (killed, or the machine was restarted).
"""
ENDED: tuple[ShownState, ...] = ("done", "failed", "stopped", "killed", "lost")
_CMD_SPECIAL = frozenset('&|<>^()%!,;= \t"')


class JobRecord(Frozen):
    """Times in seconds since 1970; a pid counts only together with the creation time of its process.

    Files of earlier builds have `keeper_pid` and `keeper_started` for the supervisor.
    """

    version: Literal[1] = 1
    id: str
    backend: str
    run: str = Field(description="absolute path of the run directory")
    argv: tuple[str, ...] = Field(description="the command, one argument an entry; never a shell string")
    cwd: str = Field(default="", description="folder in which the command runs")
    variables: dict[str, str] = Field(
        default_factory=dict, description="added to the environment of the command"
    )
    devices: tuple[str, ...] = Field(default=(), description="cpu, cuda:0 …; empty = whatever there is")
    asked: dict[str, Any] = Field(
        default_factory=dict, description="resources that differ from the defaults, for starting it again"
    )
    host: str = ""
    submitted: float = 0.0
    native_id: str = Field(default="", description="job number of the cluster")
    supervisor_pid: int = Field(default=0, validation_alias=AliasChoices("supervisor_pid", "keeper_pid"))
    supervisor_started: float = Field(
        default=0.0, validation_alias=AliasChoices("supervisor_started", "keeper_started")
    )
    pid: int = 0
    pid_started: float = 0.0
    started: float = 0.0
    ended: float = 0.0
    exit_status: int | None = Field(
        default=None, description="of the command; minus the signal that ended it"
    )
    cancelled: bool = False
    killed: bool = Field(default=False, description="ended by SIGKILL because a person wanted it")
    ended_by: str = Field(default="", description="who wanted its end: user on host")
    error: str = Field(default="", description="why the command could not be started")

    @property
    def outcome(self) -> ShownState:
        """How an ended job ended; an end that was requested is never a failure."""
        if self.killed:
            return "killed"
        if self.cancelled:
            return "stopped"
        return "done" if self.exit_status == 0 else "failed"


def shell_join(words: Sequence[str], windows: bool = os.name == "nt") -> str:
    """Words quoted for sh, or for cmd.exe."""
    return " ".join(map(_for_cmd, words)) if windows else shlex.join(words)


def shell_line(words: Sequence[str], cwd: str = "", windows: bool = os.name == "nt") -> str:
    """The command line from any folder: it first changes to `cwd` where there is one."""
    line = shell_join(words, windows)
    if not cwd or not line:
        return line
    return (
        f"cd /d {shell_join([cwd], windows)} && {line}"
        if windows
        else f"cd {shell_join([cwd], windows)} && {line}"
    )


def _for_cmd(word: str) -> str:
    """A word quoted as the C library of Windows parses it, also where only cmd.exe needs quotes.

    cmd.exe still expands a %.
    """
    plain = subprocess.list2cmdline([word])
    return f'"{plain}"' if plain == word and _CMD_SPECIAL & set(word) else plain


def read_console(folder: Path) -> str:
    """What a job has printed so far, 20,000 characters at most; "" where nothing can be read."""
    try:
        return (folder / CONSOLE_FILE).read_text(encoding="utf-8", errors="replace").strip()[:20_000]
    except OSError:
        return ""
