"""The modifiers of a key press as they were when it came.

Dear ImGui tells the modifiers at the end of a frame: where Ctrl goes up before S within one frame (a hand does that in 20 ms, a frame may
take 100), Ctrl+S was seen as a plain S, and lost. glfw tells them with each press; they are kept until Dear ImGui reports that press,
which may be some frames later: it lets a key go down and up in different frames only.
"""

from __future__ import annotations

import ctypes
import string
from collections import deque
from typing import Any

from imgui_bundle import imgui

from viewer.state.chords import KEY_NAMES, NAMED

Held = tuple[bool, bool, bool]
"""Whether Ctrl, Shift and Alt are held."""
PRESS = 1
SHIFT, CONTROL, ALT = 1, 2, 4


class KeyPresses:
    """One a window: `listen` once it is there, `take` once in a frame."""

    def __init__(self) -> None:
        self._waiting: dict[str, deque[Held]] = {}
        self._now: dict[str, Held] = {}
        self._listener: Any = None

    def listen(self) -> None:
        """Hear every key of hello_imgui's glfw window before Dear ImGui does, and pass it on."""
        import glfw
        from imgui_bundle.glfw_utils import glfw_window_hello_imgui

        shape = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_int)
        install = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p)(("glfwSetKeyCallback", glfw._glfw))
        names = _names(glfw)

        def heard(window: int, key: int, scancode: int, action: int, mods: int) -> None:
            if action == PRESS:
                printed = (glfw.get_key_name(key, scancode) or "").upper() if glfw.KEY_SPACE < key < glfw.KEY_ESCAPE else ""
                name = printed if printed in KEY_NAMES else names.get(key, "")
                self.heard(name, (bool(mods & CONTROL), bool(mods & SHIFT), bool(mods & ALT)))
            if passed_on is not None:
                passed_on(window, key, scancode, action, mods)

        self._listener = shape(heard)  # kept: the window calls it as long as it lives
        window = ctypes.cast(glfw_window_hello_imgui(), ctypes.c_void_p)
        before = install(window, ctypes.cast(self._listener, ctypes.c_void_p))
        passed_on = shape(before) if before else None

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
