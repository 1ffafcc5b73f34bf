"""Which checkpoint a person means by a name, a file or a run folder."""

from __future__ import annotations

import difflib
import re
from pathlib import Path

from core_model.schema.assets import demo_checkpoint
from core_model.schema.errors import InputError
from core_model.schema.home import expanded
from core_model.schema.whole import whole

ANALYTIC_PREFIX = "analytic:"
FALLBACK = "analytic:sphere"
_FOREIGN = re.compile(r"network-snapshot-(\d+)\.pkl", re.ASCII)


def default_checkpoint() -> str:
    """What opens when nothing is named: the demo, or the analytic sphere where the demo file is missing."""
    return demo_checkpoint() or FALLBACK


def resolve(name: str) -> str:
    """The checkpoint that a person means.

    `demo`, `analytic:*`, a file, or a run folder (newest snapshot): one of triscope's, or one of EG3D,
    EpiGRAF or Mimic3D (network-snapshot-KIMG.pkl). Raises InputError when nothing is there; the error names
    the nearest file of the same folder.
    """
    if name.startswith(ANALYTIC_PREFIX):
        return name
    if name == "demo":
        return default_checkpoint()
    path = expanded(name)
    try:
        if path.is_dir():
            return str(newest_snapshot(path))
        if path.exists():
            return str(path)
        siblings = [p.name for p in path.parent.iterdir()] if path.parent.is_dir() else []
    except (OSError, ValueError) as error:
        raise InputError(what="cannot look for the checkpoint", where=name, got=str(error)) from None
    near = difflib.get_close_matches(path.name, siblings, n=1)
    hint = f"nothing; did you mean {path.parent / near[0]}?" if near else "nothing"
    raise InputError(
        what="checkpoint not found",
        where=name,
        got=hint,
        expected="a .safetensors or .pkl file, a run folder, `demo` or `analytic:NAME`",
    )


def newest_snapshot(run: Path) -> Path:
    """The snapshot of a run folder with the largest number.

    RUN/snapshots/NNNNNN.safetensors, else RUN/network-snapshot-KIMG.pkl. A folder of triscope's own snapshots
    is preferred to foreign files beside it. Raises InputError where there is neither.
    """
    folder = run / "snapshots" if (run / "snapshots").is_dir() else run
    found = [p for p in folder.glob("*.safetensors") if p.is_file() and not p.name.startswith(".")]
    if not found:
        found = [
            p
            for place in dict.fromkeys((run, folder))
            for p in place.glob("*.pkl")
            if _FOREIGN.fullmatch(p.name) and p.is_file()
        ]
    if not found:
        raise InputError(
            what="no snapshot in the folder",
            where=str(run),
            expected="snapshots/*.safetensors or network-snapshot-*.pkl",
            got="no such file",
        )
    return max(found, key=lambda p: (_number(p), p.stat().st_mtime, p.name))


def _number(path: Path) -> int:
    foreign = _FOREIGN.fullmatch(path.name)
    digits = foreign[1] if foreign else path.stem
    number = whole(digits)
    return -1 if number is None else number
