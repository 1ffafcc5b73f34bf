"""The keys: shortcuts of the command table under the user's bindings, and the gestures that have no key to rebind."""

from __future__ import annotations

from dataclasses import dataclass

from imgui_bundle import imgui

from viewer.state.chords import KEY_NAMES, Chord
from viewer.state.document import Document
from viewer.ui.actions import CancelWork, ToggleKeys
from viewer.ui.commands import COMMANDS
from viewer.ui.context import PanelContext

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
    KeyHelp("Viewport", "Esc", "Close a list or a menu; then cancel what is being computed; never quits"),
)


def shortcuts(doc: Document, ctx: PanelContext) -> Document:
    """Runs the commands whose keys were pressed in this frame; nothing happens while text is being typed or a key is being chosen."""
    if ctx.keys.choosing:
        return doc
    io = imgui.get_io()
    if io.want_text_input:
        if imgui.is_key_pressed(imgui.Key.f1, False):
            ctx.emit(ToggleKeys())
        return doc
    if imgui.is_key_pressed(imgui.Key.escape, False) and not imgui.is_popup_open("", imgui.PopupFlags_.any_popup):
        ctx.emit(CancelWork())  # the last thing that Esc does: when nothing is left that it could close
    for command in COMMANDS:
        if any(is_pressed(chord, command.repeats) for chord in ctx.keys.of(command.name)) and not command.blocked(doc, ctx):
            doc = command.run(doc, ctx)
    return doc


def is_pressed(chord: Chord, repeat: bool = False) -> bool:
    """Whether the chord went down in this frame, with these modifiers and no others."""
    io = imgui.get_io()
    if (io.key_ctrl, io.key_shift, io.key_alt) != (chord.ctrl, chord.shift, chord.alt):
        return False
    if imgui.is_key_pressed(getattr(imgui.Key, KEY_NAMES[chord.key]), repeat):
        return True
    return chord.key in PAD and not chord.ctrl and imgui.is_key_pressed(PAD[chord.key], repeat)


def pressed_chord() -> Chord | None:
    """The chord that goes down in this frame, whichever it is."""
    io = imgui.get_io()
    for name, key in KEY_NAMES.items():
        if imgui.is_key_pressed(getattr(imgui.Key, key), False):
            return Chord(name, io.key_ctrl, io.key_shift, io.key_alt)
    return None
