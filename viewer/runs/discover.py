"""Which folders are run directories: told by the files that lie in them."""

from __future__ import annotations

import os
from pathlib import Path

from core_model.schema.errors import InputError

MARKERS = ("run.json", "job.json", "stats.jsonl", "config.json", "training_options.json", "log.txt")


def runs_in(folder: Path) -> tuple[Path, ...]:
    """The run directories that a path names: itself, or the runs in it. Raises InputError where there is no folder."""
    if not folder.is_dir():
        got = "a file" if folder.exists() else "no such folder"
        raise InputError(what="not a run directory", where=str(folder), expected="a folder", got=got)
    folder = Path(os.path.abspath(folder))
    if any((folder / name).exists() for name in MARKERS):
        return (folder,)
    inside = sorted(p for p in folder.iterdir() if p.is_dir() and any((p / name).exists() for name in MARKERS))
    return tuple(inside) or (folder,)  # an empty folder may still become a run
