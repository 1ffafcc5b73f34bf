"""How much memory this process may still take (of the machine, its container, and what `ulimit -v` allows), and giving it back."""

from __future__ import annotations

import ctypes
import gc
import math
import sys
from pathlib import Path

import psutil

from core_model.schema.whole import whole

_LIBC = ctypes.CDLL(None) if sys.platform.startswith("linux") else None


def available_bytes() -> float:
    """Memory that this process may still take, plus what it has."""
    return free_bytes() + psutil.Process().memory_info().rss


def free_bytes() -> float:
    """Memory that this process may still take."""
    free = float(psutil.virtual_memory().available)
    try:  # a container may allow less than the machine has (cgroup v2)
        limit = Path("/sys/fs/cgroup/memory.max").read_text(encoding="utf-8").strip()
        used = int(Path("/sys/fs/cgroup/memory.current").read_text(encoding="utf-8"))
        if (allowed := whole(limit)) is not None:
            free = min(free, max(0.0, allowed - used))
    except (OSError, ValueError):
        pass
    return min(free, _address_space_left())


def give_back() -> bool:
    """Collect what nothing refers to, then `trim`."""
    gc.collect()
    return trim()


def trim() -> bool:
    """Hand memory that was freed, and that the C library kept, back to the system.

    False where it does so by itself, or cannot be asked to.
    """
    malloc_trim = getattr(_LIBC, "malloc_trim", None)  # of glibc alone
    return malloc_trim is not None and bool(malloc_trim(0))


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
