"""Keyboard and mouse input in the order in which it happened, also between two frames.

Dear ImGui alone loses some of it where a frame takes a tenth of a second:

- It reads the modifiers at the end of a frame. Where Ctrl goes up before S within one frame (people do that
  in 20 ms), Ctrl+S was seen as a plain S. glfw reports them with each press: they are kept until Dear ImGui
  reports that press, which may be some frames later, as it lets a key go down and up in different frames
  only.
- It measures the time between two clicks by the frames that show them.
- It takes a move and the press after it together. But a tab, and the picture below its handles, are hovered
  only one frame after the mouse came: the press went to what lay there before, or nowhere. Here such a press,
  and what follows it, waits for the next frame.
"""

from __future__ import annotations

import ctypes
import string
import time
from collections import deque
from collections.abc import Callable
from typing import Any

from imgui_bundle import imgui

from viewer.state.chords import KEY_NAMES, NAMED

Held = tuple[bool, bool, bool]
"""Whether Ctrl, Shift and Alt are held."""
PRESS, BUTTONS = 1, 5
DOUBLE_S, ALWAYS_S = 0.3, 1e3
"""Longest time between the presses of a double click (a frame is allowed beside it: presses are heard between
frames)."""
SHIFT, CONTROL, ALT = 1, 2, 4


class Inputs:
    """One per window: `listen` once at the start, `give` before each frame of Dear ImGui, `take` once within
    it.
    """

    def __init__(self) -> None:
        self._waiting: dict[str, deque[Held]] = {}
        self._now: dict[str, Held] = {}
        self._listeners: list[Any] = []
        self._pressed = -1.0
        self._events: deque[tuple[str, Callable[[], None]]] = deque()
        self.key: Callable[..., None] = lambda *event: None
        self.button: Callable[..., None] = lambda *event: None
        self.cursor: Callable[..., None] = lambda *event: None

    def listen(self) -> None:
        """Receive keys, text and mouse of hello_imgui's glfw window before Dear ImGui does; `give` passes
        them on.
        """
        import glfw

        names, io = _names(glfw), imgui.get_io

        def key(window: int, code: int, scancode: int, action: int, mods: int) -> None:
            printed = (
                (glfw.get_key_name(code, scancode) or "").upper()
                if glfw.KEY_SPACE < code < glfw.KEY_ESCAPE
                else ""
            )
            name = printed if printed in KEY_NAMES else names.get(code, "")

            def pass_on() -> None:
                if action == PRESS:
                    self.heard(name, (bool(mods & CONTROL), bool(mods & SHIFT), bool(mods & ALT)))
                key_on(window, code, scancode, action, mods)

            self._events.append(("key", pass_on))

        def text(window: int, letter: int) -> None:
            self._events.append(("text", lambda: text_on(window, letter)))

        def button(window: int, number: int, action: int, mods: int) -> None:
            at = time.monotonic()

            def pass_on() -> (
                None
            ):  # not through the window's callback, which would read the modifiers that are held now
                for chord, bit in (
                    (imgui.Key.mod_ctrl, CONTROL),
                    (imgui.Key.mod_shift, SHIFT),
                    (imgui.Key.mod_alt, ALT),
                ):
                    io().add_key_event(chord, bool(mods & bit))
                if action == PRESS:
                    self._double(at)
                if number < BUTTONS:
                    io().add_mouse_button_event(number, action == PRESS)

            self._events.append(("press" if action == PRESS else "release", pass_on))

        def cursor(window: int, x: float, y: float) -> None:
            self._events.append(("move", lambda: cursor_on(window, x, y)))

        whole, real = ctypes.c_int, ctypes.c_double
        key_on = self._before(glfw, "glfwSetKeyCallback", key, whole, whole, whole, whole)
        text_on = self._before(glfw, "glfwSetCharCallback", text, ctypes.c_uint)
        self._before(glfw, "glfwSetMouseButtonCallback", button, whole, whole, whole)
        cursor_on = self._before(glfw, "glfwSetCursorPosCallback", cursor, real, real)
        self.key, self.button, self.cursor = key, button, cursor

    def _before(
        self, glfw: Any, name: str, listener: Callable[..., None], *numbers: Any
    ) -> Callable[..., None]:
        """Put a listener (window, numbers of these types) in front of the one that the window has.

        Returns that one.
        """
        from imgui_bundle.glfw_utils import glfw_window_hello_imgui

        shape = ctypes.CFUNCTYPE(None, ctypes.c_void_p, *numbers)
        install = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p)((name, glfw._glfw))
        kept = shape(listener)
        self._listeners.append(kept)  # the window calls it as long as it lives
        before = install(
            ctypes.cast(glfw_window_hello_imgui(), ctypes.c_void_p), ctypes.cast(kept, ctypes.c_void_p)
        )
        return shape(before) if before else lambda *event: None

    def give(self) -> None:
        """Before a frame: passes input on to Dear ImGui, up to a press that comes after a move."""
        moved = False
        while self._events and not (moved and self._events[0][0] == "press"):
            kind, pass_on = self._events.popleft()
            moved = moved or kind == "move"
            pass_on()

    @property
    def waiting(self) -> bool:
        """Whether there is input that no frame has shown yet."""
        return bool(self._events) or bool(len(imgui.get_current_context().input_events_queue))

    def _double(self, at: float) -> None:
        """Whether this press makes a double click, by the times of the presses instead of those of the frames
        that show them.
        """
        io = imgui.get_io()
        near, self._pressed = at - self._pressed <= DOUBLE_S + io.delta_time, at
        io.mouse_double_click_time = ALWAYS_S if near else 0.0
        io.mouse_single_click_delay = (
            ALWAYS_S + 1.0
        )  # nothing here asks for it; Dear ImGui wants it to be the longer one

    def heard(self, name: str, held: Held) -> None:
        """A key of `viewer.state.chords.KEY_NAMES` went down with these modifiers.

        Other names are left out.
        """
        if name:
            self._waiting.setdefault(name, deque()).append(held)

    def take(self) -> None:
        """Once per frame, before `held` is read: find which of the presses Dear ImGui reports in this frame."""
        self._now = {}
        for name, waiting in self._waiting.items():
            if waiting and imgui.is_key_pressed(getattr(imgui.Key, KEY_NAMES[name]), False):
                self._now[name] = waiting.popleft()
        if not len(imgui.get_current_context().input_events_queue):
            # everything is reported: what is left was lost with the window's focus
            self._waiting.clear()

    def held(self, name: str) -> Held:
        """Modifiers of the key in this frame: those at its press, else those that are held now."""
        io = imgui.get_io()
        return self._now.get(name, (io.key_ctrl, io.key_shift, io.key_alt))


