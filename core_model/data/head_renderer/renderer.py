"""A head from a camera: an anti-aliased picture, and what the ray through each pixel's centre meets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from core_model.data.head_cameras import FOCAL
from core_model.data.head_renderer import visibility
from core_model.data.head_renderer.context import OffscreenContext
from core_model.data.head_renderer.lighting import Lighting
from core_model.data.headpack.mesh import HeadMesh, Part
from core_model.data.headpack.skin import skin_surface

PART_NAMES = (
    "skin", "eyes", "cornea", "teeth", "tongue", "brows", "lashes", "hair", "hat", "clothes", "frame", "lenses",
)  # fmt: skip
"""Part k + 1 of `HeadView.part`; 0 is background. Clear parts (cornea, lenses) are never met."""
KINDS = {"skin": 1, "eyes": 2, "hair": 3, "brows": 3, "lashes": 0, "cornea": 4, "lenses": 5, "frame": 6}
SHADOW_SIZE = 768
SOLID = 0.55
"""Hair texels of at least this opacity write depth; the rest is laid over them from back to front."""
CASTERS = ("skin", "hair", "hat", "clothes", "frame")
"""Parts that cast shadows."""
_NEAR, _FAR = 1.4, 4.2


@dataclass(frozen=True)
class HeadView:
    """Pictures [S, S, …] of one head; NaN where the ray meets nothing."""

    rgb: np.ndarray
    """uint8 [S, S, 3], sRGB over the background."""
    opacity: np.ndarray
    """uint8 [S, S]: 255 times the share of the pixel that the head covers."""
    depth: np.ndarray
    """float32: distance along the unit ray through the pixel's centre, world units."""
    normal: np.ndarray
    """float32 [S, S, 3]: unit, world frame, towards the camera."""
    part: np.ndarray
    """int8: 0 background, k + 1 for PART_NAMES[k]; alpha under one half counts as nothing."""


@dataclass(frozen=True)
class _Loaded:
    """A part on the GPU."""

    part: Part
    mesh: Any
    caster: Any
    """What casts its shadows (None: nothing): the part itself, or a coarser mesh of it."""
    texture: int
    kind: int
    centres: np.ndarray
    """[M, 3] of the triangles drawn."""
    triangles: np.ndarray


