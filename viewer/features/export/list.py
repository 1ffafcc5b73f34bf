"""The last exports: state, progress, pause, cancel, where the file is."""

from __future__ import annotations

import sys
from pathlib import Path

from imgui_bundle import ImVec2, imgui
from imgui_bundle import icons_fontawesome_6 as fa

from viewer.jobs.folders import folder_opener
from viewer.jobs.tasks import Task, Tasks
from viewer.runs.format import duration, time_left
from viewer.state.actions import CopyText, Dispatch, ShowFolder
from viewer.state.exports import TASK_KIND, files_of, forget_tip
from viewer.widgets import controls
from viewer.widgets.theme import BODY_PX, Theme

SHOWN = 12


def draw_list(theme: Theme, tasks: Tasks, dispatch: Dispatch) -> None:
    """Newest first; one row of text and one of buttons each."""
    exports = tasks.views(TASK_KIND)[:SHOWN]
    controls.section(theme, "Last exports")
    if not exports:
        controls.note(theme, "What is exported appears here and goes on when the window is closed.")
    for task in exports:
        imgui.push_id(task.record.id)
        _row(theme, tasks, dispatch, task)
        imgui.pop_id()


def state_text(task: Task) -> str:
    """What a task does, in a few words."""
    if task.state == "running" and task.fraction > 0:
        left = time_left(task.eta_s)
        return f"{100 * task.fraction:.0f} %" + (f", {left}" if left else "")
    words = {
        "starting": "starting", "running": "loading", "paused": f"paused at {100 * task.fraction:.0f} %",
        "done": f"done, {duration(task.seconds)}", "failed": "failed", "cancelled": "cancelled", "lost": "ended without a word",
    }  # fmt: skip
    return words[task.state]


def _row(theme: Theme, tasks: Tasks, dispatch: Dispatch, task: Task) -> None:
    em, p = theme.em, theme.palette
    edge, gap = imgui.get_frame_height(), imgui.get_style().item_spacing.x
    icon, ink = {
        "done": (fa.ICON_FA_CIRCLE_CHECK, p.good), "failed": (fa.ICON_FA_CIRCLE_EXCLAMATION, p.bad),
        "lost": (fa.ICON_FA_CIRCLE_EXCLAMATION, p.bad),
        "cancelled": (fa.ICON_FA_CIRCLE_XMARK, p.muted), "paused": (fa.ICON_FA_CIRCLE_PAUSE, p.warn),
    }.get(task.state, (fa.ICON_FA_SPINNER, p.accent))  # fmt: skip
    imgui.align_text_to_frame_padding()
    with controls.text_colour(ink):
        imgui.text_unformatted(icon)
    controls.tooltip(task.message or state_text(task))
    imgui.same_line(0.0, 0.5 * em)
    left = imgui.get_cursor_pos_x()
    room = imgui.get_content_region_avail().x - 3 * (edge + gap)
    state = state_text(task)
    with controls.font(theme.fonts.body, BODY_PX * 0.9):
        wide = imgui.calc_text_size(state).x
    below = imgui.calc_text_size(task.record.title).x > room - wide - em
    name = controls.ellipsis(task.record.title, room if below else room - wide - em, keep_end=True)
    imgui.text_unformatted(name)
    controls.tooltip(f"{task.record.out}\n{task.command}")
    if not below:
        imgui.same_line(left + room - wide)
        imgui.align_text_to_frame_padding()
        _state(theme, task, state)
    imgui.same_line(left + room + gap)
    if task.ended:
        _ended_buttons(theme, tasks, dispatch, task)
    else:
        _running_buttons(theme, tasks, dispatch, task)
    if below:  # a long name has the line for itself: its end tells it from its neighbours
        imgui.set_cursor_pos_x(left)
        _state(theme, task, state)
    if not task.ended:
        imgui.progress_bar(task.fraction, ImVec2(-1.0, 0.28 * em), "")


def _state(theme: Theme, task: Task, state: str) -> None:
    bad = task.state in ("failed", "lost")
    ink = theme.palette.bad if bad else theme.palette.muted
    with controls.font(theme.fonts.body, BODY_PX * 0.9), controls.text_colour(ink):
        imgui.text_unformatted(state)
    controls.tooltip(task.message if bad else task.stage)


def _running_buttons(theme: Theme, tasks: Tasks, dispatch: Dispatch, task: Task) -> None:
    paused = task.state == "paused"
    why_not = "It has not begun yet" if task.state == "starting" else ""
    if sys.platform == "win32":
        why_not = "Processes cannot be paused on this system"
    icon = fa.ICON_FA_PLAY if paused else fa.ICON_FA_PAUSE
    if controls.icon_button(
        theme, icon, "pause", tip="Go on" if paused else "Pause: gives the processor back", why_not=why_not
    ):
        tasks.pause(task.record.id, not paused)
    imgui.same_line()
    if controls.icon_button(theme, fa.ICON_FA_COPY, "copy", tip="Copy the command of this export"):
        dispatch(CopyText(task.command, "command"))
    imgui.same_line()
    if controls.icon_button(theme, fa.ICON_FA_XMARK, "cancel", tip="Cancel; nothing half-written stays"):
        tasks.cancel(task.record.id)


def _ended_buttons(theme: Theme, tasks: Tasks, dispatch: Dispatch, task: Task) -> None:
    files = files_of(task)
    there = Path(files[0]).exists()
    gone = "" if there else "The file is not there" if task.state == "done" else "Nothing was written"
    if controls.icon_button(
        theme, fa.ICON_FA_FOLDER_OPEN, "reveal", tip=f"Show the folder {Path(files[0]).parent}",
        why_not=gone or ("" if folder_opener() else f"No program to show folders is installed; the file is {files[0]}"),
    ):  # fmt: skip
        dispatch(ShowFolder(files[0]))
    imgui.same_line()
    tip = "Copy the path" if len(files) == 1 else f"Copy the {len(files)} paths"
    if controls.icon_button(theme, fa.ICON_FA_COPY, "copy", tip=tip, why_not=gone):
        dispatch(CopyText("\n".join(files), "path" if len(files) == 1 else "paths"))
    imgui.same_line()
    if controls.icon_button(theme, fa.ICON_FA_XMARK, "forget", tip=forget_tip(task, files)):
        tasks.remove(task.record.id)
