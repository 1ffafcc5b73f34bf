"""Requests from outside to end the window: signals, and a display that goes away.

SIGTERM (log-out, `kill`), SIGHUP (its terminal closes), Ctrl+C and, on Windows, Ctrl+Break or a closing
console end the window as its close button does: the session is saved, the renderer ends, and the next start
reports no crash. A second signal ends the process at once. When the X server goes away first, Xlib would end
the process before Python could act; then only what needs no display is done.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any

NAMES = ("SIGTERM", "SIGHUP", "SIGINT", "SIGBREAK")
DISPLAY_LOST_STATUS = 1


class Ending:
    """A context in which signals end the window.

    quit: asks it to end after this frame; wake: draws a frame at once, from any thread; lost: saves the
    session without the display.
    """

    def __init__(self, quit: Callable[[], None], wake: Callable[[], None], lost: Callable[[], None]) -> None:
        self._quit, self._wake, self._lost = quit, wake, lost
        self._before: dict[int, Any] = {}
        self._pipe: tuple[int, int] | None = None
        self._handler: Any = None
        self.signal = 0

    @property
    def status(self) -> int:
        """Exit status after a signal, as shells count; 0 without one."""
        return 128 + self.signal if self.signal else 0

    def __enter__(self) -> Ending:
        if threading.current_thread() is not threading.main_thread():
            return self  # signals are the main thread's
        for name in NAMES:
            number = getattr(signal, name, None)
            if (
                number is not None and signal.getsignal(number) is not signal.SIG_IGN
            ):  # nohup: hang-ups stay ignored
                self._before[number] = signal.signal(number, self._heard)
        # The main thread sleeps in C until an event comes; the handler runs when it is woken.
        reader, writer = os.pipe()
        if (
            sys.platform != "win32"
        ):  # there it came with Python 3.12, and a byte for each signal never fills the pipe
            os.set_blocking(writer, False)
        self._pipe = reader, writer
        signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
        threading.Thread(target=self._listen, args=(reader,), name="ending", daemon=True).start()
        return self

    def __exit__(self, *failure: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        if self._pipe is not None:
            signal.set_wakeup_fd(-1)
            os.close(self._pipe[1])  # the thread reads its end, and closes the other

    def watch_display(self) -> None:
        """On X11: be told when the server has gone. Call it once the window is there."""
        import glfw

        if not sys.platform.startswith("linux") or glfw.get_platform() != glfw.PLATFORM_X11:
            return
        with contextlib.suppress(OSError, AttributeError):
            self._handler = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p)(self._gone)
            ctypes.CDLL("libX11.so.6").XSetIOErrorHandler(self._handler)

    def _heard(self, number: int, frame: FrameType | None) -> None:
        if self.signal:
            os._exit(128 + number)
        self.signal = number
        self._quit()

    def _listen(self, reader: int) -> None:
        while os.read(reader, 64):
            self._wake()
        os.close(reader)

    def _gone(self, display: int) -> int:
        """Xlib ends the process when this returns: nothing that draws may run any more."""
        try:
            self._lost()
        finally:
            os.write(2, b"triscope: the display went away; the session was kept\n")
            os._exit(DISPLAY_LOST_STATUS)
