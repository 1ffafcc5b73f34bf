"""Pictures of the parts in the colours of one person: sRGB bytes in, sRGB bytes out, mixed in linear light."""

from __future__ import annotations

from functools import cache

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from core_model.data.headpack.pack import Pack
from core_model.data.headpack.parameters import HeadParameters, Tone

LUMINANCE = np.array([0.2126, 0.7152, 0.0722], np.float32)
"""Rec. 709 weights of linear RGB."""
_STEPS = 8192


@cache
def _to_linear_table() -> np.ndarray:
    c = np.arange(256) / 255.0
    return np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4).astype(np.float32)


@cache
def _to_srgb_table() -> np.ndarray:
    """Bytes for linear values k / (steps − 1) squared: dark values need the finer steps."""
    c = encoded((np.arange(_STEPS) / (_STEPS - 1)) ** 2)
    return np.clip(np.rint(c * 255.0), 0, 255).astype(np.uint8)


def encoded(values: np.ndarray) -> np.ndarray:
    """Linear values >= 0 to sRGB in floating point (IEC 61966-2-1)."""
    return np.where(
        values <= 0.0031308, 12.92 * values, 1.055 * np.maximum(values, 1e-9) ** (1 / 2.4) - 0.055
    )


def linear(srgb: np.ndarray) -> np.ndarray:
    """sRGB bytes to linear float32 in [0, 1]."""
    return np.take(_to_linear_table(), srgb)


def srgb(values: np.ndarray) -> np.ndarray:
    """Linear values to sRGB bytes, clipped."""
    steps = np.sqrt(np.clip(values, 0.0, 1.0)) * (_STEPS - 1) + 0.5
    return np.take(_to_srgb_table(), steps.astype(np.int32))


def skin_image(pack: Pack, p: HeadParameters, scalp: np.ndarray) -> np.ndarray:
    """The skin [H, W, 4] with lip colour, beard and hair-coloured scalp.

    scalp [H, W] in 0..1: how much of a texel hair covers.
    """
    pixels = _base_skin(pack, p.skin).copy()
    masks = _masks(pack)
    if p.lip_strength > 0:
        _mix(pixels, masks[..., 0] * p.lip_strength, p.lips, shading=True)
    tone = tuple(0.9 * c for c in p.hair_tone)
    if p.hair is not None:
        _mix(pixels, scalp, tone)
    if p.beard > 0:
        box, area = _beard(pack, p.beard_shape)
        face = np.ascontiguousarray(pixels[box])
        _mix(face, area * _growth(pixels.shape[:2], box, p.beard), tone)
        pixels[box] = face
    return pixels


def recoloured(
    pack: Pack, name: str, tone: Tone, mean: float, *, power: float | None = None, alpha: float = 1.0
) -> np.ndarray:
    """A picture of hair, brows or cloth in linear colour `tone`, [H, W, 4]; its alpha is multiplied by `alpha`.

    mean: mean linear luminance of the picture; its ratio to the luminance of a texel, clipped to 0.2…1.8, keeps the
    shading, to the power of `power` (None: 0.9 for dark tones to 0.55 for light ones).
    """
    steps = _luminance_steps(pack, name)
    if power is None:
        power = float(np.interp(float(np.dot(tone, LUMINANCE)), (0.03, 0.2), (0.9, 0.55)))
    y = (np.arange(_SHADES) / (_SHADES - 1)) ** 2
    ratio = np.clip(y / max(mean, 1e-4), 0.2, 1.8) ** power if mean > 2e-4 else np.ones_like(y)
    table = np.zeros((_SHADES, 4), np.uint8)
    table[:, :3] = srgb(ratio[:, None] * np.asarray(tone))
    pixels = table.view(np.uint32)[:, 0][steps].view(np.uint8).reshape(*steps.shape, 4)
    opacity = np.clip(np.rint(np.arange(256) * alpha), 0, 255).astype(np.uint8)
    pixels[..., 3] = opacity[pack.image(name)[..., 3]]
    return pixels


_SHADES = 2048
_SHADE_MAPS: dict[str, np.ndarray] = {}


def _luminance_steps(pack: Pack, name: str) -> np.ndarray:
    """[H, W] uint16: the root of the linear luminance of a picture, in steps of 1 / (_SHADES − 1); cached."""
    if name not in _SHADE_MAPS:
        y = linear(pack.image(name)[..., :3]) @ LUMINANCE
        _SHADE_MAPS[name] = np.rint(np.sqrt(y) * (_SHADES - 1)).astype(np.uint16)
    return _SHADE_MAPS[name]


_SKINS: dict[str, np.ndarray] = {}


def _base_skin(pack: Pack, name: str) -> np.ndarray:
    """The skin of the manifest with its gain and saturation; cached, since most heads share a few."""
    if name not in _SKINS:
        entry = pack.manifest["skins"][name]
        picture = pack.image(entry["texture"])
        colour = linear(picture[..., :3]) * entry["albedo_gain"]
        grey = (colour @ LUMINANCE)[..., None]
        _SKINS[name] = np.concatenate(
            (srgb(grey + (colour - grey) * entry["saturation"]), picture[..., 3:]), -1
        )
    return _SKINS[name]


_MASKS: list[np.ndarray] = []


