"""Baked volumes: how long they take, what they occupy, and how near their picture is to the exact one.

The checkpoint (default: the demo), and a full-size EG3D network with random weights and a head-like density. Planes are
cached, as they are after the first picture of a head. Plain path: every corner of the cube evaluated. The picture of the
volume is the slow exact drawing of it (`core_model.rendering.baked_picture`), so that what is measured is the volume.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.head_like import write_head_like
from benchmarks.pictures import picture, request_for
from benchmarks.running import Findings, Settings, run_script, say
from core_model.rendering.baked_picture import draw_baked
from core_model.report.measure import decibel, squared_error
from core_model.schema.baked import BakedArrays, BakedSpec
from core_model.schema.bench import Measure, measure
from core_model.schema.export import best_sampler
from core_model.schema.question_bake import BakeQuestion
from core_model.schema.render import RenderRequest, Tier
from core_model.schema.sampler import SamplerSpec
from core_model.session import RenderSession

LEVELS = (128, 256)
AIMS_S = {128: 0.3, 256: 1.5}
PSNR_AIM = 30.0
VIEWS = ((0.0, 0.0), (0.7, 0.0), (1.57, 0.0), (2.4, 0.0), (3.14, 0.0), (-0.7, 0.0), (-1.57, 0.0), (0.4, 0.5))
"""Yaw and pitch, rad."""
DENSE_POINTS = 1 << 18
"""Points by which the plain path's rate is measured."""
SOLID = 0.99


def body(settings: Settings) -> Findings:
    """Both networks, the checkpoint first."""
    with tempfile.TemporaryDirectory() as folder:
        demo = _baked(settings, settings.checkpoint, "", judged=True)
        eg3d = _baked(
            settings, write_head_like(Path(folder) / "head_like.safetensors"), "eg3d_", judged=False
        )
    return Findings((*demo[0], *eg3d[0]), {"checkpoint": demo[1], "eg3d": eg3d[1]})


def _baked(
    settings: Settings, path: str, prefix: str, *, judged: bool
) -> tuple[list[Measure], dict[str, Any]]:
    levels, repeats = (LEVELS[:1], 1) if settings.quick else (LEVELS, 3)
    edge, views = (32, VIEWS[:1]) if settings.quick else (256, VIEWS if judged else VIEWS[:2])
    session = RenderSession(device=settings.device, threads=settings.threads)
    info = session.open(path)
    channel = "raw" if info.neural_size else "rgb"
    request = request_for(
        info, edge, channels=(channel, "opacity", "depth"), sampler=SamplerSpec(name=best_sampler(info))
    )
    subject = "a full-size EG3D network, random weights, head-like density" if prefix else "the demo"
    with torch.no_grad():
        field = session.field_of(request)
        dense_rate = _dense_rate(session, request, info.header.conventions.box)
    times: dict[int, list[float]] = {level: [] for level in levels}
    volumes: dict[int, tuple[BakedSpec, BakedArrays]] = {}
    for _ in range(repeats):
        session.forget_baked()
        for level in levels:
            begun = time.perf_counter()
            made = session.bake(BakeQuestion(checkpoint=path, latent=request.latent, level=level))
            times[level].append(time.perf_counter() - begun)
            volumes[level] = made.spec, made.arrays
    exact = [picture(session, request.replace(camera=_turned(request, *view))) for view in views]
    moving = _moving_ms(session, request, channel)
    full = statistics.median(frame.result.total_ms for frame in exact)
    measures, details = [], dict[str, Any](points_per_s=round(dense_rate), is_sdf=field.is_sdf)
    for level in levels:
        spec, arrays = volumes[level]
        seconds = statistics.median(times[level])
        bricks = int((arrays.index[..., 3] > 0).sum())
        found = [
            _likeness(spec, arrays, request, frame.arrays, channel, view)
            for frame, view in zip(exact, views, strict=True)
        ]
        worst, missing = min(f[0] for f in found), sum(f[1] for f in found)
        runs = ", ".join(f"{t:.2f}" for t in times[level])
        note = f"{bricks} bricks, {arrays.nbytes / 1e6:.1f} MB, {settings.threads} threads, runs {runs} s"
        measures.append(
            measure(
                f"{prefix}bake_{level}", f"bake {level}³ of {subject}" + (" after 128³" if level > 128 else ""), "s", seconds,
                aim=AIMS_S[level] if judged else None, plain=(level + 1) ** 3 / dense_rate,
                plain_path=f"all {level + 1}³ corners, at the rate of {DENSE_POINTS} points", note=note,
            )
        )  # fmt: skip
        beside = f"exact {edge}² picture {full:.0f} ms, moving 96² with 4 samples {moving:.0f} ms"
        measures.append(
            measure(
                f"{prefix}bake_{level}_psnr", f"picture of that volume against the exact one, worst of {len(views)} views, {edge}²",
                "dB", worst,
                better="higher", aim=PSNR_AIM if judged else None,
                note=f"{missing} pixels missing inside the head; {beside}",
            )
        )  # fmt: skip
        details[str(level)] = {
            "seconds": times[level],
            "bricks": bricks,
            "bytes": arrays.nbytes,
            "psnr": [f[0] for f in found],
            "missing": missing,
        }
        say(
            f"  {subject} {level}³: {seconds:.2f} s, {arrays.nbytes / 1e6:.1f} MB, worst {worst:.1f} dB, {missing} missing"
        )
    return measures, details


