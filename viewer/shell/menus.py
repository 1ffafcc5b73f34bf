"""Menu bar: File, Edit, View, Help."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from imgui_bundle import imgui

from viewer.shell import menu_presets
from viewer.widgets import controls
from viewer.state.actions import (
    OpenCheckpoint,
    OpenDialog,
    Quit,
    Redo,
    ResetLayout,
    RestartWorker,
    RestoreSession,
    SavePicture,
    SetScale,
    SetTheme,
    ShowAbout,
    ShowPanel,
    ShowWorkspace,
    ToggleKeys,
    TogglePalette,
    TogglePanels,
    Undo,
)
from viewer.widgets.context import PanelContext
from viewer.shell.layout import SLOTS
from viewer.features.training.window import switch

SCALES = (0.8, 0.9, 1.0, 1.1, 1.25, 1.5, 1.75, 2.0)
ANALYTIC = ("sphere", "slab", "torus", "shell")
LAYOUTS: tuple[tuple[str, frozenset[str], str], ...] = (
    ("Everything", frozenset(), "All panels of the standard layout"),
    ("Look", frozenset({"Latent", "Camera", "View"}), "Latent, camera and view beside the picture"),
    ("Inspect rays", frozenset({"View", "Sampler", "Ray", "Compare"}), "View, sampler, ray inspector and comparison"),
    ("Present", frozenset({"Seeds", "Path"}), "Seeds and camera paths under a large picture"),
)
"""Name, panels that are shown (none = all), tooltip."""
CLOSED = frozenset(slot.title for slot in SLOTS if slot.closed)


@dataclass(frozen=True)
class MenuState:
    """What menus show as ticked or greyed. panels: (title, visible, closable)."""

    panels: tuple[tuple[str, bool, bool], ...]
    can_undo: bool
    can_redo: bool
    demo: str


def draw(ctx: PanelContext, state: MenuState) -> None:
    """Draws the four menus into the current menu bar; choices become actions."""
    if imgui.begin_menu("File"):
        _file(ctx, state)
        imgui.end_menu()
    if imgui.begin_menu("Edit"):
        if controls.menu_item("Undo", ctx.keys.text("edit.undo"), False, state.can_undo):
            ctx.emit(Undo())
        if controls.menu_item("Redo", ctx.keys.text("edit.redo"), False, state.can_redo):
            ctx.emit(Redo())
        imgui.separator()
        if imgui.menu_item("Command palette", ctx.keys.text("help.palette"), False)[0]:
            ctx.emit(TogglePalette())
        imgui.end_menu()
    if imgui.begin_menu("View"):
        _view(ctx, state)
        imgui.end_menu()
    if imgui.begin_menu("Help"):
        if imgui.menu_item("Keys", ctx.keys.text("help.keys"), False)[0]:
            ctx.emit(ToggleKeys())
        if imgui.menu_item("About triscope", "", False)[0]:
            ctx.emit(ShowAbout())
        imgui.end_menu()
    switch(ctx, ctx.workspace.name)
    if ctx.workspace.exploring:
        _title(ctx)


def _file(ctx: PanelContext, state: MenuState) -> None:
    if controls.menu_item("Open…", ctx.keys.text("file.open"), False, ctx.dialog_available):
        ctx.emit(OpenDialog())
    controls.tooltip(
        "" if ctx.dialog_available else "No file dialog is installed: use the path field of the Model panel"
    )
    if imgui.begin_menu("Open recent", bool(ctx.recent)):
        for path in ctx.recent:
            if imgui.menu_item(
                f"{controls.ellipsis(path, 30 * ctx.theme.em, keep_end=True)}###recent-{path}", "", False
            )[0]:
                ctx.emit(OpenCheckpoint(path))
        imgui.end_menu()
    if controls.menu_item("Open the demo head", "", False, bool(state.demo)):
        ctx.emit(OpenCheckpoint(state.demo))
    controls.tooltip("" if state.demo else "assets/demo.safetensors is not part of this installation")
    if imgui.begin_menu("Open a known shape"):
        for name in ANALYTIC:
            if imgui.menu_item(name.title(), "", False)[0]:
                ctx.emit(OpenCheckpoint(f"analytic:{name}"))
        imgui.end_menu()
    imgui.separator()
    if controls.menu_item("Save picture", ctx.keys.text("file.save-picture"), False, ctx.info is not None):
        ctx.emit(SavePicture())
    controls.tooltip(f"The present view as a PNG in {ctx.exports.settings.folder}")
    if imgui.menu_item("Export …", "", False)[0]:
        ctx.emit(ShowPanel("Export", True))
        imgui.set_window_focus("Export")
    imgui.separator()
    if imgui.menu_item("Restore the last session", "", False)[0]:
        ctx.emit(RestoreSession())
    controls.tooltip("Checkpoint, latent, camera and settings of the window that was closed last, or that crashed")
    if imgui.menu_item("Restart the render process", "", False)[0]:
        ctx.emit(RestartWorker())
    imgui.separator()
    if imgui.menu_item("Quit", ctx.keys.text("file.quit"), False)[0]:
        ctx.emit(Quit())


def _view(ctx: PanelContext, state: MenuState) -> None:
    exploring = ctx.workspace.exploring
    if imgui.menu_item("Explore", ctx.keys.text("view.explore"), exploring)[0]:
        ctx.emit(ShowWorkspace("explore"))
    if imgui.menu_item("Training", ctx.keys.text("view.training"), not exploring)[0]:
        ctx.emit(ShowWorkspace("training"))
    imgui.separator()
    current = ctx.theme.palette.name
    if imgui.begin_menu("Theme"):
        if imgui.menu_item("Dark", "", current == "dark")[0]:
            ctx.emit(SetTheme("dark"))
        if imgui.menu_item("Light", "", current == "light")[0]:
            ctx.emit(SetTheme("light"))
        imgui.end_menu()
    if imgui.begin_menu("Interface size"):
        for scale in SCALES:
            if imgui.menu_item(f"{100 * scale:.0f} %", "", abs(scale - ctx.theme.scale) < 0.01)[0]:
                ctx.emit(SetScale(scale))
        imgui.end_menu()
    imgui.separator()
    menu_presets.draw(ctx)
    if imgui.begin_menu("Layout", exploring):
        for name, shown, hint in LAYOUTS:
            if imgui.menu_item(name, "", False)[0]:
                for title, visible, closable in state.panels:
                    wanted = not shown or title in shown
                    if closable and visible != wanted and (shown or title not in CLOSED):
                        ctx.emit(ShowPanel(title, wanted))
            controls.tooltip(hint)
        imgui.end_menu()
    imgui.separator()
    for title, visible, closable in state.panels:
        if closable and imgui.menu_item(title, "", visible)[0]:
            ctx.emit(ShowPanel(title, not visible))
    imgui.separator()
    if imgui.menu_item("Hide or show panels", ctx.keys.text("view.panels"), False)[0]:
        ctx.emit(TogglePanels())
    if imgui.menu_item("Reset layout", "", False)[0]:
        ctx.emit(ResetLayout())


def _title(ctx: PanelContext) -> None:
    """What is open, at the right end of the menu bar."""
    if ctx.info is None:
        return
    name = ctx.info.title or ctx.info.header.name or Path(ctx.info.path).stem
    text = f"{name}  ·  {ctx.info.family}"
    text = controls.ellipsis(text, 0.5 * imgui.get_window_width())
    imgui.same_line(imgui.get_window_width() - imgui.calc_text_size(text).x - 1.8 * ctx.theme.em)
    with controls.text_colour(ctx.theme.palette.muted):
        imgui.text_unformatted(text)
