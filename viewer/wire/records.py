"""Every record that crosses the line, to the worker (`To…`) and from it (`From…`).

Pydantic checks each field; unknown keys are refused. Arrays travel as blobs beside the record, and `ArrayHead` says
what each of them is. Paths in these records are the far machine's, but for names of files that are written here, which
are bare names.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints, TypeAdapter

from core_model.schema.baked import BakedSpec
from core_model.schema.checkpoint import CheckpointInfo
from core_model.schema.far import FarCommand
from core_model.schema.frozen import Frozen
from core_model.schema.inspect import RayReport
from core_model.schema.question import (
    DescribeQuestion,
    DirectionsQuestion,
    LatentQuestion,
    PictureQuestion,
    Question,
)
from core_model.schema.question_bake import BakeQuestion
from core_model.schema.question_folder import FolderQuestion
from core_model.schema.question_layers import LayerQuestion, LayersQuestion, LayerValuesQuestion
from core_model.schema.question_mesh import FieldHistogramQuestion, MeshForecastQuestion, MeshPreviewQuestion
from core_model.schema.question_photo import FacesQuestion, PhotoQuestion
from core_model.schema.question_planes import PlanesQuestion, SectionQuestion
from core_model.schema.question_volume import RayVolumeQuestion
from core_model.schema.render import ErrorInfo, RenderRequest, RenderResult
from viewer.wire.faults import WireError

QUESTIONS: dict[str, type[Question]] = {
    one.__name__: one
    for one in (
        LatentQuestion, PictureQuestion, DescribeQuestion, DirectionsQuestion, BakeQuestion, FacesQuestion, FieldHistogramQuestion,
        FolderQuestion, MeshForecastQuestion, MeshPreviewQuestion, PhotoQuestion, PlanesQuestion, SectionQuestion, RayVolumeQuestion,
        LayersQuestion, LayerQuestion, LayerValuesQuestion,
    )
}  # fmt: skip

Number = Annotated[int, Field(ge=0, le=2**62)]
Path = Annotated[str, StringConstraints(max_length=4096)]
Text = Annotated[str, StringConstraints(max_length=64_000)]
Name = Annotated[str, StringConstraints(max_length=255, pattern=r"^[^./\\\x00-\x1f:][^/\\\x00-\x1f:]*$")]
"""A bare file name: no folder, no drive, no hidden file."""
Digest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Size = Annotated[int, Field(ge=0, le=1 << 44)]


class ArrayHead(Frozen):
    """One array in a blob. how: see `viewer.wire.arrays`; values: extremes that 0 … 255 stand for (lossy)."""

    name: Annotated[str, StringConstraints(max_length=64)]
    dtype: Literal["float32", "float16", "float64", "uint8", "uint16", "uint32", "int32", "int64", "bool"]
    shape: Annotated[tuple[Annotated[int, Field(ge=0, le=1 << 31)], ...], Field(max_length=6)]
    how: Literal["raw", "zstd", "shuffle", "delta", "jpeg", "webp"]
    values: tuple[float, float] = (0.0, 1.0)
    scale: Annotated[int, Field(ge=1, le=8)] = 1
    masked: bool = False


# To the worker


class ToStart(Frozen):
    """Build the session."""

    kind: Literal["start"] = "start"
    device: Annotated[str, StringConstraints(max_length=64)] = "auto"
    cache_bytes: Size | None = None
    threads: Annotated[int, Field(ge=1, le=4096)] | None = None


class ToPicture(Frozen):
    kind: Literal["picture"] = "picture"
    number: Number
    request: RenderRequest


class ToInspect(Frozen):
    kind: Literal["inspect"] = "inspect"
    number: Number
    request: RenderRequest
    x: Number
    y: Number


class ToAsk(Frozen):
    """question: name of its class and its JSON; none = the one before is not wanted any more."""

    kind: Literal["ask"] = "ask"
    number: Number
    name: Annotated[str, StringConstraints(max_length=64)] = ""
    question: Annotated[str, StringConstraints(max_length=8 << 20)] = ""


class ToBake(Frozen):
    kind: Literal["bake"] = "bake"
    number: Number
    question: BakeQuestion | None = None


class ToOpen(Frozen):
    kind: Literal["open"] = "open"
    number: Number
    path: Path


class ToClose(Frozen):
    kind: Literal["close"] = "close"
    path: Path


class ToSaveRay(Frozen):
    """The file comes back as a blob; its suffix says which kind."""

    kind: Literal["save"] = "save"
    number: Number
    request: RenderRequest
    x: Number
    y: Number
    suffix: Literal[".json", ".csv", ".png"]


class ToConfigure(Frozen):
    kind: Literal["configure"] = "configure"
    number: Number
    device: Annotated[str, StringConstraints(max_length=64)] = "auto"
    cache_bytes: Size | None = None
    threads: Annotated[int, Field(ge=1, le=4096)] | None = None


class ToCancel(Frozen):
    """Work of a lower number is not wanted any more."""

    kind: Literal["cancel"] = "cancel"
    below: Number


class ToStop(Frozen):
    kind: Literal["stop"] = "stop"


class Argument(Frozen):
    """One word of a command. file: SHA-256 of a file that was sent; out: name of a file that comes back, shown: how the
    person wrote it; else text.
    """

    text: Text = ""
    file: Digest | None = None
    out: Name | None = None
    shown: Path = ""


class ToRun(Frozen):
    """Run a command of triscope there; progress: as lines of JSON; epoch: SOURCE_DATE_EPOCH of this side."""

    kind: Literal["run"] = "run"
    number: Number
    command: FarCommand
    words: Annotated[tuple[Argument, ...], Field(max_length=400)]
    progress: bool = False
    epoch: Annotated[str, StringConstraints(pattern=r"^[0-9]{0,12}$")] = ""


class ToDesk(Frozen):
    """A question about runs over there, or a wish: name of its class in `desk_records` and its JSON."""

    kind: Literal["to_desk"] = "to_desk"
    number: Number
    name: Annotated[str, StringConstraints(max_length=64)]
    question: Annotated[str, StringConstraints(max_length=1 << 20)]


class Offer(Frozen):
    """A file on its way, in either direction; the answer says from where on it is wanted."""

    kind: Literal["offer"] = "offer"
    number: Number
    name: Name
    size: Size
    digest: Digest


class Wanted(Frozen):
    """offset: what is there already; equal to the size: nothing is missing. path: where it lies then."""

    kind: Literal["wanted"] = "wanted"
    number: Number
    offset: Size
    path: Path = ""
    error: ErrorInfo | None = None


class Part(Frozen):
    """Bytes of a file from `offset` on, in the one blob."""

    kind: Literal["part"] = "part"
    number: Number
    offset: Size


class Alive(Frozen):
    """Nothing to say."""

    kind: Literal["alive"] = "alive"


# From the worker


class FromReady(Frozen):
    kind: Literal["ready"] = "ready"
    pid: Number
    device: Annotated[str, StringConstraints(max_length=64)]


class FromStatus(Frozen):
    """What the worker does; see `WorkerStatus`. rate: of the line as seen from there, bytes per second; coding: of moving
    pictures.
    """

    kind: Literal["status"] = "status"
    stage: Annotated[str, StringConstraints(max_length=200)] = ""
    fraction: Annotated[float, Field(ge=0.0, le=1.0)] = 0.0
    device: Annotated[str, StringConstraints(max_length=64)] = ""
    memory_bytes: Size = 0
    work: Literal["", "render", "open", "inspect", "options", "save", "ask", "bake"] = ""
    number: Number = 0
    rate: Annotated[float, Field(ge=0.0)] = 0.0
    coding: Annotated[str, StringConstraints(max_length=40)] = ""


class FromOpened(Frozen):
    kind: Literal["opened"] = "opened"
    number: Number
    path: Path
    info: CheckpointInfo | None = None
    error: ErrorInfo | None = None


class FromConfigured(Frozen):
    kind: Literal["configured"] = "configured"
    number: Number
    error: ErrorInfo | None = None


class FromPicture(Frozen):
    """preview: a quick one of a picture at rest, whose exact arrays follow. bytes of the blobs are its cost."""

    kind: Literal["frame"] = "frame"
    number: Number
    result: RenderResult
    arrays: Annotated[tuple[ArrayHead, ...], Field(max_length=32)] = ()
    preview: bool = False


class FromDropped(Frozen):
    kind: Literal["dropped"] = "dropped"
    number: Number


class FromInspected(Frozen):
    kind: Literal["inspected"] = "inspected"
    number: Number
    report: RayReport | None = None
    error: ErrorInfo | None = None


class FromAnswered(Frozen):
    kind: Literal["answered"] = "answered"
    number: Number
    values: dict[str, Any] = {}
    arrays: Annotated[tuple[ArrayHead, ...], Field(max_length=32)] = ()
    error: ErrorInfo | None = None


class FromBaked(Frozen):
    kind: Literal["baked"] = "baked"
    number: Number
    spec: BakedSpec | None = None
    arrays: Annotated[tuple[ArrayHead, ...], Field(max_length=4)] = ()
    error: ErrorInfo | None = None


class FromSaved(Frozen):
    kind: Literal["saved"] = "saved"
    number: Number
    error: ErrorInfo | None = None


class FromEnded(Frozen):
    """The worker process behind this one is gone."""

    kind: Literal["ended"] = "ended"
    reason: Text
    code: int | None = None


class FromDesk(Frozen):
    """answer: JSON of what the question's class names; else error, and code where the system refused (errno)."""

    kind: Literal["from_desk"] = "from_desk"
    number: Number
    answer: Annotated[str, StringConstraints(max_length=12 << 20)] = ""
    error: Text = ""
    code: Annotated[int, Field(ge=0, le=1000)] = 0


