"""`triscope mesh`: files, forecast, JSON lines, batches, mistakes in one line, faults."""

from __future__ import annotations

import json
import resource
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import trimesh

from core_model.schema.latent import LatentSpec
from core_model.schema.mesh import MeshForecast, MeshReport, MeshRequest
from core_model.schema.record_file import read_provenance
from tests.cli.command import start, triscope
from tests.house.sources import ROOT
from tests.waiting import until

SMALL = ("--resolution", 48, "--threads", 1, "--device", "cpu")


@pytest.mark.parametrize("suffix", [".ply", ".obj", ".glb", ".stl"])
def test_every_format_from_the_shell(capsys: pytest.CaptureFixture[str], tmp_path: Path, suffix: str) -> None:
    out = tmp_path / f"torus{suffix}"
    done = triscope(capsys, "mesh", "analytic:torus", "--out", out, *SMALL)
    assert done.status == 0, done.err
    assert "watertight" in done.out and "forecast: about" in done.err
    loaded = trimesh.load(out)
    mesh = next(iter(loaded.geometry.values())) if isinstance(loaded, trimesh.Scene) else loaded
    assert mesh.is_watertight and mesh.volume == pytest.approx(2 * np.pi**2 * 0.24 * 0.09**2, rel=0.02)
    record = read_provenance(out)
    assert record.family == "analytic" and record.request.checkpoint == "analytic:torus"


