"""Both stages of an inversion: they find what a generator itself has drawn, and go on bit by bit from saved tensors."""

from __future__ import annotations

import copy
import math
from typing import Any

import pytest
import torch
from torch import Tensor

from core_model.families import FAMILIES
from core_model.inversion.camera import FreeCamera, angle_between
from core_model.inversion.likeness import Likeness
from core_model.inversion.noise_maps import noise_maps, whiten, whiteness
from core_model.inversion.stages import LatentStage, Search, TuneStage, fill
from core_model.inversion.start import latent_space
from core_model.schema.inversion import InvertConfig
from tests.unit.inversion.generators import MODELS, camera

CFG = InvertConfig(size=16, latent_steps=30, tune_steps=10, average_samples=128, refresh=4)


def search_of(family: str, cfg: InvertConfig, off: float = 0.06) -> tuple[Search, Tensor]:
    """A search for a picture that the generator drew itself, from a camera that is `off` radians off; and its w."""
    model = MODELS[family]()
    make = FAMILIES.get(family).painter
    assert make is not None
    painter, start = make(model), camera(family, yaw=off)
    space = latent_space(model, start, cfg.average_samples)
    x = torch.randn(1, len(space.mean), generator=torch.Generator().manual_seed(4))
    ws = space.w(x)[None].expand(1, model.module.num_ws, -1)
    with torch.no_grad():
        target = painter.paint(ws, FreeCamera(camera(family)).label(), cfg.size, fresh=True).image
    likeness = Likeness.of(cfg, target.clamp(0, 1), None, {})
    return Search.begin(cfg, model, painter, likeness, FreeCamera(start), space), ws


def run(stage: Any, steps: int) -> list[float]:
    return [stage.advance()["loss"] for _ in range(steps)]


@pytest.mark.parametrize("family", MODELS)
def test_both_stages_lower_the_loss(family: str) -> None:
    search, _ = search_of(family, CFG)
    stage = LatentStage(search)
    losses = run(stage, CFG.latent_total)
    assert all(math.isfinite(v) for v in losses)
    before = search.likeness.psnr(stage.picture())
    assert min(losses[-5:]) < losses[0]
    stage.close()
    weights = copy.deepcopy(search.model.module.state_dict())
    tune = TuneStage(search)
    x = search.x.clone()
    run(tune, CFG.tune_total)
    assert torch.equal(search.x, x), "the pivot stays"
    assert search.likeness.psnr(tune.picture()) > before - 0.2
    changed = {n for n, v in search.model.module.state_dict().items() if not torch.equal(v, weights[n])}
    assert changed and not any(n.startswith(("mapping", "proposal")) for n in changed)


def test_the_camera_of_a_known_latent_is_found() -> None:
    """Latent and camera of a tiny picture of noise explain each other, so the latent is given here; real heads are measured in
    `benchmarks.inversion`.
    """
    search, _ = search_of(
        "wysiwyg", CFG.replace(latent_steps=120, space="w", latent_noise=0.0, lr=1e-6, edge=0.0)
    )
    with torch.no_grad():
        search.x.copy_(
            torch.randn(search.x.shape[-1], generator=torch.Generator().manual_seed(4)).expand_as(search.x)
        )
    off = angle_between(search.camera.camera(), camera("wysiwyg"))
    run(LatentStage(search), 120)
    assert angle_between(search.camera.camera(), camera("wysiwyg")) < 0.5 * off


def test_a_filled_stage_goes_on_bit_by_bit() -> None:
    from core_model.training.common.state import adam_tensors, fill_adam

    cfg = CFG.replace(save_steps=8)
    search, _ = search_of("wysiwyg", cfg)
    stage = LatentStage(search)
    run(stage, 8)
    kept = {k: v.detach().clone() for k, v in stage.tensors().items()}
    moments = {k: v.clone() for k, v in adam_tensors(stage.optimiser, "adam/").items()}
    straight = run(stage, 6)
    again, _ = search_of("wysiwyg", cfg)
    other = LatentStage(again)
    fill(other.tensors(), kept)
    fill_adam(other.optimiser, moments, "adam/")
    other.step = 8
    assert run(other, 6) == straight
    assert torch.equal(again.x, search.x)


def test_noise_maps_stay_white_and_learn() -> None:
    search, _ = search_of("eg3d", CFG)
    maps = noise_maps(search.model.module)
    assert maps
    first = {k: v.clone() for k, v in maps.items()}
    stage = LatentStage(search)
    assert "noise" in stage.advance()
    assert all(not torch.equal(v, first[k]) for k, v in maps.items() if v.numel() > 16)
    for grid in (m.detach() for m in maps.values()):
        assert float(grid.mean()) == pytest.approx(0.0, abs=1e-4)
        assert float(grid.square().mean()) == pytest.approx(1.0, abs=1e-3)


def test_whiteness_is_small_for_white_noise_and_large_for_a_wave() -> None:
    noise = {"a": torch.randn(64, 64, generator=torch.Generator().manual_seed(0))}
    wave = {"a": torch.sin(torch.arange(64) * 0.2)[:, None].expand(64, 64).clone()}
    whiten(noise)
    whiten(wave)
    assert float(whiteness(noise)) < 0.05 < 1.0 < float(whiteness(wave))
    assert float(whiteness({})) == 0.0


def test_what_lies_outside_the_mask_does_not_count() -> None:
    target, mask = torch.rand(1, 3, 16, 16), torch.zeros(1, 1, 16, 16)
    mask[..., 4:12, 4:12] = 1.0
    likeness = Likeness.of(CFG, target, mask, {})
    image = target.clone()
    image[..., :4, :] = 0.5
    assert all(float(term.value) == pytest.approx(0.0, abs=1e-7) for term in likeness.terms(image))
    assert likeness.psnr(image) > 90
    image[..., 6, 6] = 1.0 - image[..., 6, 6]
    assert float(likeness.terms(image)[0].value) > 0


def test_the_start_is_the_mean_under_the_camera() -> None:
    model = MODELS["eg3d"]()
    front, side = (latent_space(model, camera("eg3d", yaw=y), 256) for y in (0.0, 0.8))
    assert not torch.allclose(front.mean, side.mean)
    again = latent_space(model, camera("eg3d"), 256)
    assert torch.equal(again.mean, front.mean) and torch.equal(again.axes, front.axes)
    assert torch.allclose(front.w(torch.zeros(1, len(front.mean))), front.mean[None])


def test_named_weights_are_lpips_and_nothing_else_is_called_so() -> None:
    from tests.unit.losses.test_perceptual import narrow_weights

    target = torch.rand(1, 3, 32, 32)
    plain, named = (Likeness.of(CFG, target, None, weights) for weights in ({}, narrow_weights()))
    assert (plain.name, named.name) == ("edges", "lpips")
    image = target.clone().requires_grad_(True)
    for likeness in (plain, named):
        terms = likeness.terms(image * 0.9)
        assert [t.name for t in terms] == ["mse", likeness.name] and float(terms[1].value.detach()) > 0
