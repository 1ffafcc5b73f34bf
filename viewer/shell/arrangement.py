"""Keeps the panels arranged for the window's size and for what is in them.

They are docked anew when the picture would become too small. Panels that the user docked stay where they are
until then: only another kind of arrangement (`layout.Plan.key`), another interface size or a picture that has
become too small moves them. The two groups of a column share its height by what their front panels need
(`layout.share`), until the user drags the splitter between them.
"""

from __future__ import annotations

from collections.abc import Callable

from imgui_bundle import ImVec2, hello_imgui, imgui

from viewer.shell import layout

_Node = imgui.internal.DockNode

SETTLED_FRAMES = 4
_SLACK_PX = 2.0
"""Rounding of sizes: a panel must not scroll by a pixel."""
_PREF, _HELD_PREF = "arrangement", "held splitters"


class Arrangement:
    """One per window; `keep` is called at the end of every frame."""

    def __init__(self, params: hello_imgui.RunnerParams) -> None:
        self._params = params
        self._docking = params.docking_params
        self._key = ""
        self._em = 0.0
        self._seen: tuple[float, ...] = ()
        self._still = 0
        self._limits: tuple[int, int] = (0, 0)
        self._columns = tuple(_Column(pair) for pair in layout.PAIRS)
        self.floating = {s.title: Floating(s.floats) for s in layout.SLOTS if s.floats is not None}

    def first(self, size: tuple[int, int], em: float) -> None:
        """Before the window opens: the splits, and where each panel of `dockable_windows` goes."""
        self._set(layout.plan(*size, em), em)

    def docks(self, em: float) -> dict[str, str]:
        """The dock space of each panel, by title, for the window as it is now."""
        size = imgui.get_main_viewport().size
        return layout.plan(size.x, size.y, em).docks

    def reset(self) -> None:
        """Dock all panels anew for this window size; the set of visible panels stays."""
        size = imgui.get_main_viewport().size
        self._set(layout.plan(size.x, size.y, imgui.get_font_size()), imgui.get_font_size())
        self._docking.layout_reset = True
        for column in self._columns:
            column.held = False

    def show(self, title: str, visible: bool) -> None:
        """Shows or hides a panel; one that is behind another tab comes to the front."""
        window, drawn = (
            self._docking.dockable_window_of_name(title),
            imgui.internal.find_window_by_name(title),
        )
        if visible and drawn is not None:
            window.focus_window_at_next_frame = not window.is_visible or drawn.hidden
        window.is_visible = visible

    def keep(self, shown: tuple[object, ...]) -> None:
        """Check the arrangement a few frames after the size changed or a panel was opened. shown: visible
        panels.
        """
        size, em = imgui.get_main_viewport().size, imgui.get_font_size()
        self._limit(em)
        seen = (size.x, size.y, em, float(hash(shown)))
        if not self._seen:
            self._restored()
        self._still = self._still + 1 if seen == self._seen else 0
        self._seen = seen
        if self._still != SETTLED_FRAMES:
            return
        wanted = layout.plan(size.x, size.y, em)
        view = imgui.internal.find_window_by_name("Viewport")
        small = view is not None and min(view.size.x, view.size.y) < layout.PICTURE_PX
        least = layout.smallest(em)
        fits = size.x >= least[0] and size.y >= least[1]
        if wanted.key != self._key or em != self._em or (small and fits):
            self.reset()

    @property
    def settling(self) -> bool:
        """Whether panels may yet move once a few more frames are drawn: that is not to wait until the mouse moves."""
        return self._still < SETTLED_FRAMES or any(column.settling for column in self._columns)

    def balance(self) -> None:
        """At the end of a frame: columns whose contents have changed share their height anew."""
        for column in self._columns:
            column.balance()

    def _restored(self) -> None:
        """Take over what a saved layout was made for; without that record the panels are docked anew."""
        if not self._params.ini_disable:
            saved = hello_imgui.load_user_pref(_PREF)
            self._key, self._em = (saved, self._em) if saved else (self._key, self._em)
            held = hello_imgui.load_user_pref(_HELD_PREF).split()
            for title, one in self.floating.items():
                one.moved = title in held
            for column in self._columns:
                column.held = column.pair[0] in held

    def _set(self, plan: layout.Plan, em: float) -> None:
        self._key, self._em = plan.key, em
        for one in self.floating.values():
            one.forget()
        self._docking.docking_splits = layout.docking_splits(plan.splits)
        for slot in layout.slots():
            window = self._docking.dockable_window_of_name(slot.title)
            if window is not None:
                window.dock_space_name = plan.docks[slot.title]

    def close(self) -> None:
        """Before the window closes: save what the layout was made for."""
        if not self._params.ini_disable:
            hello_imgui.save_user_pref(_PREF, self._key)
            held = [column.pair[0] for column in self._columns if column.held]
            moved = [title for title, one in self.floating.items() if one.moved]
            hello_imgui.save_user_pref(_HELD_PREF, " ".join(held + moved))

    def _limit(self, em: float) -> None:
        """Set the smallest window size, and enforce it where no window manager does."""
        import glfw
        from imgui_bundle.glfw_utils import glfw_window_hello_imgui

        least, window = layout.smallest(em), glfw_window_hello_imgui()
        monitor = glfw.get_primary_monitor()
        if monitor:
            _, _, wide, high = glfw.get_monitor_workarea(monitor)
            least = (min(least[0], wide), min(least[1], high))
        if least == self._limits:
            return
        self._limits = least
        glfw.set_window_size_limits(window, *least, glfw.DONT_CARE, glfw.DONT_CARE)
        width, height = glfw.get_window_size(window)
        if width < least[0] or height < least[1]:
            glfw.set_window_size(window, max(width, least[0]), max(height, least[1]))


