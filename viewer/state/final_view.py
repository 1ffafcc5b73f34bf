"""How the window shows families whose picture is super-resolved.

Which colours to ask for, and when a finished picture is quick enough. The super-resolution takes the same
time at any size, so it is no matter of fewer pixels or samples: while something moves, the window asks for
the finished picture where the last one was about as quick as a moving frame may be, else for the raw colours,
which are named so.
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
    """The colours that are requested with a shown channel.

    A super-resolved picture that is not shown would cost time for nothing.
    """
    return RAW if info.neural_size > 0 and channel != FINAL else FINAL


def in_raw(channels: tuple[str, ...]) -> tuple[str, ...]:
    """The same channels with raw colours for the finished ones."""
    return tuple(dict.fromkeys(RAW if name == FINAL else name for name in channels))


def stands_in(request: RenderRequest) -> bool:
    """Whether a request asks for raw colours in place of the finished picture."""
    return RAW in request.channels and FINAL not in request.channels


def final_ms(result: RenderResult) -> float | None:
    """Milliseconds that a super-resolved picture took, whose stages did not come from a cache.

    None for every other picture.
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
    """Whether more jittered frames of the picture would show nothing new.

    The program's own picture, or the finished one by `auto`.
    """
    return request.native or (request.sampler.name == AUTO and FINAL in request.channels)
