"""Python, operating system, processor, memory, and the folders that are written to."""

from __future__ import annotations

import os
import platform
import shutil
import sys
import tempfile
from pathlib import Path

import psutil

from core_model.ops.cores import usable_cores
from core_model.schema.config_dir import CONFIG_DIR_VARIABLE, config_dir
from core_model.schema.doctor import Finding
from core_model.schema.whole import whole

OLDEST_PYTHON = (3, 11)
MEMORY_NEEDED = 2 << 30
"""Window and worker with the demo open: 1.3 GB measured, and room for pictures."""
SHARED_MEMORY = Path("/dev/shm")
SHARED_NEEDED = 64 << 20
"""Three pictures of 1024² with their channels."""
SHARED_LEAST = 16 << 20
DISK_NEEDED = 256 << 20


def findings() -> list[Finding]:
    return [_python(), _system(), _processor(), _memory(), *_shared_memory()]


def files() -> list[Finding]:
    """Whether the two folders that everything writes to can be written."""
    return [
        _writable(
            "config", "Settings folder", config_dir(), f"set {CONFIG_DIR_VARIABLE} to a folder of yours"
        ),
        _writable("temp", "Temporary files", _temporary(), "set TMPDIR (Windows: TEMP) to a folder of yours"),
    ]


def _python() -> Finding:
    bits = 64 if sys.maxsize > 2**32 else 32
    value = f"{platform.python_version()}, {bits} bit, {sys.executable}"
    good = sys.version_info >= OLDEST_PYTHON and bits == 64
    return Finding(
        group="System", name="python", title="Python", value=value, status="ok" if good else "fatal",
        remedy="" if good else "install a 64-bit Python 3.11 or newer, and triscope into it",
        facts={"version": platform.python_version(), "bits": bits},
    )  # fmt: skip


def _system() -> Finding:
    value = f"{platform.system()} {platform.release()}, {platform.machine()}"
    return Finding(
        group="System",
        name="system",
        title="System",
        value=value,
        facts={"system": platform.system(), "machine": platform.machine(), "release": platform.release()},
    )


def _processor() -> Finding:
    usable, present = usable_cores(), os.cpu_count() or 1
    of = f" of {present}" if usable != present else ""
    return Finding(
        group="System",
        name="processor",
        title="Processor",
        value=f"{usable}{of} {'core' if usable == 1 else 'cores'}, {_processor_name()}",
        facts={"cores": usable, "cores_present": present},
    )


def _processor_name() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def _memory() -> Finding:
    memory = psutil.virtual_memory()
    free, total = int(memory.available), int(memory.total)
    limit = _memory_limit()
    if limit is not None and limit < total:
        free, total = min(free, limit - _memory_used()), limit
    short = free < MEMORY_NEEDED
    return Finding(
        group="System",
        name="memory",
        title="Memory",
        value=f"{gigabytes(free)} free of {gigabytes(total)}",
        status="problem" if short else "ok",
        remedy=f"close other programs: window and renderer want {gigabytes(MEMORY_NEEDED)}" if short else "",
        facts={"free_bytes": free, "total_bytes": total},
    )


def _memory_limit() -> int | None:
    """Bytes that a container or a job may use (control groups of Linux); None without a limit."""
    return _number("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")


def _memory_used() -> int:
    return _number("/sys/fs/cgroup/memory.current", "/sys/fs/cgroup/memory/memory.usage_in_bytes") or 0


def _number(*paths: str) -> int | None:
    for path in paths:
        try:
            text = Path(path).read_text(encoding="ascii").strip()
        except (OSError, UnicodeDecodeError):
            continue
        return whole(text, 2**64 - 1)
    return None


def _shared_memory() -> list[Finding]:
    """Pictures come to the window through it. Only Linux has a limit of its own for it."""
    if not SHARED_MEMORY.is_dir():
        return []
    usage = shutil.disk_usage(SHARED_MEMORY)
    status = "fatal" if usage.free < SHARED_LEAST else "problem" if usage.free < SHARED_NEEDED else "ok"
    grow = "mount a larger one (docker run --shm-size=1g, or mount -o remount,size=1g /dev/shm)"
    return [
        Finding(
            group="System",
            name="shared-memory",
            title="Shared memory",
            value=f"{gigabytes(usage.free)} free of {gigabytes(usage.total)} in {SHARED_MEMORY}",
            status=status,
            remedy="" if status == "ok" else f"pictures want {gigabytes(SHARED_NEEDED)}: {grow}",
            facts={"free_bytes": usage.free, "total_bytes": usage.total},
        )
    ]


def _temporary() -> Path:
    try:
        return Path(tempfile.gettempdir())
    except OSError:  # none of the usual places can be written
        return Path(os.environ.get("TMPDIR") or os.environ.get("TEMP") or "/tmp")


def _writable(name: str, title: str, folder: Path, instead: str) -> Finding:
    """Writes a file there, and removes it; of a folder that does not exist yet, its nearest parent counts."""
    place = folder
    while not place.exists() and place != place.parent:
        place = place.parent
    problem, free = "", None
    try:
        with tempfile.NamedTemporaryFile(dir=place, prefix=".triscope-doctor-") as file:
            file.write(b"triscope")
            file.flush()
        free = shutil.disk_usage(place).free
    except OSError as error:
        problem = error.strerror or str(error)
    there = str(folder) if place == folder else f"{folder} (not made yet)"
    if problem:
        return Finding(
            group="Files", name=name, title=title, value=f"{there} cannot be written: {problem}", status="problem",
            remedy=f"make {place} writable, or {instead}", facts={"path": str(folder), "writable": False},
        )  # fmt: skip
    assert free is not None
    full = free < DISK_NEEDED
    return Finding(
        group="Files", name=name, title=title, value=f"{there}, {gigabytes(free)} free",
        status="problem" if full else "ok", remedy=f"free some disk space, or {instead}" if full else "",
        facts={"path": str(folder), "writable": True, "free_bytes": free},
    )  # fmt: skip


def gigabytes(count: float) -> str:
    """Bytes as people read them: 512 MB, 7.6 GB (of 10⁹)."""
    return f"{count / 1e9:,.1f} GB" if count >= 1e9 else f"{count / 1e6:,.0f} MB"
