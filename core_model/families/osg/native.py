"""The exact picture of EG3D and Mimic3D: their rays, two-pass renderer and super-resolution at the stored sizes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from core_model.families.osg.guided_march import render_guided, render_likened
from core_model.families.osg.model import VolumetricModel
from core_model.families.osg.twopass import Marched, TwoPassRule, ray_limits, render_two_pass
from core_model.fields.osg import OsgField
from core_model.fields.triplane import Planes
from core_model.rendering.composite import OPACITY_FLOOR, field_normals
from core_model.rendering.empty import outside_only
from core_model.rendering.evaluate import Scene
from core_model.sampling.occupancy import Guide
from core_model.schema.camera import label25
from core_model.schema.errors import InputError
from core_model.schema.render import RenderRequest


def label_rays(
    labels: Tensor, size: int, full: int | None = None, corners: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """EG3D's rays of labels [B, 25] for a picture of size² pixels.

    Origins, dirs [B, size², 3], rows first.

    full, corners: the pixels are a window of a full² picture, from row corners[b, 0] and column corners[b, 1]
    on; corners [B, 2] whole numbers.
    """
    pose, k = labels[:, :16].reshape(-1, 4, 4), labels[:, 16:].reshape(-1, 3, 3)
    at = torch.arange(size, device=labels.device, dtype=torch.float32) + 0.5
    v, u = (g.reshape(1, -1) for g in torch.meshgrid(at, at, indexing="ij"))
    if corners is not None:
        v, u = v + corners[:, :1], u + corners[:, 1:]
    v, u = v / (full or size), u / (full or size)
    entry = lambda i, j: k[:, i, j, None]
    y = (v - entry(1, 2)) / entry(1, 1)
    x = (u - entry(0, 2) - entry(0, 1) * y) / entry(0, 0)
    cam = torch.stack([x, y, torch.ones_like(x)], dim=-1)
    dirs = torch.nn.functional.normalize(cam @ pose[:, :3, :3].transpose(1, 2), dim=-1)
    return pose[:, None, :3, 3].expand_as(dirs), dirs


def render(
    model: VolumetricModel,
    request: RenderRequest,
    ws: Tensor | None,
    planes: Planes | None,
    guide: Guide | None = None,
) -> dict[str, np.ndarray]:
    """The program's own picture: `rgb` = (image + 1)/2 before any clamp, and `raw_rgb` where it has a super-resolution.

    Maps (depth, opacity, samples …) have the stored neural resolution, which is that of the rays. Where the model has a
    depth guide, all plane levels are rendered within that reach of the depth of the first level's render.

    guide: one pass where its grid says that light is lost, instead of two; `samples` counts the evaluations.
    """
    assert ws is not None and planes is not None
    check_size(request, model.sizes.image_size)
    size = model.volumetric.neural_size
    if request.camera.orthographic:
        raise InputError(
            what="no native picture of an orthographic camera",
            where="camera",
            expected="a perspective camera",
        )
    field = OsgField(planes, model.module.decoder, fast=False)
    origins, dirs = label_rays(torch.from_numpy(label25(request.camera)).to(ws.device)[None], size)
    wanted = set(request.channels)
    rule, limits = model.volumetric.rule(), None
    if model.depth_guide > 0:
        first = OsgField(Planes(planes.levels[:1], planes.conventions), model.module.decoder, fast=False)
        limits = depth_limits(first, origins, dirs, rule, model.depth_guide)
    counts = torch.full((size, size), float(rule.coarse + rule.fine))
    if guide is not None:
        assert isinstance(guide.field, OsgField)
        spp = request.sampler.spp
        if spp is None:
            marched, evaluated = render_likened(guide.field, origins, dirs, rule, guide.grid, limits)
        else:
            marched, evaluated = render_guided(
                guide.field, origins, dirs, rule, guide.grid, max(2, round(spp)), limits
            )
        counts = evaluated.reshape(size, size)
    else:
        marched = render_two_pass(field.query, origins, dirs, rule, near_far=limits, keep=False)
    # the exact picture (without a guide) always has single precision
    rough = guide is not None and request.precision == "bf16"
    image, raw = finish(model, marched, ws, size, torch.bfloat16 if rough else None)
    out = {"rgb": (image[0] + 1.0) * 0.5}
    if raw is not None:
        out["raw_rgb"] = (raw[0] + 1.0) * 0.5
        if "raw" in wanted:
            out["raw"] = out["raw_rgb"]
    grid = lambda x: x.reshape(size, size)
    out["depth"], out["opacity"] = grid(marched.depth), grid(marched.weight_sum)
    out["samples"] = counts
    seen = grid(marched.weight_sum) > OPACITY_FLOOR
    position = origins[0] + dirs[0] * marched.depth[0, :, None]
    if "position" in wanted:
        out["position"] = torch.where(seen, position.T.reshape(3, size, size), torch.nan)
    if "normal" in wanted:
        out["normal"] = torch.where(seen, _normals(field, position).T.reshape(3, size, size), torch.nan)
    return {name: value.float().cpu().numpy() for name, value in out.items()}


def depth_limits(
    field: OsgField, origins: Tensor, dirs: Tensor, rule: TwoPassRule, reach: float
) -> tuple[Tensor, Tensor]:
    """near, far [B, R] about the depth of a first render, within its own bounds."""
    near, far = ray_limits(origins, dirs, rule)
    depth = render_two_pass(field.query, origins, dirs, rule, keep=False).depth
    return torch.maximum(depth - reach, near), torch.minimum(depth + reach, far)


def finish(
    model: VolumetricModel, marched: Marched, ws: Tensor, size: int, dtype: torch.dtype | None = None
) -> tuple[Tensor, Tensor | None]:
    """(final picture, `image_raw` as the original returns it) [B, 3, ., .]; the second is None without super-resolution.

    dtype: of the super-resolution's feature maps; None = single precision.
    """
    b = marched.features.shape[0]
    features = marched.features.transpose(1, 2).reshape(b, -1, size, size)
    if not model.module.cfg.uses_superres:
        return features[:, :3], None
    return lifted(model, features, ws, dtype)


def lifted(
    model: VolumetricModel,
    features: Tensor,
    ws: Tensor,
    dtype: torch.dtype | None = None,
    pause: Callable[[], None] | None = None,
) -> tuple[Tensor, Tensor]:
    """features [B, C, n, n] in [-1, 1] → super-resolved picture, and the original's `image_raw`.

    pause: called between blocks.
    """
    assert model.superres is not None and model.module.superres is not None
    # the original's `random` noise cannot be repeated: the constant one stands for it
    noise = "const" if model.superres.noise == "random" else model.superres.noise
    return model.module.superres(features[:, :3], features, ws[:, -1], noise, dtype=dtype, pause=pause)


def check_size(request: RenderRequest, size: int) -> None:
    """The native picture exists in one size only; raises InputError for another."""
    if (request.width, request.height) != (size, size):
        raise InputError(
            what="no native picture of this size",
            where="size",
            expected=f"{size} x {size} pixels",
            got=f"{request.width} x {request.height}",
        )


def _normals(field: OsgField, points: Tensor) -> Tensor:
    """-∇density at points [N, 3], unit, world frame."""
    frontal = torch.tensor([0.0, 0.0, -1.0], device=points.device)
    scene = Scene(field, outside_only(1.0, points.device), None, frontal)
    return torch.cat([field_normals(scene, part[None])[0] for part in points.split(65536)])
