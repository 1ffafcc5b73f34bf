"""Pictures of the tri-planes: a channel, the RMS over channels, or the first principal components."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from core_model.fields.ablate import triplane_levels
from core_model.queries.registry import ANSWERERS, Answer, SessionView
from core_model.schema.errors import InputError
from core_model.schema.question_planes import PlanesQuestion
from core_model.schema.render import RenderRequest

COMPONENTS = 3
SHOWN_SHARE = 0.01
"""Components are shown from this quantile to its mirror: a few wild texels must not wash out the rest."""


def answer_planes(session: SessionView, question: PlanesQuestion, cancelled: Callable[[], bool]) -> Answer:
    """arrays: `pictures` [3, H, W], or [3, 3, H, W] (plane, component) of PCA; low, high [1] or [3].

    values: channels, levels, and of PCA the explained shares of the variance.
    """
    planes = session.planes_of(
        RenderRequest(checkpoint=question.checkpoint, latent=question.latent, precision=question.precision)
    )
    if planes is None:
        raise InputError(
            what="no tri-planes to show",
            where=question.checkpoint,
            expected="a family with tri-planes",
            got="a closed form",
        )
    count = triplane_levels(planes)
    if question.level >= count:
        raise InputError(
            what="no such level of planes",
            where=question.checkpoint,
            expected=f"0 to {count - 1}",
            got=str(question.level),
        )
    level = planes.levels[question.level][0].float()
    channels = level.shape[1]
    if question.mode == "channel" and question.channel >= channels:
        raise InputError(
            what="no such channel",
            where=question.checkpoint,
            expected=f"0 to {channels - 1}",
            got=str(question.channel),
        )
    values: dict[str, object] = {"channels": channels, "levels": count}
    if question.mode == "pca":
        pictures, shares = principal_components(level)
        values["explained"] = shares
        flat = pictures.permute(1, 0, 2, 3).reshape(pictures.shape[1], -1)
        ordered = flat.sort(dim=1).values
        skip = int(SHOWN_SHARE * (ordered.shape[1] - 1))
        low, high = ordered[:, skip], ordered[:, -1 - skip]
    else:
        pictures = (
            level[:, question.channel] if question.mode == "channel" else level.square().mean(dim=1).sqrt()
        )
        low, high = pictures.amin()[None], pictures.amax()[None]
    arrays = {"pictures": pictures, "low": low, "high": high}
    return Answer(values, {name: _array(t) for name, t in arrays.items()})


def principal_components(level: Tensor) -> tuple[Tensor, tuple[float, ...]]:
    """Projections [3, 3, H, W] of a level [3, C, H, W] on its first principal components.

    Also their shares of the variance. The components are over the texels of all planes, largest variance
    first; the sign makes the largest weight of each component positive, so that equal planes give equal
    colours. Fewer than three channels leave the other components zero.
    """
    p, c, h, w = level.shape
    texels = level.permute(0, 2, 3, 1).reshape(-1, c).double()
    centred = texels - texels.mean(dim=0)
    spread, axes = torch.linalg.eigh(centred.T @ centred / max(1, len(centred) - 1))
    k = min(COMPONENTS, c)
    axes = axes.flip(1)[:, :k]
    spread = spread.flip(0).clamp_min(0.0)
    strongest = axes.abs().argmax(dim=0)
    axes = axes * torch.sign(axes[strongest, torch.arange(k, device=axes.device)])
    out = torch.zeros(p, COMPONENTS, h, w, device=level.device)
    out[:, :k] = (centred @ axes).float().reshape(p, h, w, k).permute(0, 3, 1, 2)
    total = float(spread.sum())
    shares = tuple(float(s) / total if total > 0 else 0.0 for s in spread[:k])
    return out, (*shares, *(0.0,) * (COMPONENTS - k))


def _array(x: Tensor) -> np.ndarray:
    return np.ascontiguousarray(x.float().cpu().numpy())


ANSWERERS.add("PlanesQuestion", answer_planes)
