"""Under a limit of the address space (`ulimit -v`, as clusters set it) commands and worker name what to lower, and that value works."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.house.sources import ROOT
from tests.train.gan_data import write_set

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.skipif(sys.platform != "linux", reason="reads /proc"),
]

LIMITED = """
import resource, sys, psutil
import core_model.cli.mesh, core_model.cli.render, core_model.queries, core_model.session, core_model.meshing.job
import core_model.training.gan.run, torch._dynamo
from core_model.cli.main import main
limit = psutil.Process().memory_info().vms + (int(sys.argv[1]) << 20)
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
sys.exit(main(sys.argv[2:]))
"""
"""A command that may take so many MiB more than its modules do."""


def limited(mebibytes: int, *words: object) -> "subprocess.CompletedProcess[str]":
    line = [sys.executable, "-c", LIMITED, str(mebibytes), *map(str, words)]
    return subprocess.run(line, cwd=ROOT, capture_output=True, text=True, encoding="utf-8", timeout=600)


def last_line(done: "subprocess.CompletedProcess[str]") -> str:
    """What a command that failed for lack of memory said in the end."""
    assert done.returncode == 1 and "Traceback" not in done.stderr, done.stderr[-3000:]
    return done.stderr.strip().splitlines()[-1]


def test_a_picture_names_a_size_that_fits(tmp_path: Path) -> None:
    out = tmp_path / "a.png"
    line = last_line(limited(400, "render", "demo", "--size", 4096, "--out", out))
    found = re.search(r"while rendering 4096 × 4096 pixels: .* should fit into .*--size (\d+)", line)
    assert found and not out.exists(), line
    size = int(found[1])
    assert 256 <= size <= 2896
    done = limited(400, "render", "demo", "--size", size, "--out", out)
    assert done.returncode == 0 and out.exists(), done.stderr[-3000:]


def test_a_checkpoint_without_room_says_how_much_it_takes(tmp_path: Path) -> None:
    line = last_line(limited(30, "render", "demo", "--size", 64, "--out", tmp_path / "a.png"))
    assert re.search(r"while opening \S*demo.safetensors: .* take about \d+ MB, \d+ MB are free", line), line


def test_a_mesh_names_a_resolution_that_fits(tmp_path: Path) -> None:
    out = tmp_path / "a.ply"
    line = last_line_of_input(limited(300, "mesh", "analytic:sphere", "--resolution", 2048, "--out", out))
    found = re.search(r"not enough memory .* a --resolution of about (\d+)", line)
    assert found and not out.exists(), line
    done = limited(300, "mesh", "analytic:sphere", "--resolution", found[1], "--out", out)
    assert done.returncode == 0 and out.exists(), done.stderr[-3000:]


def last_line_of_input(done: "subprocess.CompletedProcess[str]") -> str:
    """As `last_line`, of a forecast that refuses before anything is begun: the request was wrong."""
    assert done.returncode == 2 and "Traceback" not in done.stderr, done.stderr[-3000:]
    return done.stderr.strip().splitlines()[-1]


def test_a_training_names_a_micro_batch_that_fits(tmp_path: Path) -> None:
    data, out = write_set(tmp_path / "set", size=64, count=8), tmp_path / "run"
    few = ("--render.samples=24", "--render.refine=8")
    quiet = ("--output.evaluate=false", "--output.tensorboard=false", "--processes=1", "--device=cpu")
    line = last_line(
        limited(
            450,
            "train",
            "--preset=heads64-cpu",
            f"--data={data}",
            f"--out={out}",
            "--images=16",
            *few,
            *quiet,
        )
    )
    found = re.search(r"in step 0 with 8 images at a time: --microbatch=(\d) should fit", line)
    assert found and f"--resume --microbatch={found[1]}" in line, line
    record = json.loads((out / "run.json").read_text())
    assert record["state"] == "failed" and "--microbatch" in record["error"]
    assert not list(out.rglob(".*.part"))
    done = limited(450, "train", f"--out={out}", "--resume", f"--microbatch={found[1]}")
    assert done.returncode == 0, done.stderr[-3000:]
    assert json.loads((out / "run.json").read_text())["state"] == "finished"


def limited_session(**options: object) -> object:
    """A worker's session whose process may take 400 MiB more than it has at the start."""
    import resource

    import psutil

    from core_model.report.worker_session import WorkerSession

    session = WorkerSession(**options)  # pyright: ignore[reportArgumentType]
    limit = psutil.Process().memory_info().vms + (400 << 20)
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    return session


def test_the_worker_names_a_size_that_fits_and_lives_on() -> None:
    from core_model.checkpoints.locate import default_checkpoint
    from core_model.schema.render import RenderRequest, RenderResult
    from tests import waiting
    from viewer.render_client.client import RenderClient
    from viewer.render_client.events import FrameReady
    from viewer.render_client.messages import SessionOptions

    client = RenderClient(
        factory="tests.cli.test_little_memory:limited_session",
        options=SessionOptions(device="cpu", threads=1),
    )

    def rendered(size: int) -> RenderResult:
        asked = client.submit(RenderRequest(checkpoint=default_checkpoint(), width=size, height=size))
        frames: list[FrameReady] = []

        def there() -> bool:
            frames.extend(
                e for e in client.poll() if isinstance(e, FrameReady) and e.result.generation == asked
            )
            return bool(frames)

        waiting.until(there, f"a picture of {size}", seconds=400)
        return frames[0].result

    client.start()
    try:
        error = rendered(4096).error
        assert error is not None and error.kind == "memory", error
        found = re.search(r"(\d+) × \1 should fit into .*in the window: Sampler, Largest", error.message)
        assert found, error.message
        assert rendered(int(found[1])).error is None and client.status.restarts == 0
    finally:
        client.stop()
