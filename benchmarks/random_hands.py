"""A hand that does anything: seeded mouse, wheel, key and text events for the real window."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from imgui_bundle import imgui

from viewer.shell.app import App
from viewer.shell.frame_loop import FrameLoop
from viewer.state.workspace import WorkspaceName

KEYS = (
    imgui.Key.tab, imgui.Key.r, imgui.Key.f, imgui.Key.p, imgui.Key.v, imgui.Key.z, imgui.Key.y, imgui.Key.w, imgui.Key.a, imgui.Key.i,
    imgui.Key.left_bracket, imgui.Key.right_bracket, imgui.Key.f1, imgui.Key.escape, imgui.Key.enter, imgui.Key.backspace,
    imgui.Key.up_arrow, imgui.Key.down_arrow, imgui.Key.left_arrow, imgui.Key.right_arrow, imgui.Key.space, imgui.Key.h, imgui.Key.n,
    imgui.Key.f10, imgui.Key._1, imgui.Key._2, imgui.Key._5, imgui.Key._9, imgui.Key._0,
)  # fmt: skip
CHORDS = (imgui.Key.z, imgui.Key.y, imgui.Key.c, imgui.Key.p, imgui.Key.o, imgui.Key._1, imgui.Key._2)
"""With Ctrl. Not Ctrl+Q (it ends the window), Ctrl+S or Ctrl+E (a file a press)."""
TEXT = "0123456789.-eE xyé漢'\"/\\"
EVENTS_A_FRAME = 4
SETTLE_FRAMES = 30


@dataclass
class RandomHands:
    """One event a call; the same seed gives the same events. size: of the window, pixels."""

    seed: int
    size: tuple[int, int]
    events: int = 0
    _rng: random.Random = field(init=False)
    _down: set[int] = field(default_factory=set)
    _keys: list[imgui.Key] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._rng = random.Random(self.seed)

    def one(self) -> None:
        """Send one event to Dear ImGui."""
        io, rng = imgui.get_io(), self._rng
        self.events += 1
        for key in self._keys:
            io.add_key_event(key, False)
        self._keys.clear()
        what = rng.random()
        if what < 0.45:
            width, height = self.size
            io.add_mouse_pos_event(rng.uniform(-5, width + 5), rng.uniform(-5, height + 5))
        elif what < 0.75:
            button = rng.choices((0, 1, 2), (8, 1, 1))[0]
            down = button not in self._down
            (self._down.add if down else self._down.discard)(button)
            io.add_mouse_button_event(button, down)
        elif what < 0.83:
            io.add_mouse_wheel_event(0.0, rng.choice((-1.0, 1.0)))
        elif what < 0.95:
            self._press(rng.choice(KEYS))
        elif what < 0.98:
            self._press(imgui.Key.mod_ctrl)
            self._press(rng.choice(CHORDS))
        else:
            io.add_input_characters_utf8("".join(rng.choices(TEXT, k=3)))

    def rest(self) -> None:
        """Let go of everything."""
        io = imgui.get_io()
        for button in self._down:
            io.add_mouse_button_event(button, False)
        for key in self._keys:
            io.add_key_event(key, False)
        self._down.clear()
        self._keys.clear()

    def _press(self, key: imgui.Key) -> None:
        imgui.get_io().add_key_event(key, True)
        self._keys.append(key)


class Storm:
    """Random events for a window from its first picture on; `on_frame` is for `AppOptions`.

    Ends the window after `count` events, or before where a panel raised (`broken`: its name and traceback) or `enough()`.
    every: so many events apart `note(app, events)` is called.
    """

    def __init__(
        self,
        hands: RandomHands,
        count: int,
        *,
        every: int,
        note: Callable[[App, int], object],
        workspace: WorkspaceName = "explore",
        enough: Callable[[], bool] = lambda: False,
    ) -> None:
        self.hands, self.count, self.broken = hands, count, dict[str, str]()
        self._every, self._note, self._enough = max(1, every), note, enough
        self._workspace: WorkspaceName = workspace
        self._begun, self._rested = False, 0

    @property
    def whole(self) -> bool:
        """Whether all events were sent and no panel was set aside."""
        return self.hands.events >= self.count and not self.broken

    def on_frame(self, app: App) -> None:
        loop, hands = app.loop, self.hands
        assert loop is not None
        if not self._begun:
            self._begun = True
            harmless(loop)
            # Dear ImGui would spread a frame's events over many: they come faster than that, and most never would be handled.
            imgui.get_io().config_input_trickle_event_queue = False
        self.broken.update(loop.broken)
        if self.broken or self._rested > SETTLE_FRAMES:
            app.quit()
        elif hands.events >= self.count or self._enough():
            hands.rest()
            self._rested += 1
        elif loop.coordinator.frames.arrays:  # not before the first picture: a hidden one is not rendered
            if not hands.events:
                loop.workspace.name = self._workspace
            for _ in range(EVENTS_A_FRAME):
                hands.one()
                if hands.events % self._every == 0:
                    self._note(app, hands.events)


def harmless(loop: FrameLoop) -> None:
    """From now on the browser of files takes nothing, no process is started, and no run is steered."""
    loop.files.system = False
    ask = loop.files.ask
    loop.files.ask = lambda wish, then: ask(wish, lambda path: None)  # type: ignore[method-assign]
    loop.tasks.start = lambda *words, **more: ""  # type: ignore[method-assign]
    training: Any = loop.features["training"].panel
    training.errands.run = lambda what, call: None
