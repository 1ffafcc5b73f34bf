"""`triscope worker`: a renderer on stdin and stdout, for a window elsewhere. See viewer/render_client/far_worker.py.

Like the monitor it is a program beside the library; this hands it over without importing it.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass

from core_model.checkpoints.locate import resolve
from core_model.cli.parse import parse

PROGRAM = "viewer.render_client.far_worker"
SUMMARY = 'A renderer on stdin and stdout, for a window elsewhere: triscope view CHECKPOINT --worker "ssh HOST triscope worker".'


@dataclass(frozen=True)
class WorkerOptions:
    """It has none: device, memory and threads are told by the window."""


def main(args: list[str]) -> None:
    if args:
        parse(WorkerOptions, args, "worker", SUMMARY)
    raise SystemExit(importlib.import_module(PROGRAM).main(resolve))
