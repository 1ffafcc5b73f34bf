"""Head of the chosen run: its name, state, progress and the controls that steer it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import PurePath

from imgui_bundle import ImVec2, imgui
from imgui_bundle import icons_fontawesome_6 as fa

from core_model.schema.run import Action
from viewer.features.training.rows import progress_line, room_for, state_ink, state_words
from viewer.features.training.run_index import RunIndex
from viewer.jobs.backend import Resources
from viewer.jobs.errands import Errands
from viewer.jobs.run_rows import RunRow
from viewer.jobs.wishes import FOREIGN, Wishes
from viewer.runs.format import duration
from viewer.runs.job_record import ENDED, ShownState
from viewer.runs.reader import RunReader
from viewer.runs.run_health import alarm_words, images_words, progress_of, rate_words
from viewer.widgets import controls
from viewer.widgets.glyphs import legible
from viewer.widgets.theme import BODY_PX, Theme

RUNS: tuple[ShownState, ...] = ("running", "starting", "stalled")
KILL = "End the run without asking it?###kill-run"


class RunHead:
    """Remembers the last request until the trainer has carried it out."""

    def __init__(self, errands: Errands, index: RunIndex) -> None:
        self.errands, self.index = errands, index
        self._wishes = Wishes()
        self._ask_kill = False

    def draw(
        self, theme: Theme, row: RunRow, reader: RunReader | None, duplicate: Callable[[RunRow], None]
    ) -> None:
        """Two lines: what it is and how far, then the buttons."""
        self._title(theme, row, reader)
        self._buttons(theme, row, reader, duplicate)
        self._kill_sheet(theme, row)

    def _title(self, theme: Theme, row: RunRow, reader: RunReader | None) -> None:
        p, em = theme.palette, theme.em
        state = row.state or (reader.state if reader is not None else None)
        ink = state_ink(p, state)
        room = imgui.get_content_region_avail().x
        with controls.font(theme.fonts.bold, BODY_PX * 1.15):
            imgui.text_unformatted(controls.ellipsis(row.name, 0.45 * room))
        controls.tooltip(str(row.path))
        imgui.same_line(0.0, 0.8 * em)
        with controls.text_colour(ink):
            imgui.text_unformatted(
                f"killed by {row.ended_by}" if state == "killed" and row.ended_by else state or "–"
            )
        controls.tooltip(state_words(state, row.foreign))
        parts, share = _progress(row, reader)
        with controls.text_colour(p.muted):
            for text, tip in parts:
                imgui.same_line(0.0, 1.1 * em)
                imgui.text_unformatted(legible(text))
                controls.tooltip(tip)
        error = (row.record.error if row.record else "") or (row.job.error if row.job else "")
        if error and state in ("failed", "lost"):
            with controls.text_colour(p.bad):
                imgui.text_unformatted(controls.ellipsis(error.strip().splitlines()[-1], room))
            controls.tooltip(error[:2000])
        progress_line(theme, share, ink, room)

    def _buttons(
        self, theme: Theme, row: RunRow, reader: RunReader | None, duplicate: Callable[[RunRow], None]
    ) -> None:
        state, run = row.state, row.path
        native = FOREIGN if row.foreign else ""
        ended = native or (f"The run is not under way ({state})" if state in ENDED else "")
        wish = self._wishes.waiting(run, row.record, state)
        queued = state == "queued"
        busy = f"The trainer has still to carry out “{wish}”" if wish else ""
        idle = ended or ("The run has not begun" if queued else "") or busy
        if queued:
            tip = "Take it out of the queue; it can be resumed later. The order is changed in the list at the left"
            if self._button(theme, fa.ICON_FA_XMARK, "Unqueue", tip, native):
                self._errand(f"Taking {row.name} out of the queue", lambda: self.index.desk.stop(run))
        elif self._button(
            theme, fa.ICON_FA_STOP, "Stop", "Write a snapshot and its resume state, then end", ended or busy
        ):
            self._wish(row, "stop")
        if state == "paused":
            if self._button(theme, fa.ICON_FA_PLAY, "Resume", "Let the paused run go on", busy):
                self._wish(row, "continue")
        elif self._button(
            theme, fa.ICON_FA_PAUSE, "Pause", "Write a snapshot and wait; memory stays taken", idle
        ):
            self._wish(row, "pause")
        if self._button(
            theme, fa.ICON_FA_CAMERA, "Snapshot", "Write a snapshot and its resume state now", idle
        ):
            self._wish(row, "snapshot")
        why = native or (
            "" if state in ENDED else f"Only a run that has ended can be resumed (it is {state})"
        )
        if state != "paused" and self._button(
            theme,
            fa.ICON_FA_ROTATE_RIGHT,
            "Resume",
            "Go on from the newest complete state, with the run's own settings",
            why,
        ):
            self._resume(row)
        no_job = native or (
            "" if row.job is not None else "It was not started by triscope's window: end its process yourself"
        )
        if self._button(
            theme,
            fa.ICON_FA_SKULL,
            "Kill",
            "End its processes at once, without a snapshot (asks first)",
            ended or no_job,
        ):
            self._ask_kill = True
        why = native or (
            "" if (reader is not None and reader.config) or row.job is not None else "It has no settings yet"
        )
        if self._button(
            theme,
            fa.ICON_FA_COPY,
            "Duplicate",
            "A new run with these settings, to be changed before it starts",
            why,
        ):
            duplicate(row)
        if told := self._wishes.note_of(run, row.record, state):
            room_for(imgui.calc_text_size(told).x)
            with controls.text_colour(theme.palette.muted):
                imgui.align_text_to_frame_padding()
                imgui.text_unformatted(told)
        else:
            imgui.new_line()

    def _button(self, theme: Theme, icon: str, title: str, tip: str, why: str) -> bool:
        """A button with an icon; the next one comes beside it."""
        room_for(imgui.calc_text_size(title).x + 3.2 * theme.em)
        pressed = controls.button(theme, f"{icon}  {title}###{title.lower()}", tip=tip, why_not=why)
        imgui.same_line()
        return pressed

    def stop(self, run: PurePath) -> None:
        """Ask for its end from elsewhere in the window; what goes wrong shows in this workspace."""
        self._errand(f"Asking {run.name} to stop", lambda: self.index.desk.stop(run))

    def _wish(self, row: RunRow, action: Action) -> None:
        run = row.path

        def ask() -> None:
            self._wishes.note(run, self.index.desk.request(run, action))

        self._errand(f"Asking {row.name} to {action}", ask)

    def _resume(self, row: RunRow) -> None:
        job, run = row.job, row.path
        backend, resources = (job.backend, None) if job is not None else ("local", None)
        if job is None and row.record is not None and row.record.device == "cpu":
            resources = Resources(devices=("cpu",))
        # A job that was ended from outside may have left its last request behind; the trainer reads only
        # newer ones.
        self._errand(f"Resuming {row.name}", lambda: self.index.desk.resume(run, backend, resources))

    def _errand(self, what: str, call: Callable[[], object]) -> None:
        def work() -> None:
            call()
            self.index.look_again()

        self.errands.run(what, work)

    def _kill_sheet(self, theme: Theme, row: RunRow) -> None:
        if self._ask_kill:
            imgui.open_popup(KILL)
            self._ask_kill = False
        centre = imgui.get_main_viewport().get_center()
        imgui.set_next_window_pos(centre, imgui.Cond_.appearing, ImVec2(0.5, 0.5))
        if not imgui.begin_popup_modal(
            KILL, None, int(imgui.WindowFlags_.always_auto_resize | imgui.WindowFlags_.no_saved_settings)
        )[0]:
            return
        imgui.push_text_wrap_pos(26 * theme.em)
        said = "its processes end at once. What was learned since the last snapshot is lost; it can be resumed from there."
        imgui.text_unformatted(legible(f"{row.name}: {said}"))
        imgui.pop_text_wrap_pos()
        imgui.dummy(ImVec2(0.0, 0.3 * theme.em))
        if controls.button(
            theme, "Kill the run###kill-yes", tip="SIGKILL to every process of the run", danger=True
        ):
            run = row.path
            self._errand(f"Killing {row.name}", lambda: self.index.desk.kill(run))
            imgui.close_current_popup()
        imgui.same_line()
        if controls.button(theme, "Keep it###kill-no", tip="Esc does it too") or imgui.is_key_pressed(
            imgui.Key.escape, False
        ):
            imgui.close_current_popup()
        imgui.end_popup()


def _progress(row: RunRow, reader: RunReader | None) -> tuple[list[tuple[str, str]], float]:
    """(text, tooltip) parts of the head and the share done."""
    parts: list[tuple[str, str]] = []
    if reader is None:
        return parts, row.share
    now = progress_of(reader)
    if now.total > 0:
        tip = "Seen by the discriminator, of those asked for"
        parts.append((f"{images_words(now.done, now.total)} images", tip))
    elif now.done:
        parts.append((f"{images_words(now.done, 0)} images", "Images that the discriminator has seen"))
    going = row.state in RUNS or (row.foreign and now.state == "running")
    if going and now.rate == now.rate:
        parts.append((rate_words(now.rate), "Over the last 32 ticks"))
    if going and now.eta == now.eta:
        parts.append((f"{duration(now.eta)} left", "At the present rate"))
    if now.alarms:
        parts.append((alarm_words(now.alarms), "See the Alarms page"))
    if now.reading:
        parts.append((f"reading {now.read:.0%}", "How much of the statistics file has been read"))
    return parts, now.share
