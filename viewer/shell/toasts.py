"""Short messages about what has finished, at the lower right of the picture: Open folder, Copy path."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from imgui_bundle import ImVec2, ImVec4, imgui
from imgui_bundle import icons_fontawesome_6 as fa

from viewer.jobs.folders import folder_opener
from viewer.state.actions import CopyText, Dispatch, ShowFolder
from viewer.widgets import controls
from viewer.widgets.theme import BODY_PX, Theme

SHOWN_S, MOST = 8.0, 3
_FLAGS = (
    imgui.WindowFlags_.no_decoration
    | imgui.WindowFlags_.no_docking
    | imgui.WindowFlags_.no_move
    | imgui.WindowFlags_.no_saved_settings
    | imgui.WindowFlags_.no_focus_on_appearing
)


@dataclass(frozen=True)
class Toast:
    """title: what is done; path: the file or folder that was made. until: when it goes, seconds."""

    title: str
    path: str
    until: float


class Toasts:
    """The newest is lowest; one under the cursor stays."""

    def __init__(self) -> None:
        self.shown: list[Toast] = []

    def add(self, title: str, path: str, now: float) -> None:
        self.shown = [*self.shown, Toast(title, path, now + SHOWN_S)][-MOST:]

    def rests_s(self, now: float) -> float | None:
        """Seconds until the next one goes; None where there is none."""
        return max(min(t.until for t in self.shown) - now, 0.0) if self.shown else None

    def draw(self, theme: Theme, dispatch: Dispatch, now: float) -> None:
        """Windows of their own ("//##toast0"), over everything but popups."""
        view, em = imgui.get_main_viewport(), theme.em
        picture = imgui.internal.find_window_by_name("Viewport")
        right = view.pos.x + view.size.x if picture is None else picture.pos.x + picture.size.x
        bottom = view.pos.y + view.size.y if picture is None else picture.pos.y + picture.size.y
        kept: list[Toast] = []
        y = bottom - 0.8 * em
        for place, toast in reversed(list(enumerate(self.shown))):
            imgui.set_next_window_pos(ImVec2(right - 0.8 * em, y), imgui.Cond_.always, ImVec2(1.0, 1.0))
            imgui.set_next_window_size(ImVec2(24 * em, 0.0))
            imgui.push_style_color(imgui.Col_.window_bg, ImVec4(*theme.palette.raised, 1.0))
            imgui.push_style_color(imgui.Col_.border, ImVec4(*theme.palette.good, 0.7))
            imgui.push_style_var(imgui.StyleVar_.window_border_size, 1.0)
            imgui.begin(f"##toast{place}", None, int(_FLAGS))
            stays = self._content(theme, dispatch, toast)
            hovered = imgui.is_window_hovered(int(imgui.HoveredFlags_.root_and_child_windows))
            y -= imgui.get_window_height() + 0.4 * em
            imgui.end()
            imgui.pop_style_var()
            imgui.pop_style_color(2)
            if hovered:
                toast = Toast(toast.title, toast.path, max(toast.until, now + 2.0))
            if stays and now < toast.until:
                kept.insert(0, toast)
        self.shown = kept

    def _content(self, theme: Theme, dispatch: Dispatch, toast: Toast) -> bool:
        """Draws one; False where it was put away."""
        p, edge = theme.palette, imgui.get_frame_height()
        imgui.align_text_to_frame_padding()
        with controls.text_colour(p.good):
            imgui.text_unformatted(fa.ICON_FA_CIRCLE_CHECK)
        imgui.same_line()
        with controls.font(theme.fonts.bold, BODY_PX):
            room = imgui.get_content_region_avail().x - edge - theme.em
            imgui.text_unformatted(controls.ellipsis(toast.title, room))
        controls.tooltip(toast.title)
        imgui.same_line(imgui.get_window_width() - imgui.get_style().window_padding.x - edge)
        stays = not controls.icon_button(theme, fa.ICON_FA_XMARK, "toast-close", tip="Put this message away")
        with controls.font(theme.fonts.mono, BODY_PX * 0.85), controls.text_colour(p.muted):
            room = imgui.get_content_region_avail().x
            imgui.text_unformatted(controls.ellipsis(toast.path, room, keep_end=True))
        controls.tooltip(toast.path)
        why_not = "" if folder_opener() else "No program to show folders is installed"
        if controls.button(
            theme, "Open folder###toast-folder", tip=str(Path(toast.path).parent), why_not=why_not
        ):
            dispatch(ShowFolder(toast.path))
        imgui.same_line()
        if controls.button(theme, "Copy path###toast-copy", tip=toast.path):
            dispatch(CopyText(toast.path, "path"))
        return stays
