"""What an inversion is started with, and the command that it becomes. Pure but for the name that is free."""

from __future__ import annotations

import itertools
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from core_model.schema.checkpoint import CheckpointInfo
from core_model.schema.inversion import CPU_STEPS, PAPER_STEPS
from viewer.features.inversion.alignment import Alignment

KIND = "inversion"
CODE, FIGURE, PHOTO = "code.safetensors", "figure.png", "photo.png"
"""What `triscope invert` leaves in its run directory."""
Plan = Literal["auto", "paper", "own"]
TICK_STEPS, PICTURE_STEPS = 6, 24
"""Steps between losses and between pictures: closer than a run that nobody watches."""


@dataclass(frozen=True)
class InversionSettings:
    """plan: how many steps; latent_steps, tune_steps: where they are one's own. size: edge [pixels], 0 = automatic."""

    plan: Plan = "auto"
    latent_steps: int = CPU_STEPS[0]
    tune_steps: int = CPU_STEPS[1]
    size: int = 0
    space: Literal["w", "w+"] = "w"
    mask: Literal["none", "opacity"] = "none"

    def words(self) -> tuple[str, ...]:
        """Options of `triscope invert` that differ from its defaults."""
        steps = {"auto": None, "paper": PAPER_STEPS, "own": (self.latent_steps, self.tune_steps)}[self.plan]
        found = [] if steps is None else [f"--latent-steps={steps[0]}", f"--tune-steps={steps[1]}"]
        found += [f"--size={self.size}"] * bool(self.size)
        found += [f"--space={self.space}"] * (self.space != "w")
        found += [f"--mask={self.mask}"] * (self.mask != "none")
        return (*found, f"--tick-steps={TICK_STEPS}", f"--picture-steps={PICTURE_STEPS}")


def arguments(
    photo: str, info: CheckpointInfo, run: str, alignment: Alignment, settings: InversionSettings
) -> tuple[str, ...]:
    """The command of a new run."""
    return ("invert", photo, base_of(info), "--out", run, *alignment.words(), *settings.words())


def base_of(info: CheckpointInfo) -> str:
    """The checkpoint that is inverted into: of an inverted code its own."""
    return info.base_path or info.path


def why_not(info: CheckpointInfo | None, far: bool) -> str:
    """Why nothing can be inverted; "" where it can."""
    if info is None:
        return "Nothing is open"
    if far:
        return "The checkpoint lies on another machine: run `triscope invert` there"
    return "" if info.z_dim else "This checkpoint has no latent: open a generator"


def free_run(folder: Path, photo: str, taken: Collection[str]) -> Path:
    """A folder for the run of a photograph that does not exist yet, and that no task will make."""
    stem = Path(photo).stem or "photo"
    for i in itertools.count(1):
        path = folder / (f"{stem}-inverted" if i == 1 else f"{stem}-inverted-{i}")
        if str(path) not in taken and not path.exists():
            return path
    raise AssertionError
