"""From a field to a file.

Attributes, component filter, decimation, texture, report, forecast, progress, faults.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import trimesh

from core_model.meshing import job
from core_model.meshing.attributes import surface_attributes
from core_model.meshing.extract import extract
from core_model.meshing.formats import read_record
from core_model.meshing.formats.embedded import MESH_KEY
from core_model.meshing.job import MeshSource, MeshWork
from core_model.meshing.lattice import Lattice
from core_model.meshing.mesh import Mesh
from core_model.meshing.polygonise import Surface
from core_model.meshing.topology import components, examine, keep_components
from core_model.schema.errors import Cancelled, InputError, OutOfMemory
from core_model.schema.mesh import MESH_SUFFIXES, TURNED_SUFFIXES, MeshProgress, MeshRequest
from core_model.schema.record_stl import stl_record
from tests.house.sources import ROOT
from tests.unit.meshing.fields import CPU, Fog, Shape, levelset, plane, sphere, torus

REQUEST = MeshRequest(checkpoint="shape", resolution=64)


def work(tmp_path: Path, field: Shape, name: str = "m.ply", **changes: object) -> MeshWork:
    source = MeshSource(field, "test", 0.5, CPU, "0123456789abcdef", json.dumps({"tool": "triscope"}))
    return MeshWork(source, REQUEST.replace(**changes), tmp_path / name)


def three(p: torch.Tensor) -> torch.Tensor:
    """A large sphere and two small ones."""
    parts = [sphere(0.2, (-0.2, 0.0, 0.0)), sphere(0.08, (0.3, 0.2, 0.0)), sphere(0.04, (0.3, -0.3, 0.2))]
    return torch.stack([part(p) for part in parts]).min(dim=0).values


def test_a_mesh_and_its_report(tmp_path: Path) -> None:
    report = work(tmp_path, Shape(sphere(0.3))).run()
    t = report.topology
    back = trimesh.load(report.files[0], process=False)
    assert (
        (t.vertices, t.faces) == (len(back.vertices), len(back.faces)) and t.euler == 2 and t.components == 1
    )
    assert t.watertight and t.oriented and not t.holes and not t.cut_by and not report.notes
    assert t.volume == pytest.approx(4 / 3 * np.pi * 0.3**3, rel=0.01) and t.area == pytest.approx(
        4 * np.pi * 0.09, rel=0.01
    )
    assert t.low == pytest.approx((-0.3,) * 3, abs=1e-3) and t.high == pytest.approx((0.3,) * 3, abs=1e-3)
    assert report.evaluated_points < report.dense_points == 64**3 and report.audit_misses == 0
    assert (
        report.file_bytes == Path(report.files[0]).stat().st_size
        and report.seconds > 0
        and report.peak_bytes > 1e8
    )
    assert json.loads(read_record(Path(report.files[0]))) == {"tool": "triscope"}
    assert (
        MeshRequest.model_validate(json.loads(read_record(Path(report.files[0]), MESH_KEY))["request"])
        == report.request
    )


def test_normals_are_the_gradient_and_colours_the_radiance(tmp_path: Path) -> None:
    level_set = levelset(Shape(sphere(0.3)))
    surface = extract(Lattice.of_box(48, 0.5), level_set).surface
    unit = surface.vertices / np.linalg.norm(surface.vertices, axis=1, keepdims=True)
    for direction, dirs in (
        ("frontal", np.float32([0, 0, -1])),
        ("normal", -unit),
        ((1.0, 0.0, 0.0), np.float32([1, 0, 0])),
    ):
        found = surface_attributes(level_set, surface, REQUEST.replace(direction=direction))
        assert np.abs(found.normals - unit).max() < 1e-5
        expected = np.rint(np.clip(0.5 + surface.vertices + 0.2 * dirs, 0, 1) * 255)
        assert found.colours is not None and np.abs(found.colours - expected).max() <= 1
    fog = levelset(Fog(lambda p: -100.0 * sphere(0.3)(p)), "raw", 1.0)
    found = surface_attributes(fog, surface, REQUEST)
    assert np.abs(found.normals - unit).max() < 1e-5, "densities fall outwards"


def test_a_step_has_the_normals_of_its_triangles(tmp_path: Path) -> None:
    level_set = levelset(Fog(lambda p: torch.where(p[..., 2].abs() < 0.1, 8.0, 0.0)), "raw", 4.0)
    surface = extract(Lattice.of_box(32, 0.5), level_set).surface
    normals = surface_attributes(level_set, surface, REQUEST).normals
    assert np.abs(normals - np.sign(surface.vertices[:, 2:]) * np.float32([0, 0, 1])).max() < 1e-6


@pytest.mark.parametrize(
    ("keep", "min_share", "left"), [("all", 0.0, 3), ("all", 0.1, 2), ("all", 0.5, 1), ("largest", 0.0, 1)]
)
def test_component_filter(keep: str, min_share: float, left: int) -> None:
    surface = extract(Lattice.of_box(80, 0.5), levelset(Shape(three))).surface
    kept, parts, removed = keep_components(surface, components(surface), keep, min_share)
    assert len(parts.faces) == left and removed == 3 - left and parts.faces.sum() == len(kept.faces)
    report = examine(kept, parts, (-0.5,) * 3, (0.5,) * 3)
    assert report.euler == 2 * left and report.watertight and len(report.largest) == left
    assert (
        report.largest[0].faces == max(c.faces for c in report.largest) and report.largest[0].high[0] < 0.01
    )
    assert np.unique(kept.faces).size == len(kept.vertices), "no vertex without a face"


def test_holes_and_cuts_are_told_apart() -> None:
    surface = extract(Lattice.of_box(40, 0.5), levelset(Shape(plane))).surface
    report = examine(surface, components(surface), (-0.5,) * 3, (0.5,) * 3)
    assert (
        len(report.cut_by) >= 4 and report.holes == 0 and report.boundary_loops == 1 and not report.watertight
    )
    assert report.volume is None and report.oriented
    closed = extract(Lattice.of_box(40, 0.5), levelset(Shape(torus))).surface
    torn = Surface(closed.vertices, closed.faces[7:])
    report = examine(torn, components(torn), (-0.5,) * 3, (0.5,) * 3)
    assert report.holes >= 1 and not report.cut_by and not report.watertight
    turned = Surface(closed.vertices, np.concatenate([closed.faces[:1, ::-1], closed.faces[1:]]))
    assert not examine(turned, components(turned), (-0.5,) * 3, (0.5,) * 3).oriented
    doubled = Surface(closed.vertices, np.concatenate([closed.faces, closed.faces[:1, [0, 2, 1]]]))
    assert examine(doubled, components(doubled), (-0.5,) * 3, (0.5,) * 3).non_manifold_edges == 3


def test_a_cut_by_the_box_is_reported(tmp_path: Path) -> None:
    report = work(tmp_path, Shape(sphere(0.3, (0.0, -0.4, 0.0))), "m.stl").run()
    assert report.topology.cut_by == ("-y",) and any("cut by the box at -y" in note for note in report.notes)
    assert report.topology.volume is None


def test_decimation_to_a_stated_number(tmp_path: Path) -> None:
    report = work(tmp_path, Shape(torus), "m.glb", faces=1000).run()
    t = report.topology
    assert (
        report.decimated and 900 <= t.faces <= 1000 < report.raw_triangles and t.euler == 0 and t.watertight
    )
    assert report.decimation_error is not None and report.decimation_error < 2e-3
    same = work(tmp_path, Shape(torus), "n.glb", faces=1_000_000).run()
    assert not same.decimated and same.decimation_error is None and same.topology.faces == same.raw_triangles


def test_a_texture_shows_the_field(tmp_path: Path) -> None:
    """The texture read at the corners of the faces is the radiance there."""
    pytest.importorskip("xatlas", reason="xatlas has no wheel for this machine")
    report = work(tmp_path, Shape(sphere(0.3)), "m.glb", colour="texture", faces=600, texture_size=256).run()
    (mesh,) = trimesh.load(report.files[0], process=False).geometry.values()
    picture = mesh.visual.material.baseColorTexture
    assert max(picture.size) == 256
    uv = np.asarray(mesh.visual.uv)[mesh.faces].mean(axis=1)
    read = trimesh.visual.color.uv_to_color(uv, picture)[:, :3] / 255.0
    middle = np.asarray(mesh.vertices)[mesh.faces].mean(axis=1)
    middle *= 0.3 / np.linalg.norm(middle, axis=1, keepdims=True)
    assert np.abs(read - (0.5 + middle + 0.2 * np.array([0, 0, -1]))).max() < 0.03
    assert report.topology.watertight, "the report is of the surface before its seams"


@pytest.mark.parametrize("suffix", TURNED_SUFFIXES)
def test_the_up_axis_turns_the_file_alone(tmp_path: Path, suffix: str) -> None:
    off_centre = Shape(sphere(0.2, (0.1, 0.2, 0.25)))
    taken: dict[str, Mesh] = {}
    reports = {}
    for up in ("y", "z"):
        made = work(tmp_path, off_centre, f"{up}{suffix}", up=up, resolution=32)
        made = replace(
            made, take=lambda mesh, up=up: taken.update({up: mesh}), display=tmp_path / f"{up}.npz"
        )
        reports[up] = made.run()
    y, z = (trimesh.load(tmp_path / f"{up}{suffix}", process=False) for up in ("y", "z"))
    # a quarter turn about x: what was up (+y) is +z, what was in front (+z) is -y; faces keep their order
    turn = np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]])
    assert np.linalg.det(turn) == 1.0 and np.array_equal(y.faces, z.faces)
    np.testing.assert_allclose(z.vertices, y.vertices @ turn.T, atol=1e-6)
    np.testing.assert_allclose(z.vertices.mean(axis=0), (0.1, -0.25, 0.2), atol=0.01)
    assert z.volume == pytest.approx(y.volume) and z.volume > 0
    if suffix != ".stl":
        np.testing.assert_allclose(z.vertex_normals, y.vertex_normals @ turn.T, atol=1e-4)
        assert (z.visual.vertex_colors == y.visual.vertex_colors).all()
        # the view that the file restores, and the mesh that the window draws, stay in the world
        assert read_record(tmp_path / f"z{suffix}") == read_record(tmp_path / f"y{suffix}") != ""
        said = {up: json.loads(read_record(tmp_path / f"{up}{suffix}", MESH_KEY)) for up in ("y", "z")}
        assert (
            said["z"]["request"]["up"] == "z"
            and "+z up" in said["z"]["world"]
            and "+y up" in said["y"]["world"]
        )
    else:
        np.testing.assert_allclose(z.face_normals, y.face_normals @ turn.T, atol=1e-4)
        assert stl_record(tmp_path / "z.stl") == stl_record(tmp_path / "y.stl") != ""
    assert np.array_equal(taken["y"].vertices, taken["z"].vertices)
    assert reports["y"].topology == reports["z"].topology
    with np.load(tmp_path / "y.npz") as a, np.load(tmp_path / "z.npz") as b:
        assert a.files == b.files and all(np.array_equal(a[name], b[name]) for name in a.files)


def test_z_up_is_refused_where_the_standard_says_y(tmp_path: Path) -> None:
    assert set(TURNED_SUFFIXES) == set(MESH_SUFFIXES) - {".glb"}
    with pytest.raises(
        InputError, match=r"\.glb files have y up by their standard.*expected up axis y, got z"
    ):
        work(tmp_path, Shape(sphere(0.3)), "m.glb", up="z").forecast()


def test_textures_need_a_format_that_has_them(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no texture .*\.glb, \.obj"):
        work(tmp_path, Shape(torus), "m.ply", colour="texture").run()


@pytest.mark.parametrize("resolution", [200, 300])
def test_the_forecast_is_near(tmp_path: Path, resolution: int) -> None:
    made = work(tmp_path, Shape(torus), resolution=resolution)
    prepared = made.forecast()
    report = made.run(prepared)
    f = prepared.forecast
    assert f.triangles == pytest.approx(report.raw_triangles, rel=0.05) and f.dense_points == resolution**3
    assert f.points == pytest.approx(report.evaluated_points, rel=0.5)
    assert f.file_bytes == pytest.approx(report.file_bytes, rel=0.1)
    assert (
        f.low < 0 < f.high
        and sum(f.histogram_counts) == 32**3
        and len(f.histogram_edges) == len(f.histogram_counts) + 1
    )


def test_too_little_memory_is_said_before_the_start(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"not enough memory .*--resolution of about \d+"):
        work(tmp_path, Shape(torus), resolution=8192, memory_gb=2.0).run()
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(sys.platform != "linux", reason="needs ulimit -v")
def test_a_limit_of_the_address_space_counts_as_memory() -> None:
    """As a cluster sets it; in a process of its own, which the limit must not outlive."""
    code = (
        "import resource, psutil; from core_model.schema.memory import available_bytes; before = available_bytes();"
        "m = psutil.Process().memory_info(); size = m.vms + (64 << 20); resource.setrlimit(resource.RLIMIT_AS, (size, size));"
        "print(before > available_bytes(), (available_bytes() - m.rss) / (1 << 20))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=100)
    less, left = done.stdout.split()
    assert less == "True" and 50 < float(left) < 70, done.stderr


def test_the_forecast_may_run_out_of_memory_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def too_much(*_: object) -> None:
        raise RuntimeError(
            "[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"
        )

    monkeypatch.setattr(job, "plan", too_much)
    with pytest.raises(OutOfMemory, match=r"at 64³; no file was changed: --resolution 32, a --crop"):
        work(tmp_path, Shape(torus)).forecast()


@pytest.mark.parametrize(
    "error", [MemoryError, RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory")]
)
@pytest.mark.parametrize("step", ["polygonise", "surface_attributes", "save"])
def test_running_out_of_memory_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str, error: BaseException
) -> None:
    def fails(*args: object, **named: object) -> None:
        raise error

    made = work(tmp_path, Shape(torus))
    prepared = made.forecast()
    monkeypatch.setattr(
        "core_model.meshing.extract.polygonise" if step == "polygonise" else f"core_model.meshing.job.{step}",
        fails,
    )
    with pytest.raises(OutOfMemory, match="--resolution 32, a --crop"):
        made.run(prepared)
    assert not list(tmp_path.iterdir())


def test_progress_rises_to_one_and_has_an_end(tmp_path: Path) -> None:
    heard: list[MeshProgress] = []
    replace(work(tmp_path, Shape(torus)), listener=heard.append).run()
    fractions = [p.fraction for p in heard]
    assert (
        fractions == sorted(fractions)
        and fractions[-1] == 1.0
        and heard[-1].stage == "done"
        and heard[-1].eta_s == 0.0
    )
    stages = list(dict.fromkeys(p.stage for p in heard))
    assert stages == ["evaluate", "triangles", "components", "normals and colours", "report", "write", "done"]


@pytest.mark.parametrize("stage", ["evaluate", "normals and colours", "write"])
def test_cancelling_at_any_stage_leaves_nothing(tmp_path: Path, stage: str) -> None:
    seen: list[str] = []
    made = replace(
        work(tmp_path, Shape(torus), "m.obj"),
        listener=lambda p: seen.append(p.stage),
        cancelled=lambda: stage in seen,
    )
    with pytest.raises(Cancelled):
        made.run()
    assert not list(tmp_path.iterdir())


def test_defaults_of_quantity_and_level(tmp_path: Path) -> None:
    fog = work(tmp_path, Fog(lambda p: -100.0 * sphere(0.3)(p)))
    assert (fog.level_set().quantity, fog.level_set().level) == ("raw", 10.0)
    epigraf = replace(fog, source=replace(fog.source, family="epigraf"))
    assert epigraf.level_set().level == 25.0
    assert (
        work(tmp_path, Shape(torus)).level_set().quantity,
        work(tmp_path, Shape(torus)).level_set().level,
    ) == ("sdf", 0.0)
    with pytest.raises(InputError, match="field has no sdf"):
        work(tmp_path, Fog(torus), quantity="sdf").run()
    report = work(tmp_path, Fog(lambda p: -100.0 * sphere(0.3)(p)), quantity="density", level=3.0).run()
    assert report.topology.watertight and report.topology.volume is not None and report.topology.volume > 0


def test_peak_memory_is_read() -> None:
    assert job.peak_bytes() > 50_000_000
