"""The command line itself: help, mistakes in one line, exit status, `info`. Nothing here builds a network."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch

from core_model.checkpoints.store import save_checkpoint
from core_model.cli import main as entry
from core_model.cli.main import COMMANDS
from core_model.cli.parse import parse
from core_model.schema.checkpoint import CheckpointHeader, Provenance
from core_model.schema.errors import InputError, TriscopeError
from tests.cli.command import start, triscope

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    provenance = Provenance(made_by="a test", steps=1200, scores={"psnr_db": 28.5})
    header = CheckpointHeader(family="wysiwyg", name="tiny", provenance=provenance, licence="Apache-2.0")
    tensors = {"mapping.fc0.weight": torch.ones(2, 3), "proposal.0.weight": torch.ones(5)}
    return save_checkpoint(tmp_path / "tiny.safetensors", header, tensors)


def test_help_lists_every_command_and_starts_at_once(capsys: Capture) -> None:
    done = triscope(capsys, "--help")
    assert done.status == 0 and all(f"  {name} " in done.out for name in COMMANDS)
    started = time.monotonic()
    process = start("--help")
    out, _ = process.communicate(timeout=30)
    assert process.returncode == 0 and "usage: triscope" in out
    assert time.monotonic() - started < 0.5


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_has_help(capsys: Capture, name: str) -> None:
    done = triscope(capsys, name, "--help")
    assert done.status == 0
    assert f"usage: triscope {name}" in done.out and "(default: None)" not in done.out


def test_version(capsys: Capture) -> None:
    assert triscope(capsys, "--version").out == "triscope 0.1.0\n"


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["rendr"], ["unknown command", "did you mean 'render'"]),
        (["--hlep"], ["unknown option"]),
        (["render", "x", "--out", "a.png", "--sede", "3"], ["--sede", "did you mean --seed"]),
        (["render", "x"], ["--out"]),
        (["render", "--out", "a.png"], ["CHECKPOINT"]),
        (["render", "x", "--out", "a.png", "--seed", "three"], ["--seed", "three"]),
        (["render", "x", "--out", "a.png", "--strategy", "robst"], ["robst", "robust"]),
        (["render", "x", "--out", "a.gif"], [".png", ".npz", ".exr", ".gif"]),
        (["render", "x", "--out", "no/such/folder/a.png"], ["no/such/folder"]),
        (["render", "no.safetensors", "--out", "/tmp/a.png"], ["checkpoint not found", "no.safetensors"]),
        (["orbit", "analytic:sphere", "--out", "a.avi"], [".mp4", ".avi"]),
        (["orbit", "analytic:sphere", "--out", "a.mp4", "--frames", "0"], ["--frames"]),
        (["inspect", "analytic:sphere", "--out", "a.json"], ["--pixel"]),
        (["info", "no.safetensors"], ["checkpoint not found"]),
        (["view", "no.safetensors"], ["checkpoint not found"]),
        (["view", "--help-me"], ["--help-me"]),
    ],
)
def test_mistakes_are_one_line_and_status_2(capsys: Capture, args: list[str], words: list[str]) -> None:
    done = triscope(capsys, *args)
    assert done.status == 2
    for word in words:
        assert word in done.line, done.line
    assert done.out == ""


def test_the_line_is_not_cut_inside_a_long_word(capsys: Capture) -> None:
    long = "s" * 150
    assert long in triscope(capsys, "render", "x", "--out", "a.png", "--seed", long).line


def test_none_switches_an_optional_number_off() -> None:
    @dataclass(frozen=True)
    class Options:
        cutoff: int | None = 14
        """layers"""

    assert parse(Options, ["--cutoff", "none"], "x", "y").cutoff is None
    assert parse(Options, ["--cutoff", "3"], "x", "y").cutoff == 3


@pytest.mark.parametrize(
    ("error", "status", "said"),
    [
        (
            InputError(what="bad z", where="z.npy", expected="[512]", got="[3]"),
            2,
            "bad z in z.npy: expected [512]",
        ),
        (TriscopeError("no memory for 1024"), 1, "no memory for 1024"),
        (ZeroDivisionError("division by zero"), 1, "failed: ZeroDivisionError: division by zero"),
        (MemoryError(), 1, "out of memory"),
        (KeyboardInterrupt(), 130, "cancelled"),
    ],
)
def test_errors_map_to_the_exit_status(
    capsys: Capture, monkeypatch: pytest.MonkeyPatch, error: BaseException, status: int, said: str
) -> None:
    def fail(args: list[str]) -> None:
        raise error

    monkeypatch.setattr("core_model.cli.info.main", fail)
    done = triscope(capsys, "info", "x")
    assert done.status == status and said in done.line
    done = triscope(capsys, "info", "x", "--debug")
    assert done.status == status
    assert ("Traceback" in done.err) == (status in (1, 2))


def test_no_command_is_the_viewer_on_the_demo(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str | None] = []
    monkeypatch.setattr("core_model.cli.view.open_window", lambda file, worker: seen.append(file))
    assert entry.main([]) == 0
    assert entry.main(["analytic:torus"]) == 0
    assert entry.main(["view", "analytic:slab"]) == 0
    assert seen == [None, "analytic:torus", "analytic:slab"]


def test_what_nobody_named_is_left_to_the_window(monkeypatch: pytest.MonkeyPatch) -> None:
    """The last view comes back there, or a new user is greeted."""
    seen: list[str | None] = []
    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.setattr("viewer.shell.app.run", lambda path, options: seen.append(path))
    assert entry.main([]) == entry.main(["view"]) == entry.main(["analytic:torus"]) == 0
    assert seen == [None, None, "analytic:torus"]


def test_view_without_a_display_says_what_to_do(capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    done = triscope(capsys, "view", "analytic:sphere")
    assert done.status == 2 and "triscope demo" in done.line


def test_info_text_and_json_say_the_same(capsys: Capture, checkpoint: Path) -> None:
    text = triscope(capsys, "info", checkpoint).out
    for word in (
        "wysiwyg",
        "tiny",
        "11 (mapping 6, proposal 5)",
        "a test",
        "1,200",
        "psnr_db 28.5",
        "Apache-2.0",
    ):
        assert word in text
    document = json.loads(triscope(capsys, "info", checkpoint, "--json").out)
    assert document["family"] == "wysiwyg"
    assert document["sha256"] in text and len(document["sha256"]) == 64
    assert document["parameters"] == {"mapping": 6, "proposal": 5, "total": 11}
    assert document["tensors"]["mapping.fc0.weight"] == {"shape": [2, 3], "dtype": "F32"}
    assert document["file_bytes"] == checkpoint.stat().st_size
    assert CheckpointHeader.model_validate(document["header"]).provenance.steps == 1200


def test_info_of_bad_files(capsys: Capture, tmp_path: Path) -> None:
    torch.save({"a": torch.zeros(1)}, tmp_path / "old.pt")
    assert "not a tri-plane generator" in triscope(capsys, "info", tmp_path / "old.pt").line
    (tmp_path / "cut.safetensors").write_bytes(b"\x10\0\0\0\0\0\0\0{}")
    assert triscope(capsys, "info", tmp_path / "cut.safetensors").status == 2
