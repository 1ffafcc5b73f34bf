"""The time line of a camera path.

A ruler to scrub, keys as diamonds to drag, and below it yaw, pitch and distance over time.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from imgui_bundle import ImVec2, imgui

from core_model.schema.camera_path import CameraPath
from viewer.state.orbit import clamp
from viewer.state.palette import Rgb
from viewer.widgets import controls
from viewer.widgets.theme import BODY_PX, Theme
from viewer.widgets.ticks import nice_ticks

STRIP_EM = 2.3
GUTTER_EM = 9.6
SLACK_PX = 3.0
POINTS = 240
_SMALL = BODY_PX * 0.76


@dataclass(frozen=True)
class Lane:
    """One curve: title, number format of the unit shown, ink in the dark and the light theme."""

    title: str
    unit: str
    digits: int
    inks: tuple[Rgb, Rgb]


LANES = (
    Lane("Yaw", "°", 1, ((0.55, 0.60, 1.0), (0.25, 0.31, 0.84))),
    Lane("Pitch", "°", 1, ((0.31, 0.77, 0.55), (0.08, 0.47, 0.29))),
    Lane("Distance", " wu", 2, ((0.91, 0.69, 0.31), (0.54, 0.35, 0.0))),
)


LANE_EM = 1.0
"""Least height of a lane; where there is less, the ruler with its keys stands alone."""
WHOLE_EM = STRIP_EM + len(LANES) * LANE_EM


@dataclass(frozen=True)
class Touch:
    """What the mouse did in this frame.

    Where the play head was put, which key was grabbed, and to which time it was dragged.
    """

    head: float | None = None
    chosen: int | None = None
    moved_to: float | None = None


@dataclass(frozen=True)
class _Frame:
    """Screen place of the plot's time axis and of its lanes, pixels."""

    left: float
    right: float
    top: float
    strip: float
    bottom: float
    duration: float
    edge: float
    """Left edge of the panel."""

    def x(self, time: float) -> float:
        return self.left + (self.right - self.left) * time / self.duration

    def time(self, x: float) -> float:
        return clamp((x - self.left) / max(self.right - self.left, 1.0), 0.0, 1.0) * self.duration


