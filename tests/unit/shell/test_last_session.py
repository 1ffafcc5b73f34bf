"""The last session comes back by itself where nothing was named and its checkpoint is still there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from viewer.shell.autosave import Left
from viewer.shell.opening import Opening
from viewer.state.document import Document
from viewer.state.ray_marks import Pin, RayMarks


class Control:
    """Notes what is opened, and with which document."""

    def __init__(self) -> None:
        self.opened: list[tuple[str, Any]] = []

    def open(self, path: str, keep_view: bool = False, then: Any = None) -> None:
        self.opened.append((path, then))


CASES = [(False, False, True), (True, False, True), (False, True, True), (False, False, False)]


@pytest.mark.parametrize(("named", "crashed", "there"), CASES)
def test_the_last_session_comes_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, named: bool, crashed: bool, there: bool
) -> None:
    monkeypatch.setenv("TRISCOPE_CONFIG_DIR", str(tmp_path))
    kept = tmp_path / "kept.safetensors"
    if there:
        kept.write_bytes(b"")
    last = Document(
        checkpoint=str(kept),
        rays=RayMarks(pins=(Pin(camera=Document().camera, mark=(0.4, 0.5), point=(0.0, 0.1, 0.2)),)),
    )
    opening, control = Opening(), Control()
    opening.autosave.found = Left(last, 0.0, crashed=crashed)
    opening.start("demo.safetensors", control, (), named)  # type: ignore[arg-type]
    ((path, then),) = control.opened
    if not named and not crashed and there:
        assert path == str(kept) and then(None, None) == last
    else:
        assert path == "demo.safetensors"
