"""The question that lists a folder of the machine that renders."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest

from core_model.queries.folders import answer_folder
from core_model.schema import question_folder
from core_model.schema.errors import InputError
from core_model.schema.question_folder import FolderQuestion


def ask(folder: Path | str) -> dict[str, Any]:
    return answer_folder(cast(Any, None), FolderQuestion(folder=str(folder)), lambda: False).values


def test_folders_first_then_checkpoints(tmp_path: Path) -> None:
    for name in ("b.safetensors", "A.pkl", "notes.txt", ".hidden.pkl"):
        (tmp_path / name).write_bytes(b"12345")
    (tmp_path / "runs").mkdir()
    (tmp_path / "broken.pkl").symlink_to(tmp_path / "nothing")
    found = ask(tmp_path)
    assert found["folder"] == str(tmp_path.resolve()) and found["parent"] == str(tmp_path.resolve().parent)
    assert [(name, inside, size) for name, inside, size, _ in found["entries"]] == [
        ("runs", True, 0), ("A.pkl", False, 5), ("b.safetensors", False, 5),
    ]  # fmt: skip


def test_it_begins_at_home_or_where_there_is_none_in_the_working_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(Path, "home", lambda: tmp_path / "home")
    assert ask("")["folder"] == str(tmp_path.resolve())
    (tmp_path / "home").mkdir()
    assert ask("")["folder"] == str((tmp_path / "home").resolve())


def test_what_cannot_be_listed_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for path in (tmp_path / "missing", tmp_path / "file", "a\0b"):
        with pytest.raises(InputError, match="cannot look into the folder"):
            ask(path)


def test_a_crowded_folder_is_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(9):
        (tmp_path / f"{number}.pt").touch()
    monkeypatch.setattr("core_model.queries.folders.MAX_ENTRIES", 5)
    found = ask(tmp_path)
    assert len(found["entries"]) == 5 and found["more"] == 4 and question_folder.MAX_ENTRIES > 5
