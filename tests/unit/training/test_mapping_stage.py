"""Stage zero of the fit: the mapping learns the heads' parameters."""

from __future__ import annotations

import torch

from core_model.nn.mapping import MappingNetwork
from core_model.schema.fit import FitConfig
from core_model.training.fit.mapping_stage import fit_mapping, parameters_of


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
    mapping = MappingNetwork(64, 0, 48)
    before = unexplained(mapping)
    told: list[float] = []
    fit_mapping(mapping, FitConfig(mapping_steps=150, mapping_batch=64), lambda stage, step, losses: told.append(losses["unexplained"]))
    assert len(told) == 150 and sum(told[-10:]) < 0.7 * sum(told[:10])
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
