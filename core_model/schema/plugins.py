"""What installed packages add by entry points: families, samplers, channels, recipes and features of the window.

A package names an object of its own in its pyproject.toml, in a group of this table; the registry of that kind
loads it when it is first read. A plugin that cannot be used is named in one line and left out: whatever an
import or a wrong object raises ends here. Plugins are code that the user installed; no file ever names one.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Literal, TypeVar

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

Group = Literal["families", "samplers", "channels", "recipes", "features"]
GROUPS: tuple[Group, ...] = ("families", "samplers", "channels", "recipes", "features")
PREFIX = "triscope."
VARIABLE = "TRISCOPE_PLUGINS"
"""`off` in this variable leaves every plugin out."""

T = TypeVar("T")


@dataclass(frozen=True)
class Plugin:
    """One entry point. value: what it names, module:object. problem: why it is left out; "" = it is used."""

    group: Group
    name: str
    package: str
    version: str
    value: str
    problem: str = ""

    @property
    def line(self) -> str:
        """What is said of one that is left out."""
        whose = f"{self.package} {self.version}".strip()
        return f"plugin {self.name!r} of {whose} ({PREFIX}{self.group}) is left out: {self.problem}"


_broken: dict[tuple[Group, str], Plugin] = {}


def installed(group: Group) -> tuple[Plugin, ...]:
    """The entry points of a group, by name, with what is known to be wrong with them; loads nothing."""
    return tuple(_broken.get((group, entry.name)) or _plugin(group, entry) for entry in _entries(group))


def broken() -> tuple[Plugin, ...]:
    """Those that were left out so far in this process."""
    return tuple(_broken.values())


def adopt(group: Group, kind: type[T], take: Callable[[T], object]) -> dict[str, T]:
    """Load every plugin of a group and hand it to `take`, which registers it; returns those taken, by entry point.

    One that fails to load, is no `kind`, or that `take` refuses is left out, and said so on stderr.
    """
    taken: dict[str, T] = {}
    for entry in _entries(group):
        try:
            found = entry.load()
            if not isinstance(found, kind):
                raise TypeError(f"{entry.value} is a {type(found).__name__}, not a {kind.__name__}")
            take(found)
        except (Exception, SystemExit) as error:  # an import runs foreign code: anything may come out of it
            refuse(group, entry.name, error)
        else:
            taken[entry.name] = found
    return taken


def refuse(group: Group, name: str, error: BaseException) -> None:
    """Note and say that a plugin is left out."""
    entry = next(e for e in _entries(group) if e.name == name)
    said = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    plugin = _broken[group, name] = _plugin(group, entry, " ".join(said.split())[:300])
    print(f"triscope: {plugin.line}", file=sys.stderr)


def _plugin(group: Group, entry: EntryPoint, problem: str = "") -> Plugin:
    home = entry.dist
    return Plugin(
        group, entry.name, home.name if home else "?", home.version if home else "", entry.value, problem
    )


def _entries(group: Group) -> tuple[EntryPoint, ...]:
    return tuple(entry for entry in _all() if entry.group == PREFIX + group)


@cache
def _all() -> tuple[EntryPoint, ...]:
    """Those of every group, by name: what is installed is looked through once."""
    if os.environ.get(VARIABLE, "").lower() in ("off", "0", "no"):
        return ()
    from importlib.metadata import distributions  # what it imports takes longer than the search

    found: dict[tuple[str, str], EntryPoint] = {}
    for package in distributions():  # in the order in which imports look
        for entry in package.entry_points:
            if entry.group.startswith(PREFIX):
                found.setdefault((entry.group, entry.name), entry)
    return tuple(found[key] for key in sorted(found))


def forget() -> None:
    """Look anew at what is installed, and forget what was wrong with it (tests)."""
    _all.cache_clear()
    _broken.clear()
