"""`triscope train` end to end on the CPU: run directory, exact resume, snapshots, requests, bad gradients."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from core_model.checkpoints.layout import read_header
from core_model.schema.errors import InputError
from core_model.schema.render import RenderRequest
from core_model.schema.run import ControlRequest, RunRecord, TickRecord
from core_model.schema.sampler import SamplerSpec
from core_model.schema.train import TrainConfig
from core_model.session import RenderSession
from core_model.training.common.run_directory import saved_config
from core_model.training.gan import loop as loop_module
from core_model.training.gan import step as step_module
from core_model.training.gan.loop import TrainingFailed
from core_model.training.gan.run import resumed_config, run_training
from tests.train.gan_data import tiny_config, write_set


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_set(tmp_path_factory.mktemp("gan") / "set with space")


@pytest.fixture(scope="module")
def finished(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of 20 steps in one go, with augmentation."""
    out = tmp_path_factory.mktemp("gan") / "run"
    cfg = tiny_config(data)
    run_training(out, cfg.replace(augment=cfg.augment.replace(mode="ada", p=0.3, interval=2)), device="cpu")
    return out


def record_of(run: Path) -> RunRecord:
    return RunRecord.model_validate_json((run / "run.json").read_text())


def state_at(run: Path, step: int) -> dict[str, torch.Tensor]:
    return load_file(run / "snapshots" / f"{step:06d}.state.safetensors")


def ticks(run: Path) -> list[TickRecord]:
    return [TickRecord.model_validate_json(line) for line in (run / "stats.jsonl").read_text().splitlines()]


def test_run_directory_is_complete(finished: Path, data: Path) -> None:
    record = record_of(finished)
    assert record.state == "finished" and (record.step, record.images) == (20, 40)
    assert (
        record.last_snapshot == "snapshots/000020.safetensors" and (finished / record.last_snapshot).is_file()
    )
    assert saved_config(finished, TrainConfig).data.path == str(data)
    lines = ticks(finished)
    assert [t.images for t in lines] == [10, 20, 30, 40] and record.last_tick == lines[-1]
    assert {"loss/G", "loss/D", "r1", "sampler", "surface", "decision", "sign/real", "beta"} <= set(
        lines[2].losses
    )
    assert lines[-1].schedule["resolution"] == 16 and all(t.speed["images_s"] > 0 for t in lines)
    assert all(math.isfinite(v) for t in lines for v in t.losses.values())
    assert sorted(p.name for p in (finished / "images").iterdir()) == [
        "fakes000000.png",
        "fakes000010.png",
        "fakes000020.png",
        "reals.png",
    ]
    assert "finished" in (finished / "log.txt").read_text()
    assert not list(finished.glob("**/*.part"))


def test_twenty_steps_are_ten_and_ten(finished: Path, data: Path, tmp_path: Path) -> None:
    """Bit for bit: networks, average, both Adams, p of the augmentation."""
    out = tmp_path / "run"
    cfg = saved_config(finished, TrainConfig).replace(images=20)
    run_training(out, cfg, device="cpu")
    assert record_of(out).step == 10
    run_training(out, resumed_config(out, [("images", "40")]), resume=True, device="cpu")
    whole, halves = state_at(finished, 20), state_at(out, 20)
    assert whole.keys() == halves.keys() and len(whole) > 100
    assert [k for k in whole if not torch.equal(whole[k], halves[k])] == []
    assert [t.images for t in ticks(out)] == [10, 20, 30, 40]
    assert ticks(out)[-1].augment_p == ticks(finished)[-1].augment_p and record_of(out).resumes == 1


def test_snapshots_open_and_render(finished: Path) -> None:
    session = RenderSession(threads=1)
    early, late = (str(finished / "snapshots" / f"{n:06d}.safetensors") for n in (10, 20))
    # an untrained proposal network would place samples anywhere: it is left out until training renders with it
    assert not session.open(early).has_proposal and session.open(late).has_proposal
    for path, sampler in ((early, "importance"), (late, "learned")):
        request = RenderRequest(
            checkpoint=path,
            width=16,
            height=16,
            channels=("rgb", "samples"),
            sampler=SamplerSpec(name=sampler),
        )
        frame = session.render(request)
        assert frame.result.error is None and frame.arrays["rgb"].shape == (3, 16, 16)
    header = read_header(late).header
    # the blur of its proposals' target, which the ray panel draws; without proposals there is none
    assert header.target_blur == 0.8 and read_header(early).header.target_blur is None
    assert header.provenance.images_seen == 40 and header.provenance.ema and header.camera.law == "labels"
    assert "--preset smoke" in header.provenance.command and str(finished) not in header.provenance.command


