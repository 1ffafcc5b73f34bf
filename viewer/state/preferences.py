"""The user's preferences: one small JSON file, written atomically.

Reading never fails: a file that cannot be read is renamed to `.bad`, and the defaults are used.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Literal

from pydantic import ConfigDict, Field, ValidationError, field_validator

from core_model.schema.complaint import first_complaint
from core_model.schema.config_dir import FILE_NAME, config_dir, save_kept
from core_model.schema.frozen import Frozen
from viewer.state.document import QualitySettings

RECENT = 12


class Preferences(Frozen):
    """User preferences; keys of a newer version are ignored, so that going back a version is harmless."""

    model_config = ConfigDict(frozen=True, extra="ignore", ser_json_inf_nan="constants")

    theme: Literal["dark", "light"] = "dark"
    ui_scale: float = Field(
        default=1.0, ge=0.5, le=4.0, description="size of text and controls, times the screen's own"
    )
    recent: tuple[str, ...] = Field(default=(), description="checkpoints opened last, newest first")
    window_size: tuple[int, int] = Field(default=(1440, 900), description="points")
    quality: QualitySettings = QualitySettings()
    keys: dict[str, str] = Field(default_factory=dict, description="own keys: command → chord, empty = none")
    export_folder: str = Field(default="", description="where exports went last")
    folders: tuple[str, ...] = Field(
        default=(), description="folders that files were chosen in, newest first"
    )
    hint_read: bool = Field(default=False, description="the line of first steps has done its work")
    run_folders: tuple[str, ...] = Field(default=(), description="folders of training runs, newest first")
    far_folders: dict[str, tuple[str, ...]] = Field(
        default_factory=dict, description="the same on other machines: --worker → folders there"
    )

    @field_validator("window_size")
    @classmethod
    def _usable(cls, v: tuple[int, int]) -> tuple[int, int]:
        return (min(max(v[0], 480), 16384), min(max(v[1], 320), 16384))

    def with_recent(self, path: str) -> Preferences:
        """A copy in which `path` heads the list of recent files."""
        return self.replace(recent=(path, *(p for p in self.recent if p != path))[:RECENT])


def load_preferences(folder: Path | None = None) -> tuple[Preferences, str]:
    """(preferences, message for the user or ""); an unreadable file is renamed to `.bad`, and the defaults
    are used.
    """
    path = (folder or config_dir()) / FILE_NAME
    try:
        return Preferences.model_validate_json(path.read_bytes()), ""
    except FileNotFoundError:
        return Preferences(), ""
    except OSError as e:
        return Preferences(), f"Preferences could not be read ({e.strerror or e}); the defaults are in use."
    except ValidationError as e:
        why = first_complaint(e).line
    bad = path.with_suffix(path.suffix + ".bad")
    try:
        os.replace(path, bad)
    except OSError:
        return Preferences(), f"Preferences were damaged ({why}); the defaults are in use."
    return Preferences(), f"Preferences were damaged ({why}); the defaults are in use, the old file is {bad}."


def save_preferences(preferences: Preferences, folder: Path | None = None) -> Path:
    """Write atomically; returns the file. Raises InputError where the folder cannot be written."""
    path = (folder or config_dir()) / FILE_NAME
    text = json.dumps(preferences.model_dump(mode="json"), indent=2) + "\n"
    save_kept(path, "preferences", text.encode())
    return path
