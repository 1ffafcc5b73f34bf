"""The Snapshots page: table, a live preview with the view's own seed and camera, a film of all."""

from __future__ import annotations

from pathlib import Path, PurePath

from imgui_bundle import ImVec2, ImVec4, imgui
from imgui_bundle import icons_fontawesome_6 as fa

from core_model.schema.camera import OrbitPose
from core_model.schema.checkpoint import CheckpointInfo
from core_model.schema.home import expanded
from core_model.schema.question import PictureQuestion
from core_model.schema.seeds import MOST_TOGETHER, seeds_in
from viewer.features.training.empty import empty
from viewer.features.training.loss_strip import LossStrip
from viewer.features.training.rows import progress_line
from viewer.features.training.timeline import scrub
from viewer.gl.texture import Texture
from viewer.jobs.desk import free_name
from viewer.jobs.tasks import Tasks
from viewer.runs.moments import moment_of_number, nearest
from viewer.runs.reader import RunReader
from viewer.runs.selection import Moment, Selection
from viewer.runs.snapshots import snapshot_table
from viewer.state.actions import CopyText, Dispatch, OpenCheckpoint, ShowWorkspace
from viewer.state.document import Document
from viewer.state.query_cache import QueryCache
from viewer.state.requests import request_of
from viewer.state.workspace import Workspace
from viewer.widgets import controls
from viewer.widgets.file_chooser import FileChooser, FileWish
from viewer.widgets.glyphs import legible
from viewer.widgets.path_field import PathField
from viewer.widgets.theme import Theme

KIND = "film"
PREVIEW = 256
STEP_EM, SCORE_EM, SIZE_EM, DATE_EM, OPEN_EM = 6.5, 4.9, 4.5, 10.5, 4.0
"""Widths of the table's columns: size and date give way where the button would be cut off, and stand in the tooltip."""
_TABLE = int(
    imgui.TableFlags_.scroll_y | imgui.TableFlags_.borders_inner_h | imgui.TableFlags_.sizing_fixed_fit
)


