"""The keys: one table that the shortcuts obey, F1 lists and menus quote."""

from __future__ import annotations

from dataclasses import dataclass

from imgui_bundle import imgui

from core_model.schema.camera import CameraPrior
from core_model.schema.latent import SeedWeight
from viewer.state import orbit
from viewer.state.document import Document
from viewer.ui import readout
from viewer.ui.actions import Action, CopyText, OpenDialog, Quit, Redo, ShowPanel, ToggleKeys, TogglePanels, Undo
from viewer.ui.context import PanelContext


@dataclass(frozen=True)
class KeyHelp:
    """One line of the F1 list."""

    group: str
    keys: str
    does: str


KEYS: tuple[KeyHelp, ...] = (
    KeyHelp("Viewport", "Left drag", "Orbit"),
    KeyHelp("Viewport", "Middle drag, Shift + left drag", "Pan"),
    KeyHelp("Viewport", "Wheel", "Move closer or away"),
    KeyHelp("Viewport", "Ctrl + wheel", "Field of view"),
    KeyHelp("Viewport", "Click, or hold I", "Inspect the ray under the cursor"),
    KeyHelp("Viewport", "Shift + click, P", "Pin the inspected ray, or remove its pin"),
    KeyHelp("Viewport", "Ctrl + C", "Copy the value under the cursor"),
    KeyHelp("Viewport", "Double click", "Turn about the surface under the cursor"),
    KeyHelp("Viewport", "Click an axis end", "Look along that axis"),
    KeyHelp("Camera", "R", "Reset to the checkpoint's pose"),
    KeyHelp("Camera", "F", "Frame the whole subject"),
    KeyHelp("View", "1 … 9, 0", "Choose the channel"),
    KeyHelp("View", "V", "Compare: off, wipe, side by side, error map"),
    KeyHelp("View", "Tab", "Hide or show the panels"),
    KeyHelp("Latent", "[  ]", "Previous, next seed"),
    KeyHelp("Edit", "Ctrl + Z", "Undo"),
    KeyHelp("Edit", "Ctrl + Y, Ctrl + Shift + Z", "Redo"),
    KeyHelp("File", "Ctrl + O", "Open a checkpoint"),
    KeyHelp("File", "Ctrl + Q", "Quit"),
    KeyHelp("Help", "F1", "This list"),
    KeyHelp("Help", "Esc", "Close this list or a menu; never quits"),
)

COMPARISONS = ("off", "wipe", "side", "difference")

_DIGITS = (
    imgui.Key._1,
    imgui.Key._2,
    imgui.Key._3,
    imgui.Key._4,
    imgui.Key._5,
    imgui.Key._6,
    imgui.Key._7,
    imgui.Key._8,
    imgui.Key._9,
    imgui.Key._0,
)
_PADS = (
    imgui.Key.keypad1,
    imgui.Key.keypad2,
    imgui.Key.keypad3,
    imgui.Key.keypad4,
    imgui.Key.keypad5,
    imgui.Key.keypad6,
    imgui.Key.keypad7,
    imgui.Key.keypad8,
    imgui.Key.keypad9,
    imgui.Key.keypad0,
)


def shortcuts(doc: Document, ctx: PanelContext) -> Document:
    """Applies the keys pressed in this frame; nothing happens while text is being typed."""
    io = imgui.get_io()
    if imgui.is_key_pressed(imgui.Key.f1, False):
        ctx.emit(ToggleKeys())
    if io.want_text_input:
        return doc
    if io.key_ctrl:
        for action in _with_ctrl(io.key_shift):
            ctx.emit(action)
        under_cursor = readout.text(doc, ctx) if imgui.is_key_pressed(imgui.Key.c, False) else ""
        if under_cursor:
            ctx.emit(CopyText(under_cursor, "value under the cursor"))
        return doc
    if imgui.is_key_pressed(imgui.Key.tab, False):
        ctx.emit(TogglePanels())
    return _plain(doc, ctx)


def _with_ctrl(shift: bool) -> list[Action]:
    actions: list[Action] = []
    if imgui.is_key_pressed(imgui.Key.z):
        actions.append(Redo() if shift else Undo())
    if imgui.is_key_pressed(imgui.Key.y):
        actions.append(Redo())
    if imgui.is_key_pressed(imgui.Key.o, False):
        actions.append(OpenDialog())
    if imgui.is_key_pressed(imgui.Key.q, False):
        actions.append(Quit())
    return actions


def _plain(doc: Document, ctx: PanelContext) -> Document:
    prior = ctx.info.header.camera if ctx.info else CameraPrior()
    if imgui.is_key_pressed(imgui.Key.r, False):
        doc = doc.replace(camera=orbit.reset(doc.camera, prior))
    if imgui.is_key_pressed(imgui.Key.f, False):
        doc = doc.replace(camera=orbit.frame(doc.camera, prior))
    if imgui.is_key_pressed(imgui.Key.p, False) and doc.rays.selected is not None:
        doc = doc.replace(rays=doc.rays.toggled(doc.rays.selected))
    if imgui.is_key_pressed(imgui.Key.v, False) and ctx.info is not None:
        following = COMPARISONS[(COMPARISONS.index(doc.compare.mode) + 1) % len(COMPARISONS)]
        doc = doc.replace(compare=doc.compare.replace(mode=following))
        ctx.emit(ShowPanel("Compare", True))
    step = int(imgui.is_key_pressed(imgui.Key.right_bracket)) - int(
        imgui.is_key_pressed(imgui.Key.left_bracket)
    )
    if step and ctx.info is not None and ctx.info.z_dim and doc.latent.seeds:
        seed = (doc.latent.seeds[0].seed + step) % 2**32
        doc = doc.replace(latent=doc.latent.replace(seeds=(SeedWeight(seed=seed),), z=None, w=None))
    for index, (digit, pad) in enumerate(zip(_DIGITS, _PADS, strict=True)):
        if imgui.is_key_pressed(digit, False) or imgui.is_key_pressed(pad, False):
            doc = _show_channel(doc, ctx, index)
    return doc


def _show_channel(doc: Document, ctx: PanelContext, index: int) -> Document:
    if ctx.info is None or index >= len(ctx.info.channels):
        return doc
    channel = ctx.info.channels[index]
    if channel.needs_proposal and not ctx.info.has_proposal:
        return doc
    return doc.replace(view=doc.view.with_channel(channel.name))
