"""Where a picture, an array file or a video came from, written into it and read back.

| file | place |
|---|---|
| .png | iTXt chunk `triscope` |
| .exr | string attribute `triscope` |
| .npz | 0-d unicode array `provenance` |
| .mp4 | metadata tag `comment` |
| .json | key `provenance` |
| .ply .obj .glb | see `core_model.meshing.formats.embedded` |
"""

from __future__ import annotations

import json
import os
import time
import zipfile
from pathlib import Path

import numpy as np
from pydantic import Field, ValidationError

import core_model
from core_model.schema.errors import InputError
from core_model.schema.frozen import Frozen
from core_model.schema.render import RenderRequest

KEY = "triscope"
NPZ_KEY = "provenance"
VIDEO_KEY = "comment"


class DisplayRange(Frozen):
    """How a scalar channel became colours: `low` and `high` in `unit` are the ends of the colour map."""

    channel: str
    colormap: str
    low: float
    high: float
    unit: str = ""


class RenderRecord(Frozen):
    """Everything needed to make the file again with the same checkpoint (known by its SHA-256)."""

    tool: str = "triscope"
    version: str = Field(default_factory=lambda: core_model.__version__)
    created: str = Field(default_factory=lambda: utc_now(), description="UTC, ISO 8601")
    checkpoint_sha256: str = ""
    family: str = ""
    request: RenderRequest
    display: tuple[DisplayRange, ...] = ()
    motion: str = Field(default="", description="camera path of a video, as the options that make it")


def utc_now() -> str:
    """Time of making; SOURCE_DATE_EPOCH replaces it where builds must be repeatable."""
    epoch = os.environ.get("SOURCE_DATE_EPOCH", "")
    seconds = int(epoch) if epoch.isdecimal() else time.time()
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def read_provenance(path: str | os.PathLike[str]) -> RenderRecord:
    """The record inside a file that triscope wrote; raises InputError for any other file."""
    path = Path(path)
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise InputError(
            what="cannot hold provenance",
            where=str(path),
            expected=f"one of {', '.join(_READERS)}",
            got=path.suffix,
        )
    if not path.is_file():
        raise InputError(
            what="file not found", where=str(path), expected="a file that triscope wrote", got="nothing"
        )
    try:
        text = reader(path)
    except (OSError, ValueError, EOFError, SyntaxError, RuntimeError, zipfile.BadZipFile) as error:
        raise InputError(
            what="cannot read the file", where=str(path), got=str(error) or type(error).__name__
        ) from None
    if not text:
        raise InputError(
            what="no provenance", where=str(path), expected="a file that triscope wrote", got="no record"
        )
    try:
        return RenderRecord.model_validate_json(text)
    except ValidationError as error:
        raise InputError(
            what="damaged provenance", where=str(path), got=f"{error.error_count()} wrong fields"
        ) from None


def _read_png(path: Path) -> str:
    from PIL import Image

    with Image.open(path, formats=["PNG"]) as image:
        return str(image.info.get(KEY, ""))


def _read_exr(path: Path) -> str:
    import OpenEXR

    with OpenEXR.File(str(path), header_only=True) as file:
        return str(file.header().get(KEY, ""))


def _read_npz(path: Path) -> str:
    loaded = np.load(path, allow_pickle=False)
    if isinstance(loaded, np.ndarray):  # a .npy under another name
        return ""
    with loaded as file:
        return str(file[NPZ_KEY]) if NPZ_KEY in file.files else ""


def _read_mp4(path: Path) -> str:
    import av
    import av.error

    try:
        with av.open(str(path)) as container:
            return container.metadata.get(VIDEO_KEY, "")
    except av.error.FFmpegError as error:
        raise ValueError(str(error)) from None


def _read_json(path: Path) -> str:
    document = json.loads(path.read_text(encoding="utf-8"))
    record = document.get(NPZ_KEY) if isinstance(document, dict) else None
    return json.dumps(record) if record else ""


def _read_mesh(path: Path) -> str:
    from core_model.meshing.formats.embedded import read_record

    return read_record(path)


_READERS = {".png": _read_png, ".exr": _read_exr, ".npz": _read_npz, ".mp4": _read_mp4, ".json": _read_json}
_READERS |= {".ply": _read_mesh, ".obj": _read_mesh, ".glb": _read_mesh}
