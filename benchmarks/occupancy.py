"""Occupancy-guided EG3D picture against the native two passes.

Time of the rays and of the whole picture, and PSNR, in one run. A full-size network (512², rays 128², 48 + 48
samples); without a --checkpoint of EG3D one with random weights and a head-like density is made. The
super-resolution, which both pictures share, is timed beside its plain path.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from benchmarks.head_like import write_head_like
from benchmarks.pictures import picture
from benchmarks.plain_superres import plain_superres
from benchmarks.running import Findings, Settings, run_script, say, spread
from core_model.checkpoints.describe import describe_checkpoint
from core_model.families.osg.guided_march import render_likened
from core_model.families.osg.native import label_rays
from core_model.families.osg.twopass import render_two_pass
from core_model.fields.osg import OsgField
from core_model.report.measure import decibel, squared_error
from core_model.sampling.occupancy import build_density_grid
from core_model.schema.bench import measure
from core_model.schema.camera import label25
from core_model.schema.latent import LatentSpec
from core_model.schema.render import RenderRequest
from core_model.schema.sampler import SamplerSpec
from core_model.session import RenderSession
from core_model.session.library import open_checkpoint

RATIO_AIM, PSNR_AIM = 5.0, 45.0
VIEWS = ((0, 0.0), (1, -0.3), (2, 0.35))  # (seed, yaw in rad)


def body(settings: Settings) -> Findings:
    """Times of a new camera with cached planes and a cached density grid, whose own time is given beside."""
    views, repeats = (VIEWS[:1], 1) if settings.quick else (VIEWS, 3)
    with tempfile.TemporaryDirectory() as folder:
        path = settings.checkpoint
        if describe_checkpoint(path).family != "eg3d":
            path = write_head_like(Path(folder) / "head_like.safetensors")
        session = RenderSession(device=settings.device, threads=settings.threads)
        rows = [_view(session, path, seed, yaw, repeats) for seed, yaw in views]
    rays, whole, psnr, rough, rough_psnr = (
        [r[k] for r in rows] for k in ("ray_ratio", "total_ratio", "psnr", "rough_ratio", "rough_psnr")
    )
    note = f"median of {len(rows)} views, worst {min(rays):.2f}; {rows[0]['samples']:.3g} samples per ray, {settings.threads} threads"
    off = [r["superres_off"] for r in rows]
    return Findings(
        (
            measure(
                "occupancy_speedup", "occupancy-guided rays against the native two passes, times faster", "×", statistics.median(rays),
                better="higher", aim=RATIO_AIM, note=note,
                plain=statistics.median(r["fast_lookup_ratio"] for r in rows),
                plain_path="the same against two passes with triscope's quicker plane lookup",
            ),
            measure(
                "occupancy_psnr", "PSNR of the guided picture to the native one, worst view", "dB", min(psnr), better="higher",
                aim=PSNR_AIM, note=f"final {rows[0]['size']}² pictures, range 1",
            ),
            measure(
                "occupancy_total", "the whole picture with the super-resolution that both share, times faster", "×",
                statistics.median(whole), better="higher",
                note=f"native {rows[0]['native_total_ms']:.0f} ms, guided {rows[0]['guided_total_ms']:.0f} ms",
            ),
            measure(
                "occupancy_total_bf16", "the whole guided picture with half-precision feature maps, times faster than the native one", "×",
                statistics.median(rough), better="higher",
                note=f"guided {rows[0]['rough_total_ms']:.0f} ms, worst view {min(rough_psnr):.1f} dB to the native picture",
            ),
            measure(
                "superres_ms", "super-resolution of one picture", "ms", statistics.median(r["superres_ms"] for r in rows),
                plain=statistics.median(r["plain_superres_ms"] for r in rows), plain_path="a new feature map for every operation",
                note=f"bf16 {rows[0]['rough_superres_ms']:.0f} ms; largest difference {max(off):.1e} of the range",
            ),
            measure(
                "superres_cpu_ms", "the same in processor time", "ms", statistics.median(r["superres_cpu_ms"] for r in rows),
                plain=statistics.median(r["plain_superres_cpu_ms"] for r in rows), plain_path="a new feature map for every operation",
            ),
            measure("occupancy_grid_ms", "density grid of a new latent", "ms", statistics.median(r["grid_ms"] for r in rows)),
        ),
        {"views": rows, "guided_rays_ms": spread([r["guided_rays_ms"] for r in rows])},
    )  # fmt: skip


@torch.no_grad()
def _view(session: RenderSession, path: str, seed: int, yaw: float, repeats: int) -> dict[str, Any]:
    """Whole pictures through the session, and their ray parts alone on the same planes."""
    info = session.open(path)
    camera, latent = info.header.camera.default.replace(yaw=yaw), LatentSpec.of_seed(seed)
    native = RenderRequest(
        checkpoint=path, latent=latent, camera=camera, width=info.image_size, height=info.image_size, native=True,
        sampler=SamplerSpec(name="importance"),
    )  # fmt: skip
    guided = native.replace(sampler=SamplerSpec(name="occupancy"))
    frames = {}
    for name, request in (
        ("native", native),
        ("guided", guided),
        ("rough", guided.replace(precision="bf16")),
    ):
        picture(session, request)  # planes and grid are cached from here on
        frames[name] = min(
            (picture(session, request) for _ in range(repeats)), key=lambda f: f.result.total_ms
        )
    opened = open_checkpoint(path, torch.device("cpu" if session.device.startswith("CPU") else "cuda"))
    model: Any = opened.model
    planes = model.planes(model.map(latent), "const")
    origins, dirs = label_rays(
        torch.from_numpy(label25(camera)).to(model.device)[None], model.volumetric.neural_size
    )
    plain, quick = OsgField(planes, model.module.decoder, fast=False), OsgField(planes, model.module.decoder)
    rule = model.volumetric.rule()
    grid = build_density_grid(quick, info.header.conventions.box, model.device)
    times = {
        "grid_ms": lambda: build_density_grid(quick, info.header.conventions.box, model.device),
        "native_rays_ms": lambda: render_two_pass(plain.query, origins, dirs, rule, keep=False),
        "fast_lookup_ms": lambda: render_two_pass(quick.query, origins, dirs, rule, keep=False),
        "guided_rays_ms": lambda: render_likened(quick, origins, dirs, rule, grid),
    }
    row: dict[str, Any] = {name: _best_ms(run, repeats)[0] for name, run in times.items()}
    row |= _superres(model, model.map(latent)[:, -1], repeats)
    totals = {name: frame.result.total_ms for name, frame in frames.items()}
    row |= {
        "seed": seed, "yaw": yaw, "size": info.image_size, "native_total_ms": totals["native"], "guided_total_ms": totals["guided"],
        "ray_ratio": row["native_rays_ms"] / row["guided_rays_ms"], "total_ratio": totals["native"] / totals["guided"],
        "fast_lookup_ratio": row["fast_lookup_ms"] / row["guided_rays_ms"],
        "rough_total_ms": totals["rough"], "rough_ratio": totals["native"] / totals["rough"],
        "psnr": decibel(float(squared_error(frames["guided"].arrays["rgb"], frames["native"].arrays["rgb"]).mean())),
        "rough_psnr": decibel(float(squared_error(frames["rough"].arrays["rgb"], frames["native"].arrays["rgb"]).mean())),
        "samples": frames["guided"].result.samples_per_pixel,
    }  # fmt: skip
    say(
        f"  seed {seed}, yaw {yaw:g}: rays {row['ray_ratio']:.2f} times, picture {row['total_ratio']:.2f} times, {row['psnr']:.1f} dB"
    )
    return row


def _superres(model: Any, w: torch.Tensor, repeats: int) -> dict[str, float]:
    """The super-resolution alone on a random feature image.

    Now, by the plain path, and with half-precision feature maps.
    """
    network, size = model.module.superres, model.volumetric.neural_size
    features = (
        torch.rand(
            1, model.module.cfg.decoder_colours, size, size, generator=torch.Generator().manual_seed(1)
        )
        * 2
        - 1
    )
    if network is None or size != network.variant.in_size:
        return dict.fromkeys(
            (
                "superres_ms",
                "plain_superres_ms",
                "rough_superres_ms",
                "superres_cpu_ms",
                "plain_superres_cpu_ms",
            ),
            0.0,
        ) | {"superres_off": 0.0}
    features = features.to(w)
    ways: dict[str, Callable[[], torch.Tensor]] = {
        "superres": lambda: network(features[:, :3], features, w, "none")[0],
        "plain_superres": lambda: plain_superres(network, features[:, :3], features, w),
        "rough_superres": lambda: network(features[:, :3], features, w, "none", dtype=torch.bfloat16)[0],
    }
    row = {}
    for name, run in ways.items():
        row[f"{name}_ms"], row[f"{name}_cpu_ms"] = _best_ms(run, repeats)
    want = ways["plain_superres"]()
    row["superres_off"] = float((ways["superres"]() - want).abs().max() / want.abs().max())
    return row


def _best_ms(run: Callable[[], object], repeats: int) -> tuple[float, float]:
    """Shortest wall time and shortest processor time of the repeats after one to warm up, milliseconds."""
    run()
    found = []
    for _ in range(repeats):
        started, used = time.perf_counter(), time.process_time()
        run()
        found.append(((time.perf_counter() - started) * 1e3, (time.process_time() - used) * 1e3))
    return min(f[0] for f in found), min(f[1] for f in found)


if __name__ == "__main__":
    sys.exit(run_script("occupancy", "Occupancy-guided EG3D against its native two passes", body))
