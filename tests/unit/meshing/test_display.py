"""The light copy for the window: whole when small, decimated when large, with a coarse one for turning."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from core_model.meshing import display
from core_model.meshing.extract import extract
from core_model.meshing.lattice import Lattice
from core_model.meshing.mesh import Mesh, Texture
from core_model.schema.errors import InputError
from core_model.schema.mesh import MeshRequest
from tests.unit.meshing.fields import Shape, levelset, sphere

REQUEST = MeshRequest(checkpoint="analytic:sphere")


@pytest.fixture(scope="module")
def found():
    levels = levelset(Shape(sphere(0.3)))
    return extract(Lattice.of_box(48, 0.5), levels).surface, levels


def test_a_large_mesh_is_reduced_and_has_a_coarse_one(found, monkeypatch: pytest.MonkeyPatch) -> None:
    surface, levels = found
    monkeypatch.setattr(display, "MOST_TRIANGLES", 5000)
    monkeypatch.setattr(display, "REDUCED_TRIANGLES", 3000)
    monkeypatch.setattr(display, "COARSE_ABOVE", 2000)
    monkeypatch.setattr(display, "COARSE_TRIANGLES", 500)
    mesh = Mesh(surface.vertices, surface.faces, None, np.zeros(surface.vertices.shape, np.uint8))
    arrays = display.display_arrays(mesh, levels, REQUEST)
    assert int(arrays["triangles"]) == len(surface.faces) > 5000
    assert len(arrays["faces"]) <= 3000 and len(arrays["coarse_faces"]) <= 500
    for name in ("", "coarse_"):
        v, n = arrays[f"{name}vertices"], arrays[f"{name}normals"]
        assert np.abs(np.linalg.norm(v, axis=1) - 0.3).max() < 0.02 and (v * n).sum(axis=1).min() > 0.27
        assert arrays[f"{name}colours"].shape == v.shape


def test_a_small_one_is_as_it_was_exported(found) -> None:
    surface, levels = found
    arrays = display.display_arrays(Mesh(surface.vertices, surface.faces), levels, REQUEST)
    assert (
        np.array_equal(arrays["faces"], surface.faces)
        and "colours" not in arrays
        and "coarse_faces" not in arrays
    )
    image = np.arange(12, dtype=np.uint8).reshape(2, 2, 3)
    texture = Texture(np.array([[0.1, 0.1], [0.9, 0.1], [0.1, 0.9], [1.0, 1.0]], np.float32), image)
    assert np.array_equal(display.texture_at_vertices(texture), image.reshape(4, 3))


def test_a_folder_that_is_not_there(found, tmp_path: Path) -> None:
    surface, levels = found
    with pytest.raises(InputError, match="--display"):
        display.write_display(
            tmp_path / "no" / "a.npz", Mesh(surface.vertices, surface.faces), levels, REQUEST
        )
