"""World to screen for marks over the picture, for many points at once and for every kind of camera."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core_model.schema.camera import MatrixCamera, OrbitPose


@dataclass(frozen=True)
class PicturePlace:
    """Where the picture lies on the screen; the viewport says so by `PicturePlaced` whenever it changes.

    edge_px: edge of the square picture in framebuffer pixels, 0 before the first frame. origin, size: upper
    left corner and edge in logical pixels. hover: image coordinates in [0, 1] of the cursor, y down, None
    beside the picture. held: what the mouse does to the camera ("orbit", "pan", …), "" at rest. drawn:
    whether there is a picture. value: what lies under the cursor, as text.
    """

    edge_px: int = 0
    origin: tuple[float, float] = (0.0, 0.0)
    size: float = 0.0
    hover: tuple[float, float] | None = None
    held: str = ""
    drawn: bool = False
    value: str = ""


@dataclass(frozen=True, eq=False)
class Projected:
    """uv [N, 2]: image coordinates in [0, 1], y down; distance [N] along the unit ray, world units.

    ahead [N]: in front of the camera.
    """

    uv: np.ndarray
    distance: np.ndarray
    ahead: np.ndarray


def project_points(camera: OrbitPose | MatrixCamera, points: np.ndarray) -> Projected:
    """Where world points [N, 3] lie in the picture; uv of points behind the camera mean nothing."""
    pose, k = camera.world_from_cam(), camera.intrinsics()
    local = (np.asarray(points, dtype=np.float64) - pose[:3, 3]) @ pose[:3, :3]
    if isinstance(camera, OrbitPose) and camera.orthographic:
        scale, distance, ahead = np.full(len(local), camera.distance), local[:, 2], np.ones(len(local), bool)
    else:
        ahead = local[:, 2] > 1e-6
        scale, distance = np.where(ahead, local[:, 2], 1.0), np.linalg.norm(local, axis=-1)
    uv = np.stack([local[:, 0] / scale * k[0, 0] + k[0, 2], local[:, 1] / scale * k[1, 1] + k[1, 2]], axis=-1)
    return Projected(uv, distance, ahead)


def hidden(projected: Projected, depth: np.ndarray | None, slack: float = 0.01) -> np.ndarray:
    """Which points [N] lie behind what the picture shows.

    depth [H, W] is the distance along unit rays, NaN = nothing there.
    """
    out = np.zeros(len(projected.uv), bool)
    if depth is None:
        return out
    height, width = depth.shape
    u, v = projected.uv[:, 0], projected.uv[:, 1]
    inside = (u >= 0) & (u < 1) & (v >= 0) & (v < 1) & projected.ahead
    seen = depth[(v[inside] * height).astype(int), (u[inside] * width).astype(int)]
    out[inside] = projected.distance[inside] > np.where(np.isfinite(seen), seen, np.inf) + slack
    return out


@dataclass(frozen=True)
class Piece:
    """A straight piece of a line on the screen, image coordinates."""

    a: tuple[float, float]
    b: tuple[float, float]
    hidden: bool


def line_pieces(
    camera: OrbitPose | MatrixCamera,
    start: np.ndarray,
    end: np.ndarray,
    depth: np.ndarray | None,
    steps: int = 32,
) -> tuple[Piece, ...]:
    """The world line from `start` to `end` as the picture shows it.

    Pieces in front of what is seen there, and behind it.
    """
    at = np.linspace(0.0, 1.0, steps + 1)[:, None]
    points = np.asarray(start) * (1.0 - at) + np.asarray(end) * at
    on_screen = project_points(camera, points)
    behind = hidden(project_points(camera, 0.5 * (points[1:] + points[:-1])), depth)
    pieces: list[Piece] = []
    first = 0
    for i in range(1, steps + 1):
        if i == steps or behind[i] != behind[first]:
            if on_screen.ahead[first] and on_screen.ahead[i]:
                a, b = on_screen.uv[first], on_screen.uv[i]
                pieces.append(
                    Piece((float(a[0]), float(a[1])), (float(b[0]), float(b[1])), bool(behind[first]))
                )
            first = i
    return tuple(pieces)
