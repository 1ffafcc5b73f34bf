"""Heads per second of `triscope data heads` at 256² on all usable cores, with everything known of them."""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

from benchmarks.running import Findings, Settings, run_script
from core_model.data.heads_dataset import write_heads_dataset
from core_model.ops.cores import usable_cores
from core_model.schema.bench import measure

AIM = 4.0
SIZE = 256


def body(settings: Settings) -> Findings:
    """Images per second after the processes have started and met most parts of the pack."""
    count, warm = (12, 4) if settings.quick else (160, 60)
    moments: list[float] = []
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        write_heads_dataset(
            Path(folder) / "heads.zip",
            count,
            SIZE,
            workers=usable_cores(),
            progress=lambda done, _: moments.append(time.monotonic()),
        )
        megabytes = (Path(folder) / "heads.zip").stat().st_size / 1e6
    rate = (count - warm) / (moments[-1] - moments[warm - 1])
    note = f"{count} heads, {usable_cores()} processes; whole set with the start of the processes {moments[-1] - started:.0f} s"
    return Findings(
        (
            measure(
                "heads_per_second",
                "heads made, 256², with truth",
                "images/s",
                rate,
                better="higher",
                aim=AIM,
                note=note,
            ),
        ),
        {"megabytes": megabytes, "count": count},
    )


if __name__ == "__main__":
    sys.exit(run_script("heads_data", "Data set of heads", body))
