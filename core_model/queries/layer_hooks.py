"""Looks at what modules of a network return while it runs, by forward hooks that are there only meanwhile."""

from __future__ import annotations

import math
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

CHUNK = 1 << 22
"""Values of a statistic that are looked at together: some tens of milliseconds."""

Take = Callable[[str, str, Tensor], None]
"""(name, class of the module, what it returned). The tensor may be overwritten afterwards."""


@contextmanager
def watching(network: nn.Module | None, take: Take, stop: Callable[[], None]) -> Iterator[None]:
    """While this lasts, every tensor that a module of `network` returns goes to `take`, in the order in which they end.

    A module that hands on what a module inside it has returned is not told again. stop: called before each module; what
    it or `take` raises ends the pass of the network.
    """
    handles: list[Any] = []
    told: dict[int, weakref.ref[Tensor]] = {}

    def after(name: str) -> Callable[[nn.Module, Any, Any], None]:
        def hook(module: nn.Module, given: Any, returned: Any) -> None:
            outputs = returned if isinstance(returned, tuple | list) else (returned,)
            for number, tensor in enumerate(outputs):
                if not isinstance(tensor, Tensor) or not tensor.is_floating_point() or not tensor.numel():
                    continue
                known = told.get(id(tensor))
                if known is not None and known() is tensor:
                    continue
                told[id(tensor)] = weakref.ref(tensor)
                take(name if number == 0 else f"{name}:{number + 1}", type(module).__name__, tensor.detach())

        return hook

    def before(module: nn.Module, given: Any) -> None:
        stop()

    try:
        for name, module in () if network is None else network.named_modules():
            handles.append(module.register_forward_pre_hook(before))
            handles.append(module.register_forward_hook(after(name or type(module).__name__)))
        yield
    finally:
        for handle in handles:
            handle.remove()


@dataclass
class Statistics:
    """Moments, extremes and shares of values that come piece by piece."""

    count: int = 0
    zeros: int = 0
    nans: int = 0
    infs: int = 0
    finite: int = 0
    mean: float = 0.0
    squares: float = 0.0
    """Sum of the squared distances from the mean."""
    low: float = math.inf
    high: float = -math.inf

    def add(self, values: Tensor) -> None:
        for piece in _flat(values).split(CHUNK):
            part = piece.float()
            self.count += part.numel()
            self.zeros += part.numel() - int(part.count_nonzero())
            low, high = (float(x) for x in part.aminmax())
            if not (math.isfinite(low) and math.isfinite(high)):  # NaN is handed through
                nans = int(part.isnan().sum())
                part = part[part.isfinite()]
                self.nans += nans
                self.infs += piece.numel() - part.numel() - nans
                low, high = (float(x) for x in part.aminmax()) if part.numel() else (math.inf, -math.inf)
            self.low, self.high = min(self.low, low), max(self.high, high)
            if part.numel():
                self._merge(part)

    def _merge(self, part: Tensor) -> None:
        variance, mean = torch.var_mean(part, correction=0)
        count, apart = part.numel(), float(mean) - self.mean
        total = self.finite + count
        self.squares += float(variance) * count + apart * apart * self.finite * count / total
        self.mean += apart * count / total
        self.finite = total

    @property
    def deviation(self) -> float:
        return math.sqrt(self.squares / self.finite) if self.finite else 0.0

    @property
    def rms(self) -> float:
        return math.hypot(self.mean, self.deviation)


def _flat(x: Tensor) -> Tensor:
    """All values in one row; a view where the layout in memory allows it."""
    if x.dim() == 4 and x.is_contiguous(memory_format=torch.channels_last):
        x = x.permute(0, 2, 3, 1)
    return x.reshape(-1)
