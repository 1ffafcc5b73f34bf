"""Files of an image set on their way to the disk: the same bytes on every run."""

from __future__ import annotations

import io
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from PIL import Image

from core_model.schema.atomic import naming


class Sink(Protocol):
    def write(self, name: str, data: bytes) -> None: ...


@dataclass(frozen=True)
class ZipSink:
    archive: zipfile.ZipFile

    def write(self, name: str, data: bytes) -> None:
        # A fixed time stamp and no host bits: equal content gives equal bytes.
        info = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
        info.create_system = 3
        info.external_attr = 0o644 << 16
        info.compress_type = zipfile.ZIP_DEFLATED if name.endswith(".json") else zipfile.ZIP_STORED
        self.archive.writestr(info, data)


@dataclass(frozen=True)
class FolderSink:
    root: Path

    def write(self, name: str, data: bytes) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with naming(path):
            path.write_bytes(data)


def image_name(index: int) -> str:
    """Name of an image of a set in EG3D's layout."""
    return f"{index // 1000:05d}/img{index:08d}.png"


def png(pixels: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format="PNG", compress_level=4)
    return buffer.getvalue()
