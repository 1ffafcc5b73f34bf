"""The form of a settings tree: groups, kinds, ranges, units, help, what differs, and complaints at the field.

Nothing is drawn here: a panel walks the groups, keeps the texts that a person typed, and asks `check` about them.
"""

from __future__ import annotations

import re
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from core_model.schema.errors import InputError
from core_model.schema.frozen import Frozen
from core_model.schema.overrides import apply_overrides, branch_of, changed_paths, value_at
from core_model.schema.schedule import Curve

T = TypeVar("T", bound=Frozen)
Kind = Literal["switch", "choice", "whole", "number", "text", "curve", "list"]
UNITS = (
    "pixels",
    "images",
    "world units",
    "bins",
    "MiB",
    "steps",
    "seconds",
    "degrees",
    "radians",
    "1 / world units",
    "standard deviations",
)
_ARRAY = (tuple, list)


@dataclass(frozen=True)
class FormField:
    """One leaf. low, high: bounds, None = open; strict_low: the bound itself is not allowed. optional: `none` is a value."""

    path: str
    label: str
    kind: Kind
    help: str
    unit: str
    default: str
    low: float | None = None
    high: float | None = None
    strict_low: bool = False
    strict_high: bool = False
    choices: tuple[str, ...] = ()
    optional: bool = False

    def range_text(self) -> str:
        """ "> 0", "0 … 1", "≥ 1"; "" without bounds."""
        if self.low is not None and self.high is not None:
            return f"{self.low:g} … {self.high:g}"
        if self.low is not None:
            return f"{'>' if self.strict_low else '≥'} {self.low:g}"
        return f"{'<' if self.strict_high else '≤'} {self.high:g}" if self.high is not None else ""

    def fits(self, words: str) -> bool:
        """Whether every typed word is in its path or help."""
        text = f"{self.path} {self.help}".lower()
        return all(word in text for word in words.lower().split())


@dataclass(frozen=True)
class FormGroup:
    """Fields of one branch; the root's own leaves come first, in a group without a name."""

    name: str
    help: str
    fields: tuple[FormField, ...]


@dataclass(frozen=True)
class Checked:
    """tree: the settings, where they are right. errors: path → complaint; "" holds what concerns several fields."""

    tree: Frozen | None
    errors: Mapping[str, str]


def form_of(kind: type[BaseModel]) -> tuple[FormGroup, ...]:
    """Groups of a settings tree in the order of its declaration."""
    own = tuple(_field(name, info) for name, info in kind.model_fields.items() if not branch_of(info) and not _fixed(info))
    groups = [FormGroup("", _summary(kind), own)] if own else []
    for name, info in kind.model_fields.items():
        branch = branch_of(info)
        if branch is not None:
            groups.append(FormGroup(name, _summary(branch), tuple(_leaves(branch, f"{name}."))))
    return tuple(groups)


def texts_of(tree: Frozen) -> dict[str, str]:
    """Path → text of every leaf, as it stands in the form and on the command line."""
    return {field.path: _text(value_at(tree, field.path)) for group in form_of(type(tree)) for field in group.fields}


def differing(tree: T, base: T) -> dict[str, str]:
    """Path → text value of everything that differs from `base`, e.g. from the preset."""
    return dict(changed_paths(tree, base))


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
    """What is wrong with one field by itself; "" where nothing is, or where only the whole could tell."""
    try:
        apply_overrides(base, [(path, text)], "form")
    except InputError as error:
        if error.what.startswith(f"bad value of {path}:") or error.what.startswith("unknown field"):
            return error.what.removeprefix(f"bad value of {path}: ")
    return ""


def _leaves(kind: type[BaseModel], prefix: str) -> list[FormField]:
    found: list[FormField] = []
    for name, info in kind.model_fields.items():
        branch = branch_of(info)
        if branch is not None:
            found += _leaves(branch, f"{prefix}{name}.")
        elif not _fixed(info):
            found.append(_field(prefix + name, info))
    return found


def _field(path: str, info: FieldInfo) -> FormField:
    inner, optional = _without_none(info.annotation)
    choices = tuple(str(c) for c in typing.get_args(inner)) if typing.get_origin(inner) is Literal else ()
    low = high = None
    strict_low = strict_high = False
    for bound in info.metadata:
        if (value := getattr(bound, "ge", None)) is not None:
            low = float(value)
        if (value := getattr(bound, "gt", None)) is not None:
            low, strict_low = float(value), True
        if (value := getattr(bound, "le", None)) is not None:
            high = float(value)
        if (value := getattr(bound, "lt", None)) is not None:
            high, strict_high = float(value), True
    default = info.get_default(call_default_factory=True) if not info.is_required() else None
    text = info.description or ""
    return FormField(
        path, path.rsplit(".", 1)[-1].replace("_", " "), _kind(inner, choices), text, unit_of(text), _text(default),
        low, high, strict_low, strict_high, choices, optional,
    )  # fmt: skip


def unit_of(text: str) -> str:
    """The unit that a help text names as a part between commas, semicolons or brackets; "" for none."""
    parts = [part.strip() for part in re.split(r"[,;()]", text)]
    return next((unit for unit in UNITS if unit in parts), "")


def _kind(inner: Any, choices: tuple[str, ...]) -> Kind:
    if choices:
        return "choice"
    plain: dict[Any, Kind] = {bool: "switch", int: "whole", float: "number", str: "text", Curve: "curve"}
    return plain.get(inner, "list" if typing.get_origin(inner) in _ARRAY else "text")


def _without_none(annotation: Any) -> tuple[Any, bool]:
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        rest = [a for a in typing.get_args(annotation) if a is not type(None)]
        if len(rest) == 1:
            return rest[0], True
    return annotation, False


def _fixed(info: FieldInfo) -> bool:
    """A field with one possible value (a format version) is nothing to choose."""
    return typing.get_origin(info.annotation) is Literal and len(typing.get_args(info.annotation)) == 1


def _summary(kind: type[BaseModel]) -> str:
    return (kind.__doc__ or "").strip().split("\n")[0]


def _text(value: Any) -> str:
    if isinstance(value, Curve):
        return value.text()
    if isinstance(value, bool):
        return "on" if value else "off"
    if value is None:
        return "none"
    if isinstance(value, _ARRAY):
        return "[" + ", ".join(_text(v) for v in value) + "]"
    return f"{value:.10g}" if isinstance(value, float) else str(value)


__all__ = ["Checked", "FormField", "FormGroup", "check", "differing", "form_of", "texts_of", "unit_of"]
