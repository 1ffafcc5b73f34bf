"""Chords as text, bindings under the user's choices, and the command table."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from imgui_bundle import imgui

import viewer
from core_model.schema.errors import InputError
from viewer.shell.commands import COMMANDS, DEFAULT_KEYS
from viewer.state.chords import KEY_NAMES, Chord, bindings, parse_chord
from viewer.state.key_map import KeyMap
from viewer.state.palette import DARK
from viewer.widgets.theme import Theme


def test_every_key_name_is_a_key() -> None:
    for name, key in KEY_NAMES.items():
        assert hasattr(imgui.Key, key), name
        assert parse_chord(str(Chord(name, ctrl=True, shift=True))) == Chord(name, True, True)


@pytest.mark.parametrize("text", ["", "Ctrl+", "Strg+P", "Ctrl+Ctrl+P", "p", "Escape", "Shift++"])
def test_what_is_no_chord_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="not a key"):
        parse_chord(text)


def test_commands_have_their_own_names_and_keys() -> None:
    names = [c.name for c in COMMANDS]
    assert len(set(names)) == len(names)
    chords = [str(parse_chord(k)) for c in COMMANDS for k in c.keys]
    assert len(set(chords)) == len(chords), "two commands on one key"


def test_a_key_moves_to_the_command_that_it_is_given_to() -> None:
    keys = KeyMap(DEFAULT_KEYS, {})
    assert keys.text("edit.undo") == "Ctrl+Z" and keys.holder(Chord("R")) == "camera.reset"
    keys.bind("edit.undo", Chord("R"))
    assert keys.text("edit.undo") == "R" and keys.of("camera.reset") == ()
    keys.bind("view.compare", Chord("R"))
    assert keys.text("view.compare") == "R" and keys.of("edit.undo") == () and keys.changed("edit.undo")
    keys.bind("view.compare", None)
    assert keys.of("view.compare") == () and keys.text("camera.reset") == "R"
    keys.reset()
    assert keys.own == {} and keys.text("edit.undo") == "Ctrl+Z" and keys.text("view.compare") == "V"


def test_damaged_preferences_leave_the_default() -> None:
    bound = bindings(DEFAULT_KEYS, {"edit.undo": "Hyper+Q", "no.such.command": "A"})
    assert bound["edit.undo"] == (Chord("Z", ctrl=True),) and "no.such.command" not in bound


def test_a_tooltip_names_the_key_that_is_bound_now() -> None:
    keys = KeyMap(DEFAULT_KEYS, {})
    theme = Theme(DARK, fonts=None, keys=keys)  # type: ignore[arg-type]
    assert theme.keyed("Save", "file.save-picture") == "Save (Ctrl+S)"
    keys.bind("file.save-picture", Chord("K", alt=True))
    assert theme.keyed("Save", "file.save-picture") == "Save (Alt+K)"
    keys.bind("file.save-picture", None)
    assert theme.keyed("Save", "file.save-picture") == "Save"
    assert theme.key("file.save-picture", "Save picture") == "Save picture"


_BY_HAND = re.compile(r"\bCtrl\+[A-Z0-9]\b|\bF1\b|\((?:[A-Z]|\[|\])[,)]")


def test_no_panel_names_a_key_by_hand() -> None:
    """Keys stand in the one table, and can be bound anew: texts of panels ask `Theme.key`."""
    found = []
    for path in sorted((Path(viewer.__file__).parent / "features").rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        told = {
            id(node.body[0].value)
            for node in ast.walk(tree)
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
            and node.body
            and isinstance(node.body[0], ast.Expr)
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in told:
                found += [f"{path.name}: {node.value}"] if _BY_HAND.search(node.value) else []
    assert not found, found


def test_what_a_panel_asks_the_table_for_is_in_it() -> None:
    asked = set()
    for path in (Path(viewer.__file__).parent / "features").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
                continue
            place = {"key": 0, "keyed": 1}.get(node.func.attr)
            owner = node.func.value
            if place is None or not isinstance(owner, ast.Name) or owner.id != "theme":
                continue
            name = node.args[place]
            if isinstance(name, ast.Constant):
                asked.add(name.value)
    assert len(asked) >= 8 and asked <= set(DEFAULT_KEYS), asked - set(DEFAULT_KEYS)
