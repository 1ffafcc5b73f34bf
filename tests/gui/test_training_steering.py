"""A real run steered from the real window: snapshots followed, scrubbed and filmed; paused and continued; duplicated; the queue."""

from __future__ import annotations

from pathlib import Path

import av
import pytest
from imgui_bundle import imgui

from core_model.schema.camera import OrbitPose
from core_model.schema.train import TrainConfig
from core_model.schema.train_presets import PRESETS
from tests.gui.test_training_real import CPU, MAIN, place, state, training, wait
from tests.gui.window_driver import Hands, drive
from tests.train.gan_data import tiny_config, write_set
from viewer.features.training.panel import TrainingPanel
from viewer.jobs import job_service
from viewer.jobs.command import CommandLine, train_arguments
from viewer.jobs.config_diff import diff
from viewer.render_client.client import RenderClient
from viewer.runs.job_record import ENDED
from viewer.runs.states import process_alive
from viewer.state.workspace import run_of

__all__ = ["place"]
pytestmark = [
    pytest.mark.gui,
    pytest.mark.slow,
    pytest.mark.timeout(1800),
    pytest.mark.usefixtures("display", "place"),
]
PREVIOUS, NEXT = f"{MAIN}##snapshot-previous", f"{MAIN}##snapshot-next"


def settings(data: Path, images: int) -> TrainConfig:
    """The smoke preset made tiny, with a snapshot every 60 pictures."""
    tree = tiny_config(data, images=images)
    return tree.replace(output=tree.output.replace(tick_images=20, snapshot_ticks=3, image_ticks=3))


def begin(run: Path, data: Path, images: int = 400_000) -> None:
    job_service.start(
        run,
        CommandLine(train_arguments(settings(data, images), PRESETS.get("smoke"), data, run, "cpu")).argv(),
        resources=CPU,
    )


def ticks(panel: TrainingPanel, run: Path) -> int:
    reader = panel.index.reader(run)
    return len(reader.scalars) if reader is not None else 0


def test_follow_scrub_pause_and_film_with_seed_and_camera_held(place: Path, tmp_path: Path) -> None:
    run = place / "held"
    begin(run, write_set(tmp_path / "set"))

    def body(h: Hands) -> None:
        ctx, panel = h.ctx, training(h)
        wait(h, lambda: panel.index.row(run), "the run in the list")
        panel.view.choose(run)
        ctx.item_click(f"{MAIN}###page-snapshots")
        watch = h.loop.workspace.snapshots
        wait(h, lambda: watch.snapshots or state(panel, run) in ENDED, "a snapshot")
        assert state(panel, run) == "running", (run / "console.txt").read_text()[-2000:]
        ctx.item_click(f"{MAIN}###open-here")
        wait(
            h,
            lambda: run_of(h.doc.checkpoint) == run and not h.loop.workspace.exploring,
            "the snapshot, on this page",
        )
        wait(h, lambda: panel.snapshots._texture is not None, "the live preview")
        control = h.loop.coordinator
        pose, latent = OrbitPose(yaw=0.31, pitch=-0.12), h.doc.latent.replace(psi=0.6)
        control.store.doc = h.doc.replace(camera=pose, latent=latent)

        def held() -> bool:
            return h.doc.camera == pose and h.doc.latent == latent

        # The newest is followed while the run goes on.
        first = h.doc.checkpoint
        ctx.item_click(f"{MAIN}###snapshot-follow")
        wait(h, lambda: h.doc.checkpoint != first, "the next snapshot")
        assert watch.follow and held() and run_of(h.doc.checkpoint) == run
        # Paused: the trainer writes a snapshot, keeps its process, and no tick comes any more.
        ctx.item_click(f"{MAIN}###pause")
        wait(h, lambda: state(panel, run) == "paused", "the pause")
        job = job_service.find(run)
        assert job is not None and job.job is not None and process_alive(job.job.pid, job.job.pid_started)
        wait(
            h,
            lambda: len(watch.snapshots) >= 3 and h.doc.checkpoint == str(watch.snapshots[-1].path),
            "the snapshot of the pause",
        )
        stopped = ticks(panel, run)
        # Scrubbing back ends the following, and holds seed and camera.
        files = [str(s.path) for s in watch.snapshots]
        for back in (2, 3):
            wait(h, lambda: not control.opening, "the checkpoint")
            ctx.item_click(PREVIOUS)
            wait(h, lambda n=back: h.doc.checkpoint == files[-n], "the snapshot before")
            assert held() and not watch.follow
        wait(h, lambda: not control.opening, "the checkpoint")
        ctx.item_click(f"{MAIN}##snapshot")  # the middle of the slider
        wait(h, lambda: h.doc.checkpoint != files[-3] or len(files) == 5, "the slider")
        assert held()
        # A film of all of them, by a task of its own.
        out = tmp_path / "a film.mp4"
        ctx.item_input_value(f"{MAIN}##film-seeds", "0-1")
        ctx.item_input_value(f"{MAIN}##film-out", str(out))
        ctx.mouse_wheel_y(-30)  # the small window of the tests shows the page in two halves
        ctx.yield_(3)
        ctx.item_click(f"{MAIN}###make-film")
        wait(
            h, lambda: (t := next(iter(h.loop.tasks.views("film")), None)) is not None and t.ended, "the film"
        )
        film = h.loop.tasks.views("film")[0]
        assert film.state == "done" and "--yaw=0.31" in film.command and "--psi 0.6" in film.command, film
        with av.open(str(out)) as video:
            assert sum(1 for _ in video.decode(video=0)) == len(files)
        ctx.mouse_wheel_y(-30)
        ctx.yield_(5)
        ctx.item_click(f"{MAIN}###copy-film")
        ctx.yield_(2)
        assert imgui.get_clipboard_text() == str(out)
        # The run goes on where it was.
        assert ticks(panel, run) == stopped and state(panel, run) == "paused"
        ctx.item_click(f"{MAIN}###resume")
        wait(h, lambda: state(panel, run) == "running" and ticks(panel, run) > stopped, "the run goes on")

    drive(body, RenderClient(), checkpoint="analytic:sphere")


