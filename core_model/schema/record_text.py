"""The JSON text of the record inside a file, found without decoding the file.

Headers only, bounded, nothing unpickled.

| file | place |
|---|---|
| .png | iTXt (or tEXt) chunk `triscope` |
| .exr | string attribute `triscope` |
| .npz | 0-d unicode array `provenance` |
| .mp4 | metadata tag `comment` (moov/udta/meta/ilst/©cmt) |
| .csv | row whose first cell is `provenance` |
| .json | key `provenance`, or the document itself |
| .ply .obj | header lines `comment triscope |…|`, `# triscope |…|`: pieces of one text in their order |
| .glb | asset.extras.triscope |
| .html | script element `triscope-record` |
| .pdf | subject of the document information |

Each function takes an open binary file and its size, gives "" where there is no record and raises ValueError
for a damaged file.
"""

from __future__ import annotations

import csv
import io
import json
import re
import struct
import zipfile
import zlib
from collections.abc import Callable
from typing import BinaryIO

import numpy as np

from core_model.schema.record import KEY, NPZ_KEY

TEXT_LIMIT = 8 << 20
"""Longest record that is read: an explicit w of 28 layers x 512 takes 0.3 MB."""
HEAD_BYTES = 1 << 20
JSON_LIMIT = 64 << 20
HTML_START = b'<script type="application/json" id="triscope-record">'
STEPS = 100_000
"""Most chunks, attributes or boxes of a file."""

Reader = Callable[[BinaryIO, int], str]


def png_text(file: BinaryIO, size: int) -> str:
    if file.read(8) != b"\x89PNG\r\n\x1a\n":
        raise ValueError("not a PNG")
    for _ in range(STEPS):
        head = file.read(8)
        if len(head) < 8:
            raise ValueError("the PNG ends early")
        length, kind = struct.unpack(">I4s", head)
        if kind == b"IEND":
            return ""
        if kind in (b"iTXt", b"tEXt") and length <= TEXT_LIMIT:
            found = _png_chunk(kind, file.read(length))
            if found is not None:
                return found
            file.seek(4, io.SEEK_CUR)
        else:
            file.seek(length + 4, io.SEEK_CUR)
    raise ValueError("the PNG has too many chunks")


def _png_chunk(kind: bytes, data: bytes) -> str | None:
    keyword, _, rest = data.partition(b"\0")
    if keyword != KEY.encode():
        return None
    if kind == b"tEXt":
        return rest.decode("latin-1")
    if len(rest) < 2:
        raise ValueError("a damaged text chunk")
    packed, body = rest[0] == 1, rest[2:].split(b"\0", 2)
    if len(body) < 3:
        raise ValueError("a damaged text chunk")
    return (_inflate(body[2]) if packed else body[2]).decode("utf-8")


def _inflate(data: bytes) -> bytes:
    machine = zlib.decompressobj()
    try:
        found = machine.decompress(data, TEXT_LIMIT)
    except zlib.error as error:
        raise ValueError(str(error)) from None
    if machine.unconsumed_tail:
        raise ValueError("the record is too long")
    return found


def exr_text(file: BinaryIO, size: int) -> str:
    if file.read(4) != b"\x76\x2f\x31\x01":
        raise ValueError("not an EXR")
    file.read(4)
    for _ in range(STEPS):
        name = _until_zero(file)
        if not name:
            return ""
        kind, length = _until_zero(file), struct.unpack("<i", _exactly(file, 4))[0]
        if length < 0 or length > size:
            raise ValueError("a damaged EXR attribute")
        if name == KEY.encode() and kind == b"string" and length <= TEXT_LIMIT:
            return _exactly(file, length).decode("utf-8")
        file.seek(length, io.SEEK_CUR)
    raise ValueError("the EXR has too many attributes")


