"""One photograph as a person has it: any size, turned by EXIF, with alpha, 16-bit or grey."""

from __future__ import annotations

import io
import math
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from core_model.schema.errors import InputError
from core_model.schema.portrait import Crop

MAX_BYTES, MAX_PIXELS = 1 << 28, 16384 * 8192
CROP_EDGE = 1024
"""Largest edge of a crop, pixels."""
_EXPECTED = "a photograph (PNG, JPEG, WebP, TIFF)"
_FORMATS = ("PNG", "JPEG", "WEBP", "TIFF", "BMP")


@dataclass(frozen=True)
class Photo:
    """rgb [H, W, 3] float32 in [0, 1], sRGB; alpha [H, W] in [0, 1], None where it has none."""

    rgb: np.ndarray
    alpha: np.ndarray | None

    @property
    def size(self) -> tuple[int, int]:
        """(width, height)."""
        return self.rgb.shape[1], self.rgb.shape[0]


def read_photo(path: Path) -> Photo:
    """The photograph upright; raises InputError for anything that is none."""
    where = str(path)
    try:
        if not path.is_file():
            raise InputError(what="photograph not found", where=where, expected=_EXPECTED, got="no such file")
        if path.stat().st_size > MAX_BYTES:
            raise InputError(
                what="photograph is too large", where=where, expected=f"at most {MAX_BYTES >> 20} MiB"
            )
        return decode_photo(path.read_bytes(), where)
    except OSError as error:
        raise InputError(
            what="cannot read the photograph",
            where=where,
            expected=_EXPECTED,
            got=error.strerror or str(error),
        ) from None


def decode_photo(data: bytes, where: str) -> Photo:
    """`read_photo` of a file's bytes."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(data), formats=_FORMATS) as image:
                if image.width * image.height > MAX_PIXELS:
                    raise InputError(
                        what="photograph is too large", where=where, expected=f"at most {MAX_PIXELS:,} pixels"
                    )
                return _converted(ImageOps.exif_transpose(image))
    except InputError:
        raise
    except Exception as error:  # a foreign file may break the decoder in any way
        got = " ".join(str(error).split())[:120] or type(error).__name__
        # Pillow names the memory address of the stream, which tells nobody anything.
        got = "unknown or damaged header" if "cannot identify" in got else got
        raise InputError(
            what="cannot read the photograph", where=where, expected=_EXPECTED, got=got
        ) from None


def _converted(image: Image.Image) -> Photo:
    if image.mode.startswith("I") or image.mode == "F":
        grey = np.asarray(image, dtype=np.float32)
        top = 65535.0 if image.mode != "F" else max(1.0, float(np.nanmax(grey, initial=0.0)))
        grey = np.clip(np.nan_to_num(grey) / top, 0.0, 1.0)
        return Photo(np.repeat(grey[..., None], 3, axis=2), None)
    if image.mode in ("LA", "PA", "RGBA", "La", "RGBa") or "transparency" in image.info:
        pixels = np.asarray(image.convert("RGBA"), dtype=np.float32) / 255.0
        return Photo(np.ascontiguousarray(pixels[..., :3]), np.ascontiguousarray(pixels[..., 3]))
    return Photo(np.asarray(image.convert("RGB"), dtype=np.float32) / 255.0, None)


def middle_square(photo: Photo) -> Photo:
    """The largest square in the middle."""
    width, height = photo.size
    edge = min(width, height)
    top, left = (height - edge) // 2, (width - edge) // 2
    cut = lambda x: None if x is None else x[top : top + edge, left : left + edge]
    rgb = cut(photo.rgb)
    assert rgb is not None
    return Photo(rgb, cut(photo.alpha))


def cropped(photo: Photo, crop: Crop, edge: int = CROP_EDGE) -> Photo:
    """The crop as a square picture [edge, edge]; what lies outside the photograph repeats its rim."""
    width, height = photo.size
    if crop.left >= width or crop.top >= height or crop.left + crop.edge <= 0 or crop.top + crop.edge <= 0:
        raise InputError(
            what="the crop lies outside the photograph", expected=f"a part of {width} x {height} pixels"
        )
    edge = min(edge, max(16, round(crop.edge)))
    scale = crop.edge / edge
    box = (crop.left, crop.top, crop.left + crop.edge, crop.top + crop.edge)
    margin = math.ceil(max(0.0, -box[0], -box[1], box[2] - width, box[3] - height)) + 1
    inner = (box[0] + margin, box[1] + margin, box[2] + margin, box[3] + margin)

    def plane(values: np.ndarray) -> np.ndarray:
        image = Image.fromarray(np.pad(values.astype(np.float32), margin, mode="edge"), mode="F")
        kind = Image.Resampling.BOX if scale > 1.0 else Image.Resampling.BILINEAR
        return np.asarray(image.resize((edge, edge), kind, box=inner), dtype=np.float32)

    rgb = np.stack([plane(photo.rgb[..., c]) for c in range(3)], axis=-1)
    return Photo(rgb, None if photo.alpha is None else plane(photo.alpha))


def scaled(x: np.ndarray, size: int) -> np.ndarray:
    """A square picture [E, E] or [E, E, C] at size²: the mean over each pixel's area where it shrinks, else bilinear."""
    edge = x.shape[0]
    if edge == size:
        return x.astype(np.float32)
    kind = Image.Resampling.BOX if size < edge else Image.Resampling.BILINEAR
    planes = x[..., None] if x.ndim == 2 else x
    done = [
        np.asarray(
            Image.fromarray(np.ascontiguousarray(planes[..., c], np.float32), mode="F").resize(
                (size, size), kind
            )
        )
        for c in range(planes.shape[2])
    ]
    out = np.stack(done, axis=-1).astype(np.float32)
    return out[..., 0] if x.ndim == 2 else out


def target_pixels(
    photo: Photo, size: int, background: tuple[float, float, float]
) -> tuple[np.ndarray, np.ndarray]:
    """(picture [S, S, 3] over `background`, alpha [S, S]) uint8 of a square photograph."""
    alpha = np.ones(photo.rgb.shape[:2], np.float32) if photo.alpha is None else photo.alpha
    rgb = photo.rgb * alpha[..., None] + np.asarray(background, np.float32) * (1.0 - alpha[..., None])
    whole = lambda x: np.round(np.clip(scaled(x, size), 0.0, 1.0) * 255.0).astype(np.uint8)
    return whole(rgb), whole(alpha)
