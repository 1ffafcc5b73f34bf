"""The exports of the Mesh panel: those under way with their progress, the last ones with what can be done with them."""

from __future__ import annotations

import math

from imgui_bundle import ImVec2, imgui
from imgui_bundle import icons_fontawesome_6 as fa

from viewer.jobs.tasks import Task
from viewer.state.document import Document
from viewer.gl.mesh_arrays import DISPLAY_FILE
from viewer.widgets import controls
from viewer.state.actions import CopyText
from viewer.widgets.context import PanelContext
from viewer.features.export.list import forget_tip
from viewer.widgets.glyphs import legible
from viewer.features.mesh.export_rows import duration, size
from viewer.features.mesh.stage import report_of
from viewer.widgets.theme import BODY_PX

LISTED = 8


def task_rows(doc: Document, ctx: PanelContext) -> Document:
    """Draws the list; returns the document, with an export to be shown if one was chosen."""
    tasks = ctx.tasks.views("mesh")
    if not tasks:
        controls.note(ctx.theme, "Exports appear here. They go on when the window is closed.")
        return doc
    for task in tasks[:LISTED]:
        imgui.push_id(task.record.id)
        if task.ended:
            doc = _ended(doc, ctx, task)
        else:
            _running(ctx, task)
        imgui.pop_id()
    return doc


def _running(ctx: PanelContext, task: Task) -> None:
    theme = ctx.theme
    paused = task.state == "paused"
    _title(ctx, task.record.title, theme.palette.text, buttons=2)
    icon, tip = (fa.ICON_FA_PLAY, "Go on") if paused else (fa.ICON_FA_PAUSE, "Stop it where it is; it keeps its memory")
    if controls.icon_button(theme, icon, "mesh-pause", tip=tip):
        ctx.tasks.pause(task.record.id, not paused)
    imgui.same_line(0.0, imgui.get_style().item_inner_spacing.x)
    if controls.icon_button(theme, fa.ICON_FA_XMARK, "mesh-cancel", tip="Cancel: no file is left behind"):
        ctx.tasks.cancel(task.record.id)
    imgui.progress_bar(task.fraction, ImVec2(-1.0, 0.45 * theme.em), "")
    left = "" if math.isnan(task.eta_s) or paused else f", {duration(task.eta_s)} left"
    stage = "paused" if paused else (task.stage or task.state)
    controls.note(theme, f"{100 * task.fraction:.0f} %  {stage}{left}")


def _ended(doc: Document, ctx: PanelContext, task: Task) -> Document:
    theme, p = ctx.theme, ctx.theme.palette
    done = task.state == "done"
    ink = p.text if done else p.muted if task.state == "cancelled" else p.bad
    shown = doc.mesh.source == task.record.id and doc.mesh.mode != "off"
    _title(ctx, task.record.title, p.accent if shown else ink, buttons=3 if done else 2)
    report = report_of(task) if done else None
    gap = imgui.get_style().item_inner_spacing.x
    if done:
        there = (task.folder / DISPLAY_FILE).is_file() and report is not None
        why_not = "" if there else "The copy for the view is not there any more"
        tip = "Show it in the view, with the head it was made of"
        if controls.icon_button(theme, fa.ICON_FA_EYE, "mesh-open", tip=tip, why_not=why_not):
            doc = _opened(doc, ctx, task)
        imgui.same_line(0.0, gap)
        if controls.icon_button(theme, fa.ICON_FA_COPY, "mesh-copy", tip=f"Copy the path: {task.record.out}"):
            ctx.emit(CopyText(task.record.out, "path"))
    elif controls.icon_button(theme, fa.ICON_FA_COPY, "mesh-copy", tip="Copy what it said and the command"):
        ctx.emit(CopyText(f"{task.message or task.state}\n{task.command}", "message"))
    imgui.same_line(0.0, gap)
    if controls.icon_button(theme, fa.ICON_FA_XMARK, "mesh-remove", tip=forget_tip(task, (task.record.out,))):
        ctx.tasks.remove(task.record.id)
    if report is not None:
        t = report.topology
        shape = "watertight" if t.watertight else "open"
        controls.note(theme, f"{t.faces:,} triangles, {size(report.file_bytes)}, {duration(report.seconds)}, {shape}")
        controls.tooltip(task.record.out)
        for line in report.notes:
            controls.note(theme, line[:1].upper() + line[1:])
    elif task.state == "cancelled":
        controls.note(theme, "Cancelled; no file was written")
    else:
        imgui.push_text_wrap_pos(0.0)
        with controls.text_colour(p.bad):
            imgui.text_unformatted(legible(task.message) or ("It ended without a word" if task.state == "failed" else task.state))
        imgui.pop_text_wrap_pos()
    return doc


def _opened(doc: Document, ctx: PanelContext, task: Task) -> Document:
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


def _title(ctx: PanelContext, text: str, ink: tuple[float, float, float], buttons: int) -> None:
    """Name at the left, room for so many square buttons at the right; leaves the cursor there."""
    gap = imgui.get_style().item_inner_spacing.x
    room = imgui.get_content_region_avail().x - buttons * (imgui.get_frame_height() + gap)
    left = imgui.get_cursor_pos_x()
    imgui.align_text_to_frame_padding()
    with controls.font(ctx.theme.fonts.bold, BODY_PX * 0.95), controls.text_colour(ink):
        shown = controls.ellipsis(text, room, keep_end=True)
        imgui.text_unformatted(shown)
    controls.tooltip(text if shown != text else "")
    imgui.same_line(left + room + gap)
