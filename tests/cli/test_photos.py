"""`triscope data photos`: pictures as people have them become a set that training reads; nothing is left out unsaid."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from skimage.data import astronaut

from core_model.cli.main import main
from core_model.data.images import ImageDataset
from core_model.data.index import read_label_file
from core_model.data.photo_set import beside_of
from core_model.inversion.camera import angle_between
from core_model.schema.camera import MatrixCamera, OrbitPose, label25
from tests.waiting import until

FORMS = ("alpha.png", "deep/grey.webp", "deep/sixteen.png", "palette.png", "turned.jpg", "wide.tif")
LEFT_OUT = {
    "broken.jpg": "cannot read the photograph: unknown or damaged header",
    "deep/notes.txt": "not a picture by its name",
    "nobody.bmp": "no face found",
    "small.png": "too small: its crop has 25 pixels (at least 32)",
}


@pytest.fixture(scope="module")
def album(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One face in six forms, and four files that cannot be taken."""
    folder = tmp_path_factory.mktemp("album")
    (folder / "deep").mkdir()
    face = Image.fromarray(astronaut())
    turned = Image.Exif()
    turned[0x0112] = 6  # the camera lay on its side
    face.rotate(90, expand=True).save(folder / "turned.jpg", exif=turned, quality=95)
    mask = np.zeros((512, 512), np.uint8)
    mask[:230, 100:360] = 255
    clear = face.convert("RGBA")
    clear.putalpha(Image.fromarray(mask))
    clear.save(folder / "alpha.png")
    Image.fromarray(np.asarray(face.convert("L")).astype(np.uint16) * 257).save(folder / "deep/sixteen.png")
    face.convert("L").save(folder / "deep/grey.webp")
    face.convert("P").save(folder / "palette.png")
    face.crop((0, 0, 512, 300)).save(folder / "wide.tif")
    face.crop((0, 260, 200, 512)).save(folder / "nobody.bmp")
    face.resize((90, 90)).save(folder / "small.png")
    (folder / "broken.jpg").write_bytes(b"\xff\xd8nothing")
    (folder / "deep/notes.txt").write_text("a diary")
    return folder


