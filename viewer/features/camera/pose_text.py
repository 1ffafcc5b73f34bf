"""Exact poses as text, written and read.

JSON of an orbit pose, EG3D's 25 numbers, a 4x4 world_from_cam, or command-line options. Radians, world units,
OpenCV cameras (+x right, +y down, +z forward). What is read must be exactly what can be shown: a camera with
a skewed or shifted picture is refused with a reason.
"""

from __future__ import annotations

import json
import re
from typing import Any, Literal, TypeVar

import numpy as np
from pydantic import ValidationError

from core_model.schema.camera import MatrixCamera, OrbitPose, fov_from_focal, label25, orbit_from_matrix
from core_model.schema.complaint import first_complaint
from core_model.schema.errors import InputError

M = TypeVar("M", OrbitPose, MatrixCamera)
PoseFormat = Literal["json", "label", "matrix", "options"]
FORMATS: tuple[tuple[PoseFormat, str, str], ...] = (
    ("json", "Pose as JSON", "Yaw, pitch, roll, distance, pivot and field of view (radians, world units)"),
    ("label", "EG3D label", "25 numbers: row-major 4x4 camera-to-world, then 3x3 intrinsics by image size"),
    ("matrix", "4x4 matrix", "world_from_cam, row by row; OpenCV camera. The field of view is not in it"),
    ("options", "Command options", "Options of `triscope render` (radians, world units)"),
)
KNOWN = "a pose as JSON, 25 numbers (EG3D label) or 16 numbers (4x4 world_from_cam)"
MAX_TEXT = 100_000
TOLERANCE = 1e-3
"""How far a rotation may be from orthonormal, and a principal point from the middle: what float32 files and
printed digits lose."""

_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?$")
_WRAPPERS = re.compile(r"\b(?:np|numpy|torch)\.|\b(?:array|tensor)\b|\bdtype\s*=\s*[\w.]+|[\[\](){},;]")
_OPTIONS: dict[str, str] = {
    "--yaw": "yaw",
    "--pitch": "pitch",
    "--roll": "roll",
    "--radius": "radius",
    "--fov": "fov",
}
_PLACES: dict[str, str] = {"--pivot": "pivot", "--orbit-centre": "centre"}


def pose_text(pose: OrbitPose, form: PoseFormat) -> str:
    """`pose` in one of FORMATS, in as many digits as it takes to read it back."""
    if form == "json":
        return json.dumps(pose.model_dump(mode="json", exclude={"kind"}))
    if form == "label":
        return " ".join(repr(round(float(v), 9)) for v in label25(pose).astype(np.float64))
    if form == "matrix":
        return "\n".join(" ".join(f"{v:.9g}" for v in row) for row in pose.world_from_cam() + 0.0)
    return pose_options(pose)


def pose_options(pose: OrbitPose) -> str:
    """The camera as options of `triscope render` (radians, world units)."""
    numbers = {
        "yaw": pose.yaw,
        "pitch": pose.pitch,
        "roll": pose.roll,
        "radius": pose.radius,
        "fov": pose.fov,
    }
    text = " ".join(f"--{name} {value:.6f}" for name, value in numbers.items())
    if any(pose.pivot) or pose.centre is not None:
        text += " --pivot " + " ".join(f"{v:.6f}" for v in pose.pivot)
    if pose.centre is not None:
        text += " --orbit-centre " + " ".join(f"{v:.6f}" for v in pose.centre)
    return text + (" --orthographic" if pose.orthographic else "")


def read_pose(text: str, now: OrbitPose) -> tuple[OrbitPose, str]:
    """(pose, what it was) from text in any of FORMATS; raises InputError with one clear line.

    now: the present pose; it gives what the text does not say (field of view of a 4x4, depth of the pivot,
    missing JSON fields).
    """
    if not text.strip():
        raise InputError(what="no text to read a pose from", expected=KNOWN)
    if len(text) > MAX_TEXT:
        raise InputError(what="this is no pose", expected=KNOWN, got=f"{len(text)} characters")
    stripped = text.strip()
    if stripped.startswith("{"):
        return _from_json(stripped, now), "pose"
    if stripped.startswith("--"):
        return _from_options(stripped, now), "command options"
    numbers = _numbers(stripped)
    if len(numbers) == 25:
        return _from_label(numbers, now), "EG3D label"
    if len(numbers) == 16:
        return _from_matrix(np.reshape(numbers, (4, 4)), now.fov, now), "4x4 matrix"
    raise InputError(what="this is no pose", expected=KNOWN, got=f"{len(numbers)} numbers")


def _numbers(text: str) -> list[float]:
    words = _WRAPPERS.sub(" ", text).split()
    for word in words:
        if _NUMBER.match(word) is None:
            raise InputError(what="this is no pose", expected=KNOWN, got=f"{word[:40]!r}")
    return [float(word) for word in words]


