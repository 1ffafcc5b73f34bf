"""Many processes on gloo: the gradients of 2 ranks × b are those of 1 rank × 2b, and the records have one writer."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from core_model.schema.overrides import apply_overrides
from core_model.schema.recipes import RECIPES
from core_model.schema.run import RunRecord
from core_model.schema.train import TrainConfig
from core_model.training.common.run_directory import STATE_SUFFIX
from tests.house.sources import ROOT
from tests.train.gan_data import tiny_config, tiny_of, write_set

# One discriminator and one generator backward pass of a whole batch; every process saves what it then holds.
_GRADIENTS = """
import sys
import torch
from safetensors.torch import save_file
from core_model.data.order import ImageBatches
from core_model.schema.train import TrainConfig
from core_model.training.common.clock import PhaseClock
from core_model.training.common.distributed import join_ranks
from core_model.training.gan.optimise import Optimisers
from core_model.training.gan.recipes import recipe_of
from core_model.training.gan.run import open_data
from core_model.training.gan.step import GanStep

torch.set_num_threads(1)
cfg = TrainConfig.model_validate_json(open(sys.argv[1], "rb").read())
ranks = join_ranks("cpu")
data = open_data(cfg)
recipe = recipe_of(cfg, ranks.device, data.labels(), ranks.rank)
step = GanStep(recipe, Optimisers(recipe), ranks, PhaseClock(ranks.device))
kept = {}

def keep(phase, module, optimiser, told):
    ranks.mean_gradients(module)
    kept.update({f"{phase}/{n}": p.grad.clone() for n, p in module.named_parameters() if p.grad is not None})
    optimiser.zero_grad(set_to_none=True)