def test_duplicates_wait_in_a_queue_whose_order_changes(place: Path, tmp_path: Path) -> None:
    run = place / "base"
    begin(run, write_set(tmp_path / "set"))

    def duplicate(h: Hands, panel: TrainingPanel, rate: str) -> Path:
        ctx = h.ctx
        ctx.item_click(f"{MAIN}##run-base")
        ctx.yield_(3)
        ctx.item_click(f"{MAIN}###duplicate")
        wait(h, lambda: panel.view.tab == "launch", "the form")
        draft, page = panel.launch.draft, panel.launch
        assert draft.origin == "base" and page.against == str(run) and draft.run != run
        ctx.item_input_value(f"{MAIN}##form-filter", "learning rate of the generator")
        ctx.yield_(3)
        ctx.item_input_value(f"{MAIN}##optim.generator_lr", rate)
        ctx.yield_(3)
        ctx.item_input_value(f"{MAIN}##form-filter", "")
        other, tree = page._tree_of(page.against), draft.tree
        assert other is not None and tree is not None
        told = [(d.path, d.right) for d in diff(other, tree) if d.path != "data.path"]
        assert told == [("optim.generator_lr", rate)], "one setting differs from the run"
        wait(h, lambda: page.data.looker.found is not None and not draft.problems(""), "the data set")
        ctx.yield_(3)
        made = draft.run
        ctx.item_click(f"{MAIN}###start-run")
        wait(h, lambda: state(panel, made) == "queued", "the duplicate waits for the processor")
        return made

    def body(h: Hands) -> None:
        ctx, panel = h.ctx, training(h)
        wait(h, lambda: (run / "stats.jsonl").exists() or state(panel, run) in ENDED, "the run")
        assert state(panel, run) == "running", (run / "console.txt").read_text()[-2000:]
        second, third = duplicate(h, panel, "0.001"), duplicate(h, panel, "0.0005")
        wait(h, lambda: [Path(one.run) for one in panel.index.queue] == [run, second, third], "the queue")
        ctx.item_click(f"{MAIN}##earlier-{third.name}")
        wait(h, lambda: [Path(one.run) for one in panel.index.queue] == [run, third, second], "the new order")
        ctx.item_click(f"{MAIN}##later-{third.name}")
        wait(h, lambda: [Path(one.run) for one in panel.index.queue] == [run, second, third], "the old order")
        ctx.item_click(f"{MAIN}##earlier-{third.name}")
        wait(
            h,
            lambda: [Path(one.run) for one in panel.index.queue] == [run, third, second],
            "the new order again",
        )
        ctx.item_click(f"{MAIN}##unqueue-{second.name}")
        wait(
            h,
            lambda: state(panel, second) == "stopped" and len(panel.index.queue) == 2,
            "it leaves the queue",
        )
        ctx.item_click(f"{MAIN}##run-base")
        ctx.yield_(3)
        ctx.item_click(f"{MAIN}###stop")
        wait(
            h,
            lambda: state(panel, run) == "stopped" and state(panel, third) == "running",
            "the next one begins",
        )
        saved = panel.launch._tree_of(str(third))
        assert (
            saved is not None and saved.optim.generator_lr == 0.0005 and not (second / "config.json").exists()
        )

    drive(body)
