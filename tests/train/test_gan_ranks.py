"""Many processes on gloo: the gradients of 2 ranks × b are those of 1 rank × 2b, and the records have one writer."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from core_model.schema.run import RunRecord, TickRecord
from core_model.training.gan.run_directory import STATE_SUFFIX, saved_config
from tests.house.sources import ROOT
from tests.train.gan_data import tiny_config, write_set

# One discriminator and one generator backward pass of a whole batch; every process saves what it then holds.
_GRADIENTS = """
import sys
import torch
from safetensors.torch import save_file
from core_model.data.order import ImageBatches
from core_model.schema.train import TrainConfig
from core_model.training.gan.clock import PhaseClock
from core_model.training.gan.distributed import join_ranks
from core_model.training.gan.networks import build_networks
from core_model.training.gan.optimise import Optimisers
from core_model.training.gan.run import open_data
from core_model.training.gan.step import GanStep

torch.set_num_threads(1)
cfg = TrainConfig.model_validate_json(open(sys.argv[1], "rb").read())
ranks = join_ranks("cpu")
data = open_data(cfg)
networks = build_networks(cfg, ranks.device)
step = GanStep(networks, Optimisers(networks, cfg), cfg, ranks, data.labels(), PhaseClock(ranks.device))
kept = {}

def keep(phase, module, optimiser, scalars, bad):
    ranks.mean_gradients(module)
    kept.update({f"{phase}/{n}": p.grad.clone() for n, p in module.named_parameters() if p.grad is not None})
    optimiser.zero_grad(set_to_none=True)

