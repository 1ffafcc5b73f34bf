"""P and P̂ of a whole picture as volumes: the distribution of light over the bins of each ray (Fig. 3 of What
You See is What You GAN).

All rays of a picture share their bins, so a bin is a sheet of points at one distance from the camera. A
volume can be cut along its depth, or drawn as the nearest sheet on which each ray has a certain share of its
light.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from core_model.geometry.rays import camera_rays, ray_bounds
from core_model.queries.registry import ANSWERERS, Answer, SessionView
from core_model.schema.errors import Cancelled
from core_model.schema.question_volume import RayVolumeQuestion
from core_model.session.stages import StageRun

Stop = Callable[[], None]
"""Raises Cancelled when something more urgent waits."""
LEVELS = 6
ROWS = 32  # rows of a volume between two looks at `stop`


@dataclass(frozen=True)
class RayVolumes:
    """image [3, h, w] in [0, 1] of the probe; probe [K, h, w]: P, sum ≤ 1.

    proposal [K, H, W]: P̂, sum 1, or None without a network.

    near, far: ends of the K equal bins, world units along the rays.
    """

    image: Tensor
    probe: Tensor
    proposal: Tensor | None
    near: float
    far: float

    @property
    def bins(self) -> int:
        return self.probe.shape[0]

    @property
    def levels(self) -> tuple[float, ...]:
        """Evenly spaced levels, in hundredths.

        The highest lies below the mass that one in ten of the rays that meet something has in its fullest
        bin. The prediction's bins count where there is one, as it is flatter than the probe.
        """
        seen = self.probe.sum(dim=0) > 0.5
        best = self.probe if self.proposal is None else self.proposal
        if best.shape[1:] != seen.shape:
            seen = torch.nn.functional.interpolate(seen[None, None].float(), size=best.shape[1:])[0, 0] > 0.5
        top = best.amax(dim=0)[seen].float().cpu().numpy()
        step = (
            max(0.01, math.floor(100.0 * float(np.quantile(top, 0.9)) / (LEVELS + 0.5)) / 100.0)
            if top.size
            else 0.02
        )
        return tuple(round(step * k, 2) for k in range(1, LEVELS + 1))

    @property
    def span(self) -> tuple[float, float]:
        """Distances between which P has all but 1 % of its light.

        Near and far where the probe met nothing.
        """
        mass = self.probe.sum(dim=(1, 2)).double().cumsum(0)
        if float(mass[-1]) <= 1e-6:
            return self.near, self.far
        share = mass / mass[-1]
        first, last = int((share < 0.005).sum()), int((share < 0.995).sum()) + 1
        width = (self.far - self.near) / self.bins
        return self.near + first * width, self.near + last * width


def ray_volumes(run: StageRun, stop: Stop) -> RayVolumes:
    """The distributions P and P̂ of the request's picture.

    Probe and prediction are those that the picture itself uses, and are kept with them.
    """
    conv = run.opened.info.header.conventions
    field = run.field(run.w())
    stop()
    space = run.space(field)
    probe = run.probe(field, space, stop)
    stop()
    proposal = run.proposals(field, space).p[0] if run.opened.info.has_proposal else None
    stop()
    rays = ray_bounds(
        *camera_rays(run.request.camera, 2, 2, run.device), conv, parallel=run.request.camera.orthographic
    )
    return RayVolumes(probe.image[0], probe.weights[0], proposal, float(rays.near[0]), float(rays.far[0]))


def slab(volume: Tensor, near: float, far: float, start: float, end: float) -> Tensor:
    """Share of each ray's light between two distances, bins cut in proportion: volume [K, H, W] → [H, W]."""
    bins = volume.shape[0]
    a, b = ((t - near) / (far - near) * bins for t in (start, end))
    first, last = max(0, int(a)), min(bins, int(-(-b // 1)))
    if first >= last:
        return torch.zeros(volume.shape[1:], device=volume.device)
    k = torch.arange(first, last, device=volume.device, dtype=volume.dtype)
    part = ((k + 1).clamp_max(b) - k.clamp_min(a)).clamp_min(0.0)
    return torch.einsum("k,khw->hw", part, volume[first:last])


def level_set(volume: Tensor, near: float, far: float, level: float, stop: Stop) -> Tensor:
    """Distance of the middle of the nearest bin that holds `level` of its ray's light.

    volume [K, H, W] → [H, W], NaN where none does.
    """
    width = (far - near) / volume.shape[0]
    parts = []
    for rows in volume.split(ROWS, dim=1):
        stop()
        there = rows >= level
        first = there.to(torch.uint8).argmax(dim=0)
        parts.append(torch.where(there.any(dim=0), near + (first + 0.5) * width, torch.nan))
    return torch.cat(parts)


def answer_volume(session: SessionView, question: RayVolumeQuestion, cancelled: Callable[[], bool]) -> Answer:
    """arrays: `image` [3, h, w], and probe and proposal [h, w]; values: ends of both.

    Probe and proposal are one slice (mass) or level set (distance).
    """

    def stop() -> None:
        if cancelled():
            raise Cancelled("something more urgent waits")

    found = ray_volumes(session.run_of(question.request()), stop)
    length = found.far - found.near
    middle, half = found.near + question.depth * length, 0.5 * question.thickness * length
    start, end = max(found.near, middle - half), min(found.far, middle + half)
    arrays = {"image": found.image.clamp(0.0, 1.0)}
    for name, volume in (("probe", found.probe), ("proposal", found.proposal)):
        if volume is not None and question.form == "slice":
            arrays[name] = slab(volume, found.near, found.far, start, end)
        elif volume is not None:
            arrays[name] = level_set(volume, found.near, found.far, question.level, stop)
    values = {"near": found.near, "far": found.far, "start": start, "end": end, "bins": found.bins}
    return Answer(values, {name: _array(a) for name, a in arrays.items()})


def _array(x: Tensor) -> np.ndarray:
    return np.ascontiguousarray(x.float().cpu().numpy())


ANSWERERS.add("RayVolumeQuestion", answer_volume)
