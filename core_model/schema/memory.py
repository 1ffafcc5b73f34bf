"""How much memory this process may still take: of the machine, of its container, and of what `ulimit -v` allows."""

from __future__ import annotations

import ctypes
import gc
import math
import sys
from pathlib import Path

import psutil


def available_bytes() -> float:
    """Memory that this process may still take, plus what it has."""
    return free_bytes() + psutil.Process().memory_info().rss


def free_bytes() -> float:
    """Memory that this process may still take."""
    free = float(psutil.virtual_memory().available)
    try:  # a container may allow less than the machine has (cgroup v2)
        limit = Path("/sys/fs/cgroup/memory.max").read_text(encoding="utf-8").strip()
        used = int(Path("/sys/fs/cgroup/memory.current").read_text(encoding="utf-8"))
        if limit.isdecimal():
            free = min(free, max(0.0, int(limit) - used))
    except (OSError, ValueError):
        pass
    return min(free, _address_space_left())


def give_back() -> None:
    """Hand what was freed back to the system, where its allocator kept it for the next time."""
    gc.collect()
    if sys.platform != "linux":
        return
    try:
        ctypes.CDLL("libc.so.6").malloc_trim(0)
    except (OSError, AttributeError):
        return  # another C library


def _address_space_left() -> float:
    """Bytes that `ulimit -v`, which clusters set, leaves to this process; infinite where nothing does."""
    if sys.platform == "win32":
        return math.inf
    import resource

    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    if limit == resource.RLIM_INFINITY:
        return math.inf
    # what the allocator keeps for its next use is not counted: it lies in pieces too small for a picture
    return max(0.0, limit - psutil.Process().memory_info().vms)
