"""Dense layers for inference against the layers that they stand for."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from core_model.ops import dense as module
from core_model.ops.dense import SoftplusStack, dense
from tests.house.sources import ROOT


def layers(*sizes: int, gain: float = 1.0) -> list[nn.Linear]:
    torch.manual_seed(0)
    made = [nn.Linear(a, b) for a, b in zip(sizes[:-1], sizes[1:], strict=True)]
    with torch.no_grad():
        for layer in made:
            layer.weight.mul_(gain)
    return made


def plain(x: torch.Tensor, stack: list[nn.Linear]) -> torch.Tensor:
    for layer in stack[:-1]:
        x = F.softplus(layer(x))
    return stack[-1](x)


@pytest.mark.parametrize("rows", [0, 1, 7, 4096])
@pytest.mark.parametrize("onednn", [True, False])
def test_dense_is_linear(rows: int, onednn: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "HAS_ONEDNN", onednn and module.HAS_ONEDNN)
    (layer,) = layers(71, 66)
    x = torch.randn(rows, 71)
    with torch.no_grad():
        torch.testing.assert_close(dense(x, layer.weight, layer.bias), layer(x), atol=2e-6, rtol=2e-6)


@pytest.mark.parametrize("precision", ["highest", "medium"])
def test_a_stack_is_its_layers_at_full_precision(precision: str) -> None:
    """Also under the matmul setting of the render process, which must not turn float32 into bfloat16."""
    stack = layers(71, 128, 128, 66, gain=4.0)
    x = torch.randn(5000, 71)
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision(precision)
    try:
        with torch.no_grad():
            got = SoftplusStack.of(*stack)(x)
    finally:
        torch.set_float32_matmul_precision(before)
    with torch.no_grad():
        want = plain(x.double(), [layer.double() for layer in stack])
    assert float((got - want).abs().max() / want.abs().max()) < 2e-6


def test_units_far_out_take_the_plain_path() -> None:
    stack = layers(8, 16, 16, 4)
    x = torch.randn(64, 8)
    x[5] = 1e4  # 2^y would leave float32
    with torch.no_grad():
        got = SoftplusStack.of(*stack)(x)
        torch.testing.assert_close(got, plain(x, stack), atol=1e-3, rtol=1e-4)


def test_a_stack_keeps_the_weights_of_its_making() -> None:
    stack = layers(8, 16, 4)
    frozen = SoftplusStack.of(*stack)
    x = torch.randn(3, 8)
    with torch.no_grad():
        before = frozen(x)
        stack[0].weight.zero_()
        torch.testing.assert_close(frozen(x), before, atol=0.0, rtol=0.0)


SIZES = """
import psutil, torch
from core_model.ops.dense import dense
weight, bias = torch.ones(64, 32), torch.zeros(64)
rss = psutil.Process().memory_info
def sizes(start):
    for rows in range(start, start + 300):
        dense(torch.ones(rows, 32), weight, bias)
        torch.nn.functional.conv2d(torch.ones(1, 8, 8, rows - 900), torch.ones(8, 8, 3, 3))
    return rss().rss
print(*[sizes(start) for start in range(1000, 2500, 300)])
"""


def test_tensors_of_ever_other_sizes_take_no_memory() -> None:
    """torch and oneDNN keep 1024 kernels, one for each size; nearly every picture has another number of points."""
    kept = {k: v for k, v in os.environ.items() if not k.endswith("CACHE_CAPACITY")}
    done = subprocess.run(
        [sys.executable, "-c", SIZES], cwd=ROOT, env=kept, capture_output=True, text=True, timeout=100
    )
    held = [int(word) for word in done.stdout.split()]
    grown = [after - before for before, after in itertools.pairwise(held[1:])]
    # the allocator takes some MiB and gives them back later; what is kept grows every time
    assert min(grown) < 4 << 20, f"{[g >> 20 for g in grown]} MiB for 300 sizes each"
