"""Images of heads: rays, tracing, colour, supersampling where the image changes.

One ray through each pixel centre gives depth, normal and colour; only pixels in whose neighbourhood colour or
coverage changes are averaged over more rays, which costs a third of supersampling them all.
"""

from __future__ import annotations

import dataclasses

import torch
from torch import Tensor
from torch.nn import functional

from core_model.data.heads.field import surface_normals
from core_model.data.heads.parameters import HeadParams
from core_model.data.heads.shading import head_color
from core_model.data.heads.tracing import CoarseField, trace_heads

BACKGROUND_RGB = (0.86, 0.87, 0.88)
NEAR, FAR = 1.85, 3.6
"""Range of distances that holds the box [-0.5, 0.5]³ for a camera 2.7 from its centre."""

_SIDE_STEP = 2.5
_CONTRAST = 0.07


@dataclasses.dataclass(frozen=True)
class HeadImages:
    """B images of side S: rgb [B, 3, S, S] in [0, 1].

    depth [B, S, S] along unit rays (NaN: nothing hit); normal [B, 3, S, S] (world, unit, 0: nothing hit);
    mask [B, S, S] coverage in [0, 1].
    """

    rgb: Tensor
    depth: Tensor
    normal: Tensor
    mask: Tensor


def pixel_rays(world_from_cam: Tensor, focal: float, size: int) -> tuple[Tensor, Tensor]:
    """Origins and unit directions [B, S·S, 3] (world) through pixel centres (j + ½) / S, row by row."""
    place = (torch.arange(size, device=world_from_cam.device, dtype=world_from_cam.dtype) + 0.5) / size
    v, u = torch.meshgrid(place, place, indexing="ij")
    return _rays(world_from_cam, focal, u.reshape(1, -1), v.reshape(1, -1))


def _rays(world_from_cam: Tensor, focal: float, u: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
    """Origins and unit directions [B, R, 3] through image places u, v [1 or B, R] in (0, 1)."""
    local = torch.stack([(u - 0.5) / focal, (v - 0.5) / focal, torch.ones_like(u)], dim=-1)
    local = local / local.norm(dim=-1, keepdim=True)
    dirs = local @ world_from_cam[:, :3, :3].transpose(1, 2)
    return world_from_cam[:, None, :3, 3].expand_as(dirs), dirs


@torch.no_grad()
def render_heads(
    params: HeadParams, world_from_cam: Tensor, focal: float, size: int, supersample: int = 2
) -> HeadImages:
    """Renders B heads from B OpenCV cameras [B, 4, 4].

    Up to `supersample`² rays per pixel for rgb and mask.
    """
    # Inference mode makes thousands of small operations cheaper; the copies below are ordinary tensors again.
    with torch.inference_mode():
        views = [
            _render_one(params.select(i), world_from_cam[i : i + 1], focal, size, supersample)
            for i in range(params.batch)
        ]
    return HeadImages(
        *(torch.cat([getattr(v, f.name) for v in views]) for f in dataclasses.fields(HeadImages))
    )


def _render_one(
    p: HeadParams, world_from_cam: Tensor, focal: float, size: int, supersample: int
) -> HeadImages:
    origins, dirs = pixel_rays(world_from_cam, focal, size)
    coarse = CoarseField.of(p)
    t, hit, rgb, normal = _shoot(p, coarse, origins, dirs, torch.full_like(dirs[..., 0], NEAR))
    image = rgb.view(size, size, 3).permute(2, 0, 1)
    mask = hit.view(size, size).float()
    if supersample > 1:
        begin = _between(t, hit, focal, size)
        image, mask = _refine_edges(p, coarse, world_from_cam, focal, image, mask, begin, supersample)
    depth = torch.where(hit, t, torch.full_like(t, torch.nan))
    return HeadImages(
        image[None].contiguous(),
        depth.view(1, size, size),
        normal.view(1, size, size, 3).permute(0, 3, 1, 2).contiguous(),
        mask[None],
    )


def _between(t: Tensor, hit: Tensor, focal: float, size: int) -> Tensor:
    """Where rays [1, S·S] between pixel centres may begin, from the hits t [1, S·S] of the pixels around.

    What lies nearer than the 3 × 3 hits around by more than 2.5 pixels would have to be thinner than a pixel
    to be missed by all of them.
    """
    depth = torch.where(hit, t, torch.full_like(t, FAR)).view(1, 1, size, size)
    nearest = -functional.max_pool2d(-depth, 3, 1, 1).view(1, -1)
    begin = nearest - _SIDE_STEP * nearest / (focal * size)
    return torch.where(nearest < FAR, begin, torch.full_like(t, NEAR))


def _shoot(
    p: HeadParams, coarse: CoarseField, origins: Tensor, dirs: Tensor, begin: Tensor
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Distance, hit, colour and normal of rays [1, R] from distance `begin` [1, R] on."""
    start, slope, close = (v[None] for v in coarse.march(origins[0], dirs[0], begin[0], FAR))
    far = torch.where(close, torch.full_like(start, FAR), torch.zeros_like(start))
    t, hit = trace_heads(p, origins, dirs, start, far, slope)
    rgb = origins.new_tensor(BACKGROUND_RGB).expand_as(origins).clone()
    normal = torch.zeros_like(origins)
    if hit.any():
        points = (origins + t[..., None] * dirs)[hit][None]
        facing = surface_normals(p, points)
        normal[hit] = facing[0]
        rgb[hit] = head_color(p, points, facing)[0]
    return t, hit, rgb, normal


def _refine_edges(
    p: HeadParams,
    coarse: CoarseField,
    world_from_cam: Tensor,
    focal: float,
    image: Tensor,
    mask: Tensor,
    begin: Tensor,
    supersample: int,
) -> tuple[Tensor, Tensor]:
    """Averages sub-rays where a pixel of image [3, S, S] or mask [S, S] differs from a neighbour."""
    size = image.shape[-1]
    stack = torch.cat([image, mask[None]])[None]
    spread = functional.max_pool2d(stack, 3, 1, 1) + functional.max_pool2d(-stack, 3, 1, 1)
    chosen = (spread.amax(1).reshape(-1) > _CONTRAST).nonzero()[:, 0]
    if chosen.numel() == 0:
        return image, mask
    sub = (torch.arange(supersample, device=image.device, dtype=image.dtype) + 0.5) / supersample
    sv, su = (g.reshape(1, -1) for g in torch.meshgrid(sub, sub, indexing="ij"))
    u = ((chosen % size)[:, None] + su).reshape(1, -1) / size
    v = ((chosen // size)[:, None] + sv).reshape(1, -1) / size
    origins, dirs = _rays(world_from_cam, focal, u, v)
    each = chosen.repeat_interleave(supersample**2)
    _, hit, rgb, _ = _shoot(p, coarse, origins, dirs, begin[:, each])
    flat_image, flat_mask = image.reshape(3, -1).clone(), mask.reshape(-1).clone()
    flat_image[:, chosen] = rgb.view(-1, supersample**2, 3).mean(1).T
    flat_mask[chosen] = hit.view(-1, supersample**2).float().mean(1)
    return flat_image.view_as(image), flat_mask.view_as(mask)
