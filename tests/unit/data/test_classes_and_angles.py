"""EpiGRAF's `dataset.json`: classes, and cameras as angles."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest

from core_model.data.images import ImageDataset, holds_labels
from core_model.schema.camera import OrbitPose, label25
from core_model.schema.errors import InputError
from tests.unit.data.image_sets import eg3d_files, encoded, picture, write_zip

ANGLES = [[0.1 * i - 0.2, 0.5 * math.pi + 0.05 * i, 0.0] for i in range(5)]


def epigraf_set(path: Path, **document: object) -> Path:
    """Five pictures whose dataset.json names them without extension, in another order."""
    files = {f"c/{i}.png": encoded(picture(i)) for i in range(5)}
    return write_zip(path, files | {"dataset.json": json.dumps(document).encode()})


def table(values: list[object]) -> list[object]:
    return [[f"c/{i}", value] for i, value in reversed(list(enumerate(values)))]


def test_angles_are_cameras_in_front_of_the_subject(tmp_path: Path) -> None:
    path = epigraf_set(tmp_path / "set.zip", camera_angles=table(ANGLES))
    made = ImageDataset.open(path, mirror=True)
    assert holds_labels(path) and any("angles" in note for note in made.notes)
    for i, (yaw, pitch, _) in enumerate(ANGLES):
        assert np.array_equal(made.image(i), picture(i).transpose(2, 0, 1))
        assert np.allclose(made.label(i), label25(OrbitPose(yaw=-yaw, pitch=math.pi / 2 - pitch)), atol=1e-6)
        # the program's own mirroring: the other sign of the yaw
        mirrored = label25(OrbitPose(yaw=yaw, pitch=math.pi / 2 - pitch))
        assert np.allclose(made.label(5 + i), mirrored, atol=1e-6)


def test_classes_follow_the_camera(tmp_path: Path) -> None:
    path = epigraf_set(tmp_path / "set.zip", labels=table([2, 0, 1, 1, 0]), camera_angles=table(ANGLES))
    made = ImageDataset.open(path, classes=3, mirror=True)
    assert made.labels().labels[:, 25].tolist() == [2, 0, 1, 1, 0] * 2 and made.label(7).shape == (26,)
    assert ImageDataset.open(path).label(0).shape == (25,)
    with pytest.raises(InputError, match="expected 2 classes"):
        ImageDataset.open(path, classes=2)


def test_classes_without_cameras(tmp_path: Path) -> None:
    path = epigraf_set(tmp_path / "set.zip", labels=table([2, 0, 1, 1, 0]))
    made = ImageDataset.open(path, labels=False, classes=3)
    assert (
        made.labels().labels[:, 25].tolist() == [2, 0, 1, 1, 0] and not made.posed and not holds_labels(path)
    )
    with pytest.raises(InputError, match="classes but no cameras"):
        ImageDataset.open(path)


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ({"labels": table([0, 1, -1, 0, 0]), "camera_angles": table(ANGLES)}, "bad class of c/2"),
        ({"labels": table([0, 1, 0.5, 0, 0]), "camera_angles": table(ANGLES)}, "bad class of c/2"),
        ({"labels": table([0, 1, 1, 1, 0])[1:], "camera_angles": table(ANGLES)}, "no class of c/4.png"),
        ({"camera_angles": table([[0.0, 1.0]] * 5)}, "bad camera angles of c/4"),
        ({"camera_angles": table([[0.0, float("nan"), 0.0]] * 5)}, "bad camera angles of c/4"),
        ({"camera_angles": 3}, "bad camera angles"),
    ],
)
def test_what_is_wrong_is_named(document: dict[str, object], said: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=said):
        ImageDataset.open(epigraf_set(tmp_path / "set.zip", **document))


def test_a_set_of_eg3d_has_no_classes(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="got none"):
        ImageDataset.open(write_zip(tmp_path / "set.zip", eg3d_files()), classes=3)
