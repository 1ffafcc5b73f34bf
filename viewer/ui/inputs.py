"""What the hand did between two frames, in its order: Dear ImGui alone loses some of it where a frame takes a tenth of a second.

- It tells the modifiers as they are at the end of a frame. Where Ctrl goes up before S within one frame (a hand does that in 20 ms),
  Ctrl+S was seen as a plain S. glfw tells them with each press: they are kept until Dear ImGui reports that press, which may be some
  frames later, as it lets a key go down and up in different frames only.
- It takes a move and the press after it together. But a tab, and the picture below its handles, have the mouse one frame after it came:
  the press went to what lay there before, or nowhere. A press that says that it comes from a touch screen waits for the next frame.
"""

from __future__ import annotations

import ctypes
import string
from collections import deque
from collections.abc import Callable
from typing import Any

from imgui_bundle import imgui

from viewer.state.chords import KEY_NAMES, NAMED

Held = tuple[bool, bool, bool]
"""Whether Ctrl, Shift and Alt are held."""
PRESS = 1
SHIFT, CONTROL, ALT = 1, 2, 4


class Inputs:
    """One a window: `listen` once it is there, `take` once in a frame."""

    def __init__(self) -> None:
        self._waiting: dict[str, deque[Held]] = {}
        self._now: dict[str, Held] = {}
        self._listeners: list[Any] = []
        self.key: Callable[..., None] = lambda *event: None
        self.button: Callable[..., None] = lambda *event: None

    def listen(self) -> None:
        """Hear keys and mouse buttons of hello_imgui's glfw window before Dear ImGui does, and pass them on."""
        import glfw

        names = _names(glfw)

        def key(window: int, code: int, scancode: int, action: int, mods: int) -> None:
            if action == PRESS:
                printed = (glfw.get_key_name(code, scancode) or "").upper() if glfw.KEY_SPACE < code < glfw.KEY_ESCAPE else ""
                name = printed if printed in KEY_NAMES else names.get(code, "")
                self.heard(name, (bool(mods & CONTROL), bool(mods & SHIFT), bool(mods & ALT)))
            key_on(window, code, scancode, action, mods)

        def button(window: int, number: int, action: int, mods: int) -> None:
            io = imgui.get_io()
            io.add_mouse_source_event(imgui.MouseSource.touch_screen if action == PRESS else imgui.MouseSource.mouse)
            button_on(window, number, action, mods)
            io.add_mouse_source_event(imgui.MouseSource.mouse)

        key_on = self._before(glfw, "glfwSetKeyCallback", key, 4)
        button_on = self._before(glfw, "glfwSetMouseButtonCallback", button, 3)
        self.key, self.button = key, button

    def _before(self, glfw: Any, name: str, listener: Callable[..., None], numbers: int) -> Callable[..., None]:
        """Put a listener (window, integers …) in front of the one that the window has; returns that one."""
        from imgui_bundle.glfw_utils import glfw_window_hello_imgui

        shape = ctypes.CFUNCTYPE(None, ctypes.c_void_p, *[ctypes.c_int] * numbers)
        install = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p)((name, glfw._glfw))
        kept = shape(listener)
        self._listeners.append(kept)  # the window calls it as long as it lives
        before = install(ctypes.cast(glfw_window_hello_imgui(), ctypes.c_void_p), ctypes.cast(kept, ctypes.c_void_p))
        return shape(before) if before else lambda *event: None

    def heard(self, name: str, held: Held) -> None:
        """A key of `viewer.state.chords.KEY_NAMES` went down with these modifiers; other names are left out."""
        if name:
            self._waiting.setdefault(name, deque()).append(held)

    def take(self) -> None:
        """Once in a frame, before anything asks for `held`: find out which of the presses Dear ImGui reports in this frame."""
        self._now = {}
        for name, waiting in self._waiting.items():
            if waiting and imgui.is_key_pressed(getattr(imgui.Key, KEY_NAMES[name]), False):
                self._now[name] = waiting.popleft()
        if not len(imgui.get_current_context().input_events_queue):
            self._waiting.clear()  # everything is reported: what is left was swallowed with the window's focus

    def held(self, name: str) -> Held:
        """The modifiers that belong to the key in this frame: those of its press, else those that are held now."""
        io = imgui.get_io()
        return self._now.get(name, (io.key_ctrl, io.key_shift, io.key_alt))


def _names(glfw: Any) -> dict[int, str]:
    """Keys by glfw's numbers; of the keys that print, only where no layout says what they print."""
    names = {getattr(glfw, f"KEY_{c}"): c for c in string.ascii_uppercase + string.digits}
    names |= {getattr(glfw, f"KEY_F{n}"): f"F{n}" for n in range(1, 13)}
    words = {"left_arrow": "LEFT", "right_arrow": "RIGHT", "up_arrow": "UP", "down_arrow": "DOWN"}
    return names | {getattr(glfw, f"KEY_{words.get(key, key.upper())}"): name for name, key in NAMED.items()}
