"""Dotted overrides of a settings tree.

`optim.generator_lr=0.001` → a changed tree, or one clear line about the mistake.
"""

from __future__ import annotations

import difflib
import json
import math
from collections.abc import Iterable, Mapping
from typing import Any, NoReturn, TypeVar

from pydantic import ValidationError

from core_model.schema.complaint import first_complaint
from core_model.schema.errors import InputError
from core_model.schema.frozen import Frozen
from core_model.schema.settings import settings_of

T = TypeVar("T", bound=Frozen)


def apply_overrides(tree: T, changes: Iterable[tuple[str, str]], where: str = "options") -> T:
    """The tree with text values set at dotted paths; `-` and `_` are the same.

    Raises InputError naming the field. All values are set before the tree is checked, so that settings that
    belong together can change together.
    """
    known = settings_of(type(tree))
    data = tree.model_dump()
    for path, text in changes:
        name = path.replace("-", "_")
        if name not in known:
            raise _unknown(path, name, tuple(known), where)
        *parents, last = name.split(".")
        place: dict[str, Any] = data
        for parent in parents:
            place = place[parent]
        value = text if type(place[last]) is str else _plain_value(text)
        if isinstance(value, float) and not math.isfinite(value):
            raise InputError(what=f"bad value of {name}", where=where, expected="a finite number", got=text)
        place[last] = value
    try:
        return type(tree).model_validate(data)
    except ValidationError as error:
        raise validation_fault(error, where) from None


def read_tree(kind: type[T], text: str | bytes, where: str) -> T:
    """A tree of its saved JSON; unknown keys are errors.

    Raises InputError naming file, field and nearest name.
    """
    try:
        return kind.model_validate_json(text)
    except ValidationError as error:
        raise validation_fault(error, where, tuple(settings_of(kind))) from None


def _no_number(word: str) -> NoReturn:
    raise ValueError(word)


def changed_paths(tree: Frozen, base: Frozen) -> Mapping[str, str]:
    """Dotted path → text value of everything in which `tree` differs from `base`: the overrides that lead
    from one to the other.
    """
    settings = settings_of(type(tree)).values()
    return {one.path: one.text(tree) for one in settings if one.value(tree) != one.value(base)}


def validation_fault(error: ValidationError, where: str, known: tuple[str, ...] = ()) -> InputError:
    """The first complaint of pydantic as one line."""
    first = first_complaint(error)
    path = ".".join(part for part in first.place.split(".") if part != "points") or "settings"
    if first.kind == "extra_forbidden":
        return _unknown(path, path, known, where)
    return InputError(what=f"bad value of {path}: {first.says}{first.others}", where=where, got=first.got)


def _unknown(path: str, name: str, known: tuple[str, ...], where: str) -> InputError:
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    if not near:  # a right field under a wrong or missing group
        near = [k for k in known if k.rsplit(".", 1)[-1] == name.rsplit(".", 1)[-1]][:1]
    hint = (
        f"{near[0]} (the nearest name)"
        if near
        else "a field of the settings (triscope train --help lists them)"
    )
    return InputError(what=f"unknown field {path!r}", where=where, expected=hint)


def _plain_value(text: str) -> object:
    """Text → what pydantic checks.

    JSON where it is JSON (lists, null, true), `none` and on/off, else the text itself.
    """
    word = text.strip()
    lowered = word.lower()
    if lowered in ("none", "null"):
        return None
    if lowered in ("true", "yes", "on"):
        return True
    if lowered in ("false", "no", "off"):
        return False
    if word[:1] in "[{":
        try:
            return json.loads(word, parse_constant=_no_number)
        except ValueError:
            return word
    unit = {"k": 1e3, "M": 1e6}.get(word[-1:])
    if unit is not None:
        try:
            return float(word[:-1]) * unit
        except ValueError:
            return word
    try:
        number = float(word)
    except ValueError:
        return word
    return int(number) if number.is_integer() and abs(number) < 2**53 else number
