"""Samples left out and samples added while training, against the plain path."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from core_model.families.wysiwyg import decoder
from core_model.families.wysiwyg.config import PRESETS
from core_model.families.wysiwyg.generator import WysiwygGenerator
from core_model.families.wysiwyg.sparse_march import (
    LearningScene,
    learning_scene,
    march_culled,
    march_refined,
    march_seen,
)
from core_model.fields.density import volsdf_density
from core_model.geometry.rays import Rays, Window, label_rays
from core_model.rendering.march import Marched, march
from core_model.sampling.placement import in_strata, stratified_samples, uniform_samples
from core_model.sampling.types import RaySamples
from core_model.schema.camera import OrbitPose, label25
from core_model.schema.conventions import Conventions
from core_model.schema.overrides import apply_overrides
from core_model.schema.train_presets import PRESETS as PRESETS_OF_TRAINING
from core_model.training.gan.draws import FakeBatch, item_uniform
from core_model.training.gan.recipes.wysiwyg import render
from core_model.training.gan.recipes.wysiwyg.networks import build_networks

CONV = Conventions(background=(0.2, 0.4, 0.6), scene_radius=0.5)
BACKGROUND = torch.tensor(CONV.background)
LABELS = torch.stack([torch.from_numpy(label25(OrbitPose(yaw=yaw, pitch=0.1))) for yaw in (0.4, -0.7)])
RAYS = label_rays(LABELS, Window(6, 0, 0, 6), CONV)
SEEDS = (1, 2)


@pytest.fixture(scope="module")
def tiny() -> WysiwygGenerator:
    torch.manual_seed(0)
    return WysiwygGenerator(PRESETS["tiny"], CONV)


def strata(rays: Rays, u: torch.Tensor) -> RaySamples:
    """One sample in each of S strata at the places u [B, R, S] within them."""
    return stratified_samples(rays.near, rays.far, in_strata(u))


def learn(
    g: WysiwygGenerator, how: Callable[[LearningScene, Rays], Marched]
) -> tuple[Marched, dict[str, torch.Tensor]]:
    """A picture and the gradients that it gives."""
    g.zero_grad(set_to_none=True)
    z = torch.randn(2, g.cfg.z_dim, generator=torch.Generator().manual_seed(1))
    out = how(learning_scene(g.field(g.synthesize(g.map(z, LABELS)), fast=False), BACKGROUND), RAYS)
    (out.rgb.square().sum() + out.width.sum() + out.depth[out.opacity > 0.5].sum()).backward()
    return out, {name: p.grad.clone() for name, p in g.named_parameters() if p.grad is not None}


def angle(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> float:
    assert a.keys() == b.keys() and "rgb_mlp.fc0.weight" in a
    one, two = (torch.cat([x[name].flatten() for name in sorted(a)]) for x in (a, b))
    return float((one - two).norm() / one.norm())


def test_nothing_left_out_is_the_plain_picture(tiny: WysiwygGenerator) -> None:
    samples = strata(RAYS, item_uniform(SEEDS, (36, 12), torch.device("cpu")))
    plain, expected = learn(tiny, lambda scene, rays: march(scene, rays, samples))
    whole, gradients = learn(tiny, lambda scene, rays: march_culled(scene, rays, samples, -1.0))
    for a, b in ((plain.rgb, whole.rgb), (plain.opacity, whole.opacity), (plain.width, whole.width)):
        assert torch.allclose(a, b, atol=1e-5)
    assert torch.allclose(
        plain.weights, whole.weights, atol=1e-3
    )  # the coarse pass rounds otherwise, and a small beta makes much of it
    assert torch.allclose(plain.sdf, whole.sdf, atol=1e-5) and angle(expected, gradients) < 1e-4


def test_what_is_left_out_is_not_missed(tiny: WysiwygGenerator) -> None:
    samples = strata(RAYS, item_uniform(SEEDS, (36, 24), torch.device("cpu")))
    plain, expected = learn(tiny, lambda scene, rays: march(scene, rays, samples))
    few, gradients = learn(tiny, lambda scene, rays: march_seen(scene, rays, samples, cull_floor=0.002))
    assert float((plain.rgb - few.rgb).detach().abs().max()) < 0.01 and angle(expected, gradients) < 0.1
    with torch.no_grad():  # without gradients nothing is saved, so nothing is left out
        z = torch.randn(2, tiny.cfg.z_dim, generator=torch.Generator().manual_seed(1))
        scene = learning_scene(tiny.field(tiny.synthesize(tiny.map(z, LABELS)), fast=False), BACKGROUND)
        free = march_seen(scene, RAYS, samples, cull_floor=0.5)
    assert torch.allclose(free.rgb, plain.rgb, atol=2e-6)


def test_refining_is_nearer_to_many_samples(tiny: WysiwygGenerator) -> None:
    """Same number of samples in all.

    Coarse ones alone, and half of them placed by a look at the other half.
    """
    u = item_uniform(SEEDS, (36, 48), torch.device("cpu"))
    dense, expected = learn(
        tiny, lambda scene, rays: march(scene, rays, uniform_samples(rays.near, rays.far, 384))
    )
    plain, blunt = learn(tiny, lambda scene, rays: march(scene, rays, strata(rays, u)))
    t = strata(RAYS, u[..., :24]).t
    fine, gradients = learn(tiny, lambda scene, rays: march_refined(scene, rays, rays, t, u[..., 24:], 0.002))
    error = lambda x: float((x.rgb - dense.rgb).detach().square().mean().sqrt())
    assert error(fine) < 0.7 * error(plain) and angle(expected, gradients) < 0.9 * angle(expected, blunt)


def test_a_coarse_pass_of_fewer_rays_places_samples_nearly_as_well(tiny: WysiwygGenerator) -> None:
    """Each pixel of 24² takes the ray of a 12² look that is nearest: as near to many samples as a look of its own, within a factor."""
    rays, small = (label_rays(LABELS, Window(size, 0, 0, size), CONV) for size in (24, 12))
    u = item_uniform(SEEDS, (len(rays), 24), torch.device("cpu"))
    with torch.no_grad():
        z = torch.randn(2, tiny.cfg.z_dim, generator=torch.Generator().manual_seed(1))
        scene = learning_scene(tiny.field(tiny.synthesize(tiny.map(z, LABELS)), fast=False), BACKGROUND)
        dense = march(scene, rays, uniform_samples(rays.near, rays.far, 384)).rgb
        error = {}
        for look in (rays, small):
            t = strata(look, u[:, : len(look), :16]).t
            made = march_refined(scene, rays, look, t, u[..., 16:], 0.002)
            assert made.rgb.shape == dense.shape
            error[len(look)] = float((made.rgb - dense).square().mean().sqrt())
    assert error[144] < 2.0 * error[576] and error[144] < 0.02, error


def test_pieces_have_the_gradients_of_the_field(
    tiny: WysiwygGenerator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Density, width and colour of points in pieces of 7, against the field's own path, for pictures with different numbers of them."""
    monkeypatch.setattr(decoder, "PIECE", 7)
    points = torch.rand(2, 30, 3, generator=torch.Generator().manual_seed(5)) - 0.5
    dirs = torch.nn.functional.normalize(
        torch.randn(2, 30, 3, generator=torch.Generator().manual_seed(6)), dim=-1
    )
    weight = torch.randn(41, 5, generator=torch.Generator().manual_seed(7))
    z = torch.randn(2, tiny.cfg.z_dim, generator=torch.Generator().manual_seed(1))
    found = []
    for pieces in (False, True):
        tiny.zero_grad(set_to_none=True)
        field = tiny.field(tiny.synthesize(tiny.map(z, LABELS)), fast=False)
        if pieces:
            kept = [torch.cat([x[0], x[1, :11]]) for x in (points, dirs)]
            sdf, beta, colour = field.learned_pieces(kept[0], kept[1], [30, 11])
            density = volsdf_density(sdf, beta)
        else:
            sample = field.geometry(points)
            assert sample.beta is not None
            whole = (sample.density, sample.beta, field.colour(sample, points, dirs))
            density, beta, colour = (torch.cat([x[0], x[1, :11]]) for x in whole)
        out = torch.cat([density[:, None], beta[:, None], colour], dim=1)
        (out * weight).sum().backward()
        found.append(
            (
                out.detach(),
                {name: p.grad.clone() for name, p in tiny.named_parameters() if p.grad is not None},
            )
        )
    assert (
        torch.allclose(found[0][0], found[1][0], rtol=1e-4, atol=1e-4)
        and angle(found[0][1], found[1][1]) < 1e-4
    )


