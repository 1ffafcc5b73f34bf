"""`triscope train --dry-run`: a chart, a forecast, and no training; the ablations and options that no other test turns on."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from PIL import Image

from core_model.schema.train_presets import PRESETS
from core_model.training.gan.forecast import forecast
from tests.cli.command import triscope
from tests.train.gan_data import tiny_config, write_set


def test_dry_run_draws_and_forecasts(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    out = tmp_path / "dry"
    done = triscope(capsys, "train", "--preset", "smoke", "--out", out, "--dry-run", "--images=1M", "--device=cpu")
    assert done.status == 0, done.err
    for word in ("Rendering resolution", "R1 gamma", "B_target", "1,000,000 images", "parameters", "GiB", "hours", "within a factor"):
        assert word in done.out, word
    with Image.open(out / "schedule.png") as chart:
        assert chart.width > 1000 and len(set(chart.convert("L").resize((64, 64)).tobytes())) > 3
    assert sorted(p.name for p in out.iterdir()) == ["schedule.png"]


def test_mistakes_end_with_status_2(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    for args, said in (
        (("--preset", "smok", "--dry-run"), "smoke"),
        (("--preset", "smoke", "--optim.generatr_lr=1", "--dry-run"), "optim.generator_lr"),
        (("--preset", "smoke", "--out", tmp_path / "r"), "data"),
        (("--preset", "smoke", "--data", tmp_path / "none.zip", "--out", tmp_path / "r"), "none.zip"),
        (("--resume", "--out", tmp_path / "r"), "nothing to resume"),
        (("--preset", "smoke", "--device", "tpu", "--dry-run"), "device"),
    ):
        done = triscope(capsys, "train", *args)
        assert done.status == 2 and said in done.line
    assert not (tmp_path / "r").exists()


def test_forecast_follows_the_schedule() -> None:
    cfg = PRESETS.get("ffhq512")
    made = forecast(cfg, torch.device("cpu"), world=16)
    assert sum(made.generator.values()) > 30e6 and made.discriminator > 28e6
    by_size = {s.values.resolution: s for s in made.stages if not s.values.propose}
    assert by_size[128].gflop > 2 * by_size[64].gflop
    proposed = next(s for s in made.stages if s.values.propose and s.values.resolution == 128)
    trained = next(s for s in made.stages if s.values.propose and s.values.resolution == 512)
    assert trained.gflop > proposed.gflop and made.memory_gib < 200
    assert made.seconds == pytest.approx(sum(s.seconds for s in made.stages))


@pytest.mark.slow
@pytest.mark.parametrize("change", ["no sampler", "unstratified", "dual", "bf16", "recompute", "micro", "no labels"])
def test_options_train(change: str, tmp_path: Path) -> None:
    from core_model.training.gan.run import run_training

    cfg = tiny_config(write_set(tmp_path / "set"), images=6)
    s = cfg.schedule
    cfg = cfg.replace(schedule=s.replace(supervise=1, propose=1, resolution=12))
    changed = {
        "no sampler": lambda: cfg.replace(render=cfg.render.replace(sampler=False), loss=cfg.loss.replace(surface=0)),
        "unstratified": lambda: cfg.replace(render=cfg.render.replace(stratified=False, robust=False)),
        "dual": lambda: cfg.replace(discriminator=cfg.discriminator.replace(dual=True, pose_noise=0.5)),
        "bf16": lambda: cfg.replace(optim=cfg.optim.replace(precision="bf16")),
        "recompute": lambda: cfg.replace(render=cfg.render.replace(checkpoint_rays=50)),
        "micro": lambda: cfg.replace(microbatch=1),
        "no labels": lambda: cfg.replace(data=cfg.data.replace(labels=False), network=cfg.network.replace(c_dim=0)),
    }[change]()
    assert run_training(tmp_path / "run", changed, device="cpu") == "finished"
    log = (tmp_path / "run" / "log.txt").read_text()
    assert "moved nothing" not in log and (tmp_path / "run" / "snapshots" / "000003.safetensors").is_file()
