"""Marks drawn over the viewport: badges, warnings, pivot cross.

They follow the pose of the displayed result, so that they do not drift while a newer picture is being
rendered.
"""

from __future__ import annotations

import math
import textwrap

from imgui_bundle import ImVec2, imgui
from imgui_bundle import icons_fontawesome_6 as fa

from viewer.state.palette import Rgb, contrast, mix, rgb
from viewer.widgets import controls
from viewer.widgets.glyphs import legible
from viewer.widgets.theme import BODY_PX, Theme

# Pins in Okabe and Ito's colours: the same in the view and in the table.
PIN_INKS: tuple[Rgb, ...] = tuple(
    rgb(c) for c in ("#e69f00", "#56b4e9", "#009e73", "#f0e442", "#cc79a7", "#d55e00", "#0072b2", "#b0b7c3")
)


PLATE_ALPHA = 0.9
"""Of the ground under text on pictures: every ink of both themes can be read on it, whatever the picture is."""
PIN_TEXT: tuple[Rgb, Rgb] = ((0.06, 0.07, 0.09), (1.0, 1.0, 1.0))
_BEHIND: Rgb = (0.5, 0.5, 0.5)


def plate(theme: Theme, low: ImVec2, high: ImVec2) -> None:
    """The ground of text on a picture."""
    fill = theme.colour(theme.palette.panel, PLATE_ALPHA)
    imgui.get_window_draw_list().add_rect_filled(low, high, fill, 0.3 * theme.em)


def badge(
    theme: Theme,
    corner: ImVec2,
    lines: list[tuple[str, bool]],
    right: bool = False,
    bottom: bool = False,
    room: float = math.inf,
    centred: bool = False,
) -> ImVec2:
    """Small text on a translucent plate; `lines` are (text, strong). Returns the plate's size.

    corner: the plate's corner nearest to the viewport's corner, chosen by `right` and `bottom`. room: its greatest
    width, pixels; longer lines go on below. centred: the corner is the middle of the plate's edge.
    """
    p, draw, em = theme.palette, imgui.get_window_draw_list(), theme.em
    size_px = BODY_PX * 0.87
    imgui.push_font(theme.fonts.mono, size_px)
    pad = ImVec2(round(0.5 * em), round(0.3 * em))
    lines = [(part, strong) for text, strong in lines for part in _wrapped(legible(text), room - 2 * pad.x)]
    sizes = [imgui.calc_text_size(text) for text, _ in lines]
    line_h = imgui.get_text_line_height() + round(0.16 * em)
    width = max(s.x for s in sizes) + 2 * pad.x
    height = line_h * len(lines) - round(0.16 * em) + 2 * pad.y
    x = corner.x - (0.5 * width if centred else width if right else 0.0)
    y = corner.y - height if bottom else corner.y
    plate(theme, ImVec2(x, y), ImVec2(x + width, y + height))
    for i, (text, strong) in enumerate(lines):
        ink = theme.colour(p.text if strong else p.muted)
        draw.add_text(ImVec2(round(x + pad.x), round(y + pad.y + i * line_h)), ink, text)
    imgui.pop_font()
    return ImVec2(width, height)


def _wrapped(text: str, room: float) -> list[str]:
    """Lines of at most `room` pixels in the present font, which is of one width. What unbreakable spaces hold together is torn apart
    only where it is wider; a word that is wider is cut.
    """
    if not math.isfinite(room) or imgui.calc_text_size(text).x <= room:
        return [text]
    letters = max(1, int(room / imgui.calc_text_size("0").x))

    def lines(part: str) -> list[str]:
        return textwrap.wrap(part, letters, break_long_words=False, break_on_hyphens=False)

    whole = [
        part
        for line in lines(text)
        for part in (lines(line.replace("\u00a0", " ")) if len(line) > letters else (line,))
    ]
    return [controls.ellipsis(line, room) for line in whole] or [text]


def warning(theme: Theme, corner: ImVec2, text: str, tip: str) -> None:
    """A warning mark with a word on a plate, its top right corner at `corner`; `tip` says more."""
    p, draw, em = theme.palette, imgui.get_window_draw_list(), theme.em
    imgui.push_font(theme.fonts.body, BODY_PX * 0.87)
    shown = f"{fa.ICON_FA_TRIANGLE_EXCLAMATION} {text}"
    size, pad = imgui.calc_text_size(shown), ImVec2(round(0.5 * em), round(0.3 * em))
    low = ImVec2(round(corner.x - size.x - 2 * pad.x), corner.y)
    end = ImVec2(corner.x, round(corner.y + size.y + 2 * pad.y))
    plate(theme, low, end)
    draw.add_text(ImVec2(low.x + pad.x, low.y + pad.y), theme.colour(p.warn), shown)
    imgui.pop_font()
    if imgui.is_window_hovered() and imgui.is_mouse_hovering_rect(low, end):
        imgui.set_tooltip(tip)


