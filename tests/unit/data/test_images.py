"""Image sets: layouts, mirrored copies, sizes, order, batches and resume."""

from __future__ import annotations

import json
import math
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from core_model.data.heads_dataset import write_heads_dataset
from core_model.data.images import ImageDataset
from core_model.data.labels import label_fault, label_faults, mirror_label, prior_labels
from core_model.data.order import DataPosition, ImageBatches, ImageOrder
from core_model.geometry.rays import camera_rays
from core_model.schema.camera import CameraPrior, MatrixCamera, OrbitPose
from core_model.schema.errors import InputError
from tests.unit.data.image_sets import eg3d_files, encoded, label, picture, write_folder, write_zip


@pytest.fixture(params=["zip", "folder"])
def eg3d(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    files = eg3d_files()
    return (
        write_zip(tmp_path / "set.zip", files)
        if request.param == "zip"
        else write_folder(tmp_path / "set", files)
    )


def test_items_are_the_files_and_their_labels(eg3d: Path) -> None:
    data = ImageDataset.open(eg3d, resolution=None, mirror=False, labels=True)
    assert (len(data), data.resolution, data.posed, data.mirrored) == (5, 8, True, False)
    for i in range(5):
        image, camera = data[i]
        assert image.dtype == np.uint8 and image.shape == (3, 8, 8) and camera.dtype == np.float32
        assert np.array_equal(image, picture(i).transpose(2, 0, 1))
        np.testing.assert_allclose(camera, label(0.1 * i - 0.2), atol=1e-6)
    with pytest.raises(IndexError):
        data[5]


def test_mirrored_copies_are_the_second_half(eg3d: Path) -> None:
    data = ImageDataset.open(eg3d, resolution=None, mirror=True, labels=True)
    assert len(data) == 10 and len(data.labels()) == 10
    image, camera = data[7]
    assert np.array_equal(image, picture(2).transpose(2, 0, 1)[:, :, ::-1])
    np.testing.assert_allclose(camera, mirror_label(data[2][1]))
    np.testing.assert_allclose(camera, data.labels().labels[7].numpy())


def test_a_mirrored_camera_sees_the_mirrored_world() -> None:
    """Ray through (u, v) of the mirrored camera = mirror image of the ray through (1 - u, v)."""
    numbers = np.array(label(0.7, 0.3))
    numbers[16:] = [4.2, 0.05, 0.47, 0.0, 4.1, 0.52, 0.0, 0.0, 1.0]
    flipped = mirror_label(numbers)
    assert not label_fault(flipped)
    o, d = camera_rays(MatrixCamera.from_label(numbers), 6, 6)
    mo, md = camera_rays(MatrixCamera.from_label(flipped), 6, 6)
    across = torch.tensor([-1.0, 1.0, 1.0])
    torch.testing.assert_close(mo, o * across, atol=1e-5, rtol=0)
    torch.testing.assert_close(md.reshape(6, 6, 3), d.reshape(6, 6, 3).flip(1) * across, atol=1e-5, rtol=0)
    np.testing.assert_allclose(mirror_label(flipped), numbers, atol=1e-6)
    orbit = OrbitPose(yaw=0.4, pitch=0.2)
    there = MatrixCamera.from_label(
        mirror_label(np.concatenate([orbit.world_from_cam().ravel(), orbit.intrinsics().ravel()]))
    )
    np.testing.assert_allclose(there.world_from_cam(), orbit.replace(yaw=-0.4).world_from_cam(), atol=1e-6)


def test_mirrors_that_the_set_stores_are_not_made_again(tmp_path: Path) -> None:
    files = eg3d_files(2)
    labels = json.loads(files["dataset.json"])["labels"]
    for name, numbers in list(labels):
        twin = name.replace(".png", "_mirror.png")
        files[twin] = encoded(picture(9))
        labels.append([twin, [float(v) for v in mirror_label(np.array(numbers))]])
    files["dataset.json"] = json.dumps({"labels": labels}).encode()
    data = ImageDataset.open(write_zip(tmp_path / "m.zip", files), mirror=True)
    assert len(data) == 4 and not data.mirrored and any("mirrored copies itself" in n for n in data.notes)


def test_generated_heads_leave_their_truth_aside(tmp_path: Path) -> None:
    write_heads_dataset(tmp_path / "heads.zip", 3, 16, workers=1)
    for labels in (True, False):
        data = ImageDataset.open(tmp_path / "heads.zip", labels=labels)
        assert len(data) == 3 and data.is_heads and data[0][0].shape == (3, 16, 16)


def test_larger_images_are_shrunk_by_area_means(eg3d: Path) -> None:
    data = ImageDataset.open(eg3d, resolution=4)
    mean = picture(1).reshape(4, 2, 4, 2, 3).mean(axis=(1, 3)).transpose(2, 0, 1)
    assert np.abs(data[1][0].astype(float) - mean).max() <= 0.5 + 1e-6
    with pytest.raises(InputError, match="too small"):
        ImageDataset.open(eg3d, resolution=16)


def test_a_plain_folder_gets_cameras_of_one_distribution(tmp_path: Path) -> None:
    files = {f"{i}.jpg": encoded(picture(i, 12, 20), "JPEG") for i in range(3)} | {
        "notes.txt": b"x",
        ".hidden.png": b"y",
    }
    folder = write_folder(tmp_path / "own", files)
    with pytest.raises(InputError, match="no camera labels"):
        ImageDataset.open(folder, labels=True)
    prior = CameraPrior(yaw_std=0.4, pitch_std=0.1, default=OrbitPose(radius=1.5))
    data = ImageDataset.open(folder, labels=False, mirror=True, cameras=prior)
    assert len(data) == 6 and not data.posed and data[0][0].shape == (3, 12, 12)
    assert np.linalg.norm(data[1][1][:16].reshape(4, 4)[:3, 3]) == pytest.approx(1.5, rel=1e-5)
    assert np.array_equal(data[1][1], ImageDataset.open(folder, labels=False, cameras=prior)[1][1])


def test_drawn_cameras_follow_their_law_and_do_not_depend_on_the_count() -> None:
    prior = CameraPrior(yaw_std=0.3, pitch_std=0.2)
    rows = prior_labels(prior, 4000, 1)
    assert np.array_equal(prior_labels(prior, 7, 1), rows[:7]) and not np.array_equal(
        prior_labels(prior, 7, 2), rows[:7]
    )
    centre = rows[:, :16].reshape(-1, 4, 4)[:, :3, 3]
    yaw, pitch = np.arctan2(centre[:, 0], centre[:, 2]), np.arcsin(centre[:, 1] / 2.7)
    assert abs(yaw.std() - 0.3) < 0.01 and abs(pitch.std() - 0.2) < 0.01 and abs(yaw.mean()) < 0.02
    assert not label_faults(rows).any()
    even = CameraPrior(law="uniform", yaw_range=(-math.pi, math.pi), pitch_range=(0.0, 0.5))
    spots = prior_labels(even, 2000, 0)[:, :16].reshape(-1, 4, 4)[:, :3, 3]
    assert (
        spots[:, 1].min() >= -1e-5
        and abs(np.arctan2(spots[:, 0], spots[:, 2]).std() - math.pi / math.sqrt(3)) < 0.06
    )


@pytest.mark.parametrize("mode", ["L", "P", "RGBA", "CMYK"])
def test_other_kinds_of_pixels_become_rgb(mode: str, tmp_path: Path) -> None:
    image = Image.fromarray(picture(1))
    kind = "jpg" if mode == "CMYK" else "png"
    image.convert(mode).save(tmp_path / f"a.{kind}")
    assert ImageDataset.open(tmp_path, labels=False)[0][0].shape == (3, 8, 8)


def test_transparent_pixels_lie_on_white(tmp_path: Path) -> None:
    Image.new("RGBA", (8, 8), (10, 20, 30, 0)).save(tmp_path / "a.png")
    assert (ImageDataset.open(tmp_path, labels=False)[0][0] == 255).all()


@pytest.mark.parametrize("world", [1, 2, 3])
def test_ranks_share_one_stream_of_shuffled_epochs(world: int) -> None:
    size = 7
    ranks = [ImageOrder(size, 5, rank=r, world=world) for r in range(world)]
    stream = [next(r) for _ in range(6 * size) for r in ranks][: 6 * size]
    alone = ImageOrder(size, 5)
    assert stream == [next(alone) for _ in range(6 * size)]
    epochs = [stream[i * size : (i + 1) * size] for i in range(6)]
    assert all(sorted(e) == list(range(size)) for e in epochs) and len({tuple(e) for e in epochs}) > 3


@pytest.mark.parametrize("workers", [0, 1, 3])
def test_batches_resume_bit_for_bit(eg3d: Path, workers: int) -> None:
    data = ImageDataset.open(eg3d, mirror=True)
    with ImageBatches(data, 3, seed=4, workers=0) as whole:
        expected = [next(whole) for _ in range(9)]
    with ImageBatches(data, 3, seed=4, workers=workers) as first:
        for i in range(4):
            got = next(first)
            assert torch.equal(got.images, expected[i].images) and torch.equal(got.labels, expected[i].labels)
        position = DataPosition.model_validate_json(first.position.model_dump_json())
    with ImageBatches(data, 3, seed=4, workers=workers, position=position) as second:
        for i in range(4, 9):
            got = next(second)
            assert torch.equal(got.images, expected[i].images) and got.position == expected[i].position
    assert got.images.dtype == torch.uint8 and got.labels.shape == (3, 25)


def test_two_ranks_see_what_one_rank_sees(eg3d: Path) -> None:
    data = ImageDataset.open(eg3d)
    halves = [ImageBatches(data, 2, 1, rank=r, world=2) for r in range(2)]
    with ImageBatches(data, 4, seed=1) as one, halves[0] as a, halves[1] as b:
        for _ in range(4):
            both, first, second = next(one), next(a), next(b)
            assert torch.equal(torch.stack([first.labels, second.labels], dim=1).reshape(4, 25), both.labels)
            assert first.position == second.position == both.position


def test_a_position_of_another_set_is_refused() -> None:
    with pytest.raises(InputError, match="another data stream"):
        ImageOrder(8, 0, position=DataPosition(seed=0, size=9))
    with pytest.raises(InputError, match="another data stream"):
        ImageOrder(8, 0, position=DataPosition(seed=1, size=8))


def test_a_set_survives_pickling_and_a_damaged_image_is_named(tmp_path: Path) -> None:
    files = eg3d_files()
    files["00000/img00000003.png"] = files["00000/img00000003.png"][:60]
    data = pickle.loads(pickle.dumps(ImageDataset.open(write_zip(tmp_path / "s.zip", files))))
    assert np.array_equal(data[0][0], picture(0).transpose(2, 0, 1))
    with pytest.raises(InputError, match="img00000003.png"):
        data[3]


def test_label_tables_draw_from_their_rows(eg3d: Path) -> None:
    table = ImageDataset.open(eg3d).labels()
    drawn = table.draw(200, torch.Generator().manual_seed(0))
    rows = {tuple(r.tolist()) for r in table.labels}
    assert {tuple(r.tolist()) for r in drawn} == rows
    assert torch.equal(table.draw(6, None)[5], table.labels[0])
    torch.testing.assert_close(table.spread(), table.labels.std(dim=0, unbiased=False), atol=1e-6, rtol=1e-4)
