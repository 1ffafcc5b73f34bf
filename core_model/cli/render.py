"""`triscope render CHECKPOINT --out FILE.png|.npz|.exr`: channels of one picture."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import numpy as np
from tyro.conf import arg

from core_model.cli.options import (
    CameraOptions,
    LatentOptions,
    MachineOptions,
    SamplerOptions,
    channels_of,
    request_of,
)
from core_model.cli.outputs import check_output
from core_model.cli.parse import parse
from core_model.cli.progress import progress
from core_model.cli.sessions import CheckpointArgument, opened, record_of, rendered
from core_model.schema.channels import ChannelInfo
from core_model.schema.checkpoint import CheckpointInfo
from core_model.session import images

if TYPE_CHECKING:
    from core_model.session import Frame

SUMMARY = "Render channels of one picture to .png (colours), .npz or .exr (floats)."


@dataclass(frozen=True)
class RenderOptions:
    checkpoint: CheckpointArgument
    """a .safetensors file, a run folder, `demo` or `analytic:NAME`"""
    out: Annotated[Path, arg(metavar="FILE")]
    """.png (further channels as FILE.CHANNEL.png), .npz or .exr"""
    latent: LatentOptions
    camera: CameraOptions
    sampler: SamplerOptions
    machine: MachineOptions
    size: Annotated[int | None, arg(metavar="N", help_behavior_hint="")] = None
    """edge of the picture, pixels; default: the checkpoint's own"""
    channels: Annotated[str | None, arg(metavar="A,B,C", help_behavior_hint="")] = None
    """names separated by commas; default: rgb for .png, every channel for .npz and .exr"""
    native: bool = False
    """render exactly as the original program of an imported family does"""


def main(args: list[str]) -> None:
    options = parse(RenderOptions, args, "render", SUMMARY)
    suffix = check_output(options.out, (".png", ".npz", ".exr"))
    with opened(options.checkpoint, options.machine) as (session, info):
        default = ("rgb",) if suffix == ".png" else tuple(c.name for c in info.channels)
        channels = channels_of(options.channels, info, default)
        request = request_of(
            info,
            options.latent,
            options.camera,
            options.sampler,
            options.machine,
            size=options.size,
            channels=tuple(channels),
            native=options.native,
        )
        with progress("render") as update:
            frame = rendered(session, request, update)
        files = write_frame(options.out, frame, channels, info)
    result = frame.result
    probe = f" + {result.probe_per_pixel:.3g} probe" if result.probe_per_pixel else ""
    spp = f"{result.samples_per_pixel:.3g} samples a pixel{probe}"
    names = ", ".join(str(f) for f in files)
    print(f"{names}: {result.width} x {result.height}, {request.sampler.name}, {spp}", end="")
    print(f", {result.total_ms / 1000:.2f} s on {result.device}")


def write_frame(
    out: Path, frame: "Frame", channels: dict[str, ChannelInfo], info: CheckpointInfo
) -> list[Path]:
    """Write a rendered frame as the suffix of `out` says; returns the files."""
    assert frame.result.request is not None
    record = record_of(info, frame.result.request)
    shown = {**channels, **_extras(frame.arrays, channels)}
    if out.suffix.lower() == ".png":
        return images.write_pngs(out, channels, frame.arrays, record)
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
