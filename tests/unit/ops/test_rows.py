"""Row counts out of a small stock, so that compiled kernels serve again."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from core_model.families.analytic.shapes import AnalyticField
from core_model.fields.base import FieldSample
from core_model.fields.gradient import outward_gradient, with_gradient
from core_model.ops.rows import stock, stocked


@given(st.integers(1, 1 << 22))
def test_a_stocked_number_is_little_more_and_stays(rows: int) -> None:
    got = stocked(rows)
    assert rows <= got <= rows + max(15, rows // 16 + 1)
    assert stocked(got) == got


def test_there_are_sixteen_to_an_octave() -> None:
    for low in (512, 1024, 1 << 14):
        assert len({stocked(n) for n in range(low + 1, 2 * low + 1)}) == 16


@pytest.mark.parametrize("dim", [0, 1])
def test_the_last_row_is_repeated(dim: int) -> None:
    x = torch.rand(37, 3) if dim == 0 else torch.rand(1, 37, 3)
    got = stock(x, dim)
    assert got.shape[dim] == 48
    assert torch.equal(got.narrow(dim, 0, 37), x)
    assert torch.equal(
        got.narrow(dim, 37, 11),
        x.narrow(dim, 36, 1).expand(11, 3) if dim == 0 else x.narrow(1, 36, 1).expand(1, 11, 3),
    )


def test_nothing_and_a_stocked_number_are_handed_back() -> None:
    for x in (torch.rand(0, 3), torch.rand(64, 3)):
        assert stock(x) is x


class Counting(AnalyticField):
    """A sphere that remembers how many rows it was asked for."""

    def __init__(self) -> None:
        super().__init__("sphere")
        self.asked: list[int] = []

    def geometry(self, points: Tensor) -> FieldSample:
        self.asked.append(points.shape[1])
        return super().geometry(points)


def test_gradients_are_taken_of_a_stocked_number_and_handed_out_for_the_rest() -> None:
    field = Counting()
    points = torch.rand(1, 1001, 3) - 0.5
    sample, value, gradient = with_gradient(field, points)
    assert field.asked == [stocked(1001)]
    assert (
        sample.density.shape == value.shape == (1, 1001)
        and not value.requires_grad
        and not sample.density.requires_grad
    )
    assert torch.allclose(gradient, torch.nn.functional.normalize(points, dim=-1), atol=1e-5)
    assert torch.equal(outward_gradient(field, points), gradient)
