"""The Presets menu: apply, keep under a name, remove."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imgui_bundle import imgui

from core_model.schema.errors import InputError
from viewer.state.presets import Presets
from viewer.widgets import controls
from viewer.state.actions import ApplyPreset, RemovePreset, SavePreset
from viewer.widgets.context import PanelContext
from viewer.widgets.glyphs import legible

if TYPE_CHECKING:
    from viewer.shell.coordinator import Controller

_STATE = {"typed": ""}
"""What is being typed; the menu bar is no panel that could keep it."""


def draw(ctx: PanelContext) -> None:
    """Draws the menu inside the menu that is open."""
    if not imgui.begin_menu("Presets"):
        return
    names = ctx.presets.names()
    for name in names:
        if imgui.menu_item(f"{legible(name)}###preset-{name}", "", False)[0]:
            ctx.emit(ApplyPreset(name))
        controls.tooltip("Sampler, quality, channel and display settings as they were kept")
    if names:
        imgui.separator()
    _keep(ctx)
    if imgui.begin_menu("Remove", bool(names)):
        for name in names:
            if imgui.menu_item(f"{legible(name)}###remove-{name}", "", False)[0]:
                ctx.emit(RemovePreset(name))
        imgui.end_menu()
    imgui.end_menu()


def _keep(ctx: PanelContext) -> None:
    imgui.set_next_item_width(12 * ctx.theme.em)
    entered, _STATE["typed"] = imgui.input_text_with_hint(
        "##preset-name", "Name of a new preset", _STATE["typed"], imgui.InputTextFlags_.enter_returns_true
    )
    imgui.same_line()
    why = "" if _STATE["typed"].strip() else "Type a name first"
    tip = "Keep sampler, quality, channel and display settings; checkpoint, latent and camera are not part of a preset"
    if controls.button(ctx.theme, "Keep###keep-preset", tip=tip, why_not=why) or (entered and not why):
        ctx.emit(SavePreset(_STATE["typed"]))
        _STATE["typed"] = ""
        imgui.close_current_popup()


def carry_out(action: SavePreset | RemovePreset, presets: Presets, control: Controller, now: float) -> None:
    """Keep or remove a preset; the status bar says what became of it."""
    try:
        if isinstance(action, SavePreset):
            presets.save(action.name, control.doc)
            control.say(f"Kept the settings as {action.name}", now)
        else:
            presets.remove(action.name)
    except InputError as error:
        control.say(str(error), now)
