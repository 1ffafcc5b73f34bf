"""Budgets of A3.4 and the limits of the sampler settings."""

from __future__ import annotations

import hypothesis.strategies as st
import pytest
from hypothesis import given
from pydantic import ValidationError

from core_model.schema.sampler import SamplerSpec


@pytest.mark.parametrize(("spp", "want"), [(17.6, (16, 32)), (10.0, (9, 19)), (8.8, (8, 16)), (2.0, (1, 11))])
def test_the_papers_budgets(spp: float, want: tuple[int, int]) -> None:
    assert SamplerSpec(spp=spp).budgets(99.0) == want
    assert SamplerSpec().budgets(spp) == want  # None takes the checkpoint's default


@given(st.floats(1.01, 400), st.floats(0.01, 0.99))
def test_the_mean_is_what_was_asked_for(spp: float, share: float) -> None:
    low, high = SamplerSpec(spp=spp, adaptive_share=share).budgets(17.6)
    assert 1 <= low <= high
    mean = (1 - share) * low + share * high
    # one sample is the least a ray can have, and the large budget is a whole number
    floor = 1.0 if spp < 1 + share else 0.0
    assert abs(mean - spp) <= 0.5 * share + 1e-6 + floor


def test_without_adaptivity_every_ray_gets_the_same() -> None:
    assert SamplerSpec(spp=12.0, adaptive=False).budgets(17.6) == (12, 12)
    assert SamplerSpec(spp=12.0, adaptive_share=0.0).budgets(17.6) == (12, 12)
    assert SamplerSpec(spp=12.0, adaptive_share=1.0).budgets(17.6)[1] == 12


def test_explicit_budgets_win_and_are_ordered() -> None:
    assert SamplerSpec(spp=50.0, low_budget=3, high_budget=7).budgets(17.6) == (3, 7)
    assert SamplerSpec(low_budget=9, high_budget=4).budgets(17.6) == (9, 9)


@pytest.mark.parametrize(
    "wrong",
    [
        {"tau": 0.0},
        {"tau": 1.1},
        {"spp": 1.0},
        {"adaptive_share": 1.5},
        {"low_budget": 0},
        {"strategy": "other"},
        {"sp": 3},
    ],
)
def test_settings_out_of_range_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        SamplerSpec(**wrong)  # type: ignore[arg-type]
