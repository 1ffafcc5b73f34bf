"""`triscope doctor [--json]`: what this machine has and lacks. Exit status 0 = the program can start, 1 = not."""

from __future__ import annotations

from dataclasses import dataclass

from core_model.cli.parse import parse
from core_model.cli.progress import progress
from core_model.doctor.examination import examine
from core_model.schema.doctor import as_text
from core_model.schema.errors import InputError

SUMMARY = "Say what this machine has and lacks; exit status 0 = the program can start here, 1 = it cannot."
LONGEST_S = 60.0


@dataclass(frozen=True)
class DoctorOptions:
    json: bool = False
    """print everything as one JSON object"""
    headless: bool = False
    """a machine that only renders (commands, `triscope worker`): it needs no display"""
    seconds: float = 3.0
    """how long each device renders"""


def main(args: list[str]) -> None:
    options = parse(DoctorOptions, args, "doctor", SUMMARY)
    if not 0.0 < options.seconds <= LONGEST_S:
        raise InputError(
            what="wrong --seconds", expected=f"more than 0, at most {LONGEST_S:g}", got=f"{options.seconds:g}"
        )
    with progress("looking at this machine") as update:
        report = examine(options.seconds, options.headless, update)
    print(report.model_dump_json(indent=2) if options.json else as_text(report))
    if not report.can_start:
        raise SystemExit(1)
