"""`triscope demo` but for the window's tour, which tests/gui drives: video, mesh facts, summary."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from core_model.cli import demo
from core_model.cli.orbit import PathOptions
from core_model.schema.record_file import read_provenance
from tests.cli.command import triscope

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    def tour(out: Path, checkpoint: str, tell: Callable[[str], None]) -> list[Path]:
        picture = out / "01-colour.png"
        picture.write_bytes(b"stands for a screenshot of " + checkpoint.encode())
        tell(picture.name)
        return [picture]

    monkeypatch.setattr("viewer.tour.script.run_tour", tour)
    monkeypatch.setattr(demo, "VIDEO", PathOptions(frames=3))
    monkeypatch.setattr(demo, "VIDEO_SIZE", 64)


@pytest.mark.usefixtures("quick")
def test_the_tour_is_followed_by_video_and_summary(capsys: Capture, tmp_path: Path) -> None:
    out = tmp_path / "new" / "folder"
    done = triscope(capsys, "demo", "analytic:sphere", "--out", out)
    assert done.status == 0, done.err
    made = ["01-colour.png", "orbit.mp4", "summary.json"]
    assert sorted(p.name for p in out.iterdir()) == made
    assert [line for line in done.out.splitlines() if line.startswith(str(out))] == [
        str(out / n) for n in made
    ]
    assert (out / "01-colour.png").read_bytes().endswith(b"analytic:sphere")
    record = read_provenance(out / "orbit.mp4")
    assert record.request.width == 64 and "--frames 3" in record.motion
    summary = json.loads((out / "summary.json").read_text())
    assert summary["family"] == "analytic" and summary["files"] == made[:2]
    mesh = summary["mesh"]
    assert (mesh["field"], mesh["level"], mesh["inside"]) == ("sdf", 0.0, "negative")
    # A sphere about the origin: the same extent on every side, well inside the box.
    assert mesh["surface_high"] == pytest.approx([-v for v in mesh["surface_low"]], abs=0.02)
    assert 0.1 < mesh["surface_high"][0] < mesh["box_half_edge"]


def test_the_folder_must_not_be_a_file(capsys: Capture, tmp_path: Path) -> None:
    (tmp_path / "f").touch()
    done = triscope(capsys, "demo", "--out", tmp_path / "f")
    assert done.status == 2 and "expected a folder, got a file" in done.line
