"""The built wheel, installed into an empty environment, works from another folder and carries its data."""

from __future__ import annotations

import json
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest
import torch

from core_model.checkpoints.store import save_checkpoint
from core_model.schema.checkpoint import CheckpointHeader
from tests.house.sources import ROOT


def run(*command: object, cwd: Path) -> str:
    done = subprocess.run([str(c) for c in command], cwd=cwd, capture_output=True, text=True, timeout=110)
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
    paths = run(environment / "bin" / "python", "-c", code, cwd=tmp_path).split()
    assert len(paths) == 5
    for path in paths:
        assert Path(path).is_relative_to(environment.resolve()) and Path(path).is_file()
