"""`triscope fit --out RUN`: a generator fitted to procedural heads of known shape and colour; scores and exports it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from tyro.conf import OmitArgPrefixes, arg

from core_model.cli.parse import parse
from core_model.cli.progress import progress
from core_model.schema.fit import FitConfig
from core_model.schema.run_owner import refuse_if_owned

SUMMARY = "Fit a generator to procedural heads whose signed distance and colour are known."


@dataclass(frozen=True)
class FitOptions:
    out: Annotated[Path, arg(metavar="RUN")]
    """run directory: config, state, truth, checkpoint"""
    config: Annotated[FitConfig, OmitArgPrefixes] = FitConfig()
    resume: bool = False
    """continue the run in RUN with the settings saved there"""
    processes: Annotated[str, arg(metavar="N")] = "auto"
    """share every step's heads on this machine; auto = one for each core as far as heads and coarse_heads divide"""
    score: Annotated[int, arg(metavar="N")] = 0
    """afterwards measure N unseen seeds: chamfer distance, normal error, PSNR"""
    export: Annotated[Path | None, arg(metavar="FILE", help_behavior_hint="")] = None
    """afterwards write the checkpoint in half precision, with its scores, and its model card beside it"""


def main(args: list[str]) -> None:
    options = parse(FitOptions, args, "fit", SUMMARY)
    from core_model.training.fit.run import export_checkpoint, run_fit, settings_of
    from core_model.training.common.local_launcher import chosen_processes, follow_torchrun, is_first, siblings

    follow_torchrun()
    if is_first():
        refuse_if_owned(options.out)
    cfg = settings_of(options.out, options.config, resume=options.resume)
    count = chosen_processes(options.processes, "cpu", math.gcd(cfg.heads, cfg.coarse_heads))
    with siblings(count, ["fit", *args]):
        path = run_fit(options.out, options.config, resume=options.resume)
    if not is_first():
        return
    scores: dict[str, float] = {}
    if options.score:
        from core_model.training.fit.scores import score_heads

        with progress("scores") as update:
            scores = score_heads(str(path), options.score, progress=lambda done, n: update(f"seed {done} of {n}", done / n))
        for name, value in scores.items():
            print(f"{name:24} {value:.3f}")
    if options.export is not None:
        export_checkpoint(path, options.export, options.out, scores)
        print(f"{options.export}: {options.export.stat().st_size / 2**20:.1f} MiB")
