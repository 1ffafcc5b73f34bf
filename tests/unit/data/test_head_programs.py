"""Recorded programs of heads give the plain functions' numbers to the last bit, and step aside where they do
not apply.
"""

from __future__ import annotations

import itertools

import pytest
import torch

from core_model.data.heads import HeadParams, head_color, head_sdf, latent_for_seed, programs
from core_model.data.heads.field import Worn, evaluate_parts, surface_sdf


def head(seed: int) -> HeadParams:
    return HeadParams.from_latent(latent_for_seed(seed)[None])


def distance(p: HeadParams, x: torch.Tensor) -> torch.Tensor:
    return evaluate_parts(p, x).distance()


def points(count: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(1, count, 3, generator=torch.Generator().manual_seed(seed)) - 0.5


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_recorded_and_plain_are_the_same_bits(mode: type) -> None:
    with mode():
        for seed, count in itertools.product((0, 5), (1, 48, 3001)):
            p, x = head(seed), points(count, seed)
            worn = Worn.by(p)
            for _ in range(3):  # the first runs of a recording are optimised differently from the later ones
                assert torch.equal(head_sdf(p, x), evaluate_parts(p, x).distance())
                assert torch.equal(surface_sdf(p, x), evaluate_parts(p, x, worn).distance())


def test_colours_are_the_same_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    p, x = head(3), points(900)
    normals = torch.nn.functional.normalize(x, dim=-1)
    with torch.no_grad():
        recorded = head_color(p, x, normals)
        monkeypatch.setattr(programs, "run", lambda name, function, p, points: function(p, points))
        assert torch.equal(recorded, head_color(p, x, normals))


def test_gradients_doubles_and_several_heads_run_plainly(monkeypatch: pytest.MonkeyPatch) -> None:
    with torch.no_grad():
        expected = head_sdf(head(1), points(20))

    def never(*_: object) -> None:
        raise AssertionError("a recording was asked for")

    monkeypatch.setattr(programs, "program_of", never)
    with torch.enable_grad():
        assert torch.equal(head_sdf(head(1), points(20)), expected)
    with torch.no_grad():
        double = HeadParams(*(v.double() for v in vars(head(1)).values()))
        torch.testing.assert_close(
            head_sdf(double, points(20).double()).float(), expected, atol=1e-5, rtol=1e-4
        )
    both = HeadParams.from_latent(torch.stack([latent_for_seed(1), latent_for_seed(2)]))
    with torch.no_grad():
        torch.testing.assert_close(
            head_sdf(both, points(20).expand(2, -1, -1))[:1], expected, atol=1e-6, rtol=1e-5
        )


def test_what_cannot_be_recorded_runs_plainly(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("no tracing here")

    monkeypatch.setattr(torch.jit, "trace", broken)
    with torch.no_grad():
        p, x = head(1), points(30)
        assert programs.program_of("unheard of", distance, list(vars(p).values())) is None
        assert torch.equal(programs.run("unheard of", distance, p, x), evaluate_parts(p, x).distance())
