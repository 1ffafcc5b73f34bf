"""Mesh against picture, pixel by pixel: distance along the ray to the mesh, minus the rendered depth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core_model.schema.channels import ChannelInfo
from viewer.state.shown_map import ShownMap

NAME = "mesh_error"
INFO = ChannelInfo(
    name=NAME, title="Mesh - depth", kind="scalar", unit="world units", colormap="balance", decimals=5,
    description="Distance along the ray to the mesh, minus the rendered depth",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class DepthError:
    """values [H, W] float32 world units, NaN where one of the two has no surface.

    mesh_only, render_only: share of the pixels in which any of the two has one; reach: 98th percentile of the
    absolute error; rms, mean, median, reach are nan without common pixels.
    """

    values: np.ndarray
    rms: float
    mean: float
    median: float
    reach: float
    mesh_only: float
    render_only: float
    pixels: int


def depth_error(mesh: np.ndarray, rendered: np.ndarray) -> DepthError:
    """mesh, rendered: [H, W] distances along the unit rays, world units, NaN = no surface."""
    a, b = np.isfinite(mesh), np.isfinite(rendered)
    both, either = a & b, max(int((a | b).sum()), 1)
    values = np.full(mesh.shape, np.nan, np.float32)
    values[both] = mesh[both] - rendered[both]
    found = values[both].astype(np.float64)
    nan = float("nan")
    if not found.size:
        return DepthError(
            values, nan, nan, nan, nan, float((a & ~b).sum()) / either, float((b & ~a).sum()) / either, 0
        )
    size = np.abs(found)
    return DepthError(
        values, float(np.sqrt(np.mean(found**2))), float(found.mean()), float(np.median(size)), float(np.percentile(size, 98)),
        float((a & ~b).sum()) / either, float((b & ~a).sum()) / either, int(found.size),
    )  # fmt: skip


def error_map(error: DepthError, version: int) -> ShownMap:
    """The error as a map for the viewport; `version` is unlike that of any frame's map."""
    return ShownMap(INFO, error.values, version)


def error_range(error: DepthError) -> tuple[float, float]:
    """Symmetric about zero, so that the middle colour means agreement."""
    reach = error.reach if np.isfinite(error.reach) else 1.0
    return -max(reach, 1e-7), max(reach, 1e-7)
