"""Camera options → camera records. Angles in radians, OpenCV cameras, world +y up."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from pydantic import ValidationError
from tyro.conf import arg

from core_model.cli.files import read_array
from core_model.schema.camera import MatrixCamera, OrbitPose
from core_model.schema.checkpoint import CheckpointInfo
from core_model.schema.complaint import first_complaint
from core_model.schema.errors import InputError

FARTHEST = 1e6
"""World units from the origin; beyond, float32 knows no heads."""


@dataclass(frozen=True)
class CameraOptions:
    """Camera; what is not given comes from the checkpoint."""

    yaw: Annotated[float | None, arg(metavar="R", help_behavior_hint="")] = None
    """rad, positive moves the camera to +x"""
    pitch: Annotated[float | None, arg(metavar="R", help_behavior_hint="")] = None
    """rad above the horizon"""
    roll: Annotated[float | None, arg(metavar="R", help_behavior_hint="")] = None
    """rad about the viewing axis"""
    radius: Annotated[float | None, arg(metavar="D", help_behavior_hint="")] = None
    """of the sphere that the camera moves on, world units: the distance to the pivot unless there is an
    --orbit-centre"""
    fov: Annotated[float | None, arg(metavar="R", help_behavior_hint="")] = None
    """full angle across the width of the picture, rad"""
    pivot: Annotated[tuple[float, float, float] | None, arg(metavar="X Y Z", help_behavior_hint="")] = None
    """point that the camera looks at, world units; the camera then moves about it"""
    orbit_centre: Annotated[
        tuple[float, float, float] | None, arg(metavar="X Y Z", help_behavior_hint="")
    ] = None
    """centre of the sphere that the camera moves on, where that is not the pivot (EG3D and Mimic3D: the
    origin)"""
    orthographic: bool = False
    """parallel rays; the picture spans what a perspective one spans at the pivot"""
    label: Annotated[Path | None, arg(metavar="C.npy", help_behavior_hint="")] = None
    """EG3D label: 25 numbers, 4x4 camera-to-world and 3x3 normalised intrinsics"""
    angles: Annotated[Path | None, arg(metavar="A.npy", help_behavior_hint="")] = None
    """EpiGRAF: its yaw, pitch, roll. EG3D, Mimic3D: two numbers are the angles of their scripts (pi/2, pi/2 =
    frontal). Else as --yaw --pitch --roll"""
    cond_label: Annotated[Path | None, arg(metavar="C.npy", help_behavior_hint="")] = None
    """conditioning camera as a label; default frontal"""
    cond_angles: Annotated[Path | None, arg(metavar="A.npy", help_behavior_hint="")] = None
    """conditioning camera as angles; default frontal"""

    def __post_init__(self) -> None:
        for name in ("radius", "pivot", "orbit_centre"):
            value = getattr(self, name)
            parts = value if isinstance(value, tuple) else (value or 0.0,)
            if max(map(abs, parts)) > FARTHEST:
                option = name.replace("_", "-")
                raise InputError(
                    what=f"bad value of --{option}", expected=f"at most {FARTHEST:,.0f}", got=str(value)
                )


def camera_of(options: CameraOptions, info: CheckpointInfo) -> OrbitPose | MatrixCamera:
    """The rendering camera; raises InputError when it is given twice."""
    orbit = {name: getattr(options, name) for name in ("yaw", "pitch", "roll", "radius", "fov", "pivot")}
    given: dict[str, Any] = {name: value for name, value in orbit.items() if value is not None}
    if options.orbit_centre is not None or options.pivot is not None:
        given["centre"] = options.orbit_centre
    if options.orthographic:
        given["orthographic"] = True
    turned = [name for name in given if name in ("yaw", "pitch", "roll")]
    if options.label is not None and (given or options.angles is not None):
        other = next(iter(given), "angles")
        raise InputError(what="camera given twice", expected="--label alone", got=f"--label and --{other}")
    if options.angles is not None and turned:
        raise InputError(
            what="camera given twice", expected="--angles alone", got=f"--angles and --{turned[0]}"
        )
    if options.label is not None:
        return MatrixCamera.from_label(
            read_array(options.label, "--label", ((25,),)), where=str(options.label)
        )
    base = info.header.camera.default
    if options.angles is not None:
        base = _pose_of_angles(options.angles, "--angles", base, info)
    return _replaced(base, given)


def conditioning_of(options: CameraOptions, info: CheckpointInfo) -> OrbitPose | MatrixCamera | None:
    """The conditioning camera, None = frontal; raises InputError when it is given twice."""
    if options.cond_label is not None and options.cond_angles is not None:
        raise InputError(
            what="conditioning camera given twice", expected="--cond-label or --cond-angles", got="both"
        )
    if options.cond_label is not None:
        label = read_array(options.cond_label, "--cond-label", ((25,),))
        return MatrixCamera.from_label(label, where=str(options.cond_label))
    if options.cond_angles is not None:
        return _pose_of_angles(options.cond_angles, "--cond-angles", info.header.camera.default, info)
    return None


def pose_from_epigraf(angles: np.ndarray, base: OrbitPose) -> OrbitPose:
    """EpiGRAF's yaw θ (0 on +x, π/2 frontal), polar pitch φ (π/2 on the horizon) and roll as an orbit pose.

    Its camera stands at r·(sin φ cos θ, cos φ, sin φ sin θ) and looks at the origin with +y up.
    """
    theta, phi, roll = (float(a) for a in angles)
    return _replaced(base, {"yaw": 0.5 * math.pi - theta, "pitch": 0.5 * math.pi - phi, "roll": roll})


def pose_from_eg3d(angles: np.ndarray, base: OrbitPose) -> OrbitPose:
    """EG3D's and Mimic3D's camera angles h and v (both π/2: frontal) as an orbit pose.

    Their camera helper stands at r·(sin φ cos(π − h), cos φ, sin φ sin(π − h)) with cos φ = 1 − 2v/π: v is
    not the polar angle φ. So yaw = h − π/2, and sin pitch = 1 − 2v/π.
    """
    h, v = float(angles[0]), min(max(float(angles[1]), 1e-5), math.pi - 1e-5)
    return _replaced(base, {"yaw": h - 0.5 * math.pi, "pitch": math.asin(1.0 - 2.0 * v / math.pi)})


def _pose_of_angles(path: Path, option: str, base: OrbitPose, info: CheckpointInfo) -> OrbitPose:
    scripts = info.header.family in ("eg3d", "mimic3d")
    angles = read_array(path, option, ((2,), (3,)) if scripts else ((3,),))
    if len(angles) == 2:
        return pose_from_eg3d(angles, base)
    if info.header.conventions.camera_label == "angles":
        return pose_from_epigraf(angles, base)
    return _replaced(base, dict(zip(("yaw", "pitch", "roll"), angles.tolist(), strict=True)))


def _replaced(base: OrbitPose, values: dict[str, Any]) -> OrbitPose:
    try:
        return base.replace(**values)
    except ValidationError as error:
        first = first_complaint(error)
        raise InputError(what=f"bad camera {first.place}: {first.says}", got=first.got) from None
