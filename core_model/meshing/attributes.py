"""Normals and colours of surface points, asked of the field itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from core_model.fields.base import FieldSample
from core_model.fields.gradient import with_gradient
from core_model.meshing.levelset import LevelSet
from core_model.meshing.polygonise import Surface
from core_model.ops.devices import of_kind
from core_model.schema.camera import Vec3
from core_model.schema.errors import Cancelled
from core_model.schema.mesh import MeshRequest

CALL_POINTS = (1 << 15, 1 << 20)
"""Points per call on a processor, and on an accelerator."""
FRONTAL: Vec3 = (0.0, 0.0, -1.0)
Direction = str | Vec3


@dataclass(frozen=True)
class Attributes:
    """normals [V, 3] float32 unit, outward; colours [V, 3] uint8 sRGB.

    distance: RMS of |value - level| / |gradient| [world units].
    """

    normals: np.ndarray
    colours: np.ndarray | None
    distance: float


def surface_attributes(
    levelset: LevelSet,
    surface: Surface,
    request: MeshRequest,
    done: Callable[[float], None] | None = None,
    call_points: int | None = None,
) -> Attributes:
    """One pass over the vertices, `call_points` at once.

    Gradient of the field by autograd, radiance at the asked direction.
    """
    done = done or (lambda fraction: None)
    vertices = surface.vertices
    normals = np.empty_like(vertices)
    colours = np.empty(vertices.shape, dtype=np.uint8) if request.colour == "vertex" else None
    weak = np.zeros(len(vertices), dtype=bool)
    squares = 0.0
    size = call_points or of_kind(levelset.device, *CALL_POINTS)
    for start in range(0, len(vertices), size):
        if levelset.cancelled():
            raise Cancelled("mesh cancelled")
        part = slice(start, start + size)
        points = torch.from_numpy(vertices[part]).to(levelset.device)[None]
        value, gradient, sample = point_gradient(levelset, points)
        length = gradient.norm(dim=-1)
        weak[part] = (~(length > 1e-12))[0].cpu().numpy()
        squares += float(
            (((value - levelset.level).abs() / length.clamp_min(1e-12))[length > 1e-12] ** 2).sum()
        )
        outward = gradient if levelset.inside_low else -gradient
        normals[part] = torch.nn.functional.normalize(outward, dim=-1)[0].cpu().numpy()
        if colours is not None:
            colours[part] = eight_bit(radiance(levelset, points, gradient, request.direction, sample)[0])
        done(min(1.0, (start + size) / max(1, len(vertices))))
    if weak.any():  # a field that is flat there, or a step function: the triangles know
        normals[weak] = face_normals(surface)[weak]
    return Attributes(normals, colours, float(np.sqrt(squares / max(1, len(vertices)))))


def point_gradient(levelset: LevelSet, points: Tensor) -> tuple[Tensor, Tensor, FieldSample]:
    """points [1, N, 3] → (quantity [1, N], its gradient [1, N, 3], the sample)."""
    sample, value, gradient = with_gradient(levelset.field, points, levelset.pick)
    return value, torch.nan_to_num(gradient.float()), sample


def radiance(
    levelset: LevelSet,
    points: Tensor,
    gradient: Tensor,
    direction: Direction,
    sample: FieldSample | None = None,
) -> Tensor:
    """Colour [1, N, 3] of the field at points [1, N, 3]; the gradient there serves the direction `normal`."""
    with torch.no_grad():
        known = sample if sample is not None else levelset.field.geometry(points)
        if direction == "normal":
            outward = gradient if levelset.inside_low else -gradient
            dirs = -torch.nn.functional.normalize(outward, dim=-1)
        else:
            fixed = FRONTAL if isinstance(direction, str) else direction
            dirs = torch.tensor(fixed, dtype=torch.float32, device=points.device).expand_as(points)
        return levelset.field.colour(known, points, dirs).detach().float()


def eight_bit(colour: Tensor) -> np.ndarray:
    """Radiance [.., 3] in [0, 1] → uint8 sRGB."""
    return (torch.nan_to_num(colour).clamp(0.0, 1.0) * 255.0).round().to(torch.uint8).cpu().numpy()


def face_normals(surface: Surface) -> np.ndarray:
    """Area-weighted mean of the faces at each vertex [V, 3], unit (zero where there is none)."""
    corners = surface.vertices[surface.faces]
    cross = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    total = np.zeros(surface.vertices.shape, dtype=np.float64)
    for d in range(3):
        for k in range(3):
            total[:, d] += np.bincount(surface.faces[:, k], weights=cross[:, d], minlength=len(total))
    length = np.linalg.norm(total, axis=1, keepdims=True)
    return np.divide(total, length, out=np.zeros_like(total), where=length > 0).astype(np.float32)
