"""Every mesh format: loaded back with trimesh, provenance read back, no partial file whatever goes wrong."""

from __future__ import annotations

import errno
import json
import os
import struct
from pathlib import Path

import numpy as np
import pytest
import trimesh

from core_model.meshing.attributes import face_normals
from core_model.meshing.extract import extract
from core_model.meshing.formats import FORMATS, read_record
from core_model.meshing.formats.base import FileSet, save
from core_model.meshing.formats.embedded import MESH_KEY
from core_model.meshing.formats.glb import linear16
from core_model.meshing.lattice import Lattice
from core_model.meshing.mesh import Mesh, Stamp, Texture
from core_model.schema.errors import Cancelled, InputError
from core_model.schema.mesh import MESH_SUFFIXES, TEXTURED_SUFFIXES
from tests.unit.meshing.fields import Shape, levelset, torus

STAMP = Stamp(
    json.dumps({"tool": "triscope", "path": "a b  ü" + " x" * 300}),
    json.dumps({"level": 0.0}),
    "triscope test",
)


@pytest.fixture(scope="module")
def mesh() -> Mesh:
    """A torus with normals and colours."""
    surface = extract(Lattice.of_box(40, 0.5), levelset(Shape(torus))).surface
    rng = np.random.default_rng(0)
    colours = rng.integers(0, 256, surface.vertices.shape, dtype=np.uint8)
    return Mesh(surface.vertices, surface.faces, face_normals(surface), colours)


def loaded(path: Path) -> trimesh.Trimesh:
    found = trimesh.load(path, process=False, maintain_order=True)
    if isinstance(found, trimesh.Scene):
        (found,) = found.geometry.values()
    assert isinstance(found, trimesh.Trimesh)
    return found


def test_the_schema_knows_the_formats() -> None:
    assert set(FORMATS.names()) == set(MESH_SUFFIXES)
    assert {f.suffix for f in FORMATS if f.textured} == set(TEXTURED_SUFFIXES)


@pytest.mark.parametrize("suffix", MESH_SUFFIXES)
def test_trimesh_reads_what_was_written(mesh: Mesh, suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"torus{suffix}"
    record = (path.with_name(path.name + ".json"),) if suffix == ".stl" else ()
    assert save(path, mesh, STAMP) == (path, *record)
    assert {p.name for p in tmp_path.iterdir()} == {p.name for p in (path, *record)}
    back = loaded(path)
    assert len(back.faces) == len(mesh.faces)
    corners = np.asarray(back.vertices)[np.asarray(back.faces)]
    assert np.abs(corners - mesh.vertices[mesh.faces]).max() < 1e-6
    if suffix == ".stl":
        assert path.stat().st_size == 84 + 50 * len(mesh.faces) and path.read_bytes().startswith(
            b"triscope test"
        )
        back.merge_vertices()
    else:
        assert mesh.normals is not None and mesh.colours is not None
        dots = (np.asarray(back.vertex_normals) * mesh.normals).sum(axis=1)
        assert dots.min() > 0.999
        if suffix == ".glb":  # beside a material, trimesh keeps the colours as the attribute that they are
            assert np.array_equal(back.visual.vertex_attributes["color"], linear16(mesh.colours))
        else:
            assert np.array_equal(np.asarray(back.visual.vertex_colors)[:, :3], mesh.colours)
    assert back.is_watertight and back.is_winding_consistent and back.volume > 0 and back.euler_number == 0
    assert back.volume == pytest.approx(2 * np.pi**2 * 0.24 * 0.09**2, rel=0.02)


@pytest.mark.parametrize("suffix", [".ply", ".obj", ".glb"])
def test_provenance_is_inside(mesh: Mesh, suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"m{suffix}"
    save(path, mesh, STAMP)
    assert json.loads(read_record(path)) == json.loads(STAMP.record)
    assert json.loads(read_record(path, MESH_KEY)) == {"level": 0.0}
    if suffix != ".glb":
        head = path.read_bytes()[:4096].split(b"\n")
        assert max(map(len, (line for line in head if b"triscope" in line))) < 255


def test_provenance_of_foreign_files_is_empty(tmp_path: Path) -> None:
    (tmp_path / "a.ply").write_bytes(b"ply\nformat ascii 1.0\nend_header\n")
    (tmp_path / "a.obj").write_bytes(b"v 0 0 0\n")
    (tmp_path / "a.glb").write_bytes(b"glTF" + b"\0" * 8 + struct.pack("<I4s", 2, b"JSON") + b"[]")
    assert (
        read_record(tmp_path / "a.ply")
        == read_record(tmp_path / "a.obj")
        == read_record(tmp_path / "a.glb")
        == ""
    )
    (tmp_path / "a.glb").write_bytes(b"glTF")
    with pytest.raises(ValueError, match="not a binary glTF"):
        read_record(tmp_path / "a.glb")


def test_glb_is_laid_out_as_the_standard_says(mesh: Mesh, tmp_path: Path) -> None:
    """Lengths, alignment, bounds and index range (Khronos' validator is not in this environment)."""
    path = tmp_path / "m.glb"
    save(path, mesh, STAMP)
    data = path.read_bytes()
    magic, version, total = struct.unpack("<4sII", data[:12])
    length, kind = struct.unpack("<I4s", data[12:20])
    assert (magic, version, total, kind) == (b"glTF", 2, len(data), b"JSON") and length % 4 == 0
    document = json.loads(data[20 : 20 + length])
    size, kind = struct.unpack("<I4s", data[20 + length : 28 + length])
    binary = data[28 + length :]
    assert kind == b"BIN\0" and size == len(binary) == document["buffers"][0]["byteLength"]
    views = document["bufferViews"]
    for a, b in zip(views, [*views[1:], {"byteOffset": size}], strict=True):
        assert a["byteOffset"] % 4 == 0 and a["byteOffset"] + a["byteLength"] <= b["byteOffset"]
    accessors = document["accessors"]
    attributes = document["meshes"][0]["primitives"][0]["attributes"]
    position = accessors[attributes["POSITION"]]
    view = views[position["bufferView"]]
    points = np.frombuffer(binary, "<f4", 3 * position["count"], view["byteOffset"]).reshape(-1, 3)
    assert np.array_equal(points.min(axis=0), np.float32(position["min"]))
    assert np.array_equal(points.max(axis=0), np.float32(position["max"]))
    indices = accessors[document["meshes"][0]["primitives"][0]["indices"]]
    index = np.frombuffer(binary, "<u4", indices["count"], views[indices["bufferView"]]["byteOffset"])
    assert index.max() == position["count"] - 1 and indices["count"] == 3 * len(mesh.faces)
    assert document["materials"][0]["pbrMetallicRoughness"]["metallicFactor"] == 0.0
    assert {"POSITION", "NORMAL", "COLOR_0"} == set(attributes)


@pytest.mark.parametrize("suffix", TEXTURED_SUFFIXES)
def test_texture_coordinates_point_at_their_texel(suffix: str, tmp_path: Path) -> None:
    """One triangle over a picture of four colours.

    Each corner reads the colour that was put there, whichever way v runs.
    """
    image = np.zeros((8, 8, 3), dtype=np.uint8)
    image[:4, :4], image[:4, 4:], image[4:, :4] = (255, 0, 0), (0, 255, 0), (0, 0, 255)
    uv = np.array([[0.25, 0.25], [0.75, 0.25], [0.25, 0.75]], dtype=np.float32)
    vertices = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0]], dtype=np.float32)
    normals = np.tile(np.float32([0, 0, 1]), (3, 1))
    mesh = Mesh(
        vertices, np.array([[0, 1, 2]], dtype=np.int32), normals, None, Texture(uv, image), closed=False
    )
    path = tmp_path / f"m{suffix}"
    files = save(path, mesh, STAMP)
    assert {f.suffix for f in files} == (
        {".obj", ".mtl", ".png"} if suffix == ".obj" else {".glb"}
    ) and files[0] == path
    back = loaded(path)
    material = back.visual.material
    picture = getattr(material, "image", None) or material.baseColorTexture
    read = trimesh.visual.color.uv_to_color(np.asarray(back.visual.uv), picture)[:, :3]
    assert read.tolist() == [[255, 0, 0], [0, 255, 0], [0, 0, 255]]


