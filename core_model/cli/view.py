"""`triscope view [CHECKPOINT]`: the window. Imports no torch: the worker process does."""

from __future__ import annotations

import os
import sys

from core_model.checkpoints.locate import default_checkpoint, resolve
from core_model.schema.errors import InputError


def main(args: list[str]) -> None:
    # The window should be up in under a second: the parser is only loaded when there is something to parse.
    plain = len(args) <= 1 and not any(a.startswith("-") for a in args)
    checkpoint = (args[0] if args else None) if plain else _parsed(args)
    open_window(checkpoint)


def open_window(checkpoint: str | None) -> None:
    """Open the window on `checkpoint`; raises InputError for a missing file or a missing display."""
    path = resolve(checkpoint) if checkpoint is not None else default_checkpoint()
    if sys.platform.startswith("linux") and not (
        os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    ):
        raise InputError(
            what="no display",
            expected="DISPLAY or WAYLAND_DISPLAY; `triscope demo` needs none",
            got="neither",
        )
    from viewer.shell.app import run

    run(path)


def _parsed(args: list[str]) -> str | None:
    from core_model.cli.view_options import parsed

    return parsed(args).checkpoint
