"""Keeps the panels arranged for the window's size: they are docked anew when the picture would become too
small.

Panels that the user docked stay where they are until then: only another kind of arrangement
(`layout.Plan.key`), another interface size or a picture that has become too small moves them.
"""

from __future__ import annotations

from imgui_bundle import hello_imgui, imgui

from viewer.shell import layout

SETTLED_FRAMES = 4
_PREF = "arrangement"


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

    def first(self, size: tuple[int, int], em: float) -> None:
        """Before the window opens: the splits, and where each panel of `dockable_windows` goes."""
        self._set(layout.plan(*size, em), em)

    def reset(self) -> None:
        """Dock all panels anew for this window size; the set of visible panels stays."""
        size = imgui.get_main_viewport().size
        self._set(layout.plan(size.x, size.y, imgui.get_font_size()), imgui.get_font_size())
        self._docking.layout_reset = True

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

    def _restored(self) -> None:
        """Take over what a saved layout was made for; without that record the panels are docked anew."""
        if not self._params.ini_disable:
            saved = hello_imgui.load_user_pref(_PREF)
            self._key, self._em = (saved, self._em) if saved else (self._key, self._em)

    def _set(self, plan: layout.Plan, em: float) -> None:
        self._key, self._em = plan.key, em
        self._docking.docking_splits = layout.docking_splits(plan.splits)
        for slot in layout.SLOTS:
            window = self._docking.dockable_window_of_name(slot.title)
            if window is not None:
                window.dock_space_name = plan.docks[slot.title]

    def close(self) -> None:
        """Before the window closes: save what the layout was made for."""
        if not self._params.ini_disable:
            hello_imgui.save_user_pref(_PREF, self._key)

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
