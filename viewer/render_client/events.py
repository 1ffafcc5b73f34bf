"""What the render client tells the window: events from `poll()`, and a record for the status bar."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from core_model.schema.baked import BakedArrays, BakedSpec
from core_model.schema.checkpoint import CheckpointInfo
from core_model.schema.inspect import RayReport
from core_model.schema.render import ErrorInfo, RenderResult


@dataclass(frozen=True)
class Opened:
    """A checkpoint is open in the worker.

    `again` = after a restart, of a checkpoint that was already announced. number: what `open` returned.
    """

    info: CheckpointInfo
    again: bool = False
    number: int = 0


@dataclass(frozen=True)
class OpenFailed:
    """A checkpoint could not be opened; what was open before stays open. number: what `open` returned."""

    path: str
    error: ErrorInfo
    number: int = 0


@dataclass(frozen=True, eq=False)
class FrameReady:
    """A render is done. `result.error` is set (and `arrays` is empty) when it failed.

    Keep the last good frame then.

    arrays: channel name → float32 [H, W] or [3, H, W], own memory (not the ring's), read-only; NaN = no
    value.
    """

    result: RenderResult
    arrays: dict[str, np.ndarray] = field(default_factory=dict)


@dataclass(frozen=True)
class Inspected:
    """The ray report that `inspect` asked for under `number`."""

    report: RayReport
    number: int = 0


@dataclass(frozen=True)
class InspectFailed:
    error: ErrorInfo
    number: int = 0


@dataclass(frozen=True, eq=False)
class Answered:
    """What `ask` asked under `number`: plain values, and read-only float32 arrays by name."""

    number: int
    values: dict[str, Any] = field(default_factory=dict)
    arrays: dict[str, np.ndarray] = field(default_factory=dict)


@dataclass(frozen=True)
class AnswerFailed:
    """The question of `number` has no answer."""

    error: ErrorInfo
    number: int = 0


@dataclass(frozen=True, eq=False)
class BakedReady:
    """The volume that `bake` asked for under `number`; read-only arrays, own memory."""

    spec: BakedSpec
    arrays: BakedArrays
    number: int = 0


@dataclass(frozen=True)
class BakeFailed:
    """There is no volume for the wish of `number`; it is not tried again by itself."""

    error: ErrorInfo
    number: int = 0


@dataclass(frozen=True)
class RaySaved:
    """The file that `save_ray` asked for is written, or `error` says why not."""

    path: str
    error: ErrorInfo | None = None


@dataclass(frozen=True)
class WorkerStarted:
    """The worker process is up, has built its session and takes work. far: the command that leads to it; "" = here."""

    pid: int
    restarts: int = 0
    far: str = ""


@dataclass(frozen=True)
class WorkerDied:
    """The worker process ended without being asked.

    final = it is not restarted any more (call `restart()`). far: the command that led to it, "" = it ran here; then the
    line may have broken, and `again_s` seconds later it is tried again.
    """

    reason: str
    exitcode: int | None
    final: bool = False
    far: str = ""
    again_s: float = 0.0


Event = (
    Opened
    | OpenFailed
    | FrameReady
    | Inspected
    | InspectFailed
    | Answered
    | AnswerFailed
    | BakedReady
    | BakeFailed
    | RaySaved
    | WorkerStarted
    | WorkerDied
)


@dataclass(frozen=True)
class LineStatus:
    """The line to a far worker: shortest round trip [ms], what it carries [bytes per second], bytes so far, bytes of the last
    picture, pictures per second over the last second, and how moving pictures are coded.
    """

    round_trip_ms: float = 0.0
    rate: float = 0.0
    bytes_in: int = 0
    bytes_out: int = 0
    picture_bytes: int = 0
    pictures_per_s: float = 0.0
    coding: str = ""


@dataclass(frozen=True)
class WorkerStatus:
    """The worker at a glance, read from shared memory: cheap enough for every GUI frame.

    memory_bytes: resident set; stage, fraction [0, 1]: what it works on ("" = idle), kind: of that work
        (mailbox.WORK_KINDS);
    started_s: seconds from spawn until it took work (0 while it starts).
    far: the command that leads to it, "" = it runs here; line: how that line does, None before it stands.
    """

    alive: bool = False
    pid: int = 0
    restarts: int = 0
    device: str = ""
    memory_bytes: int = 0
    stage: str = ""
    fraction: float = 0.0
    busy: bool = False
    kind: str = ""
    started_s: float = 0.0
    far: str = ""
    line: LineStatus | None = None
