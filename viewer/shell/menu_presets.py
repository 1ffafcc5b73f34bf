"""The Presets menu: apply, keep under a name, remove."""

from __future__ import annotations

from imgui_bundle import imgui

from core_model.schema.errors import InputError
from viewer.state.actions import ApplyPreset, Dispatch, RemovePreset, SavePreset
from viewer.state.presets import Presets
from viewer.state.store import Store
from viewer.widgets import controls
from viewer.widgets.glyphs import legible
from viewer.widgets.theme import Theme

_STATE = {"typed": ""}
"""What is being typed; the menu bar is no panel that could keep it."""


def draw(theme: Theme, presets: Presets, dispatch: Dispatch) -> None:
    """Draws the menu inside the menu that is open."""
    if not imgui.begin_menu("Presets"):
        return
    names = presets.names()
    for name in names:
        if imgui.menu_item(f"{legible(name)}###preset-{name}", "", False)[0]:
            dispatch(ApplyPreset(name))
        controls.tooltip("Sampler, quality, channel and display settings as they were kept")
    if names:
        imgui.separator()
    _keep(theme, dispatch)
    with controls.text_colour(theme.palette.bad if names else theme.palette.text):
        opened = imgui.begin_menu("Remove", bool(names))
    if opened:
        for name in names:
            if imgui.menu_item(f"{legible(name)}###remove-{name}", "", False)[0]:
                dispatch(RemovePreset(name))
            controls.tooltip("Delete this preset: what it kept is lost, it cannot be brought back")
        imgui.end_menu()
    imgui.end_menu()


def _keep(theme: Theme, dispatch: Dispatch) -> None:
    imgui.set_next_item_width(12 * theme.em)
    entered, _STATE["typed"] = imgui.input_text_with_hint(
        "##preset-name", "Name of a new preset", _STATE["typed"], imgui.InputTextFlags_.enter_returns_true
    )
    imgui.same_line()
    why = "" if _STATE["typed"].strip() else "Type a name first"
    tip = "Keep sampler, quality, channel and display settings; checkpoint, latent and camera are not part of a preset"
    if controls.button(theme, "Keep###keep-preset", tip=tip, why_not=why) or (entered and not why):
        dispatch(SavePreset(_STATE["typed"]))
        _STATE["typed"] = ""
        imgui.close_current_popup()


def carry_out(action: SavePreset | RemovePreset, presets: Presets, store: Store, now: float) -> None:
    """Save or remove a preset; returns a message for the status bar."""
    try:
        if isinstance(action, SavePreset):
            presets.save(action.name, store.doc)
            store.say(f"Kept the settings as {action.name}", now)
        else:
            presets.remove(action.name)
    except InputError as error:
        store.say(str(error), now)