class _Column:
    """The two groups of one column. held: the user has dragged the splitter, so it stays."""

    def __init__(self, pair: tuple[str, str]) -> None:
        self.pair = pair
        self.held = False
        self._fronts: tuple[str, ...] = ()
        self._focus: int | None = None
        self._seen: tuple[object, ...] = ()
        self._still = 0
        self._upper = 0.0

    @property
    def settling(self) -> bool:
        return bool(self._seen) and not self.held and self._still < SETTLED_FRAMES

    def balance(self) -> None:
        nodes = self._nodes()
        if nodes is None:
            self._seen = ()
            return
        fronts = tuple(node.visible_window.name for node in nodes)
        needs = (_need(nodes[0]), _need(nodes[1]))
        room = nodes[0].size.y + nodes[1].size.y
        for place, (old, new) in enumerate(zip(self._fronts, fronts, strict=False)):
            self._focus = place if old != new else self._focus
        self._fronts = fronts
        dragged = imgui.is_mouse_dragging(0, 2.0) and self._seen and self._seen[-1] == round(room)
        if dragged and abs(nodes[0].size.y - self._upper) > 1.0 and not imgui.is_any_item_active():
            self.held = True
        self._upper = nodes[0].size.y
        seen = (*fronts, *(round(n) for n in needs), round(room))
        self._still = self._still + 1 if seen == self._seen and not imgui.is_mouse_down(0) else 0
        self._seen = seen
        if self._still != SETTLED_FRAMES or self.held:
            return
        short = any(node.size.y < need - 1.0 for node, need in zip(nodes, needs, strict=True))
        if short or self._focus is not None:
            self._split(nodes, layout.share(needs, room, self._focus) * room, room)

    def _split(self, nodes: tuple[_Node, _Node], upper: float, room: float) -> None:
        for node, tall in zip(nodes, (upper, room - upper), strict=True):
            imgui.internal.dock_builder_set_node_size(node.id_, ImVec2(node.size.x, tall))
        self._upper = upper

    def _nodes(self) -> tuple[_Node, _Node] | None:
        """The dock nodes of both groups; None where they do not lie above one another as planned."""
        titles = ([s.title for s in layout.slots() if s.dock == dock] for dock in self.pair)
        found = tuple(_front_node(group) for group in titles)
        upper, lower = found
        if upper is None or lower is None or upper.id_ == lower.id_:
            return None
        if upper.parent_node is None or lower.parent_node is None:
            return None
        together = upper.parent_node.id_ == lower.parent_node.id_ and upper.pos.y < lower.pos.y
        return (upper, lower) if together else None


class Floating:
    """Places a panel that floats over the others. moved: the user has moved, sized or docked it, so it stays."""

    def __init__(self, place: Callable[[layout.Box, layout.Box, float], layout.Box]) -> None:
        self.moved = False
        self._place = place
        self._put: tuple[float, float, float, float] | None = None
        self._docked = True

    def forget(self) -> None:
        """All panels are docked anew, this one too: it leaves its group again unless the user has moved it."""
        self._docked, self._put = True, None

    def begin(self, title: str, flags: int) -> bool:
        """`imgui.begin` at its place; `imgui.end` must follow. True where it is to be filled."""
        window = imgui.internal.find_window_by_name(title)
        docked = window is not None and window.dock_node is not None
        if window is not None and window.active and not self._docked:
            self.moved = self.moved or docked or self._apart(window) > 2.0
        if not self.moved:
            self._put = self._place(
                *_area(imgui.internal.find_window_by_name("Viewport")), imgui.get_font_size()
            )
            imgui.set_next_window_pos(ImVec2(*self._put[:2]))
            imgui.set_next_window_size(ImVec2(*self._put[2:]))
        self._docked = docked
        return imgui.begin(title, None, flags)[0]

    def _apart(self, window: imgui.internal.Window) -> float:
        """Pixels between where it is and where it was put."""
        if self._put is None:
            return 0.0
        x, y, wide, high = self._put
        return max(
            abs(window.pos.x - x), abs(window.pos.y - y), abs(window.size.x - wide), abs(window.size.y - high)
        )


def _area(view: imgui.internal.Window | None) -> tuple[layout.Box, layout.Box]:
    """The dock space and the viewport."""
    if view is None or view.dock_node is None:
        main = imgui.get_main_viewport()
        whole = (main.work_pos.x, main.work_pos.y, main.work_size.x, main.work_size.y)
        return whole, whole
    root = imgui.internal.dock_node_get_root_node(view.dock_node)
    return (root.pos.x, root.pos.y, root.size.x, root.size.y), (
        view.pos.x,
        view.pos.y,
        view.size.x,
        view.size.y,
    )


def _front_node(titles: list[str]) -> _Node | None:
    for title in titles:
        window = imgui.internal.find_window_by_name(title)
        node = window.dock_node if window is not None else None
        if node is not None and node.visible_window is not None and node.visible_window.name in titles:
            return node
    return None


def _need(node: _Node) -> float:
    """Height that the front panel of a node would fill, its tabs and padding included.

    A docked window is as large as its node: what its tabs take shows only in what is left inside.
    """
    window = node.visible_window
    inside = window.inner_rect.max.y - window.inner_rect.min.y
    return window.content_size.y + 2.0 * window.window_padding.y + node.size.y - inside + _SLACK_PX
