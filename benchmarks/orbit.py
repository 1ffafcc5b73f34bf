"""An orbit in a 256² viewport with the window's own scheduler: frames per second, and where the time goes."""

from __future__ import annotations

import math
import statistics
import sys
import time
from collections.abc import Callable

from benchmarks.pictures import open_session, picture, profile
from benchmarks.running import Findings, Settings, percentile, run_script, say, spread
from core_model.schema.bench import measure
from core_model.schema.checkpoint import CheckpointInfo
from core_model.schema.render import RenderRequest, RenderResult, Tier
from viewer.render_client.client import RenderClient
from viewer.render_client.events import FrameReady, Opened, OpenFailed
from viewer.render_client.messages import SessionOptions
from viewer.state.document import Document
from viewer.state.scheduler import Scheduler

EDGE, AIM_FPS = 256, 10.0
WARM_UP = 12  # frames in which the scheduler finds its size; reported apart
Render = Callable[[RenderRequest], RenderResult]


def body(settings: Settings) -> Findings:
    """The same drag through a session in this process, through the worker, and by the plain path."""
    edge, frames = (64, 8) if settings.quick else (EDGE, 60)
    session, info = open_session(settings)

    def direct(request: RenderRequest) -> RenderResult:
        return picture(session, request).result

    found = drag(info, direct, edge, frames)
    steady = found[WARM_UP:] or found
    say(f"  in the session: {_fps(steady):.1f} frames/s at {steady[-1][1].width} pixels")
    few = 2 if settings.quick else 6
    plain = fixed(info, direct, edge, few, skip_empty=False)
    full = fixed(info, direct, edge, few, skip_empty=True)
    session.close(info.path)
    worker = through_worker(settings, edge, frames)
    walls, results = [s for s, _ in steady], [r for _, r in steady]
    requests = [r.request for r in results if r.request is not None]
    sizes = [r.width for r in requests]
    spp = [float(r.sampler.spp or 0.0) for r in requests]
    size = f"edge {statistics.median(sizes):.0f} pixels, {statistics.median(spp):.3g} samples per ray"
    note = f"{size} (the window's choice)"
    return Findings(
        (
            measure(
                "orbit_fps",
                f"orbit, {edge}² viewport, moving tier",
                "frames/s",
                _fps(steady),
                better="higher",
                aim=AIM_FPS,
                plain=_fps(plain),
                plain_path=f"every frame {edge}² with the checkpoint's samples, empty space evaluated",
                note=note,
            ),
            measure("orbit_ms", "one frame of the orbit, mean", "ms", 1e3 * statistics.fmean(walls)),
            measure(
                "orbit_p95_ms", "one frame of the orbit, 95th percentile", "ms", 1e3 * percentile(walls, 0.95)
            ),
            measure(
                "orbit_worker_fps",
                "the same through the worker process and shared memory",
                "frames/s",
                _fps(worker),
                better="higher",
                aim=AIM_FPS,
                note=f"edge {worker[-1][1].width} pixels",
            ),
            measure(
                "orbit_full_size_fps",
                f"every frame {edge}² with the checkpoint's samples",
                "frames/s",
                _fps(full),
                better="higher",
                plain=_fps(plain),
                plain_path="the same with empty space evaluated",
            ),
        ),
        {
            "stages_ms": profile(results),
            "stages_full_size_ms": profile([r for _, r in full]),
            "stages_plain_ms": profile([r for _, r in plain]),
            "edges": spread([float(s) for s in sizes]),
            "samples_per_ray": spread(spp),
            "frame_ms": spread([1e3 * w for w in walls]),
            "worker_frame_ms": spread([1e3 * w for w, _ in worker]),
            "warm_up_ms": [round(1e3 * w, 1) for w, _ in found[:WARM_UP]],
        },
    )


def drag(info: CheckpointInfo, render: Render, edge: int, frames: int) -> list[tuple[float, RenderResult]]:
    """A drag to and fro: each frame as the scheduler asks for it; (seconds, result)."""
    scheduler, document = Scheduler(), Document.defaults_from(info)
    found: list[tuple[float, RenderResult]] = []
    last: RenderResult | None = None
    for i in range(frames):
        camera = document.camera.replace(yaw=0.5 * math.sin(0.13 * (i + 1)), pitch=0.1 * math.cos(0.13 * i))
        document = document.replace(camera=camera)
        request = scheduler.step(document, (edge, edge), info, time.monotonic(), last)
        assert request is not None and request.tier is Tier.MOVING
        start = time.perf_counter()
        last = render(request)
        found.append((time.perf_counter() - start, last))
    return found


def fixed(
    info: CheckpointInfo, render: Render, edge: int, frames: int, *, skip_empty: bool
) -> list[tuple[float, RenderResult]]:
    """Frames of one size at new cameras, planes cached; the first, which fills the caches, is left out."""
    document = Document.defaults_from(info)
    found = []
    for i in range(frames + 1):
        request = RenderRequest(
            checkpoint=info.path,
            latent=document.latent,
            camera=document.camera.replace(yaw=0.5 * math.sin(0.4 * i + 0.05)),
            width=edge,
            height=edge,
            sampler=document.sampler,
            channels=("rgb", "depth", "samples"),
            tier=Tier.MOVING,
            skip_empty=skip_empty,
        )
        start = time.perf_counter()
        result = render(request)
        found.append((time.perf_counter() - start, result))
    return found[1:]


def through_worker(settings: Settings, edge: int, frames: int) -> list[tuple[float, RenderResult]]:
    """The same drag through the window's client: seconds from submit to the arrays."""
    client = RenderClient(options=SessionOptions(device=settings.device, threads=settings.threads))
    client.start()
    try:
        client.open(settings.checkpoint)
        opened = wait_for(client, Opened)
        assert isinstance(opened, Opened)

        def render(request: RenderRequest) -> RenderResult:
            client.submit(request)
            frame = wait_for(client, FrameReady)
            assert isinstance(frame, FrameReady)
            return frame.result

        found = drag(opened.info, render, edge, frames)
    finally:
        client.stop()
    return found[WARM_UP:] or found


def wait_for(client: RenderClient, kind: type) -> object:
    """The next event of a kind; raises RuntimeError when the worker fails or is silent for two minutes."""
    end = time.monotonic() + 120.0
    while time.monotonic() < end:
        for event in client.poll():
            if isinstance(event, OpenFailed) or (
                isinstance(event, FrameReady) and event.result.error is not None
            ):
                raise RuntimeError(f"the worker failed: {event}")
            if isinstance(event, kind):
                return event
        time.sleep(0.0005)
    raise RuntimeError(f"the worker sent no {kind.__name__}: {client.status}")


def _fps(frames: list[tuple[float, RenderResult]]) -> float:
    return len(frames) / sum(seconds for seconds, _ in frames)


if __name__ == "__main__":
    sys.exit(run_script("orbit", "Orbit of the demo", body))
