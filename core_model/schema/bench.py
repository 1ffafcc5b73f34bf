"""What a benchmark writes: one record per script, each figure beside its aim and the plain path."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from core_model.schema.frozen import Frozen


class Measure(Frozen):
    """One figure. plain: the same by the plain path in the same run; `plain_path` says what that is."""

    name: str
    title: str
    unit: str
    value: float | None = Field(default=None, description="none = could not be measured; `note` says why")
    better: Literal["lower", "higher"] = "lower"
    aim: float | None = None
    met: bool | None = Field(default=None, description="none = no aim, or not measured")
    plain: float | None = None
    plain_path: str = ""
    note: str = ""


def measure(
    name: str,
    title: str,
    unit: str,
    value: float | None,
    *,
    better: Literal["lower", "higher"] = "lower",
    aim: float | None = None,
    plain: float | None = None,
    plain_path: str = "",
    note: str = "",
) -> Measure:
    """A figure with its verdict: met when it is on the better side of its aim, or on it."""
    met = None
    if aim is not None and value is not None:
        met = value <= aim if better == "lower" else value >= aim
    return Measure(
        name=name,
        title=title,
        unit=unit,
        value=value,
        better=better,
        aim=aim,
        met=met,
        plain=plain,
        plain_path=plain_path,
        note=note,
    )


class Quiet(Frozen):
    """Whether the machine was at rest: CPU use of others, percent of the CPUs of this process."""

    quiet: bool
    others_before: float
    others_after: float
    waited_s: float
    limit: float


class BenchRecord(Frozen):
    """One run of one benchmark script."""

    name: str
    title: str
    created: str
    seconds: float = 0.0
    checkpoint: str = ""
    quick: bool = Field(default=False, description="shortened run: its figures are no measurement")
    threads: int = 0
    machine: dict[str, str] = Field(default_factory=dict)
    versions: dict[str, str] = Field(default_factory=dict)
    quiet: Quiet | None = None
    measures: tuple[Measure, ...] = ()
    details: dict[str, Any] = Field(default_factory=dict)
    error: str = ""


class BenchSummary(Frozen):
    """All records of one `triscope bench`."""

    created: str
    seconds: float
    quick: bool = False
    quiet: bool = Field(description="every record was measured on a quiet machine")
    machine: dict[str, str] = Field(default_factory=dict)
    versions: dict[str, str] = Field(default_factory=dict)
    measures: tuple[Measure, ...] = ()
    failed: dict[str, str] = Field(default_factory=dict)


class BenchReport(BenchSummary):
    """A summary with the whole records, by the name of their script."""

    records: dict[str, BenchRecord] = Field(default_factory=dict)
