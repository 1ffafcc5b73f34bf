"""Writers of rendered channels: PNG (colours), EXR and NPZ (floats). All are atomic and carry the record."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from core_model.schema.atomic import atomic_path
from core_model.schema.channels import ChannelInfo
from core_model.schema.colormaps import COLOURS, colour_table
from core_model.schema.record import KEY, NPZ_KEY, DisplayRange, RenderRecord

BAND_ROWS = 256
_AXES = {"colour": "RGB", "direction": "XYZ", "position": "XYZ"}


def display_range(channel: ChannelInfo, values: np.ndarray) -> DisplayRange:
    """The channel's own range; an open side takes the extreme of the finite values."""
    finite = values[np.isfinite(values)]
    low = channel.low if channel.low is not None else float(finite.min()) if finite.size else 0.0
    high = channel.high if channel.high is not None else float(finite.max()) if finite.size else low + 1.0
    return DisplayRange(
        channel=channel.name, colormap=channel.colormap, low=low, high=high, unit=channel.unit
    )


def picture(
    channel: ChannelInfo, values: np.ndarray, shown: DisplayRange | None = None
) -> tuple[np.ndarray, DisplayRange | None]:
    """([H, W, 3 | 4] uint8, range of a scalar's colours, else None).

    Colours stay as they are, directions become ½ + ½n, positions and scalars span their range: that of
    `shown`, else the channel's. Pixels without a value (NaN) are transparent; the alpha channel is there only
    when some are.
    """
    height, width = values.shape[-2:]
    scalar = channel.kind == "scalar"
    shown = (shown or display_range(channel, values)) if scalar else None
    span = display_range(channel, values) if channel.kind == "position" else None
    empty = np.isnan(values) if scalar else np.isnan(values).any(axis=0)
    pixels = np.empty((height, width, 4 if empty.any() else 3), np.uint8)
    for row in range(
        0, height, BAND_ROWS
    ):  # in bands: floats of a large picture would take 60 bytes per pixel
        band = slice(row, row + BAND_ROWS)
        colors = _colors(channel, values[..., band, :], shown or span)
        pixels[band, :, :3] = np.rint(np.nan_to_num(colors).clip(0.0, 1.0) * 255.0)
    if pixels.shape[2] == 4:
        pixels[..., 3] = np.where(empty, 0, 255)
    return pixels, shown


def _colors(channel: ChannelInfo, values: np.ndarray, span: DisplayRange | None) -> np.ndarray:
    """[H, W, 3], NaN kept; `span`: of scalars and positions."""
    if channel.kind == "scalar":
        assert span is not None
        low, high = (-span.high, -span.low) if span.invert else (span.low, span.high)
        return colour_mapped(-values if span.invert else values, span.colormap, low, high)
    image = np.moveaxis(values, 0, -1).astype(np.float32)
    if channel.kind == "direction":
        return 0.5 + 0.5 * image
    return image if span is None else (image - span.low) / max(span.high - span.low, 1e-12)


def colour_mapped(values: np.ndarray, name: str, low: float, high: float) -> np.ndarray:
    """Colours [H, W, 3] of scalars [H, W]; `low` … `high` spans the map, values beyond it are clamped.

    NaN takes the map's first colour: callers mark it in the alpha channel.
    """
    span = high - low if high > low else 1.0
    position = np.nan_to_num((values - low) / span, nan=0.0, posinf=1.0, neginf=0.0).clip(0.0, 1.0)
    exact = position * (COLOURS - 1)
    left = np.minimum(exact.astype(np.int64), COLOURS - 2)
    fraction = (exact - left)[..., None].astype(np.float32)
    table = colour_table(name)
    return table[left] * (1.0 - fraction) + table[left + 1] * fraction


def cut_out(premultiplied: np.ndarray, opacity: np.ndarray) -> np.ndarray:
    """[H, W, 4] uint8 with straight alpha: colours [3, H, W] rendered over black, opacity [H, W] in [0, 1]."""
    alpha = np.nan_to_num(opacity).clip(0.0, 1.0)
    straight = np.nan_to_num(premultiplied) / np.maximum(alpha, 1e-4)
    return np.rint(
        np.concatenate([np.moveaxis(straight, 0, -1), alpha[..., None]], axis=-1).clip(0.0, 1.0) * 255.0
    ).astype(np.uint8)


