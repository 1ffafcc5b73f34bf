"""What pydantic has against a record, in the words of our messages."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import BaseModel, ValidationError


@dataclass(frozen=True)
class Complaint:
    """The first thing that is wrong.

    place: dotted path of the field; empty where the record as a whole is wrong.
    says: what was expected there. got: at most 80 letters of what was given; empty for a record. kind: pydantic's
    name of it. others: how many more things are wrong, as ` (and N more)`; empty for none.
    """

    place: str
    says: str
    got: str
    kind: str
    others: str

    @property
    def line(self) -> str:
        """`field.path: message (and N more)`."""
        return f"{self.place}: {self.says}{self.others}" if self.place else f"{self.says}{self.others}"

    @property
    def option(self) -> str:
        """The option of the command line whose field it is: `view_dirs` → `--view-dirs`."""
        return "--" + self.place.partition(".")[0].replace("_", "-")


def first_complaint(error: ValidationError) -> Complaint:
    problems = error.errors(include_url=False, include_context=False)
    first = problems[0]
    given = first["input"]
    return Complaint(
        ".".join(str(part) for part in first["loc"]),
        first["msg"].removeprefix("Value error, "),
        "" if isinstance(given, dict | BaseModel) else str(given)[:80],
        first["type"],
        f" (and {len(problems) - 1} more)" if len(problems) > 1 else "",
    )
