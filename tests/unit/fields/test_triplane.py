"""Tri-plane lookup: both paths against bilinear interpolation written out, under every convention."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from torch import Tensor

from core_model.fields.triplane import Planes, PlaneTable, plane_coordinates, sample_planes
from core_model.schema.conventions import Conventions

SETTINGS = list(itertools.product(["zeros", "border"], [True, False], ["product", "mean", "sum"]))


def level(b: int = 2, c: int = 3, h: int = 5, w: int = 7) -> Tensor:
    return torch.randn(b, 3, c, h, w, generator=torch.Generator().manual_seed(0))


def points(b: int = 2, n: int = 60, spread: float = 1.6) -> Tensor:
    """World points, many of them outside the box of half edge 0.5."""
    g = torch.Generator().manual_seed(1)
    p = (torch.rand(b, n, 3, generator=g) * 2 - 1) * 0.5 * spread
    p[:, :4] = torch.tensor([[0.5, 0.5, 0.5], [-0.5, -0.5, -0.5], [0.0, 0.0, 0.0], [9.0, -9.0, 0.1]])
    return p


def bilinear(plane: np.ndarray, x: float, y: float, zeros: bool) -> np.ndarray:
    """plane [C, H, W] at pixel position (x, y)."""
    _, h, w = plane.shape
    if not zeros:
        x, y = min(max(x, 0.0), w - 1.0), min(max(y, 0.0), h - 1.0)
    x0, y0 = int(np.floor(x)), int(np.floor(y))
    out = np.zeros(plane.shape[0])
    for i, j in itertools.product((y0, y0 + 1), (x0, x0 + 1)):
        weight = (1 - abs(x - j)) * (1 - abs(y - i))
        if 0 <= i < h and 0 <= j < w and weight > 0:
            out += weight * plane[:, i, j]
    return out


def explicit(planes: Tensor, at: Tensor, conv: Conventions) -> np.ndarray:
    """[B, N, C] by loops over batch, points and planes."""
    b, _, c, h, w = planes.shape
    out = np.zeros((b, at.shape[1], c))
    for n, m in itertools.product(range(b), range(at.shape[1])):
        found = []
        for k, (first, second) in enumerate(conv.plane_axes):
            u, v = (float(at[n, m, "xyz".index(a)]) / conv.box for a in (first, second))
            if conv.align_corners:
                x, y = (u + 1) / 2 * (w - 1), (v + 1) / 2 * (h - 1)
            else:
                x, y = ((u + 1) * w - 1) / 2, ((v + 1) * h - 1) / 2
            found.append(bilinear(planes[n, k].numpy().astype(np.float64), x, y, conv.padding == "zeros"))
        stack = np.stack(found)
        out[n, m] = {"product": stack.prod(0), "sum": stack.sum(0), "mean": stack.mean(0)}[conv.reduction]
    return out


@pytest.mark.parametrize(("padding", "align", "reduction"), SETTINGS)
def test_both_paths_are_bilinear_interpolation(padding: str, align: bool, reduction: str) -> None:
    conv = Conventions(padding=padding, align_corners=align, reduction=reduction)  # type: ignore[arg-type]
    planes, at = level(), points()
    want = explicit(planes, at, conv)
    np.testing.assert_allclose(sample_planes(planes, at, conv), want, atol=1e-5)
    np.testing.assert_allclose(PlaneTable.build(planes, conv).lookup(at), want, atol=1e-5)


def test_plane_axes_and_box_say_where_a_point_falls() -> None:
    conv = Conventions(plane_axes=(("z", "x"), ("y", "z"), ("x", "y")), box=0.25)
    uv = plane_coordinates(torch.tensor([[[0.05, 0.1, 0.2]]]), conv)
    np.testing.assert_allclose(uv[0, :, 0], [[0.8, 0.2], [0.4, 0.8], [0.2, 0.4]], atol=1e-6)
    planes, at = level(), points() * 0.5
    np.testing.assert_allclose(
        PlaneTable.build(planes, conv).lookup(at), explicit(planes, at, conv), atol=1e-5
    )


@pytest.mark.parametrize("padding", ["zeros", "border"])
def test_points_that_are_no_numbers_stay_in_memory(padding: str) -> None:
    conv = Conventions(padding=padding, reduction="sum")  # type: ignore[arg-type]
    planes = level()
    at = points()
    at[0, 0] = torch.nan
    at[0, 1, 0] = torch.inf
    at[1, 2, 2] = -torch.inf
    got = PlaneTable.build(planes, conv).lookup(at)
    assert bool(torch.isfinite(got).all())
    clean = PlaneTable.build(planes, conv).lookup(points())
    assert torch.equal(got[0, 5:], clean[0, 5:])


def test_far_outside_is_nothing_with_zero_padding() -> None:
    conv = Conventions(padding="zeros", reduction="sum")
    far = torch.full((2, 1, 3), 40.0)
    assert float(PlaneTable.build(level(), conv).lookup(far).abs().max()) == 0.0


@pytest.mark.parametrize("padding", ["zeros", "border"])
def test_gradients_of_both_paths_agree(padding: str) -> None:
    """Normals take the gradient with respect to the points through the fast path."""
    conv = Conventions(padding=padding)  # type: ignore[arg-type]
    planes = level(h=16, w=16)
    grads = []
    for lookup in (lambda p: sample_planes(planes, p, conv), PlaneTable.build(planes, conv).lookup):
        at = (points(spread=0.9)[:, 4:]).clone().requires_grad_()
        (grad,) = torch.autograd.grad(lookup(at).square().sum(), at)
        grads.append(grad)
    np.testing.assert_allclose(grads[0], grads[1], atol=2e-3 * float(grads[0].abs().max()))


def test_the_gradient_reaches_the_planes() -> None:
    conv = Conventions()
    grads = []
    for fast in (False, True):
        planes = level().requires_grad_()
        out = (
            PlaneTable.build(planes, conv).lookup(points()) if fast else sample_planes(planes, points(), conv)
        )
        (grad,) = torch.autograd.grad(out.square().sum(), planes)
        grads.append(grad)
    np.testing.assert_allclose(grads[0], grads[1], atol=1e-4)


def test_bytes_of_planes() -> None:
    planes = Planes((level(), level(b=1)), Conventions())
    assert planes.nbytes == 4 * (2 + 1) * 3 * 3 * 5 * 7
