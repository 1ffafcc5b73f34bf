"""Meshes of the demo: time, memory and share of the points at 1024³.

Also growth per doubling, and dense evaluation for comparison. Each resolution has a process of its own,
because peak memory is that of a process.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.running import ROOT, Findings, Settings, demo_or_sphere, run_script
from core_model.schema.bench import measure
from core_model.schema.processes import tied

AIM_SECONDS, AIM_GB, AIM_SHARE, AIM_GROWTH = 60.0, 3.0, 5.0, 4.3
SIZES, QUICK_SIZES = (256, 512, 1024), (32, 64, 128)


def body(settings: Settings) -> Findings:
    """Sparse meshes at three sizes, the dense path at the middle one."""
    sizes = QUICK_SIZES if settings.quick else SIZES
    runs = {n: child(settings, "sparse", n) for n in sizes}
    middle, full = sizes[1], sizes[2]
    dense = child(settings, "dense", middle)
    last = runs[full]
    growth = max(runs[b]["seconds"] / runs[a]["seconds"] for a, b in zip(sizes, sizes[1:], strict=False))
    plain = f"dense at {middle}³: every point, marching cubes over the volume, no attributes, no file"
    note = f"{last['faces']} triangles, {last['stages']}"
    return Findings(
        (
            measure(
                "mesh_seconds",
                f"mesh at {full}³, forecast to file",
                "s",
                last["seconds"],
                aim=AIM_SECONDS,
                plain=dense["seconds"],
                plain_path=plain,
                note=note,
            ),
            measure(
                "mesh_peak",
                f"peak memory at {full}³",
                "GB",
                last["peak_gb"],
                aim=AIM_GB,
                plain=dense["peak_gb"],
                plain_path=plain,
            ),
            measure(
                "mesh_share",
                f"share of the points evaluated at {full}³",
                "%",
                100 * last["share"],
                aim=AIM_SHARE,
                plain=100.0,
                plain_path="dense",
            ),
            measure(
                "mesh_growth",
                "growth of the time per doubling of the resolution, largest",
                "×",
                growth,
                aim=AIM_GROWTH,
            ),
            measure(
                "mesh_middle",
                f"mesh at {middle}³, forecast to file",
                "s",
                runs[middle]["seconds"],
                plain=dense["seconds"],
                plain_path=plain,
                note=f"same number of triangles as the dense path: {runs[middle]['faces'] == dense['faces']}",
            ),
        ),
        {"sparse": {str(n): r for n, r in runs.items()}, "dense": {str(middle): dense}},
    )


def child(settings: Settings, path: str, resolution: int) -> dict[str, Any]:
    """One mesh in its own process."""
    command = [
        sys.executable,
        "-m",
        "benchmarks.mesh_extraction",
        "--child",
        path,
        "--resolution",
        str(resolution),
    ]
    command += [
        "--threads",
        str(settings.threads),
        "--checkpoint",
        settings.checkpoint,
        "--device",
        settings.device,
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, **tied())
    if done.returncode:
        raise RuntimeError(f"mesh_extraction {path} {resolution} failed: {done.stderr[-600:]}")
    return json.loads(done.stdout.splitlines()[-1])


def run_child(path: str, resolution: int, checkpoint: str, threads: int, device: str) -> dict[str, Any]:
    """Body of the child process: the field of seed 0, then one of the two paths.

    Wall and CPU seconds without the start of the process.
    """
    from core_model.meshing.job import MeshSource
    from core_model.ops.devices import choose
    from core_model.schema.latent import LatentSpec
    from core_model.schema.processes import peak_bytes
    from core_model.schema.render import RenderRequest
    from core_model.session import RenderSession

    session = RenderSession(device=device, threads=threads)
    info = session.open(checkpoint)
    field = session.field_of(RenderRequest(checkpoint=checkpoint, latent=LatentSpec.of_seed(0)))
    source = MeshSource(
        field, info.family, info.header.conventions.box, choose(device, "--device"), info.sha256
    )
    wall, cpu = time.perf_counter(), time.process_time()
    found = (
        sparse(source, checkpoint, resolution) if path == "sparse" else dense(source, checkpoint, resolution)
    )
    found |= {
        "seconds": time.perf_counter() - wall,
        "cpu_seconds": time.process_time() - cpu,
        "peak_gb": peak_bytes() / 1e9,
    }
    return found


def sparse(source: Any, checkpoint: str, resolution: int) -> dict[str, Any]:
    """Forecast, extraction, normals, colours, report, .ply."""
    from core_model.meshing.job import MeshWork
    from core_model.schema.mesh import MeshRequest

    with tempfile.TemporaryDirectory() as folder:
        work = MeshWork(
            source, MeshRequest(checkpoint=checkpoint, resolution=resolution), Path(folder) / "mesh.ply"
        )
        prepared = work.forecast()
        report = work.run(prepared)
    return {
        "faces": report.raw_triangles,
        "share": report.evaluated_share,
        "points": report.evaluated_points,
        "grown": report.grown_points,
        "misses": report.audit_misses,
        "stages": report.stage_seconds,
        "file_bytes": report.file_bytes,
        "forecast": json.loads(
            prepared.forecast.model_dump_json(exclude={"histogram_edges", "histogram_counts"})
        ),
    }


def dense(source: Any, checkpoint: str, resolution: int) -> dict[str, Any]:
    """Every node, then marching cubes over the whole volume."""
    import numpy as np

    from core_model.meshing.job import MeshWork
    from core_model.meshing.lattice import Lattice
    from core_model.meshing.marching import marching_cubes
    from core_model.schema.mesh import MeshRequest

    work = MeshWork(source, MeshRequest(checkpoint=checkpoint, resolution=resolution), Path("none.ply"))
    level_set, lattice = work.level_set(), Lattice.of_box(resolution, source.box)
    x, y, z = lattice.tables()
    values = np.empty(lattice.shape, dtype=np.float32)
    for i in range(resolution):
        grid = np.stack(np.meshgrid(x[i : i + 1], y, z, indexing="ij"), axis=-1)
        values[i] = level_set.values(grid.reshape(-1, 3)).reshape(resolution, resolution)
    vertices, faces = marching_cubes(values, level_set.level)
    return {"faces": len(faces), "vertices": len(vertices), "share": 1.0}


if __name__ == "__main__":
    if "--child" in sys.argv:
        parser = argparse.ArgumentParser()
        parser.add_argument("--child", choices=("sparse", "dense"))
        parser.add_argument("--resolution", type=int)
        parser.add_argument("--checkpoint", default="")
        parser.add_argument("--threads", type=int)
        parser.add_argument("--device", default="cpu")
        chosen = parser.parse_args()
        start = chosen.checkpoint or demo_or_sphere()
        print(json.dumps(run_child(chosen.child, chosen.resolution, start, chosen.threads, chosen.device)))
        sys.exit(0)
    sys.exit(run_script("mesh_extraction", "Mesh extraction of the demo", body))
