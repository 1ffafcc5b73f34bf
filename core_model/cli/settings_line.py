"""A command line over a settings tree, taken apart.

It holds options of the command, switches, and `--field.path=value` for every setting.
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass, field

from pydantic import BaseModel

from core_model.schema.errors import InputError
from core_model.schema.settings import settings_of
from core_model.schema.whole import whole


@dataclass
class SettingsLine:
    """One command line.

    words: options of the command with their values. switches: options without one.
    changes: (path, text) of the settings, in order.
    """

    words: dict[str, str] = field(default_factory=dict)
    switches: set[str] = field(default_factory=set)
    changes: list[tuple[str, str]] = field(default_factory=list)

    def whole(self, word: str, default: int) -> int:
        """A whole number from 0; raises InputError."""
        text = self.words.get(word, str(default))
        number = whole(text)
        if number is None:
            raise InputError(what=f"bad value of --{word}", expected="a whole number", got=text)
        return number


def read_line(
    command: str, args: Sequence[str], tree: type[BaseModel], words: Sequence[str], switches: Sequence[str]
) -> SettingsLine:
    """The line `triscope COMMAND ARGS`; `-` and `_` are the same.

    Raises InputError naming what is unknown or lacks a value.
    """
    line, known = SettingsLine(), settings_of(tree)
    queue = list(args)
    while queue:
        option = queue.pop(0)
        if option == "-h":
            option = "--help"
        if not option.startswith("--"):
            raise InputError(
                what=f"{command}: unexpected argument {option!r}", expected="options that begin with --"
            )
        name, equals, value = option[2:].partition("=")
        plain = name.replace("_", "-")
        if plain in switches:
            if equals:
                raise InputError(what=f"{command}: --{plain} takes no value", got=value)
            line.switches.add(plain)
            continue
        if plain not in words and name.replace("-", "_") not in known:
            raise _unknown(command, name, tuple(known), (*words, *switches))
        if not equals:
            if not queue or queue[0].startswith("--"):
                raise InputError(what=f"{command}: --{name} needs a value", expected=f"--{name}=VALUE")
            value = queue.pop(0)
        if plain in words:
            line.words[plain] = value
        else:
            line.changes.append((name, value))
    return line


def _unknown(command: str, name: str, known: Sequence[str], own: Sequence[str]) -> InputError:
    options = [*own, *known]
    wanted = name.replace("-", "_")
    near = difflib.get_close_matches(wanted, options, n=1, cutoff=0.5) or difflib.get_close_matches(
        name, options, n=1, cutoff=0.5
    )
    same_leaf = [k for k in known if k.rsplit(".", 1)[-1] == wanted.rsplit(".", 1)[-1]]
    best = (same_leaf or near or [""])[0]
    expected = f"--{best} (the nearest name)" if best else f"a field that triscope {command} --help lists"
    return InputError(what=f"{command}: unknown field --{name}", expected=expected)
