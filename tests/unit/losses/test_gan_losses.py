"""Losses with known answers."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch

from core_model.fields.density import volsdf_density
from core_model.losses.terms import (
    bend_loss,
    decision_loss,
    discriminator_loss,
    generator_loss,
    lazy_rate,
    r1_penalty,
    sampler_loss,
    surface_loss,
)

TARGET = torch.softmax(torch.arange(16, dtype=torch.float64).reshape(2, 4, 1, 2), 1)


def test_adversarial_losses_are_log_likelihoods() -> None:
    logits = torch.tensor([-2.0, 0.5])
    p = torch.sigmoid(logits)
    assert torch.allclose(generator_loss(logits), -torch.log(p).mean())
    assert torch.allclose(discriminator_loss(logits, -logits), -2 * torch.log(p).mean())
    assert torch.isfinite(generator_loss(torch.tensor([-1e4])))


def test_r1_of_a_linear_and_a_square_judge() -> None:
    weight = torch.randn(3, 4, 4)
    images = torch.randn(5, 3, 4, 4, requires_grad=True)
    assert torch.allclose(
        r1_penalty((images,), (images * weight).sum((1, 2, 3))), weight.square().sum().expand(5), rtol=1e-5
    )
    # D(x) = |x|² has the penalty 4|x|², whose gradient is 8x: the second derivative is there
    penalty = r1_penalty((images,), images.square().sum((1, 2, 3)))
    (gradient,) = torch.autograd.grad(penalty.sum(), images)
    assert torch.allclose(gradient, 8 * images.detach(), rtol=1e-5)
    assert lazy_rate(16) == 16 / 17


def test_sampler_loss_is_least_at_the_target() -> None:
    torch.manual_seed(0)
    target = torch.softmax(torch.randn(2, 7, 4, 4), 1)
    own = -(target * target.log()).sum(1).mean()
    assert torch.allclose(sampler_loss(target.log(), target), own)
    assert sampler_loss(torch.log_softmax(torch.randn(2, 7, 4, 4), 1), target) > own
    # pixels whose ray met nothing do not count
    target[:, :, :2] = 0
    expected = -(target[:, :, 2:] * target[:, :, 2:].log()).sum(1).mean()
    assert torch.allclose(sampler_loss(target.clamp_min(1e-9).log(), target), expected)
    assert sampler_loss(torch.zeros(1, 7, 2, 2), torch.zeros(1, 7, 2, 2)) == 0


def test_surface_and_decision() -> None:
    assert torch.allclose(surface_loss(torch.tensor([0.01, 0.03]), 0.01), torch.tensor(0.0002))
    assert torch.allclose(decision_loss(torch.tensor([0.0, -0.5])), torch.tensor((1 + math.exp(-1)) / 2))


def test_a_ray_that_meets_nothing_is_asked_for_a_width_only_by_the_papers_surface_loss() -> None:
    """Scaled by opacity, weights whose beta is the target have no gradient, whatever they sum to; the paper's wants them to sum to 1."""
    weights = torch.tensor([[0.0, 0.0], [0.2, 0.1], [0.6, 0.4]], dtype=torch.float64, requires_grad=True)
    beta = torch.full_like(weights, 0.02)

    def slope(scaled: bool) -> torch.Tensor:
        opacity = weights.sum(dim=-1) if scaled else 1.0
        loss = surface_loss((weights * beta).sum(dim=-1), 0.02, "mean", opacity)
        return torch.autograd.grad(loss, weights)[0]

    assert torch.allclose(slope(True), torch.zeros_like(weights), atol=1e-12)
    paper = slope(False)
    assert bool((paper[:2] < 0).all()) and torch.allclose(
        paper[2], torch.zeros(2, dtype=torch.float64), atol=1e-12
    )
    assert float(surface_loss(torch.tensor([0.03]), 0.02, "mean", torch.tensor([0.5]))) == pytest.approx(4e-4)


def test_bending_of_planes_spheres_and_layers() -> None:
    step, along = 0.02, torch.linspace(-0.3, 0.3, 61)

    def bent(sdf: Callable[[torch.Tensor], torch.Tensor]) -> float:
        return float(bend_loss(sdf(along - step), sdf(along), sdf(along + step), step))

    assert bent(lambda t: 0.7 * t - 0.1) < 1e-10
    ball = bent(lambda t: (t.square() + 0.05**2).sqrt() - 0.2)  # a ray that passes the centre at 0.05
    layers = bent(lambda t: 0.03 * torch.sin(t * math.pi / step))  # what hides between samples 2 steps apart
    assert ball < (step / 0.05) ** 2 and layers > 20 * ball


@pytest.mark.parametrize(
    "loss",
    [
        lambda x: generator_loss(x[:, 0]),
        lambda x: discriminator_loss(x[:, 0], x[:, 1]),
        lambda x: sampler_loss(torch.log_softmax(x.reshape(2, 4, 1, 2), 1), TARGET),
        lambda x: surface_loss(x, 0.01),
        lambda x: decision_loss(x),
        lambda x: bend_loss(x[:, 0], x[:, 1], x[:, 2], 0.02),
        lambda x: volsdf_density(x, 0.3 + 0.1 * torch.tanh(x.flip(0))).square().mean(),
    ],
    ids=["generator", "discriminator", "sampler", "surface", "decision", "bend", "density"],
)
def test_first_and_second_derivatives(loss: Callable[[torch.Tensor], torch.Tensor]) -> None:
    x = torch.randn(4, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0)).requires_grad_()
    assert torch.autograd.gradcheck(loss, (x,))
    assert torch.autograd.gradgradcheck(loss, (x,))
