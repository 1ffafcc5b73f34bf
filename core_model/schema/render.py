"""Request in, result out: the only two records between the window and the worker."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Literal

import numpy as np
from pydantic import Field

from core_model.schema.camera import CameraSpec, OrbitPose, Vec3
from core_model.schema.frozen import Frozen
from core_model.schema.latent import SEEDS, LatentSpec
from core_model.schema.sampler import SamplerSpec

STAGES = (
    "checkpoint",
    "w",
    "planes",
    "skip",
    "probe",
    "proposal",
    "samples",
    "field",
    "composite",
    "superres",
    "channels",
    "copy",
)


class Tier(StrEnum):
    """Quality tiers, worst first (design §3). BESIDE: further channels of a full picture, made while nothing else is wanted."""

    MOVING = "moving"
    SETTLED = "settled"
    FULL = "full"
    BESIDE = "beside"
    REFINED = "refined"


IDLE = (Tier.BESIDE, Tier.REFINED)
"""What gives way to everything else."""


SMALLEST_TILE = 1024
"""Rays per tile below which a picture that does not fit into memory is given up."""


class RenderRequest(Frozen):
    """One picture, completely described: frozen, hashable, no tensors."""

    checkpoint: str
    latent: LatentSpec = LatentSpec()
    camera: CameraSpec = OrbitPose()
    width: int = Field(default=256, ge=1, le=65536)
    height: int = Field(default=256, ge=1, le=65536)
    sampler: SamplerSpec = SamplerSpec()
    channels: tuple[str, ...] = ("rgb",)
    tier: Tier = Tier.FULL
    seed: int = Field(default=0, ge=0, le=SEEDS - 1, description="random offsets of jittered samplers")
    precision: Literal["fp32", "bf16"] = "fp32"
    skip_empty: bool = True
    native: bool = Field(
        default=False, description="render exactly as the original program of an imported family"
    )
    background: Vec3 | None = Field(default=None, description="replaces the checkpoint's background colour")
    view_dirs: Literal["frontal", "camera"] = Field(
        default="frontal", description="direction that conditions the radiance"
    )
    tile_rays: int | None = Field(
        default=None, ge=64, description="rays per tile; none = from the memory budget"
    )
    shared_rays: bool = Field(
        default=False,
        description="maps beside rgb are for picking: they may come, coarser, from the rays behind a super-resolved picture",
    )


class StageTime(Frozen):
    stage: str
    ms: float
    cached: bool = False


class ErrorInfo(Frozen):
    """An error as data: `kind` is one of input, memory, cancelled, failed, worker."""

    kind: str
    message: str
    detail: str = ""


class ChannelFrame(Frozen):
    """Layout of one channel in a frame: float32, C order; low/high are the finite extremes of the data."""

    name: str
    shape: tuple[int, ...]
    low: float = 0.0
    high: float = 0.0
    offset: int = Field(default=0, description="byte offset in the shared-memory slot")


def lay_out(
    arrays: Mapping[str, np.ndarray], known: Iterable[ChannelFrame] = (), align: int = 1
) -> tuple[tuple[ChannelFrame, ...], int]:
    """(frames, bytes in all) of float32 arrays that lie one after the other, each at a multiple of `align`
    bytes.

    Extremes come from `known`, else from the data.
    """
    extremes = {f.name: (f.low, f.high) for f in known if f.low != 0.0 or f.high != 0.0}
    frames, offset = [], 0
    for name, array in arrays.items():
        low, high = extremes.get(name) or _finite_extremes(array)
        frames.append(ChannelFrame(name=name, shape=array.shape, low=low, high=high, offset=offset))
        offset += -(-4 * array.size // align) * align
    return tuple(frames), offset


def _finite_extremes(array: np.ndarray) -> tuple[float, float]:
    if array.size == 0:
        return 0.0, 0.0
    low, high = float(array.min()), float(array.max())
    if math.isfinite(low) and math.isfinite(high):
        return low, high
    finite = array[np.isfinite(array)]
    return (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)


class RenderResult(Frozen):
    """Always returned, also on failure (then `error` is set and `frames` is empty)."""

    request: RenderRequest | None = None
    generation: int = 0
    width: int = 0
    height: int = 0
    frames: tuple[ChannelFrame, ...] = ()
    world_from_cam: tuple[float, ...] = ()
    intrinsics: tuple[float, ...] = ()
    timings: tuple[StageTime, ...] = ()
    total_ms: float = 0.0
    samples_per_pixel: float = 0.0
    evaluated_per_pixel: float = Field(
        default=0.0, description="field evaluations per pixel after empty space was skipped"
    )
    probe_per_pixel: float = 0.0
    sampler: str = Field(
        default="", description="the sampler that placed the samples: what `auto` has chosen"
    )
    device: str = ""
    memory_bytes: int = 0
    error: ErrorInfo | None = None
