"""`triscope mesh CHECKPOINT --out FILE.ply|.obj|.glb|.stl`: the level set of a head as a mesh."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import TypeAdapter, ValidationError
from tyro.conf import arg

from core_model.cli.cameras import CameraOptions
from core_model.cli.files import check_output
from core_model.cli.numbers import numbers_of
from core_model.cli.options import LatentOptions, MachineOptions, latent_of, seeds_of
from core_model.cli.parse import parse
from core_model.cli.progress import progress
from core_model.cli.sessions import CheckpointArgument, WorkerArgument, opened, record_of
from core_model.schema.checkpoint import CheckpointInfo
from core_model.schema.complaint import first_complaint
from core_model.schema.errors import InputError
from core_model.schema.latent import LatentSpec
from core_model.schema.mesh import MESH_SUFFIXES, MeshForecast, MeshProgress, MeshReport, MeshRequest
from core_model.schema.render import RenderRequest
from core_model.schema.sampler import SamplerSpec

if TYPE_CHECKING:
    from core_model.meshing.job import MeshSource
    from core_model.meshing.meter import Listener
    from core_model.session import RenderSession

SUMMARY = "Export the surface of a head as a mesh: .ply, .obj, .glb or .stl."


@dataclass(frozen=True)
class SurfaceOptions:
    """Which surface."""

    resolution: Annotated[int, arg(metavar="N")] = 1024
    """grid nodes along an edge of the box"""
    level: Annotated[float | None, arg(metavar="F", help_behavior_hint="")] = None
    """value on the surface; default: 0 for distances, 10 for raw densities (EpiGRAF 25)"""
    quantity: Annotated[Literal["sdf", "raw", "density"] | None, arg(help_behavior_hint="")] = None
    """what the level is a value of; default: sdf, else raw density"""
    crop: Annotated[str | None, arg(metavar="X0,Y0,Z0,X1,Y1,Z1", help_behavior_hint="")] = None
    """part of the box, world units"""
    keep: Literal["all", "largest"] = "all"
    """connected components to keep"""
    min_share: Annotated[float, arg(metavar="F")] = 0.0
    """leave out components with less than this share of the largest one's faces"""
    faces: Annotated[int | None, arg(metavar="N", help_behavior_hint="")] = None
    """reduce to about N triangles; default: all (textured: 40000)"""


@dataclass(frozen=True)
class LookOptions:
    """Colours, normals and axes."""

    color: Literal["vertex", "texture", "none"] = "vertex"
    """a colour per vertex, a UV atlas with a baked texture (.obj, .glb), or none"""
    direction: Annotated[str, arg(metavar="D")] = "frontal"
    """view that conditions the colours: frontal, normal, or X,Y,Z from the camera to the scene"""
    normals: bool = True
    """normals from the field's gradient"""
    texture_size: Annotated[int, arg(metavar="N")] = 2048
    """edge of the texture, pixels"""
    up: Literal["y", "z"] = "y"
    """up axis of the file; z for programs as Blender (.ply, .obj, .stl; a .glb has y up by its standard)"""


@dataclass(frozen=True)
class MeshOptions:
    out: Annotated[Path, arg(metavar="FILE")]
    """.ply, .obj (with .mtl and .png when textured), .glb or .stl"""
    latent: LatentOptions
    camera: CameraOptions
    surface: SurfaceOptions
    look: LookOptions
    machine: MachineOptions
    checkpoint: CheckpointArgument = ""
    """a .safetensors file, a run folder, `demo` or `analytic:NAME`"""
    request: Annotated[Path | None, arg(metavar="R.json", help_behavior_hint="")] = None
    """a MeshRequest as JSON (from the window or another mesh); replaces every option of the mesh"""
    memory: Annotated[float | None, arg(metavar="GB", help_behavior_hint="")] = None
    """refuse what needs more memory; default: what is free"""
    seeds: Annotated[str | None, arg(metavar="A-B,C", help_behavior_hint="")] = None
    """a batch: one file per seed, FILE.SEED.ply"""
    latents: Annotated[Path | None, arg(metavar="L.json", help_behavior_hint="")] = None
    """a batch along a path: a JSON list of LatentSpec, one file each, FILE.000.ply"""
    display: Annotated[Path | None, arg(metavar="FILE.npz", help_behavior_hint="")] = None
    """also leave a light copy for the window to draw (of a batch, the last mesh)"""
    forecast: bool = False
    """only say time, triangles and memory"""
    json: bool = False
    """print JSON lines: forecast, progress, report"""
    worker: WorkerArgument = None
    """run it elsewhere, e.g. "ssh gpu-box triscope worker": CHECKPOINT is a path there, or local:FILE to send one"""


