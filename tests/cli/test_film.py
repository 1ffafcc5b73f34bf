"""`triscope film`: the same seeds from every snapshot, one frame each."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest

from core_model.cli.film import sheet, snapshots_of
from core_model.schema.errors import InputError
from tests.cli.command import triscope
from tests.contracts.tiny_checkpoint import save_tiny

Capture = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("a run")
    (folder / "snapshots").mkdir()
    for number, seed in ((8, 0), (16, 1)):
        save_tiny(folder / "snapshots" / f"{number:06d}.safetensors", seed=seed)
    (folder / "snapshots" / "000012.safetensors").write_bytes(b"torn")
    (folder / "snapshots" / "000012.state.pt").write_bytes(b"")
    return folder


def test_one_frame_a_snapshot_in_order_and_torn_ones_are_left_out(
    capsys: Capture, run: Path, tmp_path: Path
) -> None:
    out = tmp_path / "film.mp4"
    done = triscope(capsys, "film", run, "--out", out, "--seeds", "0,3", "--size", 24, "--sampler", "uniform", "--spp", 8,
                    "--device", "cpu", "--fps", 5, "--yaw=-0.2", "--cutoff", "none")  # fmt: skip
    assert done.status == 0, done.err
    assert "2 snapshots of 2 seeds" in done.out and "1 snapshots could not be read" in done.out
    assert "000012" in done.err and "left out" in done.err
    with av.open(str(out)) as video:
        frames = [f.to_ndarray(format="rgb24") for f in video.decode(video=0)]
    assert len(frames) == 2 and frames[0].shape[1] == 48 and frames[0].shape[0] > 24
    assert np.abs(frames[0][:24].astype(int) - frames[1][:24].astype(int)).mean() > 1.0, (
        "the snapshots differ"
    )


def test_tiles_stand_in_rows_with_the_caption_below() -> None:
    tiles = [np.full((32, 32, 3), value, np.uint8) for value in (10, 20, 30)]
    made = sheet(tiles, "snapshot 480")
    assert made.shape[1] == 64 and made.shape[0] > 64
    assert (made[0, 0, 0], made[0, 40, 0], made[40, 0, 0], made[40, 40, 0]) == (10, 20, 30, 0)
    assert made[64:].max() > 150, "the caption is written"
    assert sheet(tiles[:1], "").shape == (32, 32, 3)


def test_snapshots_are_found_by_number(run: Path, tmp_path: Path) -> None:
    assert [number for number, _ in snapshots_of(run)] == [8, 12, 16]
    (tmp_path / "network-snapshot-000200.pkl").touch()
    assert [number for number, _ in snapshots_of(tmp_path)] == [200]


def test_mistakes_are_one_line(capsys: Capture, run: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot list"):
        snapshots_of(tmp_path / "gone")
    film = tmp_path / "a.mp4"
    for args in (
        (tmp_path, "--out", film),
        (run, "--out", tmp_path / "a.gif"),
        (run, "--out", film, "--seeds", "x"),
    ):
        done = triscope(capsys, "film", *args)
        assert done.status == 2 and done.line
    assert not list(tmp_path.glob("*.mp4"))
