"""Start-up times of the window for `triscope bench`."""

from __future__ import annotations

import json
import os
import time


class StartTrace:
    """Start-up times for `triscope bench`: one JSON line when TRISCOPE_TRACE_START is set."""

    def __init__(self) -> None:
        self._on = bool(os.environ.get("TRISCOPE_TRACE_START"))
        self._frame_ms = 0.0
        self.done = not self._on

    def first_frame(self) -> None:
        if self._on:
            self._frame_ms = _process_age_ms()

    def first_picture(self) -> None:
        if self.done:
            return
        self.done = True
        line = {"first_frame_ms": round(self._frame_ms, 1), "first_picture_ms": round(_process_age_ms(), 1)}
        print(json.dumps(line), flush=True)


def _process_age_ms() -> float:
    import psutil

    return 1000.0 * (time.time() - psutil.Process().create_time())