class FromText(Frozen):
    """What a running command says."""

    kind: Literal["text"] = "text"
    number: Number
    stream: Literal["out", "err"]
    text: Text


class FromRan(Frozen):
    """A command has ended; its files came before."""

    kind: Literal["ran"] = "ran"
    number: Number
    status: Annotated[int, Field(ge=0, le=255)]


ToWorker = (
    ToStart | ToPicture | ToInspect | ToAsk | ToBake | ToOpen | ToClose | ToSaveRay | ToConfigure | ToCancel | ToStop
    | ToRun | ToDesk
)  # fmt: skip
FromWorker = (
    FromReady | FromStatus | FromOpened | FromConfigured | FromPicture | FromDropped | FromInspected | FromAnswered
    | FromBaked | FromSaved | FromEnded | FromText | FromRan | FromDesk
)  # fmt: skip
Record = Annotated[ToWorker | FromWorker | Offer | Wanted | Part | Alive, Field(discriminator="kind")]
RECORD: TypeAdapter[Record] = TypeAdapter(Record)


def question_of(record: ToAsk) -> Question | None:
    """The question that is asked; raises WireError for one that nobody knows."""
    if not record.name:
        return None
    kind = QUESTIONS.get(record.name)
    if kind is None:
        raise WireError(f"an unknown question {record.name[:40]!r}")
    try:
        return kind.model_validate_json(record.question)
    except ValueError as e:
        raise WireError(f"a question that is not understood ({str(e).splitlines()[0][:120]})") from None