def main(args: list[str]) -> None:
    options = parse(MeshOptions, args, "mesh", SUMMARY)
    check_output(options.out, MESH_SUFFIXES)
    if options.display is not None:
        check_output(options.display, (".npz",), "--display")
    stored = read_request(options.request) if options.request is not None else None
    checkpoint = stored.checkpoint if stored is not None else options.checkpoint
    if not checkpoint:
        raise InputError(what="mesh: no checkpoint", expected="triscope mesh CHECKPOINT --out FILE")
    with opened(checkpoint, options.machine) as (session, info):
        first = stored if stored is not None else request_of(options, info)
        wanted = list(batch(first, options.out, options.seeds, options.latents))
        for number, (request, out) in enumerate(wanted):
            make(session, info, request, out, options, Turn(number, len(wanted)))


def request_of(options: MeshOptions, info: CheckpointInfo) -> MeshRequest:
    """The request of a command line; raises InputError that names the option."""
    surface, look = options.surface, options.look
    crop = numbers_of(surface.crop, "--crop", 6) if surface.crop is not None else None
    direction = (
        look.direction
        if look.direction in ("frontal", "normal")
        else numbers_of(look.direction, "--direction", 3)
    )
    values: dict[str, object] = {
        "checkpoint": info.path,
        "latent": latent_of(options.latent, options.camera, info),
        "resolution": surface.resolution,
        "level": surface.level,
        "quantity": surface.quantity,
        "crop": (crop[:3], crop[3:]) if crop else None,
        "keep": surface.keep,
        "min_share": surface.min_share,
        "faces": surface.faces,
        "colour": look.color,
        "direction": direction,
        "normals": look.normals,
        "texture_size": look.texture_size,
        "up": look.up,
        "memory_gb": options.memory,
    }
    return checked(values)


def checked(values: dict[str, object]) -> MeshRequest:
    """A request from plain values; its complaint becomes one InputError."""
    try:
        return MeshRequest.model_validate(values)
    except ValidationError as error:
        first = first_complaint(error)
        option = {"--colour": "--color", "--memory-gb": "--memory", "--": "--faces"}.get(
            first.option, first.option
        )
        raise InputError(what=f"bad value of {option}: {first.says}", got=first.got) from None


def read_request(path: Path) -> MeshRequest:
    """A MeshRequest from a JSON file."""
    try:
        return MeshRequest.model_validate_json(path.read_bytes())
    except OSError as error:
        raise InputError(
            what="cannot read", where=f"--request {path}", got=error.strerror or str(error)
        ) from None
    except ValidationError as error:
        raise InputError(
            what=f"bad mesh request, {first_complaint(error).line}", where=f"--request {path}"
        ) from None


@dataclass(frozen=True)
class Turn:
    """Which mesh of a batch is being made."""

    number: int = 0
    count: int = 1

    def told(self, p: MeshProgress) -> MeshProgress:
        """Progress of one mesh as progress of the whole batch."""
        if self.count == 1:
            return p
        return p.replace(
            stage=f"{self.number + 1}/{self.count} {p.stage}",
            fraction=(self.number + p.fraction) / self.count,
            eta_s=None,
        )


def batch(
    request: MeshRequest, out: Path, seeds: str | None, latents: Path | None = None
) -> Iterator[tuple[MeshRequest, Path]]:
    """The requests of a call, with their files.

    The request itself; or one per seed with the seed in its file's name; or one per latent of a path with its
    number there.
    """
    if seeds is not None and latents is not None:
        raise InputError(
            what="two batches at once", where="mesh", expected="--seeds or --latents", got="both"
        )
    if latents is not None:
        for number, latent in enumerate(read_latents(latents)):
            yield request.replace(latent=latent), out.with_name(f"{out.stem}.{number:03d}{out.suffix}")
    elif seeds is not None:
        for seed in seeds_of(seeds):
            latent = request.latent.replace(seeds=({"seed": seed, "weight": 1.0},), z=None, w=None)
            yield request.replace(latent=latent), out.with_name(f"{out.stem}.{seed}{out.suffix}")
    else:
        yield request, out


