"""`triscope render CHECKPOINT --out FILE.png|.npz|.exr`: channels of one picture."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np
from tyro.conf import arg

from core_model.cli.files import check_output
from core_model.cli.opening import ViewOptions, opened_view
from core_model.cli.parse import parse
from core_model.cli.progress import progress
from core_model.cli.sessions import record_of, rendered
from core_model.output import images
from core_model.schema.channels import ChannelInfo
from core_model.schema.errors import InputError
from core_model.schema.record import RenderRecord
from core_model.schema.render import RenderRequest

if TYPE_CHECKING:
    from core_model.session import Frame

SUMMARY = "Render channels of one picture to .png (colours), .npz or .exr (floats)."


@dataclass(frozen=True, kw_only=True)
class RenderOptions(ViewOptions):
    out: Annotated[Path, arg(metavar="FILE")]
    """.png (further channels as FILE.CHANNEL.png), .npz or .exr"""
    size: Annotated[int | None, arg(metavar="N", help_behavior_hint="")] = None
    """edge of the picture, pixels; default: the checkpoint's own"""
    channels: Annotated[str | None, arg(metavar="A,B,C", help_behavior_hint="")] = None
    """names separated by commas; default: rgb for .png, every channel for .npz and .exr"""
    native: bool = False
    """render exactly as the original program of an imported family does"""
    transparent: bool = False
    """.png: cut the picture out of its background (alpha = opacity)"""
    scalars: Literal["colours", "grey16"] = "colours"
    """.png of scalar channels: colour map, or 16-bit grey that keeps the values (0 = none)"""


def main(args: list[str]) -> None:
    options = parse(RenderOptions, args, "render", SUMMARY)
    suffix = check_output(options.out, (".png", ".npz", ".exr"))
    for wanted, name in (
        (options.transparent, "--transparent"),
        (options.scalars == "grey16", "--scalars grey16"),
    ):
        if wanted and suffix != ".png":
            raise InputError(
                what=f"{name} is for pictures", where=f"--out {options.out}", expected=".png", got=suffix
            )
    default = ("rgb",) if suffix == ".png" else None
    with opened_view(
        options, args, "render", channels=options.channels, default=default, size=options.size, native=options.native
    ) as view:  # fmt: skip
        request = view.request
        record = record_of(view.info, request).replace(display=view.display)
        with progress("render") as update:
            frame = rendered(view.session, over_black(request) if options.transparent else request, update)
        grey = options.scalars == "grey16"
        files = write_frame(
            options.out, frame, view.channels, record, transparent=options.transparent, raw=grey
        )
    result = frame.result
    probe = f" + {result.probe_per_pixel:.3g} probe" if result.probe_per_pixel else ""
    spp = f"{result.samples_per_pixel:.3g} samples per pixel{probe}"
    names = ", ".join(str(f) for f in files)
    way = (
        request.sampler.name
        if result.sampler in ("", request.sampler.name)
        else f"{request.sampler.name}: {result.sampler}"
    )
    print(f"{names}: {result.width} x {result.height}, {way}, {spp}", end="")
    print(f", {result.total_ms / 1000:.2f} s on {result.device}")


def over_black(request: RenderRequest) -> RenderRequest:
    """The same picture on black, with its opacity, from which a cut-out is made.

    A super-resolved picture has the opacity of the rays behind it.
    """
    if request.native:
        raise InputError(
            what="a native picture has no opacity to cut it out",
            where="--transparent",
            expected="no --native",
        )
    channels = tuple(dict.fromkeys((*request.channels, "opacity")))
    return request.replace(
        background=(0.0, 0.0, 0.0), channels=channels, shared_rays=channels == ("rgb", "opacity")
    )


def write_frame(
    out: Path,
    frame: "Frame",
    channels: dict[str, ChannelInfo],
    record: RenderRecord,
    *,
    transparent: bool = False,
    raw: bool = False,
) -> list[Path]:
    """Write a rendered frame as the suffix of `out` says; returns the files."""
    shown = {**channels, **_extras(frame.arrays, channels)}
    if out.suffix.lower() == ".png":
        opacity = frame.arrays.get("opacity") if transparent else None
        return images.write_pngs(out, channels, frame.arrays, record, raw=raw, opacity=opacity)
    if out.suffix.lower() == ".exr":
        images.write_exr(out, shown, frame.arrays, record)
        return [out]
    arrays: dict[str, np.ndarray] = {name: frame.arrays[name] for name in shown}
    arrays["world_from_cam"] = np.array(frame.result.world_from_cam, dtype=np.float64).reshape(4, 4)
    arrays["intrinsics"] = np.array(frame.result.intrinsics, dtype=np.float64).reshape(3, 3)
    if frame.w is not None:
        arrays["w"] = np.asarray(frame.w, dtype=np.float32)
    images.write_npz(out, arrays, record)
    return [out]


def _extras(arrays: dict[str, np.ndarray], channels: dict[str, ChannelInfo]) -> dict[str, ChannelInfo]:
    """Arrays that a render added on its own (`raw_rgb` of a native render with super-resolution)."""
    added = [name for name in arrays if name not in channels and name == "raw_rgb"]
    return {name: ChannelInfo(name=name, title=name, kind="colour") for name in added}
