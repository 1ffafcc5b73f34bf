"""The Training workspace in the real window on synthetic runs: switch, charts, filter, zoom, alarms, log, form and its errors."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

import pytest
from imgui_bundle import imgui
from PIL import Image

from tests.gui.window_driver import Hands, Recorder, drive
from tests.unit.runs.synthetic import Plan, line, tick, write_native
from viewer.features.training.panel import TrainingPanel
from viewer.runs.job_record import shell_join
from viewer.runs.states import this_host
from viewer.state.preferences import load_preferences

pytestmark = [pytest.mark.gui, pytest.mark.usefixtures("display")]
MAIN = "//Training/**/"


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a run that goes on and one that failed; the window knows it from last time."""
    monkeypatch.setenv("TRISCOPE_CONFIG_DIR", str(tmp_path / "config"))
    folder = tmp_path / "runs"
    start = time.time() - 20 * 37.0
    write_native(folder / "alive", Plan(ticks=20, start=start), pid=os.getpid(), host=this_host())
    broken = write_native(folder / "broken", Plan(ticks=30, nan_at=9, start=start - 1e6), state="failed")
    with open(broken / "log.txt", "a") as log:
        log.write(
            'Traceback (most recent call last):\n  File "loop.py", line 7, in step\nRuntimeError: loss is not finite\n'
        )
    (tmp_path / "config").mkdir()
    quality = {"max_size": 64, "refine": False, "settle_delay_s": 0.02, "full_delay_s": 0.05}
    (tmp_path / "config" / "preferences.json").write_text(
        json.dumps({"quality": quality, "run_folders": [str(folder)]})
    )
    return folder


def training(h: Hands) -> TrainingPanel:
    """Switches to the workspace by its key and waits for the runs."""
    h.ctx.key_press(int(imgui.Key.mod_ctrl) | int(imgui.Key._2))
    h.until(lambda: not h.loop.workspace.exploring, "the workspace")
    panel = h.loop.features["training"].panel
    assert isinstance(panel, TrainingPanel)
    h.until(lambda: len(panel.index.rows) == 2, "the list of runs", 4000)
    h.until(lambda: panel.index.reader(panel.view.chosen) is not None, "the chosen run", 2000)
    h.until(lambda: not any(r.catching_up for r in panel.index.poller.runs), "the run to be read", 4000)
    return panel


def test_explore_stays_as_it_was_and_renders_nothing_while_training_is_shown(
    runs: Path, recorder: Recorder
) -> None:

    def body(h: Hands) -> None:
        h.until_full()
        before, shown = h.doc, h.app.panels_shown()
        training(h)
        asked = len(recorder.requests)
        h.ctx.key_press(int(imgui.Key.r))  # would reset the camera in Explore
        h.ctx.key_press(int(imgui.Key.h))
        h.ctx.yield_(20)
        assert len(recorder.requests) == asked and h.doc == before and h.app.panels_shown() == shown
        h.ctx.key_press(int(imgui.Key.mod_ctrl) | int(imgui.Key._1))
        h.until(lambda: h.loop.workspace.exploring, "Explore")
        h.ctx.item_input_value("//Latent/##seed", "77")
        h.until(
            lambda: h.doc.latent.seeds[0].seed == 77 and len(recorder.requests) > asked, "a new picture", 2000
        )

    drive(body, recorder)
    assert load_preferences()[0].run_folders == (str(runs),)


