"""`triscope fit`: truth is a function of the seed, losses have gradients, a resumed run is the same run."""

from __future__ import annotations

import json
from contextlib import nullcontext
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from core_model.checkpoints.layout import read_header
from core_model.checkpoints.store import load_tensors
from core_model.cli import fit as cli
from core_model.data import heads
from core_model.schema.errors import InputError
from core_model.schema.fit import FitConfig
from core_model.schema.render import RenderRequest
from core_model.schema.run import ControlRequest, MetricRecord, TickRecord
from core_model.schema.settings import text_of
from core_model.session import RenderSession
from core_model.training.common import control
from core_model.training.common.run_directory import saved_config, saved_record, write_atomic
from core_model.training.fit.pool import TruthPool, available
from core_model.training.fit.run import export_checkpoint, run_fit
from core_model.training.fit.truth import TruthSpec, head_of_z, head_points, head_truth
from viewer.jobs.command import resume_arguments
from viewer.runs.facts import facts, settings
from viewer.runs.reader import RunReader

TINY = FitConfig(
    mapping_steps=20,
    mapping_batch=16,
    preset="tiny-heads",
    coarse_steps=2,
    coarse_size=8,
    coarse_heads=2,
    coarse_points=64,
    base_steps=1,
    steps=4,
    image_start=3,
    proposal_steps=4,
    heads=2,
    points=80,
    rays=8,
    pool=20,
    pool_start=4,
    stored_points=256,
    ray_pool=2,
    ray_points=256,
    stored_rays=16,
    workers=0,
    proposal_patch=8,
    save_every=100,
    tick_steps=10,
    grid=(2, 1),
    grid_size=16,
)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("fit") / "run"
    run_fit(out, TINY)
    return out


def steps_told(out: Path) -> list[int]:
    """Steps of the lines of stats.jsonl."""
    return [json.loads(line)["step"] for line in (out / "stats.jsonl").read_text().splitlines()]


def test_truth_depends_on_the_seed_alone() -> None:
    spec = TruthSpec(64, 256, 16, 0.5, 32)
    a, b = head_truth(3, spec), head_truth(3, spec)
    assert all(torch.equal(a[k], b[k]) for k in a)
    assert not torch.equal(a["sdf"], head_truth(4, spec)["sdf"])
    known = heads.head_sdf(head_of_z(a["z"][None]), a["points"][None])[0]
    assert torch.allclose(known, a["sdf"], atol=1e-5)
    near = a["sdf"][: len(a["colours"])].abs()
    assert float((near < 0.02).float().mean()) > 0.7  # points are spent at the surface
    on = a["origins"][a["hit"]] + a["dirs"][a["hit"]] * a["t"][a["hit"], None]
    assert float(heads.head_sdf(head_of_z(a["z"][None]), on[None]).abs().max()) < 1e-3


def test_points_of_many_heads_are_those_of_each_head() -> None:
    many, one = head_points([3, 8], 64, 200, 0.5), head_points([8], 64, 200, 0.5)
    assert all(torch.allclose(many[k][1], one[k][0], atol=1e-5) for k in one)
    assert many["points"].shape == (2, 200, 3) and many["colours"].shape == (2, 80, 3)
    known = heads.head_sdf(head_of_z(many["z"]), many["points"])
    assert torch.allclose(known, many["sdf"], atol=1e-5)
    distance = many["sdf"].abs()
    assert float((distance[:, :160] < 0.04).float().mean()) > 0.9  # on, beside and near the surface
    assert float(distance[:, 160:].mean()) > 0.1  # and anywhere


def test_the_pool_grows_by_step_and_fills_itself(tmp_path: Path) -> None:
    cfg = TINY.replace(pool=40, pool_start=5, pool_growth=2.0, workers=1)
    assert [available(step, cfg) for step in (0, 3, 100)] == [5, 11, 40]
    pool = TruthPool(tmp_path / "truth", TruthSpec(64, 256, 16, 0.5, 32), cfg)
    try:
        pool.want(5)
        assert torch.equal(pool.head(17)["z"], head_points([17], 64, 256, 0.5)["z"][0])
        assert "t" in pool.head_with_rays(1)
    finally:
        pool.close()


def test_the_same_settings_give_the_same_weights(finished: Path, tmp_path: Path) -> None:
    again = tmp_path / "again"
    run_fit(again, TINY)
    one, two = (
        load_tensors(finished / "checkpoint.safetensors"),
        load_tensors(again / "checkpoint.safetensors"),
    )
    assert all(torch.equal(one[k], two[k]) for k in one)


