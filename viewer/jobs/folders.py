"""Shows a folder with the desktop's own program."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

_OPENERS = {"darwin": "open", "win32": "explorer"}


def folder_opener() -> str:
    """The program that shows a folder on this desktop; empty where there is none."""
    name = _OPENERS.get(sys.platform, "xdg-open")
    return name if shutil.which(name) else ""


def show_folder(path: Path) -> str:
    """Shows `path`, or the folder that the file `path` lies in; returns what is in the way, "" = nothing."""
    folder = path if path.is_dir() else path.parent
    opener = folder_opener()
    if not folder.is_dir():
        return f"{folder} is not there any more"
    if not opener:
        return f"No program to show folders is installed; the folder is {folder}"
    subprocess.Popen([opener, str(folder)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return ""