class HeadRenderer:
    """One context per process; load a head once, then draw views of it."""

    def __init__(self) -> None:
        """Raises InputError where no off-screen OpenGL can be made."""
        self._context = OffscreenContext()
        from OpenGL import GL

        from core_model.data.head_renderer import objects

        self._gl, self._objects = GL, objects
        self.driver = self._context.renderer
        self._beauty = objects.Program("heads/head.vert", "heads/head.frag")
        self._truth = objects.Program("heads/head.vert", "heads/truth.frag")
        self._depth = objects.Program("heads/depth.vert", "heads/depth.frag")
        self._resolve = objects.Program("fullscreen.vert", "heads/resolve.frag")
        self._shadow = objects.Target(SHADOW_SIZE, (), compare=True)
        self._maps = objects.Target(visibility.MAP_SIZE * visibility.ROW, ())
        self._targets: dict[tuple[int, int], tuple] = {}
        self._empty = GL.glGenVertexArrays(1)
        self._blank = objects.picture(np.full((1, 1, 4), 255, np.uint8))
        self._kept: dict[int, tuple[np.ndarray, int]] = {}
        self._parts: list[_Loaded] = []
        self.visibility: dict[str, np.ndarray] = {}
        """Of the loaded head, by part: the share of the sky that each vertex sees, [N] in 0..1."""

    def close(self) -> None:
        self._context.close()

    def load(self, head: HeadMesh) -> None:
        """Takes a head over to OpenGL in place of the last one."""
        for old in self._parts:
            old.mesh.delete()
            if old.caster is not None:
                old.caster.delete()
            if old.part.texture is not None and old.part.texture.flags.writeable:
                self._gl.glDeleteTextures([old.texture])
        self._parts = []
        casters = {
            part.name: self._objects.Mesh(*_caster(part)) for part in head.parts if part.name in CASTERS
        }
        self.visibility = self._seen(head, casters)
        for part in head.parts:
            corners, triangles = _corners(part, self.visibility[part.name])
            shown = part.drawn_triangles
            self._parts.append(
                _Loaded(
                    part=part,
                    mesh=self._objects.Mesh(corners, triangles[shown]),
                    caster=casters.get(part.name),
                    texture=self._texture(part),
                    kind=KINDS.get(part.name, 0),
                    centres=part.vertices[part.triangles[shown]].mean(1),
                    triangles=triangles[shown],
                )
            )

    def view(
        self,
        world_from_cam: np.ndarray,
        size: int,
        light: Lighting,
        backdrop: np.ndarray,
        *,
        focal: float = FOCAL,
        supersample: int = 3,
        truth: bool = True,
    ) -> HeadView:
        """The loaded head from an OpenCV camera `world_from_cam` [4, 4]; `focal` in widths of the picture.

        backdrop [S, S, 3] in 0..1, sRGB. supersample² samples per pixel. truth=False leaves depth, normal and part out (NaN, 0).
        """
        clip = _projection(focal) @ np.linalg.inv(np.asarray(world_from_cam, np.float64))
        eye = (float(world_from_cam[0, 3]), float(world_from_cam[1, 3]), float(world_from_cam[2, 3]))
        samples, resolved, exact = self._sized(size, supersample)
        self._draw_shadow(light)
        self._draw_beauty(samples, clip, eye, light)
        rgba = self._resolved(samples, resolved, backdrop, supersample)
        if truth:
            surface, part = self._drawn_truth(exact, clip, eye)
            hit = part > 0
            depth = np.where(hit, surface[..., 3], np.nan).astype(np.float32)
            normal = np.where(hit[..., None], surface[..., :3], np.nan).astype(np.float32)
        else:
            depth, normal = (
                np.full((size, size), np.nan, np.float32),
                np.full((size, size, 3), np.nan, np.float32),
            )
            part = np.zeros((size, size), np.int8)
        return HeadView(np.ascontiguousarray(rgba[..., :3]), rgba[..., 3].copy(), depth, normal, part)

    def _sized(self, size: int, supersample: int) -> tuple:
        key = (size, supersample)
        if key not in self._targets:
            for targets in self._targets.values():
                for target in targets:
                    target.delete()
            make = self._objects.Target
            self._targets = {
                key: (
                    make(size * supersample, ("rgba16f",)),
                    make(size, ("rgba8",), depth=False),
                    make(size, ("rgba32f", "int8")),
                )
            }
        return self._targets[key]

    def _seen(self, head: HeadMesh, meshes: dict[str, Any]) -> dict[str, np.ndarray]:
        """Share of the sky seen by each vertex: the coarse skin and the other parts cast the shadows."""
        gl, size = self._gl, visibility.MAP_SIZE
        casters = [part for part in head.parts if part.name in meshes]
        # Small pictures will do to tell hair from what lies between it.
        textures = [
            self._objects.picture(part.texture[::4, ::4], mip_maps=False)
            if part.texture is not None and part.alpha == "coverage"
            else self._blank
            for part in casters
        ]
        self._maps.begin()
        gl.glEnable(gl.GL_DEPTH_TEST)
        gl.glDisable(gl.GL_BLEND)
        gl.glDisable(gl.GL_CULL_FACE)
        self._depth.use({"picture": 0})
        gl.glActiveTexture(gl.GL_TEXTURE0)
        for part, texture in zip(casters, textures):
            gl.glBindTexture(gl.GL_TEXTURE_2D, texture)
            self._depth.set({"cut": part.alpha == "coverage"})
            for k in range(visibility.DIRECTIONS):
                gl.glViewport(k % visibility.ROW * size, k // visibility.ROW * size, size, size)
                self._depth.set({"clip_from_world": visibility.sky_matrix(k)})
                meshes[part.name].draw()
        maps = self._maps.read_depth()
        for texture in textures:
            if texture != self._blank:
                gl.glDeleteTextures([texture])
        return {part.name: _open_sky(part, maps) for part in head.parts}

    def _texture(self, part: Part) -> int:
        """The part's picture on the GPU; those of the pack itself, which are read-only, stay there."""
        if part.texture is None:
            return self._blank
        if part.texture.flags.writeable:
            return self._objects.picture(part.texture)
        key = id(part.texture)
        if key not in self._kept:
            self._kept[key] = (part.texture, self._objects.picture(part.texture))
        return self._kept[key][1]

    def _draw_shadow(self, light: Lighting) -> None:
        gl = self._gl
        self._shadow.begin()
        gl.glEnable(gl.GL_DEPTH_TEST)
        gl.glDepthFunc(gl.GL_LEQUAL)
        gl.glDisable(gl.GL_BLEND)
        gl.glDisable(gl.GL_CULL_FACE)
        self._depth.use(
            {"clip_from_world": visibility.parallel(np.asarray(light.key_direction)), "picture": 0}
        )
        gl.glActiveTexture(gl.GL_TEXTURE0)
        for loaded in self._parts:
            if loaded.caster is None:
                continue
            gl.glBindTexture(gl.GL_TEXTURE_2D, loaded.texture)
            self._depth.set({"cut": loaded.part.alpha == "coverage"})
            loaded.caster.draw()

    def _draw_beauty(
        self, target, clip: np.ndarray, eye: tuple[float, float, float], light: Lighting
    ) -> None:
        gl = self._gl
        target.begin()
        gl.glEnable(gl.GL_BLEND)
        gl.glBlendFunc(gl.GL_ONE, gl.GL_ONE_MINUS_SRC_ALPHA)
        halves = np.diag([0.5, 0.5, 0.5, 1.0])
        halves[:3, 3] = 0.5
        e = light.exposure
        self._beauty.use(
            {
                "clip_from_world": clip,
                "shadow_from_world": halves @ visibility.parallel(np.asarray(light.key_direction)),
                "picture": 0,
                "shadow": 1,
                "shadowed": True,
                "camera": eye,
                "key_direction": light.key_direction,
                "key": _times(light.key, e),
                "sky": _times(light.sky, e),
                "ground": _times(light.ground, e),
                "fill_direction": light.fill_direction,
                "fill": _times(light.fill, e),
            }
        )
        gl.glActiveTexture(gl.GL_TEXTURE1)
        gl.glBindTexture(gl.GL_TEXTURE_2D, self._shadow.depth)
        gl.glActiveTexture(gl.GL_TEXTURE0)
        # The skin last: what lies before it need not be shaded.
        for loaded in sorted(self._parts, key=lambda one: one.part.name == "skin"):
            if loaded.part.alpha == "opaque" or loaded.part.name in ("teeth", "tongue"):
                self._draw_lit(loaded, (0.0 if loaded.part.alpha == "opaque" else 0.5, 2.0), True)
        by_name = {loaded.part.name: loaded for loaded in self._parts}
        if "cornea" in by_name:
            self._draw_lit(by_name["cornea"], (0.0, 2.0), False)
        for name in ("brows", "lashes"):
            if name in by_name:
                gl.glEnable(gl.GL_POLYGON_OFFSET_FILL)
                gl.glPolygonOffset(-1.0, -4.0)
                self._draw_lit(by_name[name], (0.01, 2.0), False)
                gl.glDisable(gl.GL_POLYGON_OFFSET_FILL)
        if "hair" in by_name:
            hair = by_name["hair"]
            far_first = np.argsort(-np.linalg.norm(hair.centres - np.asarray(eye, np.float32), axis=1))
            hair.mesh.order(hair.triangles[far_first])
            self._draw_lit(hair, (SOLID, 2.0), True)
            self._draw_lit(hair, (0.01, SOLID), False)
        if "lenses" in by_name:
            self._draw_lit(by_name["lenses"], (0.0, 2.0), False)

    def _draw_lit(self, loaded: _Loaded, alpha: tuple[float, float], writes_depth: bool) -> None:
        gl, part = self._gl, loaded.part
        gl.glDepthMask(writes_depth)
        if part.two_sided:
            gl.glDisable(gl.GL_CULL_FACE)
        else:
            gl.glEnable(gl.GL_CULL_FACE)
        gl.glBindTexture(gl.GL_TEXTURE_2D, loaded.texture)
        self._beauty.set(
            {
                "textured": part.texture is not None,
                "tone": part.tone,
                "kind": loaded.kind,
                "alpha_range": alpha,
                "two_sided": part.two_sided,
            }
        )
        loaded.mesh.draw()
        gl.glDepthMask(True)

    def _resolved(self, samples, resolved, backdrop: np.ndarray, factor: int) -> np.ndarray:
        gl = self._gl
        texture = self._objects.backdrop_texture(backdrop)
        resolved.begin()
        gl.glDisable(gl.GL_BLEND)
        gl.glDisable(gl.GL_DEPTH_TEST)
        gl.glDisable(gl.GL_CULL_FACE)
        self._resolve.use({"samples": 0, "backdrop": 1, "factor": factor})
        gl.glActiveTexture(gl.GL_TEXTURE1)
        gl.glBindTexture(gl.GL_TEXTURE_2D, texture)
        gl.glActiveTexture(gl.GL_TEXTURE0)
        gl.glBindTexture(gl.GL_TEXTURE_2D, samples.textures[0])
        gl.glBindVertexArray(self._empty)
        gl.glDrawArrays(gl.GL_TRIANGLES, 0, 3)
        gl.glDeleteTextures([texture])
        gl.glEnable(gl.GL_DEPTH_TEST)
        return resolved.read()

    def _drawn_truth(
        self, target, clip: np.ndarray, eye: tuple[float, float, float]
    ) -> tuple[np.ndarray, np.ndarray]:
        gl = self._gl
        target.begin()
        gl.glDisable(gl.GL_BLEND)
        self._truth.use(
            {"clip_from_world": clip, "camera": eye, "picture": 0, "shadow": 1, "shadowed": False}
        )
        for loaded in self._parts:
            part = loaded.part
            if part.alpha == "clear":
                continue
            if part.two_sided:
                gl.glDisable(gl.GL_CULL_FACE)
            else:
                gl.glEnable(gl.GL_CULL_FACE)
            gl.glBindTexture(gl.GL_TEXTURE_2D, loaded.texture)
            number = PART_NAMES.index(part.name) + 1
            self._truth.set({"cut": part.alpha == "coverage", "two_sided": part.two_sided, "number": number})
            loaded.mesh.draw()
        return target.read(0), target.read(1)


def _projection(focal: float) -> np.ndarray:
    """clip [4, 4] from OpenCV camera coordinates (+x right, +y down, +z forward)."""
    near, far = _NEAR, _FAR
    matrix = np.zeros((4, 4))
    matrix[0, 0], matrix[1, 1] = 2.0 * focal, -2.0 * focal
    matrix[2, 2], matrix[2, 3] = (far + near) / (far - near), -2.0 * far * near / (far - near)
    matrix[3, 2] = 1.0
    return matrix


def _times(rgb: tuple[float, float, float], gain: float) -> tuple[float, float, float]:
    return (rgb[0] * gain, rgb[1] * gain, rgb[2] * gain)


_WELD: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []


def _corners(part: Part, seen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Corners [C, 9] (position, normal, uv, visibility) and triangles over them."""
    if part.name == "skin":
        vertex, uv, triangles = _skin_weld()
    else:
        vertex, uv = part.triangles.ravel(), part.uv.reshape(-1, 2)
        triangles = np.arange(vertex.size).reshape(-1, 3)
    return np.concatenate(
        (part.vertices[vertex], part.normals[vertex], uv, seen[vertex, None]), 1, dtype=np.float32
    ), triangles


def _skin_weld() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(vertex, uv, triangles) of the skin with equal corners joined: the same for every head."""
    if not _WELD:
        surface = skin_surface()
        # Eight bytes each: equal pairs of floats are equal integers.
        pairs = np.ascontiguousarray(surface.triangle_uv.reshape(-1, 2)).view(np.int64)[:, 0]
        kinds, kind = np.unique(pairs, return_inverse=True)
        key = surface.triangles.ravel().astype(np.int64) * len(kinds) + kind
        _, first, inverse = np.unique(key, return_index=True, return_inverse=True)
        _WELD.append(
            (
                surface.triangles.ravel()[first],
                surface.triangle_uv.reshape(-1, 2)[first],
                inverse.reshape(-1, 3).astype(np.uint32),
            )
        )
    return _WELD[0]


def _open_sky(part: Part, maps: np.ndarray) -> np.ndarray:
    """Share of the sky that each vertex sees; of the skin, at the coarse vertices and spread to the finer ones."""
    if part.name != "skin":
        return visibility.seen(part.vertices, part.normals, maps, part.two_sided)
    surface = skin_surface()
    count = len(surface.used)
    coarse = visibility.seen(part.vertices[:count], part.normals[:count], maps, part.two_sided)
    return np.clip(surface.fine.matrix @ coarse, 0.0, 1.0)


def _caster(part: Part) -> tuple[np.ndarray, np.ndarray]:
    """What shadows the sky: the part itself, the skin by its coarse quads (its first vertices are theirs)."""
    if part.name != "skin":
        return _corners(part, np.ones(len(part.vertices)))
    quads = skin_surface().quads
    count = len(skin_surface().used)
    blank = np.zeros((count, 3))
    corners = np.concatenate((part.vertices[:count], part.normals[:count], blank), 1)
    return corners, np.concatenate((quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]))
