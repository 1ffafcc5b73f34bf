"""Questions about runs on the far machine and their answers, as they cross the line inside `ToDesk` and `FromDesk`.

Everything is bounded, and every name of a file is a bare one: what a far machine says is shown, and joined to paths of
that machine only.
"""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field, StringConstraints

from core_model.schema.frozen import Frozen
from core_model.schema.run import Action, RunRecord
from viewer.runs.job_record import JobRecord, ShownState

MOST_FILES = 50_000
"""Files of one folder that are told of, the newest ones."""
MOST_BYTES = 4 << 20
"""Of files, in one answer."""

FarText = Annotated[str, StringConstraints(max_length=4096)]
FileName = Annotated[str, StringConstraints(max_length=255, pattern=r"^[^/\\\x00-\x1f]+$")]
Count = Annotated[int, Field(ge=0, le=1 << 63)]
Word = Annotated[str, StringConstraints(max_length=200)]
Folders = Annotated[tuple[FarText, ...], Field(max_length=64)]
Mark = tuple[
    FileName, Count, Count, Annotated[int, Field(ge=0, lt=1 << 64)], Annotated[int, Field(ge=0, lt=1 << 64)]
]
"""name, size, time of change (ns), device, inode: see `FileMark`."""


class Done(Frozen):
    """Nothing more to say."""


# Lists


class SeenRow(Frozen):
    """See `RunRow`. glance: state, images, images asked for, begun."""

    path: FarText
    folder: FarText
    state: ShownState | None = None
    job: JobRecord | None = None
    record: RunRecord | None = None
    place: Count = 0
    glance: tuple[ShownState | None, float, float, float] | None = None


class SeenWaiting(Frozen):
    """See `Waiting`."""

    run: FarText
    devices: Annotated[tuple[Word, ...], Field(max_length=256)] = ()
    running: bool = False
    before: Count = 0
    up: bool = False
    down: bool = False


class SeenRuns(Frozen):
    """turn: number of this answer. order: paths of all rows. rows: those that changed since the answer asked about."""

    turn: Count
    order: Annotated[tuple[FarText, ...], Field(max_length=40_000)] = ()
    rows: Annotated[tuple[SeenRow, ...], Field(max_length=40_000)] = ()
    faults: Annotated[dict[FarText, FarText], Field(max_length=64)] = {}
    queue: Annotated[tuple[SeenWaiting, ...], Field(max_length=1000)] = ()


class ListRuns(Frozen):
    """since: turn of the last answer that was understood; 0 = tell everything."""

    ANSWER: ClassVar = SeenRuns
    folders: Folders
    since: Count = 0


# Files


class SeenFolder(Frozen):
    """digest: of `files`; None where they are those of the digest asked with, or the folder cannot be read."""

    digest: Annotated[str, StringConstraints(max_length=64)] = ""
    files: Annotated[tuple[Mark, ...], Field(max_length=MOST_FILES)] | None = None


class SeenRun(Frozen):
    """RUN, RUN/images and RUN/snapshots. free: bytes, −1 = unknown; now: clock there; state: None for a foreign run."""

    folders: Annotated[tuple[SeenFolder, ...], Field(min_length=3, max_length=3)]
    free: float
    now: float
    state: ShownState | None = None


class LookAtRun(Frozen):
    """known: digests of what was told of the three folders last. last_written, tick_s: see `judge`; tick_s −1 = unknown."""

    ANSWER: ClassVar = SeenRun
    run: FarText
    known: Annotated[tuple[Word, ...], Field(min_length=3, max_length=3)] = ("", "", "")
    last_written: float = 0.0
    tick_s: float = -1.0


class SeenParts(Frozen):
    """Bytes are in the blob, one range after the other. packed: by zstd."""

    mark: Mark
    lengths: Annotated[tuple[Annotated[int, Field(ge=0, le=MOST_BYTES)], ...], Field(max_length=8)]
    packed: bool = False


class ReadParts(Frozen):
    """ranges: offset and most bytes of each."""

    ANSWER: ClassVar = SeenParts
    path: FarText
    ranges: Annotated[
        tuple[tuple[Count, Annotated[int, Field(ge=0, le=MOST_BYTES)]], ...],
        Field(min_length=1, max_length=8),
    ]


