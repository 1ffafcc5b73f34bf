"""Requests to runs, until they are carried out or nobody answers."""

from __future__ import annotations

from pathlib import Path

from core_model.schema.run import ControlRequest
from viewer.jobs.wishes import PATIENCE_S, Wishes

RUN = Path("runs/a")


def test_a_request_that_nobody_answers_can_be_made_again_and_is_still_told() -> None:
    now = [0.0]
    wishes = Wishes(lambda: now[0])
    wishes.note(RUN, ControlRequest(id="1", action="pause", time=0.0))
    assert wishes.waiting(RUN, None, "running") == "pause"
    assert wishes.note_of(RUN, None, "running") == "asked to pause …"
    now[0] = PATIENCE_S + 61.0
    assert wishes.waiting(RUN, None, "running") == ""
    assert "3 min ago, no answer" in wishes.note_of(RUN, None, "running")
    wishes.note(RUN, ControlRequest(id="2", action="stop", time=0.0))
    assert wishes.waiting(RUN, None, "running") == "stop"


def test_a_request_ends_with_its_run() -> None:
    wishes = Wishes()
    wishes.note(RUN, ControlRequest(id="1", action="stop", time=0.0))
    assert wishes.waiting(RUN, None, "stopped") == "" and wishes.note_of(RUN, None, "running") == ""