def _until_zero(file: BinaryIO) -> bytes:
    found = bytearray()
    while (byte := _exactly(file, 1)) != b"\0":
        found += byte
        if len(found) > 255:
            raise ValueError("a damaged EXR header")
    return bytes(found)


def _exactly(file: BinaryIO, count: int) -> bytes:
    found = file.read(count)
    if len(found) < count:
        raise ValueError("the file ends early")
    return found


def npz_text(file: BinaryIO, size: int) -> str:
    try:
        with zipfile.ZipFile(file) as archive:
            name = f"{NPZ_KEY}.npy"
            if name not in archive.namelist():
                return ""
            if archive.getinfo(name).file_size > 4 * TEXT_LIMIT:  # numpy keeps text as 4 bytes per letter
                raise ValueError("the record is too long")
            with archive.open(name) as member:
                raw = io.BytesIO(member.read(4 * TEXT_LIMIT))
            found = np.lib.format.read_array(raw, allow_pickle=False)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, zlib.error) as error:
        raise ValueError(str(error) or "damaged archive") from None
    return str(found) if found.dtype.kind == "U" and found.ndim == 0 else ""


def mp4_text(file: BinaryIO, size: int) -> str:
    if _exactly(file, 8)[4:8] != b"ftyp":
        raise ValueError("not an MP4")
    start, end = 0, size
    for wanted, skipped in (
        (b"moov", 0),
        (b"udta", 0),
        (b"meta", 4),
        (b"ilst", 0),
        (b"\xa9cmt", 0),
        (b"data", 8),
    ):
        found = _mp4_box(file, start, end, wanted)
        if found is None:
            return ""
        start, end = found[0] + skipped, found[1]
    if end - start > TEXT_LIMIT:
        raise ValueError("the record is too long")
    file.seek(start)
    return _exactly(file, max(end - start, 0)).decode("utf-8", "replace")


def _mp4_box(file: BinaryIO, start: int, end: int, wanted: bytes) -> tuple[int, int] | None:
    """(begin, end) of the content of the first box of a kind between two places of the file."""
    for _ in range(STEPS):
        if start + 8 > end:
            return None
        file.seek(start)
        length, kind = struct.unpack(">I4s", _exactly(file, 8))
        head = 8
        if length == 1:
            length, head = struct.unpack(">Q", _exactly(file, 8))[0], 16
        if length == 0:
            length = end - start
        if length < head or start + length > end:
            raise ValueError("a damaged MP4 box")
        if kind == wanted:
            return start + head, start + length
        start += length
    raise ValueError("the MP4 has too many boxes")


def csv_text(file: BinaryIO, size: int) -> str:
    text = io.StringIO(file.read(TEXT_LIMIT).decode("utf-8", "replace"))
    try:
        for number, row in enumerate(csv.reader(text)):
            if row and row[0] == NPZ_KEY:
                return row[-1]
            if number > 16:
                return ""
    except csv.Error as error:
        raise ValueError(str(error)) from None
    return ""


def json_text(file: BinaryIO, size: int) -> str:
    if size > JSON_LIMIT:
        raise ValueError(f"{size / 1e6:.0f} MB of JSON: only {JSON_LIMIT / 1e6:.0f} MB are read")
    try:
        document = json.loads(file.read(JSON_LIMIT))
    except RecursionError:
        raise ValueError("the JSON is nested too deeply") from None
    if not isinstance(document, dict):
        return ""
    if isinstance(document.get(NPZ_KEY), dict):
        return json.dumps(document[NPZ_KEY])
    if isinstance(document.get("request"), dict) and "tool" in document:
        return json.dumps(document)
    return json.dumps({"request": document}) if "checkpoint" in document and "camera" in document else ""


def ply_text(file: BinaryIO, size: int) -> str:
    return mesh_lines(file.read(HEAD_BYTES), "comment", KEY)


def obj_text(file: BinaryIO, size: int) -> str:
    return mesh_lines(file.read(HEAD_BYTES), "#", KEY)


