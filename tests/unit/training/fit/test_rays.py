"""Rays that the fit learns pictures from: what is sampled along them, and that the truth has no loss."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch

from core_model.fields.base import FieldSample
from core_model.schema.fit import FitConfig
from core_model.training.fit.objective import _ray_samples, point_losses, ray_losses
from core_model.training.fit.truth import TruthSpec
from tests.train.balls import ball_truth, radius_of

SPEC = TruthSpec(64, (("x", "y"), ("x", "z"), ("y", "z")), 16, 400, 200, 200, 0.5)


@pytest.fixture(scope="module")
def known() -> dict[str, torch.Tensor]:
    return {k: torch.from_numpy(v) for k, v in ball_truth(3, SPEC).items()}


def test_samples_are_sorted_and_lie_across_what_is_known() -> None:
    origins = torch.tensor([[0.0, 0.0, 2.7]]).expand(50, 3)
    t_known = torch.cat([torch.linspace(2.4, 3.0, 25), torch.full((25,), 3.4)])
    t = _ray_samples(origins, t_known, 0.5, torch.Generator().manual_seed(0))
    assert t.shape == (50, 13) and bool((t.diff(dim=-1) >= 0).all())
    assert bool((((t[:25] - t_known[:25, None]).abs() <= 0.0151).sum(dim=-1) >= 8).all())
    assert float(t[25:].min()) >= 2.2 and float(t[25:].max()) <= 3.2


class TrueBall:
    """A field that knows the ball: what the losses must not complain about."""

    def __init__(self, seed: int, beta: float) -> None:
        self.radius, self.beta = radius_of(seed), beta
        self.planes = SimpleNamespace(conventions=SimpleNamespace(box=0.5))

    def geometry(self, x: torch.Tensor) -> FieldSample:
        sdf = x.norm(dim=-1) - self.radius
        return FieldSample(torch.zeros_like(sdf), sdf=sdf, beta=torch.full_like(sdf, self.beta), features=x)

    def colour(self, sample: FieldSample, x: torch.Tensor, dirs: torch.Tensor) -> torch.Tensor:
        return 0.5 * (torch.nn.functional.normalize(x, dim=-1) + 1)


def values(terms: tuple) -> dict[str, float]:
    return {term.name: float(term.value) for term in terms}


@pytest.mark.parametrize("beta", [0.0005, 0.05])
def test_the_truth_has_next_to_no_loss_along_rays_whatever_width_it_claims(
    known: dict[str, torch.Tensor], beta: float
) -> None:
    """The picture is taken with the target's width: a network must not draw its surfaces wide to hide what falls between samples."""
    rng = torch.Generator().manual_seed(1)

    def losses(head: int) -> dict[str, float]:
        return values(ray_losses(TrueBall(head, beta), known, torch.arange(100), FitConfig(), rng))  # type: ignore[arg-type]

    found = losses(3)
    assert found["rgb"] < 0.02 and found["opacity"] < 0.06
    assert losses(1)["opacity"] > 2 * found["opacity"]


def test_the_truth_has_no_loss_at_points(known: dict[str, torch.Tensor]) -> None:
    cfg = FitConfig()
    rngs = [torch.Generator().manual_seed(k) for k in (0, 1)]
    found = values(point_losses(TrueBall(3, cfg.beta_target), [known, known], 100, cfg, rngs))  # type: ignore[arg-type]
    assert found["sdf"] < 1e-4 and found["colour"] < 0.003 and found["beta"] < 1e-6
    assert values(point_losses(TrueBall(4, 0.01), [known], 100, cfg, rngs[:1]))["sdf"] > 0.3  # type: ignore[arg-type]
