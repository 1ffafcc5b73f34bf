"""The form of a settings tree: its groups, the texts in it, and complaints at the fields that they concern.

Nothing is drawn here: a panel walks the groups, keeps the typed texts, and calls `check`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TypeVar

from core_model.schema.errors import InputError
from core_model.schema.frozen import Frozen
from core_model.schema.overrides import apply_overrides
from core_model.schema.settings import SettingGroup, groups_of

T = TypeVar("T", bound=Frozen)


@dataclass(frozen=True)
class Checked:
    """tree: the settings, if all texts are right. errors: path → complaint; "" for one that concerns several
    fields.
    """

    tree: Frozen | None
    errors: Mapping[str, str]


def form_of(kind: type[Frozen]) -> tuple[SettingGroup, ...]:
    """The groups of a settings tree, without fields that cannot be chosen (a format version)."""
    made = (replace(g, fields=tuple(f for f in g.fields if not f.fixed)) for g in groups_of(kind))
    return tuple(group for group in made if group.fields)


def texts_of(tree: Frozen) -> dict[str, str]:
    """Path → text of every field of the form."""
    return {field.path: field.text(tree) for group in form_of(type(tree)) for field in group.fields}


def check(base: Frozen, texts: Mapping[str, str]) -> Checked:
    """Settings `base` with the typed texts; every complaint is placed at the field that it is about."""
    try:
        return Checked(apply_overrides(base, texts.items(), "form"), {})
    except InputError as whole:
        errors = {path: _complaint(base, path, text) for path, text in texts.items()}
        found = {path: said for path, said in errors.items() if said}
        if not found:  # each is right alone: they contradict each other
            message = str(whole).removeprefix("bad value of settings: ").removeprefix("bad value of ")
            named = [path for path in texts if path in message]
            found = {named[0] if named else "": re.sub(r"\s+in form\b.*$", "", message)}
        return Checked(None, found)


def _complaint(base: Frozen, path: str, text: str) -> str:
    """What is wrong with one field by itself; "" where nothing is, or where only the whole tree shows it."""
    try:
        apply_overrides(base, [(path, text)], "form")
    except InputError as error:
        if error.what.startswith(f"bad value of {path}:") or error.what.startswith("unknown field"):
            return error.what.removeprefix(f"bad value of {path}: ")
    return ""