step._move = keep
batches = ImageBatches(data, cfg.batch // ranks.world, cfg.seed, rank=ranks.rank, world=ranks.world, workers=0)
step.run(int(sys.argv[2]), next(batches), 0.0)
kept["w_avg"] = recipe.networks.generator.mapping.w_avg.clone()
save_file({k: v.contiguous() for k, v in kept.items()}, f"{sys.argv[3]}.{ranks.rank}")
ranks.close()
"""


QUIET = {
    "wysiwyg": [("network.noise", "off")],
    "eg3d": [("eg3d.network.noise", "off")],
    "epigraf": [("epigraf.network.noise", "off"), ("epigraf.judge.camera_drop", "0")],
    "mimic3d": [("mimic3d.network.noise", "off")],
}
"""Recipe → settings without the noise that is drawn by process instead of by image."""


def torchrun(world: int, *args: object) -> list[str]:
    """A command for `world` processes, as torchrun starts them."""
    return [
        sys.executable,
        "-m",
        "torch.distributed.run",
        "--standalone",
        f"--nproc-per-node={world}",
        *(str(a) for a in args),
    ]


def run(command: list[str]) -> None:
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr[-3000:]


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("recipe", RECIPES.names())
def test_two_ranks_have_the_gradients_of_one(tmp_path: Path, recipe: str) -> None:
    """Step 16 of the tiny schedule has every phase and loss (WYSIWYG: renders are by proposals)."""
    cfg = apply_overrides(tiny_of(recipe, tmp_path / "set", batch=8), QUIET.get(recipe, []))
    cfg = cfg.replace(discriminator=cfg.discriminator.replace(std_group=4))
    (tmp_path / "config.json").write_text(cfg.model_dump_json())
    (tmp_path / "gradients.py").write_text(_GRADIENTS)
    arguments = [tmp_path / "gradients.py", tmp_path / "config.json", 16]
    run([sys.executable, *map(str, arguments), str(tmp_path / "one")])
    run(torchrun(2, *arguments, tmp_path / "two"))
    one, two, other = (load_file(tmp_path / name) for name in ("one.0", "two.0", "two.1"))
    assert one.keys() == two.keys() and len(one) > 60
    assert {"generator", "discriminator", "r1", "w_avg"} <= {k.split("/")[0] for k in one}
    for name, gradient in one.items():
        assert torch.equal(two[name], other[name]), name
        # whole-batch means are summed in another order
        assert torch.allclose(
            gradient, two[name], rtol=2e-3, atol=2e-5 * float(gradient.abs().max()) + 1e-8
        ), name


# Trains as `triscope train` does; argument 4, where given, is a file without which rank 1 dies after four steps, once.
_TRAINER = """
import os
import sys
from pathlib import Path
import torch
from core_model.schema.train import TrainConfig
from core_model.training.gan.loop import TrainingLoop
from core_model.training.gan.run import run_training

torch.set_num_threads(1)
cfg = TrainConfig.model_validate_json(Path(sys.argv[1]).read_bytes())
if len(sys.argv) > 4 and os.environ.get("RANK") == "1" and not Path(sys.argv[4]).exists():
    real = TrainingLoop._one_step

    def step(self, batches):
        real(self, batches)
        if self.counters.step == 5:
            Path(sys.argv[4]).touch()
            os._exit(9)

    TrainingLoop._one_step = step
run_training(Path(sys.argv[2]), cfg, resume=sys.argv[3] == "resume", device="cpu")
"""


def trainer(folder: Path, cfg: TrainConfig) -> tuple[Path, Path]:
    """(script, settings) in `folder`."""
    script, settings = folder / "train.py", folder / "settings.json"
    script.write_text(_TRAINER)
    settings.write_text(cfg.model_dump_json())
    return script, settings


def record_of(out: Path) -> RunRecord:
    return RunRecord.model_validate_json((out / "run.json").read_text())


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_torchrun_trains_with_one_writer_resumes_on_two_and_on_one(tmp_path: Path) -> None:
    """12 images on two processes, 4 more on two, 4 more on one; two stretches on two are one stretch on two, bit for bit."""
    out, whole = tmp_path / "run", tmp_path / "whole"
    cfg = tiny_config(write_set(tmp_path / "set"), images=12)
    script, settings = trainer(tmp_path, cfg)
    run(torchrun(2, script, settings, out, "new"))
    record = record_of(out)
    assert (record.state, record.world_size, record.step) == ("finished", 2, 6)
    assert len((out / "stats.jsonl").read_text().splitlines()) == 2
    trainer(tmp_path, cfg.replace(images=16))
    run(torchrun(2, script, settings, out, "resume"))
    record = record_of(out)
    assert (record.state, record.world_size, record.step, record.resumes) == ("finished", 2, 8, 1)
    run(torchrun(2, script, settings, whole, "new"))
    one, two = (load_file(root / "snapshots" / f"000008{STATE_SUFFIX}") for root in (whole, out))
    assert one.keys() == two.keys() and [name for name in one if not torch.equal(one[name], two[name])] == []
    trainer(tmp_path, cfg.replace(images=20))
    run([sys.executable, str(script), str(settings), str(out), "resume"])
    record = record_of(out)
    assert (record.state, record.world_size, record.step, record.resumes) == ("finished", 1, 10, 2)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_elastic_restart_goes_on_from_the_newest_state(tmp_path: Path) -> None:
    """One of two processes dies at step 5; torchrun starts both again with the same command, and the run ends as if nothing had been."""
    cfg = tiny_config(write_set(tmp_path / "set"), images=20)
    cfg = cfg.replace(output=cfg.output.replace(tick_images=4, snapshot_ticks=1))
    script, settings = trainer(tmp_path, cfg)
    out, whole = tmp_path / "run", tmp_path / "whole"
    command = torchrun(2, "--max-restarts=1", script, settings, out, "new", tmp_path / "died")
    run(command)
    record = record_of(out)
    assert (tmp_path / "died").exists() and (record.state, record.step, record.resumes) == ("finished", 10, 1)
    assert "resumes from step 4" in (out / "log.txt").read_text()
    run(torchrun(2, script, settings, whole, "new"))
    one, two = (load_file(root / "snapshots" / f"000010{STATE_SUFFIX}") for root in (whole, out))
    assert [name for name in one if not torch.equal(one[name], two[name])] == []
    assert [t["step"] for t in map(json.loads, (out / "stats.jsonl").read_text().splitlines())] == [
        2,
        4,
        6,
        8,
        10,
    ]


def test_flat_pieces_keep_gradients_apart() -> None:
    from core_model.training.common.distributed import pieces

    gradients: list[torch.Tensor | None] = [torch.ones(5), torch.ones(3), torch.ones(9)]
    assert [[g.numel() for g in piece] for piece in pieces(gradients, most=8)] == [[5, 3], [9]]