def _masks(pack: Pack) -> np.ndarray:
    """[H, W, 4] in 0..1 at the size of the skins: lips, eyelids, face, beard area."""
    if not _MASKS:
        small = pack.image(pack.manifest["skin_masks"])
        height, width = pack.image(next(iter(pack.manifest["skins"].values()))["texture"]).shape[:2]
        large = [
            np.asarray(Image.fromarray(small[..., k]).resize((width, height), Image.Resampling.BILINEAR))
            for k in range(4)
        ]
        _MASKS.append(np.stack(large, -1).astype(np.float32) / 255.0)
    return _MASKS[0]


def _mix(pixels: np.ndarray, share: np.ndarray, tone: tuple[float, ...], shading: bool = False) -> None:
    """Mix `tone` into `pixels` where `share` > 0, in place; shading: keep the variation of the picture's luminance."""
    flat = np.flatnonzero(share > 0.004)
    if not flat.size:
        return
    w = share.reshape(-1)[flat][:, None].astype(np.float32)
    texels = pixels.reshape(-1, 4)
    below = linear(texels[flat, :3])
    colour = np.asarray(tone, np.float32)
    if shading:
        y = below @ LUMINANCE
        colour = colour * (y / max(float(y.mean()), 1e-4))[:, None]
    texels[flat, :3] = srgb(below + (colour - below) * w)


@cache
def _noise(shape: tuple[int, int]) -> np.ndarray:
    """[H, W] of unit variance, about two texels wide."""
    rng = np.random.Generator(np.random.PCG64(7))
    n = rng.standard_normal((shape[0] + 1, shape[1] + 1))
    wide = n[:-1, :-1] + n[1:, :-1] + n[:-1, 1:] + n[1:, 1:]
    return (wide / 2.0).astype(np.float32)


@cache
def _strands(shape: tuple[int, int]) -> np.ndarray:
    """[H, W] in 0..1: short hairs that hang down the lower half of a face, where beards grow."""
    height, width = shape
    rng = np.random.Generator(np.random.PCG64(8))
    canvas = Image.new("L", (width, height))
    pen = ImageDraw.Draw(canvas)
    x, y = rng.uniform(0.28, 0.72, _HAIRS) * width, rng.uniform(0.40, 0.72, _HAIRS) * height
    lean = 1.75 * (x / width - 0.5) + rng.normal(0.0, 0.35, _HAIRS)
    length = rng.uniform(4.0, 11.0, _HAIRS)
    ends = np.stack((x, y, x + length * np.sin(lean), y + length * np.cos(lean)), 1)
    for end, grey in zip(ends.tolist(), rng.integers(90, 256, _HAIRS).tolist()):
        pen.line(end, fill=grey, width=1)
    soft = canvas.filter(ImageFilter.GaussianBlur(0.7))
    return np.minimum(np.asarray(soft, np.float32) / 130.0, 1.0)


_HAIRS = 26_000


_Box = tuple[slice, slice]


def _growth(shape: tuple[int, ...], box: _Box, strength: float) -> np.ndarray:
    """In 0..1, over the rows and columns of `box`: what a beard covers; a shadow is dotted, a beard made of strands."""
    size = (shape[0], shape[1])
    dots = np.clip(0.75 + 0.35 * _noise(size)[box], 0.0, 1.5)
    strands = 0.25 + _strands(size)[box]
    long = float(np.clip((strength - 0.3) / 0.35, 0.0, 1.0))
    return np.clip(strength * ((1 - long) * dots + long * strands), 0.0, 0.97)


_BEARDS: dict[str, tuple[_Box, np.ndarray]] = {}


def _beard(pack: Pack, shape: str) -> tuple[_Box, np.ndarray]:
    """The rows and columns of a beard, and its area there in 0..1, by the mask and the mouth's corners."""
    if shape not in _BEARDS:
        area = _masks(pack)[..., 3]
        height, width = area.shape
        left, right, lip = (
            _texel(pack, n, area.shape) for n in ("mouth_corner_left", "mouth_corner_right", "upper_lip_top")
        )
        y, x = np.mgrid[0:height, 0:width].astype(np.float32)
        half = 0.5 * abs(left[0] - right[0])
        aside = np.abs(x - 0.5 * (left[0] + right[0])) / half
        soft = 0.22 * half
        if shape in ("goatee", "moustache"):
            area = area * np.clip((1.45 - aside) * half / soft, 0.0, 1.0)
        if shape == "moustache":
            area = area * np.clip((left[1] + 0.12 * half - y) / soft, 0.0, 1.0)
        elif shape == "goatee":  # bare beside the mouth and over the cheeks
            area = area * np.clip((y - lip[1] + 0.9 * half) / soft, 0.0, 1.0)
        rows, columns = np.flatnonzero(area.any(1)), np.flatnonzero(area.any(0))
        box = (slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1))
        _BEARDS[shape] = box, np.ascontiguousarray(area[box])
    return _BEARDS[shape]


def _texel(pack: Pack, landmark: str, shape: tuple[int, ...]) -> tuple[float, float]:
    """(column, row) of a landmark in a picture of the skin."""
    geometry = pack.geometry
    quad, corner = np.argwhere(geometry.quads == geometry.landmarks[landmark])[0]
    u, v = geometry.quad_uv[quad, corner]
    return float(u * shape[1]), float((1.0 - v) * shape[0])
