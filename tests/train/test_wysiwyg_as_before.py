"""The WYSIWYG recipe trains as it did before there was more than one recipe: against numbers recorded at commit 3568d21
with the gradients of `ops` as they are now (`tests/fixtures/README.md`).
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from core_model.schema.overrides import apply_overrides
from core_model.training.gan.run import run_training
from tests.fixtures import FIXTURES
from tests.train.gan_data import tiny_config, write_set

CASES = {
    "ada": [("augment.mode", "ada"), ("augment.p", "0.3"), ("augment.interval", "2")],
    "dual": [
        ("discriminator.dual", "on"),
        ("discriminator.pose_noise", "0.5"),
        ("microbatch", "1"),
        ("reuse_fakes", "on"),
        ("loss.bend", "1"),
        ("loss.bend_points", "64"),
        ("images", "24"),
    ],
    "plain": [
        ("render.sampler", "off"),
        ("optim.warmup_images", "8"),
        ("render.refine", "0"),
        ("render.cull_floor", "0"),
        ("augment.mode", "fixed"),
        ("augment.p", "0.5"),
    ],
}


def this_cpu() -> str:
    """Model name of this machine's processor."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return ""
    return next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), "")


@pytest.mark.parametrize(
    "name", ["ada", *(pytest.param(n, marks=pytest.mark.slow) for n in ("dual", "plain"))]
)
def test_losses_and_weights_are_those_of_before(name: str, tmp_path: Path) -> None:
    """Bit for bit with the recorded torch on the recorded processor; elsewhere as far as rounding allows."""
    known = np.load(FIXTURES / "train_wysiwyg.npz")
    meta = json.loads(str(known["meta"]))
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        run_training(
            tmp_path / "run",
            apply_overrides(tiny_config(write_set(tmp_path / "set")), CASES[name]),
            device="cpu",
        )
    finally:
        torch.set_num_threads(threads)
    state = load_file(sorted((tmp_path / "run" / "snapshots").glob("*.state.safetensors"))[-1])
    names = [str(n) for n in known[f"{name}/names"]]
    assert sorted(state) == names
    sums, norms = (
        np.array([float(getattr(state[n].double(), how)()) for n in names]) for how in ("sum", "norm")
    )
    ticks = [
        json.loads(line)["losses"] for line in (tmp_path / "run" / "stats.jsonl").read_text().splitlines()
    ]
    losses = np.array([[tick.get(str(key), np.nan) for key in known[f"{name}/losses"]] for tick in ticks])
    # processors of one name differ in their vector instructions: recorded with AVX2
    here = (torch.__version__, this_cpu(), torch.backends.cpu.get_cpu_capability())
    if (meta["torch"], meta["cpu"], "AVX2") == here:
        assert np.array_equal(norms, known[f"{name}/norms"]) and np.array_equal(sums, known[f"{name}/sums"])
        assert np.array_equal(losses, known[f"{name}/values"], equal_nan=True)
    learned = np.array([not n.startswith("adam/") for n in names])
    np.testing.assert_allclose(norms[learned], known[f"{name}/norms"][learned], rtol=5e-3, atol=1e-4)
    np.testing.assert_allclose(losses, known[f"{name}/values"], rtol=2e-2, atol=1e-3)