def grey16(
    channel: ChannelInfo, values: np.ndarray, shown: DisplayRange | None = None
) -> tuple[np.ndarray, DisplayRange]:
    """(values [H, W] as uint16, their range): value = low + (n - 1) / 65534 · (high - low); 0 = no value."""
    shown = (shown or display_range(channel, values)).replace(colormap="gray", invert=False)
    span = max(shown.high - shown.low, 1e-12)
    share = ((values - shown.low) / span).clip(0.0, 1.0)
    return np.where(np.isnan(values), 0, 1 + np.rint(np.nan_to_num(share) * 65534)).astype(np.uint16), shown


def write_png(
    path: Path,
    channel: ChannelInfo,
    values: np.ndarray,
    record: RenderRecord,
    *,
    raw: bool = False,
    opacity: np.ndarray | None = None,
) -> None:
    """One channel as a PNG; a scalar's colour map and range go into the record (those that the record names
    are used).

    raw: scalars as 16-bit grey (see `grey16`). opacity [H, W]: cut a colour picture, rendered over black, out
    of its background.
    """
    asked = record.display_of(channel.name)
    if raw and channel.kind == "scalar":
        pixels, shown = grey16(channel, values, asked)
    elif opacity is not None and channel.kind == "colour":
        pixels, shown = cut_out(values, opacity), None
    else:
        pixels, shown = picture(channel, values, asked)
    record = record.replace(display=() if shown is None else (shown,), shown=channel.name)
    save_png(path, pixels, record)


def save_png(path: Path, pixels: np.ndarray, record: RenderRecord) -> None:
    """[H, W], [H, W, 3] or [H, W, 4] as a PNG with its record."""
    from PIL import Image
    from PIL.PngImagePlugin import PngInfo

    text = PngInfo()
    text.add_itxt(KEY, record.model_dump_json())
    text.add_text("Software", f"triscope {record.version}")
    with atomic_path(path) as temporary:
        Image.fromarray(pixels).save(temporary, format="PNG", pnginfo=text)


def save_pdf(path: Path, pixels: np.ndarray, record: RenderRecord, dpi: int) -> None:
    """[H, W, 3] as a PDF of one page, `dpi` pixels per inch, with its record as the document's subject."""
    from PIL import Image

    with atomic_path(path) as temporary:
        Image.fromarray(pixels).save(
            temporary, format="PDF", resolution=float(dpi), quality=98, subsampling=0, title=path.stem,
            subject=record.model_dump_json(), creator=f"triscope {record.version}",
        )  # fmt: skip


def channel_path(path: Path, name: str, first: str) -> Path:
    """File of one of several channels: the first has the plain name, the others `NAME.channel.png`."""
    return path if name == first else path.with_name(f"{path.stem}.{name}{path.suffix}")


def write_pngs(
    path: Path, channels: Mapping[str, ChannelInfo], arrays: Mapping[str, np.ndarray], record: RenderRecord, *,
    raw: bool = False, opacity: np.ndarray | None = None,
) -> list[Path]:  # fmt: skip
    """Every channel as a PNG of its own (see `channel_path` and `write_png`); returns the paths."""
    first = next(iter(channels))
    written = []
    for name, channel in channels.items():
        target = channel_path(path, name, first)
        write_png(target, channel, arrays[name], record, raw=raw, opacity=opacity if name == "rgb" else None)
        written.append(target)
    return written


def write_exr(
    path: Path, channels: Mapping[str, ChannelInfo], arrays: Mapping[str, np.ndarray], record: RenderRecord
) -> None:
    """All channels in one 32-bit EXR: R, G, B; normal.X …; scalars by name. Values as rendered, NaN kept."""
    import OpenEXR

    planes: dict[str, np.ndarray] = {}
    for name, channel in channels.items():
        values = np.ascontiguousarray(arrays[name], dtype=np.float32)
        if channel.kind == "scalar":
            planes[name] = values
            continue
        for axis, plane in zip(_AXES[channel.kind], values, strict=True):
            planes[axis if name == "rgb" else f"{name}.{axis}"] = np.ascontiguousarray(plane)
    header = {
        "compression": OpenEXR.ZIP_COMPRESSION,
        "type": OpenEXR.scanlineimage,
        KEY: record.model_dump_json(),
    }
    with atomic_path(path) as temporary, OpenEXR.File(header, planes) as file:
        file.write(str(temporary))


def write_npz(path: Path, arrays: Mapping[str, np.ndarray], record: RenderRecord) -> None:
    """Named arrays plus `provenance` (0-d text, JSON); readable with allow_pickle=False."""
    named = {name: np.ascontiguousarray(values) if values.ndim else values for name, values in arrays.items()}
    with atomic_path(path) as temporary, open(temporary, "wb") as file:
        np.savez(file, allow_pickle=False, **named, **{NPZ_KEY: np.array(record.model_dump_json())})
