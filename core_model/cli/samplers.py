"""`triscope samplers CHECKPOINT --out DIR`: the sampler report of one checkpoint and view."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from tyro.conf import arg

from core_model.cli.inspect import parse_pixel
from core_model.cli.options import CameraOptions, LatentOptions, MachineOptions, SamplerOptions, request_of
from core_model.cli.parse import parse
from core_model.cli.progress import progress
from core_model.cli.sessions import CheckpointArgument, opened, record_of
from core_model.schema.atomic import check_folder
from core_model.schema.errors import InputError

SUMMARY = (
    "Sampler report: Figs. 3, 4, A5, A6 and A7 of the paper for this checkpoint, as pictures and numbers."
)
SMALLEST = 32


@dataclass(frozen=True)
class ReportOptions:
    checkpoint: CheckpointArgument
    """a .safetensors file, a run folder, `demo` or `analytic:NAME`"""
    out: Annotated[Path, arg(metavar="DIR")]
    """folder for fig3.png, fig4.png, a5.png, a6.png, a7.png and report.json"""
    latent: LatentOptions
    camera: CameraOptions
    machine: MachineOptions
    size: Annotated[int, arg(metavar="N")] = 256
    """edge of the pictures, pixels"""
    pixel: Annotated[str | None, arg(metavar="X,Y", help_behavior_hint="")] = None
    """column and row of Fig. 4's pixel, from 0 at the upper left; default: the hardest one at a silhouette"""
    tau: Annotated[float, arg(metavar="M")] = 0.98
    """mass that the robust set must hold"""
    hard_rule: Literal["weighted", "leftover"] = "weighted"
    """what ranks hard rays: leftover = A3.4's leftover mass, weighted = that times the chance to meet
    anything"""
    leftover_bins: Annotated[int, arg(metavar="N")] = 16
    """largest bins that the leftover mass leaves out"""


def main(args: list[str]) -> None:
    options = parse(ReportOptions, args, "samplers", SUMMARY)
    if options.size < SMALLEST:
        raise InputError(what="bad --size", expected=f"{SMALLEST} or more", got=str(options.size))
    check_folder(options.out, f"--out {options.out}")
    pixel = parse_pixel(options.pixel, options.size, options.size) if options.pixel is not None else None
    with opened(options.checkpoint, options.machine) as (session, info):
        from core_model.report.sampler_report import sampler_report, write_report

        sampler = SamplerOptions(
            sampler="learned", tau=options.tau, hard_rule=options.hard_rule, leftover_bins=options.leftover_bins
        )  # fmt: skip
        parts = (options.latent, options.camera, sampler, options.machine)
        request = request_of(info, *parts, size=options.size, channels=("rgb",))
        with progress("samplers") as update:
            report = sampler_report(session, info, request, pixel, update)
        files = write_report(options.out, report, record_of(info, request))
    numbers = report.numbers
    eight = {s: numbers.score(s, 8).psnr.worst_1 for s in ("unstratified", "stratified", "robust")}
    shown = ", ".join(f"{name} {value:.1f}" for name, value in eight.items())
    print(f"worst 1 % of the pixels at 8 samples, PSNR in dB: {shown}")
    print(f"{len(files)} files in {options.out}, {numbers.seconds:.0f} s on {numbers.device}")