class SnapshotPage:
    """Keeps only what is being typed (seeds and file of the film); the preview is the open checkpoint."""

    def __init__(self) -> None:
        self.seeds = "0-3"
        self.out = ""
        self._field = PathField("film-out", FileWish("Film to be written", "save", (("Videos", (".mp4",)),)))
        self._run: PurePath | None = None
        self.strip = LossStrip()
        self._shown = ""
        self._moment: Moment | None = None
        self._texture: Texture | None = None
        self._drawn = -1

    def draw(
        self,
        doc: Document,
        theme: Theme,
        info: CheckpointInfo | None,
        queries: QueryCache,
        tasks: Tasks,
        workspace: Workspace,
        opening: str,
        files: FileChooser,
        dispatch: Dispatch,
        view: Selection,
        run: RunReader,
    ) -> None:
        em = theme.em
        watch = workspace.snapshots
        found = watch.watch(run.path)
        if run.path != self._run:
            # The film is a file of this machine, also where the run is not.
            folder = run.path.parent if workspace.desk.here else Path.cwd()
            self._run, self.out = run.path, str(free_name(Path(folder), f"{run.name}-film.mp4"))
        if not found:
            with run.lock:
                waiting = not run.listing.snapshots
            if waiting:
                words = "They appear here as the run writes them; each opens in Explore with the seed and camera that are shown."
                empty(theme, fa.ICON_FA_CAMERA, "No snapshots yet", words)
            else:
                controls.note(theme, "Looking …")
            return
        self._in_step(info, workspace, opening, dispatch, view, run)
        left = 0.5 * imgui.get_content_region_avail().x
        if controls.begin_child("snapshot-list", ImVec2(left, 0.0)):
            charts = self.strip.high(theme) + imgui.get_style().item_spacing.y
            tall = imgui.get_content_region_avail().y
            with_charts = tall > charts + 12 * em
            rows = (len(found) + 1.5) * imgui.get_frame_height_with_spacing()
            if controls.begin_child(
                "snapshot-table", ImVec2(0.0, min(tall - charts, rows) if with_charts else 0.0)
            ):
                self._table(theme, info, workspace, opening, dispatch, run)
            imgui.end_child()
            if with_charts:
                self.strip.draw(theme, view, run, imgui.get_content_region_avail().x)
        imgui.end_child()
        imgui.same_line(0.0, 0.8 * em)
        if controls.begin_child("snapshot-side", ImVec2(0.0, 0.0)):
            self._preview(doc, theme, info, queries, workspace, opening, dispatch, run)
            self._film(doc, theme, tasks, workspace, files, dispatch, run)
        imgui.end_child()

    def _in_step(
        self,
        info: CheckpointInfo | None,
        workspace: Workspace,
        opening: str,
        dispatch: Dispatch,
        view: Selection,
        run: RunReader,
    ) -> None:
        """The charts mark the snapshot that is shown; a moment that was chosen in them opens the snapshot nearest to it."""
        watch, shown = workspace.snapshots, info.path if info is not None else ""
        place = watch.place_of(shown)
        if place < 0:
            self._shown, self._moment = "", view.moment
            return
        if shown != self._shown:
            self._shown, view.moment = shown, moment_of_number(run, watch.snapshots[place].number)
            self._moment = view.moment
        elif (
            view.moment is not None
            and view.moment != self._moment
            and view.moment.run == run.path
            and not opening
        ):
            self._moment = view.moment
            wanted = nearest([s.number for s in watch.snapshots], view.moment.number(run.is_foreign))
            if wanted != place:
                watch.follow = False
                dispatch(OpenCheckpoint(str(watch.snapshots[wanted].path), keep_view=True))

    def _table(
        self,
        theme: Theme,
        info: CheckpointInfo | None,
        workspace: Workspace,
        opening: str,
        dispatch: Dispatch,
        run: RunReader,
    ) -> None:
        """Newest first; a row opens its snapshot with the present seed and camera."""
        shown = info.path if info is not None else ""
        table = snapshot_table(run, workspace.snapshots.snapshots)
        room = (
            imgui.get_content_region_avail().x / theme.em - STEP_EM - SCORE_EM * len(table.titles) - OPEN_EM
        )
        sized, dated = room >= SIZE_EM, room >= SIZE_EM + DATE_EM
        more = (*(("Size",) if sized else ()), *(("Written",) if dated else ()))
        if not imgui.begin_table("snapshots", 2 + len(table.titles) + len(more), _TABLE):
            return
        for title in (table.counted, *table.titles, *more, ""):
            imgui.table_setup_column(title)
        imgui.table_setup_scroll_freeze(0, 1)
        imgui.table_headers_row()
        for row in table.rows:
            one = row.snapshot
            imgui.table_next_row()
            imgui.table_next_column()
            here = str(one.path) == shown
            imgui.align_text_to_frame_padding()
            with controls.text_colour(theme.palette.accent if here else theme.palette.text):
                notes = ("  shown" if here else "") + (f"  best {row.best}" if row.best else "")
                imgui.text_unformatted(f"{one.number}{notes}")
            controls.tooltip(f"{one.path}\n{row.size}, written {row.written}")
            for text in row.scores:
                imgui.table_next_column()
                imgui.text_unformatted(text)
            for text in (*((row.size,) if sized else ()), *((row.written,) if dated else ())):
                imgui.table_next_column()
                with controls.text_colour(theme.palette.muted):
                    imgui.text_unformatted(legible(text))
            imgui.table_next_column()
            tip = "Look at it in Explore, with the present seed and camera where they fit"
            if controls.button(
                theme,
                f"Open###open-{one.number}",
                tip=tip,
                why_not="Being opened" if opening == str(one.path) else "",
            ):
                keep = workspace.run_of(shown) == run.path
                dispatch(OpenCheckpoint(str(one.path), keep_view=keep))
                dispatch(ShowWorkspace("explore"))
        imgui.end_table()

    def _preview(
        self,
        doc: Document,
        theme: Theme,
        info: CheckpointInfo | None,
        queries: QueryCache,
        workspace: Workspace,
        opening: str,
        dispatch: Dispatch,
        run: RunReader,
    ) -> None:
        em = theme.em
        shown = info.path if info is not None else ""
        own = workspace.run_of(shown) == run.path
        controls.section(theme, "Timeline")
        if not own:
            controls.note(
                theme, "Another checkpoint is open in Explore. Open the newest one to scrub through this run."
            )
            newest = workspace.snapshots.snapshots[-1]
            why = f"Opening {PurePath(opening).name} …" if opening else ""
            tip = "Opens it in Explore as well; this page stays"
            if controls.button(
                theme, "Open the newest here###open-here", tip=tip, why_not=why, primary=not why
            ):
                dispatch(OpenCheckpoint(str(newest.path)))
            return
        scrub(theme, workspace, opening, dispatch, shown)
        edge = min(imgui.get_content_region_avail().x, 24 * em)
        self._picture(theme, doc, info, queries, edge)

    def _picture(
        self, theme: Theme, doc: Document, info: CheckpointInfo | None, queries: QueryCache, edge: float
    ) -> None:
        """The open snapshot as Explore would show it, small."""
        if doc.checkpoint != (info.path if info is not None else ""):
            return
        request = request_of(doc, PREVIEW)
        question = PictureQuestion(checkpoint=doc.checkpoint, request=request)
        answer, error = queries.want(question), queries.error(question)
        if answer is not None and "rgb" in answer.arrays and answer.version != self._drawn:
            self._drawn = answer.version
            self._texture = self._texture or Texture()
            self._texture.upload(answer.arrays["rgb"].clip(0.0, 1.0).transpose(1, 2, 0))
        if error is not None:
            with controls.text_colour(theme.palette.bad):
                imgui.text_wrapped(legible(error.message))
        if self._texture is not None:
            imgui.image_with_bg(
                imgui.ImTextureRef(self._texture.handle),
                ImVec2(edge, edge),
                ImVec2(0, 0),
                ImVec2(1, 1),
                ImVec4(0, 0, 0, 0),
                ImVec4(1, 1, 1, 1 if answer is not None else 0.55),
            )
            seeds = ", ".join(str(s.seed) for s in doc.latent.seeds)
            controls.tooltip(
                f"Seed {seeds}, psi {doc.latent.psi:g}, the camera of Explore; {PREVIEW} × {PREVIEW} pixels"
            )

    def _film(
        self,
        doc: Document,
        theme: Theme,
        tasks: Tasks,
        workspace: Workspace,
        files: FileChooser,
        dispatch: Dispatch,
        run: RunReader,
    ) -> None:
        controls.section(theme, "Film of all snapshots")
        controls.label(theme, "Seeds", "Shown side by side in every frame: numbers and ranges as 0-3,7")
        changed, text = imgui.input_text("##film-seeds", self.seeds)
        self.seeds = text if changed else self.seeds
        controls.tooltip("Shown side by side in every frame: numbers and ranges as 0-3,7")
        controls.label(theme, "File", "The video, .mp4")
        self.out = self._field.draw(
            theme, files, self.out, tip="The video, .mp4; it appears when it is complete"
        )
        task = next((t for t in tasks.views(KIND) if t.record.pinned.get("run") == str(run.path)), None)
        running = task is not None and not task.ended
        why = "It is being made" if running else film_hindrance(self.seeds, self.out)
        tip = "Camera and truncation of Explore; a task of its own, which outlives this window"
        if controls.button(theme, f"{fa.ICON_FA_FILM}  Make the film###make-film", tip=tip, why_not=why):
            out = expanded(self.out.strip()).absolute()
            own = workspace.run_of(doc.checkpoint) == run.path
            arguments = film_arguments(run.path, out, self.seeds.strip(), doc, own)
            tasks.start(KIND, f"Film of {run.name}", arguments, out, pinned={"run": str(run.path)})
        if task is None:
            return
        if running:
            imgui.same_line()
            if controls.button(theme, "Cancel###cancel-film", tip="End it; nothing is left behind"):
                tasks.cancel(task.record.id)
            progress_line(theme, task.fraction, theme.palette.accent, imgui.get_content_region_avail().x)
            controls.note(theme, f"{task.stage or task.state}  {task.fraction:.0%}")
        else:
            with controls.text_colour(theme.palette.text if task.state == "done" else theme.palette.bad):
                imgui.text_wrapped(
                    legible(
                        f"Wrote {task.record.out}"
                        if task.state == "done"
                        else f"{task.state}: {task.message}"
                    )
                )
            if task.state == "done" and controls.button(
                theme, "Copy its path###copy-film", tip=task.record.out
            ):
                dispatch(CopyText(task.record.out, "path"))


def film_hindrance(seeds: str, out: str) -> str:
    """Why `triscope film` would refuse these; empty where it would not."""
    if not out.strip().endswith(".mp4"):
        return "The file's name must end in .mp4"
    try:
        seeds_in(seeds.strip() or "0", MOST_TOGETHER)
    except ValueError as error:
        return f"Type {error}"
    return ""


def film_arguments(run: PurePath, out: Path, seeds: str, doc: Document, own: bool) -> tuple[str, ...]:
    """Words of `triscope film` with the truncation of the document, and its camera where the document is `own`: one of
    the run's snapshots.
    """
    said = ["film", str(run), "--out", str(out), "--seeds", seeds or "0", "--psi", f"{doc.latent.psi:g}"]
    said += ["--cutoff", "none" if doc.latent.cutoff is None else str(doc.latent.cutoff)]
    if isinstance(doc.camera, OrbitPose) and own:
        pose = doc.camera
        said += [f"--{name}={getattr(pose, name):.6g}" for name in ("yaw", "pitch", "roll", "radius", "fov")]
    return tuple(said)
