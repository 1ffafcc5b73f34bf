"""`triscope demo [--out DIR]`: the window driven without a display, orbit video, mesh-ready summary."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import tyro
from tyro.conf import arg

from core_model.checkpoints.locate import default_checkpoint, resolve
from core_model.cli.info import describe
from core_model.cli.options import CameraOptions, LatentOptions, MachineOptions, SamplerOptions, request_of
from core_model.cli.orbit import PathOptions, write_orbit
from core_model.cli.parse import parse
from core_model.cli.progress import progress
from core_model.cli.sessions import opened, rendered
from core_model.schema.atomic import atomic_path, made_folder
from core_model.schema.checkpoint import CheckpointInfo
from core_model.schema.record import utc_now

if TYPE_CHECKING:
    from core_model.session import RenderSession

SUMMARY = "Tour without a display: screenshots of the real window, an orbit video, a mesh-ready summary."

VIDEO = PathOptions(frames=60, fps=20.0)
VIDEO_SIZE = 256
BOUNDS_SIZE = 64
BOUNDS_YAWS = (0.0, 1.6, 3.14, 4.7)


@dataclass(frozen=True)
class DemoOptions:
    checkpoint: Annotated[
        str | None, tyro.conf.Positional, arg(metavar="CHECKPOINT", help_behavior_hint="")
    ] = None
    """what to show; default: the demo"""
    out: Annotated[Path, arg(metavar="DIR")] = Path("triscope-demo")
    """folder for everything that is made"""


def main(args: list[str]) -> None:
    options = parse(DemoOptions, args, "demo", SUMMARY)
    checkpoint = resolve(options.checkpoint) if options.checkpoint else default_checkpoint()
    made_folder(options.out, f"--out {options.out}")
    started = time.monotonic()
    from viewer.tour.script import run_tour

    pictures = run_tour(options.out, checkpoint, tell=lambda name: print(options.out / name, flush=True))
    video, summary = options.out / "orbit.mp4", options.out / "summary.json"
    with opened(checkpoint, MachineOptions()) as (session, info):
        video_of(session, info, video)
        print(video, flush=True)
        write_summary(summary, describe(checkpoint) | {"mesh": mesh_facts(session, info)}, pictures, video)
        print(summary, flush=True)
    count = len(pictures)
    seconds = time.monotonic() - started
    print(f"{count} screenshots, an orbit video and a summary in {options.out}/, {seconds:.0f} s")


def video_of(session: "RenderSession", info: CheckpointInfo, path: Path) -> None:
    """The orbit video with everything at its default."""
    options = (LatentOptions(), CameraOptions(), SamplerOptions(), MachineOptions())
    size = min(VIDEO_SIZE, max(info.image_size, 64))
    request = request_of(info, *options, size=size, channels=("rgb",))
    rgb = next(c for c in info.channels if c.name == "rgb")
    with progress("orbit video") as update:
        write_orbit(session, info, request, rgb, VIDEO, path, update)


def mesh_facts(session: "RenderSession", info: CheckpointInfo) -> dict[str, object]:
    """What a mesher needs: field, level, box, and the surface's extent seen from four sides [world units]."""
    conventions = info.header.conventions
    options = (LatentOptions(), CameraOptions(), SamplerOptions(), MachineOptions())
    request = request_of(info, *options, size=BOUNDS_SIZE, channels=("position", "opacity"))
    seen = []
    for yaw in BOUNDS_YAWS:
        pose = info.header.camera.default.replace(yaw=yaw)
        frame = rendered(session, request.replace(camera=pose), lambda stage, fraction: None)
        solid = (frame.arrays["opacity"] > 0.5) & np.isfinite(frame.arrays["position"]).all(axis=0)
        seen.append(frame.arrays["position"][:, solid])
    points = np.concatenate(seen, axis=1).astype(np.float64)
    return {
        "field": conventions.field,
        "level": 0.0 if conventions.field == "sdf" else None,
        "inside": "negative" if conventions.field == "sdf" else "dense",
        "box_half_edge": conventions.box,
        "frame": "+x right, +y up, subject faces +z",
        "surface_low": points.min(axis=1).round(4).tolist() if points.size else None,
        "surface_high": points.max(axis=1).round(4).tolist() if points.size else None,
        "surface_points_seen": int(points.shape[1]),
    }


def write_summary(path: Path, document: dict[str, Any], pictures: list[Path], video: Path) -> None:
    """Checkpoint, mesh facts and the list of files, as JSON."""
    files = [*(p.name for p in pictures), video.name]
    with atomic_path(path) as temporary:
        text = json.dumps(document | {"created": utc_now(), "files": files}, indent=2, ensure_ascii=False)
        temporary.write_text(text + "\n", encoding="utf-8")
