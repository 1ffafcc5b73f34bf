"""The slice through the field: which plane, what of it, and the geometry of marks on it.

Pure; world frame, world units.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from pydantic import Field

from core_model.schema.camera import Vec3
from core_model.schema.channels import ChannelInfo
from core_model.schema.checkpoint import CheckpointInfo
from core_model.schema.frozen import Frozen
from core_model.schema.latent import LatentSpec
from core_model.schema.question_planes import MAX_SLICE, Normal, SectionQuestion, SliceFrame, slice_frame

COARSE = 64
"""Edge of the slices that follow a drag, pixels."""
AXES: dict[str, Vec3] = {"x": (1.0, 0.0, 0.0), "y": (0.0, 1.0, 0.0), "z": (0.0, 0.0, 1.0)}
STEEP = 0.12
"""Where a unit along the normal is shorter than this share of a unit across the view, a drag goes up and down
instead."""


class SectionView(Frozen):
    """axis: x, y, z or free (then `normal`, any length); offset along the unit normal.

    size: pixels per edge at rest.

    outline: draw the plane over the picture. Colours, range and iso-lines are in the document's channel views
    as `section.NAME`.
    """

    axis: Literal["x", "y", "z", "free"] = "z"
    normal: Normal = (0.0, 0.0, 1.0)
    offset: float = Field(default=0.0, ge=-1e4, le=1e4)
    quantity: str = ""
    size: int = Field(default=192, ge=32, le=MAX_SLICE)
    outline: bool = True

    @property
    def direction(self) -> Vec3:
        """Unit normal."""
        if self.axis != "free":
            return AXES[self.axis]
        length = math.hypot(*self.normal)
        return (self.normal[0] / length, self.normal[1] / length, self.normal[2] / length)

    def frame(self, box: float) -> SliceFrame:
        return slice_frame(self.direction, self.offset, box)


@dataclass(frozen=True)
class Quantity:
    """What a slice can show.

    also: the extra that the question names; centre: middle of automatic colours; iso: lines at first.
    """

    info: ChannelInfo
    also: Literal["", "slope", "features"] = ""
    centre: float | None = None
    iso: bool = False


def _quantity(
    name: str,
    title: str,
    unit: str,
    colormap: str,
    decimals: int,
    words: str,
    span: tuple[float, float] | None = None,
    **more: object,
) -> Quantity:
    low, high = span or (None, None)
    info = ChannelInfo(
        name=f"section.{name}", title=title, kind="scalar", unit=unit, colormap=colormap, decimals=decimals, description=words,
        low=low, high=high,
    )  # fmt: skip
    return Quantity(info, **more)  # type: ignore[arg-type]


QUANTITIES: dict[str, Quantity] = {
    "sdf": _quantity(
        "sdf",
        "Signed distance",
        "world units",
        "balance",
        4,
        "Negative inside the surface; the thick line is 0",
        centre=0.0,
        iso=True,
    ),
    "raw": _quantity(
        "raw",
        "Raw density",
        "",
        "balance",
        3,
        "Output of the decoder before its activation",
        centre=0.0,
        iso=True,
    ),
    "density": _quantity(
        "density", "Density", "1 / world unit", "inferno", 2, "What the renderer integrates along rays"
    ),
    "beta": _quantity(
        "beta", "Surface width beta", "world units", "magma", 5, "Small where the surface is sharp"
    ),
    "slope": _quantity(
        "slope",
        "Slope |grad f|",
        "",
        "balance",
        3,
        "1 where the field is a true distance (eikonal equation)",
        (0.0, 2.0),
        also="slope",
        centre=1.0,
    ),
    "features": _quantity(
        "features",
        "Feature norm",
        "",
        "viridis",
        3,
        "Length of the tri-plane features after their reduction",
        also="features",
    ),
}


def quantities_of(info: CheckpointInfo) -> tuple[str, ...]:
    """Names of what a slice of this checkpoint can show, the default first."""
    planes = info.plane_channels > 0
    if info.header.conventions.field == "sdf":
        return ("sdf", "density", "beta", "slope", *(("features",) if planes else ()))
    return ("density", *(("raw", "features") if planes else ()))


def quantity_of(view: SectionView, info: CheckpointInfo) -> str:
    """The chosen quantity, or the default where the checkpoint lacks it."""
    known = quantities_of(info)
    return view.quantity if view.quantity in known else known[0]


def question_of(
    view: SectionView, info: CheckpointInfo, latent: LatentSpec, precision: Literal["fp32", "bf16"], size: int
) -> SectionQuestion:
    also = QUANTITIES[quantity_of(view, info)].also
    return SectionQuestion(
        checkpoint=info.path,
        latent=latent,
        precision=precision,
        normal=view.direction,
        offset=view.offset,
        size=size,
        also=also,
    )


def automatic_range(values: np.ndarray, centre: float | None) -> tuple[float, float]:
    """Extremes of the finite values; with a centre the same reach on both sides of it.

    (0, 1) where nothing is finite.
    """
    finite = values[np.isfinite(values)]
    if not finite.size:
        return 0.0, 1.0
    low, high = float(finite.min()), float(finite.max())
    if centre is not None:
        reach = max(high - centre, centre - low)
        low, high = centre - reach, centre + reach
    return low, high if high > low else low + 1e-6


def value_at(values: np.ndarray, a: float, b: float) -> float | None:
    """Value of a slice [N, N] at slice coordinates in [-1, 1] (b up).

    None outside, and where there is none.
    """
    n = values.shape[0]
    column, row = int((0.5 + 0.5 * a) * n), int((0.5 - 0.5 * b) * n)
    if not (0 <= column < n and 0 <= row < n) or not np.isfinite(values[row, column]):
        return None
    return float(values[row, column])


def ray_meets(origin: Vec3, direction: Vec3, normal: Vec3, offset: float) -> Vec3 | None:
    """Where a ray meets the plane n·x = offset; None where it runs along it or away from it."""
    o, d, n = (np.asarray(v, dtype=np.float64) for v in (origin, direction, normal))
    along = float(d @ n)
    if abs(along) < 1e-9:
        return None
    t = (offset - float(o @ n)) / along
    if t <= 0.0:
        return None
    p = o + t * d
    return (float(p[0]), float(p[1]), float(p[2]))


def dragged_offset(
    offset: float, move: tuple[float, float], along: tuple[float, float], across: float, reach: float
) -> float:
    """Offset after a drag of the plane's handle by `move` pixels (y down), within ±reach.

    along: pixels that one world unit of the normal covers on the screen; across: pixels of one world unit
    across the view there. A normal that points at the camera has no direction on the screen: then up is along
    it.
    """
    length = math.hypot(*along)
    if length < STEEP * across:
        step = -move[1] / max(across, 1e-6)
    else:
        step = (move[0] * along[0] + move[1] * along[1]) / length**2
    return min(max(offset + step, -reach), reach)


def clipped_line(
    point: tuple[float, float], step: tuple[float, float]
) -> tuple[tuple[float, float], tuple[float, float]] | None:
    """Part of the line point + s·step inside the square [-1, 1]², in the sense of `step`.

    None where it misses.
    """
    low, high = -math.inf, math.inf
    for p, d in zip(point, step, strict=True):
        if abs(d) < 1e-12:
            if abs(p) > 1.0:
                return None
            continue
        a, b = sorted(((-1.0 - p) / d, (1.0 - p) / d))
        low, high = max(low, a), min(high, b)
    if low >= high or not (math.isfinite(low) and math.isfinite(high)):
        return None
    return (point[0] + low * step[0], point[1] + low * step[1]), (
        point[0] + high * step[0],
        point[1] + high * step[1],
    )