def test_charts_follow_the_run_filter_and_alarms_zoom(runs: Path) -> None:
    def body(h: Hands) -> None:
        ctx, panel = h.ctx, training(h)
        view = panel.view
        assert view.chosen == runs / "alive"
        h.until(lambda: len(panel.charts.cards) > 8, "charts")
        count = len(panel.charts.cards)
        with open(runs / "alive" / "stats.jsonl", "a") as stats:
            stats.write(line(tick(Plan(ticks=21, start=time.time() - 37), 20)) + "\n")
        reader = panel.index.reader(view.chosen)
        assert reader is not None
        h.until(lambda: len(reader.scalars) == 21, "the new tick", 4000)
        ctx.item_input_value(f"{MAIN}##chart-filter", "r1 penalty")
        ctx.yield_(3)
        assert [key[1] for key in panel.charts.cards] == ["R1 penalty"]
        ctx.item_input_value(f"{MAIN}##chart-filter", "")
        ctx.yield_(3)
        h.until(lambda: len(panel.charts.cards) >= count, "all charts again")
        view.axis = "steps"
        ctx.item_click(f"{MAIN}###chart-band")
        assert not view.envelope
        ctx.item_click(f"{MAIN}##tick-alive")
        ctx.item_click(f"{MAIN}##tick-broken")
        h.until(
            lambda: len(panel.index.poller.runs) == 2 and len(panel.index.poller.runs[1].scalars) == 30,
            "both runs",
            4000,
        )
        ctx.yield_(3)
        card = next(c for key, c in panel.charts.cards.items() if key[1] == "Adversarial loss")
        assert len(card.model.names) == 2, "both runs share the chart"
        ctx.item_click(f"{MAIN}###page-alarms")
        ctx.yield_(3)
        found = next(i for i, (_, a) in enumerate(_alarms(panel)) if a.key.startswith("nan"))
        ctx.item_click(f"{MAIN}###alarm-{found}")
        ctx.yield_(4)
        assert view.tab == "charts" and view.chosen == runs / "broken"
        assert view.window is not None and view.window[0] < 10 * 4000 / 32 < view.window[1]
        ctx.item_click(f"{MAIN}###chart-reset")
        assert view.window is None

    drive(body)


def test_log_pictures_and_snapshots_of_a_failed_run(runs: Path) -> None:
    def body(h: Hands) -> None:
        ctx, panel = h.ctx, training(h)
        ctx.item_click(f"{MAIN}##run-broken")
        h.until(
            lambda: (r := panel.index.reader(runs / "broken")) is not None and not r.catching_up,
            "the run",
            4000,
        )
        ctx.item_click(f"{MAIN}###page-log")
        h.until(lambda: len(panel.log.page.found) > 30, "the log")
        ctx.item_click(f"{MAIN}###log-copy-error")
        ctx.yield_(2)
        assert imgui.get_clipboard_text().endswith("RuntimeError: loss is not finite")
        ctx.item_input_value(f"{MAIN}##log-search", "not finite")
        ctx.yield_(2)
        assert len(panel.log.page.found) == 1
        ctx.item_click(f"{MAIN}###page-pictures")
        h.until(
            lambda: panel.pictures.page.shown is not None and panel.pictures.page.shown.pixels is not None,
            "a picture",
            4000,
        )
        newest = panel.pictures.page.place
        ctx.item_click(f"{MAIN}##picture-previous")
        ctx.yield_(2)
        assert panel.pictures.page.place == newest - 1 and not panel.pictures.page.follow
        ctx.item_click(f"{MAIN}###page-snapshots")
        h.until(lambda: len(h.loop.workspace.snapshots.snapshots) > 3, "the snapshots", 4000)
        ctx.item_click(f"{MAIN}###page-overview")
        ctx.yield_(3)
        ctx.item_click(f"{MAIN}###copy-command")
        ctx.yield_(2)
        assert imgui.get_clipboard_text().startswith(
            f"{shell_join([sys.executable])} -m core_model.cli.main train --preset heads128"
        )
        ctx.item_click(f"{MAIN}###page-machine")
        h.until(lambda: len(panel.index.poller.host.history) > 1, "figures of this machine", 4000)

    drive(body)


