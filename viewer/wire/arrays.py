"""Arrays ⇄ blobs.

raw      as it is, where compressing does not pay
zstd     zstd
shuffle  first bytes of all values, then all second bytes …, then zstd: neighbouring values share their high bytes
delta    the same on the differences of the bit patterns along a row; loses nothing
jpeg, webp  three planes [3, H, W] as a picture of 8 bits, while the view moves; `ArrayHead.values` are the values that
         0 and 255 stand for, pixels without a value (NaN) are a mask of one bit each after the picture

At `scale` N a picture has every N-th row and column only: colours are averaged and interpolated back, of scalar
maps every N-th value is sent as it is and repeated.
"""

from __future__ import annotations

import io
import math
import struct
from typing import Literal, get_args

import numpy as np
import zstandard

from viewer.wire.faults import WireError
from viewer.wire.packets import inflated
from viewer.wire.records import ArrayHead

Picture = Literal["jpeg", "webp"]
MAX_ARRAY = 1 << 30
_DTYPES = frozenset(get_args(ArrayHead.model_fields["dtype"].annotation))
_TINY = 128
_MASK = struct.Struct("<I")


def lossless(name: str, array: np.ndarray, level: int = 1, scale: int = 1) -> tuple[ArrayHead, bytes]:
    """Head and blob of an array of a known type. level: of zstd. scale: every N-th row and column of a map [.., H, W]."""
    kept = array[..., ::scale, ::scale] if scale > 1 else array
    kept = np.ascontiguousarray(kept)
    if kept.dtype.name not in _DTYPES:
        raise ValueError(f"array {name!r}: no place on the line for {kept.dtype}")
    data, how = kept, "zstd"
    wide = kept.dtype.itemsize
    if wide > 1 and kept.size > _TINY:
        how = "shuffle"
        if wide == 4 and kept.ndim >= 2 and kept.shape[-1] > 1:
            how = "delta"
            bits = kept.view(np.uint32)
            steps = np.empty_like(bits)
            steps[..., 0] = bits[..., 0]
            np.subtract(bits[..., 1:], bits[..., :-1], out=steps[..., 1:])
            data = steps
        data = np.ascontiguousarray(data.reshape(-1).view(np.uint8).reshape(-1, wide).T)
    blob = zstandard.ZstdCompressor(level=level).compress(data.reshape(-1).view(np.uint8).data)
    if len(blob) >= kept.nbytes:
        how, blob = "raw", kept.tobytes()
    head = ArrayHead(name=name, dtype=kept.dtype.name, shape=array.shape, how=how, scale=scale)  # type: ignore[arg-type]
    return head, blob


