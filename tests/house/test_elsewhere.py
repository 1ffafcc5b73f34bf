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


PROCESSES_AND_FILES = (
    "tests/unit/schema",
    "tests/unit/render_client",
    "tests/unit/jobs",
    "tests/unit/data",
    "tests/unit/output",
    "tests/cli/test_line.py",
    "tests/cli/test_info.py",
)
SPAWN = """
import multiprocessing, sys, pytest
if __name__ == "__main__":
    multiprocessing.set_start_method("spawn")
    sys.exit(pytest.main(sys.argv[1:]))
"""
WANTED = ("-q", "-m", "not slow and not gpu and not nightly and not gui", "-p", "no:cacheprovider")


def suite(*command: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    """The fast tests of the files that deal with processes and files, run by a command of one's own."""
    return subprocess.run(
        [*command, *WANTED, *PROCESSES_AND_FILES],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        text=True,
        encoding="utf-8",
        errors="replace",
        timeout=1700,
    )


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_processes_may_be_spawned(tmp_path: Path) -> None:
    """As on Windows and macOS, and on Linux from Python 3.14 on."""
    main = tmp_path / "spawned.py"
    main.write_text(SPAWN, encoding="utf-8")
    done = suite(sys.executable, str(main))
    assert done.returncode == 0, done.stdout[-6000:]


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_nothing_of_ours_leaves_the_encoding_to_the_machine() -> None:
    """Python warns where a text file is opened without one; here that fails the test that does it.

    Other packages' own are silenced, in processes that tests start too, whose words tests compare.
    """
    filters = "default", "ignore::EncodingWarning", "error::EncodingWarning:(core_model|viewer)"
    quiet = {"PYTHONWARNDEFAULTENCODING": "1", "PYTHONWARNINGS": "ignore::EncodingWarning"}
    lines = "filterwarnings=" + "\n".join(filters)
    done = suite(sys.executable, "-m", "pytest", "-o", lines, **quiet)
    assert done.returncode == 0, done.stdout[-6000:]


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0, reason="the whole suite is run by an ordinary user here"
)
def test_an_ordinary_user_can_run_it() -> None:
    """A user namespace whose only user is not root and has none of its rights."""
    tool = shutil.which("unshare")
    apart = [tool or "", "--user", "--map-user=1000", "--map-group=1000"]
    if tool is None or subprocess.run([*apart, "true"], capture_output=True).returncode:
        pytest.skip("no user namespace may be made here")
    done = suite(*apart, sys.executable, "-m", "pytest")
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
