"""The case table and marching cubes over a whole grid, from PyMCubes and from scikit-image, and against
PyMCubes' own mesh.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator

import numpy as np
import pytest

from core_model.meshing.extract import extract
from core_model.meshing.lattice import Lattice
from core_model.meshing.marching import _MIDDLE, PACKAGES, cases, marching_cubes, outlines, spanned
from tests.unit.meshing.fields import Shape, levelset, torus


@pytest.fixture
def without_pymcubes(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """As on a machine for which PyMCubes has no wheel."""
    monkeypatch.setitem(sys.modules, "mcubes", None)
    cases.cache_clear()
    yield
    cases.cache_clear()


def noise(closed: bool = False) -> np.ndarray:
    """Values in which all 256 cases come up; closed: the border lies above every level."""
    values = np.random.default_rng(7).normal(size=(21, 22, 23)).astype(np.float32)
    return np.pad(values, 1, constant_values=9.0) if closed else values


def grid_edges(vertices: np.ndarray) -> np.ndarray:
    """The middle of the grid edge that each vertex lies on, in half steps [V, 3]; one coordinate is odd."""
    return np.where(vertices == np.rint(vertices), 2 * vertices, 2 * np.floor(vertices) + 1).astype(np.int64)


def in_cell_faces(vertices: np.ndarray, faces: np.ndarray) -> set[tuple[tuple[int, ...], tuple[int, ...]]]:
    """Sides of triangles that lie in a face between two cells, by the grid edges that they end on."""
    ends = grid_edges(vertices)[np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])]
    flat = ((ends[:, 0] == ends[:, 1]) & (ends[:, 0] % 2 == 0)).any(axis=1)
    return {tuple(sorted((tuple(a), tuple(b)))) for a, b in ends[flat].tolist()}  # type: ignore[misc]


def test_both_packages_give_the_same_table() -> None:
    pytest.importorskip("mcubes", reason="PyMCubes has no wheel for this machine")
    pytest.importorskip("skimage")
    one, two = cases("PyMCubes"), cases("scikit-image")
    assert list(PACKAGES) == ["PyMCubes", "scikit-image"]
    assert np.array_equal(one.count, two.count) and np.array_equal(one.edges, two.edges)
    assert (
        one.count[[0, 255]].tolist() == [0, 0] and int(one.count.sum()) == 820 and int(one.count.max()) == 5
    )


def test_a_mesh_is_the_same_without_pymcubes(request: pytest.FixtureRequest) -> None:
    pytest.importorskip("mcubes", reason="PyMCubes has no wheel for this machine")
    pytest.importorskip("skimage")
    lattice, values = Lattice.of_box(65, 0.5), noise()
    sparse, whole = extract(lattice, levelset(Shape(torus))).surface, marching_cubes(values, 0.2)
    request.getfixturevalue("without_pymcubes")
    with pytest.raises(ImportError):
        cases("PyMCubes")
    again = extract(lattice, levelset(Shape(torus))).surface
    assert len(sparse.faces) > 5000
    for a, b in zip(
        (sparse.vertices, sparse.faces, *whole), (again.vertices, again.faces, *marching_cubes(values, 0.2))
    ):
        assert a.dtype == b.dtype and np.array_equal(a, b)


def test_without_any_package_one_line_says_so(
    without_pymcubes: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "skimage.measure", None)
    with pytest.raises(ImportError, match="neither PyMCubes nor scikit-image is installed"):
        cases()


def test_no_diagonal_lies_in_a_face_of_its_cell() -> None:
    """There it would meet the neighbour's, and four triangles would share an edge."""
    table = cases()
    for case in range(256):
        triangles = [tuple(t) for t in table.edges[case, : table.count[case]].tolist()]
        borders = [(o[i], o[(i + 1) % len(o)]) for o in outlines(triangles) for i in range(len(o))]
        sides = [(t[i], t[(i + 1) % 3]) for t in triangles for i in range(3)]
        assert len(set(sides)) == len(sides)
        for a, b in set(sides) - set(borders):
            assert (b, a) in sides and not ((_MIDDLE[a] == _MIDDLE[b]) & (_MIDDLE[a] != 1)).any()


def test_an_outline_is_spanned_by_the_shortest_diagonals() -> None:
    assert spanned((3, 5, 4)) == [(3, 5, 4)]
    assert spanned((1, 3, 2, 4, 8)) == [
        (1, 3, 8),
        (3, 2, 8),
        (2, 4, 8),
    ]  # diagonals of 6 and 6; 1–2 would be 8
    assert len(spanned((1, 5, 9, 2, 6, 10))) == 4


def test_the_mesh_of_a_volume_is_that_of_pymcubes() -> None:
    """Same vertices, as many triangles, the same lines in the faces between cells.

    Within a cell the diagonals may differ.
    """
    mcubes = pytest.importorskip("mcubes", reason="PyMCubes has no wheel for this machine")
    values = noise()
    vertices, faces = marching_cubes(values, 0.2)
    theirs, their_faces = mcubes.marching_cubes(values, 0.2)
    assert len(faces) == len(their_faces) > 20_000 and len(vertices) == len(theirs)
    order, their_order = (np.lexsort(grid_edges(v).T) for v in (vertices, theirs))
    assert np.array_equal(grid_edges(vertices)[order], grid_edges(theirs)[their_order])
    assert np.abs(vertices[order] - theirs[their_order]).max() < 1e-5
    assert in_cell_faces(vertices, faces) == in_cell_faces(theirs, their_faces.astype(np.int64))


def test_a_closed_surface_is_closed_and_faces_outwards() -> None:
    vertices, faces = marching_cubes(noise(closed=True))
    sides = Counter((int(t[i]), int(t[i - 2])) for t in faces for i in range(3))
    assert set(sides.values()) == {1} and all((b, a) in sides for a, b in sides)
    grid = np.linspace(-1.0, 1.0, 41, dtype=np.float32)
    x, y, z = np.meshgrid(grid, grid, grid, indexing="ij")
    vertices, faces = marching_cubes(np.sqrt(x * x + y * y + z * z) - 0.7)
    a, b, c = (0.05 * vertices[faces[:, k]] - 1.0 for k in range(3))
    volume = np.einsum("fi,fi->f", a, np.cross(b, c)).sum() / 6.0
    assert volume == pytest.approx(4.0 / 3.0 * np.pi * 0.7**3, rel=0.01)


@pytest.mark.parametrize("value", [1.0, -1.0])
def test_a_volume_without_a_surface_is_empty(value: float) -> None:
    vertices, faces = marching_cubes(np.full((4, 5, 6), value, dtype=np.float32))
    assert vertices.shape == (0, 3) and faces.shape == (0, 3)
