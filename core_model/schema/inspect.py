"""What happened on one ray: the record behind the ray inspector and `triscope inspect`."""

from __future__ import annotations

from core_model.schema.camera import Vec3
from core_model.schema.frozen import Frozen

Series = tuple[float, ...]


class SampleTicks(Frozen):
    """Where one strategy put its samples: distances along the unit ray [world units]."""

    name: str
    t: Series
    delta: Series = ()


class BinSeries(Frozen):
    """A step function on the ray: `edges` has one number more than `values`."""

    name: str
    edges: Series
    values: Series


class RayReport(Frozen):
    """Every quantity of the render stack along one ray; distances in world units from the camera."""

    checkpoint: str
    family: str
    x: int
    y: int
    width: int
    height: int
    origin: Vec3
    direction: Vec3
    near: float
    far: float
    hit_box: bool
    t: Series = ()
    sdf: Series = ()
    density: Series = ()
    beta: Series = ()
    transmittance: Series = ()
    colors: tuple[Vec3, ...] = ()
    pdfs: tuple[BinSeries, ...] = ()
    ticks: tuple[SampleTicks, ...] = ()
    tau: float = 0.98
    robust_bins: tuple[int, ...] = ()
    robust_threshold: float | None = None
    """smallest predicted mass of a bin that the robust set keeps; None without a proposal network"""
    hits: dict[str, bool | None] = {}
    """row of samples → whether one of them lies in the bin of the true peak; None where the ray meets
    nothing"""
    numbers: dict[str, float | None] = {}
    units: dict[str, str] = {}
    ms: float = 0.0
