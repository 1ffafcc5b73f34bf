"""Every kind of export in real Blender: its own importers bring shape, colours, UVs and normals, the right way up.

Needs a Python with Blender as a module: `make blender` makes one in build/blender (Python 3.11, about 1 GB), or
TRISCOPE_BLENDER_PYTHON names another.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.cli.command import triscope
from tests.house.sources import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
SHAPE = (
    "analytic:sphere",
    "--crop=-0.5,-0.15,-0.3,0.5,0.5,0.5",
    "--resolution",
    40,
    "--device",
    "cpu",
    "--threads",
    1,
)
"""A ball of radius 0.3 whose lower side is cut off at y = -0.15: up and down are told apart."""
BOTTOM, TOP = -0.141, 0.2995

IMPORT = """
import json, sys
import bpy
path, axes = sys.argv[1], sys.argv[2:]
bpy.ops.wm.read_factory_settings(use_empty=True)
suffix = path.rpartition(".")[2]
if suffix == "ply": bpy.ops.wm.ply_import(filepath=path)
elif suffix == "stl": bpy.ops.wm.stl_import(filepath=path)
elif suffix == "glb": bpy.ops.import_scene.gltf(filepath=path)
else: bpy.ops.wm.obj_import(filepath=path, **({"up_axis": axes[0], "forward_axis": axes[1]} if axes else {}))
(it,) = [o for o in bpy.context.scene.objects if o.type == "MESH"]
mesh, place = it.data, it.matrix_world
points = [place @ v.co for v in mesh.vertices]
middle = sum(points[1:], points[0].copy()) / len(points)
away = [(place.to_3x3() @ f.normal).dot(place @ f.center - middle) > 0 for f in mesh.polygons]
colours = [list(c.color_srgb)[:3] for c in mesh.color_attributes[0].data] if mesh.color_attributes else []
uv = [x for p in mesh.uv_layers.active.data for x in p.uv] if mesh.uv_layers.active else []
print()
print(json.dumps({
    "low": [min(p[a] for p in points) for a in range(3)], "high": [max(p[a] for p in points) for a in range(3)],
    "faces": len(mesh.polygons), "outward": sum(away) / len(away), "normals": mesh.has_custom_normals,
    "colours": [[min(c), max(c)] for c in zip(*colours)], "uv": [min(uv), max(uv)] if uv else [],
    "images": [list(i.size) for i in bpy.data.images if i.size[0]],
}))
"""


@pytest.fixture(scope="module")
def blender() -> str:
    """A Python that has Blender."""
    python = os.environ.get("TRISCOPE_BLENDER_PYTHON") or str(ROOT / "build" / "blender" / "bin" / "python")
    if not Path(python).exists():
        pytest.skip("no Blender as a Python module (make blender)")
    return python


def opened(blender: str, path: Path, *axes: str) -> dict[str, Any]:
    done = subprocess.run(
        [blender, "-c", IMPORT, str(path), *axes], capture_output=True, text=True, timeout=200
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


def up_axis(found: dict[str, Any]) -> str:
    """The axis that has the cut at its lower end."""
    (axis,) = [a for a in range(3) if found["low"][a] == pytest.approx(BOTTOM, abs=0.01)]
    assert found["high"][axis] == pytest.approx(TOP, abs=0.01)
    assert all(found["low"][a] == pytest.approx(-TOP, abs=0.01) for a in range(3) if a != axis)
    return "xyz"[axis]


@pytest.mark.parametrize(
    ("suffix", "up", "axes", "lies"),
    [
        (".ply", "y", (), "y"), (".ply", "z", (), "z"), (".stl", "y", (), "y"), (".stl", "z", (), "z"),
        (".obj", "y", (), "z"), (".obj", "z", ("Z", "Y"), "z"), (".glb", "y", (), "z"),
    ],
)  # fmt: skip
def test_shape_colours_and_normals_come_in(
    blender: str,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    suffix: str,
    up: str,
    axes: tuple[str, ...],
    lies: str,
) -> None:
    """lies: the axis of Blender's world that is up in the head. Importers of OBJ and GLB turn y up to z up by themselves."""
    path = tmp_path / f"ball{suffix}"
    done = triscope(capsys, "mesh", *SHAPE, "--up", up, "--out", path)
    assert done.status == 0, done.err
    found = opened(blender, path, *axes)
    assert up_axis(found) == lies and found["faces"] > 3000 and found["outward"] == 1.0
    if suffix != ".stl":  # which has neither
        assert found["normals"] and all(low < 0.3 and high > 0.5 for low, high in found["colours"])


@pytest.mark.parametrize("suffix", [".obj", ".glb"])
def test_a_texture_comes_in_with_its_coordinates(
    blender: str, capsys: pytest.CaptureFixture[str], tmp_path: Path, suffix: str
) -> None:
    path = tmp_path / f"ball{suffix}"
    done = triscope(
        capsys, "mesh", *SHAPE, "--color", "texture", "--faces", 600, "--texture-size", 256, "--out", path
    )
    assert done.status == 0, done.err
    found = opened(blender, path)
    (low, high), ((width, height),) = found["uv"], found["images"]
    assert up_axis(found) == "z" and found["normals"] and found["outward"] == 1.0
    assert 0.0 <= low < 0.05 and 0.95 < high <= 1.0 and 128 <= max(width, height) <= 256
