"""The second page: photograph, render, difference, novel views and losses of a run; what is done with its code."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
from imgui_bundle import ImVec2, ImVec4, imgui, implot
from imgui_bundle import icons_fontawesome_6 as fa

from core_model.schema.atomic import write_atomic
from core_model.schema.checkpoint import CheckpointInfo
from viewer.features.inversion.settings import CODE, FIGURE, KIND, PHOTO
from viewer.features.inversion.watch import TITLES, Watch
from viewer.jobs.tasks import Task, Tasks
from viewer.runs.format import duration, time_left
from viewer.state.actions import Dispatch, OpenCheckpoint, ShowFolder, ShowPanel
from viewer.state.comparison import Comparison, Source
from viewer.state.document import Document
from viewer.state.exports import forget_tip
from viewer.state.palette import CURVES
from viewer.widgets import choice_rows, controls
from viewer.widgets.theme import BODY_PX, Theme

PLOT_EM = 8.5
"""Least height of the losses."""
NOVEL = 0.72
"""Edge of a novel view, share of the photograph's."""


class RunPage:
    """chosen: id of the task that is shown, "" = the newest."""

    def __init__(self) -> None:
        self.chosen = ""
        self.note = ""
        self.watch = Watch()

    def draw(
        self,
        doc: Document,
        theme: Theme,
        info: CheckpointInfo | None,
        tasks: Tasks,
        dispatch: Dispatch,
        folder: str,
        now: float,
    ) -> Document:
        """folder: where figures are saved. Returns the document, perhaps with the photograph to be compared with."""
        views = tasks.views(KIND)
        if not views:
            controls.note(
                theme,
                "No inversion yet: open a photograph and press Start. A run goes on when the window is closed.",
            )
            return doc
        task = next((t for t in views if t.record.id == self.chosen), views[0])
        self.chosen = task.record.id
        if len(views) > 1:
            options = [(t.record.id, Path(run_of(t)).name, f"{run_of(t)}: {t.state}") for t in views]
            self.chosen = choice_rows.combo(
                theme, "Run", "##inversion", self.chosen, options, tip="Which inversion is shown"
            )
        self._state(theme, tasks, dispatch, task)
        room = imgui.get_content_region_avail()
        gap = imgui.get_style().item_spacing.x
        cell = (room.x - 2 * gap) / 3
        lines = 3 * imgui.get_text_line_height_with_spacing() + imgui.get_frame_height_with_spacing()
        tall = room.y - PLOT_EM * theme.em - lines - 2 * imgui.get_style().item_spacing.y
        cell = min(cell, max(tall / (1.0 + NOVEL), 6 * theme.em))
        self.watch.follow(run_of(task), now, round(cell * imgui.get_io().display_framebuffer_scale.x))
        self._pictures(theme, cell, gap, task.ended)
        doc = self._result(doc, theme, info, dispatch, task, folder)
        self._losses(theme, task.ended)
        return doc

    def _state(self, theme: Theme, tasks: Tasks, dispatch: Dispatch, task: Task) -> None:
        p, edge, gap = theme.palette, imgui.get_frame_height(), imgui.get_style().item_inner_spacing.x
        ended, finished = task.ended, is_finished(task)
        room = imgui.get_content_region_avail().x - 2 * edge - gap
        left = imgui.get_cursor_pos_x()
        imgui.align_text_to_frame_padding()
        ink = p.text if not ended or finished else p.muted if task.state in ("cancelled", "done") else p.bad
        with controls.font(theme.fonts.bold, BODY_PX), controls.text_colour(ink):
            imgui.text_unformatted(controls.ellipsis(f"{task.record.title}: {said(task)}", room - gap))
        controls.tooltip(f"{run_of(task)}\n{task.command}")
        imgui.same_line(left + room)
        if not ended:
            paused = task.state == "paused"
            icon, tip = (fa.ICON_FA_PLAY, "Go on") if paused else (fa.ICON_FA_PAUSE, "Stop it where it is")
            if controls.icon_button(theme, icon, "inversion-pause", tip=tip):
                tasks.pause(task.record.id, not paused)
            imgui.same_line(0.0, gap)
            tip = "Stop the run; what it has found stays, and it can go on later"
            if controls.icon_button(theme, fa.ICON_FA_STOP, "inversion-cancel", tip=tip):
                tasks.cancel(task.record.id)
        else:
            there = (Path(run_of(task)) / "state.safetensors").exists()
            why = "It is finished" if finished else "" if there else "It left nothing to go on from"
            if controls.icon_button(
                theme, fa.ICON_FA_ROTATE_RIGHT, "inversion-resume", tip="Go on where it stopped", why_not=why
            ):
                self._resume(tasks, task)
            imgui.same_line(0.0, gap)
            tip = forget_tip(task, (run_of(task),))
            if controls.icon_button(theme, fa.ICON_FA_XMARK, "inversion-remove", tip=tip):
                tasks.remove(task.record.id)
        imgui.progress_bar(task.fraction, ImVec2(-1.0, 0.45 * theme.em), "")
        if task.state == "failed" and task.message:
            with controls.text_colour(p.bad):
                controls.wrapped(task.message)

    def _resume(self, tasks: Tasks, task: Task) -> None:
        run = run_of(task)
        self.chosen = tasks.start(
            KIND,
            task.record.title,
            ("invert", "--out", run, "--resume"),
            Path(run),
            pinned=task.record.pinned,
        )
        tasks.remove(task.record.id)

    def _pictures(self, theme: Theme, cell: float, gap: float, ended: bool) -> None:
        watch = self.watch
        if not watch.cells:
            _empty(
                theme,
                cell,
                "It ended before its first pictures" if ended else "The first pictures are on their way …",
            )
            return
        self._row(theme, range(min(3, watch.cells)), cell, gap, 3 * cell + 2 * gap)
        novel = range(3, watch.cells)
        if len(novel):
            wide = 3 * cell + 2 * gap
            small = (wide - (len(novel) - 1) * gap) / len(novel)
            self._row(theme, novel, min(small, NOVEL * cell), gap, wide)

    def _row(self, theme: Theme, which: range, edge: float, gap: float, wide: float) -> None:
        """Pictures of the sheet side by side, a caption under each."""
        corner, draw = imgui.get_cursor_screen_pos(), imgui.get_window_draw_list()
        corner.x += max(round(0.5 * (imgui.get_content_region_avail().x - wide)), 0)
        spread = (wide - len(which) * edge) / max(len(which) - 1, 1)
        for place, index in enumerate(which):
            x = corner.x + place * (edge + max(spread, gap))
            u = ImVec2(index / self.watch.cells, 0.0), ImVec2((index + 1) / self.watch.cells, 1.0)
            texture = imgui.ImTextureRef(self.watch.texture)
            draw.add_image(texture, ImVec2(x, corner.y), ImVec2(x + edge, corner.y + edge), *u)
            words = TITLES[index] if index < len(TITLES) else f"novel view {index - len(TITLES) + 1}"
            with controls.font(theme.fonts.body, theme.small()):
                size = imgui.calc_text_size(words)
                at = ImVec2(round(x + 0.5 * (edge - size.x)), corner.y + edge + 0.15 * theme.em)
                draw.add_text(at, theme.colour(theme.palette.muted), words)
        imgui.dummy(ImVec2(wide, edge + 0.15 * theme.em + imgui.get_text_line_height()))

    def _result(
        self,
        doc: Document,
        theme: Theme,
        info: CheckpointInfo | None,
        dispatch: Dispatch,
        task: Task,
        folder: str,
    ) -> Document:
        """Buttons of what the run has left so far."""
        run = Path(run_of(task))
        code, figure = newest_code(run), run / FIGURE
        gap = imgui.get_style().item_inner_spacing.x
        width = (imgui.get_content_region_avail().x - 3 * gap) / 4
        why = "" if code is not None else "There is no code yet"
        whole = code is not None and code.name == CODE
        tip = "Open the code: the head from the photograph's camera, its w in the basket"
        tip = tip if whole else "Open the code as it is now: the run goes on"
        title = "Show the head" if whole or code is None else "Show it so far"
        if controls.button(
            theme, f"{fa.ICON_FA_EYE}  {title}###inversion-show", tip=tip, why_not=why, primary=whole, width=width
        ) and code is not None:  # fmt: skip
            dispatch(OpenCheckpoint(str(code)))
        imgui.same_line(0.0, gap)
        photo, shown = run / PHOTO, info is not None and Path(info.path).is_relative_to(run)
        why = (
            ""
            if shown and photo.is_file()
            else "Show the head first"
            if photo.is_file()
            else "The run keeps no photograph"
        )
        tip = "The view and the photograph, from the photograph's camera, with a divider that is dragged"
        if controls.button(
            theme, f"{fa.ICON_FA_LEFT_RIGHT}  Compare###inversion-compare", tip=tip, why_not=why, width=width
        ) and info is not None:  # fmt: skip
            tiles = (Source(), Source(what="photo", photo=str(photo)))
            doc = doc.replace(compare=Comparison(mode="wipe", tiles=tiles), camera=info.header.camera.default)
            dispatch(ShowPanel("Inversion", False))
        imgui.same_line(0.0, gap)
        why = "" if figure.is_file() else "The figure is drawn when the run is finished"
        tip = f"Input, reconstruction, three novel views and normals as one PNG in {folder}"
        if controls.button(
            theme,
            f"{fa.ICON_FA_FLOPPY_DISK}  Save figure###inversion-figure",
            tip=tip,
            why_not=why,
            width=width,
        ):
            self._save(figure, Path(folder), run.name, dispatch)
        imgui.same_line(0.0, gap)
        why = "" if run.is_dir() else "The run has made no folder yet"
        if controls.button(
            theme,
            f"{fa.ICON_FA_FOLDER_OPEN}  Show folder###inversion-folder",
            tip=str(run),
            why_not=why,
            width=width,
        ):
            dispatch(ShowFolder(str(run)))
        psnr = self.watch.psnr
        words = [f"step {self.watch.step}"] * (self.watch.step >= 0)
        words += [f"{psnr:.2f} dB against the photograph"] * math.isfinite(psnr)
        controls.note(theme, self.note or (", ".join(words)) or " ")
        return doc

    def _save(self, figure: Path, folder: Path, name: str, dispatch: Dispatch) -> None:
        """A copy of the figure under a name that is free."""
        out = next(
            p
            for i in range(1, 10_000)
            if not (p := folder / f"{name}{'' if i == 1 else f'-{i}'}.png").exists()
        )
        try:
            write_atomic(out, figure.read_bytes())
        except OSError as error:
            self.note = f"Not saved: {error.strerror or error}"
            return
        self.note = f"Saved {out}"

    def _losses(self, theme: Theme, ended: bool) -> None:
        room = imgui.get_content_region_avail()
        height = max(room.y - 2.0, PLOT_EM * theme.em)
        lines = self.watch.losses()
        if not lines:
            _empty(
                theme,
                height,
                "It ended before its first step" if ended else "The losses appear with the first steps …",
            )
            return
        if implot.get_current_context() is None:
            implot.create_context()
        flags = (
            implot.Flags_.no_title | implot.Flags_.no_menus | implot.Flags_.no_inputs | implot.Flags_.no_mouse_text
        )  # fmt: skip
        with controls.font(theme.fonts.mono, BODY_PX * 0.78):
            implot.push_style_color(implot.Col_.frame_bg, ImVec4(*theme.palette.panel, 0.0))
            implot.push_style_color(implot.Col_.axis_text, ImVec4(*theme.palette.muted, 1.0))
            if implot.begin_plot("##inversion-losses", ImVec2(-1.0, height), int(flags)):
                fit = int(
                    implot.AxisFlags_.auto_fit | implot.AxisFlags_.no_menus | implot.AxisFlags_.no_highlight
                )
                implot.setup_axes("step", "loss", fit, fit)
                implot.setup_axis_scale(implot.ImAxis_.y1, implot.Scale_.log10)
                implot.setup_legend(int(implot.Location_.east))
                inks = CURVES[theme.palette.name]
                for place, (name, steps, values) in enumerate(lines):
                    spec = implot.Spec(line_color=ImVec4(*inks[place % len(inks)], 1.0), line_weight=2.0)
                    implot.plot_line(name, np.ascontiguousarray(steps), np.maximum(values, 1e-9), spec)
                implot.end_plot()
            implot.pop_style_color(2)


