"""Outlines that teach: how near each ray passes the surface, so that a picture's edge has a gradient to the shape.

A hard surface gives none: rays beside it meet nothing, and rays on it only change its colour. So the picture is softened
over some pixels at its outline: with s the smallest signed distance along a ray, the head covers the share
sigmoid(-s / width) of the pixel, as the mask of IDR (Yariv et al. 2020, eq. 7) with the pixel's size as its scale. At a
quarter of a pixel this is the edge of an antialiased photograph.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from core_model.families.wysiwyg.decoder import WysiwygField
from core_model.geometry.rays import Rays

REACH = 6.0
"""Of an outline, in units of its width: what passes further away is covered to less than 0.3 % or more than 99.7 %."""
STEPS, REFINED = 48, 7
"""Places per ray in the lattice, and about the best of these in the field."""


@dataclass(frozen=True)
class Grazing:
    """Rays [G] (flat indices of pixels) that pass the outline, and where each comes closest: distance beyond its near
    bound [G], world units."""

    ray: Tensor
    beyond: Tensor


@torch.no_grad()
def find_grazing(field: WysiwygField, lattice: Tensor, box: float, rays: Rays, reach: float) -> Grazing:
    """The rays [R] whose smallest signed distance is within `reach`, world units.

    lattice [n, n, n]: signed distances (x, y, z) at the centres of equal cells of the cube [-box, box]³.
    """
    device = lattice.device
    cell = 2.0 * box / lattice.shape[0]
    which = rays.hit.nonzero()[:, 0]
    near, span = rays.near[which, None], (rays.far - rays.near)[which, None]
    share = (torch.arange(STEPS, device=device) + 0.5) / STEPS
    some = Rays(rays.origins[which], rays.dirs[which], rays.near[which], rays.far[which], rays.hit[which])
    places = some.points(near + span * share) / box
    # grid_sample counts (z, y, x); centres of the outer cells are not the cube's rim, as align_corners=False has it
    found = F.grid_sample(
        lattice[None, None], places.flip(-1)[None, None], padding_mode="border", align_corners=False
    )[0, 0, 0]
    least, at = found.min(dim=-1)
    close = least.abs() < reach + cell
    which, at, near, span = which[close], share[at[close]][:, None], near[close], span[close]
    some = some.select(close.nonzero()[:, 0])
    around = torch.linspace(-1.0, 1.0, REFINED, device=device) / STEPS
    beyond = span * (at + around).clamp(0.0, 1.0)
    sdf = field.distances(some.points(near + beyond).reshape(1, -1, 3))[0].reshape(beyond.shape)
    least, at = sdf.min(dim=-1)
    kept = least.abs() < reach
    return Grazing(which[kept], beyond.gather(1, at[:, None])[kept, 0])


def pixel_width(rays: Rays, label: Tensor, size: int) -> Tensor:
    """Edge [R], world units, of a pixel in the middle of each ray's way through the scene. label [1, 25]."""
    return 0.5 * (rays.near + rays.far).detach() / (label[0, 16].detach() * size)


def softened(
    field: WysiwygField, rays: Rays, grazing: Grazing, rgb: Tensor, opacity: Tensor, ground: Tensor, width: Tensor, along: Tensor,
) -> Tensor:  # fmt: skip
    """The colours [R, 3] of a picture with its outline softened.

    rgb [R, 3] without what lies behind, and opacity [R], of the march; ground [3] behind the head; width [R], world units, of the
    softening at each ray; along [3]: the direction of whose colours the head has. Where the march met nothing, the head has the
    colour of the point that comes closest.
    """
    t = rays.near[grazing.ray] + grazing.beyond
    points = rays.origins[grazing.ray] + rays.dirs[grazing.ray] * t[:, None]
    sdf, _, colour = field.learned_pieces(points, along.expand_as(points), [len(points)])
    cover = torch.sigmoid(-sdf / width[grazing.ray])[:, None]
    met = opacity[grazing.ray][:, None]
    edge = cover * (rgb[grazing.ray] + (1.0 - met) * colour) + (1.0 - cover) * ground
    return (rgb + (1.0 - opacity)[:, None] * ground).index_put((grazing.ray,), edge)
