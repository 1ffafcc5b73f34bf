"""The camera prior in the plane of yaw and pitch.

One and two sigma, and the present view as a dot that can be dragged.
"""

from __future__ import annotations

import math

from imgui_bundle import ImVec2, imgui

from core_model.schema.camera import CameraPrior, OrbitPose
from viewer.state import prior_marks
from viewer.state.orbit import PITCH_LIMIT, clamp, wrap_angle
from viewer.state.palette import mix
from viewer.widgets import controls
from viewer.widgets.theme import BODY_PX, Theme

HEIGHT_EM = 7.2
DOT_EM = 0.36
_LAWS = {
    "normal": "Normal distribution that the training cameras were drawn from",
    "uniform": "Rectangle that the training cameras were drawn from, all with the same chance",
    "labels": "Spread of the camera labels that the model was trained with",
    "unknown": "The checkpoint does not say which cameras it was trained with",
}


class PriorPlot:
    """Keeps only the plot's extent while the dot is dragged, so that it does not grow during a drag."""

    def __init__(self) -> None:
        self._reach: tuple[float, float] | None = None

    def draw(self, theme: Theme, prior: CameraPrior, pose: OrbitPose, why_not: str = "") -> OrbitPose:
        """Draws the plot over the width that is left; returns the pose, dragged or not."""
        marks = prior_marks.marks_of(prior)
        reach = self._reach or prior_marks.plot_reach(prior, pose)
        low, width, height = (
            imgui.get_cursor_screen_pos(),
            imgui.get_content_region_avail().x,
            HEIGHT_EM * theme.em,
        )
        with controls.disabled(why_not):
            imgui.invisible_button("##prior", ImVec2(max(width, 16.0), height))
        held = imgui.is_item_active()
        hovered = imgui.is_item_hovered() or held
        if not held:
            controls.tooltip(why_not or _tip(prior, pose))
        self._reach = reach if held else None
        centre = ImVec2(low.x + 0.5 * width, low.y + 0.5 * height)
        scale = (0.5 * width / reach[0], 0.5 * height / reach[1])
        if held:
            mouse = imgui.get_io().mouse_pos
            yaw = marks.middle[0] + clamp((mouse.x - centre.x) / scale[0], -reach[0], reach[0])
            pitch = marks.middle[1] + clamp((centre.y - mouse.y) / scale[1], -reach[1], reach[1])
            pose = pose.replace(yaw=wrap_angle(yaw), pitch=clamp(pitch, -PITCH_LIMIT, PITCH_LIMIT))
        _ground(theme, low, width, height, centre, scale, marks)
        _marks(theme, low, width, height, centre, scale, marks)
        _labels(theme, low, width, height, reach, marks)
        _dot(
            theme,
            ImVec2(centre.x, centre.y),
            (width, height),
            scale,
            marks,
            pose,
            bool(prior_marks.warning(prior, pose)),
            hovered,
        )
        return pose


def _tip(prior: CameraPrior, pose: OrbitPose) -> str:
    far = prior_marks.sigmas(prior, pose)
    here = f"Here: yaw {math.degrees(pose.yaw):+.1f}°, pitch {math.degrees(pose.pitch):+.1f}°" + (
        "" if far is None else f", {far:.2f} σ"
    )
    sigma = f". σ: yaw {math.degrees(prior.yaw_std):.1f}°, pitch {math.degrees(prior.pitch_std):.1f}°"
    spread = "" if prior.law in ("uniform", "unknown") else sigma
    return f"{_LAWS[prior.law]}{spread}. Drag to turn the camera.\n{here}"


def _ground(
    theme: Theme,
    low: ImVec2,
    width: float,
    height: float,
    centre: ImVec2,
    scale: tuple[float, float],
    marks: prior_marks.PriorMarks,
) -> None:
    p, draw = theme.palette, imgui.get_window_draw_list()
    end = ImVec2(low.x + width, low.y + height)
    draw.add_rect_filled(low, end, theme.colour(p.field, 0.6), imgui.get_style().frame_rounding)
    line = theme.colour(mix(p.field, p.faint, 0.55), 0.8)
    x, y = (
        round(centre.x - marks.middle[0] * scale[0]) + 0.5,
        round(centre.y + marks.middle[1] * scale[1]) + 0.5,
    )
    if low.x < x < end.x:
        draw.add_line(ImVec2(x, low.y), ImVec2(x, end.y), line)
    if low.y < y < end.y:
        draw.add_line(ImVec2(low.x, y), ImVec2(end.x, y), line)


