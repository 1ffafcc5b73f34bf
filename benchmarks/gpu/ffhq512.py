"""The paper's network at 512²: frame time from cached planes beside the floor, by stage, and memory.

`python -m benchmarks.gpu.ffhq512 [--device auto] [--preset ffhq512]`; needs no GUI package. Probe 128² × 192,
proposals 512², 17.6 samples per ray. The floor is the arithmetic of proposal network and field at 790
TFLOP/s.
"""

from __future__ import annotations

import statistics
import sys
import time
from typing import Any, Literal

import torch

from benchmarks.gpu.random_model import needs_device, preset_config, random_checkpoint
from benchmarks.pictures import picture, profile
from benchmarks.running import Findings, Settings, run_script, say, spread
from core_model.families.wysiwyg.config import WysiwygConfig
from core_model.fields.encoding import encoded_dim
from core_model.ops.devices import peak_bytes, synchronize
from core_model.sampling.proposal_net import ProposalNetwork
from core_model.schema.bench import measure
from core_model.schema.latent import LatentSpec
from core_model.schema.render import RenderRequest, RenderResult
from core_model.schema.sampler import SamplerSpec
from core_model.session import RenderSession

FLOOR_MS = 3.2  # 2.5 TFLOP at 790 TFLOP/s
PAPER_FPS = 4.5  # one A100, plain PyTorch (supplement A3.1)
PEAK_TFLOPS = 790.0
Precision = Literal["fp32", "bf16"]
# name, arithmetic of the field, whether empty space is skipped
VARIANTS: tuple[tuple[str, Precision, bool], ...] = (
    ("fp32", "fp32", True),
    ("bf16", "bf16", True),
    ("bf16_full", "bf16", False),
)


