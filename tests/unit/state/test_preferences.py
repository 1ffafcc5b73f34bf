"""Preferences: round trip, damage, places."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from core_model.schema.errors import InputError
from viewer.state.document import QualitySettings
from viewer.state.preferences import RECENT, Preferences, config_dir, load_preferences, save_preferences


def test_round_trip_and_no_left_overs(tmp_path: Path) -> None:
    wanted = (
        Preferences(theme="light", ui_scale=1.5, quality=QualitySettings(target_fps=30))
        .with_recent("a")
        .with_recent("b")
    )
    path = save_preferences(wanted, tmp_path / "new" / "folder")
    assert load_preferences(path.parent) == (wanted, "")
    assert [p.name for p in path.parent.iterdir()] == ["preferences.json"]


def test_no_file_is_the_defaults_without_a_word(tmp_path: Path) -> None:
    assert load_preferences(tmp_path) == (Preferences(), "")


@pytest.mark.parametrize("text", ["", "{", "[1, 2]", '{"theme": "pink"}', '{"ui_scale": 99}', "\xff\x00"])
def test_damaged_file_is_put_aside_with_a_message(tmp_path: Path, text: str) -> None:
    (tmp_path / "preferences.json").write_bytes(text.encode("latin-1"))
    preferences, message = load_preferences(tmp_path)
    assert preferences == Preferences() and "damaged" in message and "preferences.json.bad" in message
    assert (tmp_path / "preferences.json.bad").read_bytes() == text.encode("latin-1")
    assert load_preferences(tmp_path) == (Preferences(), "")


def test_keys_of_a_newer_version_are_ignored(tmp_path: Path) -> None:
    (tmp_path / "preferences.json").write_text('{"theme": "light", "hologram": true}')
    preferences, message = load_preferences(tmp_path)
    assert preferences.theme == "light" and message == ""


def test_recent_files_are_newest_first_without_repeats() -> None:
    preferences = Preferences()
    for name in [*map(str, range(20)), "7"]:
        preferences = preferences.with_recent(name)
    assert preferences.recent[:3] == ("7", "19", "18") and len(preferences.recent) == RECENT
    assert len(set(preferences.recent)) == RECENT


def test_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="preferences not saved"):
        save_preferences(Preferences(), tmp_path / "file")


def test_places(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TRISCOPE_CONFIG_DIR", str(tmp_path))
    assert config_dir() == tmp_path
    monkeypatch.delenv("TRISCOPE_CONFIG_DIR")
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "xdg"))
    assert config_dir() == tmp_path / "xdg" / "triscope"
    monkeypatch.setenv("XDG_CONFIG_HOME", "relative")
    assert config_dir() == Path.home() / ".config" / "triscope"
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setenv("APPDATA", str(tmp_path / "roaming"))
    assert config_dir() == tmp_path / "roaming" / "triscope"
    monkeypatch.setattr(sys, "platform", "darwin")
    assert config_dir() == Path.home() / "Library" / "Application Support" / "triscope"
