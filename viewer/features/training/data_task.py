"""The task that makes a data set: its button, its progress, and the set that it made. One runs at a time."""

from __future__ import annotations

from typing import Any

from imgui_bundle import imgui

from core_model.schema.home import expanded
from viewer.features.training.rows import progress_line
from viewer.jobs.tasks import Task, Tasks
from viewer.runs.format import time_left
from viewer.widgets import controls
from viewer.widgets.glyphs import legible
from viewer.widgets.theme import Theme

KIND = "data"
"""Tasks that make data sets."""


class DataTask:
    """what: heads or photos. Keeps which task this form began."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._taken: str | None = None

    def newest(self, tasks: Tasks) -> Task | None:
        """The last task of this form; those of earlier windows count too."""
        return next(
            (t for t in tasks.views(KIND) if t.record.pinned.get("what", "heads") == self._what), None
        )

    def why_not(self, tasks: Tasks, out: str) -> str:
        """Why none can be started that writes `out`; "" = it can."""
        path = expanded(out.strip()).absolute()
        if any(not task.ended for task in tasks.views(KIND)):
            return "One is being made"
        if not out.strip():
            return "Name the file"
        if path.exists():
            return f"{path.name} is there already: choose another name"
        return "" if path.parent.is_dir() else f"There is no folder {path.parent}"

    def start(self, tasks: Tasks, arguments: tuple[str, ...], out: str, pinned: dict[str, Any]) -> None:
        path = expanded(out.strip()).absolute()
        pinned = pinned | {"what": self._what}
        self._taken = tasks.start(KIND, f"Data set {path.name}", arguments, path, pinned=pinned)

    def draw(self, theme: Theme, tasks: Tasks, cancel_tip: str) -> str:
        """Progress of the running one beside its button, or why the last one failed; the set that was finished since, "" for none."""
        task = self.newest(tasks)
        if task is None:
            return ""
        if not task.ended:
            imgui.same_line()
            if controls.button(theme, f"Cancel###cancel-{self._what}", tip=cancel_tip):
                tasks.cancel(task.record.id)
            progress_line(theme, task.fraction, theme.palette.accent, imgui.get_content_region_avail().x)
            said = ", ".join(part for part in (task.stage or task.state, time_left(task.eta_s)) if part)
            controls.note(theme, f"{100 * task.fraction:.0f} %  {said}")
        elif task.state not in ("done", "cancelled"):
            with controls.text_colour(theme.palette.bad):
                imgui.text_wrapped(legible(f"{task.state}: {task.message}"))
        if task.record.id != self._taken or task.state != "done":
            return ""
        self._taken = None
        return task.record.out