def body(settings: Settings) -> Findings:
    """An orbit at the model's own size in both precisions, with and without skipping; the network alone."""
    device = needs_device(settings.device)
    cfg = preset_config(settings.preset)
    frames = 3 if settings.quick else 12
    with random_checkpoint(settings.preset) as path:
        session = RenderSession(device=settings.device, threads=settings.threads)
        session.open(path)
        say(f"  {session.device}, {cfg.image_size}²")
        runs: dict[str, list[RenderResult]] = {}
        for name, precision, skip in VARIANTS:
            runs[name] = orbit(session, path, cfg, frames, precision, skip)
            say(f"  {name}: {statistics.median(r.total_ms for r in runs[name]):.1f} ms")
        importance = orbit(
            session, path, cfg, max(2, frames // 4), "bf16", False, SamplerSpec(name="importance")
        )
        memory = (session.memory_bytes() if device.type == "cpu" else peak_bytes(device)["peak"]) / 1e9
        session.close(path)
    tflop = flops(cfg, runs["bf16_full"][-1])
    floor = 1e3 * sum(tflop.values()) / PEAK_TFLOPS
    networks = network_times(cfg, device, 2 if settings.quick else 10)
    best = statistics.median(r.total_ms for r in runs["bf16"])
    full = statistics.median(r.total_ms for r in runs["bf16_full"])
    note = f"floor {FLOOR_MS} ms in the issue, {floor:.3g} ms counted here ({sum(tflop.values()):.3g} TFLOP)"
    at = f"{settings.preset} at {cfg.image_size}²"
    return Findings(
        (
            measure(
                "frame_ms",
                f"{at}, bf16, one frame",
                "ms",
                best,
                plain=full,
                plain_path="nothing skipped",
                note=note,
            ),
            measure(
                "fps",
                f"{at}, bf16",
                "frames/s",
                1e3 / best,
                better="higher",
                note=f"paper, A100: {PAPER_FPS}",
            ),
            measure("over_floor", f"{at}, all samples, over the floor", "×", full / max(floor, 1e-9)),
            measure(
                "frame_fp32_ms",
                f"{at}, fp32, one frame",
                "ms",
                statistics.median(r.total_ms for r in runs["fp32"]),
            ),
            measure(
                "importance_ms",
                f"{at}, two-pass importance 48 + 48, bf16, nothing skipped",
                "ms",
                statistics.median(r.total_ms for r in importance),
            ),
            measure("memory", f"{at}, peak memory", "GB", memory, note="paper: below 15 GB"),
        ),
        {
            "stages_ms": {name: profile(found) for name, found in runs.items()},
            "stages_importance_ms": profile(importance),
            "frame_ms": {name: spread([r.total_ms for r in found]) for name, found in runs.items()},
            "tflop": tflop,
            "proposal_network_ms": networks,
            "evaluated_per_pixel": {name: found[-1].evaluated_per_pixel for name, found in runs.items()},
            "probe_per_pixel": {name: found[-1].probe_per_pixel for name, found in runs.items()},
        },
    )


def orbit(
    session: RenderSession,
    path: str,
    cfg: WysiwygConfig,
    frames: int,
    precision: Precision,
    skip: bool,
    sampler: SamplerSpec | None = None,
) -> list[RenderResult]:
    """Frames at new cameras from cached planes; the first two (planes, kernel choice) are left out."""
    base = RenderRequest(
        checkpoint=path,
        latent=LatentSpec(cutoff=None),
        width=cfg.image_size,
        height=cfg.image_size,
        sampler=sampler or SamplerSpec(spp=cfg.default_spp),
        precision=precision,
        skip_empty=skip,
    )
    found = []
    for i in range(frames + 2):
        camera = base.camera.model_copy(update={"yaw": 0.03 * (i + 1)})
        found.append(picture(session, base.replace(camera=camera)).result)
    return found[2:]


def flops(cfg: WysiwygConfig, result: RenderResult) -> dict[str, float]:
    """TFLOP of one frame: the network's convolutions, the MLP of probe and samples (2 per multiply-add)."""
    total = 0

    def count(module: torch.nn.Conv2d, inputs: Any, output: torch.Tensor) -> None:
        nonlocal total
        total += 2 * module.in_channels * 9 * output.numel()

    with torch.device("meta"):
        network = proposal_network(cfg)
        for layer in network.modules():
            if isinstance(layer, torch.nn.Conv2d):
                layer.register_forward_hook(count)
        network(*proposal_inputs(cfg, "meta"))
    hidden = cfg.sdf_hidden
    inputs = cfg.plane_channels + encoded_dim(3, cfg.point_freqs)
    a_point = 2 * (inputs * hidden + hidden * hidden + hidden * (2 + cfg.geo_dim))
    points = (result.evaluated_per_pixel + result.probe_per_pixel) * result.width * result.height
    return {"proposal network": total / 1e12, "field": points * a_point / 1e12}


def proposal_network(cfg: WysiwygConfig) -> ProposalNetwork:
    return ProposalNetwork(cfg.probe_samples - 1, cfg.proposal_channels, cfg.proposal_ups)


def proposal_inputs(
    cfg: WysiwygConfig, device: str | torch.device
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Probe weights, image and directions of the model's probe size."""
    n = cfg.probe_size
    weights = torch.rand(1, cfg.probe_samples - 1, n, n, device=device)
    return weights, torch.rand(1, 3, n, n, device=device), torch.rand(1, 3, n, n, device=device)


@torch.no_grad()
def network_times(cfg: WysiwygConfig, device: torch.device, repeats: int) -> dict[str, float]:
    """Milliseconds of the proposal network alone: precision × memory layout."""
    found = {}
    for layout_name, layout in (("nchw", torch.contiguous_format), ("channels_last", torch.channels_last)):
        network = proposal_network(cfg).to(device)
        network = network.to(memory_format=layout)  # type: ignore[call-overload]
        inputs = [x.contiguous(memory_format=layout) for x in proposal_inputs(cfg, device)]
        for precision in ("fp32", "bf16"):
            with torch.autocast(device.type, dtype=torch.bfloat16, enabled=precision == "bf16"):
                network(*inputs)
                times = []
                for _ in range(repeats):
                    synchronize(device)
                    start = time.perf_counter()
                    network(*inputs)
                    synchronize(device)
                    times.append(1e3 * (time.perf_counter() - start))
            found[f"{precision}_{layout_name}"] = round(statistics.median(times), 3)
    return found


if __name__ == "__main__":
    title = "The paper's network at its own size"
    sys.exit(run_script("gpu_ffhq512", title, body, device="auto", preset="ffhq512"))
