"""The error banner: what happened, over the last good picture, with copy and retry."""

from __future__ import annotations

from imgui_bundle import ImVec2, ImVec4, imgui
from imgui_bundle import icons_fontawesome_6 as fa

from viewer.state.actions import CopyText, DismissBanner, Dispatch, RestartWorker, RestoreSession, Retry
from viewer.state.screen import PicturePlace
from viewer.state.store import Banner
from viewer.widgets import controls
from viewer.widgets.glyphs import legible
from viewer.widgets.theme import BODY_PX, Theme


def draw(banner: Banner, theme: Theme, place: PicturePlace, dispatch: Dispatch) -> None:
    """Draws the banner at the top of the viewport as a window of its own ("//##banner")."""
    if place.size <= 0:
        return
    p, em = theme.palette, theme.em
    error = banner.severity == "error"
    width = min(max(place.size * 0.94, 26 * em), 46 * em)
    imgui.set_next_window_pos(
        ImVec2(place.origin[0] + 0.5 * place.size, place.origin[1] + 0.8 * em),
        imgui.Cond_.always,
        ImVec2(0.5, 0.0),
    )
    imgui.set_next_window_size(ImVec2(width, 0.0))
    imgui.push_style_color(imgui.Col_.window_bg, ImVec4(*(p.bad_panel if error else p.raised), 0.97))
    imgui.push_style_color(imgui.Col_.border, ImVec4(*(p.bad if error else p.accent), 0.55))
    imgui.push_style_var(imgui.StyleVar_.window_border_size, 1.0)
    flags = (
        imgui.WindowFlags_.no_decoration
        | imgui.WindowFlags_.no_docking
        | imgui.WindowFlags_.no_move
        | imgui.WindowFlags_.no_saved_settings
        | imgui.WindowFlags_.no_focus_on_appearing
    )
    imgui.begin("##banner", None, flags)
    icon = fa.ICON_FA_TRIANGLE_EXCLAMATION if error else fa.ICON_FA_CIRCLE_INFO
    with controls.text_colour(p.bad if error else p.accent):
        imgui.align_text_to_frame_padding()
        imgui.text_unformatted(icon)
    imgui.same_line()
    left = imgui.get_cursor_pos_x()
    buttons = _buttons_width(banner, em)
    imgui.push_text_wrap_pos(width - buttons - 0.6 * em)
    with controls.font(theme.fonts.bold, BODY_PX):
        imgui.align_text_to_frame_padding()
        imgui.text_unformatted(legible(banner.title))
    imgui.pop_text_wrap_pos()
    imgui.same_line(width - buttons)
    _buttons(banner, theme, dispatch)
    if banner.detail:
        imgui.set_cursor_pos_x(left)
        imgui.push_text_wrap_pos(width - em)
        with controls.font(theme.fonts.mono, BODY_PX * 0.86), controls.text_colour(p.muted):
            lines = banner.detail.strip().splitlines()
            imgui.text_unformatted(legible("\n".join(lines if len(lines) <= 6 else ["…", *lines[-6:]])))
        imgui.pop_text_wrap_pos()
    imgui.end()
    imgui.pop_style_var()
    imgui.pop_style_color(2)


def _buttons_width(banner: Banner, em: float) -> float:
    named = {"retry": 5.2, "restart": 6.2, "restore": 6.2, "none": 0.0}[banner.remedy]
    return (named + 2 * 2.5) * em


def _buttons(banner: Banner, theme: Theme, dispatch: Dispatch) -> None:
    if banner.remedy == "retry":
        if controls.button(
            theme,
            f"{fa.ICON_FA_ROTATE_RIGHT} Retry###retry",
            tip="Render the present view again",
            width=4.8 * theme.em,
        ):
            dispatch(Retry())
        imgui.same_line()
    elif banner.remedy == "restart":
        if controls.button(
            theme,
            f"{fa.ICON_FA_POWER_OFF} Restart###restart",
            tip="Start the render process again",
            width=5.8 * theme.em,
        ):
            dispatch(RestartWorker())
        imgui.same_line()
    elif banner.remedy == "restore":
        if controls.button(
            theme,
            f"{fa.ICON_FA_CLOCK_ROTATE_LEFT} Restore###restore",
            tip="Open that checkpoint with that view",
            width=5.8 * theme.em,
        ):
            dispatch(RestoreSession())
            dispatch(DismissBanner())
        imgui.same_line()
    if controls.button(
        theme, f"{fa.ICON_FA_COPY}###copy-error", tip="Copy the whole message", width=2.0 * theme.em
    ):
        dispatch(CopyText(banner.text, "message"))
    imgui.same_line()
    if controls.button(theme, f"{fa.ICON_FA_XMARK}###dismiss", tip="Hide this message", width=2.0 * theme.em):
        dispatch(DismissBanner())
