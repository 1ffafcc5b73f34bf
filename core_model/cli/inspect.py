"""`triscope inspect CHECKPOINT --pixel X,Y --out FILE.json|.csv|.png`.

Everything that happens on one ray; with `--volume` in place of `--pixel` what the probe saw of the whole
picture and what the proposal network makes of it (.png, .npz).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import numpy as np
from tyro.conf import arg

from core_model.cli.files import check_output
from core_model.cli.options import CameraOptions, LatentOptions, MachineOptions, SamplerOptions, request_of
from core_model.cli.parse import parse
from core_model.cli.sessions import CheckpointArgument, WorkerArgument, opened, record_of
from core_model.schema.checkpoint import CheckpointInfo
from core_model.schema.errors import InputError
from core_model.schema.render import RenderRequest
from core_model.schema.whole import whole

if TYPE_CHECKING:
    from core_model.queries import QuerySession

SUMMARY = (
    "Everything that happens on the ray of one pixel, as numbers (.json, .csv) or as a chart (.png); with --volume the distributions of "
    "all rays (Fig. 3 of the paper), as a sheet (.png) or as arrays (.npz)."
)
VOLUME_SUFFIXES = (".png", ".npz")


@dataclass(frozen=True)
class InspectOptions:
    checkpoint: CheckpointArgument
    """a .safetensors file, a run folder, `demo` or `analytic:NAME`"""
    out: Annotated[Path, arg(metavar="FILE")]
    """.json, .csv or .png; of a --volume .png or .npz"""
    latent: LatentOptions
    camera: CameraOptions
    sampler: SamplerOptions
    machine: MachineOptions
    pixel: Annotated[str | None, arg(metavar="X,Y", help_behavior_hint="")] = None
    """column and row of the pixel, counted from 0 at the upper left"""
    volume: bool = False
    """I, P and P̂ of the whole picture in place of one ray: slices along depth and level sets"""
    size: Annotated[int | None, arg(metavar="N", help_behavior_hint="")] = None
    """edge of the picture, pixels; default: the checkpoint's own"""
    worker: WorkerArgument = None
    """run it elsewhere, e.g. "ssh gpu-box triscope worker": CHECKPOINT is a path there, or local:FILE to send one"""


def main(args: list[str]) -> None:
    options = parse(InspectOptions, args, "inspect", SUMMARY)
    from core_model.report.ray_files import SUFFIXES, write_ray

    if options.volume == (options.pixel is not None):
        got = "both" if options.volume else "neither"
        raise InputError(what="inspect: nothing to look at", expected="--pixel X,Y or --volume", got=got)
    check_output(options.out, VOLUME_SUFFIXES if options.volume else SUFFIXES)
    with opened(options.checkpoint, options.machine) as (session, info):
        request = request_of(
            info,
            options.latent,
            options.camera,
            options.sampler,
            options.machine,
            size=options.size,
            channels=("rgb",),
        )
        if options.pixel is None:
            _write_volume(options.out, session, request, info)
            return
        x, y = parse_pixel(options.pixel, request.width, request.height)
        report = session.inspect(request, x, y)
        record = record_of(info, request)
    write_ray(options.out, report, record)
    numbers = ", ".join(f"{k} {v:.5g}" for k, v in report.numbers.items() if v is not None)
    print(f"{options.out}: pixel {x},{y}" + (f", {numbers}" if numbers else ""))


def _write_volume(out: Path, session: QuerySession, request: RenderRequest, info: CheckpointInfo) -> None:
    from core_model.output.images import save_png, write_npz
    from core_model.report.sampler_report import view_of
    from core_model.report.volume_picture import volume_figure

    found, record = session.ray_volumes(request), record_of(info, request)
    if out.suffix.lower() == ".png":
        save_png(out, np.asarray(volume_figure(found, view_of(request))), record)
    else:
        arrays = {"image": found.image, "probe": found.probe} | (
            {} if found.proposal is None else {"proposal": found.proposal}
        )
        named = {name: a.float().cpu().numpy() for name, a in arrays.items()}
        named["edges"] = np.linspace(found.near, found.far, found.bins + 1, dtype=np.float32)
        named |= {
            "world_from_cam": request.camera.world_from_cam(),
            "intrinsics": request.camera.intrinsics(),
        }
        write_npz(out, named, record)
    seen = f"probe {found.probe.shape[2]} × {found.probe.shape[1]} pixels, {found.bins} bins"
    net = (
        "no proposal network"
        if found.proposal is None
        else f"prediction {found.proposal.shape[2]} × {found.proposal.shape[1]}"
    )
    print(f"{out}: {seen}, {net}, from {found.near:.4g} to {found.far:.4g} world units")


def parse_pixel(text: str, width: int, height: int) -> tuple[int, int]:
    """(x, y) of "X,Y"; raises InputError when it lies outside the picture."""
    x, y = (whole(p.strip()) for p in text.partition(",")[::2])
    if x is None or y is None:
        raise InputError(what="bad --pixel", expected="two whole numbers X,Y", got=repr(text))
    if x >= width or y >= height:
        raise InputError(
            what="bad --pixel", expected=f"X below {width} and Y below {height} (see --size)", got=f"{x},{y}"
        )
    return x, y
