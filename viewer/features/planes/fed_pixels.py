"""Which pixels of the picture read a cell of a tri-plane. Pure; world frame."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core_model.schema.camera import MatrixCamera, OrbitPose
from core_model.schema.conventions import Conventions
from viewer.state.plane_view import AXIS, Cell, texel


def footprint(positions: np.ndarray, cell: Cell, size: tuple[int, int], conv: Conventions) -> np.ndarray:
    """Bilinear weight [H, W] in [0, 1] of a cell in the lookup at each pixel's world position.

    positions: [3, H, W]; the weight is 0 without a position.
    """
    weight = np.ones(positions.shape[1:], np.float32)
    for axis, place, n in zip(conv.plane_axes[cell.plane], (cell.column, cell.row), size, strict=True):
        at = texel(positions[AXIS[axis]] / conv.box, n, conv)  # type: ignore[arg-type]
        if conv.padding == "border":
            at = np.clip(at, 0.0, n - 1.0)
        weight = weight * np.clip(1.0 - np.abs(at - place), 0.0, 1.0)
    return np.nan_to_num(weight, nan=0.0).astype(np.float32)


def positions_of(depth: np.ndarray, camera: OrbitPose | MatrixCamera) -> np.ndarray:
    """World position [3, H, W] float32 of each pixel from its distance [H, W] along the unit ray.

    NaN without one.
    """
    height, width = depth.shape
    pose, k = camera.world_from_cam(), camera.intrinsics()
    x, y = np.meshgrid((np.arange(width) + 0.5) / width, (np.arange(height) + 0.5) / height)
    across, down = (x - k[0, 2]) / k[0, 0], (y - k[1, 2]) / k[1, 1]
    if isinstance(camera, OrbitPose) and camera.orthographic:
        origin = pose[:3, 3] + camera.distance * (
            across[..., None] * pose[:3, 0] + down[..., None] * pose[:3, 1]
        )
        points = origin + depth[..., None] * pose[:3, 2]
    else:
        local = np.stack([across, down, np.ones_like(across)], axis=-1)
        local /= np.linalg.norm(local, axis=-1, keepdims=True)
        points = pose[:3, 3] + depth[..., None] * (local @ pose[:3, :3].T)
    return np.moveaxis(points, -1, 0).astype(np.float32)


@dataclass(frozen=True)
class Run:
    """Neighbouring pixels of one row, all fed by the chosen cell; weight: the largest of them."""

    row: int
    first: int
    last: int
    weight: float


def runs_of(weight: np.ndarray, most: int = 2000) -> tuple[Run, ...]:
    """Pixels with weight > 0 as runs along rows, for drawing; at most `most` of them, top to bottom."""
    found: list[Run] = []
    rows = np.flatnonzero((weight > 0).any(axis=1))
    for row in rows:
        columns = np.flatnonzero(weight[row] > 0)
        breaks = np.flatnonzero(np.diff(columns) > 1)
        starts, ends = np.r_[0, breaks + 1], np.r_[breaks, len(columns) - 1]
        for a, b in zip(starts, ends, strict=True):
            found.append(
                Run(
                    int(row),
                    int(columns[a]),
                    int(columns[b]),
                    float(weight[row, columns[a] : columns[b] + 1].max()),
                )
            )
            if len(found) == most:
                return tuple(found)
    return tuple(found)


class FedPixels:
    """Keeps the pixels that the chosen cell feeds: computed once for a frame and a cell."""

    def __init__(self) -> None:
        self._key: tuple[object, ...] | None = None
        self._runs: tuple[Run, ...] = ()
        self._positions: tuple[object, np.ndarray] | None = None
        self.pixels = 0

    def positions(self, version: int, depth: np.ndarray, camera: OrbitPose | MatrixCamera) -> np.ndarray:
        key = (version, id(depth))
        if self._positions is None or self._positions[0] != key:
            self._positions = (key, positions_of(depth, camera))
        return self._positions[1]

    def runs(
        self,
        version: int,
        depth: np.ndarray,
        camera: OrbitPose | MatrixCamera,
        cell: Cell,
        size: tuple[int, int],
        conv: Conventions,
    ) -> tuple[Run, ...]:
        """Runs of pixels of the frame `version` whose lookup reads `cell`; `pixels` counts them."""
        key = (version, id(depth), cell, size)
        if key != self._key:
            weight = footprint(self.positions(version, depth, camera), cell, size, conv)
            self._key, self._runs, self.pixels = key, runs_of(weight), int((weight > 0).sum())
        return self._runs
