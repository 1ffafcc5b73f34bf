"""Random input: no crash, no panel set aside, memory flat, processes gone (issue 3 section 6)."""

from __future__ import annotations

import gc
import json
from pathlib import Path

import psutil
import pytest

from benchmarks.random_hands import RandomHands, Storm
from tests.blob_head.session import BlobSession
from tests.unit.render_client.inline_client import InlineClient
from tests.unit.runs.synthetic import Plan, write_foreign, write_native
from viewer.render_client.client import RenderClient
from viewer.render_client.protocol import Renderer
from viewer.shell.app import App, AppOptions
from viewer.state.workspace import WorkspaceName

pytestmark = pytest.mark.gui
SIZE = (1100, 700)


@pytest.fixture(autouse=True)
def own_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRISCOPE_CONFIG_DIR", str(tmp_path / "config"))
    monkeypatch.chdir(tmp_path)


def storm(
    seed: int, count: int, client: Renderer, checkpoint: str, workspace: WorkspaceName = "explore"
) -> list[int]:
    """Runs the window under `count` random events; resident bytes at each tenth of them."""
    memory, process = list[int](), psutil.Process()

    def note(app: App, events: int) -> None:
        gc.collect()
        memory.append(process.memory_info().rss)

    hands = RandomHands(seed, SIZE)
    made = Storm(hands, count, every=count // 10, note=note, workspace=workspace)
    App(
        AppOptions(
            checkpoint=checkpoint,
            client=client,
            size=SIZE,
            on_frame=made.on_frame,
            keep_layout=False,
            eager=True,
        )
    ).run()
    assert not made.broken, f"seed {seed}, after {hands.events} events: {made.broken}"
    assert made.whole, "the window closed by itself"
    return memory


@pytest.mark.timeout(900)
@pytest.mark.parametrize("seed", [1])
def test_a_thousand_random_events(display: str, seed: int) -> None:
    storm(seed, 1000, InlineClient(BlobSession), "blob:demo")


@pytest.mark.timeout(900)
def test_a_thousand_random_events_on_the_runs(display: str, tmp_path: Path) -> None:
    """In the Training workspace, on a run with pictures and snapshots and one of another program."""
    write_native(tmp_path / "runs" / "done", Plan(ticks=30), state="finished")
    write_foreign(tmp_path / "runs" / "other", Plan(ticks=20))
    (tmp_path / "config").mkdir()
    look = {"run_folders": [str(tmp_path / "runs")]}
    (tmp_path / "config" / "preferences.json").write_text(json.dumps(look))
    storm(3, 1000, InlineClient(BlobSession), "blob:demo", "training")


@pytest.mark.nightly
@pytest.mark.timeout(5400)
@pytest.mark.parametrize("seed", range(5))
def test_a_hundred_thousand_random_events(display: str, seed: int) -> None:
    """2·10⁴ events for each of five seeds, with the real worker process; memory of the second half must not climb."""
    before = {p.pid for p in psutil.Process().children(recursive=True)}
    memory = storm(seed, 20_000, RenderClient(factory="tests.blob_head.session:BlobSession"), "blob:demo")
    half = memory[len(memory) // 2 :]
    assert half[-1] < half[0] + 64 * 2**20, f"memory climbs: {[m >> 20 for m in memory]} MiB"
    assert {p.pid for p in psutil.Process().children(recursive=True)} <= before, "a process was left behind"
