"""`triscope orbit CHECKPOINT --out FILE.mp4`: a closed camera path as a video."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from tyro.conf import arg

from core_model.cli.options import (
    CameraOptions,
    LatentOptions,
    MachineOptions,
    SamplerOptions,
    channels_of,
    request_of,
)
from core_model.cli.outputs import check_output
from core_model.cli.parse import parse
from core_model.cli.progress import Update, progress
from core_model.cli.sessions import CheckpointArgument, opened, record_of, rendered
from core_model.schema.camera import OrbitPose
from core_model.schema.channels import ChannelInfo
from core_model.schema.checkpoint import CheckpointInfo
from core_model.schema.errors import InputError
from core_model.schema.render import RenderRequest
from core_model.session.images import picture
from core_model.session.turntable import camera_path
from core_model.session.video import video_writer

if TYPE_CHECKING:
    from core_model.session import RenderSession

SUMMARY = "Render a closed camera path to an .mp4."


@dataclass(frozen=True)
class PathOptions:
    """Camera path and video."""

    motion: Literal["sway", "turn"] = "sway"
    """sway: an ellipse about the camera; turn: a full turn"""
    yaw_swing: Annotated[float, arg(metavar="R")] = 0.5
    """half width of the sway, rad"""
    pitch_swing: Annotated[float, arg(metavar="R")] = 0.2
    """half height of the sway, rad"""
    frames: Annotated[int, arg(metavar="N")] = 120
    """number of frames"""
    fps: Annotated[float, arg(metavar="F")] = 30.0
    """frames a second"""


@dataclass(frozen=True)
class OrbitOptions:
    checkpoint: CheckpointArgument
    """a .safetensors file, a run folder, `demo` or `analytic:NAME`"""
    out: Annotated[Path, arg(metavar="FILE.mp4")]
    """the video"""
    path: PathOptions
    latent: LatentOptions
    camera: CameraOptions
    sampler: SamplerOptions
    machine: MachineOptions
    size: Annotated[int | None, arg(metavar="N", help_behavior_hint="")] = None
    """edge of the picture, pixels; default: the checkpoint's own"""
    channel: Annotated[str, arg(metavar="NAME")] = "rgb"
    """channel to show"""


def main(args: list[str]) -> None:
    options = parse(OrbitOptions, args, "orbit", SUMMARY)
    check_output(options.out, (".mp4",))
    if not 1 <= options.path.frames <= 100_000 or not 1 <= options.path.fps <= 240:
        raise InputError(what="bad video length", expected="1 to 100000 --frames, 1 to 240 --fps")
    started = time.monotonic()
    with opened(options.checkpoint, options.machine) as (session, info):
        channel = channels_of(options.channel, info, ())
        request = request_of(
            info,
            options.latent,
            options.camera,
            options.sampler,
            options.machine,
            size=options.size,
            channels=tuple(channel),
        )
        with progress("orbit") as update:
            write_orbit(
                session, info, request, next(iter(channel.values())), options.path, options.out, update
            )
    seconds = time.monotonic() - started
    print(f"{options.out}: {options.path.frames} frames, {request.width} x {request.height}, {seconds:.1f} s")


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
    if not isinstance(request.camera, OrbitPose):
        raise InputError(
            what="cannot orbit a fixed matrix", where="--label", expected="--yaw --pitch … or --angles"
        )
    motion = f"--motion {path.motion} --yaw-swing {path.yaw_swing:g} --pitch-swing {path.pitch_swing:g}"
    record = record_of(info, request).replace(motion=f"{motion} --frames {path.frames} --fps {path.fps:g}")
    poses = camera_path(request.camera, path.motion, path.frames, path.yaw_swing, path.pitch_swing)
    with video_writer(out, record, fps=path.fps) as video:
        for i, pose in enumerate(poses):
            frame = rendered(session, request.replace(camera=pose), lambda stage, fraction: None)
            pixels, shown = picture(channel, frame.arrays[channel.name])
            if shown is not None:
                channel = channel.replace(low=shown.low, high=shown.high)
            video.add(pixels[..., :3])
            update(f"frame {i + 1} of {len(poses)}", (i + 1) / len(poses))
