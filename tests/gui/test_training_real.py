"""A real run from the real window: launch, watch, stop, resume, open its snapshot; the window killed meanwhile; a job that fails."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from imgui_bundle import imgui

from core_model.schema.overrides import changed_paths
from core_model.schema.run import RunRecord
from core_model.schema.train_presets import PRESETS
from tests.gui.window_driver import Hands, drive
from tests.house.sources import ROOT
from tests.train.gan_data import tiny_config, write_set
from viewer.features.training.panel import TrainingPanel
from viewer.jobs import job_service
from viewer.jobs.backend import Resources
from viewer.jobs.command import CommandLine, train_arguments
from viewer.jobs.local import read_job
from viewer.render_client.client import RenderClient
from viewer.runs.states import process_alive

pytestmark = [
    pytest.mark.gui,
    pytest.mark.slow,
    pytest.mark.timeout(1800),
    pytest.mark.usefixtures("display", "place"),
]
MAIN = "//Training/**/"
PATIENCE_S = 300.0
CPU = Resources(devices=("cpu",))


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder for runs whose processes are gone after the test."""
    config = tmp_path / "config"
    config.mkdir()
    monkeypatch.setenv("TRISCOPE_CONFIG_DIR", str(config))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    quality = {"max_size": 64, "refine": False}
    (config / "preferences.json").write_text(
        json.dumps({"quality": quality, "run_folders": [str(tmp_path / "runs")]})
    )
    runs = tmp_path / "runs"
    runs.mkdir()
    yield runs
    for run in runs.iterdir():
        job = read_job(run)
        for pid, since in (
            ((job.pid, job.pid_started), (job.supervisor_pid, job.supervisor_started)) if job else ()
        ):
            if process_alive(pid, since):
                os.kill(pid, signal.SIGKILL)


def tiny_changes(data: Path, images: int) -> dict[str, str]:
    """What makes the smoke preset small enough for a test, as it would be typed into the form."""
    tree = tiny_config(data, images=images)
    return {p: t for p, t in changed_paths(tree, PRESETS.get("smoke")).items() if p != "data.path"}


def wait(h: Hands, condition: Callable[[], object], what: str) -> None:
    """By the clock: a trainer takes the time that it takes."""
    until = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < until, what
        h.ctx.yield_()


def training(h: Hands) -> TrainingPanel:
    h.ctx.key_press(int(imgui.Key.mod_ctrl) | int(imgui.Key._2))
    wait(h, lambda: not h.loop.workspace.exploring, "the workspace")
    panel = h.loop.features["training"].panel
    assert isinstance(panel, TrainingPanel)
    wait(h, lambda: panel.index.looked > 0, "the first look at the runs")
    return panel


def state(panel: TrainingPanel, run: Path) -> str:
    row = panel.index.row(run)
    return str(row.state) if row is not None else "not listed"


def test_launch_watch_stop_resume_and_open_the_snapshot(place: Path, tmp_path: Path) -> None:
    data = write_set(tmp_path / "set")
    run = place / "first run ü"

    def body(h: Hands) -> None:
        ctx, panel = h.ctx, training(h)
        ctx.item_click(f"{MAIN}###new-run")
        ctx.yield_(3)
        draft = panel.launch.draft
        for path, text in tiny_changes(data, 4000).items():
            draft.put(path, text)
        ctx.item_input_value(f"{MAIN}##data", str(data))
        ctx.item_input_value(f"{MAIN}##out", str(run))
        wait(h, lambda: panel.launch.data.looker.found is not None, "the look at the data set")
        ctx.yield_(3)
        assert draft.data == str(data) and draft.run == run and draft.problems("") == []
        ctx.item_click(f"{MAIN}###start-run")
        wait(h, lambda: state(panel, run) == "running", "the run")
        reader = None

        def ticks() -> int:
            nonlocal reader
            reader = panel.index.reader(run)
            return len(reader.scalars) if reader is not None else 0

        panel.view.show("charts")
        wait(h, lambda: ticks() >= 2 and len(panel.charts.cards) > 5, "ticks and charts")
        ctx.item_click(f"{MAIN}###stop")
        wait(h, lambda: state(panel, run) == "stopped", "the stop")
        seen = ticks()
        ctx.item_click(f"{MAIN}###resume")
        wait(h, lambda: state(panel, run) == "running" and ticks() > seen, "the resumed run")
        ctx.item_click(f"{MAIN}###stop")
        wait(h, lambda: state(panel, run) == "stopped", "the second stop")
        panel.view.show("snapshots")
        watch = h.loop.workspace.snapshots
        wait(h, lambda: watch.snapshots, "its snapshots")
        number, newest = watch.snapshots[-1].number, str(watch.snapshots[-1].path)
        ctx.yield_(3)
        ctx.item_click(f"{MAIN}###open-{number}")
        wait(h, lambda: h.loop.workspace.exploring and h.doc.checkpoint == newest, "the snapshot in Explore")
        wait(
            h,
            lambda: (
                h.frames.result is not None and h.frames.result.error is None and "rgb" in h.frames.arrays
            ),
            "its picture",
        )

    drive(body, RenderClient(), checkpoint="analytic:sphere")
    assert job_service.find(run) is not None and json.loads((run / "run.json").read_text())["resumes"] == 1


