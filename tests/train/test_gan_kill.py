"""`kill -9` at random times never leaves a run that cannot be read, nor changes what the run computes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from core_model.schema.recipes import RECIPES
from core_model.schema.run import RunRecord
from core_model.training.gan.run import run_training
from tests.house.sources import ROOT
from tests.train.gan_data import tiny_of

TRIALS = int(os.environ.get("TRISCOPE_KILL_TRIALS", "50"))


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.parametrize("recipe", RECIPES.names())
def test_fifty_kills_leave_the_run_of_none(tmp_path: Path, recipe: str) -> None:
    """Half of the kills fall while a file is written. What is trained in pieces equals, bit for bit, the run that nobody killed."""
    out = tmp_path / "run"
    cfg = tiny_of(recipe, tmp_path / "set", images=1_000_000)
    cfg = cfg.replace(
        output=cfg.output.replace(
            tick_images=2, snapshot_ticks=1, evaluate=True, evaluate_images=2, threads=1
        )
    )
    settings = tmp_path / "settings.json"
    settings.write_text(cfg.model_dump_json())
    command = [
        sys.executable,
        str(ROOT / "tests" / "train" / "kill_nursery.py"),
        str(settings),
        str(out),
        str(TRIALS),
    ]
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=1700,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    found = json.loads(done.stdout.splitlines()[-1])
    print(found)
    assert found["trials"] == TRIALS and found["saving"] >= TRIALS // 4 and found["advances"] >= TRIALS // 8
    last = found["step"] + 2
    assert run_training(out, cfg.replace(images=last * cfg.batch), resume=True, device="cpu") == "finished"
    whole = tmp_path / "whole"
    quiet = cfg.replace(
        images=last * cfg.batch, output=cfg.output.replace(snapshot_ticks=10_000, evaluate=False)
    )
    assert run_training(whole, quiet, device="cpu") == "finished"
    record = RunRecord.model_validate_json((out / "run.json").read_text())
    assert (record.state, record.step) == ("finished", last) and not list(out.glob("**/.*.part"))
    one, pieces = (load_file(run / "snapshots" / f"{last:06d}.state.safetensors") for run in (whole, out))
    assert one.keys() == pieces.keys()
    assert [name for name in one if not torch.equal(one[name], pieces[name])] == []
