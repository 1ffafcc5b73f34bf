"""The table of pins: what each says now, and the readings that were kept of other views, samplers, heads and checkpoints."""

from __future__ import annotations

from imgui_bundle import ImVec2, imgui
from imgui_bundle import icons_fontawesome_6 as fa

from core_model.schema.inspect import RayReport
from viewer.features.ray.numbers import hit_text, number
from viewer.features.ray.readings import Readings
from viewer.state.document import Document
from viewer.state.ray_marks import Pin
from viewer.state.ray_queries import RayQueries
from viewer.widgets import controls
from viewer.widgets.overlays import PIN_INKS
from viewer.widgets.theme import BODY_PX, Theme

_COLUMNS = (
    ("pixel", "Column and row in the full picture, and in which view a reading was kept"), ("depth", "Expected depth, world units"),
    ("cross.", "First zero crossing, world units"), ("H", "Entropy of the true weights, nats"),
    ("left", "Leftover mass"), ("n", "Samples given"), ("CE", "Cross-entropy of the prediction, nats"),
    ("ovl.", "Shared mass of prediction and truth"), ("hit", "Final pass: a sample in the bin of the true peak"),
)  # fmt: skip


_ORDER = ("pixel", "depth", "hit", "n", "H", "cross.", "left", "CE", "ovl.")
"""What is left out last where the panel is too narrow for all columns; the row's tooltip says the rest."""


def _columns() -> list[int]:
    """Which columns fit the panel, by their place in `_COLUMNS`."""
    em = imgui.get_font_size()
    count = int((imgui.get_content_region_avail().x - 4.2 * em) / (3.5 * em))
    kept = _ORDER[: max(count, 2)]
    return [i for i, (name, _) in enumerate(_COLUMNS) if name in kept]


def draw_pins(doc: Document, theme: Theme, rays: RayQueries, readings: Readings) -> Document:
    """One row per pin: click inspects it, the lock freezes its ray, the cross removes it. Below, the kept readings."""
    now = doc.rays
    columns = _columns()
    flags = imgui.TableFlags_.row_bg | imgui.TableFlags_.sizing_stretch_same
    if not imgui.begin_table("##pins", len(columns) + 3, int(flags)):
        return doc
    imgui.table_setup_column("dot", int(imgui.TableColumnFlags_.width_fixed), 1.3 * theme.em)
    for name, _ in (_COLUMNS[i] for i in columns):
        weight = {"pixel": 1.55, "n": 0.6, "hit": 0.85}.get(name, 1.0)
        imgui.table_setup_column(name, int(imgui.TableColumnFlags_.width_stretch), weight)
    for name in ("hold", "remove"):
        imgui.table_setup_column(name, int(imgui.TableColumnFlags_.width_fixed), 1.8 * theme.em)
    imgui.table_next_row(int(imgui.TableRowFlags_.headers))
    imgui.table_next_column()
    with controls.text_colour(theme.palette.muted), controls.font(theme.fonts.body, BODY_PX * 0.86):
        for name, tip in (_COLUMNS[i] for i in columns):
            imgui.table_next_column()
            imgui.text_unformatted(name)
            controls.tooltip(tip)
    for index, pin in enumerate(doc.rays.pins):
        imgui.table_next_row()
        imgui.table_next_column()
        stale = rays.is_stale(pin)
        if _row(theme, f"##pin{index}", index, pin == doc.rays.selected, rays.report(pin), columns, stale, _told(pin, doc)):  # fmt: skip
            now = now.replace(selected=pin)
        imgui.table_next_column()
        lock = fa.ICON_FA_LOCK if pin.is_ray else fa.ICON_FA_LOCATION_DOT
        if imgui.small_button(f"{lock}###hold{index}") and pin.point is not None:
            now = now.changed(pin, pin.replace(frozen=not pin.frozen))
        controls.tooltip(_hold_tip(pin))
        imgui.table_next_column()
        if imgui.small_button(f"{fa.ICON_FA_XMARK}###unpin{index}"):
            now = doc.rays.without_pin(pin)
        controls.tooltip("Remove this pin and its readings")
    dropped = -1
    for index, reading in enumerate(readings.kept):
        imgui.table_next_row()
        imgui.table_next_column()
        said = f"Inspect pin {reading.pin + 1}; this reading is of {reading.said}"
        row = (f"##reading{index}", reading.pin, False, reading.report, columns, True, said, reading.said)
        if _row(theme, *row) and reading.pin < len(doc.rays.pins):
            now = now.replace(selected=doc.rays.pins[reading.pin])
        imgui.table_next_column()
        imgui.table_next_column()
        if imgui.small_button(f"{fa.ICON_FA_XMARK}###drop{index}"):
            dropped = index
        controls.tooltip("Forget this reading")
        imgui.table_next_row()
        imgui.table_set_column_index(1)
        _across(theme, reading.said)
    imgui.end_table()
    if dropped >= 0:
        readings.drop(dropped)
    return doc if now == doc.rays else doc.replace(rays=now)