@pytest.mark.parametrize("stop", [5, 23, 26])
def test_stop_and_resume_in_every_stage(
    finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stop: int
) -> None:
    """Asked to stop after `stop` of 28 steps (20 of the mapping, 4 of the generator, 4 of the proposal network)."""
    from core_model.training.fit import run as module

    calls = {"n": 0}

    def stop_later() -> bool:
        calls["n"] += 1
        return calls["n"] > stop

    monkeypatch.setattr(module, "stop_flag", lambda: nullcontext(stop_later))
    out = tmp_path / "run"
    run_fit(out, TINY)
    stopped = saved_record(out)
    assert stopped is not None and (stopped.state, stopped.last_tick and stopped.last_tick.step) == (
        "stopped",
        stop,
    )
    monkeypatch.undo()
    run_fit(out, TINY, resume=True)
    one, two = load_tensors(finished / "checkpoint.safetensors"), load_tensors(out / "checkpoint.safetensors")
    assert all(torch.equal(one[k], two[k]) for k in one)
    told = steps_told(out)
    assert told == sorted(set(told)) and told[-1] == 28  # what a restart repeats is told once
    resumed = saved_record(out)
    assert resumed is not None and (resumed.state, resumed.resumes, resumed.id) == ("finished", 1, stopped.id)


def test_a_fit_leaves_the_run_directory_of_every_training(finished: Path) -> None:
    """config, record, ticks, evaluations, log, pictures, snapshots and events, in the form that window and monitor read."""
    record = saved_record(finished)
    assert record is not None and (record.kind, record.state, record.preset) == (
        "fit",
        "finished",
        "tiny-heads",
    )
    assert saved_config(finished, FitConfig) == TINY
    ticks = [
        TickRecord.model_validate_json(line) for line in (finished / "stats.jsonl").read_text().splitlines()
    ]
    assert [t.step for t in ticks] == [10, 20, 24, 28]
    assert [t.stage for t in ticks] == ["mapping", "mapping", "generator", "proposal"]
    assert "unexplained" in ticks[0].losses and {"loss/sdf", "loss/all"} <= set(ticks[2].losses)
    assert ticks[2].schedule["heads_known"] == 8 and set(ticks[3].schedule) == {"lr"}
    # heads shown: 2 steps of 2 small ones, 2 of 2 large ones, 4 of the proposal network
    assert [t.images for t in ticks] == [0, 0, 8, 12] == [*(t.images for t in ticks[:3]), record.images_total]
    scores = [
        MetricRecord.model_validate_json(line)
        for line in (finished / "metrics.jsonl").read_text().splitlines()
    ]
    assert [m.step for m in scores] == [24, 28] and all(0 < m.scores["mse"] < 1 for m in scores)
    assert record.best["mse"] == min(m.scores["mse"] for m in scores)
    snapshots = sorted(p.name for p in (finished / "snapshots").iterdir())
    assert snapshots == ["000024.safetensors", "000028.safetensors"]
    early, late = (read_header(finished / "snapshots" / name) for name in snapshots)
    assert early.header.config["proposal_channels"] == 0 and late.header.config["proposal_channels"] > 0
    last, final = (load_tensors(finished / name) for name in (record.last_snapshot, "checkpoint.safetensors"))
    assert all(torch.equal(last[k], final[k]) for k in final)
    assert sorted(p.name for p in (finished / "images").iterdir()) == [
        "fakes000024.png",
        "fakes000028.png",
        "reals.png",
    ]
    assert "finished at step 28" in (finished / "log.txt").read_text()
    assert list((finished / "tensorboard").iterdir())


def test_window_and_monitor_read_a_fit_as_they_read_a_training(finished: Path) -> None:
    """Progress, curves by name, a mark where a stage begins, evaluations, pictures and snapshots; a resume is a `fit` again."""
    reader = RunReader(finished)
    while reader.poll():
        pass
    assert reader.state == "done" and (reader.images_done(), reader.images_total()) == (12.0, 12.0)
    assert {"unexplained", "loss/sdf", "schedule/plane_size", "speed/step_ms", "mse"} <= set(reader.names())
    assert [mark.text for mark in reader.marks()] == ["generator", "proposal"]
    assert [s.path.name for s in reader.listing.snapshots] == ["000024.safetensors", "000028.safetensors"]
    assert reader.listing.picture_count == 3
    told = dict(row for _, rows in facts(reader) for row in rows)
    assert told["Preset"] == "tiny-heads" and told["Step"] == "28"
    assert settings(reader)["steps"] == "4"
    assert resume_arguments(finished, saved_record(finished).kind)[0] == "fit"  # pyright: ignore[reportOptionalMemberAccess]


