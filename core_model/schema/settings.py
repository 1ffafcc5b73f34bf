"""The one walk over a settings tree: every field with its group, kind, range, unit and help.

Four views read what `settings_of` and `groups_of` return: the command line (`cli/settings_line.py`), the form
(`viewer/jobs/form.py`), the overrides of a saved run (`schema/overrides.py`) and the table of `--help`.
Ranges are pydantic's constraints; units, groups and titles of a field are its `Shown`:

    box: Annotated[float, Shown("world units")] = Field(default=0.5, gt=0, description="half edge of a cube")
"""

from __future__ import annotations

import functools
import types
import typing
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from core_model.schema.curve import Curve
from core_model.schema.recipes import settings_recipe

Kind = Literal["switch", "choice", "whole", "number", "text", "curve", "list"]
_KINDS: dict[Any, Kind] = {bool: "switch", int: "whole", float: "number", str: "text", Curve: "curve"}


@dataclass(frozen=True)
class Heading:
    """A group of fields of one branch: its name and what the group is about."""

    name: str
    help: str


@dataclass(frozen=True)
class Shown:
    """How a field is shown.

    unit: of its value. group: its heading within its branch. title: above a chart of it. recipes: those that read
    it, () = all; of a branch, for every field below that does not say its own. choices: the values of a text that
    are known only when the program runs.
    """

    unit: str = ""
    group: Heading | None = None
    title: str = ""
    recipes: tuple[str, ...] = ()
    choices: Callable[[], tuple[str, ...]] | None = None


@dataclass(frozen=True)
class Setting:
    """One field that holds a value; a curve is one value.

    path: dotted name. default: as text. low, high: bounds, None = open; strict: the bound itself is excluded.
    optional: `none` is a value. fixed: only one value is possible (a format version): nothing to choose. recipes:
    those that read it, () = all.
    """

    path: str
    kind: Kind
    help: str
    shown: Shown
    default: str
    low: float | None = None
    high: float | None = None
    strict_low: bool = False
    strict_high: bool = False
    choices: tuple[str, ...] = ()
    optional: bool = False
    fixed: bool = False
    recipes: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The last part of the path: the field's name in its branch."""
        return self.path.rsplit(".", 1)[-1]

    @property
    def unit(self) -> str:
        return self.shown.unit

    def value(self, tree: object) -> Any:
        """What the field holds in `tree`."""
        for name in self.path.split("."):
            tree = getattr(tree, name)
        return tree

    def text(self, tree: object) -> str:
        """What the field holds in `tree`, as the form shows it and the command line takes it."""
        return text_of(self.value(tree))

    def range_text(self) -> str:
        """ "> 0", "0 … 1", "≥ 1"; "" without bounds.

        An upper bound as large as the machine's whole numbers says nothing and is left out.
        """
        if self.low is not None and self.high is not None and self.high < 2**31 - 1:
            return f"{self.low:g} … {self.high:g}"
        if self.low is not None:
            return f"{'>' if self.strict_low else '≥'} {self.low:g}"
        return f"{'<' if self.strict_high else '≤'} {self.high:g}" if self.high is not None else ""

    def read_by(self, recipe: str) -> bool:
        """Whether a recipe reads it."""
        return not self.recipes or settings_recipe(recipe) in self.recipes

    def fits(self, words: str) -> bool:
        """Whether every typed word is in its path, help or unit."""
        text = f"{self.path} {self.help} {self.unit}".lower()
        return all(word in text for word in words.lower().split())


@dataclass(frozen=True)
class SettingGroup:
    """Settings that are shown together: those of one branch of the tree, or of one heading in it."""

    name: str
    help: str
    fields: tuple[Setting, ...]


@functools.cache
def groups_of(kind: type[BaseModel]) -> tuple[SettingGroup, ...]:
    """All settings of a tree: the root's own first, then branch by branch.

    The root's own are in a group without a name, then by their headings.
    """
    own: dict[Heading, list[Setting]] = {}
    branches: list[SettingGroup] = []
    for name, info in kind.model_fields.items():
        branch = _branch(info)
        if branch is None:
            setting = replace(_setting(name, info), recipes=_recipes(info))
            own.setdefault(setting.shown.group or Heading("", _first_line(kind)), []).append(setting)
        else:
            fields = tuple(_leaves(branch, f"{name}.", _recipes(info)))
            branches.append(SettingGroup(name, _first_line(branch), fields))
    roots = sorted(
        own.items(), key=lambda item: item[0].name != ""
    )  # stable: headings keep the order of the fields
    return (*(SettingGroup(h.name, h.help, tuple(fields)) for h, fields in roots), *branches)


