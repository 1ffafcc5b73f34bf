"""ADA's bgc pipeline: identity at p = 0, exact blits, known rotations and colours, derivatives twice,
distribution of the changes.
"""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from core_model.discriminators import augment
from core_model.discriminators.augment import (
    CENTRE,
    SYM6,
    AdaAugment,
    AugmentSpec,
    bilinear,
    recolour,
    resample,
)

OFF = AugmentSpec(**dict.fromkeys(AugmentSpec.__dataclass_fields__, 0.0))


def rng(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def noise(*shape: int, seed: int = 3) -> Tensor:
    return torch.rand(*shape, generator=rng(seed)) * 2 - 1


def only(**strengths: float) -> AdaAugment:
    return AdaAugment(AugmentSpec(**{**OFF.__dict__, **strengths}))


def test_the_filter_is_orthonormal() -> None:
    for shift in range(6):
        product = sum(SYM6[k] * SYM6[k + 2 * shift] for k in range(len(SYM6) - 2 * shift))
        assert product == pytest.approx(1.0 if shift == 0 else 0.0, abs=1e-10)
    assert sum(SYM6) == pytest.approx(math.sqrt(2.0), abs=1e-12)
    # six vanishing moments of the high-pass filter that goes with it
    for power in range(6):
        assert sum((-1) ** k * k**power * h for k, h in enumerate(SYM6)) == pytest.approx(0.0, abs=1e-4)
    # even and odd taps agree about where the mass lies, so one centre serves both
    assert sum(k * h for k, h in enumerate(SYM6) if k % 2) / sum(SYM6[1::2]) == pytest.approx(
        CENTRE, abs=1e-9
    )


@pytest.mark.parametrize("shape", [(3, 3, 16, 16), (2, 6, 8, 24), (1, 1, 4, 4), (5, 3, 33, 17)])
def test_p_zero_changes_no_bit(shape: tuple[int, ...]) -> None:
    images = noise(*shape)
    assert torch.equal(AdaAugment()(images, 0.0, rng()), images)
    assert torch.equal(AdaAugment()(images, torch.tensor(0.0), None), images)


def test_images_to_which_nothing_happens_come_out_exactly() -> None:
    images = noise(64, 3, 16, 16)
    out = AdaAugment()(images, 0.03, rng())
    same = torch.tensor([torch.equal(a, b) for a, b in zip(images, out, strict=True)])
    assert 20 < int(same.sum()) < 64


def test_going_up_and_down_again_is_the_identity() -> None:
    images = noise(2, 3, 21, 12).double()
    unit = torch.eye(3, dtype=torch.float64).expand(2, 3, 3)
    torch.testing.assert_close(resample(images, unit), images, atol=1e-9, rtol=0)


def test_whole_shifts_move_pixels_and_reflect_at_the_edge() -> None:
    images = noise(1, 3, 16, 16).double()
    smooth = torch.nn.functional.avg_pool2d(images, 5, 1, 2)
    # Far outside places are reflected, and the filter is not quite symmetric: exact near the edge, close
    # beyond it.
    for picture, shift, slack in ((images, 1, 1e-9), (smooth, 3, 0.05), (smooth, 7, 0.05)):
        moved = resample(picture, augment.shift(torch.tensor([-float(shift)]), torch.tensor([0.0])).double())
        torch.testing.assert_close(moved[..., shift:], picture[..., :-shift], atol=1e-9, rtol=0)
        torch.testing.assert_close(moved[..., :shift], picture[..., :shift].flip(-1), atol=slack, rtol=0)


def test_flips_and_quarter_turns_of_smooth_images() -> None:
    y, x = torch.meshgrid(torch.arange(32.0) - 15.5, torch.arange(32.0) - 15.5, indexing="ij")
    image = (torch.sin(0.2 * x + 0.1) + 0.5 * torch.cos(0.15 * y))[None, None]
    flipped = resample(image, augment.scaling(torch.tensor([-1.0]), torch.tensor([1.0])))
    inner = (..., slice(4, -4), slice(4, -4))
    torch.testing.assert_close(flipped[inner], image.flip(-1)[inner], atol=3e-3, rtol=0)
    for count in (1, 2, 3):
        turned = resample(image, augment._quarter_turns(torch.tensor([float(count)])))
        # the matrix maps places of the result to places of the image: (x, y) of one turn reads (-y, x)
        torch.testing.assert_close(turned[inner], image.rot90(count, (2, 3))[inner], atol=3e-3, rtol=0)


def test_rotation_and_scale_of_a_smooth_image_are_those_of_the_function() -> None:
    def f(x: Tensor, y: Tensor) -> Tensor:
        return torch.cos(0.2 * x + 0.3) * torch.sin(0.15 * y) + 0.2 * torch.cos(0.1 * (x + y))

    y, x = torch.meshgrid(torch.arange(64.0) - 31.5, torch.arange(64.0) - 31.5, indexing="ij")
    a = 0.5
    matrix = augment.rotation(torch.tensor([a])) @ augment.scaling(torch.tensor([0.8]), torch.tensor([1.1]))
    seen = resample(f(x, y)[None, None].expand(1, 3, 64, 64), matrix)
    u, v = 0.8 * x, 1.1 * y
    truth = f(math.cos(a) * u - math.sin(a) * v, math.sin(a) * u + math.cos(a) * v)
    inner = (slice(20, -20), slice(20, -20))
    torch.testing.assert_close(seen[0, 1][inner], truth[inner], atol=4e-3, rtol=0)


def test_shrinking_does_not_alias() -> None:
    """Black and white columns one pixel wide become grey, not a moiré."""
    stripes = torch.ones(1, 1, 32, 32)
    stripes[..., ::2] = -1.0
    small = resample(stripes, augment.scaling(torch.tensor([1.45]), torch.tensor([1.45])))
    plain = torch.nn.functional.grid_sample(
        stripes, torch.nn.functional.affine_grid(torch.tensor([[[1.45, 0.0, 0.0], [0.0, 1.45, 0.0]]]), [1, 1, 32, 32], align_corners=False),
        mode="nearest", align_corners=False,
    )  # fmt: skip
    assert small[..., 8:-8, 8:-8].std() < 0.35 * plain[..., 8:-8, 8:-8].std()


def test_colours_of_known_matrices() -> None:
    pixel = torch.tensor([0.3, -0.2, 0.6]).reshape(1, 3, 1, 1)
    grey = torch.full((1, 3, 1, 1), 0.25)
    for name, unchanged in (
        ("hue", True),
        ("saturation", True),
        ("luma_flip", False),
        ("brightness", False),
        ("contrast", False),
    ):
        aug = only(**{name: 1.0})
        changed = [torch.equal(aug(grey, 1.0, rng(s)), grey) for s in range(8)]
        near = [torch.allclose(aug(grey, 1.0, rng(s)), grey, atol=1e-6) for s in range(8)]
        assert all(near) if unchanged else not all(changed)
    turned = only(hue=1.0)(pixel, 1.0, rng(5))
    torch.testing.assert_close(turned.sum(), pixel.sum())
    torch.testing.assert_close(turned.norm(), pixel.norm())
    flips = torch.stack([only(luma_flip=1.0)(pixel, 1.0, rng(s)).flatten() for s in range(20)])
    mirrored = pixel.flatten() - 2.0 * pixel.mean()
    is_flipped = (flips - mirrored).abs().amax(1) < 1e-6
    assert 3 < int(is_flipped.sum()) < 17 and torch.equal(
        flips[~is_flipped], pixel.flatten().expand(int((~is_flipped).sum()), 3)
    )


def test_six_channels_are_two_views_of_one_image() -> None:
    view = noise(8, 3, 16, 16)
    out = AdaAugment()(torch.cat([view, view], dim=1), 1.0, rng(4))
    torch.testing.assert_close(out[:, :3], out[:, 3:])
    torch.testing.assert_close(out[:, :3], AdaAugment()(view, 1.0, rng(4)))
    matrix = torch.eye(4)[None] * 2
    torch.testing.assert_close(recolour(noise(1, 1, 3, 3), matrix), 2 * noise(1, 1, 3, 3))


def test_quarter_turns_leave_rectangles_alone() -> None:
    images = noise(16, 3, 8, 16)
    assert torch.equal(only(quarter_turns=1.0)(images, 1.0, rng()), images)


def test_changes_have_the_published_spread() -> None:
    n = 20000
    draws = augment._Draws(n, torch.tensor(1.0), torch.device("cpu"), rng(1))
    matrix, moved = augment.geometry_matrices(AugmentSpec(**{**OFF.__dict__, "scale": 1.0}), draws, 64, 64)
    octaves = -torch.log2(matrix[:, 0, 0])
    assert moved.all() and abs(octaves.mean()) < 0.01 and abs(octaves.std() - 0.2) < 0.01
    draws = augment._Draws(n, torch.tensor(0.75), torch.device("cpu"), rng(2))
    _, moved = augment.geometry_matrices(AugmentSpec(**{**OFF.__dict__, "rotation": 1.0}), draws, 64, 64)
    # 1 - (1 - (1 - √(1 - p)))² = p: both rotations together happen with probability p
    assert abs(moved.float().mean() - 0.75) < 0.015
    draws = augment._Draws(n, torch.tensor(0.4), torch.device("cpu"), rng(3))
    _, moved = augment.geometry_matrices(AugmentSpec(**{**OFF.__dict__, "xflip": 1.0}), draws, 64, 64)
    assert abs(moved.float().mean() - 0.2) < 0.015


def test_draws_depend_on_the_generator_alone() -> None:
    images = noise(6, 3, 16, 16)
    aug = AdaAugment()
    assert torch.equal(aug(images, 0.7, rng(1)), aug(images, 0.7, rng(1)))
    assert not torch.equal(aug(images, 0.7, rng(1)), aug(images, 0.7, rng(2)))
    assert torch.equal(aug(images, 0.7), aug(images, 0.7))
    ends = []
    for p in (0.0, 0.3, 1.0):
        generator = rng(9)
        aug(images, p, generator)
        ends.append(torch.rand(1, generator=generator))
    assert torch.equal(ends[0], ends[1]) and torch.equal(ends[0], ends[2])


def test_derivatives_twice() -> None:
    image = noise(1, 2, 5, 6).double().requires_grad_(True)
    grid = (noise(1, 4, 3, 2, seed=8) * 1.2).double()
    assert torch.autograd.gradcheck(lambda x: bilinear(x, grid), image)
    assert torch.autograd.gradgradcheck(lambda x: bilinear(x, grid).square(), image)
    small = noise(2, 3, 6, 6).double().requires_grad_(True)
    aug = AdaAugment()
    assert torch.autograd.gradcheck(lambda x: aug(x, 0.8, rng(2)), small, fast_mode=True)
    assert torch.autograd.gradgradcheck(lambda x: aug(x, 0.8, rng(2)).pow(3), small, fast_mode=True)


def test_r1_goes_through_it() -> None:
    """R1's gradient of a quadratic D: compared with finite differences in D's weight."""
    images = noise(3, 3, 8, 8).double().requires_grad_(True)
    aug = AdaAugment()

    def penalty(weight: Tensor) -> Tensor:
        score = (weight * aug(images, 0.9, rng(1)).square()).sum()
        (grad,) = torch.autograd.grad(score, images, create_graph=True)
        return grad.square().sum()

    weight = torch.tensor(0.7, dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(penalty(weight), weight)
    step = 1e-5
    numeric = (penalty(weight + step) - penalty(weight - step)) / (2 * step)
    assert slope.item() == pytest.approx(numeric.item(), rel=1e-6)


def test_half_precision_comes_back_as_it_went() -> None:
    images = noise(2, 3, 8, 8).to(torch.bfloat16)
    out = AdaAugment()(images, 1.0, rng())
    assert out.dtype == torch.bfloat16 and out.shape == images.shape and torch.isfinite(out.float()).all()


@pytest.mark.parametrize("shape", [(3, 8, 8), (2, 4, 8, 8), (2, 2, 8, 8)])
def test_other_shapes_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="expected"):
        AdaAugment()(torch.zeros(*shape), 0.5)


def test_the_letters_of_a_pipeline() -> None:
    assert AugmentSpec.of("bgc") == AugmentSpec()
    colour, blits = AugmentSpec.of("c"), AugmentSpec.of("b", xflip=0.0)
    assert (colour.hue, colour.luma_flip, colour.xflip, colour.scale) == (1.0, 1.0, 0.0, 0.0)
    assert (blits.xflip, blits.quarter_turns, blits.rotation, blits.hue) == (0.0, 1.0, 0.0, 0.0)
    images = torch.rand(8, 3, 12, 12, generator=rng(1)) * 2 - 1
    tinted = AdaAugment(colour)(images, 1.0, rng(2))
    grey = lambda x: x.mean(dim=1)
    assert (tinted - images).abs().amax() > 0.1, "colours change"
    for before, after in zip(grey(images).flatten(1), grey(tinted).flatten(1), strict=True):
        assert abs(float(torch.corrcoef(torch.stack([before, after]))[0, 1])) > 0.999, "places stay"
