"""Sparse extraction equals marching cubes over every node.

Same vertices, same triangles, same orientation.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from core_model.checkpoints.locate import default_checkpoint
from core_model.meshing.extract import extract
from core_model.meshing.lattice import Lattice
from core_model.meshing.levelset import LevelSet
from core_model.meshing.marching import cases
from core_model.meshing.topology import components, examine
from core_model.schema.errors import Cancelled, InputError
from core_model.schema.latent import LatentSpec
from core_model.schema.render import RenderRequest
from tests.unit.meshing.fields import (
    CPU,
    Distance,
    Fog,
    Shape,
    dense,
    levelset,
    plane,
    shell,
    sphere,
    torus,
    touching,
    triangles,
)


def same(lattice: Lattice, level_set: LevelSet) -> tuple[int, int]:
    """Assert equality with the dense path; (faces, Euler number)."""
    found = extract(lattice, level_set).surface
    truth = dense(lattice, level_set)
    assert len(found.vertices) == len(truth.vertices) and len(found.faces) == len(truth.faces)
    order = [np.lexsort(np.rint(s.vertices.astype(np.float64) * 1e7).T) for s in (found, truth)]
    assert np.abs(found.vertices[order[0]] - truth.vertices[order[1]]).max() <= 1e-6
    assert np.array_equal(triangles(found, lattice), triangles(truth, lattice))
    low, high = ((float(a[k]),) * 3 for a, k in ((lattice.axes()[0], 0), (lattice.axes()[0], -1)))
    reports = [examine(s, components(s), low, high) for s in (found, truth)]
    assert reports[0].euler == reports[1].euler and reports[0].components == reports[1].components
    return len(found.faces), reports[0].euler


SHAPES: dict[str, tuple[Distance, int | None]] = {
    "sphere": (sphere(0.3), 2),
    "torus": (torus, 0),
    "touching": (touching, None),
    "plane": (plane, 1),
    "off-centre": (sphere(0.11, (0.31, -0.2, 0.05)), 2),
    "cut by three sides": (sphere(0.3, (0.4, 0.4, -0.4)), 1),
}


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("resolution", [65, 128])
def test_shapes_equal_the_dense_path(name: str, resolution: int) -> None:
    distance, euler = SHAPES[name]
    _, found = same(Lattice.of_box(resolution, 0.5), levelset(Shape(distance)))
    assert euler is None or found == euler


@pytest.mark.parametrize("resolution", [128, pytest.param(256, marks=pytest.mark.slow)])
def test_a_shell_of_one_and_a_half_voxels(resolution: int) -> None:
    same(Lattice.of_box(resolution, 0.5), levelset(Shape(shell(1.5, resolution))))


@pytest.mark.slow
@pytest.mark.parametrize("name", SHAPES)
def test_shapes_at_256(name: str) -> None:
    same(Lattice.of_box(256, 0.5), levelset(Shape(SHAPES[name][0])))


@pytest.mark.parametrize("resolution", [128, pytest.param(256, marks=pytest.mark.slow)])
def test_the_demo_equals_the_dense_path(resolution: int) -> None:
    path = default_checkpoint()
    if not Path(path).is_file():
        pytest.skip("no demo checkpoint in this tree")
    from core_model.session import RenderSession

    session = RenderSession(device="cpu", threads=1)
    field = session.field_of(RenderRequest(checkpoint=path, latent=LatentSpec.of_seed(3)))
    faces, _ = same(Lattice.of_box(resolution, 0.5), LevelSet(field, "sdf", 0.0, device=CPU))
    assert faces > 1000


@pytest.mark.parametrize("resolution", [8, 9, 16, 17, 18, 33, 50, 100])
def test_any_resolution(resolution: int) -> None:
    same(Lattice.of_box(resolution, 0.5), levelset(Shape(sphere(0.37, (0.03, -0.02, 0.01)))))


@pytest.mark.parametrize(
    "crop",
    [
        ((-0.5, -0.5, -0.5), (0.0, 0.5, 0.5)),
        ((-0.13, 0.02, -0.4), (0.31, 0.09, 0.4)),
        ((0.2, -0.05, -0.05), (0.4, 0.05, 0.06)),
    ],
)
def test_a_crop_is_a_part_of_the_whole(
    crop: tuple[tuple[float, float, float], tuple[float, float, float]],
) -> None:
    lattice = Lattice.of_box(97, 0.5, crop)
    same(lattice, levelset(Shape(torus)))
    whole = dense(Lattice.of_box(97, 0.5), levelset(Shape(torus)))
    part = extract(lattice, levelset(Shape(torus))).surface
    known = {tuple(v) for v in whole.vertices.tolist()}
    assert all(tuple(v) in known for v in part.vertices.tolist())


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("node", [0, 15, 16, 17, 32, 64])
def test_a_level_that_lies_on_grid_nodes(axis: int, node: int) -> None:
    """The surface hugs the border of a brick (nodes 16, 32), lies beside it, or on the side of the box."""
    at = torch.linspace(-0.5, 0.5, 65)[node]
    flat: Distance = lambda p: p[..., axis] - at
    lattice = Lattice.of_box(65, 0.5)
    if node == 64:  # everything is at or below the level: no cell is crossed, in the dense path neither
        with pytest.raises(InputError, match="no surface"):
            extract(lattice, levelset(Shape(flat)))
        return
    same(lattice, levelset(Shape(flat)))


def test_values_exactly_at_the_level_in_space() -> None:
    """A staircase whose flat steps are at the level: many nodes equal it."""
    stairs: Distance = lambda p: torch.round((p[..., 0] + 0.6 * p[..., 1] - 0.3 * p[..., 2]) * 12.0) / 12.0
    same(Lattice.of_box(48, 0.5), levelset(Shape(stairs)))


@pytest.mark.parametrize("stretch", [0.02, 1.0, 40.0])
def test_fields_that_are_no_distances(stretch: float) -> None:
    """Slopes far from one, and different from place to place."""
    field = Shape(lambda p: stretch * sphere(0.3)(p) * torch.exp(4.0 * p[..., 0]))
    same(Lattice.of_box(96, 0.5), levelset(field))


def rough(p: Tensor) -> Tensor:
    """Waves of three voxels on a sphere, and pieces beside it."""
    waves = torch.sin(131.0 * p[..., 0]) * torch.sin(117.0 * p[..., 1]) * torch.sin(123.0 * p[..., 2])
    return sphere(0.3)(p) + 0.03 * waves


def test_a_rough_surface() -> None:
    same(Lattice.of_box(128, 0.5), levelset(Shape(rough)))


@pytest.mark.parametrize("level", [10.0, 24.5])
def test_densities(level: float) -> None:
    """Steep inside, flat outside, inside above the level."""
    field = Fog(lambda p: 60.0 * torch.sigmoid(-40.0 * sphere(0.28)(p)) - 20.0 + torch.sin(40.0 * p[..., 1]))
    same(Lattice.of_box(100, 0.5), levelset(field, "raw", level))


def test_a_density_step() -> None:
    """A field without slopes but for a jump."""
    field = Fog(lambda p: torch.where(p[..., 2].abs() < 0.1, 8.0, 0.0))
    same(Lattice.of_box(80, 0.5), levelset(field, "raw", 4.0))


def test_small_parts_are_found() -> None:
    """Forty spheres of one voxel and a half: none of them is lost."""
    rng = np.random.default_rng(5)
    centres = torch.from_numpy(rng.uniform(-0.45, 0.45, (40, 3))).float()
    field = Shape(lambda p: torch.cdist(p, centres[None]).min(dim=-1).values - 1.5 / 127)
    same(Lattice.of_box(128, 0.5), levelset(field))


def test_few_points_and_large_calls() -> None:
    field = Shape(sphere(0.3))
    lattice = Lattice.of_box(512, 0.5)
    found = extract(lattice, levelset(field))
    assert found.evaluated == sum(field.calls) < 0.015 * lattice.nodes
    assert sum(field.calls) / len(field.calls) > 20_000
    assert found.misses == 0 and found.audited > 10_000


def test_work_grows_with_the_surface() -> None:
    work = []
    for resolution in (257, 513):
        level_set = levelset(Shape(sphere(0.3)))
        work.append(extract(Lattice.of_box(resolution, 0.5), level_set).evaluated)
    assert work[1] / work[0] < 4.3


def test_no_surface_says_the_range() -> None:
    with pytest.raises(InputError, match=r"no surface at level 9 .*between -0\.\d+ and 0\.\d+"):
        extract(Lattice.of_box(64, 0.5), levelset(Shape(sphere(0.3)), level=9.0))


def test_a_field_that_is_not_finite_is_refused() -> None:
    field = Shape(lambda p: torch.where(p[..., 0] > 0.2, torch.nan, p[..., 0]))
    with pytest.raises(InputError, match="not finite"):
        extract(Lattice.of_box(64, 0.5), levelset(field))


def test_it_can_be_cancelled_anywhere() -> None:
    total = len(_asked(None))
    for stop in {1, 2, total // 2, total - 1}:
        with pytest.raises(Cancelled):
            _asked(stop)


def _asked(stop: int | None) -> list[bool]:
    asked: list[bool] = []

    def cancelled() -> bool:
        asked.append(True)
        return stop is not None and len(asked) >= stop

    extract(Lattice.of_box(64, 0.5), LevelSet(Shape(torus), "sdf", 0.0, device=CPU, cancelled=cancelled))
    return asked


def test_the_case_table_is_whole() -> None:
    table = cases()
    assert table.count[0] == table.count[255] == 0 and table.count.sum() == 820
    for case in range(256):
        low = [case >> c & 1 for c in range(8)]
        crossed = set()
        for e in range(12):
            x, y, z = table.corner[e]
            a = x << 2 | y << 1 | z
            b = a | (4, 2, 1)[table.axis[e]]
            if low[a] != low[b]:
                crossed.add(e)
        assert set(table.edges[case, : table.count[case]].reshape(-1).tolist()) == crossed


def test_lattice_nodes_are_the_same_for_everyone() -> None:
    whole, part = Lattice.of_box(1024, 0.5), Lattice.of_box(1024, 0.5, ((-0.1, 0.0, 0.2), (0.3, 0.25, 0.5)))
    for d in range(3):
        table = whole.tables()[d][part.first[d] : part.first[d] + part.shape[d]]
        assert np.array_equal(table, part.tables()[d])
        assert (
            whole.tables()[d][0] == -0.5
            and whole.tables()[d][-1] == 0.5
            and (np.diff(whole.tables()[d]) > 0).all()
        )
    with pytest.raises(InputError, match="no grid cell along y"):
        Lattice.of_box(64, 0.5, ((-0.5, 0.001, -0.5), (0.5, 0.002, 0.5)))
