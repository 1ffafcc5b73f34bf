"""The machine under a session: device, threads, allocator, memory."""

from __future__ import annotations

import ctypes
import os
import sys
from pathlib import Path

import psutil
import torch

from core_model.ops import devices
from core_model.ops.cores import usable_cores

_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -2, -3, -8


def tune_process(threads: int | None) -> None:
    """Threads, matmul kernels and allocator for many large short-lived temporaries on CPUs.

    The default allocator returns every temporary to the system, and the page faults of getting it back cost half of the time of a
    field evaluation; so freed memory is kept. Measured here, and in `make bench` beside the plain path.
    """
    torch.set_num_threads(threads or int(os.environ.get("OMP_NUM_THREADS", 0)) or usable_cores())
    if not _has_amx():
        # without matrix extensions "medium" changes no result, but picks the faster kernels
        torch.set_float32_matmul_precision("medium")
    if sys.platform == "linux":
        try:
            libc = ctypes.CDLL("libc.so.6")
            libc.mallopt(_M_MMAP_THRESHOLD, 1 << 30)
            libc.mallopt(_M_TRIM_THRESHOLD, 512 << 20)
            libc.mallopt(_M_TOP_PAD, 64 << 20)
            libc.mallopt(_M_ARENA_MAX, 1)  # workers share what was freed instead of each keeping its own
        except (OSError, AttributeError):
            return  # another C library: slower, nothing else


def described(device: torch.device) -> str:
    """The device as pictures and reports name it."""
    if device.type != "cpu":
        return devices.device_name(device)
    return f"CPU, {torch.get_num_threads()} threads"


def resident_bytes(device: torch.device) -> int:
    """Memory of this process, or of its tensors on the GPU."""
    if device.type != "cpu":
        return devices.allocated_bytes(device)
    return int(psutil.Process().memory_info().rss)


def _has_amx() -> bool:
    try:
        return "amx_bf16" in Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return False