def mesh_lines(head: bytes, prefix: str, key: str) -> str:
    """The pieces of one text in the first lines of a .ply or .obj file, put together."""
    start, pieces = f"{prefix} {key} |", []
    for raw in head.split(b"\n"):
        line = raw.decode("ascii", "replace").rstrip("\r")
        if line.startswith(start) and line.endswith("|"):
            pieces.append(line[len(start) : -1])
        elif line == "end_header" or line.startswith("v "):
            break
    return "".join(pieces)


def glb_text(file: BinaryIO, size: int) -> str:
    found = glb_extras(file).get(KEY)
    return json.dumps(found) if found else ""


def glb_extras(file: BinaryIO) -> dict[str, object]:
    """asset.extras of a binary glTF file."""
    head = file.read(20)
    if len(head) < 20 or head[:4] != b"glTF" or head[16:20] != b"JSON":
        raise ValueError("not a binary glTF file")
    (length,) = struct.unpack("<I", head[12:16])
    if length > JSON_LIMIT:
        raise ValueError("glTF description is too long")
    document = json.loads(file.read(length))
    asset = document.get("asset", {}) if isinstance(document, dict) else {}
    found = asset.get("extras", {}) if isinstance(asset, dict) else {}
    return found if isinstance(found, dict) else {}


def html_text(file: BinaryIO, size: int) -> str:
    """The JSON of the page's own script element; `<` is escaped in it."""
    _, found, rest = file.read(HEAD_BYTES + TEXT_LIMIT).partition(HTML_START)
    text, found, _ = rest.partition(b"</script>")
    return text.decode() if found else ""


_PDF_SUBJECT = re.compile(rb"/Subject\s*\(((?:[^\\()]+|\\.)*)\)", re.DOTALL)
PDF_TAILS = (1 << 16, 1 << 20, 4 * TEXT_LIMIT)
"""Bytes of the end of a PDF that are looked at, one after the other: its information stands behind the pictures."""
_PDF_ESCAPE = re.compile(rb"\\([0-7]{1,3}|\r\n|.)", re.DOTALL)
_PDF_NAMED = {
    b"n": b"\n",
    b"r": b"\r",
    b"t": b"\t",
    b"b": b"\b",
    b"f": b"\f",
    b"\n": b"",
    b"\r": b"",
    b"\r\n": b"",
}


def pdf_text(file: BinaryIO, size: int) -> str:
    """The subject of the document information, where it is a record; other programs write other subjects."""
    if file.read(5) != b"%PDF-":
        raise ValueError("not a PDF")
    for length in PDF_TAILS:
        file.seek(max(size - length, 0))
        found = _pdf_string(file.read(length))
        if found is not None:
            wide = found.startswith(b"\xfe\xff")
            text = found[2:].decode("utf-16-be") if wide else found.decode("latin-1")
            return text if text.startswith("{") else ""
        if length >= size:
            break
    return ""


def _pdf_string(tail: bytes) -> bytes | None:
    """The last subject in these bytes; None where there is none, or its end is missing."""
    start = tail.rfind(b"/Subject")
    found = _PDF_SUBJECT.match(tail, start) if start >= 0 else None
    return None if found is None else _PDF_ESCAPE.sub(_pdf_unescaped, found[1])


def _pdf_unescaped(found: re.Match[bytes]) -> bytes:
    letter = found[1]
    return bytes([int(letter, 8) & 255]) if letter[0] in b"01234567" else _PDF_NAMED.get(letter, letter)


READERS: dict[str, Reader] = {
    ".png": png_text, ".exr": exr_text, ".npz": npz_text, ".mp4": mp4_text, ".csv": csv_text, ".json": json_text,
    ".ply": ply_text, ".obj": obj_text, ".glb": glb_text, ".html": html_text,
    ".pdf": pdf_text,
}  # fmt: skip
"""By suffix, lower case."""
