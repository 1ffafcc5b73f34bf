"""Set-up scripts: what is missing is said with the exact command, what is there is not asked for again."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.house.sources import ROOT

pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="the set-up scripts are for Linux"
)


def stub(folder: Path, name: str, text: str) -> None:
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
    path.chmod(0o755)


def bootstrap(tree: Path, level: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    """Run the script in a bare copy of the tree, with stub programs first in PATH."""
    shutil.copytree(ROOT / "scripts", tree / "scripts", dirs_exist_ok=True)
    shutil.copy(ROOT / "pyproject.toml", tree)
    clean = {k: v for k, v in os.environ.items() if k not in ("DISPLAY", "WAYLAND_DISPLAY", "PYTHON")}
    path = f"{tree / 'stubs'}:{clean['PATH']}"
    command = ["bash", str(tree / "scripts" / "bootstrap.sh"), level]
    return subprocess.run(
        command, env=clean | {"PATH": path} | environment, capture_output=True, text=True, timeout=60
    )


@pytest.fixture
def no_libraries(tmp_path: Path) -> Path:
    stub(tmp_path / "stubs", "ldconfig", "exit 0")
    return tmp_path


def test_without_root_the_exact_command_is_said(no_libraries: Path) -> None:
    stub(no_libraries / "stubs", "id", "echo 1000")
    stub(no_libraries / "stubs", "apt-get", f"touch {no_libraries}/called")
    done = bootstrap(no_libraries, "run")
    assert done.returncode == 1 and not (no_libraries / "called").exists()
    (line,) = done.stderr.strip().splitlines()
    assert "sudo apt-get install -y --no-install-recommends" in line
    assert "libx11-6" in line and "libegl1" in line


def test_as_root_the_packages_are_installed(no_libraries: Path) -> None:
    stub(no_libraries / "stubs", "id", "echo 0")
    stub(no_libraries / "stubs", "apt-get", f'echo "$@" >> {no_libraries}/calls; [ "$1" = update ] || exit 7')
    done = bootstrap(no_libraries, "run")
    calls = (no_libraries / "calls").read_text().splitlines()
    assert calls[0].startswith("update") and "install -y" in calls[1] and "libxcursor1" in calls[1]
    assert done.returncode == 1 and "apt-get install failed; run by hand" in done.stderr


def test_other_systems_get_the_list(no_libraries: Path) -> None:
    for name in ("bash", "cat", "uname", "id", "dirname", "mkdir", "rm"):
        (no_libraries / "only").mkdir(exist_ok=True)
        (no_libraries / "only" / name).symlink_to(shutil.which(name) or name)
    shutil.copy(no_libraries / "stubs" / "ldconfig", no_libraries / "only")
    done = bootstrap(no_libraries, "run", PATH=str(no_libraries / "only"))
    assert done.returncode == 1 and "install what your system calls: " in done.stderr


def test_an_old_python_is_refused(tmp_path: Path) -> None:
    stub(tmp_path / "stubs", "oldpython", "exit 1")
    stub(tmp_path / "stubs", "uname", "echo Darwin")
    done = bootstrap(tmp_path, "run", PYTHON="oldpython")
    assert done.returncode == 1 and "oldpython is not Python 3.11" in done.stderr
    assert not (tmp_path / ".venv").exists()


def test_an_unknown_level_is_refused(tmp_path: Path) -> None:
    done = bootstrap(tmp_path, "everything")
    assert done.returncode == 1 and "expected run, dev or display" in done.stderr


def requirements(folder: Path, *extras: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, str(ROOT / "scripts" / "requirements_met.py"), *extras]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60)


def test_requirements_are_compared_without_an_index(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(
        '[project]\nname = "triscope"\ndependencies = ["numpy>=1.0", "numpy<0.1", "no-such-package-zz>=1", '
        '"win-only; platform_system == \'Windows\'"]\n[project.optional-dependencies]\ndev = ["pytest>=1"]\n'
        '[project.scripts]\ntriscope = "core_model.cli.main:main"\n',
        encoding="utf-8",
    )
    done = requirements(tmp_path, "dev")
    lines = done.stdout.strip().splitlines()
    assert done.returncode == 1 and len(lines) == 2
    assert lines[0].startswith("needed: numpy<0.1 (found ") and lines[1] == "needed: no-such-package-zz>=1"


@pytest.mark.parametrize("change", ["nothing", "pyproject.toml", "moved"])
def test_make_sets_up_once_and_again_after_a_change(tmp_path: Path, change: str) -> None:
    for name in ("Makefile", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
    shutil.copytree(ROOT / "scripts", tmp_path / "scripts")
    venv = tmp_path / ".venv"
    venv.mkdir()
    (venv / ".triscope-dev").touch()
    (venv / ".triscope-root").write_text("/elsewhere\n" if change == "moved" else f"{tmp_path}\n")
    for path in tmp_path.rglob("*"):
        os.utime(path, (1e9, 1e9))
    os.utime(venv / ".triscope-dev", (1.1e9, 1.1e9))
    if change == "pyproject.toml":
        os.utime(tmp_path / change, (1.2e9, 1.2e9))
    done = subprocess.run(["make", "-n", "setup"], cwd=tmp_path, capture_output=True, text=True, timeout=30)
    assert done.returncode == 0
    assert ("bootstrap" in done.stdout) == (change != "nothing")


def git(folder: Path, *arguments: str) -> None:
    name = ("-c", "user.name=A", "-c", "user.email=a@b.c", "-c", "init.defaultBranch=main")
    subprocess.run(["git", *name, *arguments], cwd=folder, check=True, capture_output=True, timeout=30)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A repository with .ci/run and a Makefile that says what it sees.

    A folder lies beside it, a change in it is not committed.
    """
    root = tmp_path / "there" / "checkout"
    shutil.copytree(ROOT / ".ci", root / ".ci")
    saying = "\n\t@".join(
        ("pwd", "ls ..", "ls", "echo home=$$HOME", "if read line; then echo stdin; fi", "exit $(FAIL)")
    )
    (root / "Makefile").write_text(
        f"FAIL := 0\nsetup lint:\n\t@echo $@\ntest:\n\t@{saying}\n", encoding="utf-8"
    )
    git(root, "init")
    git(root, "add", ".")
    git(root, "commit", "-m", "first words")
    (root.parent / "shared").mkdir()
    (root / "left-behind").touch()
    return root