@pytest.fixture(scope="module")
def made(album: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("set") / "album.zip"
    assert main(["data", "photos", str(album), str(out), "--size", "64"]) == 0
    return out


def test_every_form_of_a_picture_is_the_same_face(made: Path) -> None:
    with zipfile.ZipFile(made) as archive:
        about = json.loads(archive.read("photos.json"))
    assert [image["source"] for image in about["images"]] == list(FORMS)
    images = ImageDataset.open(made)
    assert (len(images), images.resolution, images.posed) == (6, 64, True)
    first = MatrixCamera.from_label(images.label(0))
    grey = [images.image(k).astype(np.float32).mean(axis=0) for k in range(6)]
    for k in range(6):
        assert angle_between(MatrixCamera.from_label(images.label(k)), first) < 3.0
        # in the middle: what is transparent lies on white
        assert np.abs(grey[k] - grey[0])[12:52, 12:52].mean() < 22.0
    assert abs(first.world_from_cam()[0, 3]) < 0.3 and np.linalg.norm(
        first.world_from_cam()[:3, 3]
    ) == pytest.approx(2.7)


def test_what_was_left_out_and_why_is_told(made: Path, album: Path) -> None:
    report, drawing = beside_of(made)
    told = json.loads(report.read_text())
    assert {one["name"]: one["why"] for one in told["left_out"]} == LEFT_OUT
    assert [one["name"] for one in told["taken"]] == list(FORMS) and told["images"] == 6
    with Image.open(drawing) as image:
        assert image.size == (1120, 520)
        pixels = np.asarray(image.convert("RGB")).reshape(-1, 3)
    assert (np.abs(pixels.astype(int) - (0, 114, 178)).sum(axis=1) < 30).sum() >= 6, "the cameras are drawn"
    assert sorted(p.name for p in made.parent.iterdir()) == [
        "album.cameras.png",
        "album.report.json",
        "album.zip",
    ]


def test_angles_for_epigraf_are_those_of_the_labels(made: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(made) as archive:
        document = json.loads(archive.read("dataset.json"))
    (tmp_path / "angles.json").write_text(json.dumps({"camera_angles": document["camera_angles"]}))
    by_angles = read_label_file(tmp_path / "angles.json")
    for name, label in document["labels"]:
        there = MatrixCamera.from_label(by_angles[name]).world_from_cam()[:3, 2]
        assert there @ MatrixCamera.from_label(label).world_from_cam()[:3, 2] > 0.99999
    assert all(abs(yaw) < 0.3 and 1.2 < pitch < 1.9 for _, (yaw, pitch, _) in document["camera_angles"])


@pytest.mark.slow
def test_a_killed_run_goes_on_to_the_same_bytes(made: Path, album: Path, tmp_path: Path) -> None:
    out = tmp_path / "album.zip"
    line = [
        sys.executable,
        "-m",
        "core_model.cli.main",
        "data",
        "photos",
        str(album),
        str(out),
        "--size",
        "64",
    ]
    process = subprocess.Popen(line, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    parts = tmp_path / ".album.zip.parts"
    try:
        until(lambda: len(list(parts.glob("*.json"))) > 3 or process.poll() is not None, "some files", 120)
    finally:
        if process.poll() is None:
            os.kill(process.pid, signal.SIGKILL)
        process.wait()
    kept = {p.name: p.stat().st_mtime_ns for p in parts.glob("*-0.png")}
    if not out.exists():
        assert kept, "a picture was done"
        assert main(line[3:]) == 0
    assert out.read_bytes() == made.read_bytes() and not parts.exists()


def test_pictures_without_cameras_and_with_given_ones(
    album: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plain = tmp_path / "plain.zip"
    assert main(["data", "photos", str(album), str(plain), "--size", "32", "--poses", "none"]) == 0
    images = ImageDataset.open(plain, labels=False)
    assert len(images) == 8 and not images.posed and not beside_of(plain)[1].exists()
    labels = {
        "wide.jpg": label25(OrbitPose(yaw=0.3)).tolist(),
        "nobody.bmp": [1.0] * 25,
        "absent.png": label25(OrbitPose()).tolist(),
    }
    (tmp_path / "labels.json").write_text(json.dumps(labels))
    capsys.readouterr()
    given = tmp_path / "given.zip"
    line = [
        "data",
        "photos",
        str(album),
        str(given),
        "--size",
        "32",
        "--poses",
        str(tmp_path / "labels.json"),
    ]
    assert main(line) == 0
    said = capsys.readouterr().err
    assert "left out: nobody.bmp: a label with" in said and "left out: alpha.png: no label of it" in said
    assert "labels without a picture: 1" in said
    posed = ImageDataset.open(given)
    assert len(posed) == 1 and posed.label(0) == pytest.approx(label25(OrbitPose(yaw=0.3)))


def test_all_faces_of_a_picture(tmp_path: Path) -> None:
    folder = tmp_path / "pair"
    folder.mkdir()
    head = Image.fromarray(astronaut()).crop((140, 20, 320, 200))
    pair = Image.new("RGB", (420, 220), (128, 128, 128))
    pair.paste(head.resize((140, 140)), (20, 40))
    pair.paste(head, (220, 20))
    pair.save(folder / "pair.png")
    for faces, count in (("largest", 1), ("all", 2)):
        out = tmp_path / f"{faces}.zip"
        assert main(["data", "photos", str(folder), str(out), "--size", "32", "--faces", faces]) == 0
        assert len(ImageDataset.open(out)) == count


def test_mistakes_are_one_line(album: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    for words, expected in (
        ([str(empty), str(tmp_path / "a.zip"), "--size", "32"], "no picture could be taken"),
        ([str(tmp_path / "nowhere"), str(tmp_path / "a.zip"), "--size", "32"], "no folder of pictures"),
        ([str(album), str(tmp_path / "a.zip"), "--size", "4"], "bad value of --size"),
        ([str(album), str(tmp_path / "a"), "--size", "32"], "ending .zip"),
        ([str(album), str(tmp_path / "no" / "a.zip"), "--size", "32"], "an existing folder"),
        (
            [str(album), str(tmp_path / "a.zip"), "--size", "32", "--poses", "x.json"],
            "cannot read the labels",
        ),
        ([str(album), str(tmp_path / "a.zip"), "--size", "32", "--least", "0"], "bad value of --least"),
    ):
        assert main(["data", "photos", *words]) == 2
        said = capsys.readouterr().err.strip()
        assert expected in said and "\n" not in said
    assert not (tmp_path / "a.zip").exists()
