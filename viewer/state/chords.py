"""Key chords as text: `Ctrl+Shift+P`, `F1`, `[`. Pure; the window maps the key names to Dear ImGui's keys."""

from __future__ import annotations

import string
from dataclasses import dataclass

from core_model.schema.errors import InputError

NAMED = {
    "Tab": "tab", "Space": "space", "Enter": "enter", "Backspace": "backspace", "Delete": "delete", "Insert": "insert",
    "Home": "home", "End": "end", "PageUp": "page_up", "PageDown": "page_down", "Left": "left_arrow", "Right": "right_arrow",
    "Up": "up_arrow", "Down": "down_arrow", "[": "left_bracket", "]": "right_bracket", ",": "comma", ".": "period", "-": "minus",
    "=": "equal", ";": "semicolon", "'": "apostrophe", "/": "slash", "\\": "backslash", "`": "grave_accent",
}  # fmt: skip
KEY_NAMES: dict[str, str] = (
    {c.upper(): c for c in string.ascii_lowercase}
    | {d: f"_{d}" for d in string.digits}
    | {f"F{n}": f"f{n}" for n in range(1, 13)}
    | NAMED
)
"""Name that people read → name of the key in `imgui.Key`. Escape is left out: it closes things and stays what
it is."""


@dataclass(frozen=True)
class Chord:
    """A key with its modifiers. key: of KEY_NAMES."""

    key: str
    ctrl: bool = False
    shift: bool = False
    alt: bool = False

    def __str__(self) -> str:
        held = [name for name, on in (("Ctrl", self.ctrl), ("Shift", self.shift), ("Alt", self.alt)) if on]
        return "+".join([*held, self.key])


def parse_chord(text: str) -> Chord:
    """The chord that `str(chord)` wrote. Raises InputError for anything else."""
    head, plus, key = text.rpartition("+")
    held = head.split("+") if plus else []
    if key not in KEY_NAMES or set(held) - {"Ctrl", "Shift", "Alt"} or len(set(held)) != len(held):
        raise InputError(what="not a key", where="preferences", expected="as Ctrl+Shift+P or F1", got=text)
    return Chord(key, "Ctrl" in held, "Shift" in held, "Alt" in held)


def bindings(defaults: dict[str, tuple[str, ...]], own: dict[str, str]) -> dict[str, tuple[Chord, ...]]:
    """Chords of each command: the user's, else the defaults ("" = none).

    Invalid chords are ignored; a default that the user gave to another command no longer runs its old one.
    """
    taken: set[Chord] = set()
    chosen: dict[str, tuple[Chord, ...]] = {}
    for name, text in own.items():
        if name not in defaults:
            continue
        try:
            chosen[name] = (parse_chord(text),) if text else ()
        except InputError:
            continue
        taken.update(chosen[name])
    for name, texts in defaults.items():
        chosen.setdefault(name, tuple(c for c in map(parse_chord, texts) if c not in taken))
    return chosen
