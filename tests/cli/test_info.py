"""`triscope info`: every fact of a checkpoint, and no torch to say it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from tests.cli.command import triscope
from tests.contracts.tiny_checkpoint import save_tiny
from tests.unit.checkpoints.importing.foreign import pickled
from tests.unit.checkpoints.importing.recorded_files import FILES, recorded

ALONE = """
import sys
from core_model.cli.main import main
status = main(["info", *sys.argv[1:]])
heavy = sorted({name.split(".")[0] for name in sys.modules} & {"torch", "safetensors", "scipy", "imgui_bundle"})
assert status == 0 and not heavy, (status, heavy)
"""
Capture = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A checkpoint of every kind that has a file, a run folder, and a shape without one."""
    folder = tmp_path_factory.mktemp("info")
    (folder / "run").mkdir()
    made = {
        "analytic": "analytic:slab",
        "native": save_tiny(folder / "tiny.safetensors"),
        "run": str(folder / "run"),
    }
    for family, content in FILES.items():
        path = folder / family / "network-snapshot-000064.pkl"
        path.parent.mkdir()
        path.write_bytes(pickled(content()))
        made[family] = str(path)
    (folder / "run" / "network-snapshot-000001.pkl").write_bytes(Path(made["eg3d"]).read_bytes())
    torch.save(recorded("eg3d_small")[0], folder / "state.pt")
    return made | {"state dict": str(folder / "state.pt")}


@pytest.mark.parametrize("kind", ["analytic", "native", "run", *FILES, "state dict"])
def test_torch_is_not_imported(files: dict[str, str], kind: str) -> None:
    for options in ([], ["--json"]):
        done = subprocess.run(
            [sys.executable, "-c", ALONE, files[kind], *options], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0 and done.stdout, done.stderr


@pytest.mark.parametrize("family", FILES)
def test_every_fact_in_text_and_json(capsys: Capture, files: dict[str, str], family: str) -> None:
    text = triscope(capsys, "info", files[family]).out
    document = json.loads(triscope(capsys, "info", files[family], "--json").out)
    rows = {
        line.split("  ", 1)[0].strip(): line.split("  ", 1)[1].strip()
        for line in text.splitlines()
        if "  " in line.strip()
    }
    made = document["header"]["provenance"]
    assert rows["family"] == document["family"] == family
    assert f"{document['parameters']['total']:,}" in rows["values"] and document["parameters"]["total"] > 1000
    assert rows["memory"].startswith(f"about {document['memory_bytes'] / 1e6:,.0f} MB")
    assert rows["latent"] == f"z {document['z_dim']}, w {document['num_ws']} x {document['w_dim']}"
    assert rows["planes"].startswith(f"3 x {document['plane_channels']} channels, {document['plane_size']} x")
    assert rows["picture"].startswith(f"{document['image_size']} x")
    assert (
        "radius" in rows["camera"]
        and "fov" in rows["camera"]
        and document["header"]["camera"]["default"]["radius"] > 0
    )
    assert rows["weights"] == "moving average (EMA)" and made["ema"] is True
    assert (
        made["source"] == "network-snapshot-000064.pkl"
        and made["source"] in rows["source"]
        and made["source_sha256"] in rows["source"]
    )
    assert rows["licence"] == document["header"]["licence"] and "not stated in the file" in rows["licence"]
    settings = document["header"]["config"]
    assert settings and all(f"\n  {name} " in text or f"\n  {name}" in text for name in settings)
    assert document["tensors"]["mapping.w_avg"]["shape"] == [document["w_dim"]]
