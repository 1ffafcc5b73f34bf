"""The quick path of the super-resolution (few feature maps, half precision where asked) against its plain
one.
"""

from __future__ import annotations

import pytest
import torch

from benchmarks.plain_superres import plain_superres
from core_model.nn.layers import leaky_clamped
from core_model.nn.superres import SuperResolution


@pytest.fixture(scope="module")
def network() -> SuperResolution:
    torch.manual_seed(0)
    made = SuperResolution("SuperresolutionHybrid2X", 32, 512, clamp=256.0, antialias=True)
    return made.eval().requires_grad_(False).to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]


@torch.no_grad()
def test_it_agrees_with_the_plain_path(network: SuperResolution) -> None:
    features, w = torch.rand(1, 32, 64, 64) * 2 - 1, torch.randn(1, 512)
    kept = features.clone()
    want = plain_superres(network, features[:, :3], features, w)
    got = network(features[:, :3], features, w)[0]
    assert float((got - want).abs().max() / want.abs().max()) < 1e-5
    assert torch.equal(features, kept), "the input was overwritten"
    rough = network(features[:, :3], features, w, dtype=torch.bfloat16)[0]
    assert rough.dtype == torch.float32
    span = float(want.max() - want.min())
    assert 10 * torch.log10(span**2 / (rough - want).square().mean()) > 40 and not torch.equal(rough, got)


def test_gradients_pass_as_before(network: SuperResolution) -> None:
    """With gradients nothing is overwritten: the same picture, and a gradient for the input."""
    features, w = (torch.rand(1, 32, 64, 64) * 2 - 1).requires_grad_(), torch.randn(1, 512)
    got = network(features[:, :3], features, w)[0]
    (slope,) = torch.autograd.grad(got.square().sum(), features)
    with torch.no_grad():
        torch.testing.assert_close(
            network(features[:, :3], features, w)[0], got.detach(), rtol=1e-5, atol=1e-4
        )
    assert float(slope.abs().max()) > 0


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("bound", [None, 0.4])
def test_activation_by_pieces(layout: torch.memory_format, bound: float | None) -> None:
    x = torch.randn(2, 40, 70, 60).contiguous(memory_format=layout)
    want = torch.nn.functional.leaky_relu(x, 0.2)
    want = want if bound is None else want.clamp(-bound, bound)
    with torch.no_grad():
        assert torch.equal(leaky_clamped(x.clone(memory_format=layout), 0.2, bound), want)
        part = x[:, ::2]  # no layout of its own
        want = want[:, ::2].clone()
        assert torch.equal(leaky_clamped(part, 0.2, bound), want)
