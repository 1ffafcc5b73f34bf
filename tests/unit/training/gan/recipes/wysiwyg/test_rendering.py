"""The batched renderer of training against the viewer's renderer; random numbers; proposals."""

from __future__ import annotations

import pytest
import torch

from core_model.data.labels import LabelTable
from core_model.families.wysiwyg.config import PRESETS
from core_model.families.wysiwyg.generator import WysiwygGenerator
from core_model.families.wysiwyg.sparse_march import learning_scene
from core_model.geometry.rays import Window, camera_rays, label_rays, ray_bounds
from core_model.rendering.composite import Composite
from core_model.rendering.empty import outside_only
from core_model.rendering.evaluate import Scene, evaluate
from core_model.rendering.march import march
from core_model.rendering.probe import run_dense_probe
from core_model.sampling.placement import in_strata, stratified_samples, uniform_samples
from core_model.sampling.types import RaySamples
from core_model.schema.camera import MatrixCamera, OrbitPose, label25
from core_model.schema.conventions import Conventions
from core_model.schema.train import RenderConfig
from core_model.training.gan.draws import draw_fakes, item_uniform, mix_seed
from core_model.training.gan.recipes.wysiwyg.proposals import (
    march_by_proposals,
    march_importance,
    place,
    supervise,
)

CONV = Conventions(background=(0.2, 0.4, 0.6), scene_radius=0.5)
BACKGROUND = torch.tensor(CONV.background)
POSES = (OrbitPose(yaw=0.4, pitch=0.2), OrbitPose(yaw=-0.7, pitch=-0.1, radius=2.2, fov=0.3))
LABELS = torch.stack([torch.from_numpy(label25(pose)) for pose in POSES])


@pytest.fixture(scope="module")
def tiny() -> WysiwygGenerator:
    torch.manual_seed(0)
    return WysiwygGenerator(PRESETS["tiny"], CONV)


def planes_of(g: WysiwygGenerator):
    z = torch.randn(2, g.cfg.z_dim, generator=torch.Generator().manual_seed(1))
    return g.synthesize(g.map(z, LABELS))


def test_rays_are_those_of_the_house() -> None:
    rays = label_rays(LABELS, Window(6, 0, 0, 6), CONV)
    part = label_rays(LABELS, Window(6, 2, 1, 3), CONV)
    for i, label in enumerate(LABELS):
        known = ray_bounds(*camera_rays(MatrixCamera.from_label(label.numpy()), 6, 6), CONV)
        assert torch.allclose(rays.dirs[i], known.dirs, atol=1e-6) and torch.allclose(
            rays.origins[i], known.origins, atol=1e-6
        )
        assert torch.allclose(rays.near[i], known.near, atol=1e-5) and torch.allclose(
            rays.far[i], known.far, atol=1e-5
        )
        assert torch.allclose(part.dirs[i], known.dirs.reshape(6, 6, 3)[2:5, 1:4].reshape(-1, 3), atol=1e-6)


def test_pictures_are_those_of_the_viewers_renderer(tiny: WysiwygGenerator) -> None:
    with torch.no_grad():
        planes = planes_of(tiny)
        rays = label_rays(LABELS, Window(8, 0, 0, 8), CONV)
        samples = uniform_samples(rays.near, rays.far, 24)
        t, delta = samples.t, samples.delta
        ours = march(learning_scene(tiny.field(planes, fast=False), BACKGROUND), rays, samples)
        for i, label in enumerate(LABELS):
            one = type(planes)((planes.levels[0][i : i + 1],), CONV)
            scene = Scene(
                tiny.field(one),
                outside_only(CONV.box, torch.device("cpu")),
                BACKGROUND,
                torch.zeros(3),
                camera_dirs=True,
            )
            known = ray_bounds(*camera_rays(MatrixCamera.from_label(label.numpy()), 8, 8), CONV)
            c = Composite(
                scene,
                known,
                evaluate(scene, known, RaySamples(t[i], delta[i], torch.ones_like(t[i], dtype=torch.bool))),
            )
            assert torch.allclose(ours.opacity[i], c.opacity, atol=1e-4)
            assert torch.allclose(
                ours.rgb[i].clamp(0, 1), c.rgb, atol=3e-3
            )  # the viewer leaves out samples that weigh nothing


def test_recomputed_rays_have_the_same_gradients(tiny: WysiwygGenerator) -> None:
    found = []
    for rays_at_once in (0, 7):
        tiny.zero_grad(set_to_none=True)
        rays = label_rays(LABELS, Window(5, 0, 0, 5), CONV)
        u = in_strata(item_uniform((1, 2), (25, 6), torch.device("cpu")))
        scene = learning_scene(tiny.field(planes_of(tiny), fast=True), BACKGROUND)
        samples = stratified_samples(rays.near, rays.far, u)
        out = march(scene, rays, samples, recompute_rays=rays_at_once)
        (out.rgb.square().sum() + 100 * out.width.sum() + out.sdf.abs().mean()).backward()
        found.append({name: p.grad.clone() for name, p in tiny.named_parameters() if p.grad is not None})
    assert (
        found[0].keys() == found[1].keys()
        and "sdf_mlp.fc0.weight" in found[0]
        and "rgb_mlp.fc0.weight" in found[0]
    )
    for name, gradient in found[0].items():
        assert torch.allclose(
            gradient, found[1][name], rtol=1e-3, atol=1e-5 * float(gradient.abs().max() + 1)
        ), name


