"""`triscope fit --out RUN [--FIELD=VALUE …]`: fits a generator to heads of the head pack; scores and exports it."""

from __future__ import annotations

import math
import os
from contextlib import nullcontext
from pathlib import Path

from core_model.cli.progress import PROGRESS_VARIABLE, progress
from core_model.cli.settings_line import read_line
from core_model.schema.errors import InputError
from core_model.schema.fit import FitConfig
from core_model.schema.overrides import apply_overrides
from core_model.schema.run_owner import refuse_if_owned
from core_model.schema.settings import table_of

WORDS = ("out", "processes", "score", "export", "pack", "unpack")
SWITCHES = ("resume", "help")
USAGE = """usage: triscope fit --out RUN [--FIELD=VALUE ...]
       triscope fit --out RUN --resume
       triscope fit --out RUN --pack STATE
       triscope fit --out NEW --unpack STATE [--FIELD=VALUE ...]

Fit a generator to heads of the head pack whose signed distance and colour are known.

  --out RUN         run directory: config, record, ticks, pictures, snapshots, resume state, truth, checkpoint
  --resume          resume the run in RUN with the settings saved there
  --pack STATE      write what the run in RUN needs to go on as one file in half precision, and do nothing else
  --unpack STATE    begin the run in the new folder from such a file; settings may be changed
  --processes N     that share every step's heads on this machine; auto = one per core as far as heads and
                    coarse_heads divide
  --score N         afterwards measure N unseen seeds: chamfer distance, normal error, PSNR
  --export FILE     afterwards write the checkpoint in half precision, with scores and model card

Fields of the settings, as --FIELD=VALUE:
"""


def main(args: list[str]) -> None:
    line = read_line("fit", args, FitConfig, WORDS, SWITCHES)
    if "help" in line.switches:
        print(USAGE + table_of(FitConfig))
        return
    if "out" not in line.words:
        raise InputError(what="fit: no run directory", expected="--out RUN")
    out, score, resume = Path(line.words["out"]), line.whole("score", 0), "resume" in line.switches
    from core_model.training.common.local_launcher import (
        chosen_processes,
        executed,
        follow_torchrun,
        is_first,
        siblings,
    )
    from core_model.training.fit.run import export_checkpoint, resumed_settings, run_fit
    from core_model.training.fit.state import pack_state, unpack_state

    if "pack" in line.words:
        pack_state(out, Path(line.words["pack"]))
        return
    follow_torchrun()
    if is_first():
        refuse_if_owned(out)
    if "unpack" in line.words:
        if is_first():
            unpack_state(Path(line.words["unpack"]), out, line.changes)
        resume = True
    changes = [] if "unpack" in line.words else line.changes
    cfg = resumed_settings(out, changes) if resume else apply_overrides(FitConfig(), changes, "fit")
    count = chosen_processes(
        line.words.get("processes", "auto"), "cpu", math.gcd(cfg.heads, cfg.coarse_heads)
    )
    # on a terminal the run's own lines tell how far it is
    watched = is_first() and os.environ.get(PROGRESS_VARIABLE) == "json"
    told = progress("fit") if watched else nullcontext(None)
    with siblings(count, ["fit", *args]), told as update:
        path = run_fit(out, cfg, resume=resume, command=executed("fit", args), progress=update)
    if not is_first() or not path.exists():
        return
    scores: dict[str, float] = {}
    if score:
        from core_model.training.fit.scores import score_heads

        with progress("scores") as update:
            scores = score_heads(
                str(path), score, progress=lambda done, n: update(f"seed {done} of {n}", done / n)
            )
        for name, value in scores.items():
            print(f"{name:24} {value:.3f}")
    if "export" in line.words:
        target = Path(line.words["export"])
        export_checkpoint(path, target, out, scores)
        print(f"{target}: {target.stat().st_size / 2**20:.1f} MiB")
