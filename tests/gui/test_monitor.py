"""The detached monitor: its command line, its real window under a display, live data, damage, and its start."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core_model.schema.errors import InputError
from tests.cli.command import triscope
from tests.gui.monitor_driver import ROUNDS
from tests.house.sources import ROOT
from tests.unit.runs.synthetic import Plan, write_foreign, write_native
from viewer.monitor.options import parsed
from viewer.runs.files import runs_in


def play(scene: str, *runs: Path) -> dict[str, object]:
    """What a scene of the driver saw."""
    command = [sys.executable, "-m", "tests.gui.monitor_driver", scene, *map(str, runs)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=110)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_options_and_their_mistakes(tmp_path: Path) -> None:
    first, second = (
        write_native(tmp_path / "a", Plan(ticks=2)),
        write_foreign(tmp_path / "b -x", Plan(ticks=2)),
    )
    options = parsed(
        [str(first), "--theme=light", str(second), "--size", "900x700", "--tab", "log", str(first)]
    )
    assert (
        options.runs == (first, second)
        and options.theme == "light"
        and options.size == (900, 700)
        and options.tab == "log"
    )
    assert runs_in(tmp_path) == (first, second), "a folder of runs stands for its runs"
    wrong = (
        ([], "no run directory"), ([str(tmp_path / "none")], "no such folder"), ([str(first), "--fast"], "unknown option"),
        ([str(first), "--theme", "pink"], "dark, light"), ([str(first), "--size", "10x10"], "640x480"),
        ([str(first), "--picture"], "no value"), ([str(first), "--picture", "a.gif"], ".png"), ([str(first / "stats.jsonl")], "a file"),
    )  # fmt: skip
    for args, said in wrong:
        with pytest.raises(InputError, match=said):
            parsed(args)


def test_the_command_says_what_is_wrong_in_one_line(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    missing = triscope(capsys, "monitor", tmp_path / "none")
    assert missing.status == 2 and "no such folder" in missing.line
    assert "usage: triscope monitor" in triscope(capsys, "monitor", "--help").out
    monkeypatch.delenv("DISPLAY", raising=False)
    if sys.platform.startswith("linux"):
        blind = triscope(capsys, "monitor", write_native(tmp_path / "run", Plan(ticks=2)))
        assert blind.status == 2 and "no display" in blind.line


@pytest.mark.gui
def test_a_picture_of_the_window(display: str, tmp_path: Path) -> None:
    run = write_native(tmp_path / "rün 'one' & \"two\"", Plan(ticks=60))
    picture = tmp_path / "out" / "monitor.png"
    command = [
        sys.executable,
        "-m",
        "core_model.cli.main",
        "monitor",
        str(run),
        "--picture",
        str(picture),
        "--size",
        "1200x800",
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=110)
    assert done.returncode == 0, done.stderr
    pixels = np.asarray(Image.open(picture).convert("RGB"), np.int64)
    assert pixels.shape == (800, 1200, 3)
    accent = np.abs(pixels - (0x8B, 0x9A, 0xFF)).sum(-1) < 24
    assert accent[:, 330:].sum() > 300, "no curve is drawn"
    assert accent[:, :316].sum() > 100, "no figure of the machine is drawn"


@pytest.mark.gui
def test_new_lines_torn_lines_and_replaced_files_while_it_is_open(display: str, tmp_path: Path) -> None:
    saw = play("live", write_native(tmp_path / "run", Plan(ticks=50)))
    assert saw == {"before": 50, "arrived": True, "drawn": 51, "replaced": True, "why": ""}


@pytest.mark.gui
def test_controls_do_what_they_say(display: str, tmp_path: Path) -> None:
    foreign = write_foreign(tmp_path / "foreign", Plan(ticks=60))
    native = write_native(tmp_path / "native", Plan(ticks=60, nan_at=20), state="failed")
    saw = play("controls", foreign, native)
    assert saw["filtered"] == ["Signs of the logits"] and len(saw["everything"]) > 15  # type: ignore[arg-type]
    assert saw["axis"] == "minutes" and saw["limits"] == [10.0, 600.0]
    assert (
        "Beta" in saw["hidden"] and "Fid50k full" in saw["everything"] and "Fid50k full" not in saw["hidden"]
    )  # type: ignore[operator]
    assert (
        saw["alarms"] == 2
        and saw["tab"] == "charts"
        and saw["chosen"] == 1
        and saw["window"]
        and saw["why"] == ""
    )


@pytest.mark.gui
def test_every_tab_is_drawn_also_with_damaged_files_and_without_torch(display: str, tmp_path: Path) -> None:
    runs = (write_native(tmp_path / "a", Plan(ticks=40)), write_foreign(tmp_path / "b", Plan(ticks=40)))
    saw = play("tabs", *runs)
    assert saw["seen"] == ["charts", "pictures", "log", "alarms", "overview", "machine"] * ROUNDS
    assert saw["whole"] == [40, 40], "mended files are read again"
    assert saw["found"] and saw["why"] == "" and not saw["torch"] and not saw["imgui"]


@pytest.mark.gui
@pytest.mark.skipif(shutil.which("xdotool") is None, reason="no xdotool to play the hand")
def test_a_quick_hand_at_ten_frames_per_second(display: str, tmp_path: Path) -> None:
    saw = play(
        "hand", write_native(tmp_path / "a", Plan(ticks=40)), write_native(tmp_path / "b", Plan(ticks=40))
    )
    assert saw["chosen"] == [1, 0, 1], "a click counts where it was made"
    assert saw["filter"] == "sign logit" and saw["running"] and not saw["focused"]
    assert saw["axis"] == "images", "Esc closes a drop-down and takes nothing"


@pytest.mark.gui
def test_a_run_is_steered_by_what_is_written_into_its_directory(display: str, tmp_path: Path) -> None:
    seen = play("steer", write_native(tmp_path / "run", Plan(ticks=20)))
    assert seen["before"] == ["stop", "pause", "snapshot"] and seen["asked"] and seen["action"] == "pause"
    assert seen["waiting"] == ["asked to pause …", []], "one request at a time"
    assert seen["paused"] and seen["ended"]
    assert seen["below_tabs"] > 0, "also where all buttons are hidden"  # type: ignore[operator]
