"""The Alarms page: what went wrong in the compared runs, newest first, each with a jump to its moment."""

from __future__ import annotations

from imgui_bundle import icons_fontawesome_6 as fa
from imgui_bundle import imgui

from viewer.features.training.empty import empty
from viewer.runs.alarms import Alarm
from viewer.runs.reader import RunReader
from viewer.runs.run_health import ALARM_COLUMNS, MOST_ALARMS, NO_ALARMS, alarm_cells
from viewer.runs.selection import Selection
from viewer.widgets import controls
from viewer.widgets.glyphs import legible
from viewer.widgets.theme import Theme

_TABLE = int(
    imgui.TableFlags_.scroll_y | imgui.TableFlags_.borders_inner_h | imgui.TableFlags_.sizing_fixed_fit
)


def draw(theme: Theme, view: Selection, found: list[tuple[RunReader, Alarm]]) -> None:
    """The table; “Show” zooms the charts to the moment and sets the pictures to it."""
    if not found:
        empty(theme, fa.ICON_FA_CIRCLE_CHECK, "Nothing is wrong", NO_ALARMS)
        return
    p = theme.palette
    if not imgui.begin_table("alarms", 6, _TABLE):
        return
    for name in ("", *ALARM_COLUMNS[:-1]):
        imgui.table_setup_column(name)
    imgui.table_setup_column(ALARM_COLUMNS[-1], int(imgui.TableColumnFlags_.width_stretch))
    imgui.table_setup_scroll_freeze(0, 1)
    imgui.table_headers_row()
    for index, (run, alarm) in enumerate(found[:MOST_ALARMS]):
        imgui.table_next_row()
        imgui.table_next_column()
        if controls.button(
            theme, f"Show###alarm-{index}", tip="Zoom the charts to this moment and show its pictures"
        ):
            view.jump(run, alarm)
        tone = (p.bad if alarm.severity == "bad" else p.warn) if alarm.active else p.muted
        inks = (tone, p.text, p.text, p.text, p.text if alarm.active else p.muted)
        for text, ink in zip(alarm_cells(run, alarm), inks, strict=True):
            imgui.table_next_column()
            imgui.align_text_to_frame_padding()
            with controls.text_colour(ink):
                imgui.text_unformatted(legible(text))
            controls.tooltip(text if len(text) > 60 else "")
    imgui.end_table()
