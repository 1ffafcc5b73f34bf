"""The monitor as a program: `triscope monitor RUN [RUN …]` or `python -m viewer.monitor RUN`."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from core_model.schema.errors import SEE_DOCTOR, InputError, TriscopeError
from core_model.schema.extras import missing_extra
from viewer.monitor.options import USAGE, parsed


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

    MonitorWindow(options).run()


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except TriscopeError as error:
        print(f"triscope: {error}", file=sys.stderr)
        sys.exit(error.exit_status)
