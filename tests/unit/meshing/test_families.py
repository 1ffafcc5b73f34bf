"""Meshes of every kind of field that the families have.

Densities without a slope to trust, through the real decoders.
"""

from __future__ import annotations

from types import ModuleType

import numpy as np
import pytest
import torch

from core_model.fields.base import Field
from core_model.meshing.attributes import point_gradient, surface_attributes
from core_model.meshing.extract import extract
from core_model.meshing.lattice import Lattice
from core_model.meshing.levelset import LevelSet, default_level, default_quantity
from core_model.schema.latent import LatentSpec
from core_model.schema.mesh import MeshRequest
from tests.contracts.tiny_checkpoint import tiny_generator
from tests.unit.families import test_eg3d, test_epigraf, test_mimic3d
from tests.unit.families.foreign_nets import opened
from tests.unit.meshing.fields import CPU, dense, triangles

FOREIGN: dict[str, ModuleType] = {"eg3d": test_eg3d, "epigraf": test_epigraf, "mimic3d": test_mimic3d}


def field_of(family: str) -> Field:
    """An untrained network of the family: its values vary over a few voxels, as the worst of trained ones."""
    if family == "wysiwyg":
        generator = tiny_generator()
        ws = generator.map(torch.randn(1, 16, generator=torch.Generator().manual_seed(0)), torch.zeros(1, 25))
        return generator.field(generator.synthesize(ws), fast=True)
    torch.manual_seed(0)
    model, _ = opened(family, FOREIGN[family].net())
    return model.field(model.planes(model.map(LatentSpec()), "const"), torch.float32)


@pytest.mark.parametrize("family", ["wysiwyg", "eg3d", "epigraf", "mimic3d"])
def test_every_family_equals_the_dense_path(family: str) -> None:
    with torch.no_grad():
        field = field_of(family)
    quantity = default_quantity(field, CPU)
    assert quantity == ("sdf" if family == "wysiwyg" else "raw")
    lattice = Lattice.of_box(48, 0.5 if family != "epigraf" else 0.3)
    level = 0.0
    if quantity == "raw":  # an untrained density does not reach the level of a trained one
        x, y, z = (t[::3] for t in lattice.tables())
        grid = np.stack(np.meshgrid(x, y, z, indexing="ij"), axis=-1).reshape(-1, 3)
        level = float(np.quantile(LevelSet(field, quantity, 0.0, device=CPU).values(grid), 0.9))
    level_set = LevelSet(field, quantity, level, device=CPU)
    surface = extract(lattice, level_set).surface
    truth = dense(lattice, level_set)
    assert len(surface.faces) == len(truth.faces) > 100
    assert np.array_equal(triangles(surface, lattice), triangles(truth, lattice))

    found = surface_attributes(level_set, surface, MeshRequest(checkpoint=family))
    assert np.abs(np.linalg.norm(found.normals, axis=1) - 1).max() < 1e-4
    assert found.colours is not None and found.colours.std() > 1
    outward = found.normals if quantity == "sdf" else -found.normals
    points = torch.from_numpy(surface.vertices[:200])[None]
    gradient = point_gradient(level_set, points)[1][0].numpy()
    assert ((gradient * outward[:200]).sum(axis=1) > 0).all()


def test_default_levels() -> None:
    assert [default_level("raw", f) for f in ("eg3d", "mimic3d", "epigraf")] == [
        10.0,
        10.0,
        25.0,
    ] and default_level("sdf", "eg3d") == 0.0
