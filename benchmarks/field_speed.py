"""Field evaluation at the paper's size (planes 3×32×256², MLP 71-128-128-66, Softplus), fast and plain.

The allocator settings of the fast path hold for a whole process, so each path has a process of its own.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable
from typing import Any

from benchmarks.running import ROOT, Findings, Settings, run_script
from core_model.schema.bench import measure
from core_model.schema.processes import tied

AIM = 1.4  # million points per second
SHARE_AIM = 0.55  # of the rate of the matrix products alone
POINTS, PLANE = 262_144, 256


def body(settings: Settings) -> Findings:
    """Both precisions of the fast path, the plain path, and how well they agree."""
    found = {name: child(settings, path, dtype) for name, path, dtype in RUNS}
    fast, plain, bf16 = found["fast_fp32"], found["plain_fp32"], found["fast_bf16"]
    products = found["products"]
    agreement = child(settings, "compare", "fp32")
    points = fast["points"]
    return Findings(
        (
            measure(
                "field_fp32",
                f"field evaluation, fp32, {points} points",
                "million points/s",
                fast["rate"],
                better="higher",
                aim=AIM,
                plain=plain["rate"],
                plain_path="one grid_sample over all points, one pass of the MLP, stock allocator",
                note=f"largest difference of the signed distance {agreement['sdf_fp32']:.2g} world units",
            ),
            measure(
                "field_share",
                "field evaluation, fp32, in the rate that its matrix products alone reach on the same cores",
                "",
                fast["rate"] / products["rate"],
                better="higher",
                aim=SHARE_AIM,
                plain=plain["rate"] / products["rate"],
                plain_path="plain eager, fp32",
                note=f"products alone {products['rate']:.2f} million points/s",
            ),
            measure(
                "field_bf16",
                f"field evaluation, bf16, {points} points",
                "million points/s",
                bf16["rate"],
                better="higher",
                plain=plain["rate"],
                plain_path="plain eager, fp32",
                note=f"largest difference of the signed distance {agreement['sdf_bf16']:.2g} world units",
            ),
        ),
        {"runs": found, "agreement": agreement, "sdf_range": agreement["sdf_range"]},
    )


RUNS = (
    ("plain_fp32", "plain", "fp32"),
    ("fast_fp32", "fast", "fp32"),
    ("fast_bf16", "fast", "bf16"),
    ("products", "products", "fp32"),
)


def child(settings: Settings, path: str, dtype: str) -> dict[str, Any]:
    """One path in its own process."""
    command = [sys.executable, "-m", "benchmarks.field_speed", "--child", path, "--dtype", dtype]
    command += ["--threads", str(settings.threads), *(["--quick"] if settings.quick else [])]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, **tied())
    if done.returncode:
        raise RuntimeError(f"field_speed {path} {dtype} failed: {done.stderr[-600:]}")
    return json.loads(done.stdout.splitlines()[-1])


def run_child(path: str, dtype: str, threads: int, quick: bool) -> dict[str, Any]:
    """Body of the child process: builds the field, then times or compares it."""
    import torch

    from core_model.session.machine import tune_process

    if path == "plain":
        torch.set_num_threads(threads)
    else:
        tune_process(threads)
    points, repeats = (8192, 2) if quick else (POINTS, 7)
    x = (torch.rand(1, points, 3, generator=torch.Generator().manual_seed(1)) - 0.5) * 0.98
    with torch.no_grad():
        if path == "compare":
            return compare(x)
        if path == "products":
            return rate_of(products(points), points, repeats)
        return timed(x, path == "fast", dtype, repeats)


def make_field(fast: bool, dtype: str) -> Any:
    """A field of the paper's size with fixed random weights."""
    import torch

    from core_model.families.wysiwyg.config import PRESETS
    from core_model.families.wysiwyg.decoder import RgbMlp, SdfMlp, WysiwygField
    from core_model.fields.triplane import Planes
    from core_model.schema.conventions import Conventions

    cfg = PRESETS["ffhq512"].replace(base_size=PLANE, plane_size=PLANE)
    conventions = Conventions()
    torch.manual_seed(0)
    sdf, rgb = SdfMlp(cfg), RgbMlp(cfg)
    planes = Planes((1.0 + 0.3 * torch.randn(1, 3, cfg.plane_channels, PLANE, PLANE),), conventions)
    precision = torch.bfloat16 if dtype == "bf16" else torch.float32
    return WysiwygField(planes, sdf, rgb, cfg, fast=fast, dtype=precision)


def timed(x: Any, fast: bool, dtype: str, repeats: int) -> dict[str, Any]:
    """Median rate of `geometry` after one warm-up call."""
    field = make_field(fast, dtype)
    return rate_of(lambda: field.geometry(x), x.shape[1], repeats)


def products(points: int) -> Callable[[], object]:
    """The field's matrix products and nothing else: as many rows, in the fast path's parts, on all cores."""
    import torch

    from core_model.ops import cpu_parallel
    from core_model.ops.dense import dense

    field = make_field(True, "fp32")
    layers = field.sdf_mlp.frozen().layers
    x = torch.randn(points, layers[0][0].shape[1])

    def part(rows: slice) -> None:
        y = x[rows]
        for weight, bias in layers:
            y = dense(y, weight, bias)

    parts = cpu_parallel.cuts(points, field.chunk, cpu_parallel.width(x.device))
    return lambda: deque(cpu_parallel.spread(part, parts, x.device), maxlen=0)


def rate_of(work: Callable[[], object], points: int, repeats: int) -> dict[str, Any]:
    """Median rate of `work` after one warm-up call."""
    work()
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - start)
    rate = points / statistics.median(seconds) / 1e6
    return {"rate": rate, "points": points, "ms": [round(1e3 * s, 1) for s in seconds]}


def compare(x: Any) -> dict[str, Any]:
    """Largest differences of signed distance, beta and features to the plain path in fp32."""
    x = x[:, :16384]
    truth = make_field(False, "fp32").geometry(x)
    found: dict[str, Any] = {"sdf_range": [float(truth.sdf.min()), float(truth.sdf.max())]}
    for dtype in ("fp32", "bf16"):
        other = make_field(True, dtype).geometry(x)
        for name in ("sdf", "beta", "features"):
            found[f"{name}_{dtype}"] = float((getattr(other, name) - getattr(truth, name)).abs().max())
    return found


if __name__ == "__main__":
    if "--child" in sys.argv:
        parser = argparse.ArgumentParser()
        parser.add_argument("--child", choices=("plain", "fast", "products", "compare"))
        parser.add_argument("--dtype", choices=("fp32", "bf16"))
        parser.add_argument("--threads", type=int)
        parser.add_argument("--quick", action="store_true")
        chosen = parser.parse_args()
        print(json.dumps(run_child(chosen.child, chosen.dtype, chosen.threads, chosen.quick)))
        sys.exit(0)
    sys.exit(run_script("field_speed", "Field evaluation at the paper's size", body))
