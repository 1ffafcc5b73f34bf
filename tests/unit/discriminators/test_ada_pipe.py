"""The programs' augmentation: nothing at p = 0, known changes, six channels as two views, both derivatives."""

from __future__ import annotations

import torch
from torch import Tensor

from core_model.discriminators.ada_pipe import AdaPipe, warp
from core_model.discriminators.augment import AugmentSpec, scaling, shift
from core_model.ops.draw_source import ImageDraws, TorchDraws

OFF = AugmentSpec(**dict.fromkeys(AugmentSpec.__dataclass_fields__, 0.0))


def draws(seed: int = 0) -> TorchDraws:
    return TorchDraws(torch.Generator().manual_seed(seed))


def noise(*shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(1))


def test_at_zero_every_image_is_resampled_into_itself() -> None:
    x = noise(2, 3, 16, 12)
    assert torch.allclose(AdaPipe()(x, 0.0, draws()), x, atol=5e-6)


def test_whole_pixels_and_mirrors_move_exactly() -> None:
    x = noise(1, 3, 16, 16)
    moved = warp(x, shift(torch.tensor([3.0]), torch.tensor([0.0])))
    assert torch.allclose(moved[..., :-3], x[..., 3:], atol=1e-5)
    place = torch.arange(32) * 0.3
    smooth = torch.sin(place).expand(1, 3, 32, 32)
    flipped = warp(smooth, scaling(torch.tensor([-1.0]), torch.tensor([1.0])))
    assert torch.allclose(flipped[..., 4:-4], smooth.flip(3)[..., 4:-4], atol=0.03)


def test_changes_that_are_off_draw_nothing_and_p_may_exceed_one() -> None:
    source = draws()
    x = noise(2, 3, 8, 8)
    assert torch.equal(AdaPipe(OFF)(x, 1.0, source), x)
    assert torch.equal(source.uniform(3), draws().uniform(3))
    always = AdaPipe(AugmentSpec(**{**OFF.__dict__, "brightness": 1.0}))
    changed = always(x, 1.7, draws()) - x
    assert (changed.std(dim=(1, 2, 3)) < 1e-5).all() and (changed.mean(dim=(1, 2, 3)).abs() > 1e-3).all()


def test_both_views_of_an_image_get_the_same_change() -> None:
    x = noise(2, 3, 16, 16)
    both = AdaPipe()(torch.cat([x, x], dim=1), 0.9, draws(4))
    assert torch.allclose(both[:, :3], both[:, 3:], atol=1e-6)


def test_an_image_keeps_its_numbers_in_any_batch() -> None:
    whole, part = ImageDraws([5, 6, 7], "cpu"), ImageDraws([6], "cpu")
    assert torch.equal(whole.normal(3, 2)[1], part.normal(1, 2)[0])
    assert torch.equal(whole.uniform(3)[1:2], part.uniform(1))
    assert torch.equal(whole.beta(1.0, 0.3, 3)[1:2], part.beta(1.0, 0.3, 1))


def test_it_has_both_derivatives() -> None:
    ways = noise(4, 2, 3, 8, 8).double()  # a few directions stand for all pixels
    at = noise(4).double().requires_grad_(True)
    run = lambda a: AdaPipe()(torch.einsum("k,kbchw->bchw", a, ways), 1.0, draws(2)).square()[..., ::3, ::3]
    assert torch.autograd.gradcheck(run, at)
    assert torch.autograd.gradgradcheck(run, at)
