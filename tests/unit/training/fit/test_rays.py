"""Rays that the fit learns pictures from: where they pass, and what is sampled along them."""

from __future__ import annotations

import pytest
import torch

from core_model.data import heads
from core_model.data.heads import BACKGROUND_RGB
from core_model.schema.fit import FitConfig
from core_model.training.fit.objective import _ray_samples, ray_losses
from core_model.training.fit.truth import OUTLINE, TruthSpec, head_of_z, head_truth, latent_z

SPEC = TruthSpec(z_dim=64, points=100, rays=200, box=0.5, image_size=64)


@pytest.fixture(scope="module")
def known() -> dict[str, torch.Tensor]:
    return head_truth(3, SPEC)


def closest_approach(known: dict[str, torch.Tensor], which: slice) -> torch.Tensor:
    """Smallest |sdf| of the true head within a centimetre of the given depth, per ray."""
    params = head_of_z(latent_z(3, SPEC.z_dim))
    t = known["t"][which, None] + torch.linspace(-0.01, 0.01, 21)
    points = known["origins"][which, None] + known["dirs"][which, None] * t[..., None]
    return heads.head_sdf(params, points.reshape(1, -1, 3)).reshape(t.shape).abs().amin(dim=-1)


def test_half_of_the_rays_pass_an_edge_and_know_where(known: dict[str, torch.Tensor]) -> None:
    assert known["dirs"].shape == (200, 3) and torch.allclose(known["dirs"].norm(dim=-1), torch.ones(200))
    near = closest_approach(known, slice(100, 200))
    assert float((near < 3 * OUTLINE).float().mean()) > 0.95
    missed = ~known["hit"][100:]
    assert missed.any() and bool((known["t"][100:][missed] < 3.3).all())
    assert float(known["hit"][:100].float().mean()) > 0.2  # the other half see the picture as it is
    assert torch.equal(
        known["rgb"][~known["hit"]], torch.tensor(BACKGROUND_RGB).expand(int((~known["hit"]).sum()), 3)
    )


def test_truth_is_a_function_of_its_seed(known: dict[str, torch.Tensor]) -> None:
    again = head_truth(3, SPEC)
    assert all(torch.equal(again[k], v) for k, v in known.items())


def test_samples_are_sorted_and_lie_across_what_is_known() -> None:
    origins = torch.tensor([[0.0, 0.0, 2.7]]).expand(50, 3)
    t_known = torch.cat([torch.linspace(2.4, 3.0, 25), torch.full((25,), 3.4)])
    t = _ray_samples(origins, t_known, 0.5, torch.Generator().manual_seed(0))
    assert t.shape == (50, 13) and bool((t.diff(dim=-1) >= 0).all())
    assert bool((((t[:25] - t_known[:25, None]).abs() <= 0.0151).sum(dim=-1) >= 8).all())
    assert float(t[25:].min()) >= 2.2 and float(t[25:].max()) <= 3.2


class TrueHead:
    """A field that knows the head: what the ray losses must not complain about."""

    def __init__(self, seed: int, beta: float) -> None:
        from types import SimpleNamespace

        self.params, self.beta = head_of_z(latent_z(seed, SPEC.z_dim)), beta
        self.planes = SimpleNamespace(conventions=SimpleNamespace(box=0.5))

    def geometry(self, x: torch.Tensor) -> "object":
        from core_model.fields.base import FieldSample

        sdf = heads.head_sdf(self.params, x)
        return FieldSample(density=torch.zeros_like(sdf), sdf=sdf, beta=torch.full_like(sdf, self.beta))

    def colour(self, sample: object, x: torch.Tensor, dirs: torch.Tensor) -> torch.Tensor:
        return heads.head_color(self.params, x, heads.head_normals(self.params, x))


@pytest.mark.parametrize("beta", [0.0005, 0.05])
def test_the_true_head_has_next_to_no_loss_whatever_width_it_claims(
    known: dict[str, torch.Tensor], beta: float
) -> None:
    """The picture is taken with the target's width: a network must not draw its surfaces wide to hide what falls between samples."""
    rng = torch.Generator().manual_seed(1)

    def losses(head: int) -> dict[str, float]:
        terms = ray_losses(TrueHead(head, beta), known, torch.arange(100), FitConfig(), rng)  # type: ignore[arg-type]
        return {term.name: float(term.value) for term in terms}

    found = losses(3)
    assert found["rgb"] < 0.02 and found["opacity"] < 0.05
    assert losses(4)["rgb"] > 2 * found["rgb"]
