"""What pyproject.toml asks for: every import is declared, and all of it installs without a compiler."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from core_model.schema.extras import EXTRA_OF_PACKAGE
from tests.house.sources import ROOT, imports, sources

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
OURS = {"core_model", "viewer", "tests", "benchmarks", "scripts"}
# Import name → distribution, where they differ by more than case and dashes.
DISTRIBUTIONS = {
    "PIL": "pillow", "OpenGL": "PyOpenGL", "pynvml": "nvidia-ml-py", "mcubes": "PyMCubes", "skimage": "scikit-image",
    "pydantic_core": "pydantic", "pip": "pip", "igl": "libigl",
}  # fmt: skip

EXTRAS = tuple(PROJECT["optional-dependencies"])
PYTHONS = ("3.11", "3.12", "3.13", "3.14")


def _linux(processor: str) -> tuple[str, ...]:
    """glibc 2.17 to 2.35 (Ubuntu 22.04); of manylinux2014 pip knows the older names too."""
    return (f"manylinux2014_{processor}", *(f"manylinux_2_{n}_{processor}" for n in range(17, 36)))


# sys_platform, platform_system, platform_machine, os_name, and the tags that pip may take.
MACHINES = {
    "linux-x86-64": ("linux", "Linux", "x86_64", "posix", _linux("x86_64")),
    "linux-arm": ("linux", "Linux", "aarch64", "posix", _linux("aarch64")),
    "windows": ("win32", "Windows", "AMD64", "nt", ("win_amd64",)),
    "macos-arm": ("darwin", "Darwin", "arm64", "posix", ("macosx_14_0_arm64",)),
}
# Whose wheels are missing where (2026-11): marker → the distributions that stand aside there.
NO_WHEEL = {
    ("3.13", "PyMCubes"),
    ("3.14", "PyMCubes"),
    ("linux-arm", "PyMCubes"),
    ("3.14", "xatlas"),
    ("linux-arm", "xatlas"),
}


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def declared(*extras: str) -> list[Requirement]:
    """What is always needed and what extras add, those that they name in turn included."""
    found = [Requirement(line) for line in PROJECT["dependencies"]]
    waiting = list(extras)
    while waiting:
        for need in map(Requirement, PROJECT["optional-dependencies"][waiting.pop()]):
            if need.name == PROJECT["name"]:
                waiting += need.extras
            else:
                found.append(need)
    return found


def wanted(python: str, machine: str) -> dict[str, str]:
    """{distribution: requirement without its marker} on a machine, with every extra and the test tools.

    pip evaluates markers for the interpreter that runs it, whatever --python-version and --platform say, so
    they are evaluated here.
    """
    system, name, processor, kind, _ = MACHINES[machine]
    environment = {
        "python_version": python, "python_full_version": f"{python}.0", "sys_platform": system, "platform_system": name,
        "platform_machine": processor, "os_name": kind, "implementation_name": "cpython", "platform_python_implementation": "CPython",
        "extra": "",
    }  # fmt: skip
    found: dict[str, str] = {}
    for need in declared(*EXTRAS):
        if need.marker is None or need.marker.evaluate(environment):
            need.marker = None
            found[need.name] = str(need)
    return found


def dry_run(python: str, machine: str, folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    platforms = [word for tag in MACHINES[machine][-1] for word in ("--platform", tag)]
    line = (
        sys.executable,
        "-m",
        "pip",
        "install",
        "--dry-run",
        "--ignore-installed",
        "--only-binary=:all:",
        "--no-input",
        "--quiet",
    )
    line += (
        "--retries=1",
        "--implementation=cp",
        f"--python-version={python}",
        f"--target={folder}",
        *platforms,
        *arguments,
    )
    return subprocess.run(line, capture_output=True, text=True, timeout=540, stdin=subprocess.DEVNULL)


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Skips where no package index answers."""
    found = dry_run("3.12", "linux-x86-64", tmp_path_factory.mktemp("target"), "--no-deps", "safetensors")
    if found.returncode:
        pytest.skip(f"no package index: {found.stderr.strip().splitlines()[-1]}")


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.usefixtures("registry")
@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("python", PYTHONS)
def test_everything_resolves_from_wheels(python: str, machine: str, tmp_path: Path) -> None:
    """torch apart, without its dependencies: their markers would be evaluated for this machine."""
    asked = wanted(python, machine)
    torch = asked.pop("torch")
    found = dry_run(python, machine, tmp_path, *asked.values())
    assert found.returncode == 0, found.stderr
    found = dry_run(python, machine, tmp_path, "--no-deps", torch)
    assert found.returncode == 0, found.stderr


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("python", PYTHONS)
def test_a_stand_in_is_asked_for_where_there_is_no_wheel(python: str, machine: str) -> None:
    asked = wanted(python, machine)
    for name in ("PyMCubes", "xatlas"):
        assert (name in asked) == (not {(python, name), (machine, name)} & NO_WHEEL)
    run = {r.name for r in declared("mesh", "train") if r.marker is not None}
    assert run == {"PyMCubes", "xatlas", "scikit-image"}
    assert "scikit-image" in asked and "torch" in asked, (
        "the tests hold both marching cubes against each other"
    )


