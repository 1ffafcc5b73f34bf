"""Stage zero of the fit: the mapping learns the heads' parameters."""

from __future__ import annotations

import torch

from core_model.nn.mapping import MappingNetwork
from core_model.schema.fit import FitConfig
from core_model.training.fit.mapping_stage import (
    best_readout,
    fit_mapping,
    parameters_of,
    standard_parameters,
)


def unexplained(mapping: MappingNetwork) -> float:
    """Share of the parameters' variance that no linear map of w explains."""
    z = torch.randn(2000, 64, generator=torch.Generator().manual_seed(5))
    with torch.no_grad():
        w = mapping(z)
    design = torch.cat([w, torch.ones(len(w), 1)], dim=1).double()
    known = parameters_of(z).double()
    fitted = design @ torch.linalg.lstsq(design, known).solution
    return float(((known - fitted).square().mean(dim=0) / known.var(dim=0).clamp_min(1e-12)).mean())


def test_parameters_become_linearly_readable_and_w_keeps_its_scale() -> None:
    torch.manual_seed(0)
    mapping = MappingNetwork(64, 0, 128)
    before = unexplained(mapping)
    told: list[float] = []
    fit_mapping(
        mapping,
        FitConfig(mapping_steps=300, mapping_batch=64),
        lambda stage, step, losses: told.append(losses["unexplained"]),
    )
    assert len(told) == 300 and sum(told[-10:]) < 0.7 * sum(told[:10])
    assert unexplained(mapping) < 0.85 * before
    with torch.no_grad():
        w = mapping(torch.randn(4000, 64))
    assert abs(float(w.square().mean()) - 1.0) < 0.1


def test_the_stage_is_repeatable_and_can_be_left_out() -> None:
    made = []
    for _ in range(2):
        torch.manual_seed(3)
        mapping = MappingNetwork(64, 0, 16)
        before = {k: v.clone() for k, v in mapping.state_dict().items()}
        fit_mapping(mapping, FitConfig(mapping_steps=0), lambda *_: None)
        assert all(torch.equal(v, before[k]) for k, v in mapping.state_dict().items())
        fit_mapping(mapping, FitConfig(mapping_steps=5, mapping_batch=8), lambda *_: None)
        made.append(mapping(torch.ones(1, 64)))
    assert torch.equal(*made)


def test_the_readout_is_least_squares_and_its_gradient_pulls_w_towards_the_parameters() -> None:
    torch.manual_seed(1)
    mapping = MappingNetwork(64, 0, 48)
    readout = best_readout(mapping)
    z = torch.randn(2000, 64, generator=torch.Generator().manual_seed(5))
    with torch.no_grad():
        own = float(readout.unexplained(mapping(z), z))
    assert abs(own - unexplained(mapping)) < 0.05
    w = mapping(z).detach().requires_grad_(True)
    readout.unexplained(w, z).backward()
    assert w.grad is not None
    assert float(readout.unexplained(w.detach() - 1000.0 * w.grad, z)) < own


def test_the_parameters_tell_hues_apart() -> None:
    z = torch.randn(500, 64, generator=torch.Generator().manual_seed(2))
    known = standard_parameters(z)
    assert known.shape == (500, 78)
    assert bool((known.std(dim=0) < 1.6).all())
    # before the identity: red less green, green less blue of hair and of cloth, from their logarithms
    columns = parameters_of(z)
    tones, hues = columns[:, -50:-44], columns[:, -44:-40]
    assert torch.allclose(hues[:, :2], tones[:, :2] - tones[:, 1:3], atol=1e-5)
    assert torch.allclose(hues[:, 2:], tones[:, 3:5] - tones[:, 4:6], atol=1e-5)