def test_proposals_place_the_budgets(tiny: WysiwygGenerator) -> None:
    cfg = RenderConfig(budget_low=4, budget_high=8, hard_share=0.25, patch=4)
    seeds = (11, 12)
    with torch.no_grad():
        scene = learning_scene(tiny.field(planes_of(tiny)), BACKGROUND)
        n = tiny.cfg
        probe = run_dense_probe(
            scene, label_rays(LABELS, Window(n.probe_size, 0, 0, n.probe_size), CONV), n.probe_samples
        )
        assert probe.weights.shape == (2, n.probe_samples - 1, n.probe_size, n.probe_size)
        assert tiny.proposal is not None
        loss, log_p = supervise(tiny.proposal, probe, scene, LABELS, cfg, seeds)
        assert log_p.shape[1:] == (n.probe_samples - 1, n.proposal_size, n.proposal_size) and torch.isfinite(
            loss
        )
        rays = label_rays(LABELS, Window(8, 0, 0, 8), CONV)
        drawn = march_by_proposals(scene, rays, log_p.exp(), probe.opacity, cfg, seeds)
        assert drawn.rgb.shape == (2, 64, 3) and drawn.weights.shape == (2, 16 * 8 + 48 * 4)
        again = march_by_proposals(scene, rays, log_p.exp(), probe.opacity, cfg, seeds)
        assert torch.equal(drawn.rgb, again.rgb)


def test_the_right_proposal_finds_the_surface(tiny: WysiwygGenerator) -> None:
    """With the traced distribution as proposal, few samples give the picture of many.

    Pixels come back in their places.
    """
    cfg = RenderConfig(budget_low=12, budget_high=24, hard_share=0.25)
    with torch.no_grad():
        scene = learning_scene(tiny.field(planes_of(tiny), fast=True), BACKGROUND)
        rays = label_rays(LABELS, Window(8, 0, 0, 8), CONV)
        dense = march(scene, rays, uniform_samples(rays.near, rays.far, 192))
        p = dense.picture(dense.weights[..., :-1] + 1e-5)
        few = march_by_proposals(
            scene, rays, p / p.sum(1, keepdim=True), dense.picture(dense.opacity), cfg, (3, 4)
        )
        many = march_importance(scene, rays, 96, (3, 4), 0)
        assert float((many.rgb - dense.rgb).abs().mean()) < 0.02
        assert float((few.rgb - dense.rgb).abs().mean()) < 0.03


def test_ablations_place_otherwise() -> None:
    rays = label_rays(LABELS, Window(4, 0, 0, 4), CONV)
    p = torch.softmax(4 * torch.randn(2, 16, 15, generator=torch.Generator().manual_seed(0)), -1)
    index = torch.arange(16).expand(2, 16)
    kinds = [RenderConfig(robust=r, stratified=s) for r, s in ((True, True), (False, True), (False, False))]
    ways = [place(p, rays, index, 6, kind, (1, 2)) for kind in kinds]
    for t, delta in ((way.t, way.delta) for way in ways):
        assert t.shape == (2, 16, 6) and bool((t.diff(dim=-1) >= 0).all()) and bool((delta >= 0).all())
        assert bool((t >= rays.near[..., None]).all()) and bool((t <= rays.far[..., None]).all())
    assert not torch.equal(ways[0].t, ways[1].t) and not torch.equal(ways[1].t, ways[2].t)


def test_draws_do_not_depend_on_the_number_of_processes() -> None:
    labels = LabelTable(LABELS)
    whole = draw_fakes(labels, 5, 6, 0.5, 3, 17, 0, rank=0, world=1)
    for world in (2, 3):
        for rank in range(world):
            part = draw_fakes(labels, 5, 6, 0.5, 3, 17, 0, rank=rank, world=world)
            assert torch.equal(part.z, whole.z[rank::world]) and torch.equal(
                part.condition, whole.condition[rank::world]
            )
            assert part.seeds == whole.seeds[rank::world]
    other = draw_fakes(labels, 5, 6, 0.5, 3, 18, 0, rank=0, world=1)
    assert (
        not torch.equal(other.z, whole.z)
        and len({mix_seed(a, b) for a in range(30) for b in range(30)}) == 900
    )


def test_swapping_probability() -> None:
    labels = LabelTable(torch.randn(500, 25))
    for chance in (0.0, 0.5, 1.0):
        fakes = draw_fakes(labels, 2, 400, chance, 0, 0, 0, rank=0, world=1)
        swapped = (fakes.condition != fakes.label).any(dim=1).float().mean()
        assert abs(float(swapped) - chance) < 0.07
