"""Sets that are damaged or made to do harm: one clear line each, and nothing outside the set is touched."""

from __future__ import annotations

import io
import json
import os
import struct
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core_model.data.image_files import BadImage, decode
from core_model.data.images import ImageDataset
from core_model.data.labels import label_fault, label_faults
from core_model.data.sources import ZipSource, open_source
from core_model.schema.errors import InputError
from tests.unit.data.image_sets import eg3d_files, encoded, label, picture, write_folder, write_zip


def one_line(error: pytest.ExceptionInfo[InputError]) -> str:
    text = str(error.value)
    assert "\n" not in text and len(text) < 600
    return text


def with_label(value: object) -> dict[str, bytes]:
    files = eg3d_files(2)
    document = json.loads(files["dataset.json"])
    document["labels"][1][1] = value
    return files | {"dataset.json": json.dumps(document).encode()}


def zip_with(tmp_path: Path, *entries: tuple[zipfile.ZipInfo, bytes]) -> Path:
    path = write_zip(tmp_path / "bad.zip", eg3d_files(1))
    with zipfile.ZipFile(path, "a") as archive:
        for info, data in entries:
            archive.writestr(info, data)
    return path


@pytest.mark.parametrize(
    "name",
    ["../evil.png", "/etc/evil.png", "a/../../evil.png", "C:/evil.png", "a\\..\\evil.png", "bad\nname.png"],
)
def test_names_that_leave_the_folder_are_refused(name: str, tmp_path: Path) -> None:
    info = zipfile.ZipInfo("placeholder")
    info.filename = name
    with pytest.raises(InputError, match="unsafe zip entry") as error:
        open_source(zip_with(tmp_path, (info, b"x")))
    one_line(error)
    assert not (tmp_path / "evil.png").exists() and not (tmp_path.parent / "evil.png").exists()


def test_links_encrypted_and_repeated_entries_are_refused(tmp_path: Path) -> None:
    link = zipfile.ZipInfo("link.png")
    link.create_system, link.external_attr = 3, 0o120777 << 16
    with pytest.raises(InputError, match="a link"):
        open_source(zip_with(tmp_path, (link, b"/etc/passwd")))
    with pytest.warns(UserWarning, match="Duplicate"):
        path = zip_with(tmp_path, (zipfile.ZipInfo("00000/img00000000.png"), b"x"))
    with pytest.raises(InputError, match="repeated"):
        open_source(path)
    data = bytearray(write_zip(tmp_path / "e.zip", {"a.png": b"x"}).read_bytes())
    data[data.index(b"PK\x01\x02") + 8] |= 1
    (tmp_path / "e.zip").write_bytes(data)
    with pytest.raises(InputError, match="encrypted"):
        open_source(tmp_path / "e.zip")


def test_a_zip_bomb_costs_nothing(tmp_path: Path) -> None:
    path = tmp_path / "bomb.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.png", bytes(80 << 20))
        archive.writestr("dataset.json", json.dumps({"labels": [["a.png", label(0.0)]]}))
    with pytest.raises(InputError, match="too long"):
        ImageDataset.open(path)
    # the directory claims a short file: reading stops there or says that the entry is damaged
    data = bytearray(path.read_bytes())
    at = data.index(b"PK\x01\x02")
    data[at + 24 : at + 28] = struct.pack("<I", 100)
    path.write_bytes(data)
    with pytest.raises(InputError, match=r"damaged|unreadable|too long"):
        ImageDataset.open(path)


def test_overlapping_entries_are_refused(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "o.zip", {f"{i}.png": os.urandom(2000) for i in range(4)})
    data = bytearray(path.read_bytes())
    at = 0
    while (at := data.find(b"PK\x01\x02", at)) >= 0:
        data[at + 20 : at + 24] = struct.pack("<I", 7000)
        at += 4
    path.write_bytes(data)
    with pytest.raises(InputError, match="overlapping"):
        ZipSource(path)


def test_a_png_of_enormous_size_is_not_decoded() -> None:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 50000, 50000, 8, 2, 0, 0, 0))
    png = b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")
    with pytest.raises(BadImage, match=r"50000 x 50000|2500000000 pixels"):
        decode(png)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"not an image",
        b"\x89PNG\r\n\x1a\n",
        b"\xff\xd8\xff" + bytes(50),
        b"GIF89a" + bytes(40),
        b"%!PS-Adobe",
    ],
)
def test_other_bytes_are_no_images(data: bytes) -> None:
    with pytest.raises(BadImage):
        decode(data)


