"""Exports of one window: their settings, the last folder, and starting a plan as a task."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from core_model.schema.atomic import write_atomic
from core_model.schema.checkpoint import CheckpointInfo
from viewer.jobs.tasks import Task, Tasks
from viewer.state.document import Document
from viewer.state.export_settings import ExportPlan, ExportSettings, plan_export

TASK_KIND = "export"
REQUEST_FILE = "request.json"


class Exports:
    """One per window; the panel edits `settings`, Ctrl+S uses the folder."""

    def __init__(self, folder: str = "") -> None:
        start = folder if folder and Path(folder).is_dir() else str(Path.cwd())
        self.settings = ExportSettings(folder=start)

    def start(self, plan: ExportPlan, tasks: Tasks) -> str:
        """Start an export; returns the task's id. Its folder keeps the record that it was asked for."""
        folder = tasks.new_folder()
        request = folder / REQUEST_FILE
        write_atomic(request, plan.record.model_dump_json(indent=1).encode())
        files = [str(f) for f in plan.files]
        return tasks.start(
            TASK_KIND,
            plan.title,
            plan.arguments(request),
            plan.out,
            folder,
            {"kind": plan.kind, "files": files},
        )

    def quick(
        self,
        doc: Document,
        info: CheckpointInfo | None,
        edge: int,
        arrays: Mapping[str, np.ndarray],
        tasks: Tasks,
    ) -> str:
        """Ctrl+S: save the present view as a PNG of `edge` pixels in the last folder; returns a message for
        the status bar.
        """
        if info is None or edge < 1:
            return "Nothing is open to save"
        settings = ExportSettings(
            folder=self.settings.folder, channels=(doc.view.channel,), size=min(max(edge, 16), 8192)
        )
        plan = plan_export(settings, doc, info, arrays, taken(tasks))
        if plan.why_not:
            return f"Not saved: {plan.why_not}"
        self.start(plan, tasks)
        return f"Saving {plan.out.name} in {plan.out.parent}"


def taken(tasks: Tasks) -> frozenset[str]:
    """Files that running exports will write."""
    return frozenset(f for task in tasks.views(TASK_KIND) if not task.ended for f in files_of(task))


def files_of(task: Task) -> tuple[str, ...]:
    """What a task writes, or has written."""
    return tuple(str(f) for f in task.record.pinned.get("files", (task.record.out,)))


def forget_tip(task: Task, files: Sequence[str]) -> str:
    """Tooltip of the button that removes an ended export from the list; exported files are never deleted."""
    kept = [file for file in files if Path(file).exists()] if task.state == "done" else []
    if not kept:
        return "Take it off this list; it has left no file"
    return (
        f"Take it off this list; {kept[0]} stays"
        if len(kept) == 1
        else f"Take it off this list; its {len(kept)} files stay"
    )
