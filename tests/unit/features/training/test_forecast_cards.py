"""The cards of a forecast say what the dry run printed; a preset's card says what it was measured to take."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

from core_model.schema.train_presets import PRESETS
from viewer.features.training.forecast_cards import curves, facts
from viewer.features.training.preset_cards import about
from viewer.jobs.data_set import known_data

REPORT = """preset smoke: 96 images in 24 steps of 4
memory        about 0.42 GiB a process at its peak (fp32)
time          about 16 min, 4 processes, cpu, measured on this machine: real steps of 2 of 8 stages, 2026-11-28 23:00
disk          about 0.02 GiB (1.4 MiB a checkpoint)"""


def test_the_cards_take_their_figures_from_the_report() -> None:
    found = facts(REPORT)
    assert {name: figure for name, (figure, _) in found.items()} == {
        "time": "16 min", "memory": "0.42 GiB", "disk": "0.02 GiB"
    }  # fmt: skip
    assert "measured on this machine" in found["time"][1] and "per" not in found["disk"][0]


def test_every_preset_has_two_lines_and_every_curve_a_chart() -> None:
    for name in PRESETS.names():
        first, second = about(name, PRESETS.get(name))
        assert first and f"{PRESETS.get(name).data.resolution} px" in second
    assert len(curves(PRESETS.get("smoke"))) == len(type(PRESETS.get("smoke").schedule).model_fields)
    assert len(curves(PRESETS.get("eg3d-smoke"))) < len(curves(PRESETS.get("smoke"))), (
        "only what its recipe reads"
    )


def test_the_data_of_the_newest_run_comes_first_then_what_lies_here(tmp_path: Path) -> None:
    assert known_data([], tmp_path) == ""
    (tmp_path / "other.zip").write_bytes(b"no zip")
    with zipfile.ZipFile(tmp_path / "set.zip", "w") as out:
        out.writestr("dataset.json", "{}")
    assert known_data([], tmp_path) == str(tmp_path / "set.zip")
    run, data = tmp_path / "run", tmp_path / "data"
    run.mkdir(), data.mkdir()
    (run / "config.json").write_text(json.dumps({"data": {"path": str(data)}}))
    assert known_data([tmp_path / "gone", run], tmp_path) == str(data)
