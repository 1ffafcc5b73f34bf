"""The monitor's window: context, fonts, first frame, and a loop that sleeps. `contents.py` fills it.

Dear PyGui has no idle mode: the loop draws ten frames per second, more only during mouse or keyboard input,
and fewer where drawing is slow and nothing has changed. The first frame is drawn before the readers
(numpy, pydantic) are imported.
"""

# Dear PyGui annotates its context managers as plain tags:
# pyright: reportGeneralTypeIssues=false

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, cast

import dearpygui.dearpygui as dpg

from core_model.schema.assets import asset_path
from viewer.monitor.options import MonitorOptions
from viewer.monitor.theme import Look, rgba
from viewer.state.palette import ThemeName

if TYPE_CHECKING:
    from viewer.monitor.contents import Contents

LIVE_S = 0.1
ACTIVE_S = 1 / 40
ACTIVE_FOR_S = 0.8
REST, LONGEST_REST_S = 6.0, 0.5
"""While nothing changes, a frame is followed by this many times its own cost of sleep.

With a GPU that is less than LIVE_S, with a software renderer it keeps the monitor from taking a core from the
training that it watches.
"""
PICTURE_TIMEOUT_S = 60.0


class MonitorWindow:
    """One window; `run` returns when it was closed (or its picture was written)."""

    def __init__(self, options: MonitorOptions) -> None:
        self.options = options
        self.first_frame_s = 0.0
        self.frames = 0
        self._hand = (0.0, 0.0, False)
        self._active_until = 0.0

    def run(self, loop: Callable[[Contents], None] | None = None) -> None:
        """Open, loop, close. The display must exist (Dear PyGui aborts the process otherwise).

        loop: draws the frames in place of the window's own loop.
        """
        began = time.perf_counter()
        dpg.create_context()
        contents: Contents | None = None
        try:
            look = self._open()
            self._frame()
            self._frame()
            self.first_frame_s = time.perf_counter() - began
            # pydantic would search every installed package for plugins: a tenth of the remaining start time
            os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
            from viewer.monitor.contents import Contents

            contents = Contents(self.options, look)
            contents.build()
            (loop or self._loop)(contents)
        finally:
            if contents is not None:
                contents.close()
            dpg.destroy_context()

    def _open(self) -> Look:
        width, height = self.options.size
        look = Look(cast(ThemeName, self.options.theme))
        icon = str(asset_path("icon.png"))
        names = ", ".join(run.name for run in self.options.runs[:3])
        dpg.create_viewport(
            title=f"{names} - triscope monitor", width=width, height=height, min_width=760, min_height=480,
            clear_color=rgba(look.palette.panel), small_icon=icon, large_icon=icon,
        )  # fmt: skip
        # Callbacks run in our loop: Dear PyGui would otherwise call them from a thread of its own.
        # With keyboard navigation Esc closes a drop-down; without it nothing does.
        dpg.configure_app(manual_callback_management=True, keyboard_navigation=True)
        dpg.setup_dearpygui()
        with dpg.handler_registry():
            dpg.add_key_press_handler(callback=self._keys_on)
        with dpg.window(tag="root", no_scrollbar=True):
            dpg.add_text(
                "reading the runs …", tag="waiting", color=look.text_muted, pos=(width // 2 - 60, height // 2)
            )
        dpg.set_primary_window("root", True)
        dpg.show_viewport()
        return look

    def _frame(self) -> None:
        dpg.render_dearpygui_frame()
        self.frames += 1

    def step(self, contents: Contents) -> None:
        """Draw one frame, and run the callbacks of its clicks at once.

        A callback that asks what is under the mouse means the place of the click, and a tenth of a second
        later the mouse is elsewhere.
        """
        contents.update()
        self._frame()
        dpg.run_callbacks(dpg.get_callback_queue())

    def _loop(self, contents: Contents) -> None:
        until = time.monotonic() + PICTURE_TIMEOUT_S
        settled, drawn, version, cost = 0, 0.0, -1, 0.0
        while dpg.is_dearpygui_running():
            began = time.monotonic()
            rest = min(LONGEST_REST_S, max(LIVE_S, REST * cost))
            if (
                self._hands_on()
                or self.options.picture is not None
                or contents.version != version
                or began - drawn >= rest
            ):
                version = contents.version
                self.step(contents)
                drawn = time.monotonic()
                cost = 0.8 * cost + 0.2 * (drawn - began)
            if self.options.picture is not None:
                settled = settled + 1 if contents.settled else 0
                if settled > 6 or began > until:
                    self._take(self.options.picture)
                    return
            wait = ACTIVE_S if self._hands_on() or self.options.picture is not None else LIVE_S
            time.sleep(max(0.0, wait - (time.monotonic() - began)))

    def _keys_on(self) -> None:
        self._active_until = time.monotonic() + ACTIVE_FOR_S

    def _hands_on(self) -> bool:
        x, y = dpg.get_mouse_pos(local=False)
        now = (x, y, any(dpg.is_mouse_button_down(b) for b in (0, 1, 2)))
        if now != self._hand or now[2]:
            self._active_until = time.monotonic() + ACTIVE_FOR_S
        self._hand = now
        return time.monotonic() < self._active_until

    def _take(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        dpg.output_frame_buffer(str(path.absolute()))
        for _ in range(50):  # the picture is written by one of the next frames
            self._frame()
            if path.exists() and path.stat().st_size:
                return
            time.sleep(0.02)
