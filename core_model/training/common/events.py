"""The run's scalars and sample grids as TensorBoard events, through tensorboard's own writer
(without torch.utils).
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from core_model.schema.run import MetricRecord, TickRecord
from core_model.training.common.clock import wall_time


class EventWriter:
    """What a `RunDirectory` tells it; x is the number of images seen. Raises ImportError where tensorboard is
    not installed.
    """

    def __init__(self, folder: Path) -> None:
        from tensorboard.compat.proto.event_pb2 import Event  # pyright: ignore[reportAttributeAccessIssue]
        from tensorboard.compat.proto.summary_pb2 import Summary  # pyright: ignore[reportAttributeAccessIssue]
        from tensorboard.summary.writer.event_file_writer import EventFileWriter

        self._event, self._summary = Event, Summary
        self._writer: Any = EventFileWriter(str(folder), flush_secs=30)

    def record(self, name: str, record: BaseModel) -> None:
        """Scalars of a tick or an evaluation."""
        if isinstance(record, TickRecord):
            groups = {
                "": record.losses,
                "schedule/": record.schedule,
                "speed/": record.speed,
                "memory/": record.memory,
            }
            scalars = {
                prefix + key: value for prefix, values in groups.items() for key, value in values.items()
            }
            self._scalars({**scalars, "augment/p": record.augment_p}, record.images)
        elif isinstance(record, MetricRecord):
            self._scalars({f"metrics/{key}": value for key, value in record.scores.items()}, record.images)

    def image(self, tag: str, png: bytes, images: int) -> None:
        """One encoded picture."""
        width, height = struct.unpack(">II", png[16:24])
        picture = self._summary.Image(width=width, height=height, colorspace=3, encoded_image_string=png)
        self._add([self._summary.Value(tag=tag, image=picture)], images)

    def close(self) -> None:
        self._writer.close()

    def _scalars(self, scalars: dict[str, float], images: int) -> None:
        self._add(
            [self._summary.Value(tag=tag, simple_value=value) for tag, value in scalars.items()], images
        )

    def _add(self, values: list[Any], images: int) -> None:
        event = self._event(wall_time=wall_time(), step=images, summary=self._summary(value=values))
        self._writer.add_event(event)


def open_events(folder: Path) -> EventWriter | None:
    """A writer into `folder`; None where tensorboard is not installed."""
    try:
        return EventWriter(folder)
    except ImportError:
        return None