def pivot_cross(theme: Theme, origin: ImVec2, edge: float, uv: tuple[float, float]) -> None:
    """A thin cross where the pivot lies in the shown picture."""
    if not (0.0 <= uv[0] <= 1.0 and 0.0 <= uv[1] <= 1.0):
        return
    draw, em, p = imgui.get_window_draw_list(), theme.em, theme.palette
    c = ImVec2(origin.x + uv[0] * edge, origin.y + uv[1] * edge)
    for width, ink in ((3.0, theme.colour((0.0, 0.0, 0.0), 0.35)), (1.2, theme.colour(p.on_accent, 0.95))):
        draw.add_line(ImVec2(c.x - 0.6 * em, c.y), ImVec2(c.x + 0.6 * em, c.y), ink, width)
        draw.add_line(ImVec2(c.x, c.y - 0.6 * em), ImVec2(c.x, c.y + 0.6 * em), ink, width)


def ray_cross(theme: Theme, origin: ImVec2, edge: float, mark: tuple[float, float]) -> None:
    """An open cross-hair on the inspected pixel: the pixel itself stays in sight."""
    draw, em = imgui.get_window_draw_list(), theme.em
    x, y = round(origin.x + mark[0] * edge) + 0.5, round(origin.y + mark[1] * edge) + 0.5
    near, far = 0.35 * em, 0.95 * em
    for weight, ink in ((3.4, theme.colour((0.0, 0.0, 0.0), 0.55)), (1.6, theme.colour((1.0, 1.0, 1.0)))):
        for dx, dy in ((1, 0), (-1, 0), (0, 1), (0, -1)):
            draw.add_line(
                ImVec2(x + dx * near, y + dy * near), ImVec2(x + dx * far, y + dy * far), ink, weight
            )


def ray_pin(
    theme: Theme,
    origin: ImVec2,
    edge: float,
    mark: tuple[float, float],
    text: str,
    ink: Rgb,
    faint: bool = False,
    chosen: bool = False,
) -> None:
    """A numbered disc beside a small ring on the pinned pixel; faint: it lies behind what the picture shows."""
    draw, em = imgui.get_window_draw_list(), theme.em
    strong, ink = (0.38, behind(ink)) if faint else (1.0, ink)
    c = ImVec2(origin.x + mark[0] * edge, origin.y + mark[1] * edge)
    draw.add_circle(c, 0.34 * em, theme.colour((0.0, 0.0, 0.0), 0.6 * strong), 20, 3.4)
    draw.add_circle(c, 0.34 * em, theme.colour(ink, strong), 20, 1.8)
    if chosen:
        draw.add_circle(c, 0.56 * em, theme.colour((1.0, 1.0, 1.0), 0.9 * strong), 24, 1.4)
    disc = ImVec2(c.x + 0.85 * em, c.y - 0.85 * em)
    numbered(theme, disc, text, ink)


def behind(ink: Rgb) -> Rgb:
    """Colour of a pin that lies behind what the picture shows."""
    return mix(ink, _BEHIND, 0.6)


def text_on(ink: Rgb) -> Rgb:
    """The dark or light colour that can be read better on `ink`."""
    return max(PIN_TEXT, key=lambda text: contrast(text, ink))


def numbered(theme: Theme, disc: ImVec2, text: str, ink: Rgb) -> None:
    """A number on a disc of its own, so that it can be read on any picture."""
    draw, em = imgui.get_window_draw_list(), theme.em
    draw.add_circle_filled(disc, 0.6 * em, theme.colour((0.0, 0.0, 0.0), 0.6), 24)
    draw.add_circle_filled(disc, 0.52 * em, theme.colour(ink), 24)
    imgui.push_font(theme.fonts.bold, BODY_PX * 0.74)
    size = imgui.calc_text_size(text)
    at = ImVec2(round(disc.x - 0.5 * size.x), round(disc.y - 0.5 * size.y))
    draw.add_text(at, theme.colour(text_on(ink)), text)
    imgui.pop_font()
