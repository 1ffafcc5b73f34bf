"""Peak memory of the render worker: opens the demo, renders 256² and 512², orbits, shows every channel."""

from __future__ import annotations

import sys
from pathlib import Path

import psutil

from benchmarks.orbit import drag, wait_for
from benchmarks.pictures import request_for
from benchmarks.running import Findings, Settings, run_script
from core_model.schema.bench import measure
from core_model.schema.render import RenderRequest, RenderResult, Tier
from core_model.schema.sampler import SamplerSpec
from viewer.render_client.client import RenderClient
from viewer.render_client.events import FrameReady, Opened, WorkerStarted
from viewer.render_client.messages import SessionOptions

AIM_GB = 1.5


def body(settings: Settings) -> Findings:
    """High-water mark of the worker process after each step."""
    small, large, frames = (48, 64, 4) if settings.quick else (256, 512, 24)
    client = RenderClient(options=SessionOptions(device=settings.device, threads=settings.threads))
    client.start()
    try:
        started = wait_for(client, WorkerStarted)
        assert isinstance(started, WorkerStarted)
        steps = {"session started": peak_gb(started.pid)}
        client.open(settings.checkpoint)
        opened = wait_for(client, Opened)
        assert isinstance(opened, Opened)
        steps["checkpoint open"] = peak_gb(started.pid)

        def render(request: RenderRequest) -> RenderResult:
            client.submit(request)
            frame = wait_for(client, FrameReady)
            assert isinstance(frame, FrameReady)
            return frame.result

        render(request_for(opened.info, small, tier=Tier.FULL))
        steps[f"{small}²"] = peak_gb(started.pid)
        drag(opened.info, render, small, frames)
        steps[f"orbit of {frames} frames"] = peak_gb(started.pid)
        channels = tuple(c.name for c in opened.info.channels)
        render(request_for(opened.info, large, tier=Tier.FULL, channels=channels))
        steps[f"{large}², every channel"] = peak_gb(started.pid)
        for seed in range(1, 4):
            render(request_for(opened.info, small, seed=seed, tier=Tier.FULL))
        steps["three more heads"] = value = peak_gb(started.pid)
        plain = SamplerSpec(name="importance", spp=96.0)
        render(request_for(opened.info, small, yaw=0.2, sampler=plain, skip_empty=False))
        steps[f"{small}² by importance, nothing skipped"] = peak_gb(started.pid)
        last = memory_gb(started.pid)
    finally:
        client.stop()
    return Findings(
        (
            measure(
                "worker_peak",
                "peak memory of the worker",
                "GB",
                value,
                aim=AIM_GB,
                plain=steps[f"{small}² by importance, nothing skipped"],
                plain_path=f"after {small}² by two-pass importance with nothing skipped, too",
                note=f"{steps['session started']:.2f} GB of it before the checkpoint is opened",
            ),
        ),
        {"steps_gb": {k: round(v, 3) for k, v in steps.items()}, "at_the_end_gb": round(last, 3)},
    )


def peak_gb(pid: int) -> float:
    """Largest resident memory that the process ever had, 10⁹ bytes."""
    status = Path(f"/proc/{pid}/status")
    if status.is_file():
        line = next(s for s in status.read_text(encoding="utf-8").splitlines() if s.startswith("VmHWM:"))
        return int(line.split()[1]) * 1024 / 1e9
    info = psutil.Process(pid).memory_info()
    return getattr(info, "peak_wset", info.rss) / 1e9


def memory_gb(pid: int) -> float:
    return psutil.Process(pid).memory_info().rss / 1e9


if __name__ == "__main__":
    sys.exit(run_script("worker_memory", "Memory of the worker", body))
