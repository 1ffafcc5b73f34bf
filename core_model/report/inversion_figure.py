"""One picture of an inversion: photograph, reconstruction, three novel views and normals side by side (Fig. A8)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from core_model.output.images import picture, save_png
from core_model.schema.assets import assets_dir
from core_model.schema.camera import OrbitPose
from core_model.schema.checkpoint import CheckpointInfo
from core_model.schema.errors import InputError
from core_model.schema.export import default_request
from core_model.schema.record import RenderRecord
from core_model.schema.render import RenderRequest
from core_model.session import RenderSession

PAPER, INK = (255, 255, 255), (40, 43, 48)
SIDE, ABOVE = 0.5, 0.35
"""Turns of the novel views about the photograph's camera, rad."""
EDGE = 256
"""Least edge of a cell where the checkpoint makes pictures as large as that."""


@dataclass(frozen=True)
class Cell:
    """caption: what stands under it. channel "" = the photograph."""

    caption: str
    channel: str = "rgb"
    yaw: float = 0.0
    pitch: float = 0.0


CELLS = (
    Cell("input", ""), Cell("reconstruction"), Cell("from the left", yaw=-SIDE), Cell("from the right", yaw=SIDE),
    Cell("from above", pitch=ABOVE), Cell("normals", "normal"),
)  # fmt: skip


def write_figure(out: Path, photo: np.ndarray, code: Path, edge: int, device: str, threads: int = 0) -> Path:
    """The figure of an inverted code as a PNG that restores its view.

    photo [S, S, 3] uint8: the crop that was compared. edge: of a cell, pixels. Raises InputError where a view cannot be rendered.
    """
    session = RenderSession(device=device, threads=threads or None)
    info = session.open(str(code))
    edge = max(edge, min(EDGE, info.image_size))
    requests = [None if not cell.channel else _request(info, cell, edge) for cell in CELLS]
    cells = [
        _scaled(photo, edge) if request is None else _drawn(session, info, request) for request in requests
    ]
    shown = next(request for request in requests if request is not None)
    save_png(
        out, page(cells, [cell.caption for cell in CELLS]),
        RenderRecord(checkpoint_sha256=info.sha256, family=info.family, request=shown, shown="rgb"),
    )  # fmt: skip
    session.close(str(code))
    return out


def _request(info: CheckpointInfo, cell: Cell, edge: int) -> RenderRequest:
    request, camera = default_request(info), info.header.camera.default
    assert isinstance(camera, OrbitPose)
    top = math.pi / 2
    pitch = min(max(camera.pitch + cell.pitch, -top), top)
    return request.replace(
        width=edge, height=edge, channels=(cell.channel,), camera=camera.replace(yaw=camera.yaw + cell.yaw, pitch=pitch)
    )  # fmt: skip


def _drawn(session: RenderSession, info: CheckpointInfo, request: RenderRequest) -> np.ndarray:
    frame = session.render(request)
    if frame.result.error is not None:
        raise InputError(
            what="the figure cannot be rendered", where=info.path, got=frame.result.error.message
        )
    channel = next(c for c in info.channels if c.name == request.channels[0])
    pixels, _ = picture(channel, frame.arrays[channel.name])
    return pixels[..., :3] if pixels.shape[2] == 3 else _on_paper(pixels)


def _on_paper(rgba: np.ndarray) -> np.ndarray:
    alpha = rgba[..., 3:].astype(np.float32) / 255.0
    return np.round(rgba[..., :3] * alpha + np.array(PAPER) * (1.0 - alpha)).astype(np.uint8)


def _scaled(pixels: np.ndarray, edge: int) -> np.ndarray:
    return np.asarray(Image.fromarray(pixels).resize((edge, edge), Image.Resampling.LANCZOS))


def page(cells: list[np.ndarray], captions: list[str]) -> np.ndarray:
    """[H, W, 3] uint8 on white: square cells [S, S, 3] in a row, a caption centred under each."""
    edge = cells[0].shape[0]
    font_px, gap = max(11, round(0.065 * edge)), max(2, round(0.03 * edge))
    width = len(cells) * edge + (len(cells) + 1) * gap
    sheet = Image.new("RGB", (width, edge + 2 * gap + round(1.7 * font_px)), PAPER)
    font = ImageFont.truetype(str(assets_dir() / "fonts" / "Inter-Regular.otf"), font_px)
    draw = ImageDraw.Draw(sheet)
    for i, (cell, caption) in enumerate(zip(cells, captions, strict=True)):
        left = gap + i * (edge + gap)
        sheet.paste(Image.fromarray(np.ascontiguousarray(cell)), (left, gap))
        draw.text((left + edge / 2, edge + gap + 0.45 * font_px), caption, INK, font=font, anchor="ma")
    return np.asarray(sheet)
