"""The discriminator and what it is shown: shapes, groups, labels, and derivatives of the second order."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from core_model.discriminators.dual import at_detail_of, gaussian_blur2d, pair, stretch
from core_model.discriminators.network import Discriminator, EqualConv, ResidualBlock, minibatch_std


def tiny(**changes: int) -> Discriminator:
    torch.manual_seed(0)
    sizes = {"channel_base": 64, "channel_max": 8, "label_layers": 2} | changes
    return Discriminator(16, **sizes)


def test_logits_depend_on_images_and_labels() -> None:
    d = tiny()
    images, label = torch.randn(4, 3, 16, 16), torch.randn(4, 25)
    logits = d(images, label)
    assert logits.shape == (4,)
    assert not torch.allclose(logits, d(images, label.flip(0)))
    assert not torch.allclose(logits, d(images.flip(0), label))
    assert tiny(label_dim=0)(images).shape == (4,)
    with pytest.raises(ValueError, match="labels"):
        d(images)
    with pytest.raises(ValueError, match="16, 16"):
        d(torch.randn(4, 3, 8, 8), label)


def test_full_size_has_stylegan2s_parameters() -> None:
    """StyleGAN2's D at 512², channel base 32768, cmap 512: counted by hand from its layers."""
    with torch.device("meta"):
        d = Discriminator(512)
    width = {512: 64, 256: 128, 128: 256, 64: 512, 32: 512, 16: 512, 8: 512, 4: 512}
    pairs = [(width[r], width[r // 2]) for r in width if r > 4]
    blocks = sum(9 * i * i + i + 9 * i * o + o + i * o for i, o in pairs)
    head = 9 * 513 * 512 + 512 + 512 * 16 * 512 + 512 + 512 * 512 + 512
    label = 25 * 512 + 512 + 8 * (512 * 512 + 512)
    assert sum(p.numel() for p in d.parameters()) == 3 * 64 + 64 + blocks + head + label


def test_minibatch_std_by_hand() -> None:
    x = torch.randn(8, 4, 3, 3)
    out = minibatch_std(x, 4, 2)
    for i in range(8):
        group = x[i % 2 :: 2]
        for k in range(2):
            part = group[:, 2 * k : 2 * k + 2]
            known = (part - part.mean(0)).square().mean(0).add(1e-8).sqrt().mean()
            assert torch.allclose(out[i, 4 + k], known.expand(3, 3), atol=1e-6)
    # ranks that take every second image see the same groups
    assert torch.allclose(minibatch_std(x[0::2], 4, 2), out[0::2], atol=1e-6)
    assert minibatch_std(x[:3], 4, 1).shape == (3, 5, 3, 3)


def test_down_convolution_is_filter_then_stride() -> None:
    conv = EqualConv(2, 3, 3, down=2)
    x = torch.randn(1, 2, 8, 8)
    k = torch.tensor([1.0, 3.0, 3.0, 1.0]) / 8
    padded = torch.nn.functional.pad(x, (2, 2, 2, 2))
    kernel = torch.outer(k, k).expand(2, 1, 4, 4)
    filtered = torch.nn.functional.conv2d(padded, kernel, groups=2)
    known = torch.nn.functional.conv2d(filtered, conv.weight * conv.weight_gain, conv.bias, stride=2)
    assert torch.allclose(conv(x), torch.nn.functional.leaky_relu(known, 0.2) * 2**0.5, atol=1e-6)


def test_second_order_gradients_of_blocks() -> None:
    torch.manual_seed(1)
    block = ResidualBlock(2, 3).double()
    x = torch.randn(2, 2, 4, 4, dtype=torch.double, requires_grad=True)
    assert torch.autograd.gradcheck(block, (x,))
    assert torch.autograd.gradgradcheck(block, (x,))
    assert torch.autograd.gradgradcheck(
        lambda v: minibatch_std(v, 2, 1).double(), (x,), atol=1e-2, rtol=1e-2, eps=1e-3
    )


@pytest.mark.parametrize("name", ["blur", "down", "up", "detail"])
def test_second_order_gradients_of_what_it_is_shown(name: str) -> None:
    ways = {
        "blur": lambda v: gaussian_blur2d(v, 0.8), "down": lambda v: stretch(v, 4), "up": lambda v: stretch(v, 9),
        "detail": lambda v: at_detail_of(v, 3),
    }  # fmt: skip
    x = torch.randn(1, 1, 6, 6, dtype=torch.double, requires_grad=True)

    def squared(v: Tensor) -> Tensor:
        return ways[name](v).square()  # the maps are linear: their squares have second derivatives to check

    assert torch.autograd.gradcheck(squared, (x,))
    assert torch.autograd.gradgradcheck(squared, (x,))


def test_detail_and_blur_keep_what_they_should() -> None:
    flat = torch.full((1, 3, 16, 16), 0.3)
    assert torch.allclose(gaussian_blur2d(flat, 2.0), flat, atol=1e-6)
    assert torch.allclose(at_detail_of(flat, 4), flat, atol=1e-6)
    x = torch.rand(1, 3, 16, 16)
    assert at_detail_of(x, 16) is x and gaussian_blur2d(x, 0.0) is x
    coarse = at_detail_of(x, 4)
    assert coarse.var() < 0.5 * x.var()
    both = pair(x, stretch(x, 8))
    assert both.shape == (1, 6, 16, 16) and torch.equal(both[:, :3], x)
