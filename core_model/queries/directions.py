"""Principal directions of w (GANSpace, Härkönen et al. 2020): PCA of many mapped w."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import cast

import numpy as np
import torch
from torch import Tensor

from core_model.families.latents import Mapped, map_batch
from core_model.queries.registry import ANSWERERS, Answer, SessionView
from core_model.schema.errors import Cancelled, InputError
from core_model.schema.latent import LatentSpec
from core_model.schema.question import DirectionsQuestion

PIECE = 256
"""z that are mapped at once: a few milliseconds, so that a picture never waits for the whole."""


def answer_directions(
    session: SessionView, question: DirectionsQuestion, cancelled: Callable[[], bool]
) -> Answer:
    """arrays: directions [K, D] unit vectors, sigma [K], share [K] of the variance; values: samples."""
    model = session.model_of(question.checkpoint)
    if not model.sizes.z_dim:
        raise InputError(
            what="this family has no latent",
            where=question.checkpoint,
            expected="a generator with a mapping network",
        )
    w = mapped_samples(session, cast(Mapped, model), model.sizes.z_dim, question, cancelled)
    session.tell("principal components", 1.0)
    directions, sigma, share = principal(w, question.count)
    arrays = {"directions": directions, "sigma": sigma, "share": share}
    return Answer(
        {"samples": question.samples}, {name: value.float().cpu().numpy() for name, value in arrays.items()}
    )


@dataclass
class _Mapping:
    """State of an interrupted question: the random stream of z, and the w mapped so far."""

    rng: np.random.RandomState
    parts: list[Tensor] = field(default_factory=list)
    done: int = 0


def mapped_samples(
    session: SessionView,
    model: Mapped,
    z_dim: int,
    question: DirectionsQuestion,
    cancelled: Callable[[], bool],
) -> Tensor:
    """w [N, D] of N z from one numpy RandomState.

    Raises Cancelled between two pieces, and goes on with the next one when called again.
    """
    latent = LatentSpec(class_index=question.class_index)
    kept = session.unfinished.parts(question, lambda: _Mapping(np.random.RandomState(question.seed)))
    device = next(model.module.buffers()).device
    while kept.done < question.samples:
        if cancelled():
            raise Cancelled("something more urgent waits")
        session.tell("mapping latents", kept.done / question.samples)
        count = min(PIECE, question.samples - kept.done)
        z = torch.from_numpy(kept.rng.randn(count, z_dim)).float().to(device)
        kept.parts.append(map_batch(model, z, latent))
        kept.done += count
    return torch.cat(kept.parts)


def principal(w: Tensor, count: int) -> tuple[Tensor, Tensor, Tensor]:
    """Principal directions of w [N, D], strongest first.

    Returns unit directions [K, D], standard deviations [K] and shares of the variance [K]. The sign, which
    PCA leaves open, makes the largest component positive.
    """
    centred = (w - w.mean(dim=0)).double()
    variances, vectors = torch.linalg.eigh(centred.T @ centred / max(len(w) - 1, 1))
    variances = variances.clamp(min=0.0)
    order = variances.argsort(descending=True)[: min(count, len(variances))]
    directions = vectors[:, order].T
    largest = directions.gather(1, directions.abs().argmax(dim=1, keepdim=True))
    return (
        directions * largest.sign(),
        variances[order].sqrt(),
        variances[order] / variances.sum().clamp(min=1e-30),
    )


ANSWERERS.add("DirectionsQuestion", answer_directions)