def _marks(
    theme: Theme,
    low: ImVec2,
    width: float,
    height: float,
    centre: ImVec2,
    scale: tuple[float, float],
    marks: prior_marks.PriorMarks,
) -> None:
    p, draw = theme.palette, imgui.get_window_draw_list()
    draw.push_clip_rect(low, ImVec2(low.x + width, low.y + height), True)
    half = ImVec2(marks.half[0] * scale[0], marks.half[1] * scale[1])
    if marks.shape == "rectangle":
        a, b = ImVec2(centre.x - half.x, centre.y - half.y), ImVec2(centre.x + half.x, centre.y + half.y)
        draw.add_rect_filled(a, b, theme.colour(p.accent, 0.16))
        draw.add_rect(a, b, theme.colour(p.accent, 0.8))
    elif marks.shape == "ellipses":
        for sigma, fill in ((2.0, 0.10), (1.0, 0.16)):
            radius = ImVec2(sigma * half.x, sigma * half.y)
            draw.add_ellipse_filled(centre, radius, theme.colour(p.accent, fill), 0.0, 64)
            draw.add_ellipse(
                centre, radius, theme.colour(p.accent, 0.75 if sigma > 1.5 else 0.45), 0.0, 64, 1.2
            )
        with controls.font(theme.fonts.body, BODY_PX * 0.72):
            for sigma in (1, 2) if half.y > 0.9 * theme.em else ():
                size = imgui.calc_text_size(f"{sigma}σ")
                at = ImVec2(round(centre.x - 0.5 * size.x), round(centre.y - sigma * half.y + 1))
                draw.add_text(at, theme.colour(p.muted), f"{sigma}σ")
    draw.pop_clip_rect()


def _labels(
    theme: Theme,
    low: ImVec2,
    width: float,
    height: float,
    reach: tuple[float, float],
    marks: prior_marks.PriorMarks,
) -> None:
    """Ends of both axes in degrees, inside the plot."""
    draw, ink, pad = imgui.get_window_draw_list(), theme.colour(theme.palette.muted), round(0.3 * theme.em)
    with controls.font(theme.fonts.body, BODY_PX * 0.76):
        line = imgui.get_text_line_height()
        left, right = (math.degrees(marks.middle[0] + s * reach[0]) for s in (-1, 1))
        bottom, top = (math.degrees(marks.middle[1] + s * reach[1]) for s in (-1, 1))
        draw.add_text(ImVec2(low.x + pad, round(low.y + height - line - pad)), ink, f"yaw {left:+.0f}°")
        text = f"{right:+.0f}°"
        draw.add_text(
            ImVec2(
                round(low.x + width - pad - imgui.calc_text_size(text).x), round(low.y + height - line - pad)
            ),
            ink,
            text,
        )
        draw.add_text(ImVec2(low.x + pad, low.y + pad), ink, f"pitch {top:+.0f}°")
        draw.add_text(ImVec2(low.x + pad, round(low.y + height - 2 * line - pad)), ink, f"{bottom:+.0f}°")


def _dot(
    theme: Theme, centre: ImVec2, size: tuple[float, float], scale: tuple[float, float], marks: prior_marks.PriorMarks,
    pose: OrbitPose, outside: bool, hovered: bool,
) -> None:  # fmt: skip
    p, draw, radius = theme.palette, imgui.get_window_draw_list(), DOT_EM * theme.em
    x = clamp(
        wrap_angle(pose.yaw - marks.middle[0]) * scale[0], -0.5 * size[0] + radius, 0.5 * size[0] - radius
    )
    y = clamp((pose.pitch - marks.middle[1]) * scale[1], -0.5 * size[1] + radius, 0.5 * size[1] - radius)
    at = ImVec2(centre.x + x, centre.y - y)
    draw.add_circle_filled(at, radius + 2.0, theme.colour(p.panel, 0.9), 24)
    draw.add_circle_filled(at, radius, theme.colour(p.warn if outside else p.accent), 24)
    if hovered:
        draw.add_circle(at, radius + 2.5, theme.colour(p.text), 24, 1.4)


def verdict(theme: Theme, prior: CameraPrior, pose: OrbitPose) -> None:
    """One line under the plot: inside, or outside with a warning mark."""
    from imgui_bundle import icons_fontawesome_6 as fa

    outside, far = prior_marks.warning(prior, pose), prior_marks.sigmas(prior, pose)
    inside = (
        "The checkpoint names no training cameras"
        if prior_marks.marks_of(prior).shape == "none"
        else "Within the training cameras"
    )
    text = (
        f"{fa.ICON_FA_TRIANGLE_EXCLAMATION} {outside}"
        if outside
        else inside + ("" if far is None else f": {far:.1f} σ")
    )
    with (
        controls.font(theme.fonts.body, BODY_PX * 0.87),
        controls.text_colour(theme.palette.warn if outside else theme.palette.muted),
    ):
        controls.wrapped(text)
    controls.tooltip(outside and f"{outside}. What is seen from here was never compared with a picture.")
