"""The queue of this machine in the list of runs: running and waiting jobs, and buttons that change their
order.
"""

from __future__ import annotations

from collections.abc import Callable

from imgui_bundle import icons_fontawesome_6 as fa
from imgui_bundle import imgui

from viewer.features.training.run_index import RunIndex
from viewer.jobs.errands import Errands
from viewer.jobs.waiting import Waiting
from viewer.runs.selection import Selection
from viewer.widgets import controls
from viewer.widgets.theme import Theme


class QueueList:
    """Nothing is drawn while nobody waits."""

    def __init__(self, errands: Errands, index: RunIndex) -> None:
        self.errands, self.index = errands, index

    def draw(self, theme: Theme, view: Selection) -> None:
        queue = self.index.queue
        if not any(one.before for one in queue):
            return
        with controls.font(theme.fonts.bold, theme.small()), controls.text_colour(theme.palette.muted):
            imgui.text_unformatted(f"QUEUE  {sum(bool(one.before) for one in queue)} waiting")
        controls.tooltip("Jobs that want the same devices run one after the other, in this order")
        waits = {device for one in queue if one.before for device in one.devices}
        for one in queue:
            if one.before or waits & set(one.devices):
                self._row(theme, view, one)
        imgui.dummy((0.0, 0.2 * theme.em))

    def _row(self, theme: Theme, view: Selection, one: Waiting) -> None:
        em, name = theme.em, self.index.desk.path(one.run).name
        edge = imgui.get_frame_height()
        start, room = imgui.get_cursor_pos_x(), imgui.get_content_region_avail().x
        imgui.push_id(one.run)
        imgui.align_text_to_frame_padding()
        ink, face = (
            (theme.palette.muted, theme.fonts.mono) if one.before else (theme.palette.good, theme.fonts.body)
        )
        with controls.font(face, theme.small()), controls.text_colour(ink):
            imgui.text_unformatted(f"{one.before}" if one.before else fa.ICON_FA_PLAY)
        controls.tooltip(f"Jobs that come first: {one.before}" if one.before else "It has its devices")
        imgui.same_line(start + 1.6 * em)
        left = room - 1.6 * em - (3 * (edge + 0.2 * em) if one.before else 0.0)
        with controls.text_colour(
            theme.palette.accent if self.index.desk.path(one.run) == view.chosen else theme.palette.text
        ):
            imgui.text_unformatted(controls.ellipsis(f"{name}  ({', '.join(one.devices)})", left - 0.3 * em))
        controls.tooltip(one.run)
        if imgui.is_item_clicked():
            view.choose(self.index.desk.path(one.run))
        if one.before:
            imgui.same_line(start + room - 3 * edge - 0.4 * em)
            self._buttons(theme, one, name)
        imgui.pop_id()

    def _buttons(self, theme: Theme, one: Waiting, name: str) -> None:
        run, gap = one.run, 0.2 * theme.em
        tip, why = (
            "Earlier: before the next job of its devices",
            "" if one.up else "Only running jobs are before it",
        )
        if controls.icon_button(theme, fa.ICON_FA_ARROW_UP, f"earlier-{name}", tip=tip, why_not=why):
            self._errand(f"Moving {name} up", lambda: self.index.desk.move(run, True))
        imgui.same_line(0.0, gap)
        tip, why = (
            "Later: behind the next job of its devices",
            "" if one.down else "It is the last for its devices",
        )
        if controls.icon_button(theme, fa.ICON_FA_ARROW_DOWN, f"later-{name}", tip=tip, why_not=why):
            self._errand(f"Moving {name} down", lambda: self.index.desk.move(run, False))
        imgui.same_line(0.0, gap)
        if controls.icon_button(
            theme,
            fa.ICON_FA_XMARK,
            f"unqueue-{name}",
            tip="Take it out of the queue; it can be resumed later",
        ):
            self._errand(
                f"Taking {name} out of the queue", lambda: self.index.desk.stop(self.index.desk.path(run))
            )

    def _errand(self, what: str, call: Callable[[], object]) -> None:
        def work() -> None:
            call()
            self.index.look_again()

        self.errands.run(what, work)
