"""Which colours to request from families with a super-resolution, and when a finished picture is quick
enough.

The super-resolution takes the same time at any size, so fewer pixels or samples do not help. While something
moves, the window requests the finished picture if the last one was about as quick as a moving frame may be,
else the raw colours, labelled as such.
"""

from __future__ import annotations

from core_model.schema.checkpoint import CheckpointInfo
from core_model.schema.render import RenderRequest, RenderResult
from core_model.schema.sampler import AUTO

FINAL, RAW = "rgb", "raw"
QUICK = 1.5
"""A finished picture that takes so many times a moving frame's time is still preferred to raw colours."""


def is_final(channel: str, info: CheckpointInfo) -> bool:
    """Whether a checkpoint's channel is a super-resolved picture."""
    return info.neural_size > 0 and channel == FINAL


def colour_beside(channel: str, info: CheckpointInfo) -> str:
    """Colour channel that is requested beside a displayed channel: the raw one, as a hidden super-resolution
    would cost time.
    """
    return RAW if info.neural_size > 0 and channel != FINAL else FINAL


def in_raw(channels: tuple[str, ...]) -> tuple[str, ...]:
    """The same channels with raw colours for the finished ones."""
    return tuple(dict.fromkeys(RAW if name == FINAL else name for name in channels))


def stands_in(request: RenderRequest) -> bool:
    """Whether a request asks for raw colours in place of the finished picture."""
    return RAW in request.channels and FINAL not in request.channels


def final_ms(result: RenderResult) -> float | None:
    """Milliseconds of a super-resolved picture none of whose stages came from a cache; None for every other
    picture.
    """
    stages = {t.stage: t for t in result.timings}
    found = stages.get("superres")
    if found is None or found.cached or (result.request is not None and result.request.native):
        return None
    return result.total_ms


def size_matters(result: RenderResult) -> bool:
    """Whether another size or number of samples would have taken another time."""
    native = result.request is not None and result.request.native
    return not native and all(t.stage != "superres" for t in result.timings)


def is_repeatable(request: RenderRequest) -> bool:
    """Whether further jittered frames would be identical: the program's own picture, or the finished one with
    `auto`.
    """
    return request.native or (request.sampler.name == AUTO and FINAL in request.channels)
