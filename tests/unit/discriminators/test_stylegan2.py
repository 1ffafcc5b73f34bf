"""The clamped discriminators: derivatives of both orders, bounds, groups, labels, names."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from core_model.discriminators.stylegan2 import (
    ClampedConv,
    ConditionMapping,
    DualDiscriminator,
    Epilogue,
    ImageDiscriminator,
    noisy_label,
    resized,
)
from core_model.schema.errors import InputError


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize("down", [1, 2])
def test_the_convolution_has_both_derivatives(down: int) -> None:
    conv = ClampedConv(2, 3, 3, down=down).double()
    x = noise(1, 2, 4, 4).requires_grad_(True)
    assert torch.autograd.gradcheck(conv, x)
    assert torch.autograd.gradgradcheck(conv, x)


def test_outputs_are_bounded_and_so_is_the_scaled_layer() -> None:
    x = torch.full((1, 1, 4, 4), 1e4)
    assert float(ClampedConv(1, 1, 1).requires_grad_(False)(x.abs()).abs().max()) <= 256.0
    half = ClampedConv(1, 8, 3, down=2, gain=math.sqrt(0.5))
    assert float(half(x).detach().abs().max()) == pytest.approx(256.0 * math.sqrt(0.5), rel=1e-6)
    assert float(ClampedConv(1, 8, 1, down=2, activate=False)(x).detach().abs().max()) > 256.0


def test_the_whole_network_has_both_derivatives() -> None:
    torch.manual_seed(0)
    d = DualDiscriminator(8, label_dim=3, channel_base=16, channel_max=2, label_layers=2).double()
    ways = noise(4, 2, 3, 8, 8)  # a few directions stand for all pixels
    raw, label, at = noise(2, 3, 4, 4, seed=1), noise(2, 3, seed=2), noise(4, seed=3).requires_grad_(True)
    run = lambda a: d.judge(torch.einsum("k,kbchw->bchw", a, ways), raw, label)
    assert torch.autograd.gradcheck(run, at)
    assert torch.autograd.gradgradcheck(run, at)


def test_the_label_embedding_and_the_epilogue_are_differentiable() -> None:
    torch.manual_seed(0)
    assert torch.autograd.gradcheck(ConditionMapping(3, 4, 2).double(), noise(2, 3).requires_grad_(True))
    assert torch.autograd.gradcheck(Epilogue(2, 3).double(), noise(4, 2, 4, 4).requires_grad_(True))


def test_groups_are_strided_and_must_divide_the_batch() -> None:
    torch.manual_seed(0)
    d = ImageDiscriminator(8, label_dim=0, channel_base=64, channel_max=4, std_group=2)
    x = noise(4, 3, 8, 8).float()
    whole = d(x)
    assert torch.allclose(d(x[[0, 2]]), whole[[0, 2]], atol=1e-5)  # samples 0 and 2 make a group
    assert not torch.allclose(d(x[[0, 1]]), whole[[0, 1]], atol=1e-5)
    with pytest.raises(InputError, match="multiple of 2"):
        d(x[:3])


def test_names_are_those_of_the_program() -> None:
    d = DualDiscriminator(16, channel_base=64, channel_max=4)
    names = set(d.state_dict())
    assert {
        "b16.fromrgb.weight",
        "b16.skip.weight",
        "b8.conv1.bias",
        "b4.out.weight",
        "mapping.fc7.bias",
    } <= names
    assert "b8.fromrgb.weight" not in names and d.b4.out.weight.shape == (4, 4)


def test_label_noise_scales_with_the_batch_and_resizing_is_the_identity_at_its_size() -> None:
    label = noise(6, 3)
    changed = noisy_label(label, 0.5, torch.ones_like(label))
    assert torch.allclose(changed - label, 0.5 * label.std(dim=0).expand_as(label))
    x = noise(1, 3, 8, 8)
    assert torch.allclose(resized(x, 8), x)
    assert resized(x, 4).shape == (1, 3, 4, 4)
