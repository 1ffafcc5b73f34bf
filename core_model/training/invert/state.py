"""Resume state of an inversion: which stage, how far, and everything that its next step depends on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from core_model.inversion.stages import LatentStage, TuneStage, fill
from core_model.schema.whole import whole
from core_model.training.common.state import adam_tensors, fill_adam, read_state, unreadable, write_state

_COMMAND = "triscope invert"


@dataclass(frozen=True)
class SavedState:
    """stage: latent or tuning, of which `step` steps are done."""

    stage: str
    step: int
    tensors: dict[str, Tensor]


def save(path: Path, stage: LatentStage | TuneStage) -> None:
    tensors = dict(stage.tensors()) | adam_tensors(stage.optimiser, "adam/")
    write_state(path, tensors, {"stage": stage.name, "step": str(stage.step)})


def load(path: Path) -> SavedState:
    """Raises InputError for a file that is no such state."""
    told, tensors = read_state(path, _COMMAND)
    step = whole(told.get("step", ""))
    if told.get("stage") not in ("latent", "tuning") or step is None:
        raise unreadable(path, _COMMAND, "no stage and step")
    return SavedState(told["stage"], step, tensors)


def put(saved: SavedState, stage: LatentStage | TuneStage) -> None:
    """Fill a stage from its saved state."""
    if isinstance(stage, TuneStage) and "hold/values" not in saved.tensors:
        stage.hold = (
            None  # a run of an earlier build goes on as it began: no shape was remembered at its pivot
        )
    fill(stage.tensors(), saved.tensors)
    fill_adam(stage.optimiser, saved.tensors, "adam/")
    stage.step = saved.step