def test_the_newest_readable_state_wins(finished: Path, tmp_path: Path) -> None:
    import shutil

    out = tmp_path / "run"
    shutil.copytree(finished, out)
    newest = out / "snapshots" / "000020.state.safetensors"
    newest.write_bytes(newest.read_bytes()[:-1000])
    (out / "snapshots" / ".000021.state.safetensors.7.part").write_bytes(b"half")
    (out / "run.json").write_text("{")
    with (out / "stats.jsonl").open("a") as file:
        file.write('{"step": 2')
    run_training(out, resumed_config(out, []), resume=True, device="cpu")
    whole, again = state_at(finished, 20), state_at(out, 20)
    assert all(torch.equal(whole[k], again[k]) for k in whole)
    assert [t.step for t in ticks(out)] == [5, 10, 15, 20]
    assert "passed over" in (out / "log.txt").read_text() and not list(out.glob("**/.*.part"))


def test_requests_stop_snapshot_and_pause(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "run"
    asked = {2: "snapshot", 4: "pause", 6: "stop"}
    real = step_module.GanStep.run

    def step(self: step_module.GanStep, done: int, *rest: Any) -> step_module.StepReport:
        report = real(self, done, *rest)
        if action := asked.get(done + 1):
            request = ControlRequest.model_validate({"id": f"r{done + 1}", "action": action})
            (out / "control.json").write_text(request.model_dump_json())
        return report

    def wake(_: float) -> None:  # the pause is over as soon as it is waited for
        assert record_of(out).state == "paused"
        (out / "control.json").write_text('{"id": "go", "action": "continue"}')

    monkeypatch.setattr(step_module.GanStep, "run", step)
    monkeypatch.setattr(loop_module.time, "sleep", wake)
    assert run_training(out, tiny_config(data), device="cpu") == "stopped"
    record = record_of(out)
    assert record.state == "stopped" and record.step == 6 and record.last_control == "r6"
    assert (out / "snapshots" / "000002.safetensors").is_file() and (
        out / "snapshots" / "000006.state.safetensors"
    ).is_file()
    monkeypatch.undo()
    (out / "control.json").write_text("no request")
    assert run_training(out, resumed_config(out, [("images", "16")]), resume=True, device="cpu") == "finished"
    assert "passed over" in (out / "log.txt").read_text()


def test_bad_gradients_are_reported_and_move_nothing(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = step_module.generator_loss
    monkeypatch.setattr(step_module, "generator_loss", lambda logits: real(logits) * math.nan)
    out = tmp_path / "run"
    cfg = tiny_config(data)
    with pytest.raises(TrainingFailed, match="3 steps in a row"):
        run_training(out, cfg.replace(optim=cfg.optim.replace(max_bad_steps=3)), device="cpu")
    record = record_of(out)
    assert record.state == "failed" and "NaN" in record.error
    log = (out / "log.txt").read_text()
    assert "generator moved nothing" in log and "mapping" in log and "Traceback" in log


def test_wrong_input_is_one_clear_line(finished: Path, data: Path, tmp_path: Path) -> None:
    cfg = tiny_config(data)
    with pytest.raises(InputError, match="in use"):
        run_training(finished, cfg, device="cpu")
    with pytest.raises(InputError, match="nothing to resume"):
        resumed_config(tmp_path / "none", [])
    with pytest.raises(InputError, match="cannot change"):
        resumed_config(finished, [("batch", "4")])
    with pytest.raises(InputError, match="no data set"):
        run_training(tmp_path / "a", cfg.replace(data=cfg.data.replace(path="")), device="cpu")
    with pytest.raises(InputError):
        run_training(
            tmp_path / "b", cfg.replace(data=cfg.data.replace(path=str(tmp_path / "none.zip"))), device="cpu"
        )
    with pytest.raises(InputError, match="device"):
        run_training(tmp_path / "c", cfg, device="tpu")
    assert not (tmp_path / "a").exists() and not (tmp_path / "b").exists()
    config = finished / "config.json"
    broken = json.loads(config.read_text())
    broken["optim"]["genrator_lr"] = 1
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "config.json").write_text(json.dumps(broken))
    with pytest.raises(InputError, match="generator_lr"):
        resumed_config(tmp_path / "d", [])


def test_fine_tuning_starts_from_weights(finished: Path, data: Path, tmp_path: Path) -> None:
    for source in ("000020.safetensors", "000020.state.safetensors"):
        out = tmp_path / source
        cfg = tiny_config(data, images=2, start_from=str(finished / "snapshots" / source))
        run_training(out, cfg, device="cpu")
        before, after = state_at(finished, 20), state_at(out, 1)
        name = "average/sdf_mlp.fc0.weight"
        assert float((before[name] - after[name]).abs().max()) < 0.01
        judge = "discriminator/from_image.weight"
        moved = float((before[judge] - after[judge]).abs().max())
        assert (moved < 0.01) == source.endswith("state.safetensors")
