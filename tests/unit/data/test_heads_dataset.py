"""`triscope data heads`: layout, repeatability, processes, and what is refused."""

from __future__ import annotations

import json
import multiprocessing
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core_model.data.head_cameras import camera_label, sample_camera
from core_model.data.head_renderer import PART_NAMES
from core_model.data.headpack import HeadParameters, draw
from core_model.data.heads_dataset import DEPTH_UNIT, write_heads_dataset
from core_model.data.images import ImageDataset
from core_model.data.truth_maps import TruthMaps
from core_model.schema.errors import InputError


def pixels(archive: zipfile.ZipFile, name: str) -> np.ndarray:
    with archive.open(name) as file:
        return np.asarray(Image.open(file))


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three images from seed 3 on, made by one process."""
    folder = tmp_path_factory.mktemp("set")
    calls: list[tuple[int, int]] = []
    write_heads_dataset(
        folder / "heads.zip", 3, 32, seed=3, workers=1, progress=lambda i, n: calls.append((i, n))
    )
    assert calls == [(1, 3), (2, 3), (3, 3)]
    assert [p.name for p in folder.iterdir()] == ["heads.zip"]
    return folder / "heads.zip"


def test_layout(three: Path) -> None:
    with zipfile.ZipFile(three) as archive:
        image = "00000/img00000001.png"
        kinds = {f"{kind}/{image}" for kind in ("normals", "depth", "masks", "parts")}
        assert kinds | {image, "persons/00000/img00000001.json", "dataset.json", "heads.json"} <= set(
            archive.namelist()
        )
        labels = json.loads(archive.read("dataset.json"))["labels"]
        assert [name for name, _ in labels][:2] == ["00000/img00000000.png", image]
        assert labels[1][1] == camera_label(sample_camera(4))
        about = json.loads(archive.read("heads.json"))
        assert about["images"][1] == {"name": image, "head": 4, "camera": 4}
        assert about["part_names"] == list(PART_NAMES) and about["depth_unit"] == DEPTH_UNIT
        person = json.loads(archive.read("persons/00000/img00000001.json"))
        assert HeadParameters.model_validate(person["parameters"]) == draw(4)
        assert 0.15 < person["landmarks"]["nose_tip"][2] < 0.3 and person["lighting"]["key"]
        assert pixels(archive, image).shape == (32, 32, 3)
        depth = pixels(archive, f"depth/{image}").astype(float) * DEPTH_UNIT
        parts, mask = pixels(archive, f"parts/{image}"), pixels(archive, f"masks/{image}")
        assert np.array_equal(parts > 0, depth > 0) and (mask[parts == 0] < 255).mean() > 0.9
        assert 2.2 < depth[16, 16] < 2.8 and parts.max() <= len(PART_NAMES)


def test_readers_take_it(three: Path) -> None:
    data = ImageDataset.open(three)
    assert data.is_heads and len(data.names) == 3
    truth = TruthMaps(data).item(1)
    assert np.nanmin(truth.depth) > 2.0
    assert np.linalg.norm(truth.normal[:, 16, 16]) == pytest.approx(1.0, abs=1e-3)


@pytest.mark.parametrize("seed", [37, 47, 63])
def test_no_sample_is_without_a_colour(tmp_path: Path, seed: int) -> None:
    """Where shade or open sky were interpolated to just below 0, their powers were NaN: single pixels of magenta."""
    write_heads_dataset(tmp_path / "one.zip", 1, 64, seed=seed, workers=1)
    with zipfile.ZipFile(tmp_path / "one.zip") as archive:
        red, green, blue = pixels(archive, "00000/img00000000.png").astype(int).transpose(2, 0, 1)
    magenta = (red - green > 60) & (blue - green > 50)
    assert not magenta.any(), np.argwhere(magenta)


def test_the_same_from_any_number_of_processes_and_in_longer_sets(three: Path, tmp_path: Path) -> None:
    calls: list[int] = []
    write_heads_dataset(
        tmp_path / "two.zip", 3, 32, seed=3, workers=2, progress=lambda done, _: calls.append(done)
    )
    assert (tmp_path / "two.zip").read_bytes() == three.read_bytes()
    assert calls == [1, 2, 3]
    write_heads_dataset(tmp_path / "shorter.zip", 1, 32, seed=3)
    with zipfile.ZipFile(tmp_path / "shorter.zip") as short, zipfile.ZipFile(three) as long:
        for name in short.namelist():
            if "/" in name:
                assert short.read(name) == long.read(name)


def test_views_of_one_head_before_blurred_backgrounds(three: Path, tmp_path: Path) -> None:
    write_heads_dataset(tmp_path / "heads.zip", 3, 32, seed=3, views=2, background="blurred")
    with zipfile.ZipFile(tmp_path / "heads.zip") as archive, zipfile.ZipFile(three) as plain:
        images = json.loads(archive.read("heads.json"))["images"]
        assert [(i["head"], i["camera"]) for i in images] == [(3, 3), (3, 4), (4, 5)]
        persons = [json.loads(archive.read(f"persons/00000/img0000000{i}.json")) for i in range(3)]
        assert persons[0] == persons[1] != persons[2]
        names = [image["name"] for image in images]
        assert not np.array_equal(pixels(archive, f"depth/{names[0]}"), pixels(archive, f"depth/{names[1]}"))
        blurred, one_colour = ([pixels(a, n)[0, 0].tolist() for n in names] for a in (archive, plain))
        assert blurred[0] != blurred[1] and one_colour[0] == one_colour[1]
        # The first image shows the same head from the same camera, whatever is behind it.
        assert archive.read(f"depth/{names[0]}") == plain.read(f"depth/{names[0]}")


def test_interrupted_data_set_leaves_nothing(tmp_path: Path) -> None:
    def interrupt(done: int, count: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_heads_dataset(tmp_path / "x.zip", 3, 16, workers=2, progress=interrupt)
    assert not list(tmp_path.iterdir())
    assert not multiprocessing.active_children()


def test_data_set_as_folder(tmp_path: Path) -> None:
    out = tmp_path / "set"
    write_heads_dataset(out, 1, 16, depth=False)
    files = sorted(str(p.relative_to(out)) for p in out.rglob("*") if p.is_file())
    assert files == ["00000/img00000000.png", "dataset.json", "heads.json"]
    with pytest.raises(InputError, match="empty folder"):
        write_heads_dataset(out, 1, 16)


@pytest.mark.parametrize("arguments", [(0, 64), (1, 4), (1, 100000), (10**9, 64), (1.5, 64)])
def test_arguments_out_of_range(tmp_path: Path, arguments: tuple[int, int]) -> None:
    with pytest.raises(InputError):
        write_heads_dataset(tmp_path / "x.zip", *arguments)
    assert not list(tmp_path.iterdir())


def test_without_a_driver_it_says_so_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("__EGL_VENDOR_LIBRARY_DIRS", str(tmp_path))
    with pytest.raises(InputError, match="no off-screen OpenGL 3.3"):
        write_heads_dataset(tmp_path / "x.zip", 1, 16)
    assert not list(tmp_path.iterdir())
