"""A photograph for the window: its pixels, and its faces in a checkpoint's convention."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from PIL import Image

from core_model.data.faces.find import Face
from core_model.queries import QuerySession, answer, photo
from core_model.schema.errors import InputError
from core_model.schema.portrait import Convention
from core_model.schema.question_photo import FacesQuestion, PhotoQuestion
from tests.contracts.tiny_checkpoint import save_tiny


def ask(path: Path, edge: int = 1024) -> photo.Answer:
    return photo.answer_photo(cast(Any, None), PhotoQuestion(photo=str(path), edge=edge), lambda: False)


def test_pixels_are_upright_over_white_and_no_larger_than_asked(tmp_path: Path) -> None:
    image = Image.new("RGBA", (60, 30), (255, 0, 0, 0))
    exif = Image.Exif()
    exif[0x0112] = 6  # lies on its side
    image.save(tmp_path / "a.png", exif=exif)
    found = ask(tmp_path / "a.png", 20)
    assert (found.values["width"], found.values["height"]) == (30, 60)
    assert found.arrays["pixels"].shape == (20, 10, 3) and np.all(found.arrays["pixels"] == 1.0)
    with pytest.raises(InputError, match="photograph not found"):
        ask(tmp_path / "none.png")


def test_faces_come_with_crop_and_camera_of_the_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_tiny(tmp_path / "base.safetensors")
    Image.new("RGB", (80, 60)).save(tmp_path / "a.png")
    mesh = tuple((float(i % 30), float(i // 30)) for i in range(468))
    points = ((30.0, 20.0), (50.0, 20.0), (40.0, 32.0), (33.0, 40.0), (47.0, 40.0))
    face = Face((20.0, 10.0, 60.0, 50.0), 0.9, points, mesh)
    monkeypatch.setattr(photo, "find_faces", lambda image: (face,))
    monkeypatch.setattr(Face, "portrait", lambda self, convention: photo_portrait(self, convention))
    session = QuerySession(device="cpu")
    question = FacesQuestion(checkpoint=str(tmp_path / "base.safetensors"), photo=str(tmp_path / "a.png"))
    found = answer(session, question, lambda: False)
    Convention.model_validate_json(found.values["convention"])
    assert found.values["own"] is False, "noise shows no face"
    assert found.arrays["points"].tolist() == [[v for point in points for v in point]]
    assert found.arrays["boxes"].shape == (1, 4) and found.arrays["labels"].shape == (1, 25)
    assert found.arrays["crops"][0, 2] > 20.0


def photo_portrait(face: Face, convention: Convention) -> Any:
    from core_model.schema.portrait import portrait_of

    return portrait_of(np.array(face.points), convention)
