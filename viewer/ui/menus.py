"""Menu bar: File, Edit, View, Help."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from imgui_bundle import imgui

from viewer.ui import controls
from viewer.ui.actions import (
    OpenCheckpoint,
    OpenDialog,
    Quit,
    Redo,
    ResetLayout,
    RestartWorker,
    SetScale,
    SetTheme,
    ShowAbout,
    ShowPanel,
    ToggleKeys,
    TogglePanels,
    Undo,
)
from viewer.ui.context import PanelContext

SCALES = (0.8, 0.9, 1.0, 1.1, 1.25, 1.5, 1.75, 2.0)
ANALYTIC = ("sphere", "slab", "torus", "shell")


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
        if imgui.menu_item("Undo", "Ctrl+Z", False, state.can_undo)[0]:
            ctx.emit(Undo())
        if imgui.menu_item("Redo", "Ctrl+Y", False, state.can_redo)[0]:
            ctx.emit(Redo())
        imgui.end_menu()
    if imgui.begin_menu("View"):
        _view(ctx, state)
        imgui.end_menu()
    if imgui.begin_menu("Help"):
        if imgui.menu_item("Keys", "F1", False)[0]:
            ctx.emit(ToggleKeys())
        if imgui.menu_item("About triscope", "", False)[0]:
            ctx.emit(ShowAbout())
        imgui.end_menu()
    _title(ctx)


def _file(ctx: PanelContext, state: MenuState) -> None:
    if imgui.menu_item("Open…", "Ctrl+O", False, ctx.dialog_available)[0]:
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
    if imgui.menu_item("Open the demo head", "", False, bool(state.demo))[0]:
        ctx.emit(OpenCheckpoint(state.demo))
    controls.tooltip("" if state.demo else "assets/demo.safetensors is not part of this installation")
    if imgui.begin_menu("Open a known shape"):
        for name in ANALYTIC:
            if imgui.menu_item(name.title(), "", False)[0]:
                ctx.emit(OpenCheckpoint(f"analytic:{name}"))
        imgui.end_menu()
    imgui.separator()
    if imgui.menu_item("Restart the render process", "", False)[0]:
        ctx.emit(RestartWorker())
    imgui.separator()
    if imgui.menu_item("Quit", "Ctrl+Q", False)[0]:
        ctx.emit(Quit())


def _view(ctx: PanelContext, state: MenuState) -> None:
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
    for title, visible, closable in state.panels:
        if closable and imgui.menu_item(title, "", visible)[0]:
            ctx.emit(ShowPanel(title, not visible))
    imgui.separator()
    if imgui.menu_item("Hide or show panels", "Tab", False)[0]:
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
