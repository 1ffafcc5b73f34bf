"""Every writer on a disk that is too small: one line that names the file, the old file whole, nothing left beside it."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from core_model.checkpoints.codes import save_code
from core_model.checkpoints.store import save_checkpoint
from core_model.cli.main import main
from core_model.data.writing import FolderSink, ZipSink
from core_model.meshing.formats.base import save
from core_model.meshing.mesh import Mesh, Stamp, Texture
from core_model.output.baked_page import write_page
from core_model.output.images import save_png, write_exr, write_npz
from core_model.output.video import video_writer
from core_model.schema.atomic import not_written, replacing, write_json
from core_model.schema.camera import OrbitPose
from core_model.schema.checkpoint import CheckpointHeader
from core_model.schema.errors import InputError
from core_model.schema.inversion import CodeHeader
from core_model.schema.run import TickRecord
from core_model.training.common.distributed import Ranks
from core_model.training.common.run_directory import RunDirectory, new_record
from core_model.training.common.state import write_state
from tests.small_disk import fill, small_disk
from tests.unit.output.test_files import CHANNELS, record
from viewer.state.array_files import save_arrays
from viewer.state.preferences import Preferences, save_preferences

RNG = np.random.default_rng(0)
NOISE = RNG.normal(size=(200, 200)).astype(np.float32)
PIXELS = RNG.integers(0, 255, (200, 200, 3), dtype=np.uint8)
MESH = Mesh(
    NOISE.reshape(-1)[:30_000].reshape(-1, 3),
    RNG.integers(0, 10_000, (10_000, 3), dtype=np.int32),
    None,
    None,
)
UV = np.zeros((10_000, 2), dtype=np.float32)


def film(path: Path) -> None:
    with video_writer(path, record()) as video:
        for _ in range(8):
            video.add(RNG.integers(0, 255, (128, 128, 3), dtype=np.uint8))


def archive(path: Path) -> None:
    with replacing(path) as temporary, zipfile.ZipFile(temporary, "w") as opened:
        for number in range(4):
            ZipSink(opened).write(f"{number}.png", PIXELS.tobytes())


def run_of(root: Path, words: tuple[str, ...] = ()) -> RunDirectory:
    return RunDirectory(root, new_record("gan", "smoke", Ranks(0, 1, torch.device("cpu")), words, 10))


def ticks(path: Path) -> None:
    tick = TickRecord(step=1, images=2, kimg=0.0, wall_s=1.0, time=1.0, stage="s" * 100_000)
    run_of(path.parent).tick(tick)


def mesh(path: Path) -> None:
    textured = path.suffix in (".obj", ".glb")
    texture = Texture(UV, PIXELS) if textured else None
    save(
        path,
        Mesh(MESH.vertices, MESH.faces, None, None, texture),
        Stamp('{"tool": "triscope"}', "{}", "triscope"),
    )


TENSORS = {"x": torch.from_numpy(NOISE)}
HEADER = CheckpointHeader(family="none")
CODE = CodeHeader(base_sha256="0" * 64, base_name="b", name="me.jpg", size=64, psnr=30.0, camera=(0.0,) * 25)

WRITERS: dict[str, Callable[[Path], object]] = {
    "checkpoint.safetensors": lambda path: save_checkpoint(path, HEADER, TENSORS),
    "code.safetensors": lambda path: save_code(path, CODE, torch.from_numpy(NOISE), {}, {}),
    "000010.state.safetensors": lambda path: write_state(path, TENSORS, {}),
    "m.ply": mesh,
    "m.obj": mesh,
    "m.glb": mesh,
    "m.stl": mesh,
    "p.png": lambda path: save_png(path, PIXELS, record()),
    "p.exr": lambda path: write_exr(path, {"depth": CHANNELS["depth"]}, {"depth": NOISE}, record()),
    "p.npz": lambda path: write_npz(path, {"depth": NOISE}, record()),
    "v.mp4": film,
    "page.html": lambda path: write_page(path, [], OrbitPose(), "title " * 20_000, record()),
    "preferences.json": lambda path: save_preferences(Preferences(export_folder="x" * 100_000), path.parent),
    "basket.npz": lambda path: save_arrays(path, "basket", {"w": NOISE}),
    "run.json": lambda path: run_of(path.parent, ("x" * 100_000,)).update(),
    "set.zip": archive,
    "task.json": lambda path: write_json(path, ["x" * 100_000]),
}


@pytest.mark.parametrize("name", WRITERS)
def test_the_old_file_is_whole_and_the_line_is_clear(tmp_path: Path, name: str) -> None:
    with small_disk(tmp_path / "disk", 64) as disk:
        path = disk / name
        path.write_bytes(b"what was there before")
        with pytest.raises((InputError, OSError)) as caught:
            WRITERS[name](path)
        error = caught.value
        line = str(error) if isinstance(error, InputError) else not_written(error)
        assert name in line and "the disk is full" in line and "\n" not in line and ".part" not in line
        assert [p.name for p in disk.iterdir()] == [name]
        assert path.read_bytes() == b"what was there before"


def test_the_end_of_a_video_may_be_what_has_no_room(tmp_path: Path) -> None:
    """The index comes last and moves to the front: a film is whole, or it is not there."""
    film(tmp_path / "whole.mp4")
    size = (tmp_path / "whole.mp4").stat().st_size
    missed = 0
    for short in range(0, 20 << 10, 4 << 10):
        with small_disk(tmp_path / f"disk{short}", (size - short) >> 10) as disk:
            try:
                film(disk / "v.mp4")
            except InputError as error:
                assert "the disk is full" in str(error) and not list(disk.iterdir())
                missed += 1
            else:
                assert (disk / "v.mp4").stat().st_size > 0.95 * size
    assert missed >= 3


def test_lines_and_folders_say_which_file(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", 64) as disk:
        with pytest.raises(OSError) as caught:
            ticks(disk / "stats.jsonl")
        assert caught.value.filename == str(disk / "stats.jsonl")
        (disk / "stats.jsonl").unlink()
        fill(disk)
        with pytest.raises(OSError) as caught:
            FolderSink(disk).write("00000/img.png", b"x" * 5000)
        assert "00000" in str(caught.value.filename)


@pytest.mark.parametrize(
    ("words", "status"),
    [
        (("render", "analytic:sphere", "--size", "128", "--seed", "1"), 2),
        (("mesh", "analytic:sphere", "--resolution", "96"), 2),
    ],
)
def test_a_command_ends_with_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], status: int
) -> None:
    name = "a.npz" if words[0] == "render" else "a.ply"
    with small_disk(tmp_path / "disk", 64) as disk:
        assert main([*words, "--out", str(disk / name)]) == status
        said = [line for line in capsys.readouterr().err.splitlines() if line.startswith("triscope: ")]
        assert len(said) == 1 and str(disk) in said[0] and "disk is full" in said[0], said
        assert not list(disk.iterdir())


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["heads", "photos"])
def test_a_data_set_is_whole_or_not_there(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], kind: str
) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    for number in range(4):
        Image.fromarray(RNG.integers(0, 255, (128, 128, 3), dtype=np.uint8)).save(photos / f"{number}.png")
    with small_disk(tmp_path / "disk", 64) as disk:
        out = disk / "set.zip"
        words = {
            "heads": ("heads", out, "--count", "8"),
            "photos": ("photos", photos, out, "--poses", "none"),
        }
        assert main(["data", *map(str, words[kind]), "--size", "128"]) == 1
        said = capsys.readouterr().err
        last = said.strip().splitlines()[-1]
        assert last.startswith(f"triscope: cannot write {disk}") and "disk is full" in last, said
        assert "Traceback" not in said and not out.exists()
        assert not list(disk.rglob("*.part"))
