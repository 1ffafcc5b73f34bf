"""`triscope samplers`: files, what it prints, wrong input, and Ctrl+C leaving nothing behind."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest

from tests.cli.command import start, triscope

FILES = {"fig3.png", "fig4.png", "a5.png", "a6.png", "a7.png", "report.json"}


def test_report_of_a_view(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "report"
    done = triscope(
        capsys,
        "samplers",
        "analytic:torus",
        "--out",
        out,
        "--size",
        32,
        "--yaw",
        0.4,
        "--pixel",
        "20,9",
        "--threads",
        1,
    )
    assert done.status == 0 and "worst 1 %" in done.out and "6 files" in done.out
    assert {p.name for p in out.iterdir()} == FILES
    document = json.loads((out / "report.json").read_text())
    report = document["report"]
    assert (report["pixel"]["x"], report["pixel"]["y"], report["width"]) == (20, 9, 32)
    assert document["provenance"]["request"]["camera"]["yaw"] == pytest.approx(0.4)
    assert report["definitions"]["worst_1"].startswith("the 1 % of all pixels")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--pixel", "40,2", "--size", "32"), "--pixel"),
        (("--size", "8"), "--size"),
        (("--tau", "1.5"), "--tau"),
        (("--seeed", "1"), "--seed"),
    ],
)
def test_wrong_input_is_one_line(
    arguments: tuple[str, ...], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    done = triscope(capsys, "samplers", "analytic:sphere", "--out", tmp_path / "r", *arguments)
    assert done.status == 2 and said in done.line
    assert not (tmp_path / "r").exists()


def test_out_must_be_a_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "taken").write_text("mine")
    done = triscope(capsys, "samplers", "analytic:sphere", "--out", tmp_path / "taken")
    assert done.status == 2 and "a folder" in done.line
    assert (tmp_path / "taken").read_text() == "mine"


def test_an_interrupted_report_leaves_nothing(tmp_path: Path) -> None:
    out = tmp_path / "r"
    process = start("samplers", "analytic:torus", "--out", out, "--size", 512, "--threads", 1)
    try:
        # plain progress lines come when rendering is on its way
        assert process.stderr is not None and "samplers" in process.stderr.readline()
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 130 and said.strip().splitlines()[-1] == "triscope: cancelled"
    assert not out.exists()
