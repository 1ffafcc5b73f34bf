"""The occupancy-guided sampler: bounds of its grid, likeness of its pictures, and what it leaves out."""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import numpy as np
import pytest
import torch

from core_model.families.osg import guided_march
from core_model.families.osg.guided_march import render_guided, render_likened
from core_model.families.osg.native import label_rays
from core_model.families.osg.occupied_twopass import render_occupied
from core_model.families.osg.twopass import Marched, TwoPassRule, render_two_pass
from core_model.fields.osg import OsgField
from core_model.sampling.occupancy import MARGIN, DensityGrid, build_density_grid, occupied_share
from core_model.schema.camera import OrbitPose, label25
from core_model.schema.render import RenderRequest
from core_model.schema.sampler import SamplerSpec
from core_model.session import RenderSession
from core_model.session.stages import MOSTLY_EMPTY
from tests.unit.families.foreign_nets import Net, eg3d_state, opened

RULE = TwoPassRule(2.25, 3.3, 24, 24, 0.5)


@cache
def blob() -> OsgField:
    """Planes whose first feature makes a soft opaque ball of radius 0.3 about the middle; outside of the box there is air."""
    torch.manual_seed(0)
    model: Any = opened("eg3d", Net("", eg3d_state()))[0]
    planes = model.planes(torch.zeros(1, 6, 10), "const")
    at = (torch.arange(32) + 0.5) / 32 - 0.5
    inside = (
        0.45 - at.square()[None] - at.square()[:, None]
    )  # of each plane; 2(x² + y² + z²) in all, but for the legacy axes
    level = torch.randn(1, 3, 32, 32, 32) * 0.2
    level[:, :, 0] = inside
    fc0, fc1 = model.module.decoder.fc0, model.module.decoder.fc1
    fc0.weight[0], fc1.weight[0] = 0.0, 0.0
    fc0.weight[0, 0], fc0.bias[0] = 3.0 * 60.0 / fc0.weight_gain, -60.0 * 1.15
    fc1.weight[0, 0], fc1.weight[1:, 0], fc1.bias[0] = 20.0 / fc1.weight_gain, 0.0, -12.0
    return OsgField(type(planes)((level,), planes.conventions), model.module.decoder)


@cache
def grid() -> DensityGrid:
    return build_density_grid(blob(), 0.5, torch.device("cpu"))


def rays(edge: int = 20) -> tuple[torch.Tensor, torch.Tensor]:
    return label_rays(torch.from_numpy(label25(OrbitPose(yaw=0.4, pitch=-0.2)))[None], edge)


@cache
def native() -> Marched:
    return render_two_pass(blob().query, *rays(), RULE)


def decibel(a: torch.Tensor, b: torch.Tensor) -> float:
    return 10.0 * math.log10(4.0 / max(float((a - b).square().mean()), 1e-20))


def test_the_lattice_is_the_field() -> None:
    size = 12
    at = ((torch.arange(size) + 0.5) * (2.0 / size) - 1.0) * MARGIN * 0.5
    points = torch.stack(torch.meshgrid(at, at, at, indexing="ij"), dim=-1).reshape(1, -1, 3)
    want = blob().query(points)[0].reshape(size, size, size)
    torch.testing.assert_close(blob().lattice(size, MARGIN), want, atol=1e-3, rtol=1e-4)


def test_the_bounds_hold_everywhere_also_outside_of_the_box() -> None:
    points = (torch.rand(1, 20_000, 3, generator=torch.Generator().manual_seed(2)) - 0.5) * 3.0
    density = blob().geometry(points).density[0]
    cell = grid().cells(points[0])
    assert bool((density <= grid().high[cell] * 1.001 + 1e-3).all())
    assert bool((density >= grid().low[cell] * 0.999 - 1e-3).all())
    share = float(grid().occupied.float().mean())
    assert 0.01 < share < 0.6


def test_the_same_positions_give_the_same_picture_with_fewer_evaluations() -> None:
    got, counts = render_occupied(blob(), *rays(), RULE, grid())
    assert decibel(got.features, native().features) > 70
    torch.testing.assert_close(got.weight_sum, native().weight_sum, atol=2e-3, rtol=0.0)
    seen = native().weight_sum > 0.05
    torch.testing.assert_close(got.depth[seen], native().depth[seen], atol=2e-3, rtol=0.0)
    assert float(counts.mean()) < 0.7 * 48 and bool((counts[native().weight_sum < 1e-4] < 48).all())


