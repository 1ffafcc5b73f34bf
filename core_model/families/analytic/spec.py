"""The analytic family: `analytic:sphere`, `analytic:torus`, `analytic:shell`, `analytic:slab`; no file, no latents."""

from __future__ import annotations

import torch
from torch import Tensor

from core_model.families.analytic.shapes import SHAPES, AnalyticField
from core_model.families.base import FAMILIES, FamilySpec, Sizes
from core_model.fields.triplane import Planes
from core_model.schema.checkpoint import CheckpointHeader, Provenance
from core_model.schema.conventions import Conventions
from core_model.schema.latent import LatentSpec

PREFIX = "analytic:"


def analytic_header(path: str) -> CheckpointHeader:
    """Header of `analytic:SHAPE`."""
    shape = path.removeprefix(PREFIX)
    SHAPES.get(shape, where=path)
    return CheckpointHeader(
        family="analytic", name=shape, config={"shape": shape},
        conventions=Conventions(
            field="density" if shape == "slab" else "sdf", density_rule="density" if shape == "slab" else "volsdf",
            background=(0.86, 0.87, 0.88), scene_radius=0.5, camera_label="none",
        ),
        provenance=Provenance(made_by="triscope", notes="closed form; known answers for tests and demonstrations"),
        licence="Apache-2.0",
    )


class AnalyticModel:
    """A shape in the mould of a checkpoint."""

    module = None

    def __init__(self, header: CheckpointHeader) -> None:
        self.conventions = header.conventions
        self.shape = str(header.config["shape"])
        self.sizes = describe(header, header.name)

    def map(self, latent: LatentSpec) -> None:
        return None

    def planes(self, ws: Tensor | None, noise: str) -> Planes | None:
        return None

    def field(self, planes: Planes | None, precision: torch.dtype) -> AnalyticField:
        return AnalyticField(self.shape)

    def propose(self, weights: Tensor, image: Tensor, dirs: Tensor) -> Tensor:
        """The probe itself, spread to its neighbours: what a perfect low-resolution predictor would say."""
        spread = torch.nn.functional.max_pool3d(weights[:, None], 3, stride=1, padding=1)[:, 0]
        spread = torch.nn.functional.interpolate(spread, scale_factor=2, mode="bilinear", align_corners=False)
        p = spread + 1e-7
        return torch.log(p / p.sum(dim=1, keepdim=True))


def describe(header: CheckpointHeader, where: str) -> Sizes:
    shape = str(header.config["shape"])
    return Sizes(
        title=f"Analytic {shape}", image_size=256, is_sdf=shape != "slab", has_proposal=True, default_spp=17.6,
        probe_size=64, probe_samples=128, proposal_size=128,
    )


def _build(header: CheckpointHeader, where: str) -> AnalyticModel:
    return AnalyticModel(header)


FAMILIES.add("analytic", FamilySpec("analytic", describe, _build))
