"""`triscope orbit CHECKPOINT --out FILE.mp4`: a closed camera path, or a walk through latents, as a video."""

from __future__ import annotations

import time
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from tyro.conf import arg

from core_model.cli.camera_paths import camera_path_of, frame_count, path_frames
from core_model.cli.files import check_output
from core_model.cli.opening import ViewOptions, opened_view
from core_model.cli.options import seeds_of
from core_model.cli.parse import parse
from core_model.cli.progress import Update, progress
from core_model.cli.requests import given_options
from core_model.cli.sessions import record_of, rendered
from core_model.output.images import channel_path, picture
from core_model.output.turntable import camera_path, latent_walk
from core_model.output.video import video_writer
from core_model.schema.camera import OrbitPose
from core_model.schema.channels import ChannelInfo
from core_model.schema.checkpoint import CheckpointInfo
from core_model.schema.errors import InputError
from core_model.schema.record import DisplayRange
from core_model.schema.render import RenderRequest

if TYPE_CHECKING:
    from core_model.session import RenderSession

SUMMARY = "Render a closed camera path, or a walk through latents, to an .mp4."


@dataclass(frozen=True)
class PathOptions:
    """Camera path, latent walk and video."""

    motion: Annotated[Literal["sway", "turn", "still"] | None, arg(help_behavior_hint="")] = None
    """sway: an ellipse about the camera; turn: a full turn; still: fixed; default: sway, with --walk still"""
    walk: Annotated[str | None, arg(metavar="A-B,C", help_behavior_hint="")] = None
    """seeds whose w the video passes through, in a closed smooth loop"""
    file: Annotated[str | None, arg(name="path", metavar="FILE.json", help_behavior_hint="")] = None
    """keyframe path of the window's Path panel, instead of --motion; it says the number of frames and,
    without --fps, the speed"""
    yaw_swing: Annotated[float, arg(metavar="R")] = 0.5
    """half width of the sway, rad"""
    pitch_swing: Annotated[float, arg(metavar="R")] = 0.2
    """half height of the sway, rad"""
    frames: Annotated[int, arg(metavar="N")] = 120
    """number of frames"""
    fps: Annotated[float, arg(metavar="F")] = 30.0
    """frames per second"""


@dataclass(frozen=True, kw_only=True)
class OrbitOptions(ViewOptions):
    out: Annotated[Path, arg(metavar="FILE.mp4")]
    """the video (further channels as FILE.CHANNEL.mp4)"""
    path: PathOptions
    size: Annotated[int | None, arg(metavar="N", help_behavior_hint="")] = None
    """edge of the picture, pixels; default: the checkpoint's own"""
    channel: Annotated[str, arg(metavar="A,B")] = "rgb"
    """channel to show; several make a video each"""


def main(args: list[str]) -> None:
    options = parse(OrbitOptions, args, "orbit", SUMMARY)
    check_output(options.out, (".mp4",))
    if not 1 <= options.path.frames <= 100_000 or not 1 <= options.path.fps <= 240:
        raise InputError(what="bad video length", expected="1 to 100000 --frames, 1 to 240 --fps")
    path = along_file(options.path, given_options(args))
    started = time.monotonic()
    with opened_view(options, args, "orbit", channels=options.channel, size=options.size) as view:
        request = view.request
        with progress("orbit") as update:
            files = write_videos(
                view.session, view.info, request, view.channels, path, options.out, update, view.display
            )
    seconds = time.monotonic() - started
    names = ", ".join(str(f) for f in files)
    print(f"{names}: {path.frames} frames, {request.width} x {request.height}, {seconds:.1f} s")


def write_orbit(
    session: "RenderSession",
    info: CheckpointInfo,
    request: RenderRequest,
    channel: ChannelInfo,
    path: PathOptions,
    out: Path,
    update: Update,
) -> None:
    """Render the path and encode it; scalars keep one range over the whole video (the first frame's)."""
    write_videos(session, info, request, {channel.name: channel}, path, out, update)


def write_videos(
    session: "RenderSession",
    info: CheckpointInfo,
    request: RenderRequest,
    channels: dict[str, ChannelInfo],
    path: PathOptions,
    out: Path,
    update: Update,
    display: tuple[DisplayRange, ...] = (),
) -> list[Path]:
    """Render each frame once and encode a video per channel.

    Scalars keep one range: that of `display`, else the first frame's.
    """
    frames = frames_of(path, request)
    record = record_of(info, request).replace(motion=path_words(path), display=display)
    files = [channel_path(out, name, next(iter(channels))) for name in channels]
    ranges = {name: record.display_of(name) for name in channels}
    with ExitStack() as stack:
        videos = {
            name: stack.enter_context(video_writer(file, record.replace(shown=name), fps=path.fps))
            for name, file in zip(channels, files, strict=True)
        }
        for i, wanted in enumerate(frames):
            frame = rendered(session, wanted, lambda stage, fraction: None)
            for name, channel in channels.items():
                pixels, ranges[name] = picture(channel, frame.arrays[name], ranges[name])
                videos[name].add(pixels[..., :3])
            update(f"frame {i + 1} of {len(frames)}", (i + 1) / len(frames))
    return files


def frames_of(path: PathOptions, request: RenderRequest) -> list[RenderRequest]:
    """The request of each frame; raises InputError where a fixed matrix is to move."""
    motion = motion_of(path)
    if path.file is not None:
        frames = path_frames(camera_path_of(path.file), request, path.fps)
    elif motion == "still":
        frames = [request] * path.frames
    elif isinstance(request.camera, OrbitPose):
        poses = camera_path(request.camera, motion, path.frames, path.yaw_swing, path.pitch_swing)
        frames = [request.replace(camera=pose) for pose in poses]
    else:
        raise InputError(
            what="cannot orbit a fixed matrix",
            where="--label",
            expected="--motion still, --yaw --pitch … or --angles",
        )
    if path.walk is None:
        return frames
    latents = latent_walk(request.latent, seeds_of(path.walk, "--walk"), path.frames)
    return [frame.replace(latent=latent) for frame, latent in zip(frames, latents, strict=True)]


def along_file(path: PathOptions, given: frozenset[str]) -> PathOptions:
    """The options with the length of the `--path` file, if there is one."""
    if path.file is None:
        return path
    keys = camera_path_of(path.file, given)
    fps = path.fps if "fps" in given else keys.fps
    return replace(path, fps=fps, frames=frame_count(keys, fps))


def motion_of(path: PathOptions) -> Literal["sway", "turn", "still"]:
    """The camera's motion; a walk through latents has a fixed camera unless it is told to move."""
    return path.motion or ("sway" if path.walk is None else "still")


def path_words(path: PathOptions) -> str:
    """The path as the options that make it, for the record."""
    walk = f" --walk {path.walk}" if path.walk is not None else ""
    if path.file is not None:  # the keys themselves: a file's name would say nothing elsewhere
        return f"--path '{camera_path_of(path.file).model_dump_json()}'{walk} --fps {path.fps:g}"
    motion = motion_of(path)
    swing = f" --yaw-swing {path.yaw_swing:g} --pitch-swing {path.pitch_swing:g}" if motion == "sway" else ""
    return f"--motion {motion}{swing}{walk} --frames {path.frames} --fps {path.fps:g}"
