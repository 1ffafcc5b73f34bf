"""The camera prior as marks in the plane of yaw and pitch (radians), and the distance of a view from the
training cameras.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from core_model.schema.camera import CameraPrior, OrbitPose
from viewer.state.orbit import PITCH_LIMIT, wrap_angle

OUTSIDE_SIGMA = 2.0
ROOM = 1.3
"""The plot reaches this much further than the outermost mark."""


@dataclass(frozen=True)
class PriorMarks:
    """Marks about the middle (yaw, pitch) of the prior: ellipses of one and two sigma, or the rectangle of a
    uniform prior.
    """

    shape: Literal["ellipses", "rectangle", "none"]
    middle: tuple[float, float]
    half: tuple[float, float]
    """One sigma, or half of the rectangle's sides."""

    @property
    def reach(self) -> tuple[float, float]:
        """Half extent of the outermost mark."""
        factor = OUTSIDE_SIGMA if self.shape == "ellipses" else 1.0
        return factor * self.half[0], factor * self.half[1]


@dataclass(frozen=True)
class Preset:
    """One view of the prior: id, title, tooltip, yaw and pitch."""

    key: str
    title: str
    tip: str
    yaw: float
    pitch: float


def marks_of(prior: CameraPrior) -> PriorMarks:
    """How the prior is drawn."""
    home = prior.default
    if prior.law == "uniform":
        (y0, y1), (p0, p1) = prior.yaw_range, prior.pitch_range
        return PriorMarks(
            "rectangle", (0.5 * (y0 + y1), 0.5 * (p0 + p1)), (0.5 * abs(y1 - y0), 0.5 * abs(p1 - p0))
        )
    known = prior.law not in ("unknown", "none") and prior.yaw_std > 0 and prior.pitch_std > 0
    return PriorMarks(
        "ellipses" if known else "none", (home.yaw, home.pitch), (prior.yaw_std, prior.pitch_std)
    )


def sigmas(prior: CameraPrior, pose: OrbitPose) -> float | None:
    """Distance of a view from the middle of the prior in standard deviations; None where it has none."""
    marks = marks_of(prior)
    if marks.shape != "ellipses":
        return None
    return math.hypot(
        wrap_angle(pose.yaw - marks.middle[0]) / marks.half[0], (pose.pitch - marks.middle[1]) / marks.half[1]
    )


def warning(prior: CameraPrior, pose: OrbitPose) -> str:
    """Why a view is unlike the training cameras; empty inside the prior, or where the prior is unknown."""
    marks, far = marks_of(prior), sigmas(prior, pose)
    if far is not None and far > OUTSIDE_SIGMA:
        return f"Outside what the model was trained on: {far:.1f} σ"
    if marks.shape == "rectangle":
        yaw = abs(wrap_angle(pose.yaw - marks.middle[0])) > marks.half[0] + 1e-6
        if yaw or abs(pose.pitch - marks.middle[1]) > marks.half[1] + 1e-6:
            return "Outside what the model was trained on"
    return ""


def presets(prior: CameraPrior) -> tuple[Preset, ...]:
    """Views one and two sigma to either side in yaw, then in pitch; half and the full way for a uniform
    prior.
    """
    marks = marks_of(prior)
    if marks.shape == "none":
        return ()
    (yaw, pitch), (dy, dp) = marks.middle, marks.half
    unit, steps = ("σ", (-2, -1, 1, 2)) if marks.shape == "ellipses" else ("", (-1, -0.5, 0.5, 1))
    found = []
    for name, index in (("yaw", 0), ("pitch", 1)):
        for step in steps:
            title = f"{'+' if step > 0 else '−'}{abs(step):g}{unit}"
            value = (yaw, pitch)[index] + step * (dy, dp)[index]
            at = (
                (wrap_angle(value), pitch)
                if index == 0
                else (yaw, min(max(value, -PITCH_LIMIT), PITCH_LIMIT))
            )
            tip = f"{name.title()} {math.degrees(at[index]):+.1f}° ({title} of the checkpoint's cameras), the other angle in its middle"
            found.append(Preset(f"{name}{step:+g}", title, tip, *at))
    return tuple(found)


def look(pose: OrbitPose, yaw: float, pitch: float) -> OrbitPose:
    """The same camera from another side, upright."""
    return pose.replace(yaw=wrap_angle(yaw), pitch=min(max(pitch, -PITCH_LIMIT), PITCH_LIMIT), roll=0.0)


def plot_reach(prior: CameraPrior, pose: OrbitPose) -> tuple[float, float]:
    """Half extents (yaw, pitch) of the plot: about the prior, or the whole sphere when the view lies outside."""
    marks = marks_of(prior)
    reach = (ROOM * max(marks.reach[0], 0.1), ROOM * max(marks.reach[1], 0.1))
    far = (
        abs(wrap_angle(pose.yaw - marks.middle[0])) > reach[0] or abs(pose.pitch - marks.middle[1]) > reach[1]
    )
    if far or marks.shape == "none" or reach[0] > math.pi or reach[1] > 0.5 * math.pi:
        return math.pi, 0.5 * math.pi
    return reach
