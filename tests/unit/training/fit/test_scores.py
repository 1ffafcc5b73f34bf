"""The chamfer distance of `triscope fit`: known answers on spheres."""

from __future__ import annotations

import pytest
import torch

from core_model.training.fit import scores


def sphere(radius: float, centre: float = 0.0) -> scores.Triangles:
    return scores.level_set(lambda p: (p - torch.tensor([centre, 0.0, 0.0])).norm(dim=-1) - radius, 0.48)


@pytest.mark.parametrize("gap", [0.0, 0.0005, 0.002, 0.01])
def test_concentric_spheres_are_their_gap_apart(gap: float) -> None:
    found = scores.chamfer_distance(sphere(0.25), sphere(0.25 + gap))
    assert found == pytest.approx(gap, abs=2e-5)


def test_two_meshes_of_one_surface_agree_whatever_their_grids(monkeypatch: pytest.MonkeyPatch) -> None:
    fine = sphere(0.3)
    monkeypatch.setattr(scores, "GRID", 101)
    assert scores.chamfer_distance(fine, sphere(0.3)) < 1e-4


def test_the_number_says_how_surfaces_differ_not_how_densely_they_are_drawn(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    a, b = sphere(0.2), sphere(0.2, centre=0.004)
    many = scores.chamfer_distance(a, b)
    monkeypatch.setattr(scores, "SURFACE_POINTS", 3000)
    assert scores.chamfer_distance(a, b, seed=1) == pytest.approx(many, rel=0.04)
    assert many == pytest.approx(0.002, rel=0.05)  # a small shift s is s / 2 away on the mean over a sphere
