"""`--worker COMMAND` of render, orbit, sheet, film, bake, mesh, inspect, info and metrics: the command runs where the GPU is.

Everything but this option is handed over as it is (viewer/wire/there.py), so that the result is the same to the byte.
"""

from __future__ import annotations

import importlib

from core_model.cli.progress import progress
from core_model.schema.errors import InputError
from core_model.schema.far import FAR_COMMANDS

OPTION = "--worker"
PROGRAM = "viewer.wire.there"


def wanted(name: str, args: list[str]) -> bool:
    """Whether a command line says that it is to run elsewhere."""
    given = any(a == OPTION or a.startswith(f"{OPTION}=") for a in args)
    return name in FAR_COMMANDS and given and not any(a in ("-h", "--help") for a in args)


def main(name: str, args: list[str]) -> None:
    """Run it there; exits with its status where that is not 0."""
    worker, rest, words = "", [], iter(args)
    for one in words:
        if one == OPTION:
            worker = next(words, "")
        elif one.startswith(f"{OPTION}="):
            worker = one.partition("=")[2]
        else:
            rest.append(one)
    if not worker:
        raise InputError(what="--worker is empty", expected='a command, e.g. "ssh gpu-box triscope worker"')
    if name == "train" and ("--dry-run" not in rest or any(w.split("=")[0] == "--out" for w in rest)):
        raise InputError(
            what="train --worker makes a forecast only",
            expected="--dry-run without --out; a training over there starts in the Training workspace of `triscope view --worker`",
        )
    status = importlib.import_module(PROGRAM).run(worker, name, rest, progress)
    if status:
        raise SystemExit(status)
