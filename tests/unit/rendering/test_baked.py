"""Baked volumes: the numbers are the field's own, nothing that can be seen is missing, and the picture is that of the renderer."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from core_model.families.analytic.shapes import SHAPES, SPHERE_RADIUS, AnalyticField
from core_model.fields.base import FieldSample
from core_model.queries import QuerySession
from core_model.rendering.baked import baked
from core_model.rendering.baked_picture import BakedVolume, draw_baked
from core_model.rendering.brick_pyramid import BrickPyramid
from core_model.schema.baked import BakedArrays, BakedSpec
from core_model.schema.camera import OrbitPose
from core_model.schema.conventions import Conventions
from core_model.schema.latent import LatentSpec
from core_model.schema.render import RenderRequest
from core_model.schema.sampler import SamplerSpec

BOX = 0.5
SHAPE_NAMES = SHAPES.names()


def pyramid_of(shape: str, level: int, beta: float = 0.004) -> BrickPyramid:
    pyramid = BrickPyramid(AnalyticField(shape, beta), BOX, torch.device("cpu"))
    while pyramid.level is None or pyramid.level.cells < level:
        pyramid.step()
    return pyramid


def volume_of(pyramid: BrickPyramid) -> tuple[BakedSpec, BakedArrays]:
    assert pyramid.level is not None
    kind = "sdf" if pyramid.field.is_sdf else "density"
    conv = Conventions(field=kind, density_rule="volsdf" if kind == "sdf" else "density")
    return baked(pyramid.level, conv, "test", LatentSpec())


@pytest.mark.parametrize("shape", SHAPE_NAMES)
def test_evaluated_samples_are_the_fields_own(shape: str) -> None:
    pyramid = pyramid_of(shape, 64)
    level = pyramid.level
    assert level is not None and len(level) > 8
    k, z, y, x = level.known.nonzero(as_tuple=True)
    points = ((level.at[k] * 8 + torch.stack([x, y, z], dim=-1)) * (2.0 / 64) - 1.0) * BOX
    sample = pyramid.field.geometry(points[None])
    wanted = sample.density if sample.sdf is None else sample.sdf
    torch.testing.assert_close(level.samples[k, 0, z, y, x], wanted[0], atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("shape", SHAPE_NAMES)
def test_no_point_that_dims_a_ray_is_outside_the_bricks(shape: str) -> None:
    """Outside the matter every point whose density a ray across the box would notice lies in a brick."""
    pyramid = pyramid_of(shape, 64)
    points = (torch.rand(200_000, 3, generator=torch.Generator().manual_seed(0)) - 0.5) * (2.0 * BOX)
    sample = pyramid.field.geometry(points[None])
    there, value, _ = BakedVolume(*volume_of(pyramid)).at(points)
    if sample.sdf is None:
        assert not bool((~there & (sample.density[0] > 0)).any())
        return
    seen = (sample.density[0] > 1.0) & (sample.sdf[0] > -8.0 * 0.004)
    assert int(seen.sum()) > 1000 and not bool((seen & ~there).any())
    near = there & (sample.sdf[0].abs() < 0.02)
    assert (
        float((value - sample.sdf[0])[near].abs().max()) < 0.6 * 2.0 * BOX / 64
    )  # a kink between two corners


def test_values_do_not_jump_between_bricks() -> None:
    """Points on both sides of each brick face, where the surface is: the faces are shared."""
    spec, arrays = volume_of(pyramid_of("sphere", 128))
    volume = BakedVolume(spec, arrays)
    turns = torch.rand(20_000, 2, generator=torch.Generator().manual_seed(1)) * math.pi * 2.0
    ring = torch.stack(
        [turns[:, 0].cos() * turns[:, 1].sin(), turns[:, 0].sin() * turns[:, 1].sin(), turns[:, 1].cos()], -1
    )
    points = ring * SPHERE_RADIUS
    face = 2.0 * BOX / spec.bricks
    points[:, 0] = (points[:, 0] / face).round() * face
    points = points[(points.norm(dim=-1) - SPHERE_RADIUS).abs() < 0.01]
    step = torch.tensor([1e-6, 0.0, 0.0])
    before, after = volume.at(points - step), volume.at(points + step)
    both = before[0] & after[0]
    assert int(both.sum()) > 500
    assert float((before[1] - after[1])[both].abs().max()) < 1e-4
    assert float((before[2] - after[2])[both].abs().max()) < 0.01


def test_a_clear_step_never_enters_a_brick_with_a_surface() -> None:
    spec, arrays = volume_of(pyramid_of("torus", 128))
    m, edge = spec.bricks, 2.0 * BOX / spec.bricks
    there = arrays.index[..., 3] > 0
    z, y, x = np.nonzero(there)
    for place in np.argwhere(~there)[::37]:
        gap = np.maximum(np.abs(np.stack([z, y, x], axis=-1) - place) - 1, 0) * edge
        nearest = float(np.sqrt((gap**2).sum(axis=-1)).min())
        assert nearest * 0.995 <= float(arrays.clear[tuple(place)]) <= nearest
    assert (arrays.clear[there] == 0).all() and arrays.clear.shape == (m, m, m)


def test_layout_is_what_the_record_says() -> None:
    spec, arrays = volume_of(pyramid_of("sphere", 64))
    edge, (nx, ny, nz) = spec.brick + 1, spec.atlas
    assert arrays.value.shape == (nz * edge, ny * edge, nx * edge) and arrays.value.dtype == np.float16
    assert arrays.colour.shape == (*arrays.value.shape, 4) and arrays.colour.dtype == np.uint8
    assert arrays.index.shape == (8, 8, 8, 4) and arrays.index.dtype == np.uint8
    places = arrays.index[arrays.index[..., 3] == 255][:, :3]
    assert len(np.unique(places, axis=0)) == len(places), "each brick has a place of its own"
    assert (places < np.array(spec.atlas)).all()
    assert arrays.nbytes < 1 << 20


def test_work_that_is_stopped_between_steps_gives_the_same_numbers() -> None:
    one = pyramid_of("torus", 128)
    other = BrickPyramid(AnalyticField("torus", 0.004), BOX, torch.device("cpu"))
    steps = 0
    while other.level is None or other.level.cells < 64:
        other.step()
        steps += 1
    while other.level.cells < 128:
        other.step()
        steps += 1
    assert steps > 5 and one.level is not None
    assert torch.equal(one.level.samples, other.level.samples) and one.evaluations == other.evaluations


def test_only_the_neighbourhood_of_the_surface_is_evaluated() -> None:
    pyramid = pyramid_of("sphere", 128, beta=0.001)
    assert 0.01 * 129**3 < pyramid.evaluations < 0.12 * 129**3


def test_opaque_matter_of_a_density_is_hollow() -> None:
    class Ball(AnalyticField):
        def __init__(self) -> None:
            super().__init__("slab")
            self.distance = SHAPES.get("sphere")

        def geometry(self, points: torch.Tensor) -> FieldSample:
            sample = super().geometry(points)
            return FieldSample(density=sample.density * 100.0, features=sample.features)

    pyramid = BrickPyramid(Ball(), BOX, torch.device("cpu"))
    while pyramid.level is None or pyramid.level.cells < 128:
        pyramid.step()
    spec, arrays = volume_of(pyramid)
    assert arrays.index[8, 8, 8, 3] == 0, "no light reaches the middle of an opaque ball"
    picture = draw_baked(spec, arrays, OrbitPose(yaw=0.5), 32, 32)
    disc = picture.opacity[12:20, 12:20]
    assert float(disc.min()) > 0.995


def psnr(a: np.ndarray, b: np.ndarray) -> float:
    return float(-10.0 * np.log10(np.square(a - b).mean()))


@pytest.mark.parametrize(
    ("shape", "least"), [("sphere", 33.0), ("torus", 33.0), ("shell", 33.0), ("slab", 38.0)]
)
def test_picture_is_the_renderers(session: QuerySession, shape: str, least: float) -> None:
    """Colours of the checkerboard jump, which no grid can hold: the rest of a head is smoother."""
    camera = OrbitPose(yaw=0.5, pitch=0.3)
    frame = session.render(
        RenderRequest(
            checkpoint=f"analytic:{shape}", camera=camera, width=64, height=64, channels=("rgb", "opacity", "depth"),
            sampler=SamplerSpec(name="uniform", spp=512),
        )
    )  # fmt: skip
    pyramid = pyramid_of(shape, 128, beta=0.001)
    spec, arrays = volume_of(pyramid)
    picture = draw_baked(spec.replace(background=(0.86, 0.87, 0.88)), arrays, camera, 64, 64)
    assert psnr(picture.opacity.numpy(), frame.arrays["opacity"]) > least
    assert psnr(picture.rgb.numpy(), frame.arrays["rgb"]) > 28.0
    solid = frame.arrays["opacity"] > 0.999
    if shape != "slab":
        assert solid.any() and float(picture.opacity.numpy()[solid].min()) > 0.5, (
            "a pixel of the shape is missing"
        )
        depth = np.abs(picture.depth.numpy() - frame.arrays["depth"])[solid]
        assert float(np.median(depth)) < 2e-3
