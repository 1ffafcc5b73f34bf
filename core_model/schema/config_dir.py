"""The folder of the program's settings and of what it keeps about a checkpoint: KIND/SHA256.SUFFIX.

The window imports this before anything heavy.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from core_model.schema.atomic import why_not_written, write_atomic
from core_model.schema.errors import InputError
from core_model.schema.home import home

CONFIG_DIR_VARIABLE = "TRISCOPE_CONFIG_DIR"
FILE_NAME = "preferences.json"


def config_dir() -> Path:
    """Folder of the program's settings: TRISCOPE_CONFIG_DIR, else the platform's place. It need not exist."""
    override = os.environ.get(CONFIG_DIR_VARIABLE)
    if override:
        return Path(override)
    if sys.platform == "win32":
        base = os.environ.get("APPDATA")
        return (Path(base) if base else home() / "AppData" / "Roaming") / "triscope"
    if sys.platform == "darwin":
        return home() / "Library" / "Application Support" / "triscope"
    base = os.environ.get("XDG_CONFIG_HOME")
    # The XDG rules say that a relative path is to be ignored.
    return (Path(base) if base and os.path.isabs(base) else home() / ".config") / "triscope"


def kept_file(kind: str, sha256: str, suffix: str) -> Path:
    """Place of a file about the checkpoint with this SHA-256; it need not exist."""
    return config_dir() / kind / f"{sha256 or 'unnamed'}{suffix}"


def save_kept(path: Path, what: str, data: bytes) -> None:
    """Replace `path`, with its folder where that is missing; raises InputError ("WHAT not saved") where
    impossible.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(path, data)
    except OSError as error:
        raise InputError(
            what=f"{what} not saved",
            where=str(path),
            expected="a writable folder",
            got=why_not_written(error),
        ) from None
