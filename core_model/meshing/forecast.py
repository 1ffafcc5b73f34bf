"""Forecast of a mesh's cost: a coarse mesh of the same field, timed and scaled by the square of the
resolution.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
import psutil

from core_model.meshing.attributes import surface_attributes
from core_model.meshing.carve import block_size
from core_model.meshing.extract import Extraction, extract
from core_model.meshing.formats import FORMATS
from core_model.meshing.lattice import Lattice
from core_model.meshing.levelset import LevelSet
from core_model.meshing.polygonise import Surface
from core_model.schema.errors import InputError
from core_model.schema.memory import available_bytes
from core_model.schema.mesh import MeshForecast, MeshRequest

PILOT = 128
SAMPLE = 16384  # vertices that the speed of normals and colours is measured on
BYTES_PER_VERTEX = 420  # measured: bricks, triangles, and the sort of their edges, at their highest
REPORT_SECONDS = 0.6e-6  # per triangle: components, edges
CELL_SECONDS = 0.7e-6  # per triangle: look-up, and verification of its brick
WRITE_SECONDS = {".ply": 0.1e-6, ".glb": 0.15e-6, ".stl": 0.2e-6, ".obj": 3.0e-6}
DECIMATE_SECONDS, ATLAS_SECONDS, TEXEL_SECONDS = 1.2e-6, 3.5e-4, 1.0e-6
BINS = 48
MARGIN = 0.9  # of the resolution that would just fit


@dataclass(frozen=True)
class Plan:
    """The forecast, the seconds of each stage, and the coarse surface (a preview)."""

    forecast: MeshForecast
    stages: dict[str, float]
    preview: Surface


def plan(request: MeshRequest, levelset: LevelSet, box: float, suffix: str) -> Plan:
    """Make the coarse mesh and scale it up.

    The coarse mesh may miss what is smaller than its cells; the real one does not need it.
    """
    lattice = Lattice.of_box(request.resolution, box, request.crop)
    edge = min(PILOT, request.resolution)
    pilot_lattice = _pilot_lattice(edge, box, request)
    started = time.monotonic()
    pilot = extract(pilot_lattice, levelset, allow_empty=True)
    point_seconds = (time.monotonic() - started) / max(1, pilot.evaluated)
    points = _points(pilot, pilot_lattice, lattice, levelset)
    scale = (request.resolution - 1) / (pilot_lattice.resolution - 1)
    vertices, triangles = (
        round(n * scale**2) for n in (len(pilot.surface.vertices), len(pilot.surface.faces))
    )
    kept = triangles if request.target_faces is None else min(triangles, request.target_faces)
    kept_vertices = round(vertices * kept / max(1, triangles))
    stages = {
        "evaluate": points * point_seconds,
        "triangles": CELL_SECONDS * triangles,
        "components": REPORT_SECONDS * triangles / 2,
    }
    if kept < triangles:
        stages["decimate"] = DECIMATE_SECONDS * triangles
    stages["normals and colours"] = _vertex_seconds(pilot, levelset, request) * kept_vertices
    if request.colour == "texture":
        stages["atlas"] = ATLAS_SECONDS * kept
        stages["texture"] = request.texture_size**2 * (
            TEXEL_SECONDS + 1.5 * _vertex_seconds(pilot, levelset, request)
        )
    stages["report"] = REPORT_SECONDS * kept
    stages["write"] = WRITE_SECONDS.get(suffix, 0.2e-6) * kept + 0.05
    textures = (
        request.texture_size**2 if request.colour == "texture" else 0
    )  # a PNG of such colours has about one byte per texel
    counts, edges = np.histogram(_pilot_values(pilot_lattice, levelset), bins=BINS)
    forecast = MeshForecast(
        resolution=request.resolution,
        quantity=levelset.quantity,
        level=levelset.level,
        voxel=lattice.step,
        dense_points=lattice.nodes,
        points=points,
        vertices=vertices,
        triangles=triangles,
        seconds=sum(stages.values()),
        memory_bytes=psutil.Process().memory_info().rss
        + BYTES_PER_VERTEX * vertices
        + 4 * lattice.nodes // 4096,
        file_bytes=FORMATS.get(suffix).bytes_of(kept_vertices, kept) + textures,
        pilot_resolution=pilot_lattice.resolution,
        pilot_triangles=len(pilot.surface.faces),
        low=pilot.low,
        high=pilot.high,
        histogram_edges=tuple(edges.tolist()),
        histogram_counts=tuple(counts.tolist()),
    )
    return Plan(forecast, stages, pilot.surface)


def check_room(request: MeshRequest, forecast: MeshForecast, folder: str) -> None:
    """Raises InputError when the memory or the disk will not do, saying what to change."""
    limit = request.memory_gb * 1e9 if request.memory_gb is not None else available_bytes()
    if forecast.memory_bytes > limit:
        # what the process has already stays; the rest grows with the surface
        have = min(psutil.Process().memory_info().rss, forecast.memory_bytes - 1)
        share = max(0.0, limit - have) / (forecast.memory_bytes - have)
        fits = max(8, int(MARGIN * request.resolution * share**0.5) // 16 * 16)
        raise InputError(
            what="not enough memory",
            where=f"mesh of about {forecast.triangles:,} triangles",
            expected=f"about {forecast.memory_bytes / 1e9:.1f} GB; a --resolution of about {fits}, or a --crop, needs less",
            got=f"{limit / 1e9:.1f} GB",
        )
    free = psutil.disk_usage(folder).free
    if forecast.file_bytes > free:
        raise InputError(
            what="disk is full",
            where=folder,
            expected=f"about {forecast.file_bytes / 1e6:.0f} MB (--faces N writes fewer)",
            got=f"{free / 1e6:.0f} MB free",
        )


def _pilot_lattice(edge: int, box: float, request: MeshRequest) -> Lattice:
    """The coarse grid; finer under a small crop, until the crop has cells enough."""
    while True:
        try:
            lattice = Lattice.of_box(edge, box, request.crop)
        except InputError:
            if edge >= request.resolution:
                raise
            lattice = None
        if edge >= request.resolution or (
            lattice is not None and max(lattice.shape) >= min(48, request.resolution)
        ):
            return lattice if lattice is not None else Lattice.of_box(request.resolution, box, request.crop)
        edge = min(2 * edge, request.resolution)


def _points(pilot: Extraction, small: Lattice, large: Lattice, levelset: LevelSet) -> int:
    """Points of the large grid: coarsest blocks are counted, the rest grows with the surface."""
    blocks_small, blocks_large = (_blocks(x, block_size(x, levelset.quantity)) for x in (small, large))
    carved = max(0, pilot.evaluated - pilot.audited - blocks_small - pilot.probes)
    per_edge = (large.resolution / block_size(large, levelset.quantity)) / (
        small.resolution / block_size(small, levelset.quantity)
    )
    scale = (large.resolution - 1) / (small.resolution - 1)
    return min(
        large.nodes, round(blocks_large + pilot.probes * per_edge**2 + carved * scale**2 + pilot.audited)
    )


def _blocks(lattice: Lattice, size: int) -> int:
    a, b, c = (-(-n // size) for n in lattice.shape)
    return a * b * c


def _vertex_seconds(pilot: Extraction, levelset: LevelSet, request: MeshRequest) -> float:
    """Seconds per vertex for the normal and the colour."""
    count = min(SAMPLE, len(pilot.surface.vertices))
    if not count or not (request.normals or request.colour == "vertex"):
        return 0.0
    pick = np.linspace(0, len(pilot.surface.vertices) - 1, count).astype(np.int64)
    sample = Surface(pilot.surface.vertices[pick], np.empty((0, 3), dtype=np.int32))
    started = time.monotonic()
    surface_attributes(levelset, sample, request)
    return (time.monotonic() - started) / count


def _pilot_values(lattice: Lattice, levelset: LevelSet) -> np.ndarray:
    """Values on a grid of 32 nodes per edge, for the histogram."""
    axes = [
        table[np.linspace(0, len(table) - 1, min(32, len(table))).astype(int)] for table in lattice.tables()
    ]
    return levelset.values(np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3))
