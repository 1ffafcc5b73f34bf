"""EpiGRAF's patches while its generator learns: density noise, jittered background, gradients."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from core_model.families.epigraf.decoder import EpigrafField
from core_model.families.epigraf.generator import EpigrafGenerator
from core_model.families.epigraf.native import foreground, plane_colours, sphere_colours
from core_model.fields.triplane import Planes
from core_model.geometry.patches import Windows, crop, window_rays
from core_model.ops.draw_source import DrawSource


@dataclass(frozen=True)
class RayDraws:
    """Random numbers of the rays; None = the middles of their cells.

    jitter, u [B, R, steps] of the two passes; behind [B, R, background steps].
    """

    jitter: Tensor | None = None
    u: Tensor | None = None
    behind: Tensor | None = None


def styles(g: EpigrafGenerator, w: Tensor) -> Tensor:
    """w [B, D] for every slot [B, L, D]."""
    return w.unsqueeze(1).expand(-1, g.num_ws, -1)


def density_noise(
    g: EpigrafGenerator, std: float, batch: int, rays: int, draws: DrawSource
) -> tuple[Tensor, Tensor] | None:
    """std·N for the coarse samples [B, R, n], then for all of them [B, R, 2n]; None where std is 0."""
    if not std:
        return None
    n = g.cfg.steps
    first = draws.normal(batch, rays, n, 1)[..., 0] * std
    return first, draws.normal(batch, rays, 2 * n, 1)[..., 0] * std


def patches(
    g: EpigrafGenerator,
    planes: Planes,
    ws: Tensor,
    angles: Tensor,
    windows: Windows,
    size: int,
    *,
    image_size: int,
    noise: tuple[Tensor, Tensor] | None = None,
    rays: RayDraws = RayDraws(),
) -> Tensor:
    """Windows [B, 3, size, size] of pictures seen from cameras `angles` [B, 3], with their background.

    image_size: edge of the picture that a plane background is stretched to before it is cropped.
    """
    cfg = g.cfg
    origins, dirs = window_rays(angles, windows, size, cfg.fov, cfg.radius)
    level = planes.levels[0]
    fast = level.device.type == "cpu" and level.dtype == torch.float32
    field = EpigrafField(planes, g.decoder, fast=fast)
    front = foreground(field, origins, dirs, jitter=rays.jitter, u=rays.u, noise=noise)
    colours = front.colour
    if cfg.background == "plane":
        picture = plane_colours(planes, image_size).transpose(1, 2).unflatten(2, (image_size, image_size))
        behind = crop(picture, windows, size).flatten(2).transpose(1, 2)
        colours = colours + behind * front.passed[..., None]
    elif cfg.background == "sphere":
        assert g.background is not None
        middle = torch.full((*dirs.shape[:2], cfg.sphere.steps), 0.5, device=dirs.device)
        behind = sphere_colours(
            g.background,
            origins,
            dirs,
            ws[:, cfg.plane_ws :],
            cfg.activation,
            jitter=middle if rays.behind is None else rays.behind,
            white_back=cfg.white_back,
        )
        colours = colours + behind * front.passed[..., None]
    return colours.transpose(1, 2).unflatten(2, (size, size))
