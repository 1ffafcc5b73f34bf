"""The built wheel, installed into an empty environment, works from another folder and carries its data."""

from __future__ import annotations

import json
import os
import shutil
import signal
import struct
import subprocess
import sys
import sysconfig
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest
import torch
from PIL import Image

from core_model.checkpoints.store import save_checkpoint
from core_model.schema.checkpoint import CheckpointHeader
from tests import waiting
from tests.house.sources import ROOT


def run(*command: object, cwd: Path) -> str:
    # without PYTHONPATH, whose packages come before the installed ones: the checkout would be tested
    env = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    done = subprocess.run(
        [str(c) for c in command],
        cwd=cwd,
        env=env,
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        timeout=110,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, ROOT, cwd=ROOT)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment that holds the wheel; the third-party packages are lent by the current one."""
    venv = tmp_path_factory.mktemp("env") / "venv"
    run(sys.executable, "-m", "venv", "--without-pip", venv, cwd=venv.parent)
    python = venv / "bin" / "python"
    pip = (sys.executable, "-m", "pip", "--python", python, "install", "--no-deps", "--no-index", "--quiet")
    run(*pip, wheel, cwd=venv.parent)
    (site,) = venv.glob("lib/python*/site-packages")
    # A path added by a .pth is not searched for further .pth files: the checkout itself stays out.
    (site / "lent.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    return venv


def test_the_wheel_holds_code_and_data_and_nothing_else(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    for need in ("core_model/cli/main.py", "viewer/shell/app.py", "viewer/_data/shaders/present.frag"):
        assert need in names
    shipped = {p.relative_to(ROOT) for folder in ("shaders", "assets") for p in (ROOT / folder).rglob("*")}
    missing = {
        str(p) for p in shipped if (ROOT / p).is_file() and f"viewer/_data/{p.as_posix()}" not in names
    }
    assert not missing
    roots = {n.split("/")[0] for n in names}
    assert {r for r in roots if not r.startswith("triscope-")} == {"core_model", "viewer"}


def test_the_installed_command_describes_a_checkpoint(environment: Path, tmp_path: Path) -> None:
    header = CheckpointHeader(family="wysiwyg", name="tiny")
    save_checkpoint(tmp_path / "tiny.safetensors", header, {"mapping.weight": torch.ones(2, 3)})
    out = run(environment / "bin" / "triscope", "info", "tiny.safetensors", "--json", cwd=tmp_path)
    document = json.loads(out)
    assert document["name"] == "tiny" and document["parameters"]["total"] == 6


def test_the_installed_packages_find_their_data(environment: Path, tmp_path: Path) -> None:
    code = (
        "import core_model\n"
        "from core_model.schema.assets import assets_dir, data_root\n"
        "print(core_model.__file__); print(assets_dir() / 'colormaps' / 'viridis.json')\n"
        "print(data_root() / 'shaders' / 'present.frag')\n"
        "print(assets_dir() / 'headpack' / 'LICENSE.txt'); print(assets_dir() / 'headpack' / 'geometry.npz')"
    )
    paths = run(environment / "bin" / "python", "-c", code, cwd=tmp_path).splitlines()
    assert len(paths) == 5
    for path in paths:
        assert Path(path).is_relative_to(environment.resolve()) and Path(path).is_file()


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty environment into which pip has put the wheel with all that it asks for, from the package index.

    Without extras: the window and the renderer. Of PyTorch it takes what pip finds (hundreds of megabytes, or some
    gigabytes with CUDA); no other package of this interpreter is seen in it.
    """
    venv = tmp_path_factory.mktemp("empty") / "venv"
    run(sys.executable, "-m", "venv", venv, cwd=venv.parent)
    line = [
        venv / "bin" / "python",
        "-m",
        "pip",
        "install",
        "--quiet",
        "--only-binary=:all:",
        "--no-input",
        wheel,
    ]
    done = subprocess.run(
        [str(c) for c in line],
        cwd=venv.parent,
        capture_output=True,
        text=True,
        timeout=1500,
        env=bare(venv.parent),
    )
    if done.returncode and ("No matching distribution" in done.stderr or "connection" in done.stderr.lower()):
        pytest.skip(f"no package index: {done.stderr.strip().splitlines()[-1]}")
    assert done.returncode == 0, done.stderr[-3000:]
    return venv


