"""The exact command line of a training: as arguments to start, as a dry run, and as text to copy."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path, PurePath

from core_model.schema.overrides import changed_paths
from core_model.schema.train import TrainConfig
from viewer.runs.job_record import MAIN, shell_join

__all__ = [
    "MAIN",
    "CommandLine",
    "as_typed",
    "forecast_words",
    "processes_for",
    "resume_arguments",
    "train_arguments",
]

OWN_WORDS = ("preset", "data.path", "version")
"""Fields that --preset and --data say."""


def train_arguments(
    tree: TrainConfig, preset: TrainConfig, data: PurePath, run: PurePath, device: str = "auto"
) -> tuple[str, ...]:
    """`train --preset … --data … --out … --field.path=value …`, with only the fields that differ from the
    preset.
    """
    changes = {path: text for path, text in changed_paths(tree, preset).items() if path not in OWN_WORDS}
    words = ["train", "--preset", preset.preset, "--data", str(data), "--out", str(run)]
    if device != "auto":
        words += ["--device", device]
    return (*words, *(f"--{path}={text}" for path, text in changes.items()))


def resume_arguments(run: Path, kind: str = "gan") -> tuple[str, ...]:
    """`train --out RUN --resume` (`fit …` for a fit): continues from the newest complete state with the run's
    settings.
    """
    return (kind if kind in ("fit", "invert") else "train", "--out", str(run.absolute()), "--resume")


@dataclass(frozen=True)
class CommandLine:
    """One training in three forms that always agree.

    arguments: the words after `triscope`. processes: those that torchrun starts, one per GPU; 1 = the trainer
    is started directly, and on the CPU starts one process per core itself.
    """

    arguments: tuple[str, ...]
    processes: int = 1

    def argv(self, python: str = sys.executable) -> tuple[str, ...]:
        """What is executed; torchrun uses one machine and a free port of the loopback interface."""
        if self.processes <= 1:
            return (python, "-m", MAIN, *self.arguments)
        launcher = (python, "-m", "torch.distributed.run", "--nnodes=1", f"--nproc-per-node={self.processes}")
        return (
            *launcher,
            "--rdzv-backend=c10d",
            "--rdzv-endpoint=localhost:0",
            "--max-restarts=0",
            "-m",
            MAIN,
            *self.arguments,
        )

    def typed(self) -> str:
        """The line that a person would type in a shell, quoted where it must be."""
        front = (
            ("triscope",)
            if self.processes <= 1
            else ("torchrun", f"--nproc-per-node={self.processes}", "-m", MAIN)
        )
        return shell_join((*front, *self.arguments))

    def dry(self, folder: Path | None) -> tuple[str, ...]:
        """Arguments that forecast this training, with as many processes; the chart goes into `folder`, None = nowhere."""
        words = list(self.arguments)
        at = words.index("--out")
        words[at : at + 2] = ["--out", str(folder)] if folder is not None else []
        return (*words, "--dry-run", *((f"--processes={self.processes}",) if self.processes > 1 else ()))


def processes_for(devices: tuple[str, ...]) -> int:
    """Processes to start from outside: one per GPU; on the CPU the trainer starts its own."""
    return max(1, sum(d != "cpu" for d in devices))


def as_typed(arguments: tuple[str, ...]) -> str:
    """The line of any command of triscope."""
    return CommandLine(arguments).typed()


def forecast_words(report: str) -> str:
    """The line of a dry run with the training time, and whether it was measured or estimated."""
    return next(
        (line.removeprefix("time").strip() for line in report.splitlines() if line.startswith("time ")), ""
    )
