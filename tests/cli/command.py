"""Runs one `triscope` command line in this process or in one of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import dataclass

import pytest

from core_model.cli.main import main
from tests.house.sources import ROOT


@dataclass(frozen=True)
class Outcome:
    """Exit status and what was printed."""

    status: int
    out: str
    err: str

    @property
    def line(self) -> str:
        """The one line on stderr; fails when there are more or a traceback."""
        lines = self.err.strip().splitlines()
        assert len(lines) == 1 and lines[0].startswith("triscope: "), self.err
        return lines[0]


def triscope(capsys: pytest.CaptureFixture[str], *args: object) -> Outcome:
    """Run in this process (quick: torch is loaded once)."""
    capsys.readouterr()
    try:
        status = main([str(a) for a in args])
    except SystemExit as stop:
        status = int(stop.code or 0)
    said = capsys.readouterr()
    return Outcome(status, said.out, said.err)


def start(*args: object, **environment: str) -> "subprocess.Popen[str]":
    """Start in a process of its own, as a person does."""
    return subprocess.Popen(
        [sys.executable, "-m", "core_model.cli.main", *(str(a) for a in args)],
        cwd=ROOT,
        env=os.environ | environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=_as_in_a_terminal,
    )


def _as_in_a_terminal() -> None:
    """A shell that runs the tests in the background hands SIGINT on as ignored; a person's shell does not."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