class Timeline:
    """Keeps which key is being dragged, and the curves of the path that is shown."""

    def __init__(self) -> None:
        self.held = -1
        self._curves: tuple[CameraPath, np.ndarray] | None = None

    def height(self, theme: Theme, room: float) -> float:
        """Pixels that it takes of the `room` that is left."""
        return max(room, STRIP_EM * theme.em)

    def draw(self, theme: Theme, path: CameraPath, head: float, chosen: int, height: float) -> Touch:
        em, low, width = theme.em, imgui.get_cursor_screen_pos(), imgui.get_content_region_avail().x
        gutter = min(GUTTER_EM * em, 0.36 * width)
        frame = _Frame(
            round(low.x + gutter + 0.6 * em), round(low.x + width - 0.9 * em),
            low.y, round(low.y + STRIP_EM * em), low.y + height, path.duration, low.x,
        )  # fmt: skip
        imgui.set_next_item_allow_overlap()
        imgui.set_cursor_screen_pos(ImVec2(low.x + gutter, low.y))
        imgui.invisible_button("##timeline", ImVec2(max(width - gutter, 16.0), height))
        scrubs = imgui.is_item_active()
        if not scrubs and self.held < 0:
            controls.tooltip(
                f"{frame.time(imgui.get_io().mouse_pos.x):.2f} s: press to look from there, drag to scrub"
            )
        touch = Touch(head=frame.time(imgui.get_io().mouse_pos.x)) if scrubs else Touch()
        self._ruler(theme, frame, low.x + gutter, low.x + width)
        if frame.bottom - frame.strip >= len(LANES) * LANE_EM * em:
            self._lanes(theme, path, frame, low.x, gutter, head)
        held = self._keys(theme, path, frame, chosen)
        self._head(theme, frame, head)
        imgui.set_cursor_screen_pos(ImVec2(low.x, low.y + height - 1.0))
        imgui.dummy(ImVec2(1.0, 1.0))
        return touch if held == Touch() else held

    def _ruler(self, theme: Theme, frame: _Frame, left: float, right: float) -> None:
        p, draw = theme.palette, imgui.get_window_draw_list()
        rounding = imgui.get_style().frame_rounding
        draw.add_rect_filled(
            ImVec2(left, frame.top), ImVec2(right, frame.strip), theme.colour(p.field, 0.9), rounding
        )
        count = max(2, int((frame.right - frame.left) / (4.5 * theme.em)))
        with controls.font(theme.fonts.body, _SMALL):
            for tick in nice_ticks(0.0, frame.duration, count):
                x = round(frame.x(tick)) + 0.5
                draw.add_line(
                    ImVec2(x, frame.top + 1.05 * theme.em), ImVec2(x, frame.bottom), theme.colour(p.line, 1.0)
                )
                text = f"{tick:g} s"
                at = min(x + 3, right - imgui.calc_text_size(text).x - 2)
                draw.add_text(ImVec2(round(at), frame.top + 1), theme.colour(p.muted), text)

    def _keys(self, theme: Theme, path: CameraPath, frame: _Frame, chosen: int) -> Touch:
        p, draw, em, io = theme.palette, imgui.get_window_draw_list(), theme.em, imgui.get_io()
        radius, y = 0.5 * em, frame.strip - 0.72 * em
        touch = Touch()
        if path.loop and len(path.keys) > 1:
            _diamond(
                theme, frame.x(min(path.keys[0].time + path.duration, path.duration)), y, 0.8 * radius, None
            )
        for index, key in enumerate(path.keys):
            x = frame.x(key.time)
            imgui.set_cursor_screen_pos(ImVec2(x - radius, y - radius))
            controls.hit(theme, f"##key-{index}", ImVec2(2 * radius, 2 * radius))
            if imgui.is_item_activated():
                self.held = index
                touch = Touch(head=key.time, chosen=index)
            over = imgui.is_item_hovered() or self.held == index
            if self.held < 0:
                pose = key.pose
                controls.tooltip(
                    f"Key {index + 1} at {key.time:.2f} s: yaw {math.degrees(pose.yaw):.1f}°, pitch {math.degrees(pose.pitch):.1f}°, "
                    f"distance {pose.distance:.2f} wu. Drag it to another time"
                )
            _diamond(theme, x, y, radius * (1.15 if over else 1.0), p.accent if index == chosen else p.text)
        if self.held >= 0:
            if not imgui.is_mouse_down(0):
                self.held = -1
            elif imgui.is_mouse_dragging(0, SLACK_PX):
                time = frame.time(io.mouse_pos.x)
                touch = Touch(head=time, chosen=self.held, moved_to=time)
                draw.add_line(
                    ImVec2(frame.x(time), frame.top),
                    ImVec2(frame.x(time), frame.bottom),
                    theme.colour(p.accent, 0.5),
                )
        return touch

    def _head(self, theme: Theme, frame: _Frame, head: float) -> None:
        draw, ink, em = imgui.get_window_draw_list(), theme.colour(theme.palette.bad), theme.em
        x = round(frame.x(clamp(head, 0.0, frame.duration))) + 0.5
        draw.add_line(ImVec2(x, frame.top), ImVec2(x, frame.bottom), ink, 1.5)
        draw.add_triangle_filled(
            ImVec2(x - 0.34 * em, frame.top),
            ImVec2(x + 0.34 * em, frame.top),
            ImVec2(x, frame.top + 0.42 * em),
            ink,
        )

    def _lanes(
        self, theme: Theme, path: CameraPath, frame: _Frame, left: float, gutter: float, head: float
    ) -> None:
        p, draw, em = theme.palette, imgui.get_window_draw_list(), theme.em
        tall = (frame.bottom - frame.strip) / len(LANES)
        curves = self._sampled(path) if path.keys else None
        now = _values(path.sample(np.array([clamp(head, 0.0, path.duration)])))[0] if path.keys else None
        for index, lane in enumerate(LANES):
            top, bottom = frame.strip + index * tall, frame.strip + (index + 1) * tall
            ink = theme.colour(lane.inks[0 if p.name == "dark" else 1])
            draw.add_line(
                ImVec2(left, round(bottom) - 0.5),
                ImVec2(frame.right + 0.9 * em, round(bottom) - 0.5),
                theme.colour(p.line),
            )
            with controls.font(theme.fonts.body, BODY_PX * 0.87):
                lines = (
                    [lane.title] if now is None else [lane.title, f"{now[index]:.{lane.digits}f}{lane.unit}"]
                )
                high = imgui.get_text_line_height()
                if imgui.calc_text_size("  ".join(lines)).x <= gutter:
                    lines = ["  ".join(lines)]
                elif tall < 2.2 * high:  # no room for the value: the camera has it too
                    lines = [lane.title]
                y = 0.5 * (top + bottom) - 0.5 * high * len(lines)
                for i, text in enumerate(lines):
                    draw.add_text(ImVec2(left, round(y + i * high)), ink, controls.ellipsis(text, gutter))
            if curves is not None:
                _curve(theme, lane, curves[:, index], frame, top + 0.2 * em, bottom - 0.25 * em, ink)
        if curves is None:
            _empty(theme, frame)

    def _sampled(self, path: CameraPath) -> np.ndarray:
        """[POINTS, 3] of yaw and pitch in degrees and distance in world units."""
        if self._curves is None or self._curves[0] != path:
            self._curves = (path, _values(path.sample(np.linspace(0.0, path.duration, POINTS))))
        return self._curves[1]


