"""`triscope film RUN --out FILE.mp4`.

The same seeds and camera rendered from every snapshot of a run, one after the other.
"""

from __future__ import annotations

import math
import re
import sys
import time
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro
from tyro.conf import arg

from core_model.cli.files import check_output
from core_model.cli.options import (
    CameraOptions,
    LatentOptions,
    MachineOptions,
    SamplerOptions,
    channels_of,
    request_of,
    seeds_of,
)
from core_model.cli.parse import parse
from core_model.cli.progress import Update, progress
from core_model.cli.sessions import record_of, rendered
from core_model.schema.errors import InputError, TriscopeError
from core_model.schema.home import expanded
from core_model.schema.seeds import MOST_TOGETHER

if TYPE_CHECKING:
    import numpy as np

    from core_model.schema.render import RenderRequest
    from core_model.session import RenderSession

SUMMARY = "Render the same seeds and camera from every snapshot of a run to an .mp4."
_SNAPSHOT = re.compile(r"(?:network-snapshot-)?(\d{1,12})\.(?:safetensors|pkl)", re.ASCII)


@dataclass(frozen=True)
class FilmOptions:
    run: Annotated[str, tyro.conf.Positional, arg(metavar="RUN")]
    """a run folder with snapshots"""
    out: Annotated[Path, arg(metavar="FILE.mp4")]
    """the video"""
    latent: LatentOptions
    camera: CameraOptions
    sampler: SamplerOptions
    machine: MachineOptions
    seeds: Annotated[str, arg(metavar="A-B,C")] = "0-3"
    """seeds side by side in every frame (they replace --seed)"""
    size: Annotated[int | None, arg(metavar="N", help_behavior_hint="")] = None
    """edge of one picture, pixels; default: that of the newest snapshot"""
    channel: Annotated[str, arg(metavar="NAME")] = "rgb"
    """channel to show"""
    fps: Annotated[float, arg(metavar="F")] = 4.0
    """snapshots per second"""
    caption: bool = True
    """write the snapshot's number under the pictures"""


def main(args: list[str]) -> None:
    options = parse(FilmOptions, args, "film", SUMMARY)
    check_output(options.out, (".mp4",))
    if not 0.1 <= options.fps <= 240:
        raise InputError(what="bad value of --fps", expected="0.1 to 240", got=f"{options.fps:g}")
    seeds = seeds_of(options.seeds, most=MOST_TOGETHER)
    snapshots = snapshots_of(expanded(options.run))
    started = time.monotonic()
    with progress("film") as update:
        frames = write_film(options, seeds, snapshots, update)
    left_out = len(snapshots) - frames
    note = f", {left_out} snapshots could not be read" if left_out else ""
    print(
        f"{options.out}: {frames} snapshots of {len(seeds)} seeds, {time.monotonic() - started:.1f} s{note}"
    )


def snapshots_of(run: Path) -> list[tuple[int, Path]]:
    """(number, file) of every snapshot of a run, ascending. Raises InputError where there is none."""
    folder = run / "snapshots" if (run / "snapshots").is_dir() else run
    try:
        found = {
            int(m[1]): p
            for p in folder.iterdir()
            if (m := _SNAPSHOT.fullmatch(p.name)) is not None and p.is_file()
        }
    except OSError as error:
        raise InputError(
            what="cannot list the run", where=str(run), got=error.strerror or str(error)
        ) from None
    if not found:
        raise InputError(
            what="no snapshot in the folder",
            where=str(run),
            expected="snapshots/*.safetensors or network-snapshot-*.pkl",
            got="none",
        )
    return sorted(found.items())


def write_film(
    options: FilmOptions, seeds: tuple[int, ...], snapshots: list[tuple[int, Path]], update: Update
) -> int:
    """One frame per snapshot; one that cannot be read is left out and told on stderr.

    Returns the number of frames.
    """
    from core_model.output.video import video_writer
    from core_model.session import RenderSession

    session = RenderSession(device=options.machine.device, threads=options.machine.threads)
    size = options.size or _newest_size(snapshots)
    frames = 0
    with ExitStack() as stack:
        video = None
        for index, (number, path) in enumerate(snapshots):
            try:
                info = session.open(str(path))
            except TriscopeError as error:
                print(f"left out: {error}", file=sys.stderr)
                continue
            try:
                requests = [_request(options, info, seed, size) for seed in seeds]
                channel = channels_of(options.channel, info, ())[options.channel]
                tiles = []
                for place, request in enumerate(requests):
                    tiles.append(_tile(session, request, channel))
                    update(
                        f"snapshot {index + 1} of {len(snapshots)}",
                        (index + (place + 1) / len(seeds)) / len(snapshots),
                    )
                if video is None:
                    record = record_of(info, requests[0]).replace(
                        motion=f"--seeds {options.seeds} over the snapshots of {options.run}"
                    )
                    video = stack.enter_context(video_writer(options.out, record, fps=options.fps))
                video.add(sheet(tiles, f"snapshot {number}" if options.caption else ""))
                frames += 1
            finally:
                session.close(str(path))
        if video is None:
            raise InputError(
                what="no snapshot can be read",
                where=options.run,
                expected="checkpoints of one run",
                got="see above",
            )
    return frames


def sheet(tiles: list["np.ndarray"], caption: str) -> "np.ndarray":
    """Tiles [H, W, 3] uint8 in rows of equal length, nearly square; `caption` in a strip under them."""
    import numpy as np
    from PIL import Image, ImageDraw, ImageFont

    from core_model.schema.assets import assets_dir

    height, width = tiles[0].shape[:2]
    columns = math.ceil(math.sqrt(len(tiles)))
    rows = -(-len(tiles) // columns)
    strip = max(12, min(28, height // 8)) if caption else 0
    made = np.zeros((rows * height + strip, columns * width, 3), np.uint8)
    for i, tile in enumerate(tiles):
        y, x = i // columns * height, i % columns * width
        made[y : y + height, x : x + width] = tile
    if caption:
        image = Image.fromarray(made)
        font = ImageFont.truetype(str(assets_dir() / "fonts" / "Inter-Regular.otf"), round(0.72 * strip))
        ImageDraw.Draw(image).text(
            (0.25 * strip, rows * height + 0.5 * strip), caption, font=font, fill=(230, 232, 238), anchor="lm"
        )
        made = np.asarray(image)
    return made


def _newest_size(snapshots: list[tuple[int, Path]]) -> int:
    """Edge of the newest snapshot that can be read, pixels."""
    from core_model.checkpoints.describe import describe_checkpoint

    for _, path in reversed(snapshots):
        try:
            return describe_checkpoint(str(path)).image_size
        except TriscopeError:
            continue
    raise InputError(
        what="no snapshot can be read", where=str(snapshots[0][1].parent), expected="checkpoints of one run"
    )


def _request(options: FilmOptions, info, seed: int, size: int) -> "RenderRequest":
    latent = replace(options.latent, seed=seed)
    return request_of(
        info, latent, options.camera, options.sampler, options.machine, size=size, channels=(options.channel,)
    )


def _tile(session: "RenderSession", request: "RenderRequest", channel) -> "np.ndarray":
    from core_model.output.images import picture

    frame = rendered(session, request, lambda stage, fraction: None)
    return picture(channel, frame.arrays[channel.name])[0][..., :3]
