"""An open session for one command: torch is imported here and not earlier."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import tyro

from core_model.checkpoints.locate import resolve
from core_model.cli.options import MachineOptions, check_result
from core_model.cli.progress import Update
from core_model.schema.checkpoint import CheckpointInfo
from core_model.schema.render import SMALLEST_TILE, RenderRequest

if TYPE_CHECKING:
    from core_model.queries import QuerySession
    from core_model.schema.record import RenderRecord
    from core_model.session import Frame, RenderSession

CheckpointArgument = Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="CHECKPOINT")]
"""Positional CHECKPOINT of a command: a .safetensors file, a run folder, `demo` or `analytic:NAME`."""

WorkerArgument = Annotated[str | None, tyro.conf.arg(metavar="COMMAND", help_behavior_hint="")]
"""`--worker` of the commands that can run elsewhere; `core_model.cli.far` takes it before the options are read."""


SMALLER_TILES = (4096, SMALLEST_TILE)
"""Rays per tile to try where a picture does not fit into memory."""


@contextmanager
def opened(checkpoint: str, machine: MachineOptions) -> Iterator[tuple["QuerySession", CheckpointInfo]]:
    """A session with the checkpoint open in it; closed again whatever happens."""
    path = resolve(checkpoint)
    from core_model.queries import QuerySession

    session = QuerySession(device=machine.device, threads=machine.threads)
    info = session.open(path)
    try:
        yield session, info
    finally:
        session.close(path)


def _short_of_memory(frame: "Frame") -> bool:
    return frame.result.error is not None and frame.result.error.kind == "memory"


def rendered(session: "RenderSession", request: RenderRequest, update: Update) -> "Frame":
    """Render one request; an error in the result is raised. Where memory is short, smaller tiles are tried before."""
    frame = session.render(request, cancelled=lambda: False, progress=update)
    for tile in SMALLER_TILES if request.tile_rays is None else ():
        if not _short_of_memory(frame):
            break
        again = session.render(request.replace(tile_rays=tile), cancelled=lambda: False, progress=update)
        if not _short_of_memory(again):  # else the first failure stays, and names what fits
            frame = again
    check_result(frame.result)
    return frame


def record_of(info: CheckpointInfo, request: RenderRequest) -> "RenderRecord":
    """Provenance of what is made from `request`."""
    from core_model.schema.record import RenderRecord

    return RenderRecord(checkpoint_sha256=info.sha256, family=info.family, request=request)
