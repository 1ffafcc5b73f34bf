"""What `triscope doctor` found out about a machine: one record, shown as text by the command and the window.

The record crosses a process (the window asks `triscope doctor --json`) and is made to be sent along with a
question: it names paths of the configuration and of temporary files, and nothing else of the person.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from core_model.schema.frozen import Frozen

Status = Literal["ok", "note", "problem", "fatal"]
MARKS: dict[Status, str] = {"ok": "ok", "note": "note", "problem": "PROBLEM", "fatal": "FATAL"}
Group = Literal["System", "Window", "Rendering", "Packages", "Files"]
GROUPS: tuple[Group, ...] = ("System", "Window", "Rendering", "Packages", "Files")


Facts = dict[str, str | int | float | bool | None]


class Finding(Frozen):
    """One thing that was looked at.

    status: ok; note = worth knowing, nothing is broken; problem = something will not work, the program
    starts; fatal = the program does not start.
    """

    group: Group
    name: str = Field(description="stable name, e.g. opengl, package.torch, device.cpu")
    title: str
    status: Status = "ok"
    value: str = Field(description="what was found, as text")
    remedy: str = Field(default="", description="what to do about it; never empty where something is broken")
    facts: Facts = Field(
        default_factory=dict, description="the same in numbers: bytes, pictures per second, versions"
    )


class DoctorReport(Frozen):
    """Everything that was looked at, and whether the program can start.

    headless: it was asked for a machine that only renders (commands, `triscope worker`), so that a missing
    display is only noted.
    """

    version: Literal[1] = 1
    triscope: str
    created: str = Field(description="UTC, ISO 8601")
    headless: bool = False
    can_start: bool
    findings: tuple[Finding, ...]

    def broken(self) -> tuple[Finding, ...]:
        """What needs a remedy, the worst first."""
        return tuple(
            sorted(
                (f for f in self.findings if f.status in ("fatal", "problem")),
                key=lambda f: f.status != "fatal",
            )
        )

    def of(self, name: str) -> Finding | None:
        """The finding called `name`."""
        return next((f for f in self.findings if f.name == name), None)


def verdict(report: DoctorReport) -> str:
    """The last line: whether the program starts, and how much is not as it should be."""
    what = "Commands and `triscope worker`" if report.headless else "The window"
    word = "can start here" if report.can_start else "cannot start here"
    count = sum(f.status == "problem" for f in report.findings)
    if not count:
        return f"{what} {word}."
    rest = "one thing does not work" if count == 1 else f"{count} things do not work"
    return f"{what} {word}; {rest} beside."


def remedies(report: DoctorReport) -> list[str]:
    """One line for each thing to do."""
    return [f"{f.title}: {f.remedy}" for f in report.broken()]


def as_text(report: DoctorReport) -> str:
    """Aligned lines for a terminal or the clipboard."""
    width = max((len(f.title) for f in report.findings), default=0)
    lines = [f"triscope {report.triscope}, looked at {report.created}"]
    for group in GROUPS:
        rows = [f for f in report.findings if f.group == group]
        if rows:
            lines += ["", group]
            lines += [f"  {MARKS[f.status]:<7}  {f.title:<{width}}  {f.value}" for f in rows]
    todo = remedies(report)
    lines += ["", verdict(report)]
    if todo:
        lines += ["", "What to do", *(f"  {n}. {line}" for n, line in enumerate(todo, 1))]
    return "\n".join(lines)
