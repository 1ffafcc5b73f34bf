"""A hand that uses every item of a panel once, and a witness who tells whether anything followed (issue 3 section 6).

What follows may be another document, an action, a popup, an export that is started, a field that takes text, or other contents of the
panel itself. What changes by itself while nobody touches anything is no witness.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from imgui_bundle import imgui

from tests.gui.window_driver import Hands
from viewer.shell.dispatcher import Handler
from viewer.state.actions import OpenDialog, PicturePlaced, Quit, SavePicture

ANY_POPUP = imgui.PopupFlags_.any_popup_id.value | imgui.PopupFlags_.any_popup_level.value
DISABLED = imgui.ItemFlags_.disabled.value
_FLAGS = imgui.test_engine.TestOpFlags_
QUIET = _FLAGS(_FLAGS.no_error.value | _FLAGS.no_check_hovered_id.value)
CHILD_PX = 30.0
"""A child window is an item of its own and lies under what is in it; controls are less high than this."""
MANY = 64
"""Most entries of a list that the witness reads."""


@dataclass(frozen=True)
class Found:
    """One item: its id, and where it lay first (names it in reports)."""

    id: imgui.test_engine.TestRef
    number: int
    place: str
    box: tuple[float, float, float, float]


@dataclass
class Seen:
    """What became of a panel's items. dead: nothing followed; mute: no tooltip; off: disabled; lost: not there any more when its turn
    came; covered: something else lies over it."""

    used: list[str] = field(default_factory=list)
    dead: list[str] = field(default_factory=list)
    mute: list[str] = field(default_factory=list)
    off: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    covered: list[str] = field(default_factory=list)
    followed: dict[str, str] = field(default_factory=dict)


class Witness:
    """Facts about window, document and panels, as a flat dictionary that can be compared."""

    def __init__(self, hands: Hands) -> None:
        self._loop = hands.loop
        self._app = hands.app
        self._actions = self._started = 0
        self._loop.files.system = False
        self._watch()

    def _watch(self) -> None:
        """Counts the actions, and keeps those from being carried out that leave the window."""
        dispatch, tasks = self._loop.dispatch, self._loop.tasks
        for kind in dispatch.kinds:
            dispatch.wrap(kind, self._seen)

        def started(*_: object, **__: object) -> str:
            self._started += 1
            return ""

        tasks.start = started  # type: ignore[method-assign]

    def _seen(self, handler: Handler, action: object, now: float) -> None:
        if not isinstance(action, PicturePlaced):
            self._actions += 1
        if not isinstance(action, Quit | OpenDialog | SavePicture):
            handler(action, now)

    def facts(self) -> dict[str, object]:
        loop = self._loop
        found: dict[str, object] = {
            "document": loop.store.doc, "action": self._actions, "export": self._started, "popup": imgui.is_popup_open("", ANY_POPUP),
            "typing": imgui.get_io().want_text_input, "panels": self._app.panels_shown(), "settings": loop.exports.settings,
            "walk": (loop.walk.playing, loop.walk.kind, loop.walk.speed), "held": loop.place.held, "keys": loop.keys.own,
            "browser": loop.files.open,
        }  # fmt: skip
        for name, feature in loop.features.items():
            flatten(found, f"panel {name}", vars(feature.panel), 0)
        # every press anywhere changes what the hand over the picture knows of the mouse: that is no consequence
        return {k: v for k, v in found.items() if not k.startswith("panel viewport._hand")}

    @staticmethod
    def changed(before: dict[str, object], after: dict[str, object]) -> set[str]:
        return {k for k in before.keys() | after.keys() if before.get(k) != after.get(k)}


def flatten(found: dict[str, object], path: str, value: object, depth: int) -> None:
    """Adds the numbers, texts and frozen records under `value`."""
    if isinstance(value, int | float | str | bool | bytes | None) or (
        hasattr(type(value), "model_fields") and depth
    ):
        found[path] = value
    elif depth > 4:
        found[path] = type(value).__name__
    elif isinstance(value, dict):
        for key, inner in list(value.items())[:MANY]:
            flatten(found, f"{path}.{str(key)[:24]}", inner, depth + 1)
    elif isinstance(value, list | tuple | set | frozenset):
        found[f"{path}.length"] = len(value)
        for index, inner in enumerate(list(value)[:MANY]):
            flatten(found, f"{path}.{index}", inner, depth + 1)
    else:
        inside = getattr(value, "__dict__", None)
        found[path] = type(value).__name__
        for key, inner in (inside or {}).items():
            flatten(found, f"{path}.{key}", inner, depth + 1)


def items_of(hands: Hands, window: str) -> list[Found]:
    """Items of a window and its children, in the order in which they are drawn."""
    listed = imgui.test_engine.TestItemList()
    hands.ctx.gather_items(listed, window, 8)
    found = []
    for i in range(listed.get_size()):
        info = listed.get_by_index(i)
        box = info.rect_full
        place = f"{info.id_:#010x} at {box.min.x:.0f}, {box.min.y:.0f}, {box.get_width():.0f} x {box.get_height():.0f}"
        found.append(
            Found(
                imgui.test_engine.TestRef(info.id_),
                info.id_,
                place,
                (box.min.x, box.min.y, box.get_width(), box.get_height()),
            )
        )
    return found


@dataclass
class Walker:
    """Uses the items of one panel. prepare: brings the panel into the state that is walked; called again where an item went away."""

    hands: Hands
    title: str
    witness: Witness
    prepare: Callable[[Hands], None]
    home: Any = None

    def walk(self) -> Seen:
        """Every item once; where nothing followed, once more after a neighbour was used: a choice that is made already answers nothing."""
        self.settle()
        items, seen, silent = items_of(self.hands, f"//{self.title}"), Seen(), []
        for number, item in enumerate(items):
            self.put_back()
            if not self._there(item):
                self.settle()
            if not self._there(item):
                seen.lost.append(item.place)
                continue
            told = self._tells(item)
            if told is None:
                if min(item.box[2:]) < CHILD_PX:
                    seen.covered.append(item.place)
                continue
            if not told:
                seen.mute.append(item.place)
            if self.hands.ctx.item_info(item.id, _FLAGS.no_error).item_flags & DISABLED:
                seen.off.append(item.place)
                continue
            seen.used.append(item.place)
            done = self._use(item)
            if done:
                seen.followed[item.place] = done
            else:
                silent.append(number)
            self._close()
        for number in silent:
            done = self._after_neighbour(items, number)
            if done:
                seen.followed[items[number].place] = done
            else:
                seen.dead.append(items[number].place)
        return seen

    def settle(self) -> None:
        """The panel in front and alone with the picture, in the state that is walked; tooltips come at once."""
        hands = self.hands
        style = imgui.get_style()
        style.hover_stationary_delay = style.hover_delay_short = style.hover_delay_normal = 0.0
        for title, visible, can_hide in hands.app.panels_shown():
            if visible and can_hide and title != self.title:
                hands.app.show_panel(title, False)
        self._front()
        self.prepare(hands)
        hands.ctx.yield_(4)
        self._front()
        hands.ctx.scroll_to_top(
            f"//{self.title}"
        )  # what lies above the fold of a panel that was scrolled is not drawn
        self.home = hands.doc

    def _front(self) -> None:
        self.hands.app.show_panel(self.title, True)
        self.hands.ctx.yield_(2)
        self.hands.ctx.window_focus(f"//{self.title}")
        self.hands.ctx.yield_()

    def put_back(self) -> None:
        """The document as it was before the last item was used."""
        hands = self.hands
        loop = hands.loop
        loop.store.banner = None
        loop.files.close()
        loop.keys_open = loop.about_open = loop.walk.playing = False
        loop.workspace.name = "explore"
        if hands.doc != self.home:
            loop.store.doc = self.home
        hands.app.show_panel(self.title, True)
        hands.ctx.yield_()
        hands.ctx.window_focus(f"//{self.title}")

    def _there(self, item: Found) -> bool:
        return self.hands.ctx.item_exists(item.id)

    def _tells(self, item: Found) -> bool | None:
        """Whether a tooltip comes while the cursor rests on the item; None where it cannot be reached."""
        ctx = self.hands.ctx
        ctx.mouse_move(item.id, QUIET)
        for _ in range(20):
            ctx.yield_()
            if imgui.internal.get_hovered_id() == item.number and tooltip_shown():
                return True
        return False if imgui.internal.get_hovered_id() == item.number else None

    def _use(self, item: Found) -> str:
        """Click, else a short drag, else a double click; what followed, "" = nothing."""
        ctx = self.hands.ctx
        idle = self.witness.facts()
        ctx.yield_(2)
        before = self.witness.facts()
        lively = self.witness.changed(idle, before)
        for hand in (self._click, self._drag, self._double):
            hand(item)
            ctx.yield_(3)
            followed = self.witness.changed(before, self.witness.facts()) - lively
            if followed:
                return min(followed, key=lambda name: (name.startswith("panel "), name))
            if not self._there(item):
                return "went away"
        return ""

    def _click(self, item: Found) -> None:
        self.hands.ctx.item_click(item.id, 0, QUIET)

    def _drag(self, item: Found) -> None:
        self.hands.ctx.mouse_move(item.id, QUIET)
        self.hands.ctx.mouse_drag_with_delta(imgui.ImVec2(9, 4))

    def _double(self, item: Found) -> None:
        self.hands.ctx.item_double_click(item.id, QUIET)

    def _after_neighbour(self, items: list[Found], number: int) -> str:
        """The same item after one of the same size beside or above it was used."""
        item = items[number]
        like = [
            o
            for o in items
            if o is not item and abs(o.box[2] - item.box[2]) < 2 and abs(o.box[3] - item.box[3]) < 2
        ]
        for other in sorted(
            like, key=lambda o: abs(o.box[1] - item.box[1]) * 4 + abs(o.box[0] - item.box[0])
        )[:2]:
            self.put_back()
            self.settle()
            if not self._there(other):
                continue
            self._click(other)
            self.hands.ctx.yield_(3)
            self._close()
            if self._there(item):
                done = self._use(item)
                self._close()
                if done:
                    return done
        return ""

    def _close(self) -> None:
        ctx = self.hands.ctx
        ctx.popup_close_all()
        self.hands.loop.files.close()
        if imgui.get_io().want_text_input:
            ctx.key_press(imgui.Key.escape)
        ctx.mouse_teleport_to_pos(imgui.ImVec2(600.0, 8.0))  # the free part of the menu bar
        ctx.yield_()


def tooltip_shown() -> bool:
    """Whether a tooltip stands on the screen in this frame."""
    for number in range(4):
        window = imgui.internal.find_window_by_name(f"##Tooltip_{number:02d}")
        if window is not None and window.active and not window.hidden:
            return True
    return False
