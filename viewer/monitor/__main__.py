"""`python -m viewer.monitor RUN [RUN …]`: the monitor without the command line of triscope around it."""

from __future__ import annotations

import sys

from core_model.schema.errors import InputError
from viewer.monitor.command import main

if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except InputError as error:
        print(f"triscope: {error}", file=sys.stderr)
        sys.exit(error.exit_status)
