"""What is wrong with a run now, apart from its curves."""

from __future__ import annotations

from viewer.runs import format as words
from viewer.runs.alarms import Alarm
from viewer.runs.reader import RunReader
from viewer.runs.states import this_host


def standing_alarms(run: RunReader) -> list[Alarm]:
    """What is wrong with a run now, apart from its curves: silence, a failure, a disk that will be full."""
    where = {"row": max(0, len(run.scalars) - 1), "images": run.images_done(), "step": run.scalars.step.last, "time": run.scalars.time.last}
    where = {k: 0.0 if v != v else v for k, v in where.items()}
    found = []
    if run.state == "stalled":
        found.append(Alarm("stalled", "bad", "No tick", "alive, but nothing was written for long", **where))  # type: ignore[arg-type]
    if run.state in ("failed", "lost"):
        record, job = run.record, run.job
        said = (
            (record.error if record else "")
            or (job.error if job else "")
            or run.logs["log.txt"].last_error()
            or run.logs["console.txt"].last_error()
        )
        last = said.strip().splitlines()[-1][:160] if said.strip() else "it left no message: see the log"
        title = "Run failed" if run.state == "failed" else "Process is gone"
        found.append(Alarm("failed", "bad", title, last, **where))  # type: ignore[arg-type]
    needed = run.bytes_needed()
    here = run.record is not None and run.record.host == this_host()
    if needed > run.disk_free and (here or run.record is None) and run.state in ("running", "paused", "stalled"):
        text = f"the rest of the run needs about {words.size(needed)}, {words.size(run.disk_free)} are free"
        found.append(Alarm("disk", "warn", "Disk will be full", text, **where))  # type: ignore[arg-type]
    return found
