"""A program at rest gives freed memory back to the system, once per rest."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from core_model.schema.rest import Rest

ROOT = Path(__file__).resolve().parents[3]
KEPT = """
import ctypes, os
from core_model.session.machine import tune_process
tune_process(1)
from core_model.schema.memory import trim
libc = ctypes.CDLL(None)
libc.malloc.restype, libc.malloc.argtypes, libc.free.argtypes = ctypes.c_void_p, [ctypes.c_size_t], [ctypes.c_void_p]
resident = lambda: int(open("/proc/self/statm").read().split()[1]) * os.sysconf("SC_PAGE_SIZE") >> 20
pieces = []
for number in range(400):
    pieces.append(libc.malloc(1 << 19))
    ctypes.memset(pieces[-1], 1, 1 << 19)
for piece in pieces[:-1]:  # the last one holds the top of the heap
    libc.free(piece)
before = resident()
print(trim(), before - resident())
"""


def test_memory_is_given_back_once_per_rest() -> None:
    now, given = [0.0], list[float]()
    rest = Rest(5.0, lambda: given.append(now[0]), lambda: now[0])

    def looked(*times: float) -> list[bool]:
        return [(now.__setitem__(0, time), rest.look())[1] for time in times]

    assert looked(1.0, 4.9, 5.0, 6.0, 100.0) == [False, False, True, False, False]
    rest.worked()
    assert looked(104.0, 105.0, 106.0) == [False, True, False]
    assert given == [5.0, 105.0]


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the C library is left alone")
def test_freed_memory_between_kept_pieces_goes_back() -> None:
    """With the allocator as a session sets it: 200 MB that nobody uses stayed with the process."""
    done = subprocess.run([sys.executable, "-c", KEPT], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    could, megabytes = done.stdout.split()
    if could == "False":
        pytest.skip("not glibc")
    assert int(megabytes) > 150