def lossy(
    name: str, array: np.ndarray, quality: int, how: Picture, values: tuple[float, float], scale: int = 1
) -> tuple[ArrayHead, bytes]:
    """Head and blob of three planes [3, H, W] as a picture; values: what 0 and 255 stand for."""
    # Here and in `_picture`: a window whose worker is on the same machine needs no Pillow.
    from PIL import Image

    low, high = values
    holes = np.isnan(array).any(axis=0)
    masked = bool(holes.any())
    scaled = (array - np.float32(low)) * np.float32(255.0 / (high - low)) + np.float32(0.5)
    if masked:
        scaled = np.where(holes, np.float32(0.5), scaled)
    pixels = np.clip(scaled, 0.0, 255.0).astype(np.uint8).transpose(1, 2, 0)
    picture = Image.fromarray(np.ascontiguousarray(pixels))
    if scale > 1:
        size = (-(-picture.width // scale), -(-picture.height // scale))
        picture = picture.resize(size, Image.Resampling.BOX)
    out = io.BytesIO()
    if how == "jpeg":
        picture.save(out, "JPEG", quality=quality, subsampling="4:4:4" if quality > 90 else "4:2:0")
    else:
        picture.save(out, "WEBP", quality=quality, method=0)
    data = out.getvalue()
    mask = zstandard.ZstdCompressor(level=1).compress(np.packbits(holes).tobytes()) if masked else b""
    blob = _MASK.pack(len(data)) + data + mask
    head = ArrayHead(
        name=name, dtype="float32", shape=array.shape, how=how, values=(low, high), scale=scale, masked=masked
    )
    return head, blob


def restored(head: ArrayHead, blob: memoryview) -> np.ndarray:
    """The array, read-only, in memory of its own; raises WireError where blob and head do not agree."""
    dtype = np.dtype(head.dtype)
    if math.prod(head.shape) * dtype.itemsize > MAX_ARRAY:
        raise WireError(f"array {head.name!r} of shape {head.shape} is too large")
    array = _picture(head, blob) if head.how in ("jpeg", "webp") else _plain(head, blob, dtype)
    array.flags.writeable = False
    return array


def _plain(head: ArrayHead, blob: memoryview, dtype: np.dtype) -> np.ndarray:
    shape = head.shape
    if head.scale > 1:
        if len(shape) < 2:
            raise WireError(f"array {head.name!r} has no rows to leave out")
        shape = (*shape[:-2], -(-shape[-2] // head.scale), -(-shape[-1] // head.scale))
    size = math.prod(shape) * dtype.itemsize
    if head.how == "raw" and len(blob) != size:
        raise WireError(f"array {head.name!r}: {len(blob)} bytes, expected {size}")
    data = np.frombuffer(bytearray(blob) if head.how == "raw" else bytearray(inflated(blob, size)), np.uint8)
    if head.how in ("shuffle", "delta"):
        if dtype.itemsize < 2 or head.how == "delta" and (dtype.itemsize != 4 or len(shape) < 2):
            raise WireError(f"array {head.name!r} cannot be packed as {head.how}")
        data = np.ascontiguousarray(data.reshape(dtype.itemsize, -1).T).reshape(-1)
        if head.how == "delta":
            steps = data.view(np.uint32).reshape(shape)
            data = np.cumsum(steps, axis=-1, dtype=np.uint32).reshape(-1)
    array = data.view(dtype).reshape(shape)
    if head.scale > 1:
        array = array.repeat(head.scale, axis=-2).repeat(head.scale, axis=-1)
        array = np.ascontiguousarray(array[..., : head.shape[-2], : head.shape[-1]])
    return array


def _picture(head: ArrayHead, blob: memoryview) -> np.ndarray:
    from PIL import Image, UnidentifiedImageError

    if len(head.shape) != 3 or head.shape[0] != 3 or head.dtype != "float32" or len(blob) < _MASK.size:
        raise WireError(f"array {head.name!r} is no picture")
    height, width = head.shape[1:]
    (size,) = _MASK.unpack_from(blob)
    if size > len(blob) - _MASK.size or min(height, width) < 1:
        raise WireError(f"picture {head.name!r} is cut short")
    small = (-(-width // head.scale), -(-height // head.scale))
    try:
        with Image.open(
            io.BytesIO(bytes(blob[_MASK.size : _MASK.size + size])), formats=(head.how.upper(),)
        ) as found:
            if found.size != small:
                raise WireError(f"picture {head.name!r} of {found.size}, expected {small}")
            picture = found.convert("RGB")
    except (OSError, UnidentifiedImageError, ValueError, SyntaxError, Image.DecompressionBombError) as e:
        raise WireError(f"picture {head.name!r} cannot be read ({str(e)[:80]})") from None
    if head.scale > 1:
        picture = picture.resize((width, height), Image.Resampling.BILINEAR)
    low, high = head.values
    array = np.ascontiguousarray(np.asarray(picture).transpose(2, 0, 1)).astype(np.float32)
    array *= np.float32((high - low) / 255.0)
    array += np.float32(low)
    if head.masked:
        bits = inflated(blob[_MASK.size + size :], -(-width * height // 8))
        holes = np.unpackbits(np.frombuffer(bits, np.uint8), count=width * height).reshape(height, width)
        array[:, holes.astype(bool)] = np.nan
    return array
