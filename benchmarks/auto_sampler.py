"""The sampler `auto` against both of its choices on full-size EG3D networks.

A head in empty space, a head in haze, and fog.

For each: the share of the box that is measured not to be empty and what that takes, the rays of the next
camera by two passes and by the guided pass, what `auto` chooses, and its picture beside the original
program's. `auto` is never to be slower than the two passes.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.head_like import write_head_like
from benchmarks.pictures import picture
from benchmarks.running import Findings, Settings, run_script, say
from core_model.families import FAMILIES
from core_model.report.measure import decibel, squared_error
from core_model.sampling.occupancy import Guide, build_density_grid, occupied_share
from core_model.schema.bench import measure
from core_model.schema.export import default_request
from core_model.session import RenderSession

SCENES = ("head", "haze", "fog")
PSNR_AIM, SLOWER_AIM = 45.0, 1.05


def body(settings: Settings) -> Findings:
    scenes, repeats = (SCENES[:1], 1) if settings.quick else (SCENES, 2)
    with tempfile.TemporaryDirectory() as folder:
        rows = {}
        for scene in scenes:
            session = RenderSession(device=settings.device, threads=settings.threads)
            path = write_head_like(Path(folder) / f"{scene}.safetensors", density=scene)
            rows[scene] = _scene(session, path, repeats)
            session.close(path)
            if scene == "head":
                rows[scene] |= _commands(path, Path(folder), settings.threads)
            row = rows[scene]
            say(
                f"  {scene}: share {row['share']:.3f}, two passes {row['two_pass_ms']:.0f} ms, guided {row['guided_ms']:.0f} ms, auto is "
                f"{row['chosen']}, {row['psnr']:.1f} dB; picture {row['auto_ms']:.0f} ms, native {row['native_ms']:.0f} ms"
            )
    head = rows["head"]
    slower = max(r[f"{r['way']}_cpu_ms"] / r["two_pass_cpu_ms"] for r in rows.values())
    listed = ", ".join(
        f"{name} {r['share']:.2f}, {r['guided_cpu_ms'] / r['two_pass_cpu_ms']:.2f}"
        for name, r in rows.items()
    )
    return Findings(
        (
            measure(
                "auto_slower", "rays by the automatic sampler against the two passes, worst scene, times the processor time", "×", slower,
                aim=SLOWER_AIM, note=f"share that is not empty, and time of the guided pass over that of two passes: {listed}",
            ),
            measure(
                "auto_psnr", "PSNR of the automatic picture to the original program's, worst scene", "dB",
                min(r["psnr"] for r in rows.values()), better="higher", aim=PSNR_AIM,
            ),
            measure(
                "auto_next_camera", "picture of a head from the next camera, 512²", "ms", head["auto_ms"], plain=head["native_ms"],
                plain_path="--native",
            ),
            measure(
                "auto_render", "`triscope render` of that head without options, with start and loading", "s", head["render_s"],
                plain=head["render_native_s"], plain_path="--native",
                note=f"processor time {head['render_cpu_s']:.1f} s, native {head['render_native_cpu_s']:.1f} s",
            ),
            measure("auto_share_ms", "measuring how empty a new latent is", "ms", max(r["share_ms"] for r in rows.values())),
        ),
        rows,
    )  # fmt: skip


@torch.no_grad()
def _scene(session: RenderSession, path: str, repeats: int) -> dict[str, Any]:
    info = session.open(path)
    request = default_request(info)
    final = FAMILIES.get(info.family).final
    assert final is not None
    model, box = session.model_of(path), info.header.conventions.box
    field = final.features(session.field_of(request))
    device = session.torch_device
    share, share_ms, _ = _timed(lambda: occupied_share(field, box, device), repeats)
    grid, grid_ms, _ = _timed(lambda: build_density_grid(field, box, device), repeats)
    camera, size = request.camera.replace(yaw=0.3), info.neural_size
    _, two_ms, two_cpu_ms = _timed(lambda: final.march(model, field, camera, size, None, None), repeats)
    guided, guided_ms, guided_cpu_ms = _timed(
        lambda: final.march(model, field, camera, size, Guide(field, grid), None), repeats
    )
    row: dict[str, Any] = {
        "share": share, "share_ms": share_ms, "grid_ms": grid_ms, "two_pass_ms": two_ms, "guided_ms": guided_ms,
        "two_pass_cpu_ms": two_cpu_ms, "guided_cpu_ms": guided_cpu_ms,
        "guided_samples": float(guided.samples.mean()),
    }  # fmt: skip
    frames = {}
    for name, one in (("auto", request), ("native", request.replace(native=True))):
        picture(session, one)  # planes and grids are kept from here on
        made = [
            picture(session, one.replace(camera=one.camera.replace(yaw=0.1 * k + 0.1)))
            for k in range(repeats)
        ]
        row[f"{name}_ms"] = min(frame.result.total_ms for frame in made)
        frames[name] = made[-1]
    want = np.clip(frames["native"].arrays["rgb"], 0.0, 1.0)
    row["psnr"] = decibel(float(squared_error(frames["auto"].arrays["rgb"], want).mean()))
    row["chosen"] = frames["auto"].result.sampler
    row["way"] = "guided" if row["chosen"] == "occupancy" else "two_pass"
    return row


def _timed(run: Any, repeats: int) -> tuple[Any, float, float]:
    """(result, shortest milliseconds, shortest milliseconds of processor time) after one run to warm up."""
    found, best, used = run(), float("inf"), float("inf")
    for _ in range(repeats):
        started, before = time.perf_counter(), time.process_time()
        found = run()
        best, used = (
            min(best, (time.perf_counter() - started) * 1e3),
            min(used, (time.process_time() - before) * 1e3),
        )
    return found, best, used


def _commands(path: str, folder: Path, threads: int) -> dict[str, float]:
    """Seconds of the whole command, wall and processor time, without options and with --native."""
    row = {}
    for name, more in (("render", ()), ("render_native", ("--native",))):
        words = (
            sys.executable,
            "-m",
            "core_model.cli.main",
            "render",
            path,
            "--out",
            str(folder / "a.png"),
            "--threads",
            str(threads),
        )
        started, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
        subprocess.run((*words, *more), check=True, capture_output=True, timeout=600)
        row[f"{name}_s"] = time.perf_counter() - started
        row[f"{name}_cpu_s"] = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before
    return row


if __name__ == "__main__":
    sys.exit(run_script("auto_sampler", "The automatic sampler against both of its choices", body))