def _from_json(text: str, now: OrbitPose) -> OrbitPose:
    try:
        data: Any = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(what="the pose is no valid JSON", got=str(error)) from None
    if data.get("kind") == "matrix":
        camera = _checked(MatrixCamera, data)
        return _from_label([*camera.pose, *camera.normalized_intrinsics], now)
    known = set(OrbitPose.model_fields)
    odd = sorted(set(data) - known)
    if odd or not set(data) - {"kind"}:
        expected = ", ".join(sorted(known - {"kind"}))
        raise InputError(
            what="the pose has unknown fields" if odd else "the pose is empty",
            expected=expected,
            got=", ".join(odd)[:80],
        )
    kept = {name: getattr(now, name) for name in known}
    if "pivot" in data:  # a pivot alone is the centre too
        kept["centre"] = None
    return _checked(OrbitPose, kept | data)


def _from_options(text: str, now: OrbitPose) -> OrbitPose:
    values: dict[str, object] = {}
    words = text.split()
    while words:
        option = words.pop(0)
        if option == "--orthographic":
            values["orthographic"] = True
            continue
        count = 3 if option in _PLACES else 1
        if option not in _OPTIONS and option not in _PLACES:
            expected = ", ".join((*_OPTIONS, *_PLACES, "--orthographic"))
            raise InputError(what="no option of a pose", expected=expected, got=option[:40])
        taken, words = words[:count], words[count:]
        if len(taken) < count or any(_NUMBER.match(w) is None for w in taken):
            wanted = "a number" if count == 1 else "three numbers"
            raise InputError(what=f"bad value of {option}", expected=wanted, got=" ".join(taken)[:40])
        values[(_OPTIONS | _PLACES)[option]] = (
            float(taken[0]) if count == 1 else tuple(float(w) for w in taken)
        )
    if "pivot" in values:
        values = {"centre": None} | values
    return _checked(OrbitPose, now.model_dump() | {"orthographic": False} | values)


def _from_label(numbers: list[float], now: OrbitPose) -> OrbitPose:
    k = np.reshape(numbers[16:], (3, 3))
    if k[0, 0] <= 0 or k[1, 1] <= 0:
        raise InputError(
            what="bad intrinsics",
            expected="positive focal lengths in image widths",
            got=f"{k[0, 0]:g} and {k[1, 1]:g}",
        )
    if k[0, 0] > 20.0:
        raise InputError(
            what="bad intrinsics", expected="a focal length in image widths", got=f"{k[0, 0]:g} (pixels?)"
        )
    wrong = ""
    if abs(k[0, 0] - k[1, 1]) > TOLERANCE * k[0, 0]:
        wrong = f"focal lengths {k[0, 0]:g} and {k[1, 1]:g}"
    elif max(abs(k[0, 2] - 0.5), abs(k[1, 2] - 0.5)) > TOLERANCE:
        wrong = f"the principal point at {k[0, 2]:g}, {k[1, 2]:g}"
    elif (
        abs(k[0, 1]) > TOLERANCE
        or np.abs(k[[1, 2, 2], [0, 0, 1]]).max() > TOLERANCE
        or abs(k[2, 2] - 1.0) > TOLERANCE
    ):
        wrong = "a skewed picture"
    if wrong:
        raise InputError(
            what="the view cannot show this camera",
            expected="square pixels about the middle of the picture",
            got=wrong,
        )
    return _from_matrix(np.reshape(numbers[:16], (4, 4)), fov_from_focal(float(k[0, 0])), now)


def _from_matrix(m: np.ndarray, fov: float, now: OrbitPose) -> OrbitPose:
    if not np.isfinite(m).all():
        raise InputError(what="no camera-to-world matrix", expected="finite numbers", got="infinity")
    if np.abs(m[3] - (0.0, 0.0, 0.0, 1.0)).max() > TOLERANCE:
        raise InputError(
            what="no camera-to-world matrix",
            expected="a last row of 0 0 0 1",
            got=" ".join(f"{v:g}" for v in m[3]),
        )
    rotation = m[:3, :3]
    off = float(np.abs(rotation.T @ rotation - np.eye(3)).max())
    if off > TOLERANCE:
        wrong = f"columns that are {off:.2g} off unit length or right angles"
        raise InputError(what="no camera-to-world matrix", expected="a rotation", got=wrong)
    if np.linalg.det(rotation) < 0:
        raise InputError(
            what="no camera-to-world matrix", expected="a rotation", got="a mirrored one (determinant -1)"
        )
    return orbit_from_matrix(m, fov, near=now.pivot)


def _checked(record: type[M], values: dict[str, Any]) -> M:
    try:
        return record.model_validate(values)
    except ValidationError as error:
        first = first_complaint(error)
        raise InputError(what=f"bad pose: {first.line}", got=first.got) from None
