"""`triscope inspect CHECKPOINT --pixel X,Y --out FILE.json|.png`: everything that happens on one ray."""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from tyro.conf import arg

from core_model.cli.options import CameraOptions, LatentOptions, MachineOptions, SamplerOptions, request_of
from core_model.cli.outputs import check_output
from core_model.cli.parse import parse
from core_model.cli.sessions import CheckpointArgument, opened, record_of
from core_model.schema.errors import InputError
from core_model.schema.inspect import RayReport
from core_model.session.images import atomic_path
from core_model.session.provenance import KEY, NPZ_KEY, RenderRecord

_NUMBER_LIST = re.compile(r"\[[^\[\]{}\"]*\]")  # lists of numbers go on one line

SUMMARY = "Everything that happens on the ray of one pixel, as numbers (.json) or as a chart (.png)."


@dataclass(frozen=True)
class InspectOptions:
    checkpoint: CheckpointArgument
    """a .safetensors file, a run folder, `demo` or `analytic:NAME`"""
    pixel: Annotated[str, arg(metavar="X,Y")]
    """column and row of the pixel, counted from 0 at the upper left"""
    out: Annotated[Path, arg(metavar="FILE")]
    """.json or .png"""
    latent: LatentOptions
    camera: CameraOptions
    sampler: SamplerOptions
    machine: MachineOptions
    size: Annotated[int | None, arg(metavar="N", help_behavior_hint="")] = None
    """edge of the picture, pixels; default: the checkpoint's own"""


def main(args: list[str]) -> None:
    options = parse(InspectOptions, args, "inspect", SUMMARY)
    suffix = check_output(options.out, (".json", ".png"))
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
    if suffix == ".json":
        write_json(options.out, report, record)
    else:
        write_chart(options.out, report, record)
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


def write_json(path: Path, report: RayReport, record: RenderRecord) -> None:
    """The report as strict JSON (no NaN or infinity: those become null), with its provenance."""
    document = {
        "report": _strict(report.model_dump(mode="json")),
        NPZ_KEY: json.loads(record.model_dump_json()),
    }
    text = json.dumps(document, indent=1, allow_nan=False)
    text = _NUMBER_LIST.sub(lambda found: " ".join(found.group().split()), text)
    with atomic_path(path) as temporary:
        temporary.write_text(text + "\n", encoding="utf-8")


def write_chart(path: Path, report: RayReport, record: RenderRecord) -> None:
    """The report as a chart."""
    from PIL.PngImagePlugin import PngInfo

    from core_model.session.ray_plot import ray_figure

    text = PngInfo()
    text.add_itxt(KEY, record.model_dump_json())
    with atomic_path(path) as temporary:
        ray_figure(report).save(temporary, format="PNG", pnginfo=text)


def _strict(value: object) -> object:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _strict(v) for key, v in value.items()}
    if isinstance(value, list):
        return [_strict(v) for v in value]
    return None if value in ("NaN", "Infinity", "-Infinity") else value
