"""A display for machines without one: an Xvfb that lives as long as it is needed."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator

from core_model.schema.errors import InputError, TriscopeError
from core_model.schema.processes import start_tied


@contextlib.contextmanager
def some_display(width: int = 1600, height: int = 1000) -> Iterator[str]:
    """The present display, else a virtual one of `width` x `height` pixels, with DISPLAY set inside the
    block.

    Raises InputError where there is neither a display nor Xvfb, TriscopeError where Xvfb does not start.
    """
    present = os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    if present or not sys.platform.startswith("linux"):
        yield present or ""
        return
    if shutil.which("Xvfb") is None:
        raise InputError(
            what="there is no display",
            where="this machine",
            expected="DISPLAY, or Xvfb (apt-get install xvfb libgl1-mesa-dri)",
            got="neither",
        )
    read, write = os.pipe()
    # -noreset: otherwise the server restarts when its last window closes, and may refuse the next one
    server = start_tied(
        [
            "Xvfb",
            "-displayfd",
            str(write),
            "-screen",
            "0",
            f"{width}x{height}x24",
            "-nolisten",
            "tcp",
            "-noreset",
        ],
        pass_fds=(write,),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    os.close(write)
    try:
        with os.fdopen(read, encoding="ascii") as pipe:
            number = pipe.readline().strip()
        if not number:
            raise TriscopeError(f"Xvfb did not start (exit status {server.wait(5)})")
        os.environ["DISPLAY"] = f":{number}"
        yield os.environ["DISPLAY"]
    finally:
        os.environ.pop("DISPLAY", None)
        server.terminate()
        try:
            server.wait(5)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait(5)
