"""The two sheets over the window: the list of keys (F1) and About."""

from __future__ import annotations

from importlib import metadata

from imgui_bundle import ImVec2, imgui

from viewer.ui import controls
from viewer.ui.context import PanelContext
from viewer.ui.keys import KEYS
from viewer.ui.theme import BODY_PX

_FLAGS = (
    imgui.WindowFlags_.no_docking
    | imgui.WindowFlags_.no_saved_settings
    | imgui.WindowFlags_.no_resize
    | imgui.WindowFlags_.no_collapse
    | imgui.WindowFlags_.always_auto_resize
    | imgui.WindowFlags_.no_title_bar
)


def keys(ctx: PanelContext) -> bool:
    """Draws the list of keys; False when it was closed."""
    return _sheet(ctx, "##keys-sheet", "Keys", _key_table)


def about(ctx: PanelContext) -> bool:
    """Draws About; False when it was closed."""
    return _sheet(ctx, "##about-sheet", "triscope", _about_text)


def _sheet(ctx: PanelContext, ident: str, title: str, body) -> bool:
    theme, em = ctx.theme, ctx.theme.em
    centre = imgui.get_main_viewport().get_center()
    imgui.set_next_window_pos(centre, imgui.Cond_.always, ImVec2(0.5, 0.5))
    imgui.set_next_window_bg_alpha(1.0)
    imgui.push_style_color(imgui.Col_.window_bg, imgui.get_style_color_vec4(imgui.Col_.popup_bg))
    imgui.push_style_var(imgui.StyleVar_.window_padding, ImVec2(1.6 * em, 1.3 * em))
    imgui.push_style_var(imgui.StyleVar_.window_border_size, 1.0)
    imgui.begin(ident, None, _FLAGS)
    with controls.font(theme.fonts.bold, BODY_PX * 1.3):
        imgui.text_unformatted(title)
    imgui.dummy(ImVec2(0.0, 0.4 * em))
    body(ctx)
    imgui.dummy(ImVec2(0.0, 0.5 * em))
    closed = controls.button(theme, "Close###close", tip="Esc closes it too", primary=True, width=6 * em)
    closed = closed or imgui.is_key_pressed(imgui.Key.escape, False)
    clicked_away = imgui.is_mouse_clicked(0) and not imgui.is_window_hovered(
        imgui.HoveredFlags_.root_and_child_windows
    )
    appearing = imgui.is_window_appearing()
    imgui.end()
    imgui.pop_style_var(2)
    imgui.pop_style_color()
    return not (closed or (clicked_away and not appearing))


def _key_table(ctx: PanelContext) -> None:
    theme, em = ctx.theme, ctx.theme.em
    group = ""
    for line in KEYS:
        if line.group != group:
            group = line.group
            controls.section(theme, group)
        left = imgui.get_cursor_pos_x()
        with controls.font(theme.fonts.mono, BODY_PX * 0.9):
            imgui.text_unformatted(line.keys)
        imgui.same_line(left + 18 * em)
        imgui.text_unformatted(line.does)


def _about_text(ctx: PanelContext) -> None:
    try:
        version = metadata.version("triscope")
    except metadata.PackageNotFoundError:
        version = "from a source tree"
    imgui.push_text_wrap_pos(32 * ctx.theme.em)
    imgui.text_unformatted(f"Version {version}")
    imgui.text_unformatted("Explorer for tri-plane 3D GANs: every sample, every pixel, while you turn it.")
    imgui.dummy(ImVec2(0.0, 0.3 * ctx.theme.em))
    with controls.text_colour(ctx.theme.palette.muted):
        imgui.text_unformatted(
            "Apache-2.0. Built on Dear ImGui and imgui-bundle, glfw, PyOpenGL, numpy, pydantic and PyTorch. "
            "Fonts: Inter, JetBrains Mono, Font Awesome (SIL OFL 1.1). Licences lie in assets/."
        )
    imgui.pop_text_wrap_pos()
