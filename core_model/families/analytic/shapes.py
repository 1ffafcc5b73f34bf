"""Closed-form fields: sphere, torus, thin shell (SDF) and slab (density). World units, centred at the origin."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from core_model.families.analytic.description import KINDS
from core_model.fields.base import FieldSample
from core_model.fields.density import volsdf_density
from core_model.schema.registry import Registry

SPHERE_RADIUS = 0.3
TORUS_RADII = (0.24, 0.09)
SHELL_RADIUS, SHELL_HALF = 0.28, 0.006
SLAB_HALF, SLAB_DENSITY = 0.1, 8.0
BETA = 0.001

SHAPES: Registry[Callable[[Tensor], Tensor]] = Registry("analytic shape")
SHAPES.add("sphere", lambda p: p.norm(dim=-1) - SPHERE_RADIUS)
SHAPES.add(
    "torus",
    lambda p: torch.hypot(torch.hypot(p[..., 0], p[..., 1]) - TORUS_RADII[0], p[..., 2]) - TORUS_RADII[1],
)
SHAPES.add("shell", lambda p: (p.norm(dim=-1) - SHELL_RADIUS).abs() - SHELL_HALF)
SHAPES.add("slab", lambda p: p[..., 2].abs() - SLAB_HALF)


class AnalyticField:
    """A closed-form shape as a field.

    The slab is a homogeneous medium (its transmittance is exp(-density · length)), the others are surfaces.
    Colour: ½ + ½ of the position over the box, darkened on a checkerboard of 0.1 world units, so that moving
    views show structure.
    """

    def __init__(self, shape: str, beta: float = BETA) -> None:
        self.distance = SHAPES.get(shape)
        self.is_sdf = KINDS.get(shape) == "sdf"
        self.beta = beta

    def geometry(self, points: Tensor) -> FieldSample:
        d = self.distance(points)
        if not self.is_sdf:
            return FieldSample(density=torch.where(d < 0, SLAB_DENSITY, 0.0), features=points)
        beta = torch.full_like(d, self.beta)
        return FieldSample(density=volsdf_density(d, beta), sdf=d, beta=beta, features=points)

    def colour(self, sample: FieldSample, points: Tensor, dirs: Tensor) -> Tensor:
        checker = (torch.floor(points / 0.1).sum(dim=-1, keepdim=True) % 2) * 0.25 + 0.75
        return (0.5 + points.clamp(-0.5, 0.5)) * checker
