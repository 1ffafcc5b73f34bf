"""One image of a set: bytes → pixels, without trusting the bytes."""

from __future__ import annotations

import io
import struct
import warnings
import zlib

import numpy as np
from PIL import Image

MAX_EDGE = 16384
MAX_PIXELS = 8192 * 8192
_FORMATS = ("PNG", "JPEG", "WEBP")
_MODES = ("1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr")
_BROKEN = (OSError, ValueError, SyntaxError, EOFError, MemoryError, RuntimeError, OverflowError, struct.error, zlib.error, TypeError,
           IndexError, KeyError, Image.DecompressionBombError)  # fmt: skip


class BadImage(Exception):
    """Bytes that are no usable image; the message is a few words."""


def image_size(data: bytes) -> tuple[int, int]:
    """(width, height) from the header alone; raises BadImage."""
    with _opened(data) as image:
        return image.size


def decode(data: bytes, *, crop: bool = False, resolution: int | None = None) -> np.ndarray:
    """[3, S, S] uint8, sRGB; raises BadImage.

    Grey and palette images become RGB; what is transparent lies on white. `crop` takes the middle square of
    an image that is not one; `resolution` shrinks it to that edge by the mean over the area of each pixel (it
    never enlarges).
    """
    with _opened(data) as image:
        try:
            if image.mode in ("LA", "PA", "RGBA") or "transparency" in image.info:
                over = image.convert("RGBA")
                base = Image.new("RGBA", over.size, (255, 255, 255, 255))
                rgb = Image.alpha_composite(base, over).convert("RGB")
            else:
                rgb = image.convert("RGB")
        except _BROKEN as error:
            raise BadImage(f"cannot be decoded ({_short(error)})") from None
    width, height = rgb.size
    if width != height:
        if not crop:
            raise BadImage(f"is {width} x {height}, not square")
        edge = min(width, height)
        left, top = (width - edge) // 2, (height - edge) // 2
        rgb = rgb.crop((left, top, left + edge, top + edge))
    if resolution is not None and rgb.width != resolution:
        if rgb.width < resolution:
            raise BadImage(f"is {rgb.width} pixels wide, smaller than {resolution}")
        if rgb.width % resolution == 0:
            return _area_mean(np.asarray(rgb, dtype=np.uint8), rgb.width // resolution)
        rgb = rgb.resize((resolution, resolution), Image.Resampling.BOX)
    return np.ascontiguousarray(np.asarray(rgb, dtype=np.uint8).transpose(2, 0, 1))


def _area_mean(pixels: np.ndarray, factor: int) -> np.ndarray:
    """[H, W, 3] → [3, H/f, W/f].

    Rounded once; Pillow rounds after each axis, which lightens the whole set by ¼ step.
    """
    h, w, _ = pixels.shape
    blocks = pixels.transpose(2, 0, 1).reshape(3, h // factor, factor, w // factor, factor)
    return np.rint(blocks.mean(axis=(2, 4), dtype=np.float32)).astype(np.uint8)


def _opened(data: bytes) -> Image.Image:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            image = Image.open(io.BytesIO(data), formats=_FORMATS)
    except _BROKEN as error:
        raise BadImage(f"is no PNG, JPEG or WebP ({_short(error)})") from None
    width, height = image.size
    if not (0 < width <= MAX_EDGE and 0 < height <= MAX_EDGE and width * height <= MAX_PIXELS):
        raise BadImage(f"is {width} x {height}, more than {MAX_PIXELS:,} pixels")
    if image.mode not in _MODES:
        raise BadImage(f"has pixels of mode {image.mode}, not 8-bit colour or grey")
    return image


def _short(error: BaseException) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    # Pillow names the memory address of the stream, which tells nobody anything.
    return "unknown or damaged header" if "cannot identify" in text else text[:120]
