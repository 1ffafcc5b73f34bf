"""One real window that real mouse events turn: what reaches the screen, and how soon.

Prints it as JSON.

`python -m benchmarks.drag_driver CHECKPOINT SECONDS baked|exact`
baked: as the window comes; exact: with the baked volume switched off, the plain path. `xdotool` moves the mouse, so the
window gets the events that a hand would send. The picture is read back in each frame: distinct pictures are counted,
and each motion is timed to the end of the first frame that has drawn it.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from imgui_bundle import imgui

from core_model.schema.processes import start_tied
from core_model.schema.render import Tier
from viewer.shell.app import App, AppOptions

SIZE = (1600, 1000)
PATIENCE_S = 240.0
STEP_S = 0.045
STEP_PX = 3
REST_EDGE = 512
"""Pixels of the picture at rest whose time has an aim."""


@dataclass
class Hand:
    """Drags with real mouse events from a thread of its own; moves: (time, x) of each position."""

    at: tuple[int, int]
    seconds: float
    moves: list[tuple[float, int]] = field(default_factory=list)
    done: bool = False

    def start(self) -> None:
        threading.Thread(target=self._drag, daemon=True).start()

    def _drag(self) -> None:
        # one process for all events: to start one for each would be part of every delay
        with start_tied(["xdotool", "-"], stdin=subprocess.PIPE, text=True, bufsize=1) as xdotool:
            assert xdotool.stdin is not None
            x, y = self.at
            xdotool.stdin.write(f"mousemove {x} {y} mousedown 1\n")
            end = time.monotonic() + self.seconds
            way = -STEP_PX
            while time.monotonic() < end:
                x += way
                way = STEP_PX if x < self.at[0] - 200 else -STEP_PX if x > self.at[0] + 200 else way
                self.moves.append((time.monotonic(), x))
                xdotool.stdin.write(f"mousemove {x} {y}\n")
                time.sleep(STEP_S)
            xdotool.stdin.write("mouseup 1\n")
        self.done = True


def run(checkpoint: str, seconds: float, way: str) -> dict[str, Any]:
    """Opens the window and drags in it; raises RuntimeError where something does not come about."""
    said: dict[str, Any] = {}
    steps: list[Iterator[None]] = []

    def on_frame(app: App) -> None:
        if not steps:
            steps.append(_dragged(app, seconds, way == "baked", said))
        if next(steps[0], app) is app:
            app.quit()

    App(
        AppOptions(checkpoint=checkpoint, size=SIZE, on_frame=on_frame, keep_layout=False, touring=True)
    ).run()
    if not said.get("done"):
        raise RuntimeError(f"the window closed early: {said}")
    return said


def _dragged(app: App, seconds: float, baked: bool, said: dict[str, Any]) -> Iterator[None]:
    assert app.loop is not None
    loop, store = app.loop, app.loop.coordinator.store
    yield from _until(lambda: loop.coordinator.frames.arrays, "the first picture")
    store.doc = store.doc.replace(quality=store.doc.quality.replace(baked=baked, refine=False))
    yield from _until(lambda: _rests(app, baked), "the picture at rest and its volume")
    place = loop.place
    hand = Hand((int(place.origin[0] + 0.55 * place.size), int(place.origin[1] + 0.5 * place.size)), seconds)
    frames: list[tuple[float, int, bytes]] = []  # end, mouse, what the picture shows
    cpu, labels = time.process_time(), set()
    hand.start()
    while not hand.done:
        frames.append((0.0, int(imgui.get_io().mouse_pos.x), _picture(app)))
        labels.add(loop.baked.label)
        yield
        frames[-1] = (time.monotonic(), *frames[-1][1:])
    said["cpu_ms_per_frame"] = round(1e3 * (time.process_time() - cpu) / max(len(frames), 1), 1)
    released = time.monotonic()
    yield from _until(lambda: _rests(app, False), "the exact picture after the drag")
    said["exact_after_s"] = round(time.monotonic() - released, 2)
    store.doc = store.doc.replace(quality=store.doc.quality.replace(max_size=REST_EDGE))
    yield from _until(lambda: _rests(app, False), "the smaller picture")
    short = Hand(hand.at, 0.5)
    short.start()
    yield from _until(lambda: short.done, "the second drag")
    released = time.monotonic()
    yield from _until(lambda: _rests(app, False), "the exact picture after the second drag")
    said["exact_after_small_s"] = round(time.monotonic() - released, 2)
    said |= _figures(hand, frames) | {"labels": sorted(labels), "edge": place.edge_px, "done": True}


def _figures(hand: Hand, frames: list[tuple[float, int, bytes]]) -> dict[str, Any]:
    """Distinct pictures per second, longest gap between two, and from motion to changed picture (seconds)."""
    first, last = hand.moves[0][0], hand.moves[-1][0]
    new = [f for f, before in zip(frames[1:], frames, strict=False) if f[2] != before[2]]
    times = [first, *(f[0] for f in new if first <= f[0] <= last + 0.5)]
    delays = []
    for i, (at, _) in enumerate(hand.moves):
        # a position that a later one overtook counts until that one was drawn
        shown = next((end for end, mouse, _ in new if end >= at and _place(hand, mouse, end) >= i), None)
        if shown is not None:
            delays.append(shown - at)
    delays.sort()
    return {
        "pictures_hz": round((len(times) - 1) / (last - first), 2),
        "frames_hz": round(len(frames) / (last - first), 2),
        "first_s": round(times[1] - first, 3) if len(times) > 1 else None,
        "longest_gap_s": round(max(b - a for a, b in zip(times, times[1:], strict=False)), 3) if len(times) > 1 else None,
        "delay_p95_s": round(delays[int(0.95 * (len(delays) - 1))], 3) if delays else None,
        "moves": len(hand.moves),
    }  # fmt: skip


def _place(hand: Hand, mouse: int, end: float) -> int:
    """Number of the last motion to this position before a frame's end, -1 where there is none."""
    return next(
        (
            i
            for i in range(len(hand.moves) - 1, -1, -1)
            if hand.moves[i][0] <= end and hand.moves[i][1] == mouse
        ),
        -1,
    )


def _picture(app: App) -> bytes:
    """What the viewport shows in this frame, every ninth pixel."""
    assert app.loop is not None
    picture = app.loop.picture()
    return b"" if picture is None else np.ascontiguousarray(picture[::9, ::9]).tobytes()


def _rests(app: App, baked: bool) -> bool:
    """The exact picture is on the screen, and where wanted the finest volume is ready."""
    assert app.loop is not None
    loop = app.loop
    base, question = loop.coordinator.frames.base, loop.baked.question
    ready = not baked or (question is not None and question.level >= 256 and not loop.baked.busy)
    exact = base is not None and base.tier is Tier.FULL and base.camera == loop.coordinator.store.doc.camera
    return exact and ready


def _until(condition: Callable[[], object], what: str) -> Iterator[None]:
    end = time.monotonic() + PATIENCE_S
    while not condition():
        if time.monotonic() > end:
            raise RuntimeError(f"{what} did not come about in {PATIENCE_S:.0f} s")
        yield


if __name__ == "__main__":
    print(json.dumps(run(sys.argv[1], float(sys.argv[2]), sys.argv[3])))
