"""What is held while weights are tuned: the shape of the latent found, near its surface and where nothing was."""

from __future__ import annotations

import pytest
import torch

from core_model.fields.base import FieldSample
from core_model.inversion.shape_hold import POOL, REACH, ShapeHold, solidity
from core_model.inversion.stages import LatentStage, TuneStage
from core_model.training.common.state import adam_tensors
from core_model.training.invert.state import SavedState, put
from tests.unit.inversion.generators import MODELS
from tests.unit.inversion.test_stages import CFG, run, search_of


class Ball:
    """A ball of radius `r` as signed distances or as a density."""

    def __init__(self, r: float, sdf: bool) -> None:
        self.r, self.is_sdf = torch.tensor(r, requires_grad=True), sdf

    def geometry(self, points: torch.Tensor) -> FieldSample:
        distance = points.norm(dim=-1) - self.r
        density = 200.0 * torch.sigmoid(-distance / 0.005)
        return FieldSample(density, sdf=distance if self.is_sdf else None)

    def colour(self, sample: FieldSample, points: torch.Tensor, dirs: torch.Tensor) -> torch.Tensor:
        raise AssertionError("shapes have no colours")


@pytest.mark.parametrize("sdf", [True, False])
def test_a_shape_that_stays_costs_nothing_and_one_that_grows_is_drawn_back(sdf: bool) -> None:
    device = torch.device("cpu")
    hold = ShapeHold.of(Ball(0.3, sdf), 0.5, 7, device)
    assert hold.points.shape == (POOL, 3) and hold.values.shape == (POOL,)
    near = (hold.points.norm(dim=-1) - 0.3).abs() < 3 * hold.unit
    assert 0.6 < float(near.float().mean()) < 0.95, "most lie at the surface, some anywhere"
    assert float(hold.loss(Ball(0.3, sdf), 0).detach()) < 1e-9
    grown, more = Ball(0.31, sdf), Ball(0.33, sdf)
    loss = hold.loss(grown, 1)
    (slope,) = torch.autograd.grad(loss, grown.r)
    assert 0.0 < float(loss.detach()) < float(hold.loss(more, 1).detach()) and float(slope) > 0.0
    assert torch.equal(ShapeHold.of(Ball(0.3, sdf), 0.5, 7, device).points, hold.points), (
        "same seed, same points"
    )


def test_distances_are_told_within_reach_only() -> None:
    far = torch.tensor([[0.0, 0.0, 10.0], [0.0, 0.0, 0.0]])
    assert solidity(Ball(0.3, True), far, 0.01).detach().tolist() == [REACH, -REACH]
    shares = solidity(Ball(0.3, False), far, 0.05).detach()
    assert float(shares[0]) == pytest.approx(0.0, abs=1e-6) and float(shares[1]) == pytest.approx(
        1.0, abs=1e-6
    )


@pytest.mark.parametrize("family", MODELS)
def test_tuning_bends_the_shape_less_where_it_is_held(family: str) -> None:
    moved = {}
    for weight in (0.0, 50.0):
        cfg = CFG.replace(tune_hold=weight, tune_lr=3e-4)
        search, _ = search_of(family, cfg)
        first = LatentStage(search)
        run(first, 4)
        first.close()
        with torch.no_grad():
            field = search.paint(search.x, fresh=True).field
            box = search.model.conventions.box
            hold = ShapeHold.of(field, box, 0, search.x.device)
        run(TuneStage(search), cfg.tune_total)
        with torch.no_grad():
            moved[weight] = float(hold.loss(search.paint(search.x, fresh=True).field, 0))
    assert 0.0 < moved[50.0] < moved[0.0]


def test_what_is_held_goes_on_with_the_run() -> None:
    """The shape of the latent found, not of the weights at the moment of a kill."""
    search, _ = search_of("wysiwyg", CFG)
    stage = TuneStage(search)
    run(stage, 4)
    kept = stage.tensors()
    assert stage.hold is not None
    assert kept["hold/values"] is stage.hold.values and kept["hold/points"] is stage.hold.points
    assert (
        CFG.replace(tune_hold=0.0).tune_hold == 0.0
        and "hold/points" not in TuneStage(search_of("wysiwyg", CFG.replace(tune_hold=0.0))[0]).tensors()
    )


def test_a_tuning_that_began_without_a_shape_goes_on_without() -> None:
    """What a new stage remembers before it is filled is the mean head's shape, not the pivot's."""
    began = TuneStage(search_of("wysiwyg", CFG.replace(tune_hold=0.0))[0])
    run(began, 4)
    saved = SavedState(
        "tuning", 4, {k: v.detach().clone() for k, v in began.tensors().items()} | moments(began)
    )
    other = TuneStage(search_of("wysiwyg", CFG)[0])
    assert other.hold is not None
    put(saved, other)
    assert other.hold is None and "shape" not in other.advance()


def moments(stage: TuneStage) -> dict[str, torch.Tensor]:
    return {k: v.clone() for k, v in adam_tensors(stage.optimiser, "adam/").items()}
