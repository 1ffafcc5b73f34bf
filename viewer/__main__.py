"""`python -m viewer [CHECKPOINT]`: the window alone. The full command line is `triscope`."""

from __future__ import annotations

import sys


def main(arguments: list[str]) -> int:
    """Opens the window; returns the exit status (2: bad input, one line on stderr)."""
    from core_model.schema.errors import TriscopeError
    from viewer.shell.app import run

    try:
        run(arguments[0] if arguments else None)
    except TriscopeError as error:
        print(f"triscope: {error}", file=sys.stderr)
        return error.exit_status
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
