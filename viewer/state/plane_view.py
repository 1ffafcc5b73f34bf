"""The tri-planes beside the picture: what is shown of them, the chosen cell, and the planes that are taken
out. Pure.

A cell is (level, plane, column, row) of a plane [H, W] in memory order: column along the plane's first world
axis, row along its second, both from the axis' minimum. In the panel the second axis points up, so row 0 is
at the bottom.
"""

from __future__ import annotations

from pydantic import Field

from core_model.schema.camera import Vec3
from core_model.schema.conventions import Conventions
from core_model.schema.frozen import Frozen
from core_model.schema.latent import Ablation, LatentSpec
from core_model.schema.question_planes import PlaneMode

AXIS = {"x": 0, "y": 1, "z": 2}


class Cell(Frozen):
    level: int = Field(default=0, ge=0)
    plane: int = Field(ge=0, le=2)
    column: int = Field(ge=0)
    row: int = Field(ge=0)


class PlaneView(Frozen):
    """mode: one channel, RMS over channels, or principal components as colours. own_range: a colour range per
    plane.

    colormap: of channel and RMS; empty = the mode's own.
    """

    mode: PlaneMode = "pca"
    level: int = Field(default=0, ge=0)
    channel: int = Field(default=0, ge=0)
    own_range: bool = False
    colormap: str = ""
    cell: Cell | None = None


def plane_title(conv: Conventions, plane: int) -> str:
    """The plane's world axes: "xy"."""
    a, b = conv.plane_axes[plane]
    return f"{a}{b}"


def texel(u: float, size: int, conv: Conventions) -> float:
    """Box coordinate in [-1, 1] → position in texels, whole numbers at texel centres."""
    return (u + 1.0) * 0.5 * (size - 1) if conv.align_corners else (u + 1.0) * 0.5 * size - 0.5


def box_coordinate(position: float, size: int, conv: Conventions) -> float:
    """The inverse of `texel`."""
    return 2.0 * position / (size - 1) - 1.0 if conv.align_corners else (2.0 * position + 1.0) / size - 1.0


def cell_of(point: Vec3, level: int, plane: int, size: tuple[int, int], conv: Conventions) -> Cell | None:
    """The cell (nearest texel) of a world point in a plane of `size` (width, height); None outside the box."""
    at = [point[AXIS[axis]] / conv.box for axis in conv.plane_axes[plane]]
    if any(abs(u) > 1.0 for u in at):
        return None
    column, row = (min(max(round(texel(u, n, conv)), 0), n - 1) for u, n in zip(at, size, strict=True))
    return Cell(level=level, plane=plane, column=column, row=row)


def cell_place(cell: Cell, size: tuple[int, int], conv: Conventions) -> tuple[float, float]:
    """World coordinates of a cell's centre along the plane's two axes."""
    return (
        box_coordinate(cell.column, size[0], conv) * conv.box,
        box_coordinate(cell.row, size[1], conv) * conv.box,
    )


def cell_column(cell: Cell, size: tuple[int, int], conv: Conventions) -> tuple[Vec3, Vec3]:
    """The line of world points through the box that a cell feeds: its two ends on the box."""
    first, second = (AXIS[a] for a in conv.plane_axes[cell.plane])
    a, b = cell_place(cell, size, conv)
    ends = []
    for side in (-conv.box, conv.box):
        p = [side, side, side]
        p[first], p[second] = a, b
        ends.append((p[0], p[1], p[2]))
    return ends[0], ends[1]


def is_ablated(latent: LatentSpec, level: int, plane: int) -> bool:
    return latent.ablate is not None and (level, plane) in latent.ablate.planes


def with_ablation(latent: LatentSpec, level: int, plane: int, off: bool, fill: str) -> LatentSpec:
    """A copy with one plane taken out or put back."""
    planes = set(latent.ablate.planes) if latent.ablate is not None else set()
    planes = planes | {(level, plane)} if off else planes - {(level, plane)}
    ablate = Ablation(planes=tuple(planes), fill=fill) if planes else None  # type: ignore[arg-type]
    return latent.replace(ablate=ablate)


def ablation_text(latent: LatentSpec, conv: Conventions, levels: int) -> str:
    """What is taken out, in words: "xy, yz planes → mean"; empty while nothing is."""
    if latent.ablate is None:
        return ""
    names = [
        plane_title(conv, p) + (f" level {level + 1}" if levels > 1 else "")
        for level, p in latent.ablate.planes
    ]
    return f"{', '.join(names)} {'plane' if len(names) == 1 else 'planes'} set to {latent.ablate.fill}"
