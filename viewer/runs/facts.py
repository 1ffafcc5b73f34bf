"""Who, where, with what: the facts of a run in words, and its settings by dotted path."""

from __future__ import annotations

import json
import sys
from typing import Any

from core_model.schema.schedule import Curve
from viewer.runs import foreign, format as words
from viewer.runs.job_record import ENDED
from viewer.runs.reader import RunReader
from viewer.runs.shell import MAIN, shell_line


def command_of(run: RunReader) -> tuple[tuple[str, ...], str]:
    """(what was executed, the folder in which); nothing where neither trainer nor launcher told it.

    Trainers of earlier versions told the name of a script without its place: this installation stands for theirs.
    """
    record, job = run.record, run.job
    if record is not None and record.command:
        words, cwd = record.command, record.cwd
    else:
        words, cwd = (job.argv, job.cwd) if job is not None else ((), "")
    if words and words[0] in ("main.py", "triscope", "__main__.py"):
        words = (sys.executable, "-m", MAIN, *words[1:])
    return tuple(words), cwd


def command_line(run: RunReader) -> str:
    """The command for a shell, from any folder; "" where it is not known."""
    return shell_line(*command_of(run))


def facts(run: RunReader) -> list[tuple[str, list[tuple[str, str]]]]:
    """(group, [(label, text)]) of everything known about a run."""
    record, job = run.record, run.job
    done, total = run.images_done(), run.images_total()
    progress = [
        ("State", run.state),
        ("Images", f"{words.amount(done)} of {words.amount(total)} ({done / total:.1%})" if total > 0 else words.amount(done)),
        ("Step", words.amount(run.scalars.step.last) if len(run.scalars) else "–"),
        ("Speed", speed_of(run)),
        ("Time left", "–" if run.state in ENDED else words.duration(run.eta_seconds())),
        ("Size", f"{words.size(run.listing.total_bytes)}, {len(run.listing.snapshots)} snapshots, {run.listing.picture_count} pictures"),
        ("Last written", words.moment(run.last_written)),
    ]
    groups = [("Progress", progress)]
    if record is not None:
        groups.append(("Run", [
            ("Id", record.id), ("Preset", record.preset), ("Host", record.host), ("Process", f"{record.pid}, {record.world_size} in all"),
            ("Device", record.device), ("Started", words.moment(record.started)), ("Training time", words.duration(record.wall_s)),
            ("Resumed", f"{record.resumes} times"), ("Code", record.code_version), ("torch", record.torch_version),
            ("Newest snapshot", record.last_snapshot), ("Error", record.error), ("Killed by", record.ended_by),
        ]))  # fmt: skip
        best = [(name, f"{words.number(value)}   {record.best_snapshot.get(name, '')}".rstrip()) for name, value in record.best.items()]
        groups.append(("Best", best))
    if job is not None:
        groups.append(
            (
                "Job",
                [
                    ("Backend", job.backend),
                    ("Number", job.native_id),
                    ("Devices", ", ".join(job.devices)),
                    ("Submitted", words.moment(job.submitted)),
                ],
            )
        )
    if run.options:
        groups.append(("Run of the EG3D family", foreign.facts(run.options)))
    data = run.config.get("data")
    if isinstance(data, dict) and data.get("path"):
        groups.append(("Data", [("Path", str(data["path"])), ("Resolution", f"{data.get('resolution', '–')} pixels")]))
    if command_line(run):
        groups.append(("Command", [("", command_line(run))]))
    return [(group, kept) for group, rows in groups if (kept := [(a, b) for a, b in rows if b not in ("", "–")])]


def speed_of(run: RunReader) -> str:
    """Images per second and time of a tick; "–" before there are enough ticks."""
    if run.rate() != run.rate():
        return "–"
    return f"{words.number(run.rate())} images/s, a tick every {words.duration(run.tick_seconds())}"


def settings(run: RunReader) -> dict[str, str]:
    """Every leaf of a run's settings by its dotted path."""
    return flat(run.config or run.options)


def _written(value: Any) -> str:
    """A leaf as text; the curves of a schedule in their short form."""
    if isinstance(value, list) and value and all(isinstance(pair, list) and len(pair) == 2 for pair in value):
        try:
            return Curve.model_validate(value).text()
        except ValueError:
            pass
    return json.dumps(value, ensure_ascii=False)


def flat(tree: dict[str, Any], prefix: str = "") -> dict[str, str]:
    out: dict[str, str] = {}
    for key, value in tree.items():
        if isinstance(value, dict) and value:
            out |= flat(value, f"{prefix}{key}.")
        else:
            out[f"{prefix}{key}"] = value if isinstance(value, str) else _written(value)
    return out
