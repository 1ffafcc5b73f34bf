"""`triscope batch DIR --each 0-99 -- mesh CHECKPOINT --seed {} --out head-{}.glb`: one command for many values.

Here one part after the other, or as one job array of Slurm. The same line again goes on with the parts that are missing.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from tyro.conf import Positional, arg

from core_model.cli.parse import parse
from core_model.cli.progress import progress
from core_model.schema.errors import InputError
from core_model.schema.home import expanded
from core_model.schema.whole import whole

PROGRAM = "viewer.jobs.batch"
SUMMARY = "One command for many values ({} in its words): here, or as one job array of Slurm; goes on where it stopped."
COMMANDS = ("render", "orbit", "sheet", "film", "bake", "mesh", "inspect", "samplers", "metrics", "data")
MOST = 100_000
EXAMPLE = "triscope batch DIR --each 0-99 -- mesh CHECKPOINT --seed {} --out head-{}.glb"


@dataclass(frozen=True)
class BatchOptions:
    folder: Annotated[Path, Positional, arg(metavar="DIR")]
    """what is remembered of the batch: its parts, their logs"""
    each: Annotated[str, arg(metavar="VALUES")]
    """numbers, ranges and words: 0-99, 0-9000/1000 (every 1000th), a,b,c; or @FILE with one value a line"""
    backend: Literal["local", "slurm"] = "local"
    """this machine, or a job array of the cluster"""
    at_once: Annotated[int, arg(metavar="N")] = 0
    """most parts at a time; 0 = one here, as the cluster likes there"""
    gpus: Annotated[int, arg(metavar="N")] = 0
    """GPUs of a part (Slurm)"""
    cpus: Annotated[int, arg(metavar="N")] = 0
    """cores of a part (Slurm); 0 = its default"""
    memory: Annotated[float, arg(metavar="GB")] = 0.0
    """memory of a part (Slurm); 0 = its default"""
    hours: Annotated[float, arg(metavar="H")] = 0.0
    """time limit of a part (Slurm); 0 = its default"""
    partition: Annotated[str, arg(metavar="NAME")] = ""
    """partition of the cluster"""
    account: Annotated[str, arg(metavar="NAME")] = ""
    """account on the cluster"""


def main(args: list[str]) -> None:
    at = args.index("--") if "--" in args else len(args)
    options, words = parse(BatchOptions, args[:at], "batch", SUMMARY), args[at + 1 :]
    if not words:
        raise InputError(what="batch: no command", expected=EXAMPLE, got="nothing behind --")
    if words[0] not in COMMANDS:
        raise InputError(what="batch", expected=f"one of {', '.join(COMMANDS)} behind --", got=words[0])
    if not any("{}" in word for word in words):
        raise InputError(what="batch: every part would be the same", expected="{} where the value goes")
    values = values_of(options.each)
    for name in ("at_once", "gpus", "cpus", "memory", "hours"):
        if getattr(options, name) < 0:
            raise InputError(what=f"bad value of --{name.replace('_', '-')}", expected="0 or more")
    with progress("batch") as update:
        ended = importlib.import_module(PROGRAM).run(
            options.folder, tuple(words), values, options.backend, options, update
        )
    print(ended.words())
    if ended.failed:
        raise SystemExit(1)


def values_of(text: str) -> tuple[str, ...]:
    """`0-3,7,a` → 0, 1, 2, 3, 7, a; `0-30/10` → 0, 10, 20, 30; @FILE: its lines. Raises InputError."""
    wrong = InputError(
        what="bad value of --each",
        expected=f"1 to {MOST} different values as 0-99, 0-9000/1000, a,b or @FILE",
        got=text[:80],
    )
    if text.startswith("@"):
        try:
            found = [
                line.strip()
                for line in expanded(text[1:]).read_text(encoding="utf-8").splitlines()
                if line.strip()
            ]
        except (OSError, ValueError) as e:
            raise InputError(what="cannot read the values", where=text[1:], got=str(e)) from None
    else:
        found = []
        for part in text.split(","):
            ends, _, step = part.strip().partition("/")
            low, high = (whole(end) for end in ends.partition("-")[::2])
            if low is None or high is None:
                found.append(part.strip())
                continue
            stride = whole(step or "1")
            if not stride or high - low > MOST * stride:
                raise wrong
            found += map(str, range(low, high + 1, stride))
    if not found or not all(found) or len(found) > MOST or len(set(found)) != len(found):
        raise wrong
    return tuple(found)
