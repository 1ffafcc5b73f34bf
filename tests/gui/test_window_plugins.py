"""Features of other packages in the window, in a process of its own: a process loads plugins once."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.house.sources import ROOT
from tests.made_package import made_package

pytestmark = [pytest.mark.gui, pytest.mark.usefixtures("display", "small_pictures", "undrawn")]

CODE = """
from imgui_bundle import imgui
from viewer.state.document import Document
from viewer.widgets import controls
from viewer.widgets.feature import Feature, FeaturePlugin
from viewer.widgets.theme import Theme

class Notes:
    clicks = 0
    def draw(self, doc: Document, theme: Theme) -> Document:
        self.clicks += controls.button(theme, "Count###count", tip="Counts")
        return doc

class Raises:
    def draw(self, doc: Document) -> Document:
        raise RuntimeError("not today")

def closes() -> None:
    raise RuntimeError("not even now")

def unmade() -> Feature:
    raise ValueError("no way")

NOTES = FeaturePlugin("notes", "Notes", lambda: Feature(Notes(), close=closes))
LATER = FeaturePlugin("later", "Later", lambda: Feature(Raises()), dock="bottom", shown=False)
UNMADE = FeaturePlugin("unmade", "Unmade", unmade)
"""


def test_a_package_s_tab_is_there_and_a_broken_one_is_named(tmp_path: Path) -> None:
    points = {
        "notes": "added:NOTES",
        "later": "added:LATER",
        "unmade": "added:UNMADE",
        "worse": "added:WORSE",
    }
    made_package(tmp_path, "added", CODE, {"features": points})
    done = subprocess.run(
        [sys.executable, "-m", "tests.gui.plugin_window"],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(tmp_path), "TRISCOPE_PLUGINS": ""},
        capture_output=True,
        text=True,
        timeout=200,
    )
    assert done.returncode == 0 and "driven" in done.stdout, done.stdout[-3000:] + done.stderr[-3000:]
    assert done.stderr.count("is left out") == 3, "worse, unmade, and notes when the window closes"
