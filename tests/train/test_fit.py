"""`triscope fit`: truth is a function of the seed, losses have gradients, a resumed run is the same run."""

from __future__ import annotations

import errno
import json
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from core_model.checkpoints.layout import read_header
from core_model.checkpoints.store import load_tensors
from core_model.cli import fit as cli
from core_model.data.headpack.assembly import assemble
from core_model.data.headpack.truth import HALF_THICKNESS, HeadTruth
from core_model.fields.triplane import sample_planes
from core_model.schema.errors import InputError
from core_model.schema.fit import FitConfig
from core_model.schema.render import RenderRequest
from core_model.schema.run import ControlRequest, MetricRecord, TickRecord
from core_model.schema.settings import text_of
from core_model.session import RenderSession
from core_model.training.common import control
from core_model.training.common.run_directory import saved_config, saved_record, write_atomic
from core_model.training.fit import pool
from core_model.training.fit.latent import head_of_z, latent_z
from core_model.training.fit.objective import view_losses
from core_model.training.fit.pool import TruthPool, available
from core_model.training.fit.run import export_checkpoint, heads_conventions, run_fit
from core_model.training.fit.truth import MISS, TruthSpec, head_truth
from core_model.training.fit.views import CHANNELS, features_at, taught_planes
from tests.small_disk import fill, small_disk
from tests.train.balls import ball_truth
from viewer.jobs.command import resume_arguments
from viewer.runs.facts import facts, settings
from viewer.runs.reader import RunReader

TINY = FitConfig(
    mapping_steps=20,
    mapping_batch=16,
    preset="tiny-heads",
    coarse_size=8,
    doublings=(2, 3, 4),
    coarse_heads=2,
    steps=4,
    joint_start=3,
    proposal_steps=4,
    heads=2,
    points=80,
    rays=8,
    pool=20,
    pool_start=4,
    pool_growth=1.0,
    kept=3,
    stored_points=256,
    stored_surface=256,
    stored_rays=16,
    workers=0,
    proposal_patch=8,
    save_every=100,
    tick_steps=10,
    grid=(2, 1),
    grid_size=16,
)
SPEC = TruthSpec(64, (("x", "y"), ("x", "z"), ("y", "z")), 32, 600, 300, 100, 0.5)


TOLD: list[tuple[str, float]] = []


@pytest.fixture(autouse=True, scope="module")
def balls() -> Iterator[None]:
    """Balls take the place of heads: the fit does not ask what its examples are, and balls cost nothing."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pool, "head_truth", ball_truth)
        yield


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, balls: None) -> Path:
    out = tmp_path_factory.mktemp("fit") / "run"
    run_fit(out, TINY, progress=lambda stage, share: TOLD.append((stage, share)))
    return out


def test_who_watches_is_told_stage_and_share_after_each_step(finished: Path) -> None:
    stages, shares = zip(*TOLD, strict=True)
    assert list(dict.fromkeys(stages))[0] == "mapping" and len(set(stages)) >= 3
    assert list(shares) == sorted(shares) and shares[0] > 0.0 and shares[-1] == pytest.approx(1.0)
    assert len(shares) == TINY.mapping_steps + TINY.steps + TINY.proposal_steps


def give_balls(out: Path) -> None:
    """Put balls where other processes look for heads."""
    folder = out / "truth"
    folder.mkdir(parents=True)
    spec = TruthSpec(64, SPEC.axes, 32, TINY.stored_points, TINY.stored_surface, TINY.stored_rays, TINY.box)
    for k in range(TINY.pool):
        np.savez(folder / f"{k:05d}.npz", **ball_truth(k, spec))  # pyright: ignore[reportArgumentType]


def steps_told(out: Path) -> list[int]:
    """Steps of the lines of stats.jsonl."""
    return [json.loads(line)["step"] for line in (out / "stats.jsonl").read_text().splitlines()]


@pytest.fixture(scope="module")
def known() -> dict[str, np.ndarray]:
    return head_truth(3, SPEC)


def test_truth_depends_on_the_seed_alone(known: dict[str, np.ndarray]) -> None:
    again = head_truth(3, SPEC)
    assert all(np.array_equal(known[k], again[k]) for k in known)
    assert not np.array_equal(known["sdf"], head_truth(4, SPEC)["sdf"])


def test_points_rays_and_views_are_of_one_head(known: dict[str, np.ndarray]) -> None:
    """Each is held against the head's own distance; hair and clothes are sheets with rounded corners, so not all rays are exact."""
    truth = HeadTruth(assemble(head_of_z(latent_z(3, 64))))
    assert np.allclose(truth.distance(known["points"]), known["sdf"], atol=1e-5)
    assert (np.abs(known["sdf"][:400]) < 0.02).mean() > 0.7  # points are spent at the surface
    on = np.abs(truth.distance(known["surface"]))
    assert np.median(on) < 1e-3 and (on < HALF_THICKNESS).mean() > 0.95
    hit = known["origins"] + known["dirs"] * known["t"][:, None]
    met = np.abs(truth.distance(hit[known["hit"]]))
    assert np.median(met) < 1e-3 and known["hit"].mean() > 0.3 and (known["t"][~known["hit"]] == MISS).all()
    centre = (np.arange(32) + 0.5) / 32 - 0.5
    x, y = np.meshgrid(centre, centre)
    front = np.stack([x, y, known["view_depth"][0, 0]], -1)[known["view_seen"][0]]
    assert np.median(np.abs(truth.distance(front))) < 1e-3
    assert (known["view_outline"] < 0).sum() == known["view_seen"].sum()


