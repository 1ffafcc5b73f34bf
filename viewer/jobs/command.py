"""The exact command line of a training: as arguments to start, and as text to read, copy and type."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

from core_model.schema.overrides import changed_paths
from core_model.schema.train import TrainConfig

MAIN = "core_model.cli.main"
OWN_WORDS = ("preset", "data.path", "version")
"""Fields that --preset and --data say."""


def train_arguments(tree: TrainConfig, preset: TrainConfig, data: Path, run: Path, device: str = "auto") -> tuple[str, ...]:
    """`train --preset … --data … --out … --field.path=value …`: only what differs from the preset is written."""
    changes = {path: text for path, text in changed_paths(tree, preset).items() if path not in OWN_WORDS}
    words = ["train", "--preset", preset.preset, "--data", str(data.absolute()), "--out", str(run.absolute())]
    if device != "auto":
        words += ["--device", device]
    return (*words, *(f"--{path}={text}" for path, text in changes.items()))


def resume_arguments(run: Path, device: str = "auto") -> tuple[str, ...]:
    """`train --out RUN --resume`: the run goes on from its newest complete state with its own settings."""
    return ("train", "--out", str(run.absolute()), "--resume", *(("--device", device) if device != "auto" else ()))


def launch(arguments: tuple[str, ...], processes: int = 1, python: str = sys.executable) -> tuple[str, ...]:
    """What is executed: torchrun (one machine, a free port of the loopback interface) around the command line."""
    launcher = (python, "-m", "torch.distributed.run", "--nnodes=1", f"--nproc-per-node={max(1, processes)}")
    return (*launcher, "--rdzv-backend=c10d", "--rdzv-endpoint=localhost:0", "--max-restarts=0", "-m", MAIN, *arguments)


def processes_for(devices: tuple[str, ...]) -> int:
    """One process a GPU; one on the CPU."""
    return max(1, sum(d.startswith("cuda") for d in devices))


def as_typed(arguments: tuple[str, ...], processes: int = 1) -> str:
    """The line that a person would type in a shell, quoted where it must be."""
    front = ("triscope",) if processes <= 1 else ("torchrun", f"--nproc-per-node={processes}", "-m", MAIN)
    return shlex.join((*front, *arguments))
