"""The protocol of every place where a job can run, and the registry of those places."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Protocol

from core_model.schema.registry import Registry
from viewer.runs.job_record import JobRecord, ShownState


@dataclass(frozen=True)
class Resources:
    """What a job requests. devices: local names (cpu, cuda:0 …). The rest is for clusters; "" and 0 = their
    default.
    """

    devices: tuple[str, ...] = ()
    gpus: int = 0
    cpus: int = 0
    memory_mb: int = 0
    hours: float = 0.0
    partition: str = ""
    account: str = ""
    options: tuple[str, ...] = ()
    """Further options of the cluster's own submit command, one argument per entry."""

    def asked(self) -> dict[str, Any]:
        """What differs from the defaults, as JSON can hold it."""
        plain = Resources()
        return {
            f.name: value for f in fields(self) if (value := getattr(self, f.name)) != getattr(plain, f.name)
        }

    @classmethod
    def of(cls, asked: Mapping[str, Any]) -> Resources:
        """The resources that `asked` wrote down; what is odd falls back to the default."""
        plain, kept = cls(), {}
        for f in fields(cls):
            value, default = asked.get(f.name), getattr(plain, f.name)
            if isinstance(default, tuple) and isinstance(value, list | tuple):
                kept[f.name] = tuple(str(v) for v in value)
            elif isinstance(value, type(default)) or (isinstance(default, float) and isinstance(value, int)):
                kept[f.name] = value
        return cls(**kept)


class Backend(Protocol):
    """A place where jobs run. Every method raises InputError or TriscopeError with that place's own message."""

    name: str

    def why_not(self) -> str:
        """Why this place cannot be used here, in words; "" where it can."""
        ...

    def folder(self, run: Path) -> str:
        """The folder in which a job of the run directory `run` runs."""
        ...

    def submit(self, job: JobRecord, resources: Resources) -> JobRecord:
        """Start (or queue) the command of `job`, whose job.json is written; returns it with the place's job
        number.
        """
        ...

    def state(self, job: JobRecord) -> ShownState | None:
        """State of the job there; None where the place does not know it (any more)."""
        ...

    def end(self, job: JobRecord, force: bool = False) -> None:
        """Ask the job to end, or (`force`) end it without asking."""
        ...


BACKENDS: Registry[Backend] = Registry("job backend")
