"""What is in a folder of this machine, read in a thread: folders first, files of wanted endings, hidden ones on request."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

MOST = 5000
"""Entries of one folder that are listed."""
RECENT = 12


@dataclass(frozen=True)
class Entry:
    """size: bytes, 0 for folders; changed: seconds since 1970."""

    path: Path
    folder: bool
    size: int
    changed: float

    @property
    def name(self) -> str:
        return self.path.name


@dataclass(frozen=True)
class Listing:
    """entries: folders, then files, each by name. more: entries beyond MOST. fault: why it cannot be read."""

    folder: Path
    entries: tuple[Entry, ...] = ()
    more: int = 0
    fault: str = ""


def list_folder(folder: Path) -> Listing:
    """The listing of a folder; what cannot be looked at in it is left out."""
    found: list[Entry] = []
    more = 0
    try:
        with os.scandir(folder) as inside:
            for one in inside:
                if len(found) >= MOST:
                    more += 1
                    continue
                try:
                    about = one.stat()
                    found.append(Entry(Path(one.path), one.is_dir(), about.st_size, about.st_mtime))
                except OSError:
                    continue
    except OSError as error:
        return Listing(folder, fault=error.strerror or str(error))
    found.sort(key=lambda e: (not e.folder, e.name.casefold(), e.name))
    return Listing(folder, tuple(found), more)


def fitting(
    listing: Listing, endings: Sequence[str], words: str, only_folders: bool = False
) -> tuple[Entry, ...]:
    """Entries whose name holds every typed word; files of the endings only (all without any).

    Names that begin with a point are hidden until a word begins with one.
    """
    typed = words.casefold().split()
    hidden = any(word.startswith(".") for word in typed)

    def fits(entry: Entry) -> bool:
        name = entry.name.casefold()
        if (name.startswith(".") and not hidden) or not all(word in name for word in typed):
            return False
        return entry.folder or (not only_folders and (not endings or name.endswith(tuple(endings))))

    return tuple(filter(fits, listing.entries))


def with_recent(recent: Sequence[str], folder: Path) -> tuple[str, ...]:
    """The recent folders with `folder` at their head."""
    return (str(folder), *(f for f in recent if f != str(folder)))[:RECENT]


class FolderReader:
    """Reads the newest folder that was asked for; `look` returns it once it is there. wake: from the thread."""

    def __init__(self, wake: Callable[[], None] = lambda: None) -> None:
        self._wake = wake
        self._asked: tuple[Path, int] | None = None
        self._found: tuple[tuple[Path, int], Listing] | None = None

    def look(self, folder: Path, turn: int) -> Listing | None:
        """The listing as of `turn` (another number reads it again); None while it is read."""
        wanted = (folder, turn)
        if wanted != self._asked:
            self._asked = wanted
            threading.Thread(target=self._work, args=(wanted,), name="folder-reader", daemon=True).start()
        found = self._found
        return found[1] if found is not None and found[0] == wanted else None

    def _work(self, wanted: tuple[Path, int]) -> None:
        listing = list_folder(wanted[0])
        if wanted == self._asked:
            self._found = (wanted, listing)
            self._wake()
