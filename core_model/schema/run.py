"""The records of a run directory.

State of a run, one tick, one evaluation, a request to the trainer (design, section 4).
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from core_model.schema.frozen import Frozen

RUN_VERSION = 1
RunState = Literal["starting", "running", "paused", "stopped", "killed", "finished", "failed"]
Action = Literal["stop", "pause", "continue", "snapshot"]


class TickRecord(Frozen):
    """One line of stats.jsonl: means since the line before.

    losses: loss/G, loss/D, r1, logits/real, logits/fake, sign/real, surface, sampler, decision, beta, grad/G,
        grad/D, opacity …
    schedule: values of the schedule at this moment. speed: images_s, ms by phase. memory: MiB.
    """

    step: int
    images: int = Field(description="images that the discriminator has seen; of a fit, heads that were shown")
    kimg: float
    wall_s: float = Field(description="training time since the start, over all resumes, seconds")
    time: float = Field(description="seconds since 1970")
    stage: str = Field(default="", description="stage of a fit: mapping, generator or proposal")
    losses: dict[str, float] = Field(default_factory=dict)
    schedule: dict[str, float] = Field(default_factory=dict)
    speed: dict[str, float] = Field(default_factory=dict)
    memory: dict[str, float] = Field(default_factory=dict)
    augment_p: float = 0.0
    bad_steps: int = Field(
        default=0, description="steps since the start that were skipped because of NaN or infinite gradients"
    )


class MetricRecord(Frozen):
    """One line of metrics.jsonl: one evaluation."""

    step: int
    images: int
    kimg: float
    time: float
    snapshot: str = Field(default="", description="file below RUN that was measured")
    scores: dict[str, float] = Field(
        default_factory=dict, description="smaller is better unless the name says otherwise"
    )
    seconds: float = 0.0


class RunRecord(Frozen):
    """run.json, replaced as a whole whenever something changes."""

    version: Literal[1] = RUN_VERSION
    id: str
    state: RunState = "starting"
    kind: Literal["gan", "fit", "invert"] = "gan"
    preset: str = ""
    host: str = ""
    pid: int = 0
    process_started: float = Field(
        default=0.0,
        description="start of the process, seconds of a clock of its machine: a reused pid has another",
    )
    world_size: int = 1
    device: str = ""
    command: tuple[str, ...] = Field(default=(), description="what was executed, interpreter first")
    cwd: str = Field(default="", description="folder in which it was executed")
    code_version: str = ""
    torch_version: str = ""
    started: float = Field(default=0.0, description="first start of the run, seconds since 1970")
    updated: float = 0.0
    resumes: int = 0
    step: int = 0
    images: int = 0
    images_total: int = 0
    wall_s: float = 0.0
    last_tick: TickRecord | None = None
    best: dict[str, float] = Field(default_factory=dict, description="smallest value of each metric")
    best_snapshot: dict[str, str] = Field(default_factory=dict, description="snapshot of each smallest value")
    last_snapshot: str = Field(default="", description="newest checkpoint below RUN")
    last_control: str = Field(default="", description="id of the newest request that was carried out")
    error: str = Field(default="", description="what ended a failed run")
    ended_by: str = Field(default="", description="who killed it: user on host")


class ControlRequest(Frozen):
    """control.json: what somebody wants of the trainer.

    A new id is a new request; the trainer answers in run.json's last_control.
    """

    id: str = Field(min_length=1, max_length=200)
    action: Action
    time: float = Field(default=0.0, description="seconds since 1970")
