"""The exports of the Mesh panel.

Those under way with their progress, the last ones with what can be done with them.
"""

from __future__ import annotations

from imgui_bundle import ImVec2, imgui
from imgui_bundle import icons_fontawesome_6 as fa

from viewer.features.mesh.stage import report_of
from viewer.gl.mesh_arrays import DISPLAY_FILE
from viewer.jobs.tasks import Task, Tasks
from viewer.runs.format import duration, size, time_left
from viewer.state.actions import CopyText, Dispatch
from viewer.state.document import Document
from viewer.state.exports import forget_tip
from viewer.widgets import controls
from viewer.widgets.glyphs import legible
from viewer.widgets.theme import BODY_PX, Theme

LISTED = 8


def task_rows(doc: Document, theme: Theme, tasks: Tasks, dispatch: Dispatch) -> Document:
    """Draws the list; returns the document, with an export to be shown if one was chosen."""
    exports = tasks.views("mesh")
    if not exports:
        controls.note(theme, "Exports appear here. They go on when the window is closed.")
        return doc
    for task in exports[:LISTED]:
        imgui.push_id(task.record.id)
        if task.ended:
            doc = _ended(doc, theme, tasks, dispatch, task)
        else:
            _running(theme, tasks, task)
        imgui.pop_id()
    return doc


def _running(theme: Theme, tasks: Tasks, task: Task) -> None:
    paused = task.state == "paused"
    _title(theme, task.record.title, theme.palette.text, buttons=2)
    icon, tip = (
        (fa.ICON_FA_PLAY, "Go on")
        if paused
        else (fa.ICON_FA_PAUSE, "Stop it where it is; it keeps its memory")
    )
    if controls.icon_button(theme, icon, "mesh-pause", tip=tip):
        tasks.pause(task.record.id, not paused)
    imgui.same_line(0.0, imgui.get_style().item_inner_spacing.x)
    if controls.icon_button(theme, fa.ICON_FA_XMARK, "mesh-cancel", tip="Cancel: no file is left behind"):
        tasks.cancel(task.record.id)
    imgui.progress_bar(task.fraction, ImVec2(-1.0, 0.45 * theme.em), "")
    left = "" if paused else time_left(task.eta_s)
    stage = "paused" if paused else (task.stage or task.state)
    controls.note(theme, f"{100 * task.fraction:.0f} %  {stage}" + (f", {left}" if left else ""))


def _ended(doc: Document, theme: Theme, tasks: Tasks, dispatch: Dispatch, task: Task) -> Document:
    p = theme.palette
    done = task.state == "done"
    ink = p.text if done else p.muted if task.state == "cancelled" else p.bad
    shown = doc.mesh.source == task.record.id and doc.mesh.mode != "off"
    _title(theme, task.record.title, p.accent if shown else ink, buttons=3 if done else 2)
    report = report_of(task) if done else None
    gap = imgui.get_style().item_inner_spacing.x
    if done:
        there = (task.folder / DISPLAY_FILE).is_file() and report is not None
        why_not = "" if there else "The copy for the view is not there any more"
        tip = "Show it in the view, with the head it was made of"
        if controls.icon_button(theme, fa.ICON_FA_EYE, "mesh-open", tip=tip, why_not=why_not):
            doc = _opened(doc, task)
        imgui.same_line(0.0, gap)
        if controls.icon_button(theme, fa.ICON_FA_COPY, "mesh-copy", tip=f"Copy the path: {task.record.out}"):
            dispatch(CopyText(task.record.out, "path"))
    elif controls.icon_button(theme, fa.ICON_FA_COPY, "mesh-copy", tip="Copy what it said and the command"):
        dispatch(CopyText(f"{task.message or task.state}\n{task.command}", "message"))
    imgui.same_line(0.0, gap)
    if controls.icon_button(theme, fa.ICON_FA_XMARK, "mesh-remove", tip=forget_tip(task, (task.record.out,))):
        tasks.remove(task.record.id)
    if report is not None:
        t = report.topology
        shape = "watertight" if t.watertight else "open"
        controls.note(
            theme,
            f"{t.faces:,} triangles, {size(report.file_bytes)}, {duration(max(report.seconds, 1.0))}, {shape}",
        )
        controls.tooltip(task.record.out)
        for line in report.notes:
            controls.note(theme, line[:1].upper() + line[1:])
    elif task.state == "cancelled":
        controls.note(theme, "Cancelled; no file was written")
    else:
        imgui.push_text_wrap_pos(0.0)
        with controls.text_colour(p.bad):
            imgui.text_unformatted(
                legible(task.message) or ("It ended without a word" if task.state == "failed" else task.state)
            )
        imgui.pop_text_wrap_pos()
    return doc


def _opened(doc: Document, task: Task) -> Document:
    """Show an export, with the latent it was made of where the same checkpoint is open."""
    report = report_of(task)
    if report is None:
        return doc
    mode = "mesh" if doc.mesh.mode == "off" else doc.mesh.mode
    mesh = doc.mesh.replace(source=task.record.id, mode=mode)
    doc = doc.replace(mesh=mesh, compare=doc.compare.replace(mode="off"))
    if task.record.pinned.get("checkpoint") == doc.checkpoint:
        doc = doc.replace(latent=report.request.latent)
    return doc


def _title(theme: Theme, text: str, ink: tuple[float, float, float], buttons: int) -> None:
    """Name at the left, room for so many square buttons at the right; leaves the cursor there."""
    gap = imgui.get_style().item_inner_spacing.x
    room = imgui.get_content_region_avail().x - buttons * (imgui.get_frame_height() + gap)
    left = imgui.get_cursor_pos_x()
    imgui.align_text_to_frame_padding()
    with controls.font(theme.fonts.bold, BODY_PX * 0.95), controls.text_colour(ink):
        shown = controls.ellipsis(text, room, keep_end=True)
        imgui.text_unformatted(shown)
    controls.tooltip(text if shown != text else "")
    imgui.same_line(left + room + gap)
