"""Which folders are run directories, and what is in one: pictures by group and number, snapshots, sizes."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path, PurePath

from core_model.schema.errors import InputError
from viewer.runs.source import HERE, RunSource

MARKERS = ("run.json", "job.json", "stats.jsonl", "config.json", "training_options.json", "log.txt")
"""Any of these tells that a folder is a run directory."""
PICTURES = (".png", ".jpg", ".jpeg", ".webp")
_NUMBERED = re.compile(r"^(?P<front>.*?)(?P<number>\d{3,})(?P<back>\D*)$")
_SNAPSHOT = re.compile(r"^(?:network-snapshot-)?(?P<number>\d{3,})\.(?:safetensors|pkl|pt)$")


@dataclass(frozen=True)
class Picture:
    """One written picture. number: what its name counts (kimg or steps); −1 where the name has none."""

    group: str
    number: int
    path: PurePath
    size: int
    changed: float


@dataclass(frozen=True)
class Snapshot:
    number: int
    path: PurePath
    size: int
    changed: float


@dataclass(frozen=True)
class Listing:
    """One look at a run directory; pictures by group, ascending number. names: files of RUN itself."""

    pictures: dict[str, tuple[Picture, ...]]
    snapshots: tuple[Snapshot, ...]
    total_bytes: int
    names: frozenset[str] = frozenset()

    @property
    def picture_count(self) -> int:
        return sum(map(len, self.pictures.values()))


EMPTY = Listing({}, (), 0)


def runs_in(folder: Path) -> tuple[Path, ...]:
    """The run directories that a path names: itself, or the runs in it. Raises InputError for no folder."""
    if not folder.is_dir():
        got = "a file" if folder.exists() else "no such folder"
        raise InputError(what="not a run directory", where=str(folder), expected="a folder", got=got)
    folder = Path(os.path.abspath(folder))
    if any((folder / name).exists() for name in MARKERS):
        return (folder,)
    inside = sorted(
        p for p in folder.iterdir() if p.is_dir() and any((p / name).exists() for name in MARKERS)
    )
    return tuple(inside) or (folder,)  # an empty folder may still become a run


def picture_name(stem: str) -> tuple[str, int]:
    """ "fakes000200_depth" → ("fakes depth", 200); a name without a number keeps itself and −1."""
    found = _NUMBERED.match(stem)
    if not found:
        return stem, -1
    words = re.sub(r"[_\-. ]+", " ", f"{found['front']} {found['back']}").strip()
    return words or "samples", int(found["number"])


def look(run: PurePath, source: RunSource = HERE) -> Listing:
    """List RUN, RUN/images and RUN/snapshots. Raises OSError only where RUN itself cannot be listed."""
    groups: dict[str, dict[int, Picture]] = {}
    snapshots: dict[int, Snapshot] = {}
    names: set[str] = set()
    total = 0
    for folder in (run, run / "images", run / "snapshots"):
        try:
            files = source.files(folder)
        except OSError:
            if folder == run:
                raise
            continue
        if folder == run:
            names = {file.name for file in files}
        for file in files:
            stem, dot, ending = file.name.rpartition(".")
            if not dot:
                continue
            total += file.size
            if file.name.startswith("."):
                continue
            path = folder / file.name
            if f".{ending.lower()}" in PICTURES:
                group, number = picture_name(stem)
                groups.setdefault(group, {})[number] = Picture(group, number, path, file.size, file.changed)
            elif (found := _SNAPSHOT.match(file.name)) is not None:
                number = int(found["number"])
                snapshots[number] = Snapshot(number, path, file.size, file.changed)
    pictures = {
        g: tuple(p for _, p in sorted(some.items())) for g, some in sorted(groups.items(), key=_by_use)
    }
    found_snapshots = tuple(s for _, s in sorted(snapshots.items()))
    return Listing(pictures, found_snapshots, total, frozenset(names))


def _by_use(item: tuple[str, dict[int, Picture]]) -> tuple[bool, str]:
    """Groups over time first, single pictures (reals) after them."""
    return (max(item[1]) < 0, item[0])
