"""Folders as the window's own browser lists them."""

from __future__ import annotations

import threading
from pathlib import Path

from viewer.state.folders import RECENT, FolderReader, fitting, list_folder, with_recent


def a_folder(path: Path) -> Path:
    for name in ("b.pkl", "A.safetensors", "notes.txt", ".hidden.pkl"):
        (path / name).write_bytes(b"12345")
    (path / "runs").mkdir()
    (path / ".git").mkdir()
    return path


def test_folders_come_first_and_endings_and_words_choose(tmp_path: Path) -> None:
    found = list_folder(a_folder(tmp_path))
    assert [e.name for e in fitting(found, (), "")] == ["runs", "A.safetensors", "b.pkl", "notes.txt"]
    assert [e.name for e in fitting(found, (".pkl",), "")] == ["runs", "b.pkl"]
    assert [e.name for e in fitting(found, (), "SAFE a.")] == ["A.safetensors"]
    assert [e.name for e in fitting(found, (), ".hid")] == [".hidden.pkl"]
    assert [e.name for e in fitting(found, (), "", only_folders=True)] == ["runs"]
    assert found.entries[-1].size == 5 and not found.fault


def test_what_cannot_be_read_is_a_fault(tmp_path: Path) -> None:
    assert list_folder(tmp_path / "none").fault
    (tmp_path / "gone").symlink_to(tmp_path / "nowhere")
    assert list_folder(tmp_path).entries == ()


def test_the_newest_folder_is_read_and_wakes_the_window(tmp_path: Path) -> None:
    woken = threading.Event()
    reader = FolderReader(woken.set)
    a_folder(tmp_path)
    reader.look(tmp_path / "runs", 1)
    reader.look(tmp_path, 2)
    assert woken.wait(5)
    for _ in range(200):
        if (listing := reader.look(tmp_path, 2)) is not None:
            break
        threading.Event().wait(0.02)
    assert listing is not None and len(listing.entries) == 6


def test_recent_folders_are_few_and_once_each() -> None:
    recent: tuple[str, ...] = ()
    for number in range(2 * RECENT):
        recent = with_recent(recent, Path(f"/f{number % (RECENT + 3)}"))
    assert len(recent) == RECENT == len(set(recent)) and recent[0] == f"/f{(2 * RECENT - 1) % (RECENT + 3)}"
