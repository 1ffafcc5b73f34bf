"""What torch.save writes today: a zip container with one pickle and one stored entry for each storage.

torch never compresses its entries. Compressed ones are refused, and the entries together may not be larger
than the file: with that there is no zip bomb, neither by compression nor by overlapping entries.
"""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Callable
from typing import Any

from core_model.checkpoints.importing.arrays import item_bytes
from core_model.checkpoints.importing.limits import Budget
from core_model.checkpoints.importing.machine import Machine, World
from core_model.checkpoints.importing.records import Storage
from core_model.checkpoints.importing.refusal import Refusal, shown

ZIP_START = b"PK\x03\x04"
_DIRECTORY_ENTRY = b"PK\x01\x02"
_PICKLE = "data.pkl"
_BROKEN = (
    zipfile.BadZipFile, zlib.error, struct.error, EOFError, OSError, ValueError, KeyError,
    RuntimeError, OverflowError, AttributeError,
)  # fmt: skip


def read_archive(
    data: bytes, world: Callable[[Callable[[str, str, int], Storage]], World], budget: Budget
) -> Any:
    """The object of a zip file that torch.save wrote. Raises Refusal."""
    directory = data.count(_DIRECTORY_ENTRY)  # before zipfile makes an object of each
    if directory > budget.limits.archive_entries:
        limit = budget.limits.archive_entries
        raise Refusal("too many entries in the zip file", f"at most {limit:,}", f"{directory:,}")
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
        entries = {info.filename: info for info in archive.infolist()}
    except _BROKEN as error:
        raise Refusal("broken zip file", "an archive of torch.save", shown(str(error))) from None
    _check_entries(archive.infolist(), entries, len(data))
    pickles = [name for name in entries if name.split("/")[-1] == _PICKLE and name.count("/") <= 1]
    if len(pickles) != 1:
        raise Refusal("not an archive of torch.save", f"one entry {_PICKLE}", f"{len(pickles)}")
    prefix = pickles[0].removesuffix(_PICKLE)
    order = f"{prefix}byteorder"
    if order in entries and _read(archive, entries[order]).strip() != b"little":
        raise Refusal("bad archive", "little-endian data", "another byte order")
    found: dict[str, Storage] = {}

    def find(kind: str, key: str, count: int) -> Storage:
        if key not in found:
            name = f"{prefix}data/{key}"
            if name not in entries:
                raise Refusal("bad archive", "an entry for each storage", f"none for {shown(key)}")
            need = count * item_bytes(kind)
            if entries[name].file_size != need:
                raise Refusal("truncated storage", f"{need:,} bytes", f"{entries[name].file_size:,}")
            found[key] = Storage(kind, count, memoryview(_read(archive, entries[name])))
        known = found[key]
        if (known.kind, known.count) != (kind, count):
            raise Refusal("bad storage", "the same class and size wherever it is named", shown(key))
        return known

    stream = memoryview(_read(archive, entries[pickles[0]]))
    value, end = Machine(stream, world(find), budget).run()
    if end != len(stream):
        raise Refusal("broken pickle", "nothing after its end", f"{len(stream) - end:,} bytes")
    return value


def _check_entries(listed: list[zipfile.ZipInfo], entries: dict[str, zipfile.ZipInfo], size: int) -> None:
    if len(entries) != len(listed):
        raise Refusal("broken zip file", "each entry once", f"{len(listed) - len(entries)} repeated")
    packed = [e for e in listed if e.compress_type != zipfile.ZIP_STORED or e.flag_bits & 1]
    if packed:
        raise Refusal(
            "compressed or encrypted zip entry",
            "stored entries, as torch.save writes them",
            f"{shown(packed[0].filename)} of {packed[0].file_size:,} bytes from {packed[0].compress_size:,}",
        )
    total = sum(max(e.file_size, e.compress_size) for e in listed)
    if total > size:
        raise Refusal("zip entries are larger than the file", f"at most {size:,} bytes", f"{total:,}")


def _read(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    try:
        data = archive.read(entry)
    except _BROKEN as error:
        raise Refusal("broken zip file", "a readable entry", shown(str(error))) from None
    if len(data) != entry.file_size:
        raise Refusal("truncated zip entry", f"{entry.file_size:,} bytes", f"{len(data):,}")
    return data
