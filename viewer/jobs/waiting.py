"""Who waits for which device: the queue of this machine, read from the tickets of its keepers."""

from __future__ import annotations

import json
import os
from pathlib import Path

from viewer.jobs import keeper
from viewer.state.config_dir import config_dir


def queue_folder() -> Path:
    """Where the keepers of this user leave their tickets."""
    return Path(os.environ.get(keeper.QUEUE_VARIABLE) or config_dir() / "queue")


def places(folder: Path | None = None) -> dict[str, int]:
    """Run directory → how many jobs it waits for, directly or not (1 = the next one); those that run already are left out."""
    folder = folder or queue_folder()
    tickets: list[tuple[set[str], str]] = []
    found: dict[str, int] = {}
    for path in sorted(folder.glob("*.json")) if folder.is_dir() else ():
        try:
            ticket = json.loads(path.read_text(encoding="utf-8"))
            alive = abs(keeper.started_at(int(ticket["pid"])) - float(ticket["started"])) < keeper.START_TOLERANCE_S
            devices, run = set(ticket["devices"]), str(ticket["run"])
        except (OSError, ValueError, KeyError, TypeError):
            continue
        if not alive:
            continue
        before = sum(1 for earlier, _ in tickets if earlier & devices)
        if before:
            found[run] = before
        tickets.append((devices, run))
    return found
