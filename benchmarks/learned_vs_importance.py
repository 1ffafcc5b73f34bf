"""Learned sampler (robust, adaptive) against two-pass importance 48 + 48: time, and PSNR to 384 samples."""

from __future__ import annotations

import statistics
import sys

import numpy as np

from benchmarks.pictures import open_session, picture, request_for
from benchmarks.running import Findings, Settings, run_script, say, spread
from core_model.report.measure import FOREGROUND_OPACITY, psnr_of
from core_model.schema.bench import measure
from core_model.schema.checkpoint import CheckpointInfo
from core_model.schema.render import RenderRequest
from core_model.schema.sampler import SamplerSpec
from core_model.session import RenderSession

RATIO_AIM, PSNR_AIM = 4.0, 38.0
VIEWS = ((0, 0.0), (1, -0.45), (2, 0.6))  # (seed, yaw in rad)
REPEATS = 2  # of each view; the verdict is the median of the views
NUDGE = 1e-4  # rad: a new camera for the cache, visibly the same picture
LEARNED = SamplerSpec(name="learned", strategy="robust", adaptive=True)
LEAN = LEARNED.replace(spp=6.6)  # budgets of 6 and 12 instead of the demo's 8 and 16
IMPORTANCE = SamplerSpec(name="importance", spp=96.0)
REFERENCE = SamplerSpec(name="importance", spp=384.0)


def body(settings: Settings) -> Findings:
    """Times are of a new camera with cached planes: the learned sampler pays for probe and network."""
    edge, views, repeats = (48, VIEWS[:1], 1) if settings.quick else (256, VIEWS, REPEATS)
    session, info = open_session(settings)
    rows = []
    for seed, yaw in views:
        rows.append(_view(session, info, edge, seed, yaw, repeats))
        ratio, found = rows[-1]["ratio_skip"], rows[-1]["learned"]["all"]
        say(f"  seed {seed}, yaw {yaw:g}: {ratio:.2f} times, {found:.1f} dB")
    ratios = [r["ratio_skip"] for r in rows]
    full_ratios = [r["ratio_full"] for r in rows]
    psnr = [r["learned"]["all"] for r in rows]
    lean = [r["importance_ms"] / r["lean_ms"] for r in rows]
    other = [r["importance"]["all"] for r in rows]
    seeds = f"seeds and yaws {', '.join(f'{s} at {y:g}' for s, y in views)}"
    return Findings(
        (
            measure(
                "learned_speedup",
                f"learned against importance 48 + 48, {edge}², times faster",
                "×",
                statistics.median(ratios),
                better="higher",
                aim=RATIO_AIM,
                plain=statistics.median(full_ratios),
                plain_path="the same ratio with empty space evaluated by both",
                note=f"median of {len(rows)} views; lowest {min(ratios):.2f}",
            ),
            measure(
                "learned_psnr",
                "PSNR of the learned sampler to the 384-sample reference, worst view",
                "dB",
                min(psnr),
                better="higher",
                aim=PSNR_AIM,
                plain=min(other),
                plain_path="importance 48 + 48, worst view",
                note=seeds,
            ),
            measure(
                "lean_speedup",
                f"the same with 6.6 samples per ray, {edge}², times faster",
                "×",
                statistics.median(lean),
                better="higher",
                aim=RATIO_AIM,
                note=f"lowest {min(lean):.2f}",
            ),
            measure(
                "lean_psnr",
                "PSNR with 6.6 samples per ray, worst view",
                "dB",
                min(r["lean"]["all"] for r in rows),
                better="higher",
                aim=PSNR_AIM,
                plain=min(other),
                plain_path="importance 48 + 48, worst view",
            ),
            measure(
                "learned_psnr_median",
                "the same, median of the views",
                "dB",
                statistics.median(psnr),
                better="higher",
            ),
        ),
        {"views": rows, "learned_ms": spread([r["learned_ms"] for r in rows])},
    )


def _view(
    session: RenderSession, info: CheckpointInfo, edge: int, seed: int, yaw: float, repeats: int
) -> dict:
    base = request_for(info, edge, seed=seed, yaw=yaw, channels=("rgb",))
    picture(session, base.replace(width=32, height=32))  # planes and empty space are cached from here on
    truth = picture(session, base.replace(sampler=REFERENCE, channels=("rgb", "opacity")))
    reference, foreground = truth.arrays["rgb"], truth.arrays["opacity"] > FOREGROUND_OPACITY
    row: dict = {"seed": seed, "yaw": yaw, "foreground_share": float(foreground.mean())}
    for name, spec in (("learned", LEARNED), ("lean", LEAN), ("importance", IMPORTANCE)):
        frame = picture(session, base.replace(sampler=spec))
        row[name] = psnr_of(frame.arrays["rgb"], reference, foreground).model_dump()
        row[f"{name}_spp"] = frame.result.samples_per_pixel
        row[f"{name}_probe"] = frame.result.probe_per_pixel
        row[f"{name}_evaluated"] = frame.result.evaluated_per_pixel
        row[f"{name}_ms"] = _time(session, base.replace(sampler=spec), repeats, yaw)
        row[f"{name}_full_ms"] = _time(session, base.replace(sampler=spec, skip_empty=False), 1, yaw)
        yaw += repeats * NUDGE  # cameras of their own: what one sampler's probe found must not serve the next
    full = picture(session, base.replace(sampler=LEARNED, skip_empty=False))
    row["learned_full"] = psnr_of(full.arrays["rgb"], reference, foreground).model_dump()
    row["skip_difference"] = float(np.abs(full.arrays["rgb"] - session.render(base).arrays["rgb"]).max())
    row["ratio_skip"] = row["importance_ms"] / row["learned_ms"]
    row["ratio_full"] = row["importance_full_ms"] / row["learned_full_ms"]
    return row


def _time(session: RenderSession, request: RenderRequest, repeats: int, yaw: float) -> float:
    """Median milliseconds at slightly different cameras, so that nothing of the view is cached."""
    found = []
    for i in range(repeats):
        camera = request.camera.model_copy(update={"yaw": yaw + NUDGE * (i + 1)})
        found.append(picture(session, request.replace(camera=camera)).result.total_ms)
    return statistics.median(found)


if __name__ == "__main__":
    sys.exit(run_script("learned_vs_importance", "Learned sampler against two-pass importance", body))
