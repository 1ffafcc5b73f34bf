"""The model: a smooth union of spheres, as a signed distance with a colour for each sphere."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from core_model.families.base import FamilySpec
from core_model.fields.base import FieldSample
from core_model.fields.density import volsdf_density
from core_model.fields.triplane import Planes
from core_model.schema.checkpoint import CheckpointHeader
from core_model.schema.latent import LatentSpec
from triscope_blobs.description import FAMILY, count_of, describe

BLEND = 0.02
"""How far spheres run into each other, world units."""
BETA = 0.001
"""Width of the surface, world units."""


class Blobs(nn.Module):
    """centres [N, 3] and radii [N] in world units, colours [N, 3] in [0, 1]: the tensors of a checkpoint."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self.centres = nn.Parameter(torch.empty(count, 3))
        self.radii = nn.Parameter(torch.empty(count))
        self.colours = nn.Parameter(torch.empty(count, 3))


class BlobField:
    """The scene: distances of points [B, N, 3] to the smooth union -k log Σ exp(-dᵢ / k)."""

    is_sdf = True

    def __init__(self, blobs: Blobs) -> None:
        self.blobs = blobs

    def geometry(self, points: Tensor) -> FieldSample:
        each = torch.cdist(points, self.blobs.centres[None]) - self.blobs.radii
        sdf = -BLEND * torch.logsumexp(-each / BLEND, dim=-1)
        beta = torch.full_like(sdf, BETA)
        share = torch.softmax(-each / BLEND, dim=-1)
        return FieldSample(density=volsdf_density(sdf, beta), sdf=sdf, beta=beta, features=share)

    def colour(self, sample: FieldSample, points: Tensor, dirs: Tensor) -> Tensor:
        assert sample.features is not None
        return sample.features @ self.blobs.colours


class BlobModel:
    """An opened checkpoint. It has neither latents nor planes; triscope fills and moves `module`."""

    def __init__(self, header: CheckpointHeader, where: str) -> None:
        self.conventions = header.conventions
        self.sizes = describe(header, where)
        with torch.device("meta"):
            self.module = Blobs(count_of(header, where))

    def map(self, latent: LatentSpec) -> Tensor | None:
        return None

    def planes(self, ws: Tensor | None, noise: str) -> Planes | None:
        return None

    def field(self, planes: Planes | None, precision: torch.dtype) -> BlobField:
        return BlobField(self.module)

    def propose(self, weights: Tensor, image: Tensor, dirs: Tensor) -> Tensor:
        raise RuntimeError("blobs have no proposal network")


SPEC = FamilySpec(FAMILY.description, BlobModel)
