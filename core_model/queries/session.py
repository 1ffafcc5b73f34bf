"""QuerySession: a session that renders, and answers what the window and the commands ask beside pictures."""

from __future__ import annotations

from collections.abc import Callable

import torch

from core_model.queries import baking, directions, folders, layers, mesh, photo, planes, section, summaries
from core_model.queries.ray_report import inspect_ray
from core_model.queries.ray_volume import RayVolumes, Stop, ray_volumes
from core_model.queries.registry import Answer, answer
from core_model.schema.errors import InputError
from core_model.schema.inspect import RayReport
from core_model.schema.question import Question
from core_model.schema.render import RenderRequest
from core_model.session import RenderSession
from core_model.session.picture import Progress

ANSWERED_BY = (baking, directions, folders, layers, mesh, photo, planes, section, summaries)
"""With `ray_volume` the modules that register their answers when they are imported."""


class QuerySession(RenderSession):
    """Not thread-safe, as `RenderSession`; questions share the cache of the pictures."""

    def __init__(
        self, device: str = "auto", cache_bytes: int | None = None, threads: int | None = None
    ) -> None:
        super().__init__(device, cache_bytes, threads)
        self.tell: Progress = _untold

    @torch.no_grad()
    def answer(
        self,
        question: Question,
        cancelled: Callable[[], bool] | None = None,
        progress: Progress | None = None,
    ) -> Answer:
        """The answer to a question.

        progress: called with (stage, fraction). Raises InputError, or Cancelled when something more urgent
        waits: asked again, it continues from what it has (`unfinished`).
        """
        self.tell = progress or _untold
        try:
            return answer(self, question, cancelled or (lambda: False))
        finally:
            self.tell = _untold

    @torch.no_grad()
    def inspect(self, request: RenderRequest, x: int, y: int) -> RayReport:
        """Everything along the ray through pixel (x, y) of the request's picture.

        Raises InputError outside it.
        """
        if not (0 <= x < request.width and 0 <= y < request.height):
            raise InputError(
                what="pixel outside the picture",
                where="inspect",
                expected=f"0 … {request.width - 1}, 0 … {request.height - 1}",
                got=f"{x}, {y}",
            )
        return inspect_ray(self.named_run_of(request), x, y)

    @torch.no_grad()
    def ray_volumes(self, request: RenderRequest, stop: Stop = lambda: None) -> RayVolumes:
        """The probe's and the predicted distributions of a whole picture.

        Raises InputError as `open` does, and what `stop` raises.
        """
        return ray_volumes(self.run_of(request), stop)


def _untold(stage: str, fraction: float) -> None:
    """Nobody watches."""
