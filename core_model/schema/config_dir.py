"""Where the program keeps its settings. Light: the window reads it before anything heavy is imported."""

from __future__ import annotations

import os
import sys
from pathlib import Path

CONFIG_DIR_VARIABLE = "TRISCOPE_CONFIG_DIR"
FILE_NAME = "preferences.json"


def config_dir() -> Path:
    """Folder of the program's settings: TRISCOPE_CONFIG_DIR, else the platform's place. It need not exist."""
    override = os.environ.get(CONFIG_DIR_VARIABLE)
    if override:
        return Path(override)
    if sys.platform == "win32":
        base = os.environ.get("APPDATA")
        return (Path(base) if base else Path.home() / "AppData" / "Roaming") / "triscope"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "triscope"
    base = os.environ.get("XDG_CONFIG_HOME")
    # The XDG rules say that a relative path is to be ignored.
    return (Path(base) if base and os.path.isabs(base) else Path.home() / ".config") / "triscope"
