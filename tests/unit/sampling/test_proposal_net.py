"""The proposal network, row by row of Table A5 (on the meta device), and what it answers."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from core_model.sampling.proposal_net import ProposalNetwork

# rows 2 to 10 and 12 to 15: (channels in, channels out, resolution of the convolution's output before
# doubling)
TABLE_A5 = [
    *[(197, 256, 128), (256, 256, 128), (256, 256, 128), (256, 256, 128)],
    *[(256, 256, 128), (256, 256, 256), (256, 256, 256), (256, 256, 256), (256, 191, 512)],
    *[(191, 256, 512), (256, 256, 512), (256, 256, 512), (256, 191, 512)],
]  # fmt: skip


def test_table_a5() -> None:
    """Thirteen 3×3 convolutions in the table's order.

    Rows 6 and 9 double their output, row 10 has 191 channels at 512².
    """
    with torch.device("meta"):
        net = ProposalNetwork(191, 256, 2)
        p, image, dirs = (
            torch.zeros(1, 191, 128, 128),
            torch.zeros(1, 3, 128, 128),
            torch.zeros(1, 3, 128, 128),
        )
    seen: list[tuple[int, int, int]] = []

    def record(layer: nn.Module, args: tuple[torch.Tensor, ...], out: torch.Tensor) -> None:
        assert isinstance(layer, nn.Conv2d) and layer.kernel_size == (3, 3)
        seen.append((args[0].shape[1], out.shape[1], out.shape[2]))

    for module in net.modules():
        if isinstance(module, nn.Conv2d):
            module.register_forward_hook(record)  # type: ignore[arg-type]
    out = net(p, image, dirs)
    assert seen == TABLE_A5
    assert out.shape == (1, 191, 512, 512)


def test_parameter_count_of_table_a5() -> None:
    with torch.device("meta"):
        net = ProposalNetwork(191, 256, 2)
    assert sum(p.numel() for p in net.parameters()) == sum(9 * i * o + o for i, o, _ in TABLE_A5)


@pytest.mark.parametrize("ups", [0, 1, 2])
def test_it_answers_distributions_at_its_resolution(ups: int) -> None:
    torch.manual_seed(0)
    net = ProposalNetwork(15, 8, ups)
    weights = torch.softmax(torch.randn(2, 15, 8, 6), dim=1)
    log_p = net(weights, torch.rand(2, 3, 8, 6), torch.randn(2, 3, 8, 6))
    assert log_p.shape == (2, 15, 8 * 2**ups, 6 * 2**ups)
    torch.testing.assert_close(log_p.exp().sum(dim=1), torch.ones(2, 8 * 2**ups, 6 * 2**ups))


def test_the_probe_reaches_the_output_past_the_trunk() -> None:
    """Rows 11 and 12: the bilinear probe is added after row 10, so it counts even if the trunk is silent."""
    torch.manual_seed(0)
    net = ProposalNetwork(15, 8, 1)
    for layer in (*net.trunk, net.up_first, net.to_bins):
        assert isinstance(layer, nn.Conv2d)
        nn.init.zeros_(layer.weight)
    rest = torch.rand(1, 3, 4, 4), torch.rand(1, 3, 4, 4)
    a, b = (net(torch.softmax(torch.randn(1, 15, 4, 4), dim=1), *rest) for _ in range(2))
    assert not torch.allclose(a, b)


def test_every_input_and_every_layer_is_used() -> None:
    torch.manual_seed(0)
    net = ProposalNetwork(15, 8, 2)
    inputs = [torch.rand(1, c, 4, 4, requires_grad=True) for c in (15, 3, 3)]
    net(*inputs).square().sum().backward()
    assert all(x.grad is not None and float(x.grad.abs().sum()) > 0 for x in inputs)
    assert all(p.grad is not None and float(p.grad.abs().sum()) > 0 for p in net.parameters())
