"""The full-quality picture after the mouse rests: 256² at a new camera, planes cached; time by stage."""

from __future__ import annotations

import statistics
import sys
from typing import Any

from benchmarks.pictures import open_session, picture, profile, request_for
from benchmarks.running import Findings, Settings, run_script, spread
from core_model.report.measure import decibel, squared_error
from core_model.schema.bench import measure
from core_model.schema.checkpoint import CheckpointInfo
from core_model.schema.render import RenderResult, Tier
from core_model.schema.sampler import SamplerSpec
from core_model.session import RenderSession

AIM_MS = 1000.0
YAWS = (-0.5, -0.2, 0.1, 0.4, 0.65)


def body(settings: Settings) -> Findings:
    """Fast path, the same with empty space evaluated, two-pass importance, and a new head."""
    edge, yaws = (48, YAWS[:2]) if settings.quick else (256, YAWS)
    session, info = open_session(settings)
    picture(session, request_for(info, edge))  # fills planes and empty space

    def series(shift: float, count: int, **changes: Any) -> list[RenderResult]:
        views = [request_for(info, edge, yaw=y + shift, tier=Tier.FULL, **changes) for y in yaws[:count]]
        return [picture(session, view).result for view in views]

    rest = series(0.0, len(yaws))
    plain = series(0.01, 3, skip_empty=False)
    importance = series(0.02, 2, sampler=SamplerSpec(name="importance"))
    bf16 = series(0.03, 4, precision="bf16")[1:]  # the first makes planes of another precision
    likeness = bf16_psnr(session, info, edge)
    heads = [picture(session, request_for(info, edge, seed=s + 1)).result for s in range(2)]
    value = statistics.median(r.total_ms for r in rest)
    return Findings(
        (
            measure(
                "full_ms",
                f"full quality after rest, {edge}²",
                "ms",
                value,
                aim=AIM_MS,
                plain=statistics.median(r.total_ms for r in plain),
                plain_path="the same with empty space evaluated",
                note=f"{rest[0].samples_per_pixel:.3g} samples per pixel, probe {rest[0].probe_per_pixel:.3g}",
            ),
            measure(
                "full_bf16_ms",
                f"the same with the field in bf16, {edge}²",
                "ms",
                statistics.median(r.total_ms for r in bf16),
                plain=value,
                plain_path="fp32",
                note=f"PSNR {likeness:.1f} dB to the fp32 picture",
            ),
            measure(
                "full_importance_ms",
                f"two-pass importance, 48 + 48, {edge}²",
                "ms",
                statistics.median(r.total_ms for r in importance),
            ),
            measure(
                "new_head_ms",
                f"a new head at full quality, {edge}²",
                "ms",
                statistics.median(r.total_ms for r in heads),
                note="nothing cached but the network",
            ),
        ),
        {
            "stages_ms": profile(rest),
            "stages_plain_ms": profile(plain),
            "stages_importance_ms": profile(importance),
            "stages_bf16_ms": profile(bf16),
            "stages_new_head_ms": profile(heads),
            "total_ms": spread([r.total_ms for r in rest]),
        },
    )


def bf16_psnr(session: RenderSession, info: CheckpointInfo, edge: int) -> float:
    """PSNR [dB] of the picture with the field in bf16 against fp32, samplers and all."""
    view = request_for(info, edge, yaw=0.1)
    exact = picture(session, view).arrays["rgb"]
    other = picture(session, view.replace(precision="bf16")).arrays["rgb"]
    return decibel(float(squared_error(other, exact).mean()))


if __name__ == "__main__":
    sys.exit(run_script("full_quality", "Full quality after rest", body))
