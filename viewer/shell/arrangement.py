"""Keeps the panels arranged as the window's size allows: they are docked anew where the picture would get too
small.

What the user has docked by hand stays until then: only another kind of arrangement (`layout.Plan.key`),
another interface size or a picture that has become too small moves windows.
"""

from __future__ import annotations

from imgui_bundle import hello_imgui, imgui

from viewer.shell import layout

SETTLED_FRAMES = 4
_PREF = "arrangement"


class Arrangement:
    """Made with the window; `keep` is called at the end of every frame."""

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
        """The arrangement of this size anew, whatever was docked by hand; which panels are shown stays."""
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
        """Looks after the size a few frames after it changed, or after a panel was opened (shown: what is
        visible).
        """
        size, em = imgui.get_main_viewport().size, imgui.get_font_size()
        self._limit(em)
        seen = (size.x, size.y, em, float(hash(shown)))
        if not self._seen:
            self._restored(em)
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

    def _restored(self, em: float) -> None:
        """A layout read from the user's file was made for this size and font, or is arranged anew."""
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
        """Before the window closes: what the saved layout was made for."""
        if not self._params.ini_disable:
            hello_imgui.save_user_pref(_PREF, self._key)

    def _limit(self, em: float) -> None:
        """The smallest window: told to the desktop, and held where there is no window manager that would."""
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