step._move = keep
batches = ImageBatches(data, cfg.batch // ranks.world, cfg.seed, rank=ranks.rank, world=ranks.world, workers=0)
step.run(int(sys.argv[2]), next(batches), 0.0)
kept["w_avg"] = networks.generator.mapping.w_avg.clone()
save_file({k: v.contiguous() for k, v in kept.items()}, f"{sys.argv[3]}.{ranks.rank}")
ranks.close()
"""


def torchrun(world: int, *args: object) -> list[str]:
    """A command for `world` processes, as torchrun starts them."""
    return [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={world}", *(str(a) for a in args)]


def run(command: list[str]) -> None:
    done = subprocess.run(
        command, cwd=ROOT, env=os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 0, done.stderr[-3000:]


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_two_ranks_have_the_gradients_of_one(tmp_path: Path) -> None:
    """Step 16 of the tiny schedule has every loss: adversarial, surface, decision, sampler, R1; renders are by proposals."""
    cfg = tiny_config(write_set(tmp_path / "set"), batch=8)
    cfg = cfg.replace(network=cfg.network.replace(noise=False), discriminator=cfg.discriminator.replace(std_group=4))
    (tmp_path / "config.json").write_text(cfg.model_dump_json())
    (tmp_path / "gradients.py").write_text(_GRADIENTS)
    arguments = [tmp_path / "gradients.py", tmp_path / "config.json", 16]
    run([sys.executable, *map(str, arguments), str(tmp_path / "one")])
    run(torchrun(2, *arguments, tmp_path / "two"))
    one, two, other = (load_file(tmp_path / name) for name in ("one.0", "two.0", "two.1"))
    assert one.keys() == two.keys() and len(one) > 60
    assert {k.split("/")[0] for k in one} == {"generator", "discriminator", "r1", "w_avg"}
    for name, gradient in one.items():
        assert torch.equal(two[name], other[name]), name
        # whole-batch means are summed in another order
        assert torch.allclose(gradient, two[name], rtol=2e-3, atol=2e-5 * float(gradient.abs().max()) + 1e-8), name


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_torchrun_trains_with_one_writer_and_resumes_on_one(tmp_path: Path) -> None:
    out, data = tmp_path / "run", write_set(tmp_path / "set")
    cfg = tiny_config(data, images=12)
    script = tmp_path / "train.py"
    script.write_text(
        "import sys\nfrom pathlib import Path\nfrom core_model.schema.train import TrainConfig\n"
        "from core_model.training.gan.run import run_training\n"
        "cfg = TrainConfig.model_validate_json(Path(sys.argv[1]).read_bytes())\n"
        "run_training(Path(sys.argv[2]), cfg, resume=sys.argv[3] == 'resume', device='cpu')\n"
    )
    settings = tmp_path / "settings.json"
    settings.write_text(cfg.model_dump_json())
    run(torchrun(2, script, settings, out, "new"))
    record = RunRecord.model_validate_json((out / "run.json").read_text())
    assert (record.state, record.world_size, record.step) == ("finished", 2, 6)
    assert len((out / "stats.jsonl").read_text().splitlines()) == 2
    settings.write_text(cfg.replace(images=16).model_dump_json())
    run([sys.executable, str(script), str(settings), str(out), "resume"])
    record = RunRecord.model_validate_json((out / "run.json").read_text())
    assert (record.state, record.world_size, record.step, record.resumes) == ("finished", 1, 8, 1)


TRIALS = int(os.environ.get("TRISCOPE_KILL_TRIALS", "50"))


@pytest.mark.nightly
@pytest.mark.timeout(7200)
def test_kill_at_random_times_never_spoils_a_run(tmp_path: Path) -> None:
    """SIGKILL at random times of starting, training and saving; each time every file is readable and the run goes on where it was."""
    data, out = write_set(tmp_path / "set"), tmp_path / "run"
    cfg = tiny_config(data, images=1_000_000)
    cfg = cfg.replace(output=cfg.output.replace(tick_images=2, snapshot_ticks=1))
    settings, script = tmp_path / "settings.json", tmp_path / "train.py"
    settings.write_text(cfg.model_dump_json())
    script.write_text(
        "import sys\nfrom pathlib import Path\nfrom core_model.schema.train import TrainConfig\n"
        "from core_model.training.gan.run import run_training\n"
        "cfg = TrainConfig.model_validate_json(Path(sys.argv[1]).read_bytes())\n"
        "run_training(Path(sys.argv[2]), cfg, resume=(Path(sys.argv[2]) / 'config.json').exists(), device='cpu')\n"
    )
    command = [sys.executable, str(script), str(settings), str(out)]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    step, starting = first_state(command, environment, out)
    checked, advances, rng = set[str](), 0, torch.Generator().manual_seed(0)
    for _ in range(TRIALS - 1):
        process = subprocess.Popen(command, cwd=ROOT, env=environment)
        # from half a start to two: some die while they load, most while they train and save without pause
        time.sleep(starting * (0.5 + 1.5 * float(torch.rand(1, generator=rng))))
        process.send_signal(signal.SIGKILL)
        process.wait()
        newest = readable(out, checked)
        assert newest >= step
        advances += newest > step
        step = newest
    assert advances > (TRIALS - 1) // 4
    settings.write_text(cfg.replace(images=cfg.batch * (step + 3)).model_dump_json())
    run(command)
    record = RunRecord.model_validate_json((out / "run.json").read_text())
    assert (record.state, record.step) == ("finished", step + 3) and not list(out.glob("**/.*.part"))


def first_state(command: list[str], environment: dict[str, str], out: Path) -> tuple[int, float]:
    """Start, kill at the first saved state; (its step, seconds until then)."""
    started = time.monotonic()
    process = subprocess.Popen(command, cwd=ROOT, env=environment)
    try:
        while not list((out / "snapshots").glob(f"[0-9]*{STATE_SUFFIX}")):
            assert process.poll() is None and time.monotonic() - started < 300
            time.sleep(0.05)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    return readable(out, set()), time.monotonic() - started


def readable(out: Path, checked: set[str]) -> int:
    """The newest saved step, after reading the record, the settings and every file that `checked` does not name yet."""
    RunRecord.model_validate_json((out / "run.json").read_text())
    assert saved_config(out).preset == "smoke"
    *whole, _ = (out / "stats.jsonl").read_text().split("\n")  # a last line that the kill cut is dropped by the next start
    for line in whole:
        TickRecord.model_validate_json(line)
    for path in (out / "snapshots").glob("[0-9]*.safetensors"):
        if path.name not in checked:
            assert load_file(path)
            checked.add(path.name)
    return max(int(p.name.split(".")[0]) for p in (out / "snapshots").glob(f"[0-9]*{STATE_SUFFIX}"))


def test_flat_pieces_keep_gradients_apart() -> None:
    from core_model.training.gan import distributed

    gradients: list[torch.Tensor | None] = [torch.ones(5), torch.ones(3), torch.ones(9)]
    before, distributed._PIECE_VALUES = distributed._PIECE_VALUES, 8
    try:
        assert [[g.numel() for g in piece] for piece in distributed._pieces(gradients)] == [[5, 3], [9]]
    finally:
        distributed._PIECE_VALUES = before