def _names(glfw: Any) -> dict[int, str]:
    """Keys by glfw's numbers; of the keys that print, only where no layout says what they print."""
    names = {getattr(glfw, f"KEY_{c}"): c for c in string.ascii_uppercase + string.digits}
    names |= {getattr(glfw, f"KEY_F{n}"): f"F{n}" for n in range(1, 13)}
    words = {"left_arrow": "LEFT", "right_arrow": "RIGHT", "up_arrow": "UP", "down_arrow": "DOWN"}
    return names | {getattr(glfw, f"KEY_{words.get(key, key.upper())}"): name for name, key in NAMED.items()}


def keep_for(owner: int, *keys: imgui.Key) -> None:
    """Keep keys of this frame from moving the keyboard's focus: whoever asks whether they are pressed gets them still."""
    for key in keys:
        imgui.internal.set_key_owner(key, owner)


def left_right(owner: int) -> int:
    """Steps by the Left and Right keys of this frame, which then do not move the focus away from the item `owner`."""
    keep_for(owner, imgui.Key.left_arrow, imgui.Key.right_arrow)
    return int(imgui.is_key_pressed(imgui.Key.right_arrow)) - int(imgui.is_key_pressed(imgui.Key.left_arrow))


def begin_tabbing() -> None:
    """Before a frame: Tab goes to the first control of a window that had the keyboard never before.

    Dear ImGui looks for the control after the focused one as long as its frame is drawn, and a fresh window has none.
    """
    context = imgui.get_current_context()
    if context.nav_window is not None and context.nav_id == 0 and context.nav_cursor_visible:
        imgui.set_nav_cursor_visible(False)
