"""The parts of a batch: `python batch_part.py DIR` runs those of one task of a job array (SLURM_ARRAY_TASK_ID)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

if (
    __name__ == "__main__"
):  # run as a script: import from the folder of the packages, not from this file's own
    sys.path[0] = str(Path(__file__).resolve().parents[2])

from core_model.schema.atomic import write_json
from core_model.schema.processes import start_tied

TASK_VARIABLE = "SLURM_ARRAY_TASK_ID"
MAIN = "core_model.cli.main"
_TAIL = 4000
_running: set["subprocess.Popen[bytes]"] = set()
_lock = threading.Lock()
_ending = False


def run(folder: Path, number: int) -> int:
    """Run one part; its record is written when it has ended. Returns its exit status."""
    batch = json.loads((folder / "batch.json").read_text(encoding="utf-8"))
    value = batch["values"][number]
    words = [word.replace("{}", value) for word in batch["words"]]
    # The parts of a batch read one clean log each: no JSON of whoever watches the batch.
    environment = {k: v for k, v in os.environ.items() if k != "TRISCOPE_PROGRESS"}
    began = time.time()
    with (folder / "logs" / f"{number}.txt").open("wb") as log:
        with _lock:
            if _ending:
                return 130
            child = start_tied(
                [sys.executable, "-m", MAIN, *words],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=batch["cwd"],
            )
            _running.add(child)
        status = child.wait()
    with _lock:
        _running.discard(child)
    if not _ending:
        seconds = round(time.time() - began, 3)
        write_json(
            folder / "parts" / f"{number}.json", {"value": value, "status": status, "seconds": seconds}
        )
    return status


def end_all() -> None:
    """End the parts that run in this process; nothing is recorded of them."""
    global _ending
    with _lock:
        _ending = True
        children = list(_running)
    for child in children:
        child.terminate()
    for child in children:
        try:
            child.wait(10.0)
        except subprocess.TimeoutExpired:
            child.kill()
    _ending = False


def status_of(folder: Path, number: int) -> int | None:
    """Exit status of a part; None where it has not ended."""
    try:
        return int(json.loads((folder / "parts" / f"{number}.json").read_bytes())["status"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def last_line(folder: Path, number: int) -> str:
    """The last words of a part."""
    try:
        text = (folder / "logs" / f"{number}.txt").read_bytes()[-_TAIL:].decode(errors="replace")
    except OSError:
        return ""
    lines = ["".join(c for c in line if c.isprintable()).strip() for line in text.splitlines()]
    return next((line for line in reversed(lines) if line), "")[:300]


def main(folder: Path) -> int:
    """Run the parts of this task one after the other; 1 where one failed."""
    batch = json.loads((folder / "batch.json").read_text(encoding="utf-8"))
    own = batch["todo"][int(os.environ[TASK_VARIABLE]) :: batch["tasks"]]
    statuses = [run(folder, number) for number in own]
    return int(any(statuses))


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
