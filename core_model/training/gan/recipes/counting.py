"""Arithmetic and kept values of a network's forward pass, counted on tensors without data."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

BACKWARD = 3.0  # forward and backward cost three forwards
DOUBLE_BACKWARD = 7.0


def judged(flop: float, interval: int) -> float:
    """FLOP of a judge's own phases for one image, of its forward pass's: a fake, a real, R1 every `interval` steps, 0 = never."""
    again = DOUBLE_BACKWARD / interval if interval else 0.0
    return (2 * BACKWARD + again) * flop


def counted(call: Callable[[], object], module: nn.Module) -> tuple[float, float]:
    """(FLOP, numbers kept for the backward pass) of one forward pass on tensors without data."""
    kept = 0.0

    def count(_: nn.Module, __: object, out: object) -> None:
        nonlocal kept
        for value in out if isinstance(out, tuple) else (out,):
            kept += (
                2.0 * value.numel() if isinstance(value, Tensor) else 0.0
            )  # the result, and what its activation keeps

    leaves = [
        m
        for m in module.modules()
        if not list(m.children()) or type(m).__name__ in ("StyleConv", "EqualConv", "HyperConv")
    ]
    hooks = [m.register_forward_hook(count) for m in leaves]
    try:
        with torch.no_grad(), FlopCounterMode(display=False) as counter:
            call()
    finally:
        for hook in hooks:
            hook.remove()
    return float(counter.get_total_flops()), kept
