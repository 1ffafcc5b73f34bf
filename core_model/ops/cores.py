"""The cores that work can be spread over."""

from __future__ import annotations

import os
import sys


def usable_cores() -> int:
    """Cores that this process may run on."""
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1


def threads_each(processes: int) -> int:
    """Threads of each of `processes` that share the usable cores; at least one."""
    return max(1, usable_cores() // processes)
