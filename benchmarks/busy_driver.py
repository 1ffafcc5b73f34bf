"""One real window on a checkpoint, driven from inside; records when its frames were drawn.

Prints it as JSON.

`python -m benchmarks.busy_driver busy|walk CHECKPOINT SECONDS`
busy: as many frames as it can draw, first beside a worker at rest, then beside one that renders 1024²
    pictures without end.
walk: the window's own pace; the latent walk plays, and the pictures that reach the screen are counted.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

from imgui_bundle import imgui

from viewer.shell.app import App, AppOptions

SIZE = (1600, 1000)
PATIENCE_S = 180.0
WARM_S = 1.0
HEAVY_PX = 1024


class Notes:
    """Counts GUI frames and pictures between two moments."""

    def __init__(self) -> None:
        self.frames: list[float] = []
        self.pictures = 0
        self.edges: list[int] = []
        self._shown: object = None
        self._cpu = time.process_time()

    def frame(self, app: App) -> None:
        self.frames.append(time.perf_counter())
        if app.loop is None:
            return
        frames, baked = app.loop.coordinator.frames, app.loop.baked
        # a walk shows one baked head after the other, which are no pictures of the renderer
        shown = (frames.version, baked.head if baked.camera is not None else None)
        if shown != self._shown:
            self.pictures += self._shown is not None
            self._shown = shown
            if baked.camera is not None:
                self.edges.append(app.loop.place.edge_px)
            elif frames.result is not None:
                self.edges.append(frames.result.width)

    def said(self) -> dict[str, Any]:
        steps = sorted(b - a for a, b in zip(self.frames, self.frames[1:], strict=False))
        span = self.frames[-1] - self.frames[0]
        return {
            "frames_hz": round(len(steps) / span, 2), "p95_ms": round(1e3 * steps[int(0.95 * (len(steps) - 1))], 1),
            "longest_ms": round(1e3 * steps[-1], 1), "cpu_ms_per_frame": round(1e3 * (time.process_time() - self._cpu) / len(steps), 2),
            "pictures_hz": round(self.pictures / span, 2), "edges": sorted(set(self.edges)), "seconds": round(span, 2),
        }  # fmt: skip


def run(kind: str, checkpoint: str, seconds: float) -> dict[str, Any]:
    """Opens the window and drives it; raises RuntimeError where something does not come about."""
    said: dict[str, Any] = {}
    steps: list[Iterator[None]] = []

    def on_frame(app: App) -> None:
        if not steps:
            steps.append((_busy if kind == "busy" else _walk)(app, seconds, said))
        if next(steps[0], app) is app:
            app.quit()

    App(
        AppOptions(
            checkpoint=checkpoint,
            size=SIZE,
            on_frame=on_frame,
            keep_layout=False,
            eager=kind == "busy",
            touring=kind == "walk",
        )
    ).run()
    if not said.get("done"):
        raise RuntimeError(f"the window closed early: {said}")
    return said


def _busy(app: App, seconds: float, said: dict[str, Any]) -> Iterator[None]:
    yield from _until(lambda: _resting(app), "the first picture at rest")
    said["renderer"] = _renderer()
    yield from _measured(app, seconds, said, "rest", lambda: True)
    assert app.loop is not None
    control = app.loop.coordinator
    quality = control.store.doc.quality.replace(max_size=HEAVY_PX, refine=True, refine_frames=1024)
    offered = [s.name for s in control.info.samplers if s.available] if control.info is not None else []
    name = "importance" if "importance" in offered else control.store.doc.sampler.name
    control.store.doc = control.store.doc.replace(
        quality=quality, sampler=control.store.doc.sampler.replace(name=name, spp=192.0)
    )
    yield from _until(lambda: control.client.status.busy, "a busy worker")
    before = control.requests
    yield from _measured(app, seconds, said, "busy", lambda: control.client.status.busy)
    said["busy"]["requests"] = control.requests - before
    said["done"] = True


def _walk(app: App, seconds: float, said: dict[str, Any]) -> Iterator[None]:
    assert app.loop is not None
    loop = app.loop
    yield from _until(lambda: _resting(app), "the first picture at rest")
    said["renderer"] = _renderer()
    if (
        loop.coordinator.info is None or not loop.coordinator.info.z_dim
    ):  # a closed form has no latent to walk through
        said["done"] = True
        return
    imgui.get_io().add_key_event(imgui.Key.l, True)
    yield
    yield
    imgui.get_io().add_key_event(imgui.Key.l, False)
    yield from _until(lambda: loop.walk.playing, "the walk")
    yield from _measured(app, seconds, said, "walk", lambda: loop.walk.playing)
    said["done"] = True


def _measured(
    app: App, seconds: float, said: dict[str, Any], name: str, holds: Callable[[], bool]
) -> Iterator[None]:
    """Counts for some seconds after a warm-up; share: how much of the frames found the condition true."""
    start = time.perf_counter()
    while time.perf_counter() - start < WARM_S:
        yield
    notes, true, start = Notes(), 0, time.perf_counter()
    while time.perf_counter() - start < seconds or len(notes.frames) < 3:
        notes.frame(app)
        true += holds()
        yield
    said[name] = notes.said() | {"share": round(true / len(notes.frames), 3)}


def _until(condition: Callable[[], object], what: str) -> Iterator[None]:
    end = time.monotonic() + PATIENCE_S
    while not condition():
        if time.monotonic() > end:
            raise RuntimeError(f"waited {PATIENCE_S:g} s for {what}")
        yield


def _resting(app: App) -> bool:
    """The picture is there and the worker has nothing to do."""
    if app.loop is None:
        return False
    control = app.loop.coordinator
    shown = control.frames.result
    final = (
        shown is not None and shown.request is not None and shown.request.tier.value in ("full", "refined")
    )
    return final and not control.client.status.busy and control.wait_s(time.monotonic()) is None


def _renderer() -> str:
    from OpenGL import GL

    return bytes(GL.glGetString(GL.GL_RENDERER) or b"").decode(errors="replace")


if __name__ == "__main__":
    print(json.dumps(run(sys.argv[1], sys.argv[2], float(sys.argv[3]))), flush=True)
