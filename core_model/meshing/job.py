"""Field → mesh file: forecast, extraction, component filter, decimation, attributes, report, file.

Nothing is left behind on failure.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import torch

from core_model import __version__
from core_model.fields.base import Field
from core_model.meshing.atlas import bake, unwrap
from core_model.meshing.attributes import Attributes, surface_attributes
from core_model.meshing.decimate import decimate
from core_model.meshing.display import write_display
from core_model.meshing.extract import Extraction, extract
from core_model.meshing.forecast import PILOT, Plan, check_room, plan
from core_model.meshing.formats import FORMATS
from core_model.meshing.formats.base import save, stopping
from core_model.meshing.lattice import Lattice
from core_model.meshing.levelset import LevelSet, default_level, default_quantity
from core_model.meshing.mesh import FILE_AXES, Mesh, Stamp, Texture, turned
from core_model.meshing.meter import Listener, Meter
from core_model.meshing.polygonise import Surface
from core_model.meshing.topology import Parts, components, examine, keep_components
from core_model.schema.errors import InputError, OutOfMemory, is_out_of_memory
from core_model.schema.mesh import (
    MeshProgress,
    MeshReport,
    MeshRequest,
    MeshTopology,
    texture_problem,
    up_problem,
)
from core_model.schema.processes import peak_bytes


@dataclass(frozen=True)
class MeshSource:
    """Where the surface comes from.

    box: half edge of the cube that is meshed; record: provenance that restores the view (JSON).
    """

    field: Field
    family: str
    box: float
    device: torch.device
    sha256: str = ""
    record: str = ""


@dataclass(frozen=True)
class MeshWork:
    """One mesh to make. `cancelled` is asked between field calls (it may block: that is a pause).

    display: where to leave a mesh that a window can draw (see meshing/display.py), if anywhere. take: gets the mesh
    itself before it is written.
    """

    source: MeshSource
    request: MeshRequest
    out: Path
    listener: Listener | None = None
    cancelled: Callable[[], bool] = field(default=lambda: False)
    display: Path | None = None
    take: Callable[[Mesh], object] = lambda mesh: None

    def level_set(self) -> LevelSet:
        """The field under the request's quantity and level, or the family's own."""
        source, request = self.source, self.request
        quantity = request.quantity or default_quantity(source.field, source.device)
        level = request.level if request.level is not None else default_level(quantity, source.family)
        return LevelSet(source.field, quantity, level, device=source.device, cancelled=self.cancelled)

    def forecast(self) -> Plan:
        """The coarse pass alone; raises InputError for a request that cannot be met, or OutOfMemory."""
        check_request(self.request, self.out)
        with memory_named(self.request, min(PILOT, self.request.resolution)):
            return plan(self.request, self.level_set(), self.source.box, self.out.suffix.lower())

    def run(self, prepared: Plan | None = None) -> MeshReport:
        """Make and write the mesh.

        Raises InputError, Cancelled or OutOfMemory, and then no file has changed.
        """
        prepared = prepared if prepared is not None else self.forecast()
        check_room(self.request, prepared.forecast, str(self.out.parent))
        with memory_named(self.request):
            return _Making(self, prepared).report()


def check_request(request: MeshRequest, out: Path) -> None:
    """Raises InputError when the file cannot hold what is asked for."""
    found = FORMATS.get(out.suffix.lower(), where=str(out))
    if request.colour == "texture" and not found.textured:
        can = ", ".join(f.suffix for f in FORMATS if f.textured)
        raise InputError(
            what="no texture in this kind of file", where=str(out), expected=can, got=found.suffix
        )
    if request.colour == "texture" and (problem := texture_problem(found.suffix)):
        raise InputError(what=problem, where=str(out), expected="colours by vertex, or none", got="texture")
    if request.up != "y" and (problem := up_problem(found.suffix)):
        raise InputError(what=problem, where=str(out), expected="up axis y", got=request.up)


@contextmanager
def memory_named(request: MeshRequest, edge: int | None = None) -> Iterator[None]:
    """Context in which running out of memory becomes an OutOfMemory that says what to lower, and to what.

    edge: of the grid that is computed inside, where that is not the request's. Half the edge takes a quarter of the memory.
    """
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        half = max(8, (edge or request.resolution) // 2)
        raise OutOfMemory(
            f"out of memory while meshing at {request.resolution}³; no file was changed: "
            f"--resolution {half}, a --crop or --faces needs less"
        ) from None


class _Making:
    """The steps of one mesh, each handing the next only what it needs."""

    def __init__(self, work: MeshWork, prepared: Plan) -> None:
        self.work, self.prepared = work, prepared
        self.request, self.started = work.request, time.monotonic()
        self.meter = Meter(prepared.stages, work.listener)
        self.levelset = work.level_set()
        self.lattice = Lattice.of_box(self.request.resolution, work.source.box, self.request.crop)
        self.format = FORMATS.get(work.out.suffix.lower())

    def report(self) -> MeshReport:
        request, tell = self.request, self.meter.tell
        found = extract(
            self.lattice, self.levelset, stage=tell, expected_points=self.prepared.forecast.points
        )
        raw = len(found.surface.faces)
        surface, parts, removed = self._wanted(found.surface)
        target = request.target_faces
        decimated = target is not None and len(surface.faces) > target
        if decimated and target is not None:
            tell("decimate", 0.0)
            surface = decimate(surface, target)
            parts = components(surface)
        attributes = self._attributes(surface, decimated)
        tell("report", 0.0)
        topology = self._topology(surface, parts)
        texture, surface, attributes = self._textured(surface, attributes)
        mesh = Mesh(
            surface.vertices,
            surface.faces,
            attributes.normals if attributes and request.normals else None,
            attributes.colours if attributes else None,
            texture,
            topology.watertight,
        )
        report = self._figures(found, raw, removed, attributes if decimated else None, topology)
        del found
        self.work.take(mesh)
        tell("write", 0.0)
        heard = stopping(lambda fraction: tell("write", fraction), self.work.cancelled)
        files = save(self.work.out, turned(mesh, request.up), self._stamp(report), heard)
        if self.work.display is not None:
            tell("display", 0.0)
            write_display(self.work.display, mesh, self.levelset, request)
        seconds = self.meter.finish()
        if self.work.listener is not None:
            self.work.listener(
                MeshProgress(stage="done", fraction=1.0, elapsed_s=time.monotonic() - self.started, eta_s=0.0)
            )
        return report.replace(
            files=tuple(str(f) for f in files),
            file_bytes=sum(f.stat().st_size for f in files),
            stage_seconds=seconds,
            seconds=round(time.monotonic() - self.started, 3),
            peak_bytes=peak_bytes(),
        )

    def _wanted(self, surface: Surface) -> tuple[Surface, Parts, int]:
        self.meter.tell("components", 0.0)
        parts = components(surface)
        return keep_components(surface, parts, self.request.keep, self.request.min_share)

    def _attributes(self, surface: Surface, decimated: bool) -> Attributes | None:
        carried = (self.format.normals and self.request.normals) or (
            self.format.coloured and self.request.colour != "none"
        )
        if not carried and not decimated:
            return None
        self.meter.tell("normals and colours", 0.0)
        return surface_attributes(
            self.levelset,
            surface,
            self.request,
            lambda fraction: self.meter.tell("normals and colours", fraction),
        )

    def _topology(self, surface: Surface, parts: Parts) -> MeshTopology:
        axes = self.lattice.axes()
        low = (float(axes[0][0]), float(axes[1][0]), float(axes[2][0]))
        high = (float(axes[0][-1]), float(axes[1][-1]), float(axes[2][-1]))
        return examine(surface, parts, low, high)

    def _textured(
        self, surface: Surface, attributes: Attributes | None
    ) -> tuple[Texture | None, Surface, Attributes | None]:
        if self.request.colour != "texture" or attributes is None:
            return None, surface, attributes
        self.meter.tell("atlas", 0.0)
        unwrapped = unwrap(surface, attributes.normals, self.request.texture_size)
        texture = bake(
            self.levelset, unwrapped, self.request, lambda fraction: self.meter.tell("texture", fraction)
        )
        split = Attributes(attributes.normals[unwrapped.source], None, attributes.distance)
        return texture, unwrapped.surface, split

    def _figures(
        self, found: Extraction, raw: int, removed: int, decimated: Attributes | None, topology: MeshTopology
    ) -> MeshReport:
        nodes = self.lattice.nodes
        return MeshReport(
            request=self.request,
            quantity=self.levelset.quantity,
            level=self.levelset.level,
            voxel=self.lattice.step,
            dense_points=nodes,
            evaluated_points=found.evaluated,
            evaluated_share=found.evaluated / nodes,
            grown_points=found.grown,
            audited_points=found.audited,
            audit_misses=found.misses,
            slope=found.slope,
            raw_triangles=raw,
            removed_components=removed,
            decimated=decimated is not None,
            decimation_error=None if decimated is None else decimated.distance,
            topology=topology,
            notes=notes_on(topology, found, self.format.suffix, self.request),
            device=str(self.work.source.device),
        )

    def _stamp(self, report: MeshReport) -> Stamp:
        source = self.work.source
        latent = self.request.latent
        seeds = (
            "+".join(str(s.seed) for s in latent.seeds) if latent.z is None and latent.w is None else "own"
        )
        line = f"triscope {__version__} ckpt {source.sha256[:12] or source.family} seed {seeds} n {self.request.resolution}"
        details = json.loads(report.model_dump_json(include={"request", "quantity", "level", "voxel"}))
        details["world"] = FILE_AXES[self.request.up]
        return Stamp(source.record, json.dumps(details), line.encode("ascii", "replace").decode())


def notes_on(topology: MeshTopology, found: Extraction, suffix: str, request: MeshRequest) -> tuple[str, ...]:
    """What a person should know of the surface, as sentences."""
    notes = []
    if topology.cut_by:
        notes.append(f"the surface is cut by the box at {', '.join(topology.cut_by)}")
    if topology.holes:
        notes.append(f"{topology.holes} holes away from the sides of the box")
    if topology.non_manifold_edges:
        notes.append(f"{topology.non_manifold_edges} edges with more than two faces")
    if topology.degenerate_faces:
        notes.append(
            f"{topology.degenerate_faces} faces without an area (the surface passes through grid nodes there)"
        )
    if found.misses:
        notes.append(
            f"the audit found {found.misses} skipped nodes on the wrong side; the surface there was followed"
        )
    if suffix == ".stl" and request.colour == "vertex":
        notes.append("an .stl holds no colours")
    return tuple(notes)
