"""The queue of actions: what cannot be carried out is said, and the rest still is."""

from __future__ import annotations

import errno

from core_model.schema.errors import InputError
from viewer.shell.dispatcher import Dispatcher
from viewer.state.actions import DismissBanner, ExportMesh, Quit, SavePicture


def test_a_failed_write_ends_neither_the_window_nor_the_other_actions() -> None:
    dispatch, done = Dispatcher(), []

    def full(action: SavePicture, now: float) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", "/tasks/request.json")

    def refused(action: ExportMesh, now: float) -> None:
        raise InputError(what="cannot write", where="a.ply")

    dispatch.on(SavePicture, full)
    dispatch.on(ExportMesh, refused)
    dispatch.on(DismissBanner, lambda action, now: done.append(now))
    for action in (SavePicture(), ExportMesh(), DismissBanner()):
        dispatch(action)
    assert dispatch.carry_out(2.0) == [
        "cannot write /tasks/request.json: the disk is full (No space left on device)",
        "cannot write in a.ply",
    ]
    assert done == [2.0] and dispatch.carry_out(3.0) == [] and Quit not in dispatch.kinds
