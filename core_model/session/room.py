"""What to ask for instead of a picture that does not fit into memory."""

from __future__ import annotations

import math

from core_model.schema.checkpoint import CheckpointInfo
from core_model.schema.render import SMALLEST_TILE, RenderRequest

TILE_BYTES = 96 << 20
"""What the tiles that are drawn at a time may take together."""
SAMPLE_BYTES = 320
"""What one sample occupies on its way: position, features, masks, weights."""
PIXEL_BYTES = 48
"""Measured on pictures of the demo of 1024² and 2048² on a CPU: what grows with the picture beside its channels."""
VALUE_BYTES = 8
"""Per number of a channel: as it is drawn, and once more on its way out."""
SAMPLES = 32
"""Of each ray of a small tile."""
MARGIN = 1.6
"""With 1.25 a size was named (1320²) of which one machine held only 0.7 of the pixels: an address space has gaps."""
LEAST_EDGE = 32


def needed_bytes(request: RenderRequest, width: int, height: int, model_bytes: float) -> float:
    """Estimate of what a picture of that size takes beside the weights, in the small tiles that are tried before one gives up.

    model_bytes: of planes and networks at work (`CheckpointInfo.memory_bytes` without the weights).
    """
    tile = SMALLEST_TILE * SAMPLES * SAMPLE_BYTES
    per_pixel = PIXEL_BYTES + VALUE_BYTES * 3 * len(request.channels)
    return MARGIN * (model_bytes + tile + per_pixel * width * height)


def fitting_size(request: RenderRequest, free: float, model_bytes: float) -> tuple[int, int] | None:
    """(width, height) of the largest picture of these proportions that should fit into `free` bytes; None where none does.

    It has at most half of the pixels that just did not fit.
    """
    width, height = request.width, request.height
    fixed = needed_bytes(request, 0, 0, model_bytes)
    per_pixel = (needed_bytes(request, 1024, 1024, model_bytes) - fixed) / 1024**2
    share = min(0.5, (free - fixed) / per_pixel / (width * height))
    if share <= 0:
        return None
    scale = math.sqrt(share)
    edges = tuple(int(edge * scale) // 8 * 8 if edge * scale >= 8 else 1 for edge in (width, height))
    return (edges[0], edges[1]) if max(edges) >= LEAST_EDGE else None


def too_large(request: RenderRequest, free: float, model_bytes: float) -> str:
    """The line of an error: what did not fit, the setting to lower, and a value that should fit."""
    said = f"out of memory while rendering {request.width} × {request.height} pixels"
    fits = fitting_size(request, free, model_bytes)
    if fits is None:
        least = needed_bytes(request, LEAST_EDGE, LEAST_EDGE, model_bytes)
        return (
            f"{said}: {megabytes(free)} are free, and the smallest takes about {megabytes(least)}; "
            "close other programs or raise the limit (ulimit -v)"
        )
    return (
        f"{said}: {fits[0]} × {fits[1]} should fit into the {megabytes(free)} that are free "
        f"(--size {max(fits)}; in the window: Sampler, Largest)"
    )


def working_bytes(info: CheckpointInfo) -> float:
    """What a checkpoint takes at work beside its weights."""
    return max(0.0, info.memory_bytes - 4.0 * sum(info.parameters.values()))


def no_room_for(info: CheckpointInfo, doing: str, free: float) -> str:
    """The line of an error: a checkpoint for whose weights or planes there is no room, whatever is asked of it."""
    return (
        f"out of memory while {doing} {info.path}: weights, planes and a picture take about {megabytes(info.memory_bytes)}, "
        f"{megabytes(free)} are free; close other programs or raise the limit (ulimit -v)"
    )


def megabytes(count: float) -> str:
    return f"{max(0.0, count) / 1e6:,.0f} MB"
