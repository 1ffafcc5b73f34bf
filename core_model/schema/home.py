"""The user's home folder, also where the system knows of none (containers with any number for a user), and `~` in paths.

`Path.home` and `Path.expanduser` raise RuntimeError there, the latter also for `~NAME` of a user that there is not, which somebody
types on the way to another name.
"""

from __future__ import annotations

import os
from pathlib import Path


def home() -> Path:
    """The home folder, which need not exist; the topmost folder where there is none, as containers have it."""
    try:
        return Path.home()
    except RuntimeError:
        return Path(Path.cwd().anchor)


def start_folder() -> Path:
    """Where somebody begins to look for files: home if it is there, else the working folder."""
    found = home()
    return found if found.is_dir() else Path.cwd()


def expanded(path: str | os.PathLike[str]) -> Path:
    """The path with `~` and `~NAME` replaced; a home that nobody knows stays as it is written."""
    return Path(os.path.expanduser(path))
