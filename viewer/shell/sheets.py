"""Sheets over the window: the list of keys (F1), About, and the frame that the others have."""

from __future__ import annotations

from collections.abc import Callable
from importlib import metadata

from imgui_bundle import ImVec2, imgui

from viewer.shell.commands import COMMANDS, Command
from viewer.shell.keys import GESTURES, pressed_chord
from viewer.state.actions import Dispatch, KeepKeys
from viewer.state.key_map import KeyMap
from viewer.widgets import controls
from viewer.widgets.inputs import Inputs
from viewer.widgets.theme import BODY_PX, Theme

KEY_EM, GESTURE_EM = 11.0, 16.5
_LOW_EM = 2.6
"""Room below a low sheet: the status bar stays in sight."""
_FLAGS = (
    imgui.WindowFlags_.no_docking
    | imgui.WindowFlags_.no_saved_settings
    | imgui.WindowFlags_.no_resize
    | imgui.WindowFlags_.no_collapse
    | imgui.WindowFlags_.always_auto_resize
    | imgui.WindowFlags_.no_title_bar
)


def keys(theme: Theme, keys: KeyMap, inputs: Inputs, dispatch: Dispatch) -> bool:
    """Draws the list of keys; False when it was closed."""
    return sheet(theme, keys, "##keys-sheet", "Keys", lambda: _key_table(theme, keys, dispatch, inputs))


def about(theme: Theme, keys: KeyMap) -> bool:
    """Draws About; False when it was closed."""
    return sheet(theme, keys, "##about-sheet", "triscope", lambda: _about_text(theme))


def sheet(
    theme: Theme,
    keys: KeyMap,
    ident: str,
    title: str,
    body: Callable[[], None],
    done: str = "Close",
    why: str = "Esc closes it too",
    low: bool = False,
) -> bool:
    """A window over the window with a title, `body` and a button that closes it; False when it was closed.

    done, why: words of that button and of its tooltip. low: at the window's lower edge, so that the picture stays in
    sight and in reach of the mouse; a press on it closes the sheet and is the picture's as well.
    """
    em = theme.em
    whole = imgui.get_main_viewport()
    room = whole.size
    place = (
        ImVec2(whole.pos.x + 0.5 * room.x, whole.pos.y + room.y - _LOW_EM * em) if low else whole.get_center()
    )
    imgui.set_next_window_pos(place, imgui.Cond_.always, ImVec2(0.5, 1.0 if low else 0.5))
    imgui.set_next_window_bg_alpha(1.0)
    imgui.set_next_window_size_constraints(ImVec2(0.0, 0.0), ImVec2(0.96 * room.x, 0.92 * room.y))
    imgui.push_style_color(imgui.Col_.window_bg, imgui.get_style_color_vec4(imgui.Col_.popup_bg))
    imgui.push_style_var(imgui.StyleVar_.window_padding, ImVec2(1.6 * em, 1.3 * em))
    imgui.push_style_var(imgui.StyleVar_.window_border_size, 1.0)
    imgui.begin(ident, None, _FLAGS)
    with controls.font(theme.fonts.bold, BODY_PX * 1.3):
        imgui.text_unformatted(title)
    imgui.dummy(ImVec2(0.0, 0.4 * em))
    body()
    imgui.dummy(ImVec2(0.0, 0.5 * em))
    wide = max(6 * em, imgui.calc_text_size(done).x + 2 * em)
    closed = controls.button(theme, f"{done}###close", tip=why, primary=True, width=wide)
    clicked_away = imgui.is_mouse_clicked(0) and not imgui.is_window_hovered(
        imgui.HoveredFlags_.root_and_child_windows | imgui.HoveredFlags_.allow_when_blocked_by_active_item
    )
    appearing = imgui.is_window_appearing()
    imgui.end()
    imgui.pop_style_var(2)
    imgui.pop_style_color()
    closed = closed or (clicked_away and not appearing)
    if closed:
        keys.choosing = ""
    return not closed