def test_the_form_marks_changes_and_places_errors_at_their_field(runs: Path, tmp_path: Path) -> None:
    def body(h: Hands) -> None:
        ctx, panel = h.ctx, training(h)
        draft = panel.launch.draft
        ctx.item_click(f"{MAIN}###new-run")
        ctx.yield_(3)
        assert panel.view.tab == "launch" and Path(draft.out).parent == runs
        draft.choose_preset("heads64-cpu")
        ctx.yield_(12)
        ctx.item_input_value(f"{MAIN}##form-filter", "batch")
        ctx.yield_(4)
        ctx.item_input_value(f"{MAIN}##batch", "0")
        ctx.yield_(2)
        assert set(draft.checked().errors) == {"batch"} and draft.command() == ""
        ctx.item_input_value(f"{MAIN}##form-filter", "learning rate of the generator")
        ctx.yield_(2)
        ctx.item_input_value(f"{MAIN}##optim.generator_lr", "0.001")
        ctx.yield_(2)
        ctx.item_input_value(f"{MAIN}##form-filter", "")
        ctx.yield_(2)
        ctx.item_input_value(f"{MAIN}##form-filter", "batch")
        ctx.yield_(4)
        ctx.item_click(f"{MAIN}##reset-batch")
        ctx.yield_(2)
        assert not draft.checked().errors and draft.typed == {"optim.generator_lr": "0.001"}
        ctx.item_input_value(f"{MAIN}##data", str(tmp_path / "no such set.zip"))
        h.until(lambda: panel.launch.data.looker.found is not None, "the look at the data set", 2000)
        ctx.yield_(2)
        assert draft.problems("data set: no such file") and not (Path(draft.out) / "job.json").exists()
        ctx.item_click(f"{MAIN}###copy-line")
        ctx.yield_(2)
        assert "--optim.generator_lr=0.001" in imgui.get_clipboard_text()

    drive(body, size=(1500, 960))


def test_a_set_of_photographs_is_made_from_the_window(runs: Path, tmp_path: Path) -> None:
    """Folder, size and poses are given, the task runs, the form takes the set over and says what was left out."""
    photos = tmp_path / "mine"
    photos.mkdir()
    for number in range(3):
        Image.new("RGB", (40 + number, 32), (90 * number, 40, 200)).save(photos / f"{number}.png")
    (photos / "notes.txt").write_text("no picture")

    def body(h: Hands) -> None:
        ctx, panel = h.ctx, training(h)
        ctx.item_click(f"{MAIN}###new-run")
        ctx.yield_(3)
        data = panel.launch.data
        data.making, data.kind = True, "photos"
        ctx.yield_(3)
        started = panel.launch.data.photos._why_not(h.loop.tasks)
        assert started == "Choose the folder of pictures"
        ctx.item_input_value(f"{MAIN}##photos-folder", str(photos))
        ctx.item_input_value(f"{MAIN}##photos-size", 16)
        ctx.item_click(f"{MAIN}photos-poses/None")
        ctx.item_input_value(f"{MAIN}##photos-out", str(tmp_path / "mine.zip"))
        ctx.yield_(2)
        ctx.item_click(f"{MAIN}###make-photos")
        h.until(lambda: h.loop.tasks.views("data"), "the task", 2000)
        until = time.monotonic() + 90.0
        while panel.launch.draft.data != str(tmp_path / "mine.zip"):
            assert time.monotonic() < until, h.loop.tasks.views("data")
            time.sleep(0.05)
            ctx.yield_()
        report = lambda: data.photos._reports._found
        h.until(lambda: report() is not None, "the report", 2000)
        found = report()
        assert (
            found is not None and found[1].images == 3 and [n for n, _ in found[1].left_out] == ["notes.txt"]
        )
        h.until(lambda: data.previewer._found is not None, "sixteen pictures of it", 2000)
        seen = data.previewer._found
        assert seen is not None and len(seen[1].names) == 3 and not seen[1].fault

    drive(body, size=(1500, 960))


def _alarms(panel: TrainingPanel):
    from viewer.runs.run_health import alarms_of

    compared = [r for p in panel.view.compared if (r := panel.index.reader(p)) is not None]
    return alarms_of(compared)
