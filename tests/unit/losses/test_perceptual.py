"""Perceptual distance: zero for equal pictures, differentiable, frozen, plain about missing weights."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from core_model.losses.perceptual import LAYERS, PerceptualDistance, PixelPyramid
from core_model.schema.errors import InputError


def narrow_weights(style: str = "features") -> dict[str, Tensor]:
    """Random weights with VGG16's layers and few channels, under torchvision's or the LPIPS package's names."""
    rng, widths, found, last = torch.Generator().manual_seed(0), (2, 3, 3, 4, 4), {}, 3
    for k, numbers in enumerate(LAYERS):
        for n in numbers:
            home = f"features.{n}" if style == "features" else f"net.slice{k + 1}.{n}"
            found[f"{home}.weight"] = torch.randn(widths[k], last, 3, 3, generator=rng) * 0.4
            found[f"{home}.bias"] = torch.randn(widths[k], generator=rng) * 0.1
            last = widths[k]
        found[f"lin{k}.model.1.weight"] = torch.rand(1, last, 1, 1, generator=rng)
    return found


def test_equal_pictures_are_at_no_distance_and_names_do_not_matter() -> None:
    a, b = torch.rand(2, 3, 32, 32) * 2 - 1, torch.rand(2, 3, 32, 32) * 2 - 1
    distance = PerceptualDistance(narrow_weights())
    assert torch.allclose(distance(a, a), torch.zeros(2)) and (distance(a, b) > 0).all()
    assert torch.equal(distance(a, b), PerceptualDistance(narrow_weights("lpips"))(a, b))
    assert not any(p.requires_grad for p in distance.parameters())


def test_its_gradient_is_right_and_finite_where_features_are_zero() -> None:
    distance = PerceptualDistance(narrow_weights()).double()
    rng = torch.Generator().manual_seed(1)
    ways = torch.randn(3, 1, 3, 16, 16, generator=rng, dtype=torch.float64)
    other = torch.randn(1, 3, 16, 16, generator=rng, dtype=torch.float64)
    at = torch.tensor([0.5, -0.2, 0.3], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda a: distance(torch.einsum("k,kbchw->bchw", a, ways), other), at)
    dead = {n: torch.zeros_like(v) if n.startswith("features") else v for n, v in narrow_weights().items()}
    x = torch.zeros(1, 3, 16, 16, requires_grad=True)
    PerceptualDistance(dead)(x, torch.ones(1, 3, 16, 16)).sum().backward()
    assert x.grad is not None and bool(torch.isfinite(x.grad).all())


def test_a_missing_tensor_is_named() -> None:
    weights = narrow_weights()
    del weights["features.7.weight"]
    with pytest.raises(InputError, match=r"vgg\.pt"):
        PerceptualDistance(weights, "vgg.pt")


def test_what_stands_in_without_weights_is_a_distance_of_colours() -> None:
    a = torch.rand(2, 3, 16, 16, dtype=torch.float64)
    stand_in = PixelPyramid()
    assert torch.equal(stand_in(a, a), torch.zeros(2, dtype=torch.float64))
    assert torch.allclose(stand_in(a, a + 0.5), torch.full((2,), 4 * 0.5, dtype=torch.float64))
    part = a[:, :, 4:8, 4:8].clone().requires_grad_(True)
    assert torch.autograd.gradcheck(lambda v: PixelPyramid(2)(v, a[:, :, :4, :4]), part)
