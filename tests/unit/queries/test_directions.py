"""Principal directions of w: against a known Gaussian, on a tiny checkpoint, and under a request that is more urgent."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from core_model.queries import QuerySession
from core_model.queries.directions import principal
from core_model.schema.errors import Cancelled, InputError
from core_model.schema.question import DirectionsQuestion


def test_principal_directions_of_a_known_gaussian() -> None:
    rng = torch.Generator().manual_seed(1)
    axes = torch.linalg.qr(torch.randn(5, 5, generator=rng))[0]
    spread = torch.tensor([4.0, 2.0, 1.0, 0.5, 0.1])
    w = 7.0 + torch.randn(20000, 5, generator=rng) * spread @ axes.T
    directions, sigma, share = principal(w, 3)
    torch.testing.assert_close((directions.float() @ axes[:, :3]).abs(), torch.eye(3), atol=0.03, rtol=0.0)
    torch.testing.assert_close(sigma.float(), spread[:3], rtol=0.03, atol=0.0)
    torch.testing.assert_close(share.float(), spread[:3] ** 2 / (spread**2).sum(), rtol=0.05, atol=0.0)
    assert bool((directions.gather(1, directions.abs().argmax(1, keepdim=True)) > 0).all())


def test_the_answer_of_a_checkpoint(session: QuerySession, tiny: str) -> None:
    question = DirectionsQuestion(checkpoint=tiny, count=4, samples=300)
    found = session.answer(question)
    directions, sigma, share = (found.arrays[name] for name in ("directions", "sigma", "share"))
    assert directions.shape == (4, 16) and directions.dtype == np.float32
    np.testing.assert_allclose(directions @ directions.T, np.eye(4), atol=1e-5)
    assert (np.diff(sigma) <= 0).all() and 0 < share.sum() <= 1.0 + 1e-6
    np.testing.assert_array_equal(session.answer(question).arrays["directions"], directions)
    calls = []

    def second_call() -> bool:
        calls.append(1)
        return len(calls) > 1

    with pytest.raises(Cancelled):
        session.answer(question, second_call)


def test_a_family_without_latents_says_so(session: QuerySession) -> None:
    with pytest.raises(InputError, match="no latent"):
        session.answer(DirectionsQuestion(checkpoint="analytic:sphere"))
