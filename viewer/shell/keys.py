"""Keyboard shortcuts: the command table under the user's bindings, and the fixed mouse gestures."""

from __future__ import annotations

from dataclasses import dataclass

from imgui_bundle import imgui

from viewer.shell.commands import COMMANDS, Situation
from viewer.state.actions import Dispatch
from viewer.state.chords import KEY_NAMES, Chord
from viewer.state.key_map import KeyMap
from viewer.widgets.inputs import Inputs

TEXT_KEYS = "ACVXYZ"
"""With Ctrl they are a text field's own: select all, copy, paste, cut, redo, undo."""
PAD = {str(d): getattr(imgui.Key, f"keypad{d}") for d in range(10)}


@dataclass(frozen=True)
class KeyHelp:
    """One line of the F1 list that cannot be bound anew."""

    group: str
    keys: str
    does: str


GESTURES: tuple[KeyHelp, ...] = (
    KeyHelp("Viewport", "Left drag", "Orbit"),
    KeyHelp("Viewport", "Middle drag, Shift + left drag", "Pan"),
    KeyHelp("Viewport", "Wheel", "Move closer or away"),
    KeyHelp("Viewport", "Ctrl + wheel", "Field of view"),
    KeyHelp("Viewport", "Click, or hold I", "Inspect the ray under the cursor"),
    KeyHelp("Viewport", "Shift + click", "Pin the ray under the cursor"),
    KeyHelp("Viewport", "Double click", "Turn about the surface under the cursor"),
    KeyHelp("Viewport", "Click the view cube", "Look from that face, edge or corner"),
    KeyHelp("Viewport", "Fly: left button + W A S D, Q E", "Move; Shift hurries, the wheel sets the speed"),
    KeyHelp("Window", "Tab, arrows; Space or Enter", "Go to a control; use it"),
    KeyHelp("Window", "Ctrl + Tab", "Go to another panel, message or the time line"),
    KeyHelp(
        "Viewport",
        "Esc",
        "Close a list, a menu, a sheet, the ray panel; then cancel what is being computed; never quits",
    ),
)


def shortcuts(keys: KeyMap, inputs: Inputs, situation: Situation, dispatch: Dispatch) -> None:
    """Dispatch the commands whose keys were pressed in this frame; nothing while a key is being chosen.

    While text is edited only F1 and chords with Ctrl that mean nothing to a text field count (Ctrl+S, Ctrl+P
    …).
    """
    if keys.choosing:
        return
    typing = imgui.get_io().want_text_input
    for command in COMMANDS:
        chords = [c for c in keys.of(command.name) if not typing or _beside_text(c)]
        if not any(is_pressed(chord, inputs, command.repeats) for chord in chords):
            continue
        action = None if command.blocked(situation) else command.does(situation)
        if action is not None:
            dispatch(action)


def is_pressed(chord: Chord, inputs: Inputs, repeat: bool = False) -> bool:
    """Whether the chord went down in this frame, with these modifiers and no others."""
    if inputs.held(chord.key) != (chord.ctrl, chord.shift, chord.alt):
        return False
    if imgui.is_key_pressed(getattr(imgui.Key, KEY_NAMES[chord.key]), repeat):
        return True
    return chord.key in PAD and not chord.ctrl and imgui.is_key_pressed(PAD[chord.key], repeat)


def pressed_chord(inputs: Inputs) -> Chord | None:
    """The chord that goes down in this frame, whichever it is."""
    for name, key in KEY_NAMES.items():
        if imgui.is_key_pressed(getattr(imgui.Key, key), False):
            return Chord(name, *inputs.held(name))
    return None


def _beside_text(chord: Chord) -> bool:
    """Whether a text field that has the keyboard leaves the chord alone."""
    return chord == Chord("F1") or (
        chord.ctrl and not chord.alt and len(chord.key) == 1 and chord.key not in TEXT_KEYS
    )
