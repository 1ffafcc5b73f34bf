"""Two settings side by side: which values differ, and which settings only one of them has."""

from __future__ import annotations

from dataclasses import dataclass

from core_model.schema.frozen import Frozen
from viewer.jobs.form import form_of, texts_of


@dataclass(frozen=True)
class Difference:
    """One leaf; None = that side does not have it."""

    path: str
    left: str | None
    right: str | None
    help: str = ""


def diff(left: Frozen, right: Frozen) -> tuple[Difference, ...]:
    """Every leaf whose text differs, in the order of the tree."""
    ours, theirs = texts_of(left), texts_of(right)
    helps = {
        field.path: field.help
        for side in (left, right)
        for group in form_of(type(side))
        for field in group.fields
    }
    paths = list(dict.fromkeys((*ours, *theirs)))
    return tuple(
        Difference(p, ours.get(p), theirs.get(p), helps.get(p, ""))
        for p in paths
        if ours.get(p) != theirs.get(p)
    )


def as_text(differences: tuple[Difference, ...]) -> str:
    """Lines `path   left -> right` with aligned columns; says so when there are none."""
    if not differences:
        return "no difference"
    width = max(len(d.path) for d in differences)
    return "\n".join(f"{d.path:<{width}}  {d.left or '–'} -> {d.right or '–'}" for d in differences)
