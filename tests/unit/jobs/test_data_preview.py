"""Sixteen pictures and the cameras of a data set, in the layouts that are known."""

from __future__ import annotations

import json
import math
import time
import zipfile
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core_model.schema.camera import OrbitPose, label25
from viewer.jobs.data_preview import COUNT, EDGE, DataPreviewer, preview


def png(tone: int, size: tuple[int, int] = (20, 20)) -> bytes:
    out = BytesIO()
    Image.new("RGB", size, (tone, 0, 0)).save(out, format="PNG")
    return out.getvalue()


def labelled(path: Path, count: int) -> None:
    labels = [[f"00000/img{i:04d}.png", label25(OrbitPose(yaw=0.01 * i)).tolist()] for i in range(count)]
    with zipfile.ZipFile(path, "w") as out:
        for number, (name, _) in enumerate(labels):
            out.writestr(name, png(number))
            out.writestr(f"normals/{name}", png(255))
        out.writestr("dataset.json", json.dumps({"labels": labels}))


def test_a_set_with_cameras(tmp_path: Path) -> None:
    labelled(tmp_path / "set.zip", 40)
    found = preview(str(tmp_path / "set.zip"))
    assert not found.fault and found.of_pictures and len(found.names) == COUNT
    assert found.tiles.shape == (COUNT, EDGE, EDGE, 3) and found.tiles[:, 0, 0, 0].max() == 39, (
        "evenly, the last too"
    )
    assert len(found.cameras) == 40 and len({n for n in found.names if "normals" in n}) == 0
    first = label25(OrbitPose(yaw=0.01 * int(found.names[5][-8:-4])))[:16].reshape(4, 4)
    assert np.allclose(found.cameras[5], first), "the cameras of the pictures come first, in their order"
    assert np.allclose(found.fovs, OrbitPose().fov, atol=1e-5)


def test_own_pictures_of_any_shape_and_a_folder(tmp_path: Path) -> None:
    for number in range(3):
        (tmp_path / f"p{number}.png").write_bytes(png(number, (40 + 20 * number, 30)))
    found = preview(str(tmp_path))
    assert found.tiles.shape == (3, EDGE, EDGE, 3) and len(found.cameras) == 0 and not found.of_pictures


def test_angles_are_cameras_too(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(png(1))
    (tmp_path / "dataset.json").write_text(
        json.dumps({"labels": [["a.png", 3]], "camera_angles": [["a.png", [0.0, 0.5 * math.pi, 0.0]]]})
    )
    found = preview(str(tmp_path))
    assert np.allclose(found.cameras[0], label25(OrbitPose())[:16].reshape(4, 4), atol=1e-6)


@pytest.mark.parametrize("text", ["{", '{"labels": 3}', '{"labels": [["x.png", [1]]]}', "[1, 2]"])
def test_damaged_labels_are_no_cameras_or_a_fault(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.png").write_bytes(png(1))
    (tmp_path / "dataset.json").write_text(text)
    found = preview(str(tmp_path))
    assert found.fault or not len(found.cameras)


def test_nothing_there_is_said_and_the_thread_answers_once(tmp_path: Path) -> None:
    assert preview(str(tmp_path / "none.zip")).fault and preview(str(tmp_path)).fault
    labelled(tmp_path / "set.zip", 2)
    looker = DataPreviewer()
    found = None
    for _ in range(500):
        found = looker.want(str(tmp_path / "set.zip"))
        if found is not None:
            break
        time.sleep(0.01)
    assert found is not None and len(found.names) == 2
