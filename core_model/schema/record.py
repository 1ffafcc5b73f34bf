"""Where a file that triscope wrote came from.

The record inside pictures, arrays, videos, tables and meshes.
"""

from __future__ import annotations

import os
import time

from pydantic import Field

import core_model
from core_model.schema.frozen import Frozen
from core_model.schema.render import RenderRequest
from core_model.schema.whole import whole

KEY = "triscope"
NPZ_KEY = "provenance"
VIDEO_KEY = "comment"
LAST_S = 253402300799
"""The last second of the year 9999, beyond which times are not written in four digits."""


class DisplayRange(Frozen):
    """How a scalar channel became colours: `low` and `high` in `unit` are the ends of the colour map."""

    channel: str
    colormap: str
    low: float
    high: float
    unit: str = ""
    invert: bool = False


class RenderRecord(Frozen):
    """Everything needed to make the file again with the same checkpoint (known by its SHA-256)."""

    tool: str = "triscope"
    version: str = Field(default_factory=lambda: core_model.__version__)
    created: str = Field(default_factory=lambda: utc_now(), description="UTC, ISO 8601")
    checkpoint_sha256: str = ""
    family: str = ""
    request: RenderRequest
    display: tuple[DisplayRange, ...] = ()
    motion: str = Field(default="", description="camera path of a video, as the options that make it")
    shown: str = Field(
        default="", description="the channel that a picture or a video shows; empty = the request's first"
    )

    def display_of(self, channel: str) -> DisplayRange | None:
        """The colours of a scalar channel, where they were chosen."""
        return next((d for d in self.display if d.channel == channel), None)


def utc_now() -> str:
    """Time of making; SOURCE_DATE_EPOCH replaces it where builds must be repeatable."""
    epoch = whole(os.environ.get("SOURCE_DATE_EPOCH", ""), LAST_S)
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() if epoch is None else epoch))