def test_sixteen_bit_images_are_refused() -> None:
    buffer = io.BytesIO()
    Image.fromarray(np.full((8, 8), 1000, np.uint16)).save(buffer, format="PNG")
    with pytest.raises(BadImage, match="8-bit"):
        decode(buffer.getvalue())


def test_random_damage_ends_in_one_line(tmp_path: Path) -> None:
    whole = write_zip(tmp_path / "w.zip", eg3d_files(2)).read_bytes()
    rng = np.random.RandomState(0)
    path = tmp_path / "d.zip"
    outcomes = set()
    for _ in range(150):
        data = bytearray(whole)
        for _ in range(rng.randint(1, 6)):
            data[rng.randint(len(data))] = rng.randint(256)
        path.write_bytes(data[: rng.randint(1, len(data) + 1)] if rng.rand() < 0.3 else data)
        try:
            data_set = ImageDataset.open(path)
            for i in range(len(data_set)):
                data_set[i]
            outcomes.add("read")
        except InputError as error:
            assert "\n" not in str(error)
            outcomes.add("refused")
    assert outcomes == {"read", "refused"}


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ([1.0] * 24, "24 entries"),
        (3, "25 numbers"),
        (None, "25 numbers"),
        (["a"] * 25, "no numbers"),
        ([True] * 25, "no numbers"),
        ([float("nan")] * 25, "NaN"),
        ([10**400] * 25, "NaN or infinite"),
        ([0.0] * 25, "0 0 0 1"),
    ],
)
def test_bad_labels_are_named(value: object, said: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=said) as error:
        ImageDataset.open(write_zip(tmp_path / "s.zip", with_label(value)))
    assert "img00000001" in one_line(error)


def test_faults_of_labels_one_by_one_and_together_agree() -> None:
    good = np.array(label(0.3))
    rows = {"": good}
    changes = (
        ("NaN", 3, np.nan),
        ("0 0 0 1", 15, 2.0),
        ("orthonormal", 0, 3.0),
        ("positive", 16, -1.0),
        ("pixels", 18, 256.0),
    )
    for fault, place, value in changes:
        rows[fault] = np.where(np.arange(25) == place, value, good)
    mirrored = good.copy()
    mirrored[[0, 4, 8]] *= -1
    rows["determinant"] = mirrored
    for fault, row in rows.items():
        assert fault in label_fault(row) and bool(label_fault(row)) == bool(fault)
    assert label_faults(np.stack(list(rows.values()))).tolist() == [bool(f) for f in rows]


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{",
        b"[" * 100_000,
        b'{"labels": 3}',
        b'{"labels": [3]}',
        b'{"labels": [["a.png"]]}',
        b"\xff\xfe",
        b"null",
        b"7",
    ],
)
def test_damaged_label_files_are_one_line(text: bytes, tmp_path: Path) -> None:
    with pytest.raises(InputError) as error:
        ImageDataset.open(write_zip(tmp_path / "s.zip", eg3d_files(1) | {"dataset.json": text}))
    assert "dataset.json" in one_line(error)


def test_labels_cannot_name_files_outside(tmp_path: Path) -> None:
    (tmp_path / "secret.png").write_bytes(encoded(picture(1)))
    files = {
        "dataset.json": json.dumps({"labels": [["../secret.png", label(0.0)]]}).encode(),
        "a.png": encoded(picture(0)),
    }
    with pytest.raises(InputError, match="labels of other images"):
        ImageDataset.open(write_folder(tmp_path / "set", files))


def test_what_is_no_set_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "text.zip").write_text("hello")
    for path, said in (
        (tmp_path / "none", "nothing"),
        (tmp_path / "text.zip", "another kind"),
        (tmp_path / "empty", "no images"),
    ):
        with pytest.raises(InputError, match=said) as error:
            ImageDataset.open(path, labels=False)
        assert str(path) in one_line(error)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_pipe_among_the_images_does_not_hang(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "set", {"b.png": encoded(picture(0))})
    os.mkfifo(folder / "c.png")
    images = ImageDataset.open(folder, labels=False)
    with pytest.raises(InputError, match=r"c\.png"):
        [images[i] for i in range(len(images))]
