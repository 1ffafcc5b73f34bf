"""The last exports: state, progress, pause, cancel, where the file is."""

from __future__ import annotations

import math
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from imgui_bundle import ImVec2, imgui
from imgui_bundle import icons_fontawesome_6 as fa

from viewer.jobs.tasks import Task
from viewer.state.export_desk import TASK_KIND, files_of
from viewer.widgets import controls
from viewer.state.actions import CopyText
from viewer.widgets.context import PanelContext
from viewer.widgets.theme import BODY_PX

SHOWN = 12
_OPENERS = {"darwin": "open", "win32": "explorer"}


def draw_list(ctx: PanelContext) -> None:
    """Newest first; one row of text and one of buttons each."""
    theme = ctx.theme
    tasks = ctx.tasks.views(TASK_KIND)[:SHOWN]
    controls.section(theme, "Last exports")
    if not tasks:
        controls.note(theme, "What is exported appears here and goes on when the window is closed.")
    for task in tasks:
        imgui.push_id(task.record.id)
        _row(ctx, task)
        imgui.pop_id()


def duration(seconds: float) -> str:
    """`42 s`, `3 min 05 s`, `2 h 10 min`; empty for what is not known."""
    if not math.isfinite(seconds):
        return ""
    whole = max(round(seconds), 0)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def about(seconds: float) -> str:
    """Time that is left, in one number: `42 s`, `5 min`, `3 h`; empty for what is not known."""
    if not math.isfinite(seconds):
        return ""
    if seconds < 100:
        return f"{max(round(seconds), 1)} s left"
    return f"{round(seconds / 60)} min left" if seconds < 6000 else f"{round(seconds / 3600)} h left"


def state_text(task: Task) -> str:
    """What a task does, in a few words."""
    if task.state == "running" and task.fraction > 0:
        left = about(task.eta_s)
        return f"{100 * task.fraction:.0f} %" + (f", {left}" if left else "")
    words = {
        "starting": "starting", "running": "loading", "paused": f"paused at {100 * task.fraction:.0f} %",
        "done": f"done, {duration(task.seconds)}", "failed": "failed", "cancelled": "cancelled", "lost": "ended without a word",
    }  # fmt: skip
    return words[task.state]


def _row(ctx: PanelContext, task: Task) -> None:
    theme, em, p = ctx.theme, ctx.theme.em, ctx.theme.palette
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
    name = controls.ellipsis(task.record.title, max(room - wide - em, 4 * em))
    imgui.text_unformatted(name)
    controls.tooltip(f"{task.record.out}\n{task.command}")
    imgui.same_line(left + max(room - wide, 5 * em))
    with controls.font(theme.fonts.body, BODY_PX * 0.9), controls.text_colour(p.bad if task.state in ("failed", "lost") else p.muted):
        imgui.align_text_to_frame_padding()
        imgui.text_unformatted(state)
    controls.tooltip(task.message if task.state in ("failed", "lost") else task.stage)
    imgui.same_line(left + room + gap)
    if task.ended:
        _ended_buttons(ctx, task)
    else:
        _running_buttons(ctx, task)
        imgui.progress_bar(task.fraction, ImVec2(-1.0, 0.28 * em), "")


def _running_buttons(ctx: PanelContext, task: Task) -> None:
    theme = ctx.theme
    paused = task.state == "paused"
    why_not = "It has not begun yet" if task.state == "starting" else ""
    if sys.platform == "win32":
        why_not = "Processes cannot be paused on this system"
    icon = fa.ICON_FA_PLAY if paused else fa.ICON_FA_PAUSE
    if controls.icon_button(theme, icon, "pause", tip="Go on" if paused else "Pause: gives the processor back", why_not=why_not):
        ctx.tasks.pause(task.record.id, not paused)
    imgui.same_line()
    if controls.icon_button(theme, fa.ICON_FA_COPY, "copy", tip="Copy the command of this export"):
        ctx.emit(CopyText(task.command, "command"))
    imgui.same_line()
    if controls.icon_button(theme, fa.ICON_FA_XMARK, "cancel", tip="Cancel; nothing half-written stays"):
        ctx.tasks.cancel(task.record.id)


def _ended_buttons(ctx: PanelContext, task: Task) -> None:
    theme = ctx.theme
    files = files_of(task)
    there = Path(files[0]).exists()
    gone = "" if there else "The file is not there" if task.state == "done" else "Nothing was written"
    opener = folder_opener()
    if controls.icon_button(
        theme, fa.ICON_FA_FOLDER_OPEN, "reveal", tip=f"Show the folder {Path(files[0]).parent}",
        why_not=gone or ("" if opener else f"No program to show folders is installed; the file is {files[0]}"),
    ) and opener:  # fmt: skip
        subprocess.Popen([opener, str(Path(files[0]).parent)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    imgui.same_line()
    tip = "Copy the path" if len(files) == 1 else f"Copy the {len(files)} paths"
    if controls.icon_button(theme, fa.ICON_FA_COPY, "copy", tip=tip, why_not=gone):
        ctx.emit(CopyText("\n".join(files), "path" if len(files) == 1 else "paths"))
    imgui.same_line()
    if controls.icon_button(theme, fa.ICON_FA_XMARK, "forget", tip=forget_tip(task, files)):
        ctx.tasks.remove(task.record.id)


def forget_tip(task: Task, files: Sequence[str]) -> str:
    """What the cross of an ended export does: it never deletes what was exported."""
    kept = [file for file in files if Path(file).exists()] if task.state == "done" else []
    if not kept:
        return "Take it off this list; it has left no file"
    return f"Take it off this list; {kept[0]} stays" if len(kept) == 1 else f"Take it off this list; its {len(kept)} files stay"


def folder_opener() -> str:
    """The program that shows a folder on this desktop; empty where there is none."""
    name = _OPENERS.get(sys.platform, "xdg-open")
    return name if shutil.which(name) else ""
