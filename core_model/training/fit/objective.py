"""Losses of `triscope fit`: planes against views; signed distance, colour and beta at points; colour and opacity along rays."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from core_model.families.wysiwyg.decoder import WysiwygField
from core_model.fields.base import FieldSample
from core_model.fields.density import volsdf_density
from core_model.losses.terms import LossTerm
from core_model.ops.stepfun import alpha_weights, expected
from core_model.schema.conventions import HEADS_BACKGROUND
from core_model.schema.fit import FitConfig
from core_model.training.fit.views import CHANNELS

FRONTAL = (0.0, 0.0, -1.0)  # the constant viewing direction of the paper's figures


SQUARE = 4.0
"""Of the squared error of a view beside the absolute one: large errors are eyes and brows that are not there yet."""


def _parts(channels: int) -> list[int]:
    """Of the channels of three planes, one after the other: not a view's, the view of the first plane, not a view's, …"""
    own = [k * channels + k * CHANNELS for k in range(3)]
    edges = [0, *(edge for first in own for edge in (first, first + CHANNELS)), 3 * channels]
    return [b - a for a, b in zip(edges[:-1], edges[1:], strict=True)]


def view_losses(
    planes: Tensor, taught: Sequence[tuple[Tensor, Tensor]], weight: float
) -> tuple[LossTerm, ...]:
    """How far planes [B, 3, C, R, R] are from what B heads teach in the channels that hold views, and from 1 in all others."""
    target, share = (torch.stack(x) for x in zip(*taught, strict=True))
    error = idle = planes.new_zeros(())
    # one split: the gradient of every slice by itself would be as large as all planes
    parts = planes.flatten(1, 2).split(_parts(planes.shape[2]), dim=1)
    for k in range(3):
        off = parts[2 * k + 1] - 1.0 - target[:, k]
        error = error + ((off.abs() + SQUARE * off.square()) * share[:, k]).mean() / 3
    for part in parts[::2]:
        idle = idle + (part - 1.0).abs().sum() / (planes[:, :, CHANNELS:].numel())
    return LossTerm("views", error, weight), LossTerm("idle", idle, 0.3 * weight)


def point_losses(
    field: WysiwygField,
    heads: Sequence[dict[str, Tensor]],
    count: int,
    cfg: FitConfig,
    rngs: Sequence[torch.Generator],
) -> tuple[LossTerm, ...]:
    """Losses at `count` random points of each of B heads, two fifths of them on the surface, with colours.

    Every head draws from its own of the B `rngs`.
    """
    n = 2 * count // 5
    points, target, colours = [], [], []
    for head, rng in zip(heads, rngs, strict=True):
        on = torch.randint(len(head["surface"]), (n,), generator=rng)
        off = torch.randint(len(head["points"]), (count - n,), generator=rng)
        points.append(torch.cat([head["surface"][on], head["points"][off]]))
        target.append(torch.cat([torch.zeros(n), head["sdf"][off]]))
        colours.append(head["colours"][on].float() / 255.0)
    x, known = torch.stack(points), torch.stack(target)
    sample = field.geometry(x)
    assert sample.sdf is not None and sample.beta is not None and sample.features is not None
    # relative error far away, absolute error near the surface: a millimetre counts where it decides the picture
    sdf = ((sample.sdf - known).abs() / (known.abs() + cfg.sdf_softness)).mean()
    surface = FieldSample(density=sample.density[:, :n], features=sample.features[:, :n])
    colour = field.colour(surface, x[:, :n], x.new_tensor(FRONTAL).expand(len(heads), n, 3))
    colour_loss = (colour - torch.stack(colours)).abs().mean()
    # everywhere, not only near the surface: a wide beta in free space is a haze around the silhouette
    beta = torch.log(sample.beta / cfg.beta_target).square().mean()
    return (
        LossTerm("sdf", sdf, cfg.sdf_weight),
        LossTerm("colour", colour_loss, cfg.colour_weight),
        LossTerm("beta", beta, cfg.beta_weight),
    )


def ray_losses(
    field: WysiwygField, head: dict[str, Tensor], index: Tensor, cfg: FitConfig, rng: torch.Generator
) -> tuple[LossTerm, ...]:
    """Losses along the rays `index` [R] of one head.

    The true depth is known, so samples go where they matter: across the surface, and some before it against floating matter.
    """
    origins, dirs, hit, t_known = (head[k][index] for k in ("origins", "dirs", "hit", "t"))
    t = _ray_samples(origins, t_known, cfg.scene_radius, rng)
    points = origins[:, None] + dirs[:, None] * t[..., None]
    inside = points.abs().amax(dim=-1) <= field.planes.conventions.box
    flat = points.reshape(1, -1, 3)
    sample = field.geometry(flat)
    assert sample.sdf is not None
    colour = field.colour(sample, flat, flat.new_tensor(FRONTAL).expand_as(flat)).reshape(*t.shape, 3)
    # the width of the target, not the network's own: 13 random samples would draw that wide, to hide what falls between them
    sharp = volsdf_density(sample.sdf, sample.sdf.new_tensor(cfg.beta_target)).reshape(t.shape)
    density = torch.where(inside, sharp, 0.0)
    delta = torch.diff(t, dim=-1, append=t[:, -1:] + 0.01)
    weights, _ = alpha_weights(density, delta)
    opacity = weights.sum(dim=-1)
    rgb = expected(weights, colour) + (1.0 - opacity)[:, None] * t.new_tensor(HEADS_BACKGROUND)
    seen = torch.where(hit[:, None], head["rgb"][index].float() / 255.0, t.new_tensor(HEADS_BACKGROUND))
    error = rgb - seen
    return (
        LossTerm("rgb", error.abs().mean(), cfg.rgb_weight),
        LossTerm("opacity", (opacity - hit.float()).abs().mean(), 0.25 * cfg.rgb_weight),
        LossTerm("square", error.square().mean(), cfg.square_weight),
    )


def _ray_samples(origins: Tensor, t_known: Tensor, radius: float, rng: torch.Generator) -> Tensor:
    """Sorted positions [R, 13]: 8 across the surface or edge at t_known and 5 before it; 13 over the whole span where that is beyond."""
    r = len(t_known)
    centre = origins.norm(dim=-1)
    near, far = centre - radius, centre + radius
    u = (torch.arange(13) + torch.rand(r, 13, generator=rng)) / 13
    spread = near[:, None] + u * (far - near)[:, None]
    known = t_known < far
    t = torch.where(known, t_known, far)
    before = near[:, None] + u[:, :5] * 13 / 5 * (t - 0.02 - near)[:, None]
    across = t[:, None] + 0.03 * (((torch.arange(8) + torch.rand(r, 8, generator=rng)) / 8) - 0.5)
    placed = torch.cat([before, across], dim=-1)
    return torch.where(known[:, None], placed, spread).sort(dim=-1).values