@functools.cache
def settings_of(kind: type[BaseModel]) -> dict[str, Setting]:
    """Dotted path → setting, group by group."""
    return {setting.path: setting for group in groups_of(kind) for setting in group.fields}


def text_of(value: object) -> str:
    """A value as the form shows it and the command line takes it: on and off, none, [1, 2], 0:64,10M:128."""
    if isinstance(value, Curve):
        return value.text()
    if isinstance(value, bool):
        return "on" if value else "off"
    if value is None:
        return "none"
    if isinstance(value, tuple | list):
        return "[" + ", ".join(text_of(v) for v in value) + "]"
    if isinstance(value, float):
        short = f"{value:.10g}"
        return short if float(short) == value else repr(value)
    return str(value)


def table_of(kind: type[BaseModel]) -> str:
    """The settings as text, one line each: dotted path, default, help, unit and range.

    Groups of a flat tree have their headings above them.
    """
    lines: list[str] = []
    for group in groups_of(kind):
        if group.fields[0].shown.group is not None:
            lines += ["", f" {group.name}: {group.help}"]
        for one in group.fields:
            about = "; ".join(part for part in (one.unit, "" if one.fixed else one.range_text()) if part)
            line = f"  {one.path:<30} {one.default or '-':<14} {one.help}"
            lines.append(f"{line} [{about}]" if about else line.rstrip())
    return "\n".join(lines)


def _leaves(kind: type[BaseModel], prefix: str, recipes: tuple[str, ...]) -> list[Setting]:
    found: list[Setting] = []
    for name, info in kind.model_fields.items():
        branch, own = _branch(info), _recipes(info) or recipes
        if branch is not None:
            found += _leaves(branch, f"{prefix}{name}.", own)
        else:
            found.append(replace(_setting(prefix + name, info), recipes=own))
    return found


def _recipes(info: FieldInfo) -> tuple[str, ...]:
    return next((item.recipes for item in info.metadata if isinstance(item, Shown)), ())


def _branch(info: FieldInfo) -> type[BaseModel] | None:
    """The settings below a field; None for one that holds a value."""
    kind = info.annotation
    return kind if isinstance(kind, type) and issubclass(kind, BaseModel) and kind is not Curve else None


def _setting(path: str, info: FieldInfo) -> Setting:
    inner, optional = _without_none(info.annotation)
    choices = tuple(str(c) for c in typing.get_args(inner)) if typing.get_origin(inner) is Literal else ()
    shown = Shown()
    low = high = None
    strict_low = strict_high = False
    for item in info.metadata:
        if isinstance(item, Shown):
            shown = item
            choices = item.choices() if item.choices is not None else choices
        if (value := getattr(item, "ge", None)) is not None:
            low = float(value)
        if (value := getattr(item, "gt", None)) is not None:
            low, strict_low = float(value), True
        if (value := getattr(item, "le", None)) is not None:
            high = float(value)
        if (value := getattr(item, "lt", None)) is not None:
            high, strict_high = float(value), True
    default = None if info.is_required() else info.get_default(call_default_factory=True)
    plain: Kind = "list" if typing.get_origin(inner) in (tuple, list) else "text"
    return Setting(
        path,
        "choice" if choices else _KINDS.get(inner, plain),
        info.description or "",
        shown,
        text_of(default),
        low,
        high,
        strict_low,
        strict_high,
        choices,
        optional,
        fixed=len(choices) == 1,
    )


def _without_none(annotation: Any) -> tuple[Any, bool]:
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        rest = [a for a in typing.get_args(annotation) if a is not type(None)]
        if len(rest) == 1:
            return rest[0], True
    return annotation, False


def _first_line(kind: type[BaseModel]) -> str:
    return (kind.__doc__ or "").strip().split("\n")[0]