# The machine


class SeenGpu(Frozen):
    index: Count
    name: Word
    load: float
    memory_used: float
    memory_total: float
    temperature: float
    power: float
    power_limit: float


class SeenHost(Frozen):
    """See `HostSample`."""

    time: float
    cpu: float
    cores: Annotated[int, Field(ge=1, le=1 << 20)]
    load1: float
    ram_used: float
    ram_total: float
    disk_free: float
    disk_total: float
    gpus: Annotated[tuple[SeenGpu, ...], Field(max_length=64)] = ()
    why_no_gpu: FarText = ""


class SampleHost(Frozen):
    """disk: a path on the disk that counts."""

    ANSWER: ClassVar = SeenHost
    disk: FarText = "~"


class SeenFacts(Frozen):
    """See `DeskFacts`."""

    folder: FarText
    backends: Annotated[tuple[tuple[Word, FarText], ...], Field(max_length=16)]


class AskFacts(Frozen):
    ANSWER: ClassVar = SeenFacts


class SeenData(Frozen):
    """See `DataLook`."""

    path: FarText
    pictures: Count = 0
    size: tuple[Count, Count] = (0, 0)
    labelled: Count = 0
    bytes: Count = 0
    fault: FarText = ""


class LookAtData(Frozen):
    ANSWER: ClassVar = SeenData
    path: FarText


class SeenPath(Frozen):
    """is_run: a run that has begun lies there."""

    path: FarText
    is_run: bool = False


class KnownData(Frozen):
    """A data set to begin with; an empty path = none."""

    ANSWER: ClassVar = SeenPath
    runs: Annotated[tuple[FarText, ...], Field(max_length=64)] = ()


class FreeName(Frozen):
    ANSWER: ClassVar = SeenPath
    folder: FarText
    stem: FileName


class IsRun(Frozen):
    ANSWER: ClassVar = SeenPath
    path: FarText


# Jobs


class AskedResources(Frozen):
    """See `Resources`."""

    devices: Annotated[tuple[Word, ...], Field(max_length=64)] = ()
    gpus: Annotated[int, Field(ge=0, le=4096)] = 0
    cpus: Annotated[int, Field(ge=0, le=65536)] = 0
    memory_mb: Count = 0
    hours: Annotated[float, Field(ge=0.0, le=1e6)] = 0.0
    partition: Word = ""
    account: Word = ""
    options: Annotated[tuple[FarText, ...], Field(max_length=64)] = ()


class StartRun(Frozen):
    """words: those after `triscope`, beginning with `train` or `fit`; paths in them are of that machine."""

    ANSWER: ClassVar = Done
    run: FarText
    words: Annotated[tuple[FarText, ...], Field(min_length=1, max_length=2000)]
    processes: Annotated[int, Field(ge=1, le=64)] = 1
    backend: Word = "local"
    resources: AskedResources = AskedResources()


class ResumeRun(Frozen):
    ANSWER: ClassVar = Done
    run: FarText
    backend: Word = "local"
    resources: AskedResources | None = None


class SeenWish(Frozen):
    """See `ControlRequest`; `stop` and `kill` leave no request."""

    id: Word = ""
    time: float = 0.0


class SteerRun(Frozen):
    """action: as the trainer's control file knows it; kill: end its processes; stop of a job that waits: out of its queue."""

    ANSWER: ClassVar = SeenWish
    run: FarText
    action: Action
    leave: bool = False
    kill: bool = False


class MoveRun(Frozen):
    """Change places in the queue."""

    ANSWER: ClassVar = Done
    run: FarText
    earlier: bool


DeskQuestion = (
    ListRuns | LookAtRun | ReadParts | SampleHost | AskFacts | LookAtData | KnownData | FreeName | IsRun | StartRun | ResumeRun
    | SteerRun | MoveRun
)  # fmt: skip
DESK: dict[str, type[DeskQuestion]] = {
    one.__name__: one
    for one in (
        ListRuns, LookAtRun, ReadParts, SampleHost, AskFacts, LookAtData, KnownData, FreeName, IsRun, StartRun, ResumeRun, SteerRun,
        MoveRun,
    )
}  # fmt: skip
