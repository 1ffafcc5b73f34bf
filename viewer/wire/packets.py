"""A message: a record (JSON) and its blobs, as one run of bytes.

4  length of the JSON as stored     4  its length before zstd; 0 = stored as it is     4  number of blobs
8  length of each blob, then the JSON, then the blobs
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

import zstandard
from pydantic import ValidationError

from core_model.schema.complaint import first_complaint
from viewer.wire.faults import WireError
from viewer.wire.records import RECORD, Record

MAX_JSON = 16 << 20
MAX_BLOBS = 64
_SMALL = 400
_HEAD = struct.Struct("<III")
_LENGTH = struct.Struct("<Q")


def packed(record: Record, blobs: Sequence[bytes | memoryview] = ()) -> bytes:
    """The bytes of a message. Raises ValueError where it is larger than the other side takes."""
    text = RECORD.dump_json(record)
    if len(text) > MAX_JSON or len(blobs) > MAX_BLOBS:
        raise ValueError(f"message {record.kind}: {len(text)} bytes of JSON and {len(blobs)} blobs")
    plain = 0
    if len(text) > _SMALL:
        plain, text = len(text), zstandard.ZstdCompressor(level=3).compress(text)
    head = _HEAD.pack(len(text), plain, len(blobs)) + b"".join(_LENGTH.pack(len(b)) for b in blobs)
    return b"".join((head, text, *blobs))


def unpacked(data: bytes | bytearray) -> tuple[Record, list[memoryview]]:
    """Record and blobs of a message; raises WireError."""
    whole = memoryview(data)
    if len(whole) < _HEAD.size:
        raise WireError("a message without a head")
    stored, plain, count = _HEAD.unpack_from(whole)
    at = _HEAD.size + count * _LENGTH.size
    if stored > MAX_JSON or plain > MAX_JSON or count > MAX_BLOBS or len(whole) < at + stored:
        raise WireError("a message whose head makes no sense")
    lengths = [_LENGTH.unpack_from(whole, _HEAD.size + i * _LENGTH.size)[0] for i in range(count)]
    if at + stored + sum(lengths) != len(whole):
        raise WireError("a message whose parts do not add up")
    text = bytes(whole[at : at + stored])
    if plain:
        text = inflated(text, plain)
    try:
        record = RECORD.validate_json(text)
    except ValidationError as e:
        first = first_complaint(e)
        raise WireError(
            f"a message that is not understood ({first.place[:80]}: {first.says[:120]})"
        ) from None
    blobs, at = [], at + stored
    for length in lengths:
        blobs.append(whole[at : at + length])
        at += length
    return record, blobs


def inflated(data: bytes | memoryview, size: int) -> bytes:
    """zstd data that holds exactly `size` bytes; raises WireError, and takes no more memory than that."""
    try:
        if zstandard.get_frame_parameters(bytes(data[:32])).content_size != size:
            raise WireError("compressed data of another size than it said")
        out = zstandard.ZstdDecompressor().decompress(bytes(data), max_output_size=size)
    except zstandard.ZstdError as e:
        raise WireError(f"compressed data cannot be read ({e})") from None
    if len(out) != size:
        raise WireError("compressed data of another size than it said")
    return out
