"""The mesh pass: the analytic sphere through the picture's camera agrees with the renderer's own opacity and depth."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import numpy as np
import pytest

from core_model.queries import QuerySession
from core_model.schema.camera import OrbitPose
from core_model.schema.mesh import MeshRequest
from core_model.schema.question_mesh import MeshPreviewQuestion
from core_model.schema.render import RenderRequest
from core_model.schema.sampler import SamplerSpec
from viewer.features.mesh.error_map import depth_error
from viewer.gl.mesh_arrays import MeshArrays, mesh_arrays
from viewer.gl.mesh_camera import MeshCamera, mesh_camera
from viewer.gl.mesh_view import MeshLook, MeshView

pytestmark = [pytest.mark.gui, pytest.mark.usefixtures("context")]

SPHERE, EDGE, NODES = "analytic:sphere", 96, 96
VOXEL = 1.0 / (NODES - 1)
POSES = (
    OrbitPose(yaw=0.6, pitch=-0.3, roll=0.2, radius=2.0, fov=0.5, pivot=(0.08, -0.05, 0.02)),
    OrbitPose(yaw=-2.2, pitch=0.9, radius=2.7),
    OrbitPose(yaw=0.4, pitch=0.2, radius=2.7, orthographic=True),
)


@pytest.fixture(scope="module")
def session() -> QuerySession:
    return QuerySession(device="cpu", threads=1)


@pytest.fixture(scope="module")
def sphere(session: QuerySession) -> MeshArrays:
    request = MeshRequest(checkpoint=SPHERE, resolution=NODES)
    return mesh_arrays(session.answer(MeshPreviewQuestion(checkpoint=SPHERE, request=request)).arrays)


@pytest.fixture
def view(context: None) -> Iterator[MeshView]:
    made = MeshView()
    yield made
    made.delete()


def seen(pose: OrbitPose, mesh: MeshArrays) -> MeshCamera:
    return mesh_camera(pose, mesh.centre, mesh.radius)


def eroded(mask: np.ndarray) -> np.ndarray:
    """Without the pixels that have a neighbour outside the mask."""
    inner = mask.copy()
    for axis in (0, 1):
        for step in (-1, 1):
            inner &= np.roll(mask, step, axis)
    return inner


@pytest.mark.parametrize("pose", POSES, ids=["rolled", "behind", "orthographic"])
def test_silhouette_and_depth_agree_with_the_renderer(
    view: MeshView, sphere: MeshArrays, session: QuerySession, pose: OrbitPose
) -> None:
    sampler = SamplerSpec(name="importance", spp=96)
    channels = ("depth", "opacity")
    frame = session.render(
        RenderRequest(
            checkpoint=SPHERE, camera=pose, width=EDGE, height=EDGE, sampler=sampler, channels=channels
        )
    )
    assert frame.result.error is None
    found = view.distances(sphere, seen(pose, sphere), EDGE, EDGE)
    mesh, solid = np.isfinite(found), frame.arrays["opacity"] > 0.5
    assert 300 < mesh.sum() < EDGE * EDGE - 300
    assert not eroded(mesh ^ solid).any() and (mesh ^ solid).sum() < 0.06 * mesh.sum(), (
        "silhouettes agree within a pixel"
    )
    depth = np.where(solid, frame.arrays["depth"], np.nan)
    error = depth_error(np.where(eroded(mesh), found, np.nan), depth)
    assert error.rms < VOXEL and error.median < 0.3 * VOXEL, (error.rms / VOXEL, error.median / VOXEL)
    view.draw(sphere, seen(pose, sphere), MeshLook(edge=EDGE))
    drawn = view.read()[..., 3] > 127
    assert not eroded(drawn ^ mesh).any() and (drawn ^ mesh).sum() < 0.06 * mesh.sum()


def test_a_patch_lies_where_the_camera_sees_it(view: MeshView) -> None:
    """One triangle to the upper right of the picture, nothing elsewhere: no axis is mirrored."""
    vertices = np.array([[0.1, 0.1, 0], [0.3, 0.1, 0], [0.1, 0.3, 0]], np.float32)
    normals = np.tile(np.array([0, 0, 1], np.float32), (3, 1))
    mesh = mesh_arrays({"vertices": vertices, "normals": normals, "faces": np.array([[0, 1, 2]], np.uint32)})
    pose = OrbitPose(radius=2.0, fov=0.6)
    found = view.distances(mesh, seen(pose, mesh), 64, 64)
    rows, columns = np.nonzero(np.isfinite(found))
    k = pose.intrinsics()
    assert columns.min() >= 32 and rows.max() < 32 and len(rows) > 20
    u = (k[0, 0] * vertices[:, 0] / 2.0 + 0.5) * 64
    v = (-k[1, 1] * vertices[:, 1] / 2.0 + 0.5) * 64
    assert abs(columns.min() - u.min()) <= 1 and abs(rows.max() + 1 - v.max()) <= 1
    corner = found[rows.max(), columns.min()]
    assert corner == pytest.approx(np.linalg.norm([0.1, 0.1, 2.0]), abs=0.01), "along the ray, not along z"


def test_looks(view: MeshView, sphere: MeshArrays) -> None:
    camera = seen(POSES[1], sphere)
    pictures = {}
    for shading in ("lit", "matcap", "colour", "normals"):
        view.draw(sphere, camera, MeshLook(edge=EDGE, shading=shading))
        pictures[shading] = view.read().astype(int)
        assert pictures[shading][..., 3].max() == 255 and pictures[shading][0, 0, 3] == 0
    names = list(pictures)
    for i, a in enumerate(names):
        for b in names[i + 1 :]:
            assert np.abs(pictures[a] - pictures[b])[..., :3].max() > 40, (a, b)
    middle = pictures["normals"][EDGE // 2, EDGE // 2, :3] / 255.0
    towards = POSES[1].world_from_cam()[:3, 3] / 2.7
    assert np.abs(middle - (0.5 + 0.5 * towards)).max() < 0.04, "the middle of a sphere faces the camera"
    view.draw(sphere, camera, MeshLook(edge=EDGE, wire=1.0, wire_ink=(1.0, 0.0, 0.0)))
    wired = view.read().astype(int)
    red = (wired[..., 0] > 200) & (wired[..., 1] < 80)
    beyond = (wired[..., 3] > 127) ^ (pictures["lit"][..., 3] > 127)
    assert red.sum() > 200 and not eroded(beyond).any(), "edges lie on the mesh"
    plain = dataclasses.replace(sphere, colours=None)
    view.draw(plain, camera, MeshLook(edge=EDGE, shading="colour"))
    assert np.array_equal(view.read(), pictures["lit"]), "without colours it is lit"


def test_equal_views_draw_once_and_buffers_are_freed(view: MeshView, sphere: MeshArrays) -> None:
    look = MeshLook(edge=32)
    for _ in range(3):
        view.draw(sphere, seen(POSES[0], sphere), look)
    assert view.draws == 1
    view.draw(sphere, seen(POSES[1], sphere), look)
    assert view.draws == 2
    first = view.distances(sphere, seen(POSES[1], sphere), 32, 32)
    assert view.distances(sphere, seen(POSES[1], sphere), 32, 32) is first
    from OpenGL import GL

    names = view._buffers[sphere.number]._names
    assert all(GL.glIsBuffer(n) for n in names)
    view.keep(set())
    assert not any(GL.glIsBuffer(n) for n in names)


def test_an_inner_side_is_tinted(view: MeshView, session: QuerySession) -> None:
    """Half a sphere, seen into its bowl and onto its back."""
    request = MeshRequest(checkpoint=SPHERE, resolution=48, crop=((-0.5, -0.5, -0.5), (0.5, 0.5, 0.0)))
    bowl = mesh_arrays(session.answer(MeshPreviewQuestion(checkpoint=SPHERE, request=request)).arrays)
    hue = {}
    for name, yaw in (("inside", 0.0), ("outside", np.pi)):
        pose = OrbitPose(yaw=yaw, radius=2.7)
        view.draw(bowl, seen(pose, bowl), MeshLook(edge=64))
        shown = view.read()[32, 32].astype(int)
        assert shown[3] == 255
        hue[name] = shown[2] - shown[1]
    assert hue["inside"] > hue["outside"] + 10


def test_the_distance_error_has_a_sign_and_shares() -> None:
    nan = np.nan
    mesh = np.array([[1.0, 2.0, nan, nan], [1.5, nan, 3.0, 1.0]], np.float32)
    rendered = np.array([[1.1, 1.9, 1.0, nan], [1.5, nan, nan, nan]], np.float32)
    error = depth_error(mesh, rendered)
    assert error.values[0, 0] == pytest.approx(-0.1) and error.values[0, 1] == pytest.approx(0.1)
    assert error.rms == pytest.approx(np.sqrt(0.02 / 3), rel=1e-4) and error.pixels == 3
    assert (error.mesh_only, error.render_only) == (pytest.approx(2 / 6), pytest.approx(1 / 6))
    assert np.isnan(depth_error(np.full((2, 2), np.nan, np.float32), rendered[:, :2]).rms)
