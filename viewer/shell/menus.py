"""Menu bar: File, Edit, View, Help."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from imgui_bundle import ImVec2, imgui

from core_model.schema.checkpoint import CheckpointInfo
from viewer.features.training.window import switch
from viewer.shell import menu_presets
from viewer.shell.layout import slots
from viewer.state.actions import (
    Dispatch,
    OpenCheckpoint,
    OpenDialog,
    OpenPhoto,
    Quit,
    Redo,
    ResetLayout,
    RestartWorker,
    RestoreSession,
    SavePicture,
    SetScale,
    SetTheme,
    ShowAbout,
    ShowDoctor,
    ShowPanel,
    ShowWelcome,
    ShowWorkspace,
    ToggleKeys,
    TogglePalette,
    TogglePanels,
    Undo,
)
from viewer.state.exports import Exports
from viewer.state.key_map import KeyMap
from viewer.state.presets import Presets
from viewer.state.workspace import Workspace
from viewer.widgets import controls
from viewer.widgets.theme import Theme

SCALES = (0.8, 0.9, 1.0, 1.1, 1.25, 1.5, 1.75, 2.0)
ANALYTIC = ("sphere", "slab", "torus", "shell")
LAYOUTS: tuple[tuple[str, frozenset[str], str], ...] = (
    ("Everything", frozenset(), "All panels of the standard layout"),
    ("Look", frozenset({"Latent", "Camera", "View"}), "Latent, camera and view beside the picture"),
    (
        "Inspect rays",
        frozenset({"View", "Sampler", "Ray", "Compare"}),
        "View, sampler, ray inspector and comparison",
    ),
    ("Present", frozenset({"Seeds", "Path"}), "Seeds and camera paths under a large picture"),
)
"""Name, panels that are shown (none = all), tooltip."""


@dataclass(frozen=True)
class MenuState:
    """What menus show as ticked or greyed. panels: (title, visible, closable)."""

    panels: tuple[tuple[str, bool, bool], ...]
    can_undo: bool
    can_redo: bool
    demo: str


def draw(
    theme: Theme,
    info: CheckpointInfo | None,
    keys: KeyMap,
    presets: Presets,
    exports: Exports,
    workspace: Workspace,
    recent: tuple[str, ...],
    dispatch: Dispatch,
    state: MenuState,
) -> None:
    """Draws the four menus into the current menu bar; choices become actions."""
    if imgui.begin_menu("File"):
        _file(theme, info, keys, exports, recent, dispatch, state)
        imgui.end_menu()
    if imgui.begin_menu("Edit"):
        if controls.menu_item("Undo", keys.text("edit.undo"), False, state.can_undo):
            dispatch(Undo())
        if controls.menu_item("Redo", keys.text("edit.redo"), False, state.can_redo):
            dispatch(Redo())
        imgui.separator()
        if imgui.menu_item("Command palette", keys.text("help.palette"), False)[0]:
            dispatch(TogglePalette())
        imgui.end_menu()
    if imgui.begin_menu("View"):
        _view(theme, keys, presets, workspace, dispatch, state)
        imgui.end_menu()
    if imgui.begin_menu("Help"):
        if imgui.menu_item("Welcome", "", False)[0]:
            dispatch(ShowWelcome())
        if imgui.menu_item("Keys", keys.text("help.keys"), False)[0]:
            dispatch(ToggleKeys())
        if imgui.menu_item("Check this machine …", "", False)[0]:
            dispatch(ShowDoctor())
        controls.tooltip(
            "GPU, driver, OpenGL, memory, packages, and how fast each device renders: `triscope doctor`"
        )
        if imgui.menu_item("About triscope", "", False)[0]:
            dispatch(ShowAbout())
        imgui.end_menu()
    switch(theme, dispatch, workspace.name)
    if workspace.exploring:
        _title(theme, info)


def focus() -> None:
    """Give the keyboard to the menu bar, at its first menu: arrows choose, Enter opens, Esc leaves."""
    internal = imgui.internal
    bar = internal.find_window_by_name("##MainMenuBar")
    if bar is None:
        return
    first = internal.im_hash_str("File", 0, bar.get_id("##MenuBar"))
    internal.focus_window(bar)
    corner = internal.ImRect(ImVec2(0.0, 0.0), ImVec2(1.0, 1.0))
    internal.set_nav_id(first, internal.NavLayer.menu, 0, corner)
    imgui.set_nav_cursor_visible(True)


def _file(
    theme: Theme,
    info: CheckpointInfo | None,
    keys: KeyMap,
    exports: Exports,
    recent: tuple[str, ...],
    dispatch: Dispatch,
    state: MenuState,
) -> None:
    if imgui.menu_item("Open …", keys.text("file.open"), False)[0]:
        dispatch(OpenDialog())
    if imgui.menu_item("Open a photo …", keys.text("file.open-photo"), False)[0]:
        dispatch(OpenPhoto())
    controls.tooltip("Find the head of a photograph: crop and camera, then an inversion that runs as a task")
    if imgui.begin_menu("Open recent", bool(recent)):
        for path in recent:
            if imgui.menu_item(
                f"{controls.ellipsis(path, 30 * theme.em, keep_end=True)}###recent-{path}", "", False
            )[0]:
                dispatch(OpenCheckpoint(path))
        imgui.end_menu()
    if controls.menu_item("Open the demo head", "", False, bool(state.demo)):
        dispatch(OpenCheckpoint(state.demo))
    controls.tooltip("" if state.demo else "assets/demo.safetensors is not part of this installation")
    if imgui.begin_menu("Open a known shape"):
        for name in ANALYTIC:
            if imgui.menu_item(name.title(), "", False)[0]:
                dispatch(OpenCheckpoint(f"analytic:{name}"))
        imgui.end_menu()
    imgui.separator()
    if controls.menu_item("Save picture", keys.text("file.save-picture"), False, info is not None):
        dispatch(SavePicture())
    controls.tooltip(f"The present view as a PNG in {exports.settings.folder}")
    if imgui.menu_item("Export …", "", False)[0]:
        dispatch(ShowPanel("Export", True))
        imgui.set_window_focus("Export")
    imgui.separator()
    if imgui.menu_item("Restore the last session", "", False)[0]:
        dispatch(RestoreSession())
    controls.tooltip(
        "Checkpoint, latent, camera and settings of the window that was closed last, or that crashed"
    )
    if imgui.menu_item("Restart the render process", "", False)[0]:
        dispatch(RestartWorker())
    imgui.separator()
    if imgui.menu_item("Quit", keys.text("file.quit"), False)[0]:
        dispatch(Quit())


def _view(
    theme: Theme, keys: KeyMap, presets: Presets, workspace: Workspace, dispatch: Dispatch, state: MenuState
) -> None:
    exploring = workspace.exploring
    if imgui.menu_item("Explore", keys.text("view.explore"), exploring)[0]:
        dispatch(ShowWorkspace("explore"))
    if imgui.menu_item("Training", keys.text("view.training"), not exploring)[0]:
        dispatch(ShowWorkspace("training"))
    imgui.separator()
    current = theme.palette.name
    if imgui.begin_menu("Theme"):
        if imgui.menu_item("Dark", "", current == "dark")[0]:
            dispatch(SetTheme("dark"))
        if imgui.menu_item("Light", "", current == "light")[0]:
            dispatch(SetTheme("light"))
        imgui.end_menu()
    if imgui.begin_menu("Interface size"):
        for scale in SCALES:
            if imgui.menu_item(f"{100 * scale:.0f} %", "", abs(scale - theme.scale) < 0.01)[0]:
                dispatch(SetScale(scale))
        imgui.end_menu()
    imgui.separator()
    menu_presets.draw(theme, presets, dispatch)
    if imgui.begin_menu("Layout", exploring):
        closed = {slot.title for slot in slots() if slot.closed}
        for name, shown, hint in LAYOUTS:
            if imgui.menu_item(name, "", False)[0]:
                for title, visible, closable in state.panels:
                    wanted = not shown or title in shown
                    if closable and visible != wanted and (shown or title not in closed):
                        dispatch(ShowPanel(title, wanted))
            controls.tooltip(hint)
        imgui.end_menu()
    imgui.separator()
    for title, visible, closable in state.panels:
        if closable and imgui.menu_item(title, "", visible)[0]:
            dispatch(ShowPanel(title, not visible))
    imgui.separator()
    if imgui.menu_item("Hide or show panels", keys.text("view.panels"), False)[0]:
        dispatch(TogglePanels())
    if imgui.menu_item("Reset layout", "", False)[0]:
        dispatch(ResetLayout())


def _title(theme: Theme, info: CheckpointInfo | None) -> None:
    """What is open, at the right end of the menu bar."""
    if info is None:
        return
    name = info.title or info.header.name or Path(info.path).stem
    text = f"{name}  ·  {info.family}"
    text = controls.ellipsis(text, 0.5 * imgui.get_window_width())
    imgui.same_line(imgui.get_window_width() - imgui.calc_text_size(text).x - 1.8 * theme.em)
    with controls.text_colour(theme.palette.muted):
        imgui.text_unformatted(text)
