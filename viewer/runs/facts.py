"""The facts of a run as text (who, where, with which settings), and the settings of several runs side by
side.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from core_model.schema.schedule import Curve
from viewer.runs import foreign
from viewer.runs.catalogue import score_title
from viewer.runs.format import amount, duration, moment, number, size
from viewer.runs.job_record import ENDED, MAIN, shell_line
from viewer.runs.reader import RunReader


def command_of(run: RunReader) -> tuple[tuple[str, ...], str]:
    """(command that was executed, its folder); empty where neither trainer nor launcher recorded it.

    Trainers of earlier versions recorded a script name without its folder: the present installation is
    assumed.
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
        ("Images", f"{amount(done)} of {amount(total)} ({done / total:.1%})" if total > 0 else amount(done)),
        ("Step", amount(run.scalars.step.last) if len(run.scalars) else "–"),
        ("Speed", speed_of(run)),
        ("Time left", "–" if run.state in ENDED else duration(run.eta_seconds())),
        (
            "Size",
            f"{size(run.listing.total_bytes)}, {len(run.listing.snapshots)} snapshots, "
            f"{run.listing.picture_count} pictures",
        ),
        ("Last written", moment(run.last_written)),
    ]
    groups = [("Progress", progress)]
    if record is not None:
        groups.append(
            (
                "Run",
                [
                    ("Id", record.id),
                    ("Preset", record.preset),
                    ("Host", record.host),
                    ("Process", f"{record.pid}, {record.world_size} in all"),
                    ("Device", record.device),
                    ("Started", moment(record.started)),
                    ("Training time", duration(record.wall_s)),
                    ("Resumed", f"{record.resumes} times"),
                    ("Code", record.code_version),
                    ("torch", record.torch_version),
                    ("Newest snapshot", record.last_snapshot),
                    ("Error", record.error),
                    ("Killed by", record.ended_by),
                ],
            )
        )
        best = [
            (score_title(name), f"{number(value)}   {record.best_snapshot.get(name, '')}".rstrip())
            for name, value in record.best.items()
        ]
        groups.append(("Best", best))
    if job is not None:
        groups.append(
            (
                "Job",
                [
                    ("Backend", job.backend),
                    ("Number", job.native_id),
                    ("Devices", ", ".join(job.devices)),
                    ("Submitted", moment(job.submitted)),
                ],
            )
        )
    if run.options:
        groups.append(("Run of the EG3D family", foreign.facts(run.options)))
    data = run.config.get("data")
    if isinstance(data, dict) and data.get("path"):
        groups.append(
            ("Data", [("Path", str(data["path"])), ("Resolution", f"{data.get('resolution', '–')} pixels")])
        )
    if command_line(run):
        groups.append(("Command", [("", command_line(run))]))
    return [
        (group, kept) for group, rows in groups if (kept := [(a, b) for a, b in rows if b not in ("", "–")])
    ]


def speed_of(run: RunReader) -> str:
    """Images per second and time of a tick; "–" before there are enough ticks."""
    if run.rate() != run.rate():
        return "–"
    return f"{number(run.rate())} images/s, a tick every {duration(run.tick_seconds())}"


def settings(run: RunReader) -> dict[str, str]:
    """Every leaf of a run's settings by its dotted path."""
    return flat(run.config or run.options)


@dataclass(frozen=True)
class SettingRow:
    """One setting of several runs; "–" for a run without it. contrary: the value differs between two runs."""

    name: str
    values: tuple[str, ...]
    contrary: bool


@dataclass
class SettingsPage:
    """Filter of the settings table. only_different: hide what all compared runs have in common."""

    words: str = ""
    only_different: bool = True

    def rows(self, runs: Sequence[RunReader]) -> list[SettingRow]:
        """Settings that pass the filter, in the order in which the runs name them."""
        trees = [settings(run) for run in runs]
        wanted = self.words.lower().split()
        found = []
        for name in dict.fromkeys(name for tree in trees for name in tree):
            values = tuple(tree.get(name, "–") for tree in trees)
            told = {tree[name] for tree in trees if name in tree}
            hidden = len(runs) > 1 and self.only_different and len(set(values)) == 1
            if not hidden and all(word in name.lower() for word in wanted):
                found.append(SettingRow(name, values, len(told) > 1))
        return found


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
