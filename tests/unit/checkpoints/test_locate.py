"""Names that people type → checkpoint paths."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from core_model.checkpoints import locate
from core_model.checkpoints.layout import read_header
from core_model.schema import assets
from core_model.schema.errors import InputError


def test_assets_are_found_and_hold_the_colour_maps() -> None:
    assert (assets.assets_dir() / "colormaps").is_dir()


def test_demo_falls_back_to_the_sphere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(assets, "assets_dir", lambda: tmp_path)
    assert locate.resolve("demo") == "analytic:sphere"
    (tmp_path / "demo.safetensors").write_bytes(b"x")
    assert locate.resolve("demo") == str(tmp_path / "demo.safetensors") == locate.default_checkpoint()


def test_analytic_names_pass_through() -> None:
    assert locate.resolve("analytic:torus") == "analytic:torus"


def test_run_folder_gives_the_newest_snapshot(tmp_path: Path) -> None:
    snapshots = tmp_path / "run" / "snapshots"
    snapshots.mkdir(parents=True)
    for name in (
        "000900.safetensors",
        "001000.safetensors",
        "final.safetensors",
        ".001200.77.part.safetensors",
    ):
        (snapshots / name).write_bytes(b"x")
    os.utime(snapshots / "000900.safetensors", (2e9, 2e9))
    assert locate.resolve(str(tmp_path / "run")) == str(snapshots / "001000.safetensors")


def test_a_foreign_run_folder_gives_the_newest_pickle(tmp_path: Path) -> None:
    for name in (
        "network-snapshot-000900.pkl",
        "network-snapshot-025000.pkl",
        "network-snapshot-9.pkl",
        "other-999999.pkl",
        "a.pkl",
    ):
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "network-snapshot-099999.pkl").mkdir()
    assert locate.resolve(str(tmp_path)) == str(tmp_path / "network-snapshot-025000.pkl")
    (tmp_path / "snapshots").mkdir()
    assert locate.resolve(str(tmp_path)) == str(tmp_path / "network-snapshot-025000.pkl")
    (tmp_path / "snapshots" / "000001.safetensors").write_bytes(b"x")
    assert locate.resolve(str(tmp_path)) == str(tmp_path / "snapshots" / "000001.safetensors")


def test_an_empty_run_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no snapshot"):
        locate.resolve(str(tmp_path))


def test_a_missing_file_names_the_nearest(tmp_path: Path) -> None:
    (tmp_path / "heads_large.safetensors").write_bytes(b"x")
    with pytest.raises(InputError, match="did you mean .*heads_large.safetensors"):
        locate.resolve(str(tmp_path / "heads_lage.safetensors"))
    with pytest.raises(InputError, match="got nothing$"):
        locate.resolve(str(tmp_path / "nowhere" / "a.safetensors"))


@pytest.mark.parametrize("name", ["a\0b", "x" * 5000])
def test_impossible_names_are_input_errors(name: str) -> None:
    with pytest.raises(InputError):
        locate.resolve(name)


def test_the_shipped_checkpoint_says_the_blur_of_its_training() -> None:
    assert read_header(assets.assets_dir() / "demo.safetensors").header.target_blur == 0.7
