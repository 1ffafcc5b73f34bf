"""Chords as text, bindings under the user's choices, and the command table."""

from __future__ import annotations

import pytest
from imgui_bundle import imgui

from core_model.schema.errors import InputError
from viewer.shell.commands import COMMANDS, DEFAULT_KEYS
from viewer.state.chords import KEY_NAMES, Chord, bindings, parse_chord
from viewer.state.key_map import KeyMap


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
