"""Arrays of a mesh before they go to the graphics card: checked, and read in a thread."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest

from core_model.schema.errors import InputError
from core_model.schema.latent import LatentSpec
from tests.waiting import until
from viewer.gl.mesh_arrays import Loader, ShownMesh, mesh_arrays, preview_mesh, read_display

TRIANGLE = {
    "vertices": np.array([[0, 0, 0], [2, 0, 0], [0, 1, 0]], np.float32), "normals": np.tile(np.array([0, 0, 1], np.float32), (3, 1)),
    "faces": np.array([[0, 1, 2]], np.uint32),
}  # fmt: skip


def test_colours_become_bytes_and_the_ball_holds_the_mesh() -> None:
    colours = np.array([[0, 0.5, 1.0]] * 3, np.float32)
    mesh = mesh_arrays(TRIANGLE | {"colours": colours})
    assert mesh.colours is not None and mesh.colours.tolist() == [[0, 128, 255, 255]] * 3
    assert mesh.centre == (1.0, 0.5, 0.0)
    assert np.linalg.norm(TRIANGLE["vertices"] - np.array(mesh.centre), axis=1).max() <= mesh.radius + 1e-6
    assert mesh_arrays(TRIANGLE).number != mesh.number and mesh_arrays(TRIANGLE).colours is None


@pytest.mark.parametrize(
    "broken",
    [
        {"faces": np.array([[0, 1, 3]], np.uint32)}, {"faces": np.array([0, 1, 2], np.uint32)}, {"normals": np.zeros((2, 3), np.float32)},
        {"vertices": np.full((3, 3), np.nan, np.float32)}, {"colours": np.zeros((1, 3), np.uint8)},
    ],
)  # fmt: skip
def test_bad_arrays_never_reach_the_driver(broken: dict[str, np.ndarray]) -> None:
    with pytest.raises(InputError):
        mesh_arrays(TRIANGLE | broken)
    with pytest.raises(InputError, match="faces"):
        mesh_arrays({k: v for k, v in TRIANGLE.items() if k != "faces"})


def test_an_export_is_read_back_with_its_coarse_part(tmp_path: Path) -> None:
    path = tmp_path / "d.npz"
    coarse = {f"coarse_{k}": v for k, v in TRIANGLE.items()}
    np.savez(path, **TRIANGLE, **coarse, triangles=np.array(7))
    found = read_display(path, "task", "a.ply", 0.01, "analytic:sphere", LatentSpec())
    assert found.reduced and found.triangles == 7 and found.coarse is not None and found.source == "task"
    np.savez(path, **TRIANGLE)
    plain = read_display(path, "task", "a.ply", 0.01, "", None)
    assert not plain.reduced and plain.coarse is None
    path.write_bytes(b"PK nothing of the kind")
    with pytest.raises(InputError, match="cannot read"):
        read_display(path, "task", "a.ply", 0.01, "", None)
    np.savez(path, vertices=np.array([object()], dtype=object))
    with pytest.raises(InputError):
        read_display(path, "task", "a.ply", 0.01, "", None)


def test_the_loader_reads_in_a_thread_and_keeps_the_last_wish() -> None:
    loader, gate = Loader(), threading.Event()
    mesh = preview_mesh({"voxel": 0.1}, TRIANGLE, "c", LatentSpec(), 64)

    def slow() -> ShownMesh:
        gate.wait(5)
        return mesh

    def bad() -> ShownMesh:
        raise InputError(what="broken")

    assert loader.want("a", slow) is None and loader.want("a", slow) is None
    assert loader.want("b", bad) is None
    assert isinstance(until(lambda: loader.want("b", bad), "the broken one"), InputError)
    gate.set()
    assert loader.want("c", lambda: mesh) is None
    assert until(lambda: loader.want("c", lambda: mesh), "the mesh") is mesh