def test_rays_that_meet_nothing_show_the_background(tiny: WysiwygGenerator) -> None:
    samples = strata(RAYS, item_uniform(SEEDS, (36, 8), torch.device("cpu")))
    out, gradients = learn(tiny, lambda scene, rays: march_culled(scene, rays, samples, 1e9))
    assert (
        torch.equal(out.rgb, BACKGROUND.expand_as(out.rgb)) and float(out.opacity.detach().abs().max()) == 0.0
    )
    assert all(float(g.abs().max()) == 0.0 for g in gradients.values())


def test_the_distances_of_the_coarse_pass_are_the_field_s(tiny: WysiwygGenerator) -> None:
    with torch.no_grad():
        z = torch.randn(2, tiny.cfg.z_dim, generator=torch.Generator().manual_seed(3))
        field = tiny.field(tiny.synthesize(tiny.map(z, LABELS)), fast=False)
        field.chunk = 50
        points = torch.rand(2, 120, 3, generator=torch.Generator().manual_seed(4)) - 0.5
        sdf, beta = field.distances(points)
        known = field.geometry(points)
        assert known.sdf is not None and known.beta is not None
        assert torch.allclose(sdf, known.sdf, atol=1e-5) and torch.allclose(beta, known.beta, atol=1e-6)


@pytest.mark.parametrize("jitter", ["ray", "image"])
def test_random_places_of_rays_or_of_images(jitter: str, monkeypatch: pytest.MonkeyPatch) -> None:
    smoke = PRESETS_OF_TRAINING.get("smoke")
    cfg = apply_overrides(smoke, [("render.jitter", jitter), ("loss.decision", "0")])
    networks, seen = build_networks(cfg, "cpu"), []
    real = render.march_refined

    def look(
        scene: LearningScene, rays: Rays, coarse: Rays, t: torch.Tensor, u: torch.Tensor, floor: float
    ) -> Marched:
        seen.append((t - rays.near[..., None], u))
        return real(scene, rays, coarse, t, u, floor)

    monkeypatch.setattr(render, "march_refined", look)
    batch = FakeBatch(torch.randn(2, cfg.network.z_dim), LABELS, LABELS, (5, 6))
    made = render.make_fakes(networks.generator, batch, cfg, cfg.schedule.at(0), train=True)
    made.images.mean().backward()
    ((t, u),) = seen
    shared = torch.allclose(t[:, :1].expand_as(t), t, atol=1e-6) and torch.equal(u[:, :1].expand_as(u), u)
    assert shared == (jitter == "image") and not torch.equal(t[0], t[1])
    gradient = networks.generator.sdf_mlp.fc0.weight.grad
    assert torch.isfinite(made.images).all() and gradient is not None and float(gradient.abs().sum()) > 0
