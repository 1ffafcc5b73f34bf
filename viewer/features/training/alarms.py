"""The Alarms page: what went wrong in the compared runs, newest first, each with a jump to its moment."""

from __future__ import annotations

from imgui_bundle import imgui

from viewer.runs import format as words
from viewer.runs.alarms import Alarm
from viewer.runs.board import place_of
from viewer.runs.reader import RunReader
from viewer.runs.run_health import standing_alarms
from viewer.features.training.selection import Moment, WatchView
from viewer.widgets import controls
from viewer.widgets.theme import Theme

LIMIT = 200
_TABLE = int(imgui.TableFlags_.scroll_y | imgui.TableFlags_.borders_inner_h | imgui.TableFlags_.sizing_fixed_fit)


def alarms_of(runs: list[RunReader]) -> list[tuple[RunReader, Alarm]]:
    """Alarms of several runs: what goes on first, the worse first, the newest first."""
    found: list[tuple[RunReader, Alarm]] = []
    for run in runs:
        with run.lock:
            found += [(run, alarm) for alarm in (*run.alarms.alarms, *standing_alarms(run))]
    return sorted(found, key=lambda item: (not item[1].active, item[1].severity != "bad", -item[1].images))


def draw(theme: Theme, view: WatchView, found: list[tuple[RunReader, Alarm]]) -> None:
    """The table; “Show” zooms the charts to the moment and sets the pictures to it."""
    if not found:
        controls.note(
            theme, "No alarms. Watched: NaN, skipped gradients, discriminator, beta, depth, sampler entropy, loader, ADA, silence, disk."
        )
        return
    p = theme.palette
    if not imgui.begin_table("alarms", 6, _TABLE):
        return
    for name in ("", "Alarm", "Run", "Images", "Time"):
        imgui.table_setup_column(name)
    imgui.table_setup_column("What was seen", int(imgui.TableColumnFlags_.width_stretch))
    imgui.table_setup_scroll_freeze(0, 1)
    imgui.table_headers_row()
    for index, (run, alarm) in enumerate(found[:LIMIT]):
        imgui.table_next_row()
        imgui.table_next_column()
        if controls.button(theme, f"Show###alarm-{index}", tip="Zoom the charts to this moment and show its pictures"):
            jump(view, run, alarm)
        tone = (p.bad if alarm.severity == "bad" else p.warn) if alarm.active else p.muted
        cells = (
            (alarm.title, tone), (run.name[:30], p.text), (words.amount(alarm.images), p.text), (words.duration(alarm.time), p.text),
            (alarm.detail + ("" if alarm.active else "  (over)"), p.text if alarm.active else p.muted),
        )  # fmt: skip
        for text, ink in cells:
            imgui.table_next_column()
            imgui.align_text_to_frame_padding()
            with controls.text_colour(ink):
                imgui.text_unformatted(text)
            controls.tooltip(text if len(text) > 60 else "")
    imgui.end_table()


def jump(view: WatchView, run: RunReader, alarm: Alarm) -> None:
    """Choose the run, zoom all charts to the moment of the alarm, and send the pictures there."""
    at = place_of(alarm, view.axis)
    with run.lock:
        x = run.scalars.axis(view.axis)
        reach = max(float(x[-1]) * 0.05, 1e-9) if len(x) else 1.0
    view.window = (max(0.0, at - reach), at + reach)
    view.choose(run.path)
    view.moment = Moment(run.path, alarm.step, alarm.images)
    view.show("charts")