def test_every_import_is_declared() -> None:
    """A package that only comes along with another goes when that one goes."""
    for folders, extras in (
        (("core_model", "viewer"), ("mesh", "train")),
        (("tests", "benchmarks", "scripts"), ("dev",)),
    ):
        known = {normal(r.name) for r in declared(*extras)} | {"pip"}
        roots = {(one.target.split(".")[0], str(s.path)) for s in sources(*folders) for one in imports(s)}
        foreign = {
            (name, path) for name, path in roots if name not in sys.stdlib_module_names and name not in OURS
        }
        missing = {
            (name, path) for name, path in foreign if normal(DISTRIBUTIONS.get(name, name)) not in known
        }
        assert not missing and len(foreign) > 20, missing


ALONE = """
import importlib, importlib.abc, json, sys
blocked = set(json.loads(sys.argv[1]))
class Block(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in blocked:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Block())
"""
RENDERS = """
from core_model.report.worker_session import WorkerSession
from core_model.schema.export import default_request
session = WorkerSession(device="cpu")
info = session.open("analytic:sphere")
frame = session.render(default_request(info).replace(width=16, height=16))
assert frame.result.error is None, frame.result.error
import viewer.shell.app, viewer.shell.frame_loop, viewer.features, viewer.render_client.worker, viewer.render_client.far_worker
print("rendered", frame.arrays["rgb"].shape)
"""
COMMAND = "from core_model.cli.main import main\nsys.exit(main(json.loads(sys.argv[2])))"


def alone(code: str, *arguments: object, cwd: Path = ROOT) -> "subprocess.CompletedProcess[str]":
    """Run `code` where no package of an extra can be imported."""
    words = [
        sys.executable,
        "-c",
        ALONE + code,
        json.dumps(list(EXTRA_OF_PACKAGE)),
        *map(json.dumps, arguments),
    ]
    return subprocess.run(
        words,
        capture_output=True,
        text=True,
        timeout=120,
        cwd=cwd,
        env={"DISPLAY": ":0"}
        | os.environ
        | {"PYTHONPATH": str(ROOT)},  # the monitor looks whether there is one
    )


def test_the_window_and_the_renderer_need_no_extra() -> None:
    done = alone(RENDERS)
    assert done.returncode == 0 and "rendered (3, 16, 16)" in done.stdout, done.stderr


@pytest.mark.parametrize(
    ("words", "extra"),
    [
        (["mesh", "analytic:sphere", "--out", "a.ply", "--resolution", "32"], "mesh"),
        (["data", "heads", "a.zip", "--count", "1", "--size", "32"], "train"),
        (["fit", "--preset", "smoke", "--out", "run"], "train"),
        (["monitor", "."], "train"),
    ],
    ids=lambda value: value if isinstance(value, str) else value[0],
)
def test_a_missing_extra_is_one_line_that_mends_it(words: list[str], extra: str, tmp_path: Path) -> None:
    done = alone(COMMAND, words, cwd=tmp_path)
    (line,) = done.stderr.strip().splitlines()
    assert (
        done.returncode == 1 and f'pip install "triscope[{extra}]"' in line and line.startswith("triscope: ")
    )


def test_every_package_of_an_extra_is_known_by_it() -> None:
    """What pyproject.toml lists and what the message says are one."""
    for name, extra in EXTRA_OF_PACKAGE.items():
        distribution = normal(DISTRIBUTIONS.get(name, name))
        assert distribution in {normal(r.name) for r in declared(extra)} - {
            normal(r.name) for r in declared()
        }
    known = {normal(DISTRIBUTIONS.get(name, name)) for name in EXTRA_OF_PACKAGE}
    assert known == {
        normal(r.name) for extra in EXTRAS if extra not in ("dev", "docs") for r in declared(extra)
    } - {normal(r.name) for r in declared()}
