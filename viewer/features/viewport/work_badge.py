"""What the renderer is busy with, at the top of the picture: a line for each piece of work, with its stage, how far it is and a cross."""

from __future__ import annotations

from imgui_bundle import ImVec2, imgui
from imgui_bundle import icons_fontawesome_6 as fa

from viewer.state.actions import CancelWork, Dispatch
from viewer.state.work import Work
from viewer.widgets import controls, overlays
from viewer.widgets.feature import RequestFrames
from viewer.widgets.theme import BODY_PX, Theme

MOVING_FPS = 8.0
"""While a line is shown: often enough for its bar."""


def draw(
    theme: Theme,
    request_frames: RequestFrames,
    dispatch: Dispatch,
    work: tuple[Work, ...],
    middle: float,
    top: float,
    right: float,
) -> None:
    """Draws over the current window, centred on `middle` but ending left of `right`, and hanging from `top` (logical pixels)."""
    shown = [one for one in work if one.shown]
    if shown:
        request_frames(MOVING_FPS)
    for one in shown:
        top += _line(theme, dispatch, one, middle, top, right) + round(0.3 * theme.em)


def _line(theme: Theme, dispatch: Dispatch, work: Work, middle: float, top: float, right: float) -> float:
    """One plate; returns its height."""
    draw = imgui.get_window_draw_list()
    p, em = theme.palette, theme.em
    where = (f"{work.stage}  {100 * work.fraction:.0f} %" if work.fraction > 0 else work.stage) or "waiting"
    with controls.font(theme.fonts.body, BODY_PX * 0.87):  # the one that has the icons
        cross = imgui.calc_text_size(fa.ICON_FA_XMARK)
    with controls.font(theme.fonts.mono, BODY_PX * 0.87):
        title, rest = imgui.calc_text_size(work.title), imgui.calc_text_size(where)
        pad, gap, line = round(0.5 * em), round(0.8 * em), imgui.get_text_line_height()
        room = max(
            rest.x, imgui.calc_text_size("super-resolution  100 %").x
        )  # of one width, whatever it says
        width, height = title.x + gap + room + gap + cross.x + 2 * pad, line + round(0.75 * em)
        low = ImVec2(round(min(middle - 0.5 * width, right - width)), round(top))
        high = ImVec2(low.x + width, low.y + height)
        overlays.plate(theme, low, high)
        y = low.y + round(0.3 * em)
        draw.add_text(ImVec2(low.x + pad, y), theme.colour(p.text), work.title)
        draw.add_text(ImVec2(low.x + pad + title.x + gap, y), theme.colour(p.muted), where)
    with controls.font(theme.fonts.body, BODY_PX * 0.87):
        imgui.set_cursor_screen_pos(ImVec2(high.x - cross.x - 2 * pad, low.y))
        if imgui.invisible_button(f"##cancel-{work.kind}", ImVec2(cross.x + 2 * pad, height)):
            dispatch(CancelWork(work.kind))
        ink = p.text if imgui.is_item_hovered() else p.muted
        draw.add_text(ImVec2(high.x - cross.x - pad, y), theme.colour(ink), fa.ICON_FA_XMARK)
    controls.tooltip("Cancel (Esc)")
    bar = ImVec2(low.x, high.y - round(0.16 * em))
    draw.add_rect_filled(
        bar, ImVec2(low.x + width * min(work.fraction, 1.0), high.y), theme.colour(p.accent), 0.08 * em
    )
    return height
