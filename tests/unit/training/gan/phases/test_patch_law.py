"""Which windows and cameras EpiGRAF trains on, and Mimic3D's windows."""

from __future__ import annotations

import math

import pytest
import torch

from core_model.ops.draw_source import TorchDraws
from core_model.schema.errors import InputError
from core_model.training.gan.phases.mimic3d import Patches, windows
from core_model.training.gan.phases.patch_law import CameraLaw, PatchLaw, spoofed
from core_model.training.gan.phases.schedules import AdamRule, average_keep, render_size, swap_probability


def draws(seed: int = 0) -> TorchDraws:
    return TorchDraws(torch.Generator().manual_seed(seed))


def test_beta_begins_with_whole_pictures_and_ends_with_its_law() -> None:
    law = PatchLaw()
    first = law.draw(draws(), 40000, 0).scales[::4, 0]
    assert float((first > 0.99).float().mean()) == pytest.approx(0.996, abs=0.003)
    last = law.draw(draws(), 40000, 20e6).scales[::4, 0]
    for t in (0.3, 0.5, 0.9):  # P(s > t) = ((1 - t) / (1 - s_min))^β
        assert float((last > t).float().mean()) == pytest.approx(((1 - t) / 0.75) ** 0.8, abs=0.02)


def test_uniform_widens_and_the_discrete_law_opens_late() -> None:
    uniform = PatchLaw("uniform", kimg=100.0)
    assert float(uniform.draw(draws(), 400, 0).scales.min()) == 1.0
    assert float(uniform.draw(draws(), 4000, 100e3).scales.min()) < 0.27
    discrete = PatchLaw("discrete_uniform", kimg=100.0)
    assert set(discrete.draw(draws(), 400, 99e3).scales.flatten().tolist()) == {1.0}
    assert set(discrete.draw(draws(), 400, 100e3).scales.flatten().tolist()) == {0.25, 1.0}


def test_neighbours_share_a_window_that_stays_in_the_picture() -> None:
    found = PatchLaw("uniform", group=4).draw(draws(), 16, 20e6)
    assert torch.equal(found.scales[:4], found.scales[:1].expand(4, 2))
    assert len(set(found.offsets[:, 0].tolist())) == 4
    assert bool((found.offsets >= 0).all()) and bool((found.offsets + found.scales <= 1 + 1e-6).all())
    with pytest.raises(InputError, match="multiple of 4"):
        PatchLaw().draw(draws(), 6, 0)


def test_alpha_other_than_one_has_its_mean() -> None:
    law = PatchLaw(alpha=2.0, beta_start=3.0, beta_end=3.0)
    s = law.draw(draws(), 40000, 0).scales[::4, 0]
    assert float(s.mean()) == pytest.approx(0.25 + 0.75 * 0.4, abs=0.01)


def test_cameras_follow_their_laws() -> None:
    sphere = CameraLaw().draw(draws(), 20000)
    assert float(torch.cos(sphere[:, 1]).std()) == pytest.approx(1 / math.sqrt(3), abs=0.01)
    normal = CameraLaw("normal", 0.1, 0.4, 1.5, 0.3).draw(draws(), 20000)
    assert float(normal[:, 0].std()) == pytest.approx(0.4, abs=0.01)
    flat = CameraLaw("uniform", 0.1, 0.4, 1.5, 0.3).draw(draws(), 2000)
    assert bool((flat[:, 1] - 1.5).abs().max() <= 0.3)


def test_spoofing_rolls_a_subset_within_itself() -> None:
    angles = torch.arange(5.0)[:, None].expand(5, 3)
    told = spoofed(angles, 0.5, torch.tensor([0.1, 0.9, 0.2, 0.3, 0.8]))
    assert told[:, 0].tolist() == [3.0, 1.0, 0.0, 2.0, 4.0]


def test_mimic3d_windows_are_cut_where_they_say() -> None:
    images = torch.arange(2.0 * 36).reshape(2, 1, 6, 6)
    corners = torch.tensor([[0, 2], [3, 1]])
    found = windows(images, corners, 3)
    assert torch.equal(found[1], images[1, :, 3:6, 1:4]) and torch.equal(found[0], images[0, :, :3, 2:5])
    drawn = Patches(3, 6).corners(draws(), 500)
    assert drawn.shape == (500, 2) and int(drawn.min()) == 0 and int(drawn.max()) == 3


def test_schedules_of_the_three_programs() -> None:
    rule = AdamRule.lazy(0.0025, 4)
    assert (rule.lr, rule.beta2) == (pytest.approx(0.002), pytest.approx(0.99199197))
    assert AdamRule.lazy(0.0025, None).lr == 0.0025
    assert average_keep(0, 32, 10000.0) == pytest.approx(0.0, abs=1e-12)  # the first iteration copies
    assert average_keep(1e6, 32, 10000.0) == pytest.approx(0.5 ** (32 / 10000))
    assert [render_size(n, 64, 128, 1000.0) for n in (0, 500e3, 2e6)] == [64, 96, 128]
    assert swap_probability(500e3, 0.5) == pytest.approx(0.75) and swap_probability(0, 0.5, 0.0) == 0.5
