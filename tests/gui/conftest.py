"""What tests of the window share: the renderer that writes down, the driver that draws nothing, settings of their own."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.gui.window_driver import Recorder
from viewer.state.preferences import Preferences


@pytest.fixture
def recorder() -> Recorder:
    """The blob head in this process, with what the window asks of it."""
    return Recorder()


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """For tests that use thousands of GUI frames and look at no pixel: Mesa takes every OpenGL call and draws nothing.

    That driver keeps 0.16 MB per frame for ever: no test that measures memory may use it.
    """
    monkeypatch.setenv("GALLIUM_NOOP", "1")


@pytest.fixture
def small_pictures(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A window with settings of its own: dark, pictures of 96² at most (or the module's PICTURE_EDGE), no refinement."""
    monkeypatch.setenv("TRISCOPE_CONFIG_DIR", str(tmp_path))
    edge = getattr(request.module, "PICTURE_EDGE", 96)
    quality = {"max_size": edge, "refine": False, "settle_delay_s": 0.02, "full_delay_s": 0.05}
    look = {"theme": "dark", "ui_scale": 1.0, "recent": [], "window_size": [1280, 800], "quality": quality}
    Preferences.model_validate(look)  # what is refused would leave the defaults: large pictures, refined
    (tmp_path / "preferences.json").write_text(json.dumps(look))