def test_planes_that_hold_the_views_have_their_features(known: dict[str, np.ndarray]) -> None:
    """Reading the views at points is reading planes made of them, as a field does."""
    example = {k: torch.from_numpy(v) for k, v in known.items()}
    maps, weight = taught_planes(example, 32, SPEC.box)
    planes = torch.ones(1, 3, 28, 32, 32)
    for k in range(3):
        planes[0, k, k * CHANNELS : (k + 1) * CHANNELS] += maps[k]
    points, conv = example["points"][:200], heads_conventions(TINY)
    assert torch.allclose(
        features_at(example, points, conv, 28),
        sample_planes(planes[0][None], points[None], conv)[0],
        atol=2e-3,
    )
    assert weight.max() == 6 and weight.shape == maps.shape  # the eyes, from the front
    assert weight[1:].max() == 1
    losses = view_losses(planes, [(maps, weight)], 1.0)
    assert [float(term.value) for term in losses] == pytest.approx([0.0, 0.0], abs=1e-6)
    assert float(view_losses(planes + 0.1, [(maps, weight)], 1.0)[1].value) == pytest.approx(0.1, abs=1e-5)


def test_the_pool_grows_by_step_fills_itself_and_holds_few_in_memory(tmp_path: Path) -> None:
    cfg = TINY.replace(pool=40, pool_start=5, pool_growth=2.0, kept=2)
    assert [available(step, cfg) for step in (0, 3, 100)] == [5, 11, 40]
    heads = TruthPool(tmp_path / "truth", SPEC, cfg)
    seen = [heads.head(i)["z"] for i in (4, 1, 4, 2, 1)]
    assert torch.equal(seen[0], latent_z(4, 64)[0]) and torch.equal(seen[1], seen[4])
    assert sorted(p.name for p in (tmp_path / "truth").iterdir()) == ["00001.npz", "00002.npz", "00004.npz"]


def test_a_side_process_computes_heads_of_the_pack(tmp_path: Path) -> None:
    """Not balls: what the test puts in their place does not reach other processes."""
    heads = TruthPool(tmp_path / "truth", SPEC, TINY.replace(workers=1, pool=1))
    try:
        assert np.array_equal(heads.head(0)["sdf"].numpy(), head_truth(0, SPEC)["sdf"])
    finally:
        heads.close()


def test_what_a_side_process_cannot_write_is_said_and_not_waited_for(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", 64) as disk:
        (disk / "truth").mkdir()
        fill(disk)
        heads = TruthPool(disk / "truth", SPEC, TINY.replace(workers=1, pool=1))
        try:
            with pytest.raises(OSError) as caught:
                heads.head(0)
        finally:
            heads.close()
        assert (caught.value.errno, caught.value.filename) == (
            errno.ENOSPC,
            str(disk / "truth" / "00000.npz"),
        )
        assert not list((disk / "truth").iterdir())


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


def test_a_packed_state_goes_on_elsewhere(finished: Path, tmp_path: Path) -> None:
    """One small file in half precision; the run that begins from it may have other settings."""
    packed, out = tmp_path / "state.safetensors", tmp_path / "run"
    cli.main(["--out", str(finished), "--pack", str(packed)])
    assert packed.stat().st_size < 0.6 * (finished / "state.safetensors").stat().st_size
    cli.main(["--out", str(out), "--unpack", str(packed), "--steps=6", "--processes", "1"])
    record = saved_record(out)
    assert record is not None and (record.state, record.last_tick and record.last_tick.step) == (
        "finished",
        30,
    )
    before, after = (load_file(run / "state.safetensors") for run in (finished, out))
    assert all(v.dtype == torch.float32 for v in after.values()) and before.keys() == after.keys()
    with pytest.raises(InputError, match="in use"):
        cli.main(["--out", str(out), "--unpack", str(packed)])
    with pytest.raises(InputError, match="no settings"):
        cli.main(["--out", str(tmp_path / "x"), "--unpack", str(finished / "state.safetensors")])


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
        give_balls(out)
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
    assert stored["readout/weight"].shape == (78, 16) and stored["readout/bias"].shape == (78,)
