"""One window on a run with a long statistics file, driven through the scenes of `charts_million`.

Prints its times as JSON. `python -m benchmarks.charts_driver viewer|monitor RUN FRAMES`. A frame's wall time
is from the end of one frame to the end of the next while nothing sleeps; `thread` is the processor time of
the drawing thread, `process` that of all threads, which holds the software renderer's and the reader's.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from benchmarks.charts_million import stats_line
from benchmarks.running import percentile

WARM = 4
SIZE = (1600, 1000)
Steps = Iterator[None]


class Clock:
    """Times of one frame after another."""

    def __init__(self) -> None:
        self.wall: list[float] = []
        self.thread: list[float] = []
        self.process: list[float] = []
        self._last = self._now()

    def start(self) -> None:
        self._last = self._now()

    def tick(self) -> None:
        now = self._now()
        for kept, a, b in zip((self.wall, self.thread, self.process), self._last, now, strict=True):
            kept.append(1e3 * (b - a))
        self._last = now

    def figures(self) -> dict[str, float]:
        """Milliseconds per frame without the first few."""
        wall, thread, process = (
            kept[min(WARM, len(kept) - 1) :] for kept in (self.wall, self.thread, self.process)
        )
        return {
            "median_ms": round(statistics.median(wall), 2), "p95_ms": round(percentile(wall, 0.95), 2),
            "thread_ms": round(statistics.fmean(thread), 2), "process_ms": round(statistics.fmean(process), 2),
        }  # fmt: skip

    def _now(self) -> tuple[float, float, float]:
        return time.perf_counter(), time.thread_time(), time.process_time()


class Scenes:
    """The script: one `yield` per frame.

    `view` is the window's own: .window and .smoothing are set as the mouse would; `page` brings another page to
    the front, `reader` gives the reader of the run once there is one.
    """

    def __init__(
        self, run: Path, frames: int, view: Any, reader: Callable[[], Any], page: Callable[[str], None]
    ) -> None:
        self.run, self.frames, self.view, self.reader, self.page = run, frames, view, reader, page

    def script(self) -> Steps:
        said: dict[str, Any] = {"reading": {}}
        began, processor = time.perf_counter(), time.process_time()
        while (reader := self.reader()) is None or not len(reader.scalars):
            yield
        said["reading"]["first_data_s"] = round(time.perf_counter() - began, 3)
        while reader.catching_up:
            yield
        said["reading"]["whole_s"] = round(time.perf_counter() - began, 2)
        said["reading"]["processor_s"] = round(time.process_time() - processor, 2)
        said["reading"]["lines"] = len(reader.scalars)
        for _ in range(3 * WARM):
            yield
        count = len(reader.scalars)
        top = float(reader.scalars.images.view[-1])
        yield from self._scene(said, "still", lambda i: None)
        yield from self._scene(
            said, "zoom", lambda i: setattr(self.view, "window", (0.002 * i * top, (1 - 0.003 * i) * top))
        )
        self.view.window = None
        yield from self._scene(
            said, "smoothing", lambda i: setattr(self.view, "smoothing", 0.5 + 0.3 * i / self.frames)
        )
        self.view.smoothing = 0.6
        yield from self._scene(said, "live", lambda i: self._append(count + i))
        self.page("machine")
        yield from self._scene(said, "bare", lambda i: None)
        print(json.dumps(said), flush=True)

    def _scene(self, said: dict[str, Any], name: str, change: Callable[[int], None]) -> Steps:
        yield
        clock = Clock()
        for i in range(self.frames):
            change(i)
            yield
            clock.tick()
        said[name] = clock.figures()

    def _append(self, i: int) -> None:
        with open(self.run / "stats.jsonl", "a", encoding="utf-8") as file:
            file.write(stats_line(i))


def viewer(run: Path, frames: int) -> None:
    """The explorer's window in the Training workspace; no pictures are rendered meanwhile."""
    from core_model.schema.config_dir import config_dir
    from viewer.render_client.client import RenderClient
    from viewer.shell.app import App, AppOptions
    from viewer.state import actions

    config_dir().mkdir(parents=True, exist_ok=True)
    (config_dir() / "preferences.json").write_text(json.dumps({"run_folders": [str(run)]}))
    steps: list[Steps] = []

    def on_frame(app: App) -> None:
        if not steps:
            if app.loop is None or app.loop.coordinator.info is None:
                return
            panel: Any = app.loop.features["training"].panel
            app.loop.dispatch(actions.ShowWorkspace("training"))
            steps.append(
                Scenes(
                    run, frames, panel.view, lambda: panel.shelf.reader(panel.view.chosen), panel.view.show
                ).script()
            )
        if next(steps[0], "over") == "over":
            app.quit()

    App(
        AppOptions(
            checkpoint="analytic:sphere",
            client=RenderClient(),
            size=SIZE,
            on_frame=on_frame,
            keep_layout=False,
            eager=True,
        )
    ).run()


def monitor(run: Path, frames: int) -> None:
    """The detached monitor, drawn without its pauses."""
    import dearpygui.dearpygui as dpg

    from viewer.monitor.contents import Contents
    from viewer.monitor.options import MonitorOptions
    from viewer.monitor.window import MonitorWindow

    window = MonitorWindow(MonitorOptions((run,), size=SIZE))

    def loop(contents: Contents) -> None:
        for _ in Scenes(
            run, frames, contents.view.selection, lambda: contents.view.poller.runs[0], contents.show_tab
        ).script():
            dpg.run_callbacks(dpg.get_callback_queue())
            contents.update()
            window._frame()

    window._loop = loop  # type: ignore[method-assign]
    window.run()


if __name__ == "__main__":
    {"viewer": viewer, "monitor": monitor}[sys.argv[1]](Path(sys.argv[2]), int(sys.argv[3]))
