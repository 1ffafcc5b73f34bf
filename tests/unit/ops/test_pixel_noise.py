"""Random numbers of a place.

Even, independent of tiling, and different between pixels, samples, seeds and streams.
"""

from __future__ import annotations

import pytest
import torch

from core_model.ops.pixel_noise import PixelNoise

PIXELS = torch.arange(4096)


def test_numbers_depend_on_the_pixel_alone() -> None:
    whole = PixelNoise(7, PIXELS).uniform(12)
    some = torch.tensor([4000, 3, 77])
    assert torch.equal(PixelNoise(7, some).uniform(12), whole[some])
    mask = PIXELS % 5 == 0
    assert torch.equal(PixelNoise(7, PIXELS).select(mask).uniform(12), whole[mask])
    assert torch.equal(PixelNoise(7, PIXELS).uniform(5), whole[:, :5])  # and not on how many are drawn


def test_they_are_uniform() -> None:
    u = PixelNoise(1, PIXELS).uniform(64)
    assert float(u.min()) >= 0.0 and float(u.max()) < 1.0
    counts = torch.histc(u, 64, 0.0, 1.0)
    expected = u.numel() / 64
    assert (
        float(((counts - expected).square() / expected).sum()) < 63 + 4 * (2 * 63) ** 0.5
    )  # chi-squared, 4 sigma
    assert abs(float(u.mean()) - 0.5) < 4 / (12 * u.numel()) ** 0.5


OTHERS = [
    PixelNoise(2, PIXELS),
    PixelNoise(1, PIXELS).again(),
    PixelNoise(1, PIXELS + 1),
    PixelNoise(1, PIXELS + 512),
]


@pytest.mark.parametrize("other", OTHERS)
def test_keys_and_neighbours_are_uncorrelated(other: PixelNoise) -> None:
    a, b = (x.uniform(16).flatten() - 0.5 for x in (PixelNoise(1, PIXELS), other))
    assert abs(float((a * b).mean()) * 12) < 4 / len(a) ** 0.5


def test_samples_of_a_ray_are_uncorrelated() -> None:
    u = PixelNoise(0, PIXELS).uniform(9) - 0.5
    correlation = (u.T @ u) / len(u) * 12 - torch.eye(9)
    assert float(correlation.abs().max()) < 5 / len(u) ** 0.5


def test_all_seeds_of_a_request_are_taken() -> None:
    first = {
        round(float(PixelNoise(seed, torch.tensor([0])).uniform(1)), 7)
        for seed in (0, 1, 2, 2**31, 2**32 - 1)
    }
    assert len(first) == 5