def _told(pin: Pin, doc: Document) -> str:
    if pin.point is None:
        return "Inspect this ray, which met nothing where it was pinned"
    place = ", ".join(f"{v:+.3f}" for v in pin.point)
    outside = not pin.is_ray and pin.seen_at(doc.camera) is None
    return f"Inspect the ray through ({place})" + (": outside of the picture now" if outside else "")


def _hold_tip(pin: Pin) -> str:
    if pin.point is None:
        return "Holds the ray itself: it met no surface"
    if pin.frozen:
        return "Holds the ray as it was pinned; press to hold the surface point"
    return "Holds the surface point: each view looks along its own ray through it; press to freeze the ray as it was pinned"


def _row(
    theme: Theme,
    key: str,
    pin: int,
    chosen: bool,
    report: RayReport | None,
    columns: list[int],
    faded: bool,
    tip: str,
    said: str = "",
) -> bool:
    """Dot and cells of one row; whether it was clicked. said: of what, where it is a kept reading."""
    line = imgui.get_text_line_height()
    corner = imgui.get_cursor_screen_pos()
    flags = int(imgui.SelectableFlags_.span_all_columns | imgui.SelectableFlags_.allow_overlap)
    clicked = imgui.selectable(key, chosen, flags, ImVec2(0.0, line))[0]
    cells = [] if report is None else _cells(report)
    hidden = [f"{_COLUMNS[i][0]} {text}" for i, text in enumerate(cells) if i not in columns]
    controls.tooltip("\n".join([tip, *hidden]))
    centre, draw = ImVec2(corner.x + 0.55 * theme.em, corner.y + 0.5 * line), imgui.get_window_draw_list()
    ink = theme.colour(PIN_INKS[pin])
    if said:
        draw.add_circle(centre, 0.36 * theme.em, ink, 20, 1.6)
    else:
        draw.add_circle_filled(centre, 0.42 * theme.em, ink, 20)
    imgui.same_line()
    imgui.dummy(ImVec2(1.1 * theme.em, line))
    with (
        controls.font(theme.fonts.mono, BODY_PX * 0.86),
        controls.text_colour(theme.palette.muted if faded else theme.palette.text),
    ):
        for i in columns:
            imgui.table_next_column()
            text = cells[i] if cells else "…" if i == 0 else ""
            imgui.text_unformatted(text)
    return clicked


def _across(theme: Theme, text: str) -> None:
    """A line from the second column to the table's right edge: what it says is longer than any column is wide."""
    window = imgui.internal.get_current_window()
    low, clip = imgui.get_cursor_screen_pos(), window.inner_clip_rect
    with controls.font(theme.fonts.body, BODY_PX * 0.82), controls.text_colour(theme.palette.muted):
        room, height = clip.max.x - low.x, imgui.get_text_line_height()
        lines = [text]
        if imgui.calc_text_size(text).x > room and ", " in text:  # the file in a line of its own
            lines = list(text.rsplit(", ", 1))
        imgui.push_clip_rect(ImVec2(low.x, clip.min.y), clip.max, False)
        for i, line in enumerate(lines):
            at = ImVec2(low.x, low.y + i * height)
            imgui.get_window_draw_list().add_text(
                at, theme.colour(theme.palette.muted), controls.ellipsis(line, room)
            )
        imgui.pop_clip_rect()
        imgui.dummy(ImVec2(0.0, len(lines) * height))


def _cells(report: RayReport) -> list[str]:
    return [
        f"{report.x},{report.y}", number(report, "expected depth", 3), number(report, "first zero crossing", 3),
        number(report, "entropy", 2), number(report, "leftover mass", 3), number(report, "samples", 0),
        number(report, "cross-entropy", 2), number(report, "overlap", 2), hit_text(report, "final")[0],
    ]  # fmt: skip