def test_a_fit_does_what_control_json_asks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Snapshot, pause and continue, stop: written by somebody else between two steps, answered in run.json."""
    from core_model.training.fit.generator_stage import GeneratorStage

    out, real = tmp_path / "run", GeneratorStage.advance
    asked = {1: "snapshot", 2: "pause", 3: "stop"}
    states: list[str] = []

    def ask(number: int, action: str) -> None:
        request = ControlRequest.model_validate({"id": f"r{number}", "action": action})
        write_atomic(out / "control.json", request.model_dump_json().encode())

    def advance(self: GeneratorStage) -> dict[str, float]:
        losses = real(self)
        ask(self.step, asked[self.step])
        return losses

    def wake(_: float) -> None:
        record = saved_record(out)
        assert record is not None
        states.append(record.state)
        ask(9, "continue")

    monkeypatch.setattr(GeneratorStage, "advance", advance)
    monkeypatch.setattr(control.time, "sleep", wake)
    run_fit(out, TINY)
    record = saved_record(out)
    assert record is not None and (record.state, record.last_control) == ("stopped", "r3")
    assert states == ["paused"]
    assert sorted(p.stem for p in (out / "snapshots").iterdir()) == ["000021", "000022", "000023"]


def test_a_run_of_an_earlier_version_goes_on(finished: Path, tmp_path: Path) -> None:
    """It has no record, ticks of its own form, and settings without those of the run directory."""
    import shutil

    out = tmp_path / "run"
    out.mkdir()
    shutil.copy(finished / "state.safetensors", out)
    old = TINY.model_dump(exclude={"tick_steps", "snapshot_steps", "grid", "grid_size", "tensorboard"})
    (out / "config.json").write_text(json.dumps(old))
    (out / "stats.jsonl").write_text('{"stage": "generator", "step": 4, "seconds": 1.0, "loss": 2.0}\n')
    run_fit(out, TINY, resume=True)
    one, two = load_tensors(finished / "checkpoint.safetensors"), load_tensors(out / "checkpoint.safetensors")
    assert all(torch.equal(one[k], two[k]) for k in one)
    assert steps_told(out) == [28] and "seconds" in (out / "stats-before.jsonl").read_text()


def test_checkpoint_opens_and_renders(finished: Path) -> None:
    session = RenderSession(threads=1)
    path = str(finished / "checkpoint.safetensors")
    info = session.open(path)
    assert info.family == "wysiwyg" and info.has_proposal
    frame = session.render(RenderRequest(checkpoint=path, width=24, height=24, channels=("rgb", "samples")))
    assert frame.result.error is None
    assert frame.arrays["rgb"].shape == (3, 24, 24)


def test_export_carries_scores_and_card(finished: Path, tmp_path: Path) -> None:
    target = tmp_path / "demo.safetensors"
    export_checkpoint(finished / "checkpoint.safetensors", target, finished, {"seeds": 2.0, "psnr_db": 12.5})
    assert read_header(target).header.provenance.scores["psnr_db"] == 12.5
    assert read_header(target).header.target_blur == TINY.blur_bins == 0.7
    card = target.with_suffix(".md").read_text()
    assert "12.50" in card and "triscope fit" in card and "--preset tiny-heads" in card


def test_proposal_network_can_start_from_another_checkpoint(finished: Path, tmp_path: Path) -> None:
    given = finished / "checkpoint.safetensors"
    run_fit(tmp_path / "run", TINY.replace(proposal_steps=0, proposal_init=str(given)))
    one, two = load_tensors(given), load_tensors(tmp_path / "run" / "checkpoint.safetensors")
    assert all(torch.equal(one[k], two[k]) for k in one if k.startswith("proposal."))
    with pytest.raises(InputError, match="another shape"):
        run_fit(tmp_path / "other", TINY.replace(proposal_init="assets/demo.safetensors"))


def test_used_folder_and_missing_run_are_refused(finished: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="in use"):
        run_fit(finished, TINY)
    with pytest.raises(InputError, match="nothing to resume"):
        run_fit(tmp_path / "none", TINY, resume=True)
    with pytest.raises(InputError, match="unknown preset"):
        run_fit(tmp_path / "new", TINY.replace(preset="nope"))


def test_damaged_state_is_one_clear_line(finished: Path, tmp_path: Path) -> None:
    import shutil

    out = tmp_path / "run"
    shutil.copytree(finished, out)
    (out / "state.safetensors").write_bytes(b"not a state")
    with pytest.raises(InputError, match="resume state"):
        run_fit(out, TINY, resume=True)


def test_two_processes_fit_what_one_does(tmp_path: Path) -> None:
    """The command shares every step's heads; which heads, points, rays and latents per step sees does not depend on how many share them."""
    made = []
    for processes in ("1", "2"):
        out = tmp_path / processes
        values = {k: v for k, v in TINY.model_dump().items() if v != getattr(FitConfig(), k)}
        options = [f"--{k.replace('_', '-')}={text_of(v)}" for k, v in values.items()]
        cli.main([*options, "--out", str(out), "--processes", processes])
        made.append(load_tensors(out / "checkpoint.safetensors"))
        assert steps_told(out) == [10, 20, 24, 28]  # one writer
    one, two = made
    assert all(torch.allclose(one[k].float(), two[k].float(), rtol=1e-3, atol=1e-4) for k in one)
    assert any(not torch.equal(one[k], two[k]) for k in one)  # sums in another order: it was shared


def test_w_is_held_readable_while_the_generator_learns(finished: Path) -> None:
    """The state keeps the readout of stage zero; without the weight there is none, and states of earlier versions have none either."""
    stored = load_file(finished / "state.safetensors")
    assert stored["readout/weight"].shape == (94, 16) and stored["readout/bias"].shape == (94,)
