"""Writers of rendered channels: PNG (colours), EXR and NPZ (floats). All are atomic and carry the record."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from core_model.schema.channels import ChannelInfo
from core_model.schema.errors import InputError
from core_model.session import colormaps
from core_model.session.provenance import KEY, NPZ_KEY, DisplayRange, RenderRecord

_AXES = {"colour": "RGB", "direction": "XYZ", "position": "XYZ"}


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """A temporary path in the same folder that replaces `path` on success and is removed on any failure."""
    if not path.parent.is_dir():
        raise InputError(
            what="cannot write",
            where=str(path),
            expected="an existing folder",
            got=f"no folder {path.parent}",
        )
    temporary = path.with_name(f".{path.stem}.{os.getpid()}.part{path.suffix}")
    try:
        yield temporary
        os.replace(temporary, path)
    except OSError as error:
        raise InputError(what="cannot write", where=str(path), got=error.strerror or str(error)) from None
    finally:
        temporary.unlink(missing_ok=True)


def display_range(channel: ChannelInfo, values: np.ndarray) -> DisplayRange:
    """The channel's own range; an open side takes the extreme of the finite values."""
    finite = values[np.isfinite(values)]
    low = channel.low if channel.low is not None else float(finite.min()) if finite.size else 0.0
    high = channel.high if channel.high is not None else float(finite.max()) if finite.size else low + 1.0
    return DisplayRange(
        channel=channel.name, colormap=channel.colormap, low=low, high=high, unit=channel.unit
    )


def picture(channel: ChannelInfo, values: np.ndarray) -> tuple[np.ndarray, DisplayRange | None]:
    """([H, W, 3 | 4] uint8, range of a scalar's colours, else None).

    Colours stay as they are, directions become ½ + ½n, positions and scalars span their range. Pixels without
    a value (NaN) are transparent; the alpha channel is there only when some are.
    """
    shown = None
    if channel.kind == "scalar":
        shown = display_range(channel, values)
        colors = colormaps.apply(values, channel.colormap, shown.low, shown.high)
        empty = np.isnan(values)
    else:
        empty = np.isnan(values).any(axis=0)
        image = np.moveaxis(values, 0, -1).astype(np.float32)
        if channel.kind == "direction":
            image = 0.5 + 0.5 * image
        elif channel.kind == "position":
            span = display_range(channel, values)
            image = (image - span.low) / max(span.high - span.low, 1e-12)
        colors = image
    eight_bit = np.rint(np.nan_to_num(colors).clip(0.0, 1.0) * 255.0).astype(np.uint8)
    if empty.any():
        alpha = np.where(empty, 0, 255).astype(np.uint8)[..., None]
        eight_bit = np.concatenate([eight_bit, alpha], axis=-1)
    return eight_bit, shown


def write_png(path: Path, channel: ChannelInfo, values: np.ndarray, record: RenderRecord) -> None:
    """One channel as an 8-bit PNG; a scalar's colour map and range go into the record."""
    from PIL import Image
    from PIL.PngImagePlugin import PngInfo

    pixels, shown = picture(channel, values)
    if shown is not None:
        record = record.replace(display=(shown,))
    text = PngInfo()
    text.add_itxt(KEY, record.model_dump_json())
    text.add_text("Software", f"triscope {record.version}")
    with atomic_path(path) as temporary:
        Image.fromarray(pixels).save(temporary, format="PNG", pnginfo=text)


def channel_path(path: Path, name: str, first: str) -> Path:
    """File of one of several channels: the first has the plain name, the others `NAME.channel.png`."""
    return path if name == first else path.with_name(f"{path.stem}.{name}{path.suffix}")


def write_pngs(
    path: Path, channels: Mapping[str, ChannelInfo], arrays: Mapping[str, np.ndarray], record: RenderRecord
) -> list[Path]:
    """Every channel as a PNG of its own (see `channel_path`); returns the paths."""
    first = next(iter(channels))
    written = []
    for name, channel in channels.items():
        target = channel_path(path, name, first)
        write_png(target, channel, arrays[name], record)
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
