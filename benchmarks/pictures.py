"""Rendering for benchmarks: requests of a checkpoint, stage profiles, PSNR."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import Any

from benchmarks.running import Settings
from core_model.schema.checkpoint import CheckpointInfo
from core_model.schema.latent import LatentSpec
from core_model.schema.render import RenderRequest, RenderResult
from core_model.session import Frame, RenderSession

CHANNELS = ("rgb", "depth", "samples")  # what the window asks for


def open_session(settings: Settings) -> tuple[RenderSession, CheckpointInfo]:
    """A session of its own with the checkpoint open."""
    session = RenderSession(device=settings.device, threads=settings.threads)
    return session, session.open(settings.checkpoint)


def request_for(
    info: CheckpointInfo, edge: int, seed: int = 0, yaw: float = 0.0, **changes: Any
) -> RenderRequest:
    """The window's full picture of one head at one yaw; `changes` are fields of the request."""
    cutoff = min(14, info.num_ws) if info.num_ws else 14
    request = RenderRequest(
        checkpoint=info.path,
        latent=LatentSpec.of_seed(seed, cutoff=cutoff),
        camera=info.header.camera.default.replace(yaw=yaw),
        width=edge,
        height=edge,
        channels=CHANNELS,
    )
    return request.replace(**changes)


def picture(session: RenderSession, request: RenderRequest) -> Frame:
    """Render one request; raises what the result carries as an error."""
    frame = session.render(request)
    if frame.result.error is not None:
        raise RuntimeError(
            f"{frame.result.error.kind}: {frame.result.error.message}\n{frame.result.error.detail}"
        )
    return frame


def profile(results: Sequence[RenderResult]) -> dict[str, float]:
    """Median milliseconds by stage (cached stages count as they were), and in all."""
    stages: dict[str, list[float]] = {}
    for result in results:
        for time in result.timings:
            stages.setdefault(time.stage, []).append(time.ms)
    found = {stage: round(statistics.median(ms), 2) for stage, ms in stages.items()}
    found["total"] = round(statistics.median(r.total_ms for r in results), 2)
    found["other"] = round(found["total"] - sum(v for k, v in found.items() if k != "total"), 2)
    return found
