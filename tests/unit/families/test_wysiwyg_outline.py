"""Softened outlines, on a sphere whose coverage is known."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from core_model.families.wysiwyg.outline import find_grazing, pixel_width, softened
from core_model.fields.lattice import cell_centres
from core_model.geometry.rays import Rays, Window, label_rays
from core_model.schema.camera import OrbitPose, label25
from core_model.schema.conventions import Conventions

BOX, SIZE = 0.5, 64
LABEL = torch.tensor(label25(OrbitPose(yaw=0.3, pitch=0.1)), dtype=torch.float32)[None]
RED, GROUND = torch.tensor([1.0, 0.0, 0.0]), torch.tensor([0.0, 0.0, 1.0])


class Sphere:
    """A red sphere: what the outline asks of a field."""

    def __init__(self, radius: Tensor) -> None:
        self.radius = radius

    def distances(self, points: Tensor) -> tuple[Tensor, Tensor]:
        sdf = points.norm(dim=-1) - self.radius.detach()
        return sdf, torch.full_like(sdf, 1e-3)

    def learned_pieces(
        self, points: Tensor, dirs: Tensor, counts: list[int]
    ) -> tuple[Tensor, Tensor, Tensor]:
        sdf = points.norm(dim=-1) - self.radius
        return sdf, torch.full_like(sdf, 1e-3), RED.expand(len(points), 3)


def picture(radius: Tensor, edge: float) -> tuple[Tensor, Rays, Tensor]:
    """Colours [R, 3] of a hard march with its outline softened, the rays, and how far each passes the centre."""
    rays = label_rays(LABEL, Window(SIZE, 0, 0, SIZE), Conventions(box=BOX))
    flat = Rays(rays.origins[0], rays.dirs[0], rays.near[0], rays.far[0], rays.hit[0])
    closest = torch.linalg.cross(flat.origins, flat.dirs).norm(dim=-1)
    met = (closest < radius.detach()).float()
    field = Sphere(radius)
    lattice = field.distances(cell_centres(32, BOX, torch.device("cpu")))[0].reshape(32, 32, 32)
    width = edge * pixel_width(flat, LABEL, SIZE)
    grazing = find_grazing(field, lattice, BOX, flat, 6.0 * float(width.max()))  # type: ignore[arg-type]
    out = softened(field, flat, grazing, met[:, None] * RED, met, GROUND, width, torch.zeros(3))  # type: ignore[arg-type]
    return out, flat, closest


@pytest.mark.parametrize("edge", [0.25, 1.5])
def test_a_pixel_is_covered_as_far_as_its_ray_passes_inside(edge: float) -> None:
    found, rays, closest = picture(torch.tensor(0.2), edge)
    want = torch.sigmoid((0.2 - closest) / (edge * pixel_width(rays, LABEL, SIZE)))
    assert float((found[:, 0] - want).abs().max()) < 0.02
    assert torch.allclose(found[:, 0] + found[:, 2], torch.ones(len(found)), atol=1e-5)
    assert not float(found[:, 1].abs().max())


def test_a_sharp_outline_has_the_area_of_the_disc() -> None:
    found, _, _ = picture(torch.tensor(0.2), 0.25)
    # the outline of a sphere seen from distance d lies on a cone of sine r / d
    disc = math.pi * (float(LABEL[0, 16]) * math.tan(math.asin(0.2 / 2.7))) ** 2
    assert float(found[:, 0].sum()) / SIZE**2 == pytest.approx(disc, rel=0.01)


@pytest.mark.parametrize("start", [0.19, 0.21])
def test_the_outline_teaches_the_size(start: float) -> None:
    """A picture of a sphere of 0.2 draws another one's radius there; the hard picture has no gradient at all."""
    target = picture(torch.tensor(0.2), 0.25)[0].detach()
    radius = torch.tensor(start, requires_grad=True)
    (picture(radius, 0.25)[0] - target).square().mean().backward()
    assert radius.grad is not None and float(radius.grad) * (start - 0.2) > 0