def _values(tracks: np.ndarray) -> np.ndarray:
    """TRACKS [N, 11] → what the lanes show [N, 3]."""
    return np.stack([np.degrees(tracks[:, 0]), np.degrees(tracks[:, 1]), np.exp(tracks[:, 3])], axis=1)


def _curve(
    theme: Theme, lane: Lane, values: np.ndarray, frame: _Frame, top: float, bottom: float, ink: int
) -> None:
    draw = imgui.get_window_draw_list()
    low, high = float(values.min()), float(values.max())
    flat = high - low < 10.0**-lane.digits
    middle, span = 0.5 * (low + high), max(high - low, 1e-9)
    ys = (
        np.full(len(values), 0.5 * (top + bottom))
        if flat
        else 0.5 * (top + bottom) - (values - middle) / span * (bottom - top)
    )
    xs = np.linspace(frame.left, frame.right, len(values))
    points = [ImVec2(x, y) for x, y in zip(xs.tolist(), ys.tolist(), strict=True)]
    draw.add_polyline(points, ink, 1.6, 0)  # pyright: ignore[reportArgumentType]
    if bottom - top < 1.1 * theme.em or frame.left - frame.edge < 9.0 * theme.em:
        return
    with controls.font(theme.fonts.body, BODY_PX * 0.68):
        muted = theme.colour(theme.palette.muted)
        for y, value in () if flat else ((top, high), (bottom, low)):
            text = f"{value:.{lane.digits}f}{lane.unit}"
            size = imgui.calc_text_size(text)
            at = ImVec2(round(frame.left - size.x - 3), round(y - (0.2 if y == top else 0.8) * size.y))
            draw.add_text(at, muted, text)


def _diamond(theme: Theme, x: float, y: float, radius: float, fill: Rgb | None) -> None:
    p, draw = theme.palette, imgui.get_window_draw_list()
    corners = (ImVec2(x, y - radius), ImVec2(x + radius, y), ImVec2(x, y + radius), ImVec2(x - radius, y))
    if fill is not None:
        draw.add_quad_filled(*corners, theme.colour(fill))
    draw.add_quad(*corners, theme.colour(p.panel if fill is not None else p.muted), 1.4)


def _empty(theme: Theme, frame: _Frame) -> None:
    draw, room = imgui.get_window_draw_list(), frame.right - frame.left
    with controls.font(theme.fonts.body, BODY_PX * 0.94):
        whole = "Turn the head, then add a key (+)"
        shown = whole if imgui.calc_text_size(whole).x <= room else controls.ellipsis("Add a key (+)", room)
        size = imgui.calc_text_size(shown)
        at = ImVec2(
            round(0.5 * (frame.left + frame.right - size.x)),
            round(0.5 * (frame.strip + frame.bottom - size.y)),
        )
        draw.add_rect_filled(
            ImVec2(at.x - 6, at.y - 3),
            ImVec2(at.x + size.x + 6, at.y + size.y + 3),
            theme.colour(theme.palette.panel),
        )
        draw.add_text(at, theme.colour(theme.palette.muted), shown)
