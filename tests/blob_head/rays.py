"""Ray reports of the blob head: the curves that its ellipsoids give, without a network."""

from __future__ import annotations

import numpy as np

from core_model.schema.inspect import BinSeries, RayReport, SampleTicks
from core_model.schema.render import RenderRequest

BINS = 64


def blob_report(request: RenderRequest, x: int, y: int, distance) -> RayReport:
    """The ray through pixel (x, y); distance: [N, 3] → ([N], part)."""
    camera = request.camera
    m, half = camera.world_from_cam(), np.tan(camera.fov / 2)
    cam = np.array(
        [((x + 0.5) / request.width * 2 - 1) * half, ((y + 0.5) / request.height * 2 - 1) * half, 1.0]
    )
    d = m[:3, :3] @ (cam / np.linalg.norm(cam))
    origin, near, far = m[:3, 3], camera.radius - 0.5, camera.radius + 0.5
    t = np.linspace(near, far, 3 * BINS + 1)
    sdf = distance(origin + t[:, None] * d)[0]
    density = 1.0 / (1.0 + np.exp(np.clip(sdf / 0.004, -40, 40))) * 250.0
    alpha = 1.0 - np.exp(-density * (t[1] - t[0]))
    trans = np.cumprod(np.concatenate([[1.0], 1.0 - alpha]))[:-1]
    truth = (trans * alpha)[:-1]
    seen = float(truth.sum()) > 0.05
    falls = np.flatnonzero((sdf[:-1] > 0) & (sdf[1:] <= 0))
    crossing = float(t[falls[0]]) if len(falls) else None
    depth = float((truth * t[:-1]).sum() / truth.sum()) if seen else None
    count = 32 if x % 2 else 16
    spots = np.linspace(near, far, count) if depth is None else np.linspace(depth - 0.02, depth + 0.02, count)
    floats = lambda a: tuple(float(v) for v in a)
    return RayReport(
        checkpoint=request.checkpoint, family="blob", x=x, y=y, width=request.width, height=request.height,
        origin=floats(origin), direction=floats(d), near=near, far=far, hit_box=True, t=floats(t), sdf=floats(sdf),  # type: ignore[arg-type]
        density=floats(density), transmittance=floats(trans), beta=(0.004,) * len(t), colors=((0.8, 0.6, 0.5),) * len(t),
        pdfs=(BinSeries(name="truth", edges=floats(t), values=floats(truth)),),
        ticks=(SampleTicks(name="robust", t=floats(spots)), SampleTicks(name="final", t=floats(spots))),
        hits={"robust": seen or None, "final": seen or None},
        numbers={"expected depth": depth, "first zero crossing": crossing, "samples": float(count), "opacity": float(truth.sum())},
        units={"expected depth": "world units"}, ms=1.0,
    )  # fmt: skip
