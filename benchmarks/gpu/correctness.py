"""The device's pictures against the CPU's: every sampler and channel, both precisions, tiles, cancelling.

`python -m benchmarks.gpu.correctness [--device auto] [--preset heads256]`; needs no GUI package.
"""

from __future__ import annotations

import sys
from typing import Literal

import numpy as np

from benchmarks.gpu.random_model import needs_device, random_checkpoint
from benchmarks.pictures import picture
from benchmarks.running import Findings, Settings, run_script, say
from core_model.schema.bench import Measure, measure
from core_model.schema.camera import OrbitPose
from core_model.schema.latent import LatentSpec
from core_model.schema.render import RenderRequest
from core_model.schema.sampler import SamplerSpec
from core_model.session import RenderSession

# (name, sampler, precision, aim: share of pixels whose colour may differ by more than 2/255)
CASES: tuple[tuple[str, SamplerSpec, Literal["fp32", "bf16"], float], ...] = (
    ("uniform", SamplerSpec(name="uniform", spp=64.0), "fp32", 0.001),
    ("stratified", SamplerSpec(name="stratified", spp=64.0), "fp32", 0.001),
    ("importance", SamplerSpec(name="importance", spp=64.0), "fp32", 0.01),
    ("learned_robust", SamplerSpec(name="learned", strategy="robust"), "fp32", 0.01),
    ("learned_stratified", SamplerSpec(name="learned", strategy="stratified"), "fp32", 0.01),
    ("learned_unstratified", SamplerSpec(name="learned", strategy="unstratified"), "fp32", 0.01),
    ("learned_bf16", SamplerSpec(name="learned", strategy="robust"), "bf16", 0.05),
)
STEP = 2.0 / 255.0


def body(settings: Settings) -> Findings:
    """Each case on both devices with the same weights; then behaviour that only this device can show."""
    needs_device(settings.device)
    edge = 48 if settings.quick else 128
    measures: list[Measure] = []
    details: dict[str, dict[str, float]] = {}
    with random_checkpoint(settings.preset) as path:
        here = RenderSession(device="cpu", threads=settings.threads)
        there = RenderSession(device=settings.device, threads=settings.threads)
        channels = tuple(c.name for c in here.open(path).channels)
        there.open(path)
        say(f"  {here.device} against {there.device}")
        for name, spec, precision, aim in CASES:
            request = RenderRequest(
                checkpoint=path,
                latent=LatentSpec(cutoff=None),
                camera=OrbitPose(yaw=0.4, pitch=0.2),
                width=edge,
                height=edge,
                sampler=spec,
                channels=channels,
                precision=precision,
            )
            truth = picture(here, request.replace(precision="fp32")).arrays
            found = picture(there, request).arrays
            details[name] = {c: difference(truth[c], found[c]) for c in channels}
            off = float((np.abs(truth["rgb"] - found["rgb"]).max(axis=0) > STEP).mean())
            title = f"{name}, {precision}: share of pixels off by more than 2/255"
            note = f"largest {details[name]['rgb']:.2g}"
            measures.append(measure(f"off_{name}", title, "", off, aim=aim, note=note))
        details["behaviour"] = behaviour(there, path, edge)
    same = details["behaviour"]["tiles_differ"]
    measures.append(
        measure("tiles_differ", "many small tiles against one: largest difference", "", same, aim=STEP)
    )
    cancelled = details["behaviour"]["cancelled"]
    measures.append(
        measure("cancelled", "a cancelled frame says so", "", cancelled, better="higher", aim=1.0)
    )
    return Findings(tuple(measures), details)


def difference(truth: np.ndarray, found: np.ndarray) -> float:
    """Largest absolute difference where both have a value; a value on one side only counts as infinite."""
    both = np.isfinite(truth) & np.isfinite(found)
    lost = np.mean(np.isfinite(truth) != np.isfinite(found))
    if lost > 0.01:
        return float("inf")
    return float(np.abs(truth[both] - found[both]).max()) if both.any() else 0.0


def behaviour(session: RenderSession, path: str, edge: int) -> dict[str, float]:
    """Tiles, cancelling between them, and that closing gives the memory back."""
    request = RenderRequest(checkpoint=path, latent=LatentSpec(cutoff=None), width=edge, height=edge)
    one = picture(session, request.replace(tile_rays=edge * edge)).arrays["rgb"]
    many = picture(session, request.replace(tile_rays=64)).arrays["rgb"]
    calls = iter(range(10_000))
    stopped = session.render(
        request.replace(tile_rays=64, seed=1), cancelled=lambda: next(calls) > 4
    ).result.error
    open_bytes = session.memory_bytes()
    session.close(path)
    return {
        "tiles_differ": float(np.abs(one - many).max()),
        "cancelled": float(stopped is not None and stopped.kind == "cancelled"),
        "open_bytes": float(open_bytes),
        "closed_bytes": float(session.memory_bytes()),
    }


if __name__ == "__main__":
    title = "Correctness of the device against the CPU"
    sys.exit(run_script("gpu_correctness", title, body, device="auto", preset="heads256"))
