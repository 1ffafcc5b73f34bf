"""`triscope view [CHECKPOINT]`: the window. Imports no torch: the worker process does."""

from __future__ import annotations

import os
import sys

from core_model.checkpoints.locate import resolve
from core_model.schema.errors import SEE_DOCTOR, InputError, TriscopeError


def main(args: list[str]) -> None:
    # The window should be up in under a second: the parser is only loaded when there is something to parse.
    plain = len(args) <= 1 and not any(a.startswith("-") for a in args)
    checkpoint, worker = ((args[0] if args else None), None) if plain else _parsed(args)
    open_window(checkpoint, worker)


def open_window(checkpoint: str | None, worker: str | None = None) -> None:
    """Open the window on `checkpoint`; raises InputError for a missing file or a missing display.

    worker: command that leads to a far renderer, which then looks for the checkpoint.
    """
    if worker is not None:
        path = checkpoint or "demo"
    else:
        path = resolve(checkpoint) if checkpoint is not None else None  # the window knows what comes then
    if sys.platform.startswith("linux") and not (
        os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    ):
        raise InputError(
            what="no display",
            expected="DISPLAY or WAYLAND_DISPLAY; `triscope demo` needs none",
            got=f"neither; {SEE_DOCTOR}",
        )
    try:
        from viewer.shell.app import AppOptions, run
    except ImportError as error:  # of a package, or of a system library that it is linked to
        raise TriscopeError(f"the window does not open: {error}; {SEE_DOCTOR}") from error

    if worker is not None:
        _check_command(worker)
    run(path, AppOptions(worker=worker or ""))


def _check_command(worker: str) -> None:
    from viewer.wire.command import split

    split(worker)


def _parsed(args: list[str]) -> tuple[str | None, str | None]:
    from core_model.cli.view_options import parsed

    options = parsed(args)
    return options.checkpoint, options.worker
