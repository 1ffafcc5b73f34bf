"""The forecast of a training as cards (time, memory, disk), and its schedule as small charts."""

from __future__ import annotations

from collections.abc import Sequence

from imgui_bundle import ImVec2, imgui

from core_model.schema.curve import Curve
from core_model.schema.schedule import Schedule
from core_model.schema.settings import settings_of
from core_model.schema.train import TrainConfig
from viewer.widgets import controls
from viewer.widgets.theme import BODY_PX, Theme

CARDS = ("time", "memory", "disk")
CHART_EM, CHART_HIGH_EM = 11.0, 4.4
HEAD_EM = 1.5
"""Space beside and between a chart's title and its values."""
STEPS = 96


def facts(report: str) -> dict[str, tuple[str, str]]:
    """Card → (its figure, the rest) of a dry run's printed report."""
    found: dict[str, tuple[str, str]] = {}
    for line in report.splitlines():
        name, _, text = line.partition(" ")
        text = text.strip().removeprefix("about ")
        if name not in CARDS or name in found or not text:
            continue
        cut = min(
            (i for i in (text.find(","), text.find(" ("), text.find(" a process")) if i > 0),
            default=len(text),
        )
        found[name] = (text[:cut], text[cut:].strip(" ,"))
    return found


def draw_cards(theme: Theme, found: dict[str, tuple[str, str]]) -> None:
    """Cards side by side, one under the other where the window is narrow."""
    em, gap = theme.em, 0.6 * theme.em
    room = imgui.get_content_region_avail().x
    columns = len(CARDS) if room > 27 * em else 1
    width = (room - gap * (columns - 1)) / columns
    high = 3.1 * em
    for place, name in enumerate(CARDS):
        if place % columns:
            imgui.same_line(0.0, gap)
        figure, rest = found.get(name, ("–", "not said"))
        corner = imgui.get_cursor_screen_pos()
        imgui.dummy(ImVec2(width, high))
        controls.tooltip(f"{name.title()}: {figure}. {rest}")
        p, draw_list = theme.palette, imgui.get_window_draw_list()
        end = ImVec2(corner.x + width, corner.y + high)
        draw_list.add_rect_filled(corner, end, theme.colour(p.field), 0.3 * em)
        with controls.font(theme.fonts.body, theme.small()):
            draw_list.add_text(
                ImVec2(corner.x + 0.6 * em, corner.y + 0.3 * em), theme.colour(p.muted), name.title()
            )
        with controls.font(theme.fonts.bold, BODY_PX * 1.15):
            text = controls.ellipsis(figure, width - 1.2 * em)
            draw_list.add_text(ImVec2(corner.x + 0.6 * em, corner.y + 1.4 * em), theme.colour(p.text), text)


def curves(tree: TrainConfig) -> list[tuple[str, str, Curve]]:
    """(title, unit, curve) of everything that the schedule changes in this training, in the order of the settings."""
    found = []
    for setting in settings_of(Schedule).values():
        if not setting.read_by(tree.recipe):
            continue
        curve: Curve = setting.value(tree.schedule)
        found.append((setting.shown.title, setting.unit, curve))
    return found


def draw_schedule(theme: Theme, tree: TrainConfig) -> None:
    """One small chart per curve over the images of the training: first and last value, shape between them."""
    em, gap = theme.em, 0.6 * theme.em
    room = imgui.get_content_region_avail().x
    drawn = [
        (title, unit, [curve.at(tree.images * i / (STEPS - 1)) for i in range(STEPS)])
        for title, unit, curve in curves(tree)
    ]
    with controls.font(theme.fonts.body, theme.small()):  # titles are read whole
        widest = max(imgui.calc_text_size(title + _ends(values)).x for title, _, values in drawn)
    columns = max(int((room + gap) / (max(CHART_EM * em, widest + HEAD_EM * em) + gap)), 1)
    width = (room - gap * (columns - 1)) / columns
    for place, (title, unit, values) in enumerate(drawn):
        if place % columns:
            imgui.same_line(0.0, gap)
        _chart(theme, title, unit, values, width, tree.images)


def _ends(values: Sequence[float]) -> str:
    """First and last value."""
    return f"{values[0]:.3g} → {values[-1]:.3g}" if values[0] != values[-1] else f"{values[0]:.3g}"


def _chart(theme: Theme, title: str, unit: str, values: Sequence[float], width: float, images: int) -> None:
    em, p, draw_list = theme.em, theme.palette, imgui.get_window_draw_list()
    corner, high = imgui.get_cursor_screen_pos(), CHART_HIGH_EM * theme.em
    imgui.dummy(ImVec2(width, high))
    top = max(*values, 1e-12)
    low, tall = corner.y + 1.5 * em, high - 1.9 * em
    if imgui.is_item_hovered():
        share = min(max((imgui.get_mouse_pos().x - corner.x - 0.5 * em) / max(width - em, 1.0), 0.0), 1.0)
        at = values[round(share * (len(values) - 1))]
        controls.tooltip(f"{title}: {at:.4g}{' ' + unit if unit else ''} after {share * images:,.0f} images")
    draw_list.add_rect_filled(
        corner, ImVec2(corner.x + width, corner.y + high), theme.colour(p.field, 0.6), 0.3 * em
    )
    with controls.font(theme.fonts.body, theme.small()):
        ends = _ends(values)
        wide = imgui.calc_text_size(ends).x
        draw_list.add_text(
            ImVec2(corner.x + width - wide - 0.5 * em, corner.y + 0.25 * em), theme.colour(p.text), ends
        )
        name = controls.ellipsis(title, width - wide - HEAD_EM * em)
        draw_list.add_text(ImVec2(corner.x + 0.5 * em, corner.y + 0.25 * em), theme.colour(p.muted), name)
    step = (width - em) / (len(values) - 1)
    points = [
        ImVec2(corner.x + 0.5 * em + i * step, low + tall * (1.0 - v / (1.05 * top)))
        for i, v in enumerate(values)
    ]
    ink = theme.colour(p.accent)
    draw_list.add_polyline(points, ink, max(0.1 * em, 1.2), 0)  # pyright: ignore[reportArgumentType]