def _key_table(theme: Theme, keys: KeyMap, dispatch: Dispatch, inputs: Inputs) -> None:
    """Commands with their keys in two columns, then what the mouse does."""
    em = theme.em
    _choose(keys, dispatch, inputs)
    listed = [c for c in COMMANDS if not c.name.startswith("channel-")]
    groups = list(dict.fromkeys(c.group for c in listed))
    left = [g for g in groups if g in ("Camera", "View", "Ray")]
    columns = 2 if imgui.get_main_viewport().size.x > 72 * em else 1
    if imgui.begin_table(
        "##keys", columns, imgui.TableFlags_.sizing_fixed_fit | imgui.TableFlags_.no_saved_settings
    ):
        for column in (left, [g for g in groups if g not in left]):
            imgui.table_next_column()
            for group in column:
                controls.section(theme, group)
                for command in (c for c in listed if c.group == group):
                    _key_row(command, theme, keys, dispatch)
                if group == "View":
                    _fixed_row("1 … 9, 0", "Choose the channel", theme)
            imgui.dummy(ImVec2(32 * em, 0.0))
        imgui.end_table()
    controls.section(theme, "Mouse and keyboard")
    if imgui.begin_table(
        "##gestures", columns, imgui.TableFlags_.sizing_fixed_fit | imgui.TableFlags_.no_saved_settings
    ):
        half = (len(GESTURES) + 1) // 2
        for part in (GESTURES[:half], GESTURES[half:]):
            imgui.table_next_column()
            for line in part:
                _fixed_row(line.keys, line.does, theme, wide=True)
            imgui.dummy(ImVec2(32 * em, 0.0))
        imgui.end_table()
    controls.note(theme, "Click a key to choose another one. Right click: the default again.")


def _key_row(command: Command, theme: Theme, keys: KeyMap, dispatch: Dispatch) -> None:
    em = theme.em
    waiting = keys.choosing == command.name
    shown = "press a key …" if waiting else keys.text(command.name) or "none"
    ink = theme.palette.accent if waiting or keys.changed(command.name) else theme.palette.text
    with controls.font(theme.fonts.mono, BODY_PX * 0.9), controls.text_colour(ink):
        if imgui.selectable(f"{shown}###key-{command.name}", waiting, 0, ImVec2(KEY_EM * em, 0.0))[0]:
            keys.choosing = "" if waiting else command.name
    if imgui.is_item_clicked(imgui.MouseButton_.right):
        keys.reset(command.name)
        dispatch(KeepKeys())
    default = ", ".join(keys.defaults[command.name]) or "none"
    controls.tooltip(f"Click, then press the new key (Backspace: none, Esc: leave it). Default: {default}")
    imgui.same_line((KEY_EM + 1.0) * em)  # within a table: from the column's left edge
    imgui.text_unformatted(command.title)


def _fixed_row(keys: str, does: str, theme: Theme, wide: bool = False) -> None:
    with controls.font(theme.fonts.mono, BODY_PX * 0.9):
        imgui.text_unformatted(keys)
    imgui.same_line((GESTURE_EM if wide else KEY_EM + 1.0) * theme.em)
    imgui.text_unformatted(does)


def _choose(keys: KeyMap, dispatch: Dispatch, inputs: Inputs) -> None:
    """The next chord goes to the command that waits for one."""
    if not keys.choosing:
        return
    if imgui.is_key_pressed(imgui.Key.escape, False):
        keys.choosing = ""
        return
    chord = pressed_chord(inputs)
    if chord is not None:
        bare = not (chord.ctrl or chord.shift or chord.alt)
        keys.bind(keys.choosing, None if chord.key == "Backspace" and bare else chord)
        keys.choosing = ""
        dispatch(KeepKeys())


def _about_text(theme: Theme) -> None:
    try:
        version = metadata.version("triscope")
    except metadata.PackageNotFoundError:
        version = "from a source tree"
    imgui.push_text_wrap_pos(32 * theme.em)
    imgui.text_unformatted(f"Version {version}")
    imgui.text_unformatted("Explorer for tri-plane 3D GANs: every sample, every pixel, while you turn it.")
    imgui.dummy(ImVec2(0.0, 0.3 * theme.em))
    with controls.text_colour(theme.palette.muted):
        imgui.text_unformatted(
            "Apache-2.0. Built on Dear ImGui and imgui-bundle, glfw, PyOpenGL, numpy, pydantic and PyTorch. "
            "Fonts: Inter, JetBrains Mono, Font Awesome (SIL OFL 1.1). Licences lie in assets/."
        )
    imgui.pop_text_wrap_pos()
