"""`triscope inspect CHECKPOINT --pixel X,Y --out FILE.json|.csv|.png`: everything that happens on one ray."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from tyro.conf import arg

from core_model.cli.options import CameraOptions, LatentOptions, MachineOptions, SamplerOptions, request_of
from core_model.cli.outputs import check_output
from core_model.cli.parse import parse
from core_model.cli.sessions import CheckpointArgument, opened, record_of
from core_model.schema.errors import InputError

SUMMARY = "Everything that happens on the ray of one pixel, as numbers (.json, .csv) or as a chart (.png)."


@dataclass(frozen=True)
class InspectOptions:
    checkpoint: CheckpointArgument
    """a .safetensors file, a run folder, `demo` or `analytic:NAME`"""
    pixel: Annotated[str, arg(metavar="X,Y")]
    """column and row of the pixel, counted from 0 at the upper left"""
    out: Annotated[Path, arg(metavar="FILE")]
    """.json, .csv or .png"""
    latent: LatentOptions
    camera: CameraOptions
    sampler: SamplerOptions
    machine: MachineOptions
    size: Annotated[int | None, arg(metavar="N", help_behavior_hint="")] = None
    """edge of the picture, pixels; default: the checkpoint's own"""


def main(args: list[str]) -> None:
    options = parse(InspectOptions, args, "inspect", SUMMARY)
    from core_model.session.ray_files import SUFFIXES, write_ray

    check_output(options.out, SUFFIXES)
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
        x, y = parse_pixel(options.pixel, request.width, request.height)
        report = session.inspect(request, x, y)
        record = record_of(info, request)
    write_ray(options.out, report, record)
    numbers = ", ".join(f"{k} {v:.5g}" for k, v in report.numbers.items() if v is not None)
    print(f"{options.out}: pixel {x},{y}" + (f", {numbers}" if numbers else ""))


def parse_pixel(text: str, width: int, height: int) -> tuple[int, int]:
    """(x, y) of "X,Y"; raises InputError when it lies outside the picture."""
    parts = [p.strip() for p in text.split(",")]
    if len(parts) != 2 or not all(p.isdecimal() for p in parts):
        raise InputError(what="bad --pixel", expected="two whole numbers X,Y", got=repr(text))
    x, y = (int(p) for p in parts)
    if x >= width or y >= height:
        raise InputError(
            what="bad --pixel", expected=f"X below {width} and Y below {height} (see --size)", got=f"{x},{y}"
        )
    return x, y
