"""Wishes to a running trainer through RUN/control.json: the one file of a run that is not the trainer's own."""

from __future__ import annotations

import time
import uuid
from pathlib import Path

from core_model.schema.errors import InputError
from core_model.schema.run import Action, ControlRequest, RunRecord
from viewer.jobs.supervisor import write_json

CONTROL_FILE = "control.json"


def request(run: Path, action: Action) -> ControlRequest:
    """Write a wish (stop, pause, continue, snapshot); the trainer writes a snapshot before it stops or pauses."""
    wish = ControlRequest(id=uuid.uuid4().hex, action=action, time=time.time())
    try:
        write_json(run / CONTROL_FILE, wish.model_dump())
    except OSError as error:
        raise InputError(what=f"cannot ask the run to {action}", where=str(run), got=error.strerror or str(error)) from None
    return wish


def is_served(wish: ControlRequest, record: RunRecord | None) -> bool:
    """Whether the trainer has carried it out."""
    return record is not None and record.last_control == wish.id