def test_json_lines(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    done = triscope(capsys, "mesh", "analytic:sphere", "--out", tmp_path / "a.ply", "--json", *SMALL)
    lines = [json.loads(line) for line in done.out.splitlines()]
    assert done.status == 0 and set(lines[0]) == {"forecast"} and set(lines[-1]) == {"report"}
    forecast = MeshForecast.model_validate(lines[0]["forecast"])
    report = MeshReport.model_validate(lines[-1]["report"])
    assert forecast.triangles == report.topology.faces and all("progress" in line for line in lines[1:-1])
    only = triscope(capsys, "mesh", "analytic:sphere", "--out", tmp_path / "b.ply", "--forecast", *SMALL)
    assert only.status == 0 and not (tmp_path / "b.ply").exists()


def test_a_request_from_a_file(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    request = MeshRequest(
        checkpoint="analytic:shell", resolution=160, keep="largest", colour="none", normals=False
    )
    (tmp_path / "r.json").write_text(request.model_dump_json())
    done = triscope(
        capsys,
        "mesh",
        "--request",
        tmp_path / "r.json",
        "--out",
        tmp_path / "a.ply",
        "--json",
        "--device",
        "cpu",
    )
    report = MeshReport.model_validate(json.loads(done.out.splitlines()[-1])["report"])
    assert report.request == request and report.topology.components == 1 and report.removed_components == 1
    (tmp_path / "r.json").write_text('{"checkpoint": "analytic:shell", "resolutoin": 64}')
    done = triscope(capsys, "mesh", "--request", tmp_path / "r.json", "--out", tmp_path / "a.ply")
    assert done.status == 2 and "resolutoin" in done.line


def test_a_batch_over_seeds(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    done = triscope(
        capsys, "mesh", "analytic:sphere", "--out", tmp_path / "a.ply", "--seeds", "3,7-8", *SMALL
    )
    assert done.status == 0 and sorted(p.name for p in tmp_path.iterdir()) == [
        "a.3.ply",
        "a.7.ply",
        "a.8.ply",
    ]
    assert read_provenance(tmp_path / "a.7.ply").request.latent.seeds[0].seed == 7


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--resolution", 4), "--resolution"),
        (("--level", 9), "no surface at level 9"),
        (("--level", "nan"), "--level"),
        (("--crop", "0,0,0,1"), "--crop"),
        (("--crop", "0,0,0,-1,1,1"), "--crop"),
        (("--crop", "2,2,2,3,3,3"), "crop holds no grid cell"),
        (("--quantity", "raw"), "field has no raw"),
        (("--direction", "up"), "--direction"),
        (("--direction", "0,0,0"), "--direction"),
        (("--faces", 1), "--faces"),
        (("--color", "texture"), "no texture in this kind of file"),
        (("--seeds", "5-2"), "--seeds"),
        (("--min-share", 2), "--min-share"),
        (("--memory", 0.001), "not enough memory"),
    ],
)
def test_mistakes_are_one_line(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, options: tuple[object, ...], said: str
) -> None:
    base = SMALL if "--resolution" not in options else SMALL[2:]
    done = triscope(capsys, "mesh", "analytic:sphere", "--out", tmp_path / "a.ply", *base, *options)
    last = done.err.strip().splitlines()[-1]
    assert done.status == 2 and last.startswith("triscope: ") and said in last, done.err
    assert not list(tmp_path.iterdir())


def test_without_an_atlas_a_texture_is_refused(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "xatlas", None)  # as on machines for which it has no wheel
    done = triscope(
        capsys, "mesh", "analytic:sphere", "--out", tmp_path / "a.glb", "--color", "texture", *SMALL
    )
    assert (
        done.status == 2 and "textures need the package xatlas" in done.line and "triscope[mesh]" in done.line
    )
    assert not list(tmp_path.iterdir())


def test_no_checkpoint_and_wrong_suffix(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert "no checkpoint" in triscope(capsys, "mesh", "--out", tmp_path / "a.ply").line
    assert (
        ".ply or .obj or .glb or .stl" in triscope(capsys, "mesh", "demo", "--out", tmp_path / "a.fbx").line
    )


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_killed_process_leaves_nothing_under_the_name(tmp_path: Path, number: signal.Signals) -> None:
    """Killed while it evaluates, and while it writes; the next run clears what a killed one left."""
    out = tmp_path / "a.obj"
    with start(
        "mesh", "analytic:torus", "--out", out, "--resolution", 1024, "--json", OMP_NUM_THREADS="1"
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            found = json.loads(line).get("progress")
            if found and found["stage"] == ("write" if number == signal.SIGKILL else "evaluate"):
                break
        if number == signal.SIGKILL:
            until(lambda: list(tmp_path.iterdir()), "the file that is being written")
        process.send_signal(number)
        process.communicate(timeout=60)
        assert process.returncode != 0
    assert not out.exists()
    left = list(tmp_path.iterdir())
    assert len(left) == (1 if number == signal.SIGKILL else 0) and all(".part" in p.name for p in left)


@pytest.mark.slow
def test_a_full_disk_is_said(tmp_path: Path) -> None:
    """A limit on the size of files stands in for the disk: writing fails in the middle of the file."""
    limit = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
    command = [
        sys.executable,
        "-m",
        "core_model.cli.main",
        "mesh",
        "analytic:torus",
        "--out",
        str(tmp_path / "a.ply"),
        *map(str, SMALL),
    ]
    command[command.index("48")] = "128"
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, preexec_fn=limit, timeout=100)
    assert done.returncode == 2 and "cannot write" in done.stderr and "MB free" in done.stderr
    assert not list(tmp_path.iterdir())


def test_a_batch_along_a_path_and_a_light_copy(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "path.json"
    specs = [LatentSpec(seeds=({"seed": 3, "weight": 1 - t}, {"seed": 9, "weight": t})) for t in (0.25, 0.75)]
    path.write_text(json.dumps([json.loads(s.model_dump_json()) for s in specs]))
    out = tmp_path / "out"
    out.mkdir()
    options = ("--latents", path, "--display", tmp_path / "shown.npz", "--json", *SMALL)
    done = triscope(capsys, "mesh", "analytic:sphere", "--out", out / "a.ply", *options)
    assert done.status == 0 and sorted(p.name for p in out.iterdir()) == ["a.000.ply", "a.001.ply"]
    assert read_provenance(out / "a.001.ply").request.latent == specs[1]
    told = [p for line in done.out.splitlines() if (p := json.loads(line).get("progress"))]
    fractions = [p["fraction"] for p in told]
    assert fractions == sorted(fractions) and fractions[-1] == 1.0 and told[0]["stage"].startswith("1/2 ")
    with np.load(tmp_path / "shown.npz") as shown:
        faces = int(shown["triangles"])
        assert shown["faces"].shape == (faces, 3) and shown["faces"].dtype == np.uint32
        assert shown["vertices"].shape == shown["normals"].shape == shown["colours"].shape
        assert (shown["normals"] * shown["vertices"]).sum(axis=1).min() > 0, "normals point outwards"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[]", "no latents"),
        ('[{"seeds": [], "psi": 9}]', "bad list of latents, 0"),
        ("{", "bad list of latents"),
    ],
)
def test_a_bad_path_is_one_line(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, text: str, said: str
) -> None:
    (tmp_path / "path.json").write_text(text)
    options = ("--latents", tmp_path / "path.json", *SMALL)
    assert said in triscope(capsys, "mesh", "analytic:sphere", "--out", tmp_path / "a.ply", *options).line
    assert (
        "two batches"
        in triscope(
            capsys, "mesh", "analytic:sphere", "--out", tmp_path / "a.ply", "--seeds", "1", *options
        ).line
    )
