"""A disk of a few pages that tests can fill: a tmpfs, where this user may mount one."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def small_disk(folder: Path, kibibytes: int) -> Iterator[Path]:
    """`folder` (made) as a disk of that size while the context lasts; skips the test where none can be mounted."""
    if sys.platform != "linux" or shutil.which("mount") is None:
        pytest.skip("no tmpfs on this system")
    folder.mkdir()
    size = f"size={kibibytes}k"
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", size, "tmpfs", folder], capture_output=True, text=True
    )
    if done.returncode:
        pytest.skip(f"no tmpfs may be mounted: {done.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


def make_read_only(disk: Path) -> None:
    """Nothing can be written on a `small_disk` any more, also not by root."""
    subprocess.run(["mount", "-o", "remount,ro", disk], check=True)


def fill(disk: Path, left: int = 0) -> Path:
    """A file that takes all but `left` bytes of what is free; it may be removed again."""
    filler = disk / "filler"
    with open(filler, "wb") as file:
        file.write(b"\0" * max(0, shutil.disk_usage(disk).free - left))
    return filler
