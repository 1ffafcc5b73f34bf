"""The session behind the window's render worker."""

from __future__ import annotations

from pathlib import Path

from core_model.queries import QuerySession
from core_model.report.ray_files import write_ray
from core_model.schema.record import RenderRecord
from core_model.schema.render import RenderRequest


class WorkerSession(QuerySession):
    """Renders, answers, inspects, and writes ray reports to files.

    Stands above `queries` because it draws the chart of a ray.
    """

    def save_ray(self, request: RenderRequest, x: int, y: int, path: str) -> None:
        """Inspect and write the report to a .json, .csv or .png file, as `triscope inspect` does.

        Raises InputError.
        """
        info = self.open(request.checkpoint)
        record = RenderRecord(checkpoint_sha256=info.sha256, family=info.family, request=request)
        write_ray(Path(path), self.inspect(request, x, y), record)
