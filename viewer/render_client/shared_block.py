"""Named shared memory with one owner.

The GUI process creates and unlinks every block; the worker only attaches. The two share multiprocessing's
resource tracker, a process of its own: should the GUI be killed, the tracker unlinks what is left. The worker
must not report its attachments there (it would report names that the owner has unlinked since).
"""

from __future__ import annotations

import contextlib
import os
import secrets
import sys
from multiprocessing import resource_tracker, shared_memory

PREFIX = "triscope-"
_SHM_DIR = "/dev/shm"
_SPARE = 4 << 20


def create(size: int, kind: str) -> shared_memory.SharedMemory:
    """A new zeroed block of at least `size` bytes. Raises OSError where there is no room for it.

    Room is asked for beforehand: a block beyond the limit of /dev/shm (64 MB in many containers) can be made,
    and then kills with SIGBUS whoever writes to it.
    """
    if room() < size + _SPARE:
        raise OSError(f"shared memory: {size} bytes wanted, {room()} free in {_SHM_DIR}")
    name = f"{PREFIX}{os.getpid()}-{kind}-{secrets.token_hex(4)}"
    # macOS allows names of 31 characters.
    return shared_memory.SharedMemory(name=name[:30], create=True, size=size)


def attach(name: str) -> shared_memory.SharedMemory:
    """The block called `name`, made by another process. Raises FileNotFoundError when it is gone."""
    if sys.version_info >= (3, 13):
        return shared_memory.SharedMemory(name=name, track=False)
    original = resource_tracker.register
    resource_tracker.register = _ignore
    try:
        return shared_memory.SharedMemory(name=name)
    finally:
        resource_tracker.register = original


def view(block: shared_memory.SharedMemory) -> memoryview:
    """A view of the whole block, to be released before `discard`. Raises ValueError when it is closed."""
    if block.buf is None:
        raise ValueError(f"shared memory block {block.name} is closed")
    return memoryview(block.buf)


def discard(block: shared_memory.SharedMemory, unlink: bool) -> None:
    """Close the mapping; with `unlink` also remove the name.

    Never raises: it runs at shutdown and after crashes.
    """
    # BufferError: an array still looks into it; the mapping then ends with that array.
    with contextlib.suppress(BufferError, OSError):
        block.close()
    if unlink:
        with contextlib.suppress(FileNotFoundError, OSError):
            block.unlink()


def room() -> int:
    """Free bytes for shared memory; a very large number where the system has no such limit."""
    if sys.platform == "win32":
        return 1 << 62
    try:
        stat = os.statvfs(_SHM_DIR)
    except OSError:
        return 1 << 62
    return stat.f_bavail * stat.f_frsize


def _ignore(name: str, rtype: str) -> None:
    """Stands in for the tracker's `register` while the worker attaches."""