def _empty(theme: Theme, height: float, words: str) -> None:
    """A ground across the panel that says why there is nothing on it."""
    corner, wide = imgui.get_cursor_screen_pos(), imgui.get_content_region_avail().x
    draw, size = imgui.get_window_draw_list(), imgui.calc_text_size(words)
    end, p = ImVec2(corner.x + wide, corner.y + height), theme.palette
    draw.add_rect_filled(corner, end, theme.colour(p.canvas), imgui.get_style().frame_rounding)
    at = ImVec2(round(corner.x + 0.5 * (wide - size.x)), round(corner.y + 0.5 * (height - size.y)))
    draw.add_text(at, theme.colour(p.canvas_muted), words)
    imgui.dummy(ImVec2(wide, height))


def run_of(task: Task) -> str:
    """The run directory of an inversion."""
    return str(task.record.pinned.get("run", task.record.out))


def is_finished(task: Task) -> bool:
    """Whether it has left its code; a run that was asked to stop ends well too, without one."""
    return task.state == "done" and (Path(run_of(task)) / CODE).is_file()


def newest_code(run: Path) -> Path | None:
    """The code of a run, or its newest snapshot."""
    if (run / CODE).is_file():
        return run / CODE
    found = sorted((run / "snapshots").glob("*.safetensors")) if (run / "snapshots").is_dir() else []
    return found[-1] if found else None


def said(task: Task) -> str:
    """What a task does, in a few words."""
    if task.state in ("running", "paused"):
        left = "" if task.state == "paused" else time_left(task.eta_s)
        stage = {"latent": "latent, camera, noise", "tuning": "camera and weights"}.get(
            task.stage, task.stage
        )
        share = f"{100 * task.fraction:.0f} %" if task.fraction else ""
        return (
            ", ".join(w for w in ("paused" * (task.state == "paused"), stage, share, left) if w) or "loading"
        )
    if task.state == "done":
        return f"done, {duration(task.seconds)}" if is_finished(task) else "stopped"
    words = {
        "starting": "starting",
        "failed": "failed",
        "cancelled": "stopped",
        "lost": "ended without a word",
    }
    return words[task.state]
