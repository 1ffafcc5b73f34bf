"""EG3D's and Mimic3D's pictures while their generators learn: two passes and super-resolution, with gradients."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from core_model.families.osg.model import VolumetricGenerator
from core_model.families.osg.native import label_rays
from core_model.families.osg.twopass import render_two_pass
from core_model.fields.osg import OsgField
from core_model.fields.triplane import Planes


@dataclass(frozen=True)
class Uniforms:
    """Random numbers of the two passes, [B, R, samples] each; None = their middles."""

    jitter: Tensor | None = None
    u: Tensor | None = None


@dataclass(frozen=True)
class Picture:
    """image [B, 3, R, R] and raw [B, 3, r, r], as the program's generator returns both, in [-1, 1]."""

    image: Tensor
    raw: Tensor


def styles(g: VolumetricGenerator, w: Tensor) -> Tensor:
    """w [B, D] for every slot of the backbone [B, L, D]."""
    return w.unsqueeze(1).expand(-1, g.num_ws, -1)


def mapped(g: VolumetricGenerator, z: Tensor, condition: Tensor | None) -> Tensor:
    """w [B, D] of latents and labels [B, L]; without a condition, or by the network's rule, the label is zero."""
    width, rule = g.mapping.c_dim, g.cfg.volumetric
    if not width:
        return g.mapping(z)
    if condition is None or rule.zero_condition:
        return g.mapping(z, z.new_zeros(z.shape[0], width))
    return g.mapping(z, condition * rule.c_scale)


def field_of(g: VolumetricGenerator, planes: Planes) -> OsgField:
    """The density field of planes; the table lookup is the faster one on CPUs."""
    level = planes.levels[0]
    return OsgField(planes, g.decoder, fast=level.device.type == "cpu" and level.dtype == torch.float32)


def feature_picture(
    g: VolumetricGenerator, planes: Planes, origins: Tensor, dirs: Tensor, size: int, uniforms: Uniforms
) -> Tensor:
    """Features [B, C, size, size] in [-1, 1] of size² rays; the fine depths carry no gradient."""
    field = field_of(g, planes)
    marched = render_two_pass(
        field.query, origins, dirs, g.cfg.volumetric.rule(), jitter=uniforms.jitter, u=uniforms.u, keep=False
    )
    return marched.features.transpose(1, 2).reshape(dirs.shape[0], -1, size, size)


def picture(
    g: VolumetricGenerator,
    planes: Planes,
    ws: Tensor,
    label: Tensor,
    size: int,
    *,
    uniforms: Uniforms = Uniforms(),
    rng: torch.Generator | None = None,
    dtype: torch.dtype | None = None,
) -> Picture:
    """The picture of cameras label [B, 25], marched at size² rays.

    rng: of the super-resolution's noise, where it has any. dtype: of its feature maps.
    """
    origins, dirs = label_rays(label, size)
    features = feature_picture(g, planes, origins, dirs, size, uniforms)
    raw = features[:, :3]
    if g.superres is None or g.cfg.superres is None:
        return Picture(raw, raw)
    image, left = g.superres(raw, features, ws[:, -1], g.cfg.superres.noise, rng, dtype=dtype)
    return Picture(image, left)


def raw_density(g: VolumetricGenerator, planes: Planes, points: Tensor) -> Tensor:
    """points [B, N, 3] → raw density [B, N]."""
    return field_of(g, planes).query(points)[0]
