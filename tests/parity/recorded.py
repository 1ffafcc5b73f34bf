"""The fixtures that the original programs wrote (tests/fixtures), as networks to import and arrays to compare
with.
"""

from __future__ import annotations

import json
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor

from core_model.schema.camera import MatrixCamera
from tests.fixtures import FIXTURES


class Recorded:
    """One fixture file."""

    def __init__(self, name: str) -> None:
        self.npz = np.load(FIXTURES / f"{name}.npz", allow_pickle=False)
        self.meta: dict[str, Any] = json.loads(str(self.npz["meta"]))

    def __getitem__(self, key: str) -> Tensor:
        return torch.from_numpy(np.asarray(self.npz[key], dtype=np.float32))

    @cached_property
    def state(self) -> dict[str, np.ndarray]:
        return {
            k.removeprefix("sd/"): np.asarray(self.npz[k], dtype=np.float32)
            for k in self.npz.files
            if k.startswith("sd/")
        }

    def camera(self, key: str, index: int = 0) -> MatrixCamera:
        return MatrixCamera.from_label(self.npz[key][index])


def relative_error(got: Tensor, want: Tensor) -> float:
    """Largest difference over the largest value of the recorded array."""
    assert got.shape == want.shape, (got.shape, want.shape)
    return float((got - want).abs().max() / want.abs().max())


def psnr(got: Tensor, want: Tensor, peak: float = 2.0) -> float:
    assert got.shape == want.shape, (got.shape, want.shape)
    return float(10.0 * torch.log10(peak**2 / (got - want).square().mean()))


def share_within(got: Tensor, want: Tensor, bound: float) -> float:
    """Share of the values whose difference, relative to the largest recorded value, is at most `bound`."""
    assert got.shape == want.shape, (got.shape, want.shape)
    return float(((got - want).abs() / want.abs().max() <= bound).float().mean())
