"""The Render button of the Path panel: what it puts into the task's folder is what `triscope orbit` reads."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from core_model.cli.requests import stored_view
from core_model.schema.camera import OrbitPose
from core_model.schema.camera_path import CameraPath, PathKey, read_camera_path
from core_model.schema.checkpoint import CheckpointInfo
from tests.blob_head.session import blob_info
from viewer.features.path.film import Film, PathFile, _saved
from viewer.state.document import Document

PATH = CameraPath(
    keys=(PathKey(time=0.0, pose=OrbitPose(yaw=0.3)), PathKey(time=1.0, pose=OrbitPose())), duration=1.0
)


class _Tasks:
    """Takes what is started, starts nothing."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.started: list[tuple[Any, ...]] = []

    def new_folder(self) -> Path:
        return self.folder

    def views(self, kind: str = "") -> tuple[()]:
        return ()

    def start(self, *what: Any) -> str:
        self.started.append(what)
        return "task"


@dataclass(frozen=True)
class _Given:
    """What the Path panel hands on."""

    info: CheckpointInfo
    picture: Any
    tasks: Any


@pytest.fixture
def given(tmp_path: Path) -> _Given:
    picture = SimpleNamespace(frames=SimpleNamespace(arrays={}))
    return _Given(blob_info("blob:demo"), picture, _Tasks(tmp_path))


def test_the_command_names_files_that_hold_the_view_and_the_path(given: _Given, tmp_path: Path) -> None:
    film, info = Film(), given.info
    film.name, film.size = str(tmp_path / "film.mp4"), 128
    doc = Document.defaults_from(info).replace(path=PATH)
    assert film.why_not(doc, given.info, given.tasks) == ""
    film.start(doc, given.info, given.picture, given.tasks, Path(film.name))
    kind, _, words, out, folder, pinned = cast(Any, given.tasks).started[0]
    assert (
        kind == "export" and out == Path(film.name) and folder == tmp_path and pinned["files"] == [film.name]
    )
    options = dict(zip(words[1::2], words[2::2], strict=True))
    assert (
        words[0] == "orbit" and options["--out"] == film.name and read_camera_path(options["--path"]) == PATH
    )
    view = stored_view(options["--request"])
    assert (
        view is not None
        and view.checkpoint == "blob:demo"
        and view.values["width"] == view.values["height"] == 128
    )


def test_it_says_why_it_cannot_render(given: _Given, tmp_path: Path) -> None:
    film, info = Film(), given.info
    empty = Document.defaults_from(info)
    film.name = str(tmp_path / "film.mp4")
    assert "no keys" in film.why_not(empty, given.info, given.tasks)
    film.name = str(tmp_path / "film.avi")
    assert ".mp4" in film.why_not(empty.replace(path=PATH), given.info, given.tasks)
    film.name = str(tmp_path / "nowhere" / "film.mp4")
    assert "no folder" in film.why_not(empty.replace(path=PATH), given.info, given.tasks)


def test_a_path_is_saved_whole_or_not_at_all(tmp_path: Path) -> None:
    file = tmp_path / "p.json"
    assert (
        _saved(PATH, file) == "Saved 2 keys"
        and read_camera_path(file) == PATH
        and [f.name for f in tmp_path.iterdir()] == ["p.json"]
    )
    assert ".json" in _saved(PATH, tmp_path / "p.txt") and "Not saved" in _saved(
        PATH, tmp_path / "none" / "p.json"
    )
    assert PathFile().name.endswith("camera-path.json")
