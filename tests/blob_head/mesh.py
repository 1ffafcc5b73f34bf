"""Stand-ins of the mesh answers for the numpy session: real surfaces of the blob head on a coarse grid."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from core_model.meshing.marching import marching_cubes
from core_model.schema.errors import InputError
from core_model.schema.mesh import MeshForecast
from core_model.schema.question_mesh import FieldHistogramQuestion, MeshForecastQuestion, MeshPreviewQuestion

BOX, NODES = 0.75, 40
Distance = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]
Found = tuple[dict[str, Any], dict[str, np.ndarray]]


def _values(distance: Distance, nodes: int) -> tuple[np.ndarray, float]:
    axis = np.linspace(-BOX, BOX, nodes)
    grid = np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), -1).reshape(-1, 3)
    return distance(grid)[0].reshape(nodes, nodes, nodes), float(axis[1] - axis[0])


def histogram(question: FieldHistogramQuestion, distance: Distance) -> Found:
    values, _ = _values(distance, 20)
    counts, edges = np.histogram(values, bins=96)
    about = {
        "quantity": question.quantity or "sdf", "quantities": ("sdf", "density"), "level": 0.0, "low": float(values.min()),
        "high": float(values.max()), "box": BOX,
    }  # fmt: skip
    return about, {"counts": counts.astype(np.float32), "edges": edges.astype(np.float32)}


def forecast(question: MeshForecastQuestion) -> Found:
    request = question.request
    if request.colour == "texture" and question.suffix == ".ply":
        raise InputError(what="no texture in this kind of file", where="mesh.ply")
    n = request.resolution
    found = MeshForecast(
        resolution=n, quantity="sdf", level=request.level or 0.0, voxel=2 * BOX / (n - 1), dense_points=n**3, points=n**2, vertices=n**2,
        triangles=2 * n**2, seconds=1e-5 * n**2, memory_bytes=400_000_000 + 100 * n**2, file_bytes=30 * n**2, pilot_resolution=NODES,
        pilot_triangles=9000, low=-0.3, high=1.0,
    )  # fmt: skip
    return found.model_dump(), {}


def preview(question: MeshPreviewQuestion, distance: Distance) -> Found:
    values, step = _values(distance, NODES)
    level = question.request.level or 0.0
    vertices, faces = marching_cubes(values, level)
    world = -BOX + vertices * step
    e = 1e-3 * np.eye(3)
    gradient = (
        np.stack([distance(world + e[i])[0] - distance(world - e[i])[0] for i in range(3)], -1)
        if len(world)
        else world
    )
    normals = gradient / np.maximum(np.linalg.norm(gradient, axis=-1, keepdims=True), 1e-9)
    about = {
        "quantity": "sdf", "level": level, "voxel": step, "low": float(values.min()), "high": float(values.max()), "components": 1,
        "removed": 0, "cut_by": (), "ms": 20.0,
    }  # fmt: skip
    arrays = {
        "vertices": world.astype(np.float32), "normals": normals.astype(np.float32), "faces": faces.astype(np.uint32),
        "colours": (0.5 + 0.5 * normals).astype(np.float32),
    }  # fmt: skip
    return about, arrays