def _turned(request: RenderRequest, yaw: float, pitch: float) -> Any:
    return request.camera.replace(yaw=yaw, pitch=pitch)


def _dense_rate(session: RenderSession, request: RenderRequest, box: float) -> float:
    """Points per second of geometry and colour at random points of the box."""
    field = session.field_of(request)
    points = (torch.rand(1, DENSE_POINTS, 3, generator=torch.Generator().manual_seed(0)) - 0.5) * (2.0 * box)
    frontal = torch.tensor([0.0, 0.0, -1.0])
    best = 0.0
    for _ in range(2):
        begun = time.perf_counter()
        for part in points.to(session.torch_device).split(1 << 15, dim=1):
            field.colour(field.geometry(part), part, frontal.to(part).expand_as(part))
        best = max(best, DENSE_POINTS / (time.perf_counter() - begun))
    return best


def _moving_ms(session: RenderSession, request: RenderRequest, channel: str) -> float:
    """Median of a few moving pictures by the exact path, each of a new camera."""
    sampler = SamplerSpec(name=request.sampler.name, spp=4.0)
    taken = []
    for step in range(5):
        small = request.replace(
            width=96, height=96, tier=Tier.MOVING, sampler=sampler, channels=(channel,), camera=_turned(request, 0.1 + 0.05 * step, 0.0),
        )  # fmt: skip
        taken.append(picture(session, small).result.total_ms)
    return statistics.median(taken[1:])


def _likeness(
    spec: BakedSpec, arrays: BakedArrays, request: RenderRequest, exact: dict[str, np.ndarray], channel: str, view: tuple[float, float]
) -> tuple[float, int]:  # fmt: skip
    """(PSNR [dB], pixels that are missing at least two pixels inside the outline)."""
    drawn = draw_baked(spec, arrays, _turned(request, *view), request.width, request.height)
    solid = torch.from_numpy(exact["opacity"] > SOLID)
    inside = -torch.nn.functional.max_pool2d(-solid.float()[None], 5, stride=1, padding=2)[0] > 0
    missing = int((inside & (drawn.opacity < 0.5)).sum())
    return decibel(float(squared_error(drawn.rgb.numpy(), exact[channel]).mean())), missing


if __name__ == "__main__":
    sys.exit(run_script("baking", "Baked volumes: time, memory, likeness", body))
