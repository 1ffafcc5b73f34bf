"""`triscope monitor RUN [RUN …]`: the detached monitor.

It is a program of its own beside the library (`python -m viewer.monitor` starts it too); this hands the
options over without importing it.
"""

from __future__ import annotations

import importlib

PROGRAM = "viewer.monitor.__main__"


def main(args: list[str]) -> None:
    importlib.import_module(PROGRAM).main(args)
