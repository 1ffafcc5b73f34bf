"""Windows Job Objects, which hold every process of a job and end them when closed or terminated.

The command is created suspended, put into the object and resumed, so that none of its children starts
outside. On other systems `hold` does nothing: sessions, marks and the kernel's parent-death signal do the
same (`core_model.schema.processes`).
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable
from typing import Any, Protocol, cast

KILL_ON_JOB_CLOSE = 0x2000
EXTENDED_LIMITS = 9
CREATE_SUSPENDED, CREATE_NEW_PROCESS_GROUP = 0x4, 0x200
_FIELDS = ctypes.c_size_t


class _Basic(ctypes.Structure):
    _fields_ = (
        ("PerProcessUserTimeLimit", ctypes.c_int64), ("PerJobUserTimeLimit", ctypes.c_int64), ("LimitFlags", ctypes.c_uint32),
        ("MinimumWorkingSetSize", _FIELDS), ("MaximumWorkingSetSize", _FIELDS), ("ActiveProcessLimit", ctypes.c_uint32),
        ("Affinity", _FIELDS), ("PriorityClass", ctypes.c_uint32), ("SchedulingClass", ctypes.c_uint32),
    )  # fmt: skip


class Limits(ctypes.Structure):
    """JOBOBJECT_EXTENDED_LIMIT_INFORMATION; the six counters of IO_COUNTERS are not used."""

    _fields_ = (
        ("BasicLimitInformation", _Basic), ("IoInfo", ctypes.c_uint64 * 6), ("ProcessMemoryLimit", _FIELDS), ("JobMemoryLimit", _FIELDS),
        ("PeakProcessMemoryUsed", _FIELDS), ("PeakJobMemoryUsed", _FIELDS),
    )  # fmt: skip


class Kernel(Protocol):
    """What is used of kernel32."""

    def CreateJobObjectW(self, security: Any, name: str) -> int: ...
    def SetInformationJobObject(self, job: int, kind: int, limits: Any, size: int) -> int: ...
    def AssignProcessToJobObject(self, job: int, process: int) -> int: ...
    def TerminateJobObject(self, job: int, status: int) -> int: ...


def kernel() -> Kernel | None:
    """kernel32 with its types declared; None elsewhere than on Windows."""
    if os.name != "nt":
        return None
    found = cast(Any, ctypes).WinDLL("kernel32", use_last_error=True)
    handle, number = ctypes.c_void_p, ctypes.c_uint32
    found.CreateJobObjectW.restype, found.CreateJobObjectW.argtypes = handle, (handle, ctypes.c_wchar_p)
    found.SetInformationJobObject.argtypes = (handle, ctypes.c_int, handle, number)
    found.AssignProcessToJobObject.argtypes = (handle, handle)
    found.TerminateJobObject.argtypes = (handle, number)
    return found


def creation_flags(api: Kernel | None) -> int:
    """Flags for subprocess.Popen of a process that is then handed to `JobObject.hold`."""
    return CREATE_SUSPENDED | CREATE_NEW_PROCESS_GROUP if api is not None else 0


class JobObject:
    """The object of one job. Without `api` nothing is done. go_on: lets a suspended process (its id) run."""

    def __init__(self, name: str, api: Kernel | None, go_on: Callable[[int], None] | None = None) -> None:
        self._api, self._go_on = api, go_on or resume
        self._job = 0
        if api is None:
            return
        self._job = api.CreateJobObjectW(None, f"triscope-{name}") or 0
        limits = Limits()
        limits.BasicLimitInformation.LimitFlags = KILL_ON_JOB_CLOSE
        if self._job and not api.SetInformationJobObject(
            self._job, EXTENDED_LIMITS, ctypes.byref(limits), ctypes.sizeof(limits)
        ):
            self._job = 0

    def hold(self, pid: int, handle: int) -> bool:
        """Put a suspended process into the object, then resume it; False where it could not be put in (it
        runs anyway).
        """
        if self._api is None:
            return False
        held = bool(self._job and self._api.AssignProcessToJobObject(self._job, handle))
        self._go_on(pid)
        return held

    def terminate(self) -> None:
        """End every process in it."""
        if self._api is not None and self._job:
            self._api.TerminateJobObject(self._job, 1)


def resume(pid: int) -> None:
    """Let a process go on that was started suspended."""
    import psutil

    psutil.Process(pid).resume()
