"""What a data set holds, before a run is started: number and size of pictures, cameras. Reads headers only."""

from __future__ import annotations

import json
import os
import threading
import zipfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from core_model.schema.home import expanded
from viewer.runs.format import size as size_words

PICTURES = (".png", ".jpg", ".jpeg", ".webp")
LABELS = "dataset.json"
LABEL_BYTES = 512 << 20


@dataclass(frozen=True)
class DataLook:
    """pictures: their number; size: of the first one, pixels; labelled: how many have a camera.

    fault: why it cannot be trained on, else "".
    """

    path: str
    pictures: int = 0
    size: tuple[int, int] = (0, 0)
    labelled: int = 0
    bytes: int = 0
    fault: str = ""

    def words(self) -> str:
        if self.fault:
            return self.fault
        count = f"{self.pictures:,}".replace(",", " ")
        cameras = "each with a camera" if self.labelled else "without cameras"
        return (
            f"{count} images of {self.size[0]} × {self.size[1]} pixels, {cameras}, {size_words(self.bytes)}"
        )


def look(path: str) -> DataLook:
    """Examine a zip or folder in EG3D's layout; problems are in `fault`."""
    place = expanded(path)
    try:
        if place.is_dir():
            return _folder(path, place)
        if place.is_file() and zipfile.is_zipfile(place):
            return _zip(path, place)
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        return DataLook(path, fault=f"cannot be read: {error}")
    return DataLook(path, fault="no such file" if not place.exists() else "neither a folder nor a zip")


class DataLooker:
    """Looks in a thread at the newest path that was asked about."""

    def __init__(
        self, wake: Callable[[], None] | None = None, look_at: Callable[[str], DataLook] = look
    ) -> None:
        self.found: DataLook | None = None
        self._look_at = look_at
        self._wanted = ""
        self._wake = wake

    def want(self, path: str) -> DataLook | None:
        """What is known of `path`; None while it is being looked at."""
        path = path.strip()
        if not path:
            return None
        if path != self._wanted:
            self._wanted = path
            threading.Thread(target=self._work, args=(path,), name="data-look", daemon=True).start()
        return self.found if self.found is not None and self.found.path == path else None

    def _work(self, path: str) -> None:
        found = self._look_at(path)
        if path == self._wanted:
            self.found = found
            if self._wake is not None:
                self._wake()


def _folder(path: str, place: Path) -> DataLook:
    pictures: list[str] = []
    total = 0
    for folder, _, names in os.walk(place):
        for name in names:
            if name.lower().endswith(PICTURES):
                full = os.path.join(folder, name)
                pictures.append(full)
                total += os.path.getsize(full)
    labels = place / LABELS
    text = labels.read_bytes() if labels.is_file() and labels.stat().st_size < LABEL_BYTES else b""
    first = Path(min(pictures)).read_bytes() if pictures else b""
    return _judged(path, len(pictures), first, text, total)


def _zip(path: str, place: Path) -> DataLook:
    with zipfile.ZipFile(place) as archive:
        entries = [e for e in archive.infolist() if e.filename.lower().endswith(PICTURES)]
        label = next((e for e in archive.infolist() if e.filename.rsplit("/", 1)[-1] == LABELS), None)
        text = archive.read(label) if label is not None and label.file_size < LABEL_BYTES else b""
        first = archive.read(min(entries, key=lambda e: e.filename)) if entries else b""
    return _judged(path, len(entries), first, text, place.stat().st_size)


def _judged(path: str, pictures: int, first: bytes, labels: bytes, total: int) -> DataLook:
    from PIL import Image

    if not pictures:
        return DataLook(path, fault="no images in it (.png, .jpg, .webp)")
    with Image.open(BytesIO(first)) as image:
        size = image.size
    labelled = 0
    fault = ""
    if labels:
        try:
            told = json.loads(labels).get("labels") or []
            labelled = len(told)
        except (ValueError, AttributeError):
            fault = f"{LABELS} cannot be read"
    # Maps of known truth may lie beside the pictures: where there are labels, they say what is trained on.
    return DataLook(path, labelled or pictures, size, labelled, total, fault)


def known_data(runs: Iterable[Path], folder: Path) -> str:
    """A data set to begin with: that of the newest run whose data is still there, else one that lies in `folder`
    or in a folder of it; "" where there is none.
    """
    for run in runs:
        try:
            path = json.loads((run / "config.json").read_bytes())["data"]["path"]
        except (OSError, ValueError, KeyError, TypeError):
            continue
        if path and Path(path).exists():
            return str(path)
    try:
        inside = sorted(p for p in folder.iterdir() if not p.name.startswith("."))
    except OSError:
        return ""
    for path in inside:
        if path.is_dir() and (path / "dataset.json").is_file():
            return str(path)
    return next((str(path) for path in inside if path.suffix == ".zip" and _is_data_set(path)), "")


def _is_data_set(path: Path) -> bool:
    try:
        with zipfile.ZipFile(path) as found:
            return "dataset.json" in found.namelist()
    except (OSError, zipfile.BadZipFile):
        return False