@pytest.mark.parametrize("suffix", MESH_SUFFIXES)
@pytest.mark.parametrize("fault", ["disk", "cancel", "memory"])
def test_a_fault_changes_no_file(
    mesh: Mesh, suffix: str, fault: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / f"m{suffix}"
    path.write_bytes(b"what was there before")

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def tell(fraction: float) -> None:
        if fault == "cancel":
            raise Cancelled("mesh cancelled")
        if fault == "memory":
            raise MemoryError

    if fault == "disk":
        monkeypatch.setattr(os, "fsync", full)
    expected = {"disk": InputError, "cancel": Cancelled, "memory": MemoryError}[fault]
    with pytest.raises(expected) as caught:
        save(path, mesh, STAMP, tell)
    if fault == "disk":
        assert "No space left" in str(caught.value) and "MB free" in str(caught.value)
    assert [p.name for p in tmp_path.iterdir()] == [
        path.name
    ] and path.read_bytes() == b"what was there before"


def test_what_a_killed_process_left_is_cleared(mesh: Mesh, tmp_path: Path) -> None:
    files = FileSet(tmp_path / "m.ply")
    with files.open(tmp_path / "m.ply") as stream:
        stream.write(b"half")
    (left,) = tmp_path.iterdir()
    dead = tmp_path / left.name.replace(f"-{os.getpid()}.", "-4194305.")
    left.rename(dead)
    (tmp_path / ".m.other-1.part.ply").write_bytes(b"of another machine")
    save(tmp_path / "m.ply", mesh, STAMP)
    assert sorted(p.name for p in tmp_path.iterdir()) == [".m.other-1.part.ply", "m.ply"]


def test_a_missing_folder_is_said(mesh: Mesh, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot write"):
        save(tmp_path / "no" / "m.ply", mesh, STAMP)


def test_too_large_for_a_glb_is_said(tmp_path: Path) -> None:
    """Broadcast arrays: five gigabytes of triangles that take no memory."""
    vertices = np.zeros((3, 3), dtype=np.float32)
    faces = np.broadcast_to(np.array([[0, 1, 2]], dtype=np.int32), (400_000_000, 3))
    with pytest.raises(InputError, match="4 GiB"):
        save(tmp_path / "m.glb", Mesh(vertices, faces), STAMP)
    assert not list(tmp_path.iterdir())
