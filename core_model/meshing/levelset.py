"""A field as one number per point: the quantity whose level is the surface, evaluated in large calls."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from core_model.fields.base import Field, FieldSample
from core_model.ops.devices import of_kind
from core_model.schema.errors import Cancelled, InputError
from core_model.schema.mesh import DEFAULT_LEVELS, DEFAULT_RAW_LEVEL, Quantity

CALL_POINTS = (1 << 17, 1 << 22)
"""Points per call on a processor, and on an accelerator."""


class LevelSet:
    """`values` are float32; below the level lies the inside for distances, the outside for densities."""

    def __init__(
        self,
        field: Field,
        quantity: Quantity,
        level: float,
        *,
        device: torch.device,
        cancelled: Callable[[], bool] | None = None,
    ) -> None:
        self.field, self.device = field, device
        self.quantity: Quantity = quantity
        self.level = float(np.float32(level))  # compared with float32 values, so it is one
        self.cancelled = cancelled or (lambda: False)
        self.call_points = of_kind(device, *CALL_POINTS)
        self.evaluated = 0

    @property
    def inside_low(self) -> bool:
        """Whether the inside has values below the level."""
        return self.quantity == "sdf"

    def pick(self, sample: FieldSample) -> Tensor:
        """The quantity [B, N] of a sample."""
        if self.quantity == "density":
            return sample.density
        value = sample.sdf if self.quantity == "sdf" else sample.raw
        if value is None:
            raise InputError(
                what=f"field has no {self.quantity}",
                where="mesh",
                expected="density" if sample.sdf is None else "sdf or density",
                got=self.quantity,
            )
        return value

    def call(self, points: np.ndarray) -> np.ndarray:
        """One call of the field: [N, 3] → [N], at most `call_points` of them; raises Cancelled before it."""
        if self.cancelled():
            raise Cancelled("mesh cancelled")
        part = torch.from_numpy(points).to(self.device)
        return self.pick(self.field.geometry(part[None]))[0].float().cpu().numpy()

    def values(self, points: np.ndarray) -> np.ndarray:
        """points [N, 3] float32 world units → [N] float32.

        Raises Cancelled between calls, InputError when a value is not finite.
        """
        out = np.empty(len(points), dtype=np.float32)
        with torch.inference_mode():
            for start in range(0, len(points), self.call_points):
                some = points[start : start + self.call_points]
                out[start : start + len(some)] = self.call(some)
        self.evaluated += len(points)
        if not np.isfinite(out).all():
            bad = int(np.flatnonzero(~np.isfinite(out))[0])
            where = ", ".join(f"{c:.4g}" for c in points[bad])
            raise InputError(
                what="the field is not finite",
                where=f"point ({where})",
                expected="a number",
                got=str(out[bad]),
            )
        return out


def default_quantity(field: Field, device: torch.device) -> Quantity:
    """sdf where the field has one, else the raw density, else the density."""
    if field.is_sdf:
        return "sdf"
    with torch.inference_mode():
        sample = field.geometry(torch.zeros(1, 1, 3, device=device))
    return "raw" if sample.raw is not None else "density"


def default_level(quantity: Quantity, family: str) -> float:
    """Zero for distances; for densities the level that the family's own script takes."""
    if quantity == "sdf":
        return 0.0
    if family == "analytic":
        return 4.0  # half of the slab's density
    return DEFAULT_LEVELS.get(family, DEFAULT_RAW_LEVEL)
