"""`--path`: a keyframe path from a JSON file as the frames of a video."""

from __future__ import annotations

from core_model.schema.camera_path import CameraPath, parse_camera_path, read_camera_path
from core_model.schema.errors import InputError
from core_model.schema.render import RenderRequest

MAX_FRAMES = 100_000
_CAMERA = (
    "yaw",
    "pitch",
    "roll",
    "radius",
    "fov",
    "pivot",
    "orbit-centre",
    "orthographic",
    "label",
    "angles",
)
_MOTION = ("motion", "yaw-swing", "pitch-swing", "frames")


def camera_path_of(text: str, given: frozenset[str] = frozenset()) -> CameraPath:
    """The path that `--path` names (a file, or JSON itself); raises InputError where other options contradict
    it.

    given: names of the options on the command line.
    """
    for options, what in ((_CAMERA, "camera"), (_MOTION, "motion")):
        twice = next((name for name in options if name in given), None)
        if twice is not None:
            raise InputError(what=f"{what} given twice", expected="--path alone", got=f"--path and --{twice}")
    return parse_camera_path(text, "--path") if text.lstrip().startswith("{") else read_camera_path(text)


def frame_count(path: CameraPath, fps: float) -> int:
    """Frames of the video; raises InputError for too many."""
    count = len(path.frame_times(fps)) if path.duration * fps <= MAX_FRAMES else MAX_FRAMES + 1
    if count > MAX_FRAMES:
        got = f"{path.duration:g} s at {fps:g}"
        raise InputError(
            what="video is too long", where="--path", expected=f"at most {MAX_FRAMES} frames", got=got
        )
    return count


def path_frames(path: CameraPath, request: RenderRequest, fps: float) -> list[RenderRequest]:
    """`request` from each frame's pose, with each frame's latent where the path has latents."""
    frames = []
    for time in path.frame_times(fps).tolist():
        latent = path.latent_at(time)
        frame = request.replace(camera=path.pose_at(time))
        frames.append(frame if latent is None else frame.replace(latent=latent))
    return frames