def bare(home: Path, **more: str) -> dict[str, str]:
    """Variables of a user who has nothing: an empty home, no checkout in Python's path, no display."""
    left_out = (
        "PYTHONPATH",
        "TRISCOPE_CONFIG_DIR",
        "XDG_CONFIG_HOME",
        "DISPLAY",
        "WAYLAND_DISPLAY",
        "TRISCOPE_PLUGINS",
    )
    return {k: v for k, v in os.environ.items() if k not in left_out} | {"HOME": str(home)} | more


@pytest.fixture
def screen(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """(display, file that holds its pixels) of an Xvfb of one's own."""
    if shutil.which("Xvfb") is None:
        pytest.skip("no Xvfb (apt-get install xvfb)")
    folder = tmp_path / "screen"
    folder.mkdir()
    read, write = os.pipe()
    words = [
        "Xvfb",
        "-displayfd",
        str(write),
        "-screen",
        "0",
        "1280x800x24",
        "-nolisten",
        "tcp",
        "-noreset",
        "-fbdir",
        folder,
    ]
    server = subprocess.Popen(words, pass_fds=(write,), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    os.close(write)
    try:
        with os.fdopen(read, encoding="ascii") as pipe:
            number = pipe.readline().strip()
        assert number, "Xvfb did not start"
        yield f":{number}", folder / "Xvfb_screen0"
    finally:
        server.terminate()
        server.wait(20)


def pixels_of(dump: Path) -> np.ndarray:
    """[H, W, 3] of what an Xvfb shows: a file in the format of xwd."""
    data = dump.read_bytes()
    head = struct.unpack(">25I", data[:100])
    (start, width, height, stride, colours) = (head[0], head[4], head[5], head[12], head[19])
    rows = np.frombuffer(data, np.uint8, stride * height, start + 12 * colours).reshape(height, stride)
    return rows[:, : 4 * width].reshape(height, width, 4)[..., 2::-1]


@pytest.mark.slow
@pytest.mark.timeout(3000)
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="Xvfb")
def test_in_an_empty_environment_it_renders_and_opens_its_window(
    installed: Path, screen: tuple[str, Path], tmp_path: Path
) -> None:
    home, tool = tmp_path / "home", installed / "bin" / "triscope"
    home.mkdir()

    def command(*words: str) -> str:
        line = [str(tool), *words]
        done = subprocess.run(line, cwd=home, capture_output=True, text=True, timeout=600, env=bare(home))
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    found = json.loads(command("doctor", "--headless", "--json"))
    assert found["can_start"] is True
    command("render", "demo", "--size", "64", "--out", "head.png")
    assert np.asarray(Image.open(home / "head.png")).std() > 20

    display, dump = screen
    window = subprocess.Popen(
        [str(tool), "view", "demo"],
        cwd=home,
        env=bare(home, DISPLAY=display),
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        family: list[psutil.Process] = []

        def head_is_shown() -> bool:
            """The middle of the screen has the many colours of a head, which neither a bare screen nor an empty window has."""
            if window.poll() is not None:
                raise AssertionError(window.communicate()[1])
            middle = pixels_of(dump)[200:500, 400:880]
            return len(np.unique(middle.reshape(-1, 3), axis=0)) > 2000

        waiting.until(head_is_shown, "the demo's head in the window", seconds=600, pause_s=1.0)
        family = psutil.Process(window.pid).children(recursive=True)
        assert family, "no render process"
        window.send_signal(signal.SIGTERM)
        said = window.communicate(timeout=200)[1]
    finally:
        window.kill()
    assert window.returncode == 128 + signal.SIGTERM and "Traceback" not in said, said
    assert not psutil.wait_procs(family, timeout=20)[1]
