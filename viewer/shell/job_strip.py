"""What runs beside the renderer, in the status bar: exports, meshes, tasks, trainings, with progress and cancel."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePath

from imgui_bundle import ImVec2, imgui
from imgui_bundle import icons_fontawesome_6 as fa

from viewer.jobs.run_rows import RunRow
from viewer.jobs.tasks import Tasks
from viewer.runs.format import time_left
from viewer.state.actions import Action, CancelTask, Dispatch, StopRun
from viewer.widgets import controls
from viewer.widgets.theme import BODY_PX, Theme

NAME_EM, BAR_EM = 11.0, 4.0


@dataclass(frozen=True)
class RunningJob:
    """fraction: 0 … 1, below 0 = not known. says: stage and time left. cancel: what ends it."""

    key: str
    title: str
    fraction: float
    says: str
    cancel: Action
    cancel_tip: str


def running(tasks: Tasks, rows: Iterable[RunRow]) -> tuple[RunningJob, ...]:
    """Everything under way, the newest first; trainings after the tasks."""
    found = []
    for task in tasks.views():
        if task.ended:
            continue
        left = time_left(task.eta_s)
        says = ", ".join(part for part in (task.stage or task.state, left) if part)
        tip = "Cancel; nothing half-written stays"
        found.append(
            RunningJob(
                task.record.id, task.record.title, task.fraction, says, CancelTask(task.record.id), tip
            )
        )
    for row in rows:
        if row.alive:
            share = row.share if row.images[1] else -1.0
            tip = "Stop this training after the present step; it keeps a snapshot and can be resumed"
            found.append(
                RunningJob(
                    str(row.path), row.name, share, f"training, {row.state}", StopRun(str(row.path)), tip
                )
            )
    return tuple(found)


class Ended:
    """Trainings that have ended since they were last looked at."""

    def __init__(self) -> None:
        self._alive: set[PurePath] = set()

    def of(self, rows: Iterable[RunRow]) -> list[RunRow]:
        rows = tuple(rows)
        ended = [row for row in rows if row.path in self._alive and not row.alive]
        self._alive = {row.path for row in rows if row.alive}
        return ended


def draw(theme: Theme, dispatch: Dispatch, jobs: tuple[RunningJob, ...]) -> None:
    """The first job with its bar in the present line; a click lists them all."""
    if not jobs:
        return
    em, first = theme.em, jobs[0]
    imgui.same_line(0.0, 1.1 * em)
    words = controls.ellipsis(first.title, NAME_EM * em) + _percent(first)
    if len(jobs) > 1:
        words += f"  +{len(jobs) - 1}"
    corner, height = imgui.get_cursor_screen_pos(), imgui.get_text_line_height()
    width = BAR_EM * em + 0.5 * em + imgui.calc_text_size(words).x
    if controls.hit(theme, "##jobs", ImVec2(width, height)):
        imgui.open_popup("##job-list")
    hovered = imgui.is_item_hovered()
    controls.tooltip(f"{first.title}: {first.says}. Click for everything that runs, and to cancel it")
    draw_list, p = imgui.get_window_draw_list(), theme.palette
    low = ImVec2(corner.x, corner.y + 0.5 * height - 0.18 * em)
    for share, ink in ((1.0, p.field_active), (max(first.fraction, 0.0), p.accent)):
        high = ImVec2(low.x + BAR_EM * em * share, low.y + 0.36 * em)
        draw_list.add_rect_filled(low, high, theme.colour(ink), 0.18 * em)
    ink = theme.colour(p.text if hovered else p.muted)
    draw_list.add_text(ImVec2(corner.x + BAR_EM * em + 0.5 * em, corner.y), ink, words)
    _list(theme, dispatch, jobs)


def _list(theme: Theme, dispatch: Dispatch, jobs: tuple[RunningJob, ...]) -> None:
    imgui.set_next_window_size(ImVec2(26 * theme.em, 0.0))
    if not imgui.begin_popup("##job-list"):
        return
    with controls.font(theme.fonts.body, BODY_PX):
        for job in jobs:
            imgui.push_id(job.key)
            edge = imgui.get_frame_height()
            imgui.align_text_to_frame_padding()
            imgui.text_unformatted(
                controls.ellipsis(job.title, imgui.get_content_region_avail().x - 2 * edge)
            )
            controls.tooltip(job.title)
            imgui.same_line(imgui.get_window_width() - imgui.get_style().window_padding.x - edge)
            if controls.icon_button(theme, fa.ICON_FA_XMARK, "job-cancel", tip=job.cancel_tip):
                dispatch(job.cancel)
            imgui.progress_bar(max(job.fraction, 0.0), ImVec2(-1.0, 0.3 * theme.em), "")
            controls.note(theme, f"{_percent(job).strip()}  {job.says}".strip())
            imgui.pop_id()
    imgui.end_popup()


def _percent(job: RunningJob) -> str:
    return f"  {100 * job.fraction:.0f} %" if job.fraction >= 0.0 else ""