@pytest.mark.parametrize("white", [False, True])
def test_guided_samples_come_near_the_two_passes(white: bool) -> None:
    rule = TwoPassRule(2.25, 3.3, 96, 96, 0.5, white_back=white)
    want = render_two_pass(blob().query, *rays(), rule).features
    errors = [
        decibel(render_guided(blob(), *rays(), rule, grid(), n)[0].features, want) for n in (8, 32, 128)
    ]
    assert errors[1] > 38 and errors[2] > 45 and errors[0] < errors[2], errors


def test_likeness_decides_the_number_of_samples() -> None:
    got, counts = render_likened(blob(), *rays(), RULE, grid())
    assert decibel(got.features, native().features) > 48
    assert float(counts.mean()) < 0.7 * 48
    # where no budget comes near, the positions of the two passes are taken
    rough = TwoPassRule(2.25, 3.3, 5, 4, 0.5)
    got, _ = render_likened(blob(), *rays(), rough, grid())
    assert decibel(got.features, render_two_pass(blob().query, *rays(), rough).features) > 70


class Counted(OsgField):
    """A field that counts the points it is asked for."""

    def __init__(self, field: OsgField) -> None:
        super().__init__(field.planes, field.decoder)
        self.points = 0

    def hidden(self, points: torch.Tensor) -> torch.Tensor:
        self.points += points.shape[0]
        return super().hidden(points)

    def query(self, points: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        self.points += points.shape[1]
        return super().query(points)


def fog() -> OsgField:
    """What random weights give: never opaque, never empty, and rougher than the grid."""
    torch.manual_seed(3)
    model: Any = opened("eg3d", Net("", eg3d_state()))[0]
    planes = model.planes(torch.zeros(1, 6, 10), "const")
    return OsgField(
        type(planes)((torch.randn(1, 3, 32, 32, 32) * 2.0,), planes.conventions), model.module.decoder
    )


@pytest.mark.parametrize(("make", "empty"), [(blob, True), (fog, False)])
def test_guided_rays_are_never_dearer_than_two_passes(
    monkeypatch: pytest.MonkeyPatch, make: Any, empty: bool
) -> None:
    """In fog looking for what may be skipped took 4 to 10 times the time of the two passes."""
    field, device = make(), torch.device("cpu")
    assert (occupied_share(field, 0.5, device) < MOSTLY_EMPTY) == empty
    many = rays(64)
    monkeypatch.setattr(
        guided_march, "PILOTS", 128
    )  # the share of the rays that 512 are at the published resolution
    bounds, count = build_density_grid(field, 0.5, device), Counted(field)
    got, samples = render_likened(count, *many, RULE, bounds)
    want = render_two_pass(field.query, *many, RULE)
    assert decibel(got.features, want.features) > 45.0
    whole = 64 * 64 * (RULE.coarse + RULE.fine)
    assert count.points < (0.6 if empty else 1.1) * whole
    assert empty or bool((samples == RULE.coarse + RULE.fine).all())


def test_a_scene_of_nothing_is_background() -> None:
    empty = DensityGrid(*(torch.zeros(8**3) for _ in range(3)), size=8, edge=0.5, box=0.5)
    for got, counts in (
        render_guided(blob(), *rays(), RULE, empty, 8),
        render_occupied(blob(), *rays(), RULE, empty),
    ):
        assert bool((got.features == -1.0).all()) and not counts.any() and not got.weight_sum.any()


@pytest.mark.parametrize("shape", ["sphere", "shell", "slab"])
def test_own_pictures_of_few_samples(session: RenderSession, shape: str) -> None:
    base = RenderRequest(checkpoint=f"analytic:{shape}", width=40, height=40, channels=("rgb", "opacity"))
    want = session.render(base.replace(sampler=SamplerSpec(name="uniform", spp=600)))
    got = session.render(base.replace(sampler=SamplerSpec(name="occupancy", spp=32)))
    assert got.result.error is None and got.result.evaluated_per_pixel <= 32
    assert float(np.square(got.arrays["opacity"] - want.arrays["opacity"]).mean()) < 1e-3
