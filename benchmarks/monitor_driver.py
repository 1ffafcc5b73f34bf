"""`triscope monitor RUN` in this process with its own loop; prints when its frames were drawn, as JSON.

`python -m benchmarks.monitor_driver RUN SECONDS`: for SECONDS after the first charts a thread appends a line
to the statistics every 50 ms, and the frames that draw more points than the one before are counted. Nothing
heavy is imported before the window.
"""

from __future__ import annotations

import sys
import threading
import time
from pathlib import Path
from typing import Any

APPEND_S = 0.05


def age_ms() -> float:
    """Milliseconds since this process began; its start is told in hundredths of a second."""
    with open("/proc/self/stat", encoding="utf-8") as file:
        ticks = float(file.read().rsplit(") ", 1)[1].split()[19])
    with open("/proc/uptime", encoding="utf-8") as file:
        return 1e3 * (float(file.read().split()[0]) - ticks / 100.0)


class Notes:
    """`frame` after each drawn frame."""

    def __init__(self, run: Path, live_s: float) -> None:
        self.said: dict[str, Any] = {"live": {}}
        self.desk: Any = None
        self._run, self._live_s = run, live_s
        self._points = self._frames = self._drawn = 0
        self._written = 0
        self._began = self._cpu = 0.0
        self._stop = threading.Event()

    def frame(self) -> bool:
        """False once everything was seen."""
        self._frames += 1
        if self._frames == 1:
            self.said |= {"frame_ms": round(age_ms(), 1), "frame_cpu_ms": round(1e3 * time.process_time(), 1)}
        points = self._points_shown()
        if points and not self._points:
            self.said |= {
                "charts_ms": round(age_ms(), 1),
                "charts_cpu_ms": round(1e3 * time.process_time(), 1),
            }
            self._began, self._cpu = time.perf_counter(), time.process_time()
            if self._live_s:
                threading.Thread(target=self._write, daemon=True).start()
        elif points > self._points:
            self._drawn += 1
        self._points = points
        passed = time.perf_counter() - self._began if points else 0.0
        if not points or passed < self._live_s:
            return True
        self._stop.set()
        if self._live_s:
            self.said["live"] = {
                "drawn_hz": round(self._drawn / passed, 2), "written_hz": round(self._written / passed, 2),
                "cpu_share": round((time.process_time() - self._cpu) / passed, 3),
            }  # fmt: skip
        return False

    def _points_shown(self) -> int:
        """Rows behind the curves that are on the screen."""
        cards = self.desk.tabs["charts"].cards if self.desk is not None else ()
        shown = [
            one.curve for card in cards for one in card._drawn if one.curve is not None and len(one.curve.x)
        ]
        return len(self.desk.view.poller.runs[0].scalars) if self.desk is not None and shown else 0

    def _write(self) -> None:
        from benchmarks.charts_million import stats_line

        count = self._points
        while not self._stop.wait(APPEND_S):
            with open(self._run / "stats.jsonl", "a", encoding="utf-8") as file:
                file.write(stats_line(count + self._written))
            self._written += 1


def main(run: str, live_s: str) -> None:
    from core_model.cli.main import main as command
    from viewer.monitor.window import MonitorWindow

    notes = Notes(Path(run), float(live_s))
    frame, loop = MonitorWindow._frame, MonitorWindow._loop

    def noted(window: MonitorWindow) -> None:
        frame(window)
        if not notes.frame():
            import dearpygui.dearpygui as dpg

            dpg.stop_dearpygui()

    def looped(window: MonitorWindow, desk: Any) -> None:
        notes.desk = desk
        loop(window, desk)

    MonitorWindow._frame, MonitorWindow._loop = noted, looped  # type: ignore[method-assign]
    command(["monitor", run])
    import json

    print(json.dumps(notes.said), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
