"""Runs of the EG3D family as their trainers wrote them: `training_options.json`, `metric-*.jsonl`; states
from silence.
"""

from __future__ import annotations

import re
from typing import Any

from viewer.runs.job_record import ShownState
from viewer.runs.states import STALL_FLOOR_S, STALL_TICKS

OPTIONS_FILE = "training_options.json"
_NUMBER = re.compile(r"(\d{3,})")
_PATCHED = re.compile(r"^metric-(.+)\.jsonl$")


def metric_of(file_name: str) -> str:
    """ "metric-fid50k_full.jsonl" → "fid50k_full"; "" for another file."""
    found = _PATCHED.match(file_name)
    return found[1] if found else ""


def metric_row(line: dict[str, Any]) -> dict[str, Any]:
    """One line of a metric file as a plain row: kimg from the snapshot's name, time, one value per name."""
    row: dict[str, Any] = {}
    results = line.get("results")
    if isinstance(results, dict):
        row |= {str(k): v for k, v in results.items() if isinstance(v, int | float)}
    found = _NUMBER.findall(str(line.get("snapshot_pkl") or ""))
    if found:
        row["kimg"] = int(found[-1])
    if isinstance(line.get("timestamp"), int | float):
        row["timestamp"] = line["timestamp"]
    return row


def total_images(options: dict[str, Any]) -> float:
    """Images that the run was asked for; 0 where it does not say."""
    kimg = options.get("total_kimg") or _at(options, "training", "kimg")
    return float(kimg) * 1e3 if isinstance(kimg, int | float) else 0.0


def data_path(options: dict[str, Any]) -> str:
    found = _at(options, "training_set_kwargs", "path") or _at(options, "dataset", "path")
    return str(found or "")


def facts(options: dict[str, Any]) -> list[tuple[str, str]]:
    """(label, text) of what the options say, in reading order."""
    rows = [
        ("Data", data_path(options)),
        ("Images", _at(options, "training_set_kwargs", "max_size")),
        ("Resolution", _at(options, "training_set_kwargs", "resolution")),
        ("Mirrored", _at(options, "training_set_kwargs", "xflip")),
        ("Batch", options.get("batch_size")),
        ("GPUs", options.get("num_gpus")),
        ("R1 gamma", _at(options, "loss_kwargs", "r1_gamma")),
        ("Learning rate G", _at(options, "G_opt_kwargs", "lr")),
        ("Learning rate D", _at(options, "D_opt_kwargs", "lr")),
        ("ADA target", options.get("ada_target")),
        ("Resumed from", options.get("resume_pkl")),
        ("Seed", options.get("random_seed")),
    ]
    return [(label, str(value)) for label, value in rows if value not in (None, "", [])]


def state_of(images: float, wanted: float, quiet_s: float, tick_s: float, said_exit: bool) -> ShownState:
    """State of a foreign run, which leaves no state file: judged by what it has written and how long it has
    been silent.

    quiet_s: seconds since anything was written; tick_s: usual seconds between ticks (nan: unknown).
    """
    if said_exit or (wanted > 0 and images >= 0.999 * wanted):
        return "done"
    limit = max(STALL_FLOOR_S, STALL_TICKS * tick_s) if tick_s == tick_s else STALL_FLOOR_S
    if quiet_s <= limit:
        return "running"
    return "stalled" if quiet_s <= 20 * limit else "lost"


def _at(tree: Any, *names: str) -> Any:
    for name in names:
        if not isinstance(tree, dict):
            return None
        tree = tree.get(name)
    return tree
