"""Pieces of the suite in unfriendly places: an odd folder, no locale, no home."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.house.sources import ROOT

FOLDER = "größe 1 & Ω"
COPIED = (
    "core_model",
    "viewer",
    "shaders",
    "assets",
    "tests",
    "scripts",
    "pyproject.toml",
    "README.md",
    "CONTRIBUTING.md",
)
PIECES = (
    "tests/unit/schema",
    "tests/unit/doctor",
    "tests/unit/shell",
    "tests/cli/test_line.py",
    "tests/cli/test_info.py",
    "tests/cli/test_pictures.py",
    "tests/gui/test_window_driver.py",
)
NOWHERE = "/proc/no-such-home"
"""A home that nobody can make or write to, root included."""


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.usefixtures("display")
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="/proc and the names of locales")
def test_pieces_of_the_suite_pass_in_an_odd_place(tmp_path: Path) -> None:
    there = tmp_path / FOLDER
    skip = shutil.ignore_patterns("__pycache__", ".*")
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, there / name, ignore=skip)
        else:
            shutil.copy(source, there / name)
    odd = {"LANG": "C", "LC_ALL": "C", "HOME": NOWHERE, "PYTHONPATH": str(there)}
    wanted = "not slow and not gpu and not nightly"
    line = [sys.executable, "-m", "pytest", "-q", "-m", wanted, "-p", "no:cacheprovider"]
    done = subprocess.run(
        [*line, *PIECES],
        cwd=there,
        env={**os.environ, **odd},
        capture_output=True,
        text=True,
        encoding="utf-8",
        errors="replace",
        timeout=1100,
    )
    assert done.returncode == 0, done.stdout[-6000:]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="/proc and the names of locales")
def test_a_picture_is_made_without_locale_and_home(tmp_path: Path) -> None:
    out = tmp_path / FOLDER / "Bild ß.png"
    out.parent.mkdir()
    odd = {"LANG": "C", "LC_ALL": "C", "HOME": NOWHERE, "PYTHONIOENCODING": "ascii"}
    kept = {k: v for k, v in os.environ.items() if k not in ("TRISCOPE_CONFIG_DIR", "XDG_CONFIG_HOME")}
    line = [
        sys.executable,
        "-X",
        "warn_default_encoding",
        "-m",
        "core_model.cli.main",
        "render",
        "analytic:sphere",
        "--size",
        "16",
        "--out",
        str(out),
    ]
    done = subprocess.run(line, cwd=ROOT, env=kept | odd, capture_output=True, timeout=200)
    assert done.returncode == 0 and out.read_bytes().startswith(b"\x89PNG"), done.stderr
    warned = [
        text
        for text in done.stderr.decode(errors="replace").splitlines()
        if "EncodingWarning" in text and str(ROOT / "core_model") in text
    ]
    assert not warned


@pytest.mark.parametrize("name", ["ascii", "cp1252"])
def test_what_a_terminal_cannot_show_is_no_failure(name: str) -> None:
    line = [sys.executable, "-m", "core_model.cli.main", "info", "analytic:sphere"]
    done = subprocess.run(
        line, cwd=ROOT, env=os.environ | {"PYTHONIOENCODING": name}, capture_output=True, timeout=100
    )
    assert done.returncode == 0 and b"box" in done.stdout, done.stderr
