"""The monitor as a program: `triscope monitor RUN [RUN …]` or `python -m viewer.monitor RUN`."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import replace

from core_model.schema.errors import SEE_DOCTOR, InputError, TriscopeError
from core_model.schema.extras import missing_extra
from viewer.monitor.options import USAGE, far_runs, parsed

FIRST_S = 120.0
"""The line must be there by then: a cluster may hand out a machine slowly."""


def main(args: Sequence[str]) -> None:
    """Open the monitor until its window is closed. Raises InputError for a mistake or a missing display."""
    if any(a in ("-h", "--help") for a in args):
        print(USAGE, end="")
        return
    options = parsed(args)
    if sys.platform.startswith("linux") and not os.environ.get("DISPLAY"):
        # Dear PyGui would abort the process without a word.
        raise InputError(
            what="no display",
            where="the monitor",
            expected="DISPLAY (X11, or XWayland)",
            got=f"none; {SEE_DOCTOR}",
        )
    try:
        from viewer.monitor.window import MonitorWindow
    except ImportError as error:
        raise missing_extra(error) or error from None

    if not options.worker:
        MonitorWindow(options).run()
        return
    from viewer.wire.desk_link import DeskLink
    from viewer.wire.far_desk import FarDesk

    link = DeskLink(options.worker)
    try:
        link.first(FIRST_S)
        desk = FarDesk(link.line)
        MonitorWindow(replace(options, desk=desk, runs=far_runs(desk, options.words))).run()
    except OSError as error:
        raise TriscopeError(error.strerror or str(error)) from None
    finally:
        link.close()


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except TriscopeError as error:
        print(f"triscope: {error}", file=sys.stderr)
        sys.exit(error.exit_status)