@pytest.mark.parametrize("failing", [False, True])
def test_the_commit_is_tested_alone(checkout: Path, failing: bool) -> None:
    scratch = checkout.parent.parent / "scratch"
    scratch.mkdir()
    environment = os.environ | {
        "TMPDIR": str(scratch),
        "CI": "true",
        "MAKEFLAGS": "FAIL=3" if failing else "",
    }
    done = subprocess.run(
        ["bash", str(checkout / ".ci" / "run")],
        env=environment,
        input="words\n",
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == (1 if failing else 0), done.stderr
    lines = done.stdout.splitlines()
    assert (
        "first words" in done.stdout
        and sum("uncommitted changes are left out" in line for line in lines) == 1
    )
    place = next(Path(line) for line in lines if line.endswith("/triscope"))
    assert place.is_relative_to(scratch) and f"home={place.parent / 'home'}" in lines
    assert "stdin" not in lines and "shared" not in lines and "left-behind" not in lines
    assert ("make test failed" in lines) == failing
    assert not list(scratch.iterdir()), "the clone is still there"


def test_pip_says_what_it_fetches(tmp_path: Path) -> None:
    """Minutes of installing are not silent, and not a page of what is there already."""
    said = (
        "Requirement already satisfied: a",
        "Collecting b",
        "Downloading b-1.whl.metadata (2 kB)",
        "Downloading b-1.whl (9.5 MB)",
    )
    case = f'case "$*" in *" install "*) printf "%s\\n" {" ".join(repr(s) for s in said)};; *requirements_met*) exit 1;; esac'
    (tmp_path / ".venv").mkdir()
    stub(tmp_path / ".venv" / "bin", "python", f'echo "$@" >> {tmp_path}/calls; {case}')
    done = bootstrap(tmp_path, "dev")
    assert done.returncode == 0, done.stderr
    assert "Downloading b-1.whl (9.5 MB)" in done.stdout
    assert not any(word in done.stdout for word in ("satisfied", "Collecting", "metadata"))
    (call,) = [line for line in (tmp_path / "calls").read_text().splitlines() if " install " in line]
    assert " -q" not in call and "--progress-bar off" in call and call.startswith("-m pip install")


def test_a_failed_installation_is_said(tmp_path: Path) -> None:
    (tmp_path / ".venv").mkdir()
    stub(tmp_path / ".venv" / "bin", "python", 'case "$*" in *" install "*|*requirements_met*) exit 1;; esac')
    done = bootstrap(tmp_path, "dev")
    assert (
        done.returncode == 1
        and "pip install failed" in done.stderr
        and not (tmp_path / ".venv" / ".triscope-dev").exists()
    )


@pytest.mark.parametrize(("own", "wish", "shared"), [("0", "1", True), ("0", "0", False), ("1", "1", False)])
def test_the_torch_that_is_there_is_used(tmp_path: Path, own: str, wish: str, shared: bool) -> None:
    """own: exit status of the question whether the interpreter has a torch in the range."""
    asks = f'case "$*" in *--torch*) exit {own};; "-m venv"*) echo "$@" > {tmp_path}/made;; esac'
    stub(tmp_path / "stubs", "somepython", asks)
    bootstrap(tmp_path, "run", PYTHON="somepython", TRISCOPE_OWN_TORCH=wish)
    assert ("--system-site-packages" in (tmp_path / "made").read_text()) == shared


def test_a_torch_in_the_range_is_seen(tmp_path: Path) -> None:
    for line, status in (("torch>=1", 1 if sys.prefix != sys.base_prefix else 0), ("torch<0.1", 1)):
        (tmp_path / "pyproject.toml").write_text(f'[project]\nname = "triscope"\ndependencies = ["{line}"]\n')
        assert requirements(tmp_path, "--torch").returncode == status


@pytest.mark.parametrize(
    ("there", "taken"), [("python3.11 python3.13", "python3.11"), ("python3.14 python3.13", "python3.13")]
)
def test_a_python_with_all_wheels_is_preferred(tmp_path: Path, there: str, taken: str) -> None:
    (tmp_path / "only").mkdir()
    for name in ("bash", "cat", "id", "dirname", "mkdir", "rm", "grep"):
        (tmp_path / "only" / name).symlink_to(shutil.which(name) or name)
    stub(tmp_path / "only", "uname", "echo Darwin")
    for name in there.split():
        stub(tmp_path / "only", name, f'case "$*" in *venv*) echo {name} > {tmp_path}/taken;; esac')
    bootstrap(tmp_path, "run", PATH=str(tmp_path / "only"))
    assert (tmp_path / "taken").read_text().strip() == taken