def read_latents(path: Path) -> list[LatentSpec]:
    """LatentSpecs from a JSON list; raises InputError that names the entry."""
    try:
        found = TypeAdapter(list[LatentSpec]).validate_json(path.read_bytes())
    except OSError as error:
        raise InputError(
            what="cannot read", where=f"--latents {path}", got=error.strerror or str(error)
        ) from None
    except ValidationError as error:
        raise InputError(
            what=f"bad list of latents, {first_complaint(error).line}", where=f"--latents {path}"
        ) from None
    if not found:
        raise InputError(
            what="no latents",
            where=f"--latents {path}",
            expected="a list of at least one LatentSpec",
            got="an empty list",
        )
    return found


def make(
    session: "RenderSession",
    info: CheckpointInfo,
    request: MeshRequest,
    out: Path,
    options: MeshOptions,
    turn: Turn,
) -> None:
    """Forecast, then the mesh, then what is said of it."""
    from core_model.meshing.job import MeshWork

    source = source_of(session, info, request, options.machine.device)
    with listening(options.json, turn) as listener:
        work = MeshWork(source, request, out, listener, display=options.display)
        prepared = work.forecast()
        say("forecast", prepared.forecast, options.json, forecast_line(prepared.forecast))
        if options.forecast:
            return
        report = work.run(prepared)
    say("report", report, options.json, "\n".join(report_lines(report)), last=True)


def source_of(
    session: "RenderSession", info: CheckpointInfo, request: MeshRequest, device: str
) -> "MeshSource":
    """The field of the request's latent with the provenance that restores its view.

    `device` is the session's.
    """
    from core_model.meshing.job import MeshSource
    from core_model.ops.devices import choose

    best = next((s.name for s in info.samplers if s.available), "uniform")
    view = RenderRequest(
        checkpoint=request.checkpoint,
        latent=request.latent,
        camera=info.header.camera.default,
        width=info.image_size,
        height=info.image_size,
        sampler=SamplerSpec(name=best),
    )
    record = record_of(info, view).model_dump_json()
    return MeshSource(
        session.field_of(view),
        info.family,
        info.header.conventions.box,
        choose(device, "--device"),
        info.sha256,
        record,
    )


@contextmanager
def listening(as_json: bool, turn: Turn) -> Iterator["Listener"]:
    """Progress as JSON lines on stdout, or as the bar that other commands have."""
    if as_json:
        yield lambda p: print(
            json.dumps({"progress": json.loads(turn.told(p).model_dump_json())}), flush=True
        )
        return
    with progress("mesh") as update:

        def tell(p: MeshProgress) -> None:
            said = turn.told(p)
            update(said.stage, said.fraction)

        yield tell


def say(key: str, record: MeshForecast | MeshReport, as_json: bool, text: str, *, last: bool = False) -> None:
    """One JSON line, or text: what comes before the end on stderr."""
    if as_json:
        print(json.dumps({key: json.loads(record.model_dump_json())}), flush=True)
    else:
        print(text, file=sys.stdout if last else sys.stderr, flush=True)


def forecast_line(f: MeshForecast) -> str:
    return (
        f"forecast: about {f.triangles:,} triangles, {f.seconds:.0f} s, {f.memory_bytes / 1e9:.1f} GB of memory, "
        f"{f.file_bytes / 1e6:.0f} MB on disk; {f.points:,} of {f.dense_points:,} points; "
        f"{f.quantity} from {f.low:.4g} to {f.high:.4g}, level {f.level:g}"
    )


def report_lines(report: MeshReport) -> list[str]:
    """The report for a person."""
    t = report.topology
    lines = [
        f"{', '.join(report.files)}: {t.faces:,} triangles, {t.vertices:,} vertices, {report.file_bytes / 1e6:.1f} MB, "
        f"{report.seconds:.1f} s, peak {report.peak_bytes / 1e9:.2f} GB on {report.device}",
        f"evaluated {report.evaluated_points:,} of {report.dense_points:,} points ({100 * report.evaluated_share:.2g} %), "
        f"voxel {report.voxel:.3g}, {report.quantity} = {report.level:g}",
        f"components {t.components}"
        + (f" ({report.removed_components} left out)" if report.removed_components else "")
        + f", Euler number {t.euler}, {'watertight' if t.watertight else 'open'}, holes {t.holes}, "
        f"non-manifold edges {t.non_manifold_edges}, area {t.area:.5g}"
        + (f", volume {t.volume:.5g}" if t.volume is not None else ""),
    ]
    if report.decimated and report.decimation_error is not None:
        error = f"RMS distance to the surface {report.decimation_error:.2g} world units"
        lines.append(f"decimated from {report.raw_triangles:,} triangles, {error}")
    return lines + [f"note: {note}" for note in report.notes]