def test_a_killed_window_leaves_the_run_alone_and_the_next_one_finds_it(place: Path, tmp_path: Path) -> None:
    data = write_set(tmp_path / "set")
    run = place / "night"
    changes = tiny_changes(data, 400_000)
    code = (
        "import sys, time, json; from pathlib import Path; from viewer.shell.app import App, AppOptions\n"
        "from tests.blob_head.session import BlobSession; from tests.unit.render_client.inline_client import InlineClient\n"
        "from viewer.state import actions as act; seen = []\n"
        "def on_frame(app):\n"
        "    panel = app.loop.features['training'].panel; draft = panel.launch.draft\n"
        "    if not seen and app.loop.coordinator.info is not None:\n"
        "        seen.append(1); app.loop.dispatch(act.ShowWorkspace('training'))\n"
        "        for path, text in json.loads(sys.argv[1]).items(): draft.put(path, text)\n"
        "        draft.data, draft.out = sys.argv[2:4]; panel.launch._named = True\n"
        "        panel.launch._start(app.loop.workspace, panel.view)\n"
        "App(AppOptions(checkpoint='blob:demo', client=InlineClient(BlobSession), size=(900, 600), on_frame=on_frame,\n"
        "    keep_layout=False)).run()\n"
    )
    window = subprocess.Popen(
        [sys.executable, "-c", code, json.dumps(changes), str(data), str(run)], cwd=ROOT
    )
    until = time.monotonic() + PATIENCE_S
    try:
        while (found := job_service.find(run)) is None or found.state != "running":
            assert time.monotonic() < until and window.poll() is None, found
            time.sleep(0.1)
    finally:
        window.kill()
        window.wait()
    job = read_job(run)
    assert job is not None and process_alive(job.pid, job.pid_started), "the trainer lives on"

    def body(h: Hands) -> None:
        panel = training(h)
        wait(h, lambda: state(panel, run) == "running", "the run that another window started")
        panel.view.choose(run)
        wait(h, lambda: (r := panel.index.reader(run)) is not None and len(r.scalars) > 0, "its ticks")
        panel.view.show("charts")
        h.ctx.yield_(3)
        h.ctx.item_click(f"{MAIN}###kill")
        h.ctx.yield_(3)
        h.ctx.item_click("//$FOCUSED/###kill-yes")
        wait(h, lambda: state(panel, run) == "killed", "its end, which is no failure")
        assert not processes_of() and not process_alive(trainer.pid, trainer.process_started), (
            "the trainer itself, not its launcher"
        )
        assert RunRecord.model_validate_json((run / "run.json").read_bytes()).state == "killed"
        ticks = len((run / "stats.jsonl").read_text().splitlines())
        h.ctx.item_click(f"{MAIN}###resume")
        wait(
            h,
            lambda: (
                state(panel, run) == "running" and len((run / "stats.jsonl").read_text().splitlines()) > ticks
            ),
            "one trainer again",
        )
        h.ctx.item_click(f"{MAIN}###kill")
        h.ctx.yield_(3)
        h.ctx.item_click("//$FOCUSED/###kill-yes")
        wait(h, lambda: state(panel, run) == "killed", "its second end")

    def processes_of() -> list[int]:
        return [p.pid for p in psutil.process_iter(["cmdline"]) if str(run) in (p.info["cmdline"] or [])]

    trainer = RunRecord.model_validate_json((run / "run.json").read_bytes())
    assert trainer.pid in processes_of()
    drive(body)


def test_a_job_that_fails_shows_its_traceback(place: Path, tmp_path: Path) -> None:
    data = write_set(tmp_path / "set")
    run = place / "broken"
    tree = tiny_config(data)
    arguments = train_arguments(tree, PRESETS.get("smoke"), data, run, "cpu")
    (data / "000.png").write_bytes(b"no picture any more")
    (data / "001.png").write_bytes(b"no picture any more")
    job_service.start(run, CommandLine(arguments).argv(), resources=CPU)

    def body(h: Hands) -> None:
        panel = training(h)
        wait(h, lambda: state(panel, run) == "failed", "the failure")
        panel.view.choose(run)
        panel.view.show("log")
        wait(h, lambda: panel.log.page.found, "its log")
        h.ctx.item_click(f"{MAIN}###log-copy-error")
        h.ctx.yield_(3)
        assert "Error" in imgui.get_clipboard_text()

    drive(body)
