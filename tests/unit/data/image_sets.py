"""Small image sets on disk for the tests of the data readers."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

import numpy as np
from PIL import Image

from core_model.data.head_cameras import camera_label, look_at_camera


def picture(seed: int, size: int = 8, width: int | None = None) -> np.ndarray:
    """[size, width, 3] uint8 noise."""
    return np.random.RandomState(seed).randint(0, 256, (size, width or size, 3)).astype(np.uint8)


def encoded(pixels: np.ndarray, kind: str = "PNG") -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format=kind)
    return buffer.getvalue()


def label(yaw: float, pitch: float = 0.1) -> list[float]:
    return camera_label(look_at_camera(yaw, pitch))


def eg3d_files(count: int = 5, size: int = 8) -> dict[str, bytes]:
    """name → bytes of a set in EG3D's layout; image i is `picture(i)` with `label(0.1 i - 0.2)`."""
    names = [f"00000/img{i:08d}.png" for i in range(count)]
    files = {name: encoded(picture(i, size)) for i, name in enumerate(names)}
    labels = [[name, label(0.1 * i - 0.2)] for i, name in enumerate(names)]
    return files | {"dataset.json": json.dumps({"labels": labels}).encode()}


def write_zip(path: Path, files: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


def write_folder(path: Path, files: dict[str, bytes]) -> Path:
    for name, data in files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(data)
    return path
