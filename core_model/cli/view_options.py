"""Options of `triscope view`, apart from the command so that opening the window does not load the parser."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from tyro.conf import Positional, arg

from core_model.cli.parse import parse

SUMMARY = "Open the viewer on a checkpoint (default: the demo)."


@dataclass(frozen=True)
class ViewOptions:
    checkpoint: Annotated[str | None, Positional, arg(metavar="CHECKPOINT", help_behavior_hint="")] = None
    """a .safetensors file, a run folder, `demo` or `analytic:NAME`"""
    worker: Annotated[str | None, arg(metavar="COMMAND", help_behavior_hint="")] = None
    """render elsewhere: a command with the two streams of a worker, e.g. "ssh gpu-box triscope worker"; CHECKPOINT is
    then a path over there"""


def parsed(args: list[str]) -> ViewOptions:
    """The options of a command line; `--help` prints and exits, a mistake raises InputError."""
    return parse(ViewOptions, args, "view", SUMMARY)
