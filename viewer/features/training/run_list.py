"""The list of runs at the left of the Training workspace: folders, ticks for comparison, state, progress."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from imgui_bundle import ImVec2, ImVec4, imgui
from imgui_bundle import icons_fontawesome_6 as fa

from viewer.features.training.empty import empty
from viewer.features.training.queue import QueueList
from viewer.features.training.rows import progress_line, state_ink, state_words
from viewer.features.training.run_index import RunIndex
from viewer.jobs.run_rows import RunRow
from viewer.runs.format import duration
from viewer.runs.reader import RunReader
from viewer.runs.run_health import images_words, progress_of
from viewer.runs.selection import Selection
from viewer.state.palette import CURVES
from viewer.state.workspace import Workspace
from viewer.widgets import controls
from viewer.widgets.file_chooser import FileChooser, FileWish
from viewer.widgets.theme import Theme

ROW_EM = 3.55


@dataclass
class RunList:
    """What is only being typed: a folder, a filter."""

    typed: str = ""
    words: str = ""
    complaint: str = field(default="", repr=False)
    _chosen: str = ""

    def draw(
        self,
        theme: Theme,
        view: Selection,
        index: RunIndex,
        workspace: Workspace,
        queue: QueueList,
        files: FileChooser,
    ) -> None:
        em = theme.em
        width = imgui.get_content_region_avail().x
        tip = "Settings, check and start of a new run"
        if controls.button(
            theme, f"{fa.ICON_FA_PLUS}  New run###new-run", tip=tip, primary=True, width=width
        ):
            view.show("launch")
        self._folders(theme, workspace, index, files)
        imgui.dummy(ImVec2(0.0, 0.1 * em))
        queue.draw(theme, view)
        rows = [row for row in index.rows if all(w in row.name.lower() for w in self.words.lower().split())]
        title = f"RUNS  {len(rows)}" + (f" of {len(index.rows)}" if len(rows) != len(index.rows) else "")
        with controls.font(theme.fonts.bold, theme.small()), controls.text_colour(theme.palette.muted):
            imgui.align_text_to_frame_padding()
            imgui.text_unformatted(title)
        imgui.same_line(6.5 * em)
        imgui.set_next_item_width(-1.0)
        changed, text = imgui.input_text_with_hint("##run-filter", "Filter runs", self.words)
        self.words = text if changed else self.words
        controls.tooltip("Runs whose name holds every typed word")
        if controls.begin_child("run-rows", ImVec2(0.0, 0.0)):
            if not rows:
                self._nothing(theme, workspace, index)
            for row in rows:
                self._row(theme, view, row, index.reader(row.path))
        imgui.end_child()

    def _take(self, path: Path) -> None:
        self._chosen = str(path)

    def _nothing(self, theme: Theme, workspace: Workspace, index: RunIndex) -> None:
        if not workspace.folders:
            text = "Name a folder with runs above: a run directory, or a folder whose sub-folders are runs. New runs add theirs."
        elif self.words:
            text = f"No run's name holds “{self.words}”."
        else:
            text = "No runs in these folders yet." if index.looked else "Looking …"
        empty(theme, fa.ICON_FA_FOLDER_OPEN, "No runs", text)

    def _folders(self, theme: Theme, workspace: Workspace, index: RunIndex, files: FileChooser) -> None:
        edge = imgui.get_frame_height()
        gap = imgui.get_style().item_inner_spacing.x
        imgui.set_next_item_width(imgui.get_content_region_avail().x - 2 * (edge + gap))
        entered, text = imgui.input_text_with_hint(
            "##run-folder",
            "Folder of runs, Enter adds it",
            self.typed,
            imgui.InputTextFlags_.enter_returns_true,
        )
        self.typed = text
        controls.tooltip(
            "A run directory, or a folder whose sub-folders are run directories (of triscope or of the EG3D family)"
        )
        imgui.same_line(0.0, gap)
        why = "" if workspace.desk.here else "Folders of the far machine are typed"
        if controls.icon_button(
            theme, fa.ICON_FA_FOLDER_OPEN, "browse-folder", tip="Choose a folder of runs …", why_not=why
        ):
            start = text.strip() or (workspace.folders[0] if workspace.folders else "")
            files.ask(FileWish("Folder of training runs", "folder", start=start), self._take)
        if self._chosen:
            text, entered, self._chosen = self._chosen, True, ""
        imgui.same_line(0.0, gap)
        why = "" if text.strip() else "Type a folder first"
        entered |= controls.icon_button(
            theme, fa.ICON_FA_PLUS, "add-folder", tip="Look for runs in this folder", why_not=why
        )
        if entered and text.strip():
            path = workspace.desk.path(text)
            # Of a far folder the list says what is wrong with it.
            here = workspace.desk.here
            self.complaint = f"{path} is not a folder" if here and not Path(path).is_dir() else ""
            if not self.complaint:
                workspace.folders, self.typed = workspace.with_folder(str(path)), ""
        if self.complaint:
            with controls.text_colour(theme.palette.bad):
                imgui.text_wrapped(self.complaint)
        for folder in workspace.folders:
            self._folder(theme, workspace, folder, index.faults.get(folder, ""))

    def _folder(self, theme: Theme, workspace: Workspace, folder: str, fault: str) -> None:
        edge = imgui.get_frame_height()
        room = imgui.get_content_region_avail().x - edge - 0.4 * theme.em
        imgui.push_id(folder)
        with controls.text_colour(theme.palette.bad if fault else theme.palette.muted):
            imgui.align_text_to_frame_padding()
            with controls.font(theme.fonts.body, theme.small()):
                imgui.text_unformatted(
                    controls.ellipsis(f"{fa.ICON_FA_FOLDER}  {folder}", room, keep_end=True)
                )
        controls.tooltip(fault or folder)
        imgui.same_line(imgui.get_window_width() - edge - imgui.get_style().window_padding.x)
        if controls.icon_button(
            theme, fa.ICON_FA_XMARK, "forget", tip="Do not look in this folder any more; nothing is deleted"
        ):
            workspace.folders = tuple(f for f in workspace.folders if f != folder)
        imgui.pop_id()

    def _row(self, theme: Theme, view: Selection, row: RunRow, reader: RunReader | None) -> None:
        """Tick, colour, name, state in words and colour, progress; a click chooses the run."""
        em, p, draw = theme.em, theme.palette, imgui.get_window_draw_list()
        corner, width, height = (
            imgui.get_cursor_screen_pos(),
            imgui.get_content_region_avail().x,
            round(ROW_EM * em),
        )
        end = ImVec2(corner.x + width, corner.y + height)
        if not imgui.is_rect_visible(corner, end):
            imgui.dummy(ImVec2(width, height))
            return
        imgui.push_id(str(row.path))
        chosen = row.path == view.chosen
        imgui.set_next_item_allow_overlap()
        if controls.hit(theme, f"##run-{row.name}", ImVec2(width, height)):
            view.choose(row.path)
            if view.tab == "launch":
                view.show("charts")
        hovered = imgui.is_item_hovered()
        controls.tooltip(_about(row))
        if chosen or hovered:
            draw.add_rect_filled(
                corner, end, theme.colour(p.raised if chosen else p.field, 1.0 if chosen else 0.5), 0.3 * em
            )
        if chosen:
            draw.add_rect_filled(corner, ImVec2(corner.x + 0.2 * em, end.y), theme.colour(p.accent), 0.1 * em)
        ticked = row.path in view.ticked
        imgui.set_cursor_screen_pos(ImVec2(corner.x + 0.55 * em, corner.y + 0.35 * em))
        imgui.push_style_var(
            imgui.StyleVar_.frame_border_size, 1.0
        )  # a check box that is visible on every background
        imgui.push_style_color(imgui.Col_.border, ImVec4(*p.muted, 0.7))
        changed, on = imgui.checkbox(f"##tick-{row.name}", ticked)
        imgui.pop_style_color()
        imgui.pop_style_var()
        if changed:
            view.tick(row.path, on)
            if view.chosen is None:
                view.choose(row.path)
        controls.tooltip("Draw this run in the charts together with the other ticked ones")
        x, right = corner.x + 2.75 * em, end.x - 0.5 * em
        inks = CURVES[p.name]
        ink = inks[view.colour_of(row.path) % len(inks)] if ticked else p.text
        with controls.font(theme.fonts.bold, 0.0):
            draw.add_text(
                ImVec2(x, corner.y + 0.35 * em), theme.colour(ink), controls.ellipsis(row.name, right - x)
            )
        state, detail, share = _told(row, reader)
        tone = state_ink(p, row.state or (reader.state if reader else None))
        with controls.font(theme.fonts.body, theme.small()):
            y = corner.y + 1.65 * em
            draw.add_text(ImVec2(x, y), theme.colour(tone), state)
            left = x + imgui.calc_text_size(state).x + 0.8 * em
            text = controls.ellipsis(detail, right - left) if right - left > 3 * em else ""
            draw.add_text(ImVec2(right - imgui.calc_text_size(text).x, y), theme.colour(p.muted), text)
        imgui.set_cursor_screen_pos(ImVec2(x, corner.y + 2.95 * em))
        progress_line(theme, share, tone, right - x)
        imgui.set_cursor_screen_pos(corner)
        imgui.dummy(ImVec2(width, height))
        imgui.pop_id()


def _told(row: RunRow, reader: RunReader | None) -> tuple[str, str, float]:
    """(state in words, detail, share done)."""
    state = row.state or (reader.state if reader is not None else None)
    (done, total), eta = row.images, float("nan")
    if reader is not None:
        now = progress_of(reader)
        done, total, eta = now.done, now.total, now.eta
    shown = state or ("foreign run" if row.foreign else "–")
    if row.place:
        shown = f"queued, {row.place} before it"
    detail = images_words(done, total) if done or total > 0 else ""
    if state == "running" and eta == eta:
        detail = f"{detail} · {duration(eta)} left"
    return shown, detail, min(1.0, done / total) if total > 0 else 0.0


def _about(row: RunRow) -> str:
    said = state_words(row.state, row.foreign)
    error = (row.record.error if row.record else "") or (row.job.error if row.job else "")
    return "\n".join(part for part in (str(row.path), said, error[:300]) if part)
