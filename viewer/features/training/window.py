"""The window of the Training workspace, which covers the whole dock space, so that Explore's layout stays
untouched.

Explore's windows exist while they are covered: their tabs, docks, sizes and scroll positions stay as they
were.
"""

from __future__ import annotations

from collections.abc import Callable

from imgui_bundle import ImVec2, imgui

from viewer.state.actions import Dispatch, ShowWorkspace
from viewer.state.workspace import TITLES, WorkspaceName
from viewer.widgets import controls
from viewer.widgets.theme import Theme

TITLE = "Training"
_HOST = "MainDockSpace"
_FLAGS = (
    imgui.WindowFlags_.no_decoration
    | imgui.WindowFlags_.no_docking
    | imgui.WindowFlags_.no_move
    | imgui.WindowFlags_.no_saved_settings
)


class TrainWindow:
    """Covers the dock space while the Training workspace is shown."""

    def __init__(self) -> None:
        self._known = False
        self._floating: set[str] = set()

    def draw(self, theme: Theme, fill: Callable[[], None]) -> None:
        """The window, with `fill` drawing its content."""
        low, room = self._place(theme.em)
        imgui.set_next_window_pos(low)
        imgui.set_next_window_size(room)
        imgui.push_style_var(imgui.StyleVar_.window_padding, ImVec2(0.0, 0.0))
        imgui.push_style_var(imgui.StyleVar_.window_rounding, 0.0)
        imgui.push_style_color(imgui.Col_.window_bg, imgui.get_style_color_vec4(imgui.Col_.menu_bar_bg))
        # A new window that never comes to the front would be put behind all others: the flag waits for the
        # second frame.
        flags = _FLAGS | imgui.WindowFlags_.no_bring_to_front_on_focus if self._known else _FLAGS
        imgui.begin(TITLE, None, int(flags))
        imgui.pop_style_color()
        imgui.pop_style_var(2)
        self._known = True
        fill()
        imgui.end()

    def cover(self, name: str) -> None:
        """Called inside a covered Explore window: keeps its scroll length, and sends a floating one to the
        back.
        """
        imgui.dummy(ImVec2(1.0, imgui.get_scroll_max_y() + imgui.get_content_region_avail().y))
        if not imgui.is_window_docked() and name not in self._floating:
            self._floating.add(name)
            imgui.internal.bring_window_to_display_back(imgui.internal.get_current_window())

    def uncover(self, name: str) -> None:
        """Called inside a visible Explore window: brings back to the front a floating one that was sent to
        the back.
        """
        if name in self._floating:
            self._floating.discard(name)
            imgui.internal.bring_window_to_display_front(imgui.internal.get_current_window())

    def _place(self, em: float) -> tuple[ImVec2, ImVec2]:
        """The rectangle of the dock space: the window without menu bar and status bar."""
        host = imgui.internal.find_window_by_name(_HOST)
        if host is not None and host.size.y > 4 * em:
            return host.pos, host.size
        view = imgui.get_main_viewport()
        return view.work_pos, view.work_size


def switch(theme: Theme, dispatch: Dispatch, place: WorkspaceName) -> None:
    """The two names in the menu bar; the shown one is filled."""
    em = theme.em
    p, draw = theme.palette, imgui.get_window_draw_list()
    imgui.same_line(0.0, 1.4 * em)
    for name, title in TITLES.items():
        chosen = name == place
        width = imgui.calc_text_size(title).x + 1.2 * em
        corner, height = imgui.get_cursor_screen_pos(), imgui.get_frame_height()
        if controls.hit(theme, f"##workspace-{name}", ImVec2(width, height)):
            dispatch(ShowWorkspace(name))
        hovered = imgui.is_item_hovered()
        about = {
            "explore": "One checkpoint: look at it, compare, export",
            "training": "Runs: launch, watch and steer training",
        }[name]
        controls.tooltip(theme.keyed(about, f"view.{name}"))
        inset = round(0.16 * em)
        if chosen or hovered:
            fill = theme.colour(p.accent_fill if chosen else p.field_hover)
            draw.add_rect_filled(
                ImVec2(corner.x, corner.y + inset),
                ImVec2(corner.x + width, corner.y + height - inset),
                fill,
                0.3 * em,
            )
        ink = theme.colour(p.on_accent if chosen else p.text)
        size = imgui.calc_text_size(title)
        draw.add_text(
            ImVec2(round(corner.x + 0.6 * em), round(corner.y + 0.5 * (height - size.y))), ink, title
        )
        imgui.same_line(0.0, 0.15 * em)
    imgui.new_line()
