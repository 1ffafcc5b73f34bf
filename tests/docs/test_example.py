"""The example package of docs/examples: its wheel is built, installed beside triscope, and renders."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.house.sources import ROOT

EXAMPLE = ROOT / "docs" / "examples" / "triscope-blobs"


def run(*command: object, site: Path, cwd: Path) -> str:
    env = os.environ | {"PYTHONPATH": os.pathsep.join((str(site), str(ROOT))), "TRISCOPE_PLUGINS": ""}
    done = subprocess.run(
        [sys.executable, *map(str, command)], cwd=cwd, env=env, capture_output=True, text=True, timeout=200
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    assert "left out" not in done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder into which the example's wheel is installed."""
    folder = tmp_path_factory.mktemp("example")
    run("-m", "build", "--wheel", "--no-isolation", "--outdir", folder, EXAMPLE, site=folder, cwd=folder)
    (wheel,) = folder.glob("*.whl")
    target = folder / "site"
    pip = ("-m", "pip", "install", "--no-deps", "--no-index", "--quiet", "--target", target, wheel)
    run(*pip, site=folder, cwd=folder)
    return target


@pytest.mark.slow
def test_family_and_sampler_of_the_example_render(site: Path, tmp_path: Path) -> None:
    triscope = ("-m", "core_model.cli.main")
    run("-m", "triscope_blobs", "three.safetensors", site=site, cwd=tmp_path)
    told = json.loads(run(*triscope, "info", "three.safetensors", "--json", site=site, cwd=tmp_path))
    assert told["family"] == "blobs" and "central" in json.dumps(told["samplers"])
    for sampler, spp in (("central", "256"), ("stratified", "512")):
        options = ("--sampler", sampler, "--spp", spp, "--size", "32", "--channels", "rgb,opacity,depth")
        out = ("--out", f"{sampler}.npz")
        run(*triscope, "render", "three.safetensors", *options, *out, site=site, cwd=tmp_path)
    with np.load(tmp_path / "central.npz") as ours, np.load(tmp_path / "stratified.npz") as plain:
        assert 0.2 < plain["opacity"].mean() < 0.9
        both = (ours["opacity"] > 0.9) & (plain["opacity"] > 0.9)
        assert np.abs(ours["depth"] - plain["depth"])[both].mean() < 0.01
        assert np.abs(ours["rgb"] - plain["rgb"])[:, both].max() < 0.02
    code = "from core_model.doctor import plugins; print([(f.name, f.status) for f in plugins.findings()])"
    listed = run("-c", code, site=site, cwd=tmp_path)
    assert listed.strip() == "[('plugin.families.blobs', 'ok'), ('plugin.samplers.central', 'ok')]"
