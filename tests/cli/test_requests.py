"""`--request`, and a view as a command line and as Python.

Each gives the picture of the session, bit for bit.
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core_model.cli.requests import given_options
from core_model.schema.camera import MatrixCamera, OrbitPose
from core_model.schema.checkpoint import CheckpointInfo
from core_model.schema.export import OPTIONS, command_of, default_request, python_of
from core_model.schema.latent import Ablation, SeedWeight, StyleMix
from core_model.schema.record import DisplayRange, RenderRecord
from core_model.schema.record_file import read_provenance
from core_model.schema.render import RenderRequest
from core_model.schema.sampler import SamplerSpec
from core_model.session import RenderSession
from tests.cli.command import triscope
from tests.contracts.tiny_checkpoint import save_tiny
from tests.house.sources import ROOT

Capture = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> str:
    return save_tiny(tmp_path_factory.mktemp("a folder") / "tiny.safetensors")


@pytest.fixture(scope="module")
def session() -> RenderSession:
    return RenderSession(device="cpu")


@pytest.fixture(scope="module")
def info(session: RenderSession, tiny: str) -> CheckpointInfo:
    return session.open(tiny)


def views(info: CheckpointInfo) -> dict[str, RenderRequest]:
    """Requests as the window makes them."""
    base = default_request(info).replace(width=24, height=24)
    spp = next(s.default_spp for s in info.samplers if s.name == base.sampler.name)
    w = tuple(tuple((i + k) / 97.0 for k in range(info.w_dim)) for i in range(info.num_ws))
    blend = (SeedWeight(seed=3, weight=0.25), SeedWeight(seed=4, weight=0.75))
    learned = SamplerSpec(name="learned", spp=spp)
    return {
        "default": base.replace(sampler=learned),
        "seed and camera": base.replace(
            latent=base.latent.replace(seeds=(SeedWeight(seed=7),), psi=0.3, cutoff=None),
            camera=base.camera.replace(yaw=-0.1234567890123, pitch=-1e-05),
        ),
        "mixed seeds": base.replace(
            latent=base.latent.replace(seeds=blend, mix=StyleMix(seed=9, layers=(1, 2)))
        ),
        "ablated": base.replace(
            latent=base.latent.replace(ablate=Ablation(planes=((0, 2), (0, 0)), fill="zero"))
        ),
        "own w": base.replace(latent=base.latent.replace(w=w)),
        "own budgets": base.replace(
            sampler=SamplerSpec(name="learned", spp=spp, low_budget=5, high_budget=11, strategy="stratified")
        ),
        "bf16": base.replace(precision="bf16", skip_empty=False),
        "normal": base.replace(
            channels=("normal", "depth"), sampler=SamplerSpec(name="importance", spp=20.0)
        ),
        "pivot": base.replace(
            camera=base.camera.replace(pivot=(0.1, 0.0, 0.05), orthographic=True), background=(1.0, 0.0, 0.5)
        ),
        "jitter": base.replace(sampler=SamplerSpec(name="stratified", spp=9.5, jitter=True), seed=12),
        "rules": base.replace(
            sampler=SamplerSpec(name="learned", hard_rule="leftover", leftover_bins=5),
            view_dirs="camera",
            camera=base.camera.replace(yaw=0.5),
        ),
        "not square": base.replace(width=20, height=12),
        "matrix": base.replace(
            camera=MatrixCamera(pose=_pose(), normalized_intrinsics=(4.2, 0, 0.5, 0, 4.2, 0.5, 0, 0, 1))
        ),
    }


def _pose() -> tuple[float, ...]:
    return tuple(OrbitPose(yaw=0.2).world_from_cam().reshape(-1).tolist())


NAMES = (
    "default", "seed and camera", "mixed seeds", "ablated", "own w", "own budgets", "bf16", "normal", "pivot", "jitter",
    "rules", "not square", "matrix",
)  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_the_command_gives_the_picture(
    capsys: Capture,
    tmp_path: Path,
    session: RenderSession,
    info: CheckpointInfo,
    name: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    request = views(info)[name]
    frame = session.render(request)
    assert frame.result.error is None
    command = command_of(request, info, "a.npz")
    if command.file_text:
        Path("view.json").write_text(command.file_text)
    done = triscope(capsys, *shlex.split(shlex.join(command.words)), "--device", "cpu")
    assert done.status == 0, done.err
    with np.load("a.npz", allow_pickle=False) as file:
        for channel in request.channels:
            np.testing.assert_array_equal(file[channel], frame.arrays[channel])


def test_every_setting_of_a_picture_has_an_option() -> None:
    """A field of a request that no option sets can be neither typed nor overridden.

    What is left out here goes by `--request` alone.
    """
    reached = {
        path.split(".")[-1] if path.startswith("sampler.") else path.split(".")[0]
        for path in OPTIONS.values()
    }
    ours = {
        "checkpoint",
        "height",
        "tier",
        "background",
        "tile_rays",
        "shared_rays",
        "sampler",
    }  # height follows --size
    budgets = {"low_budget", "high_budget"}
    assert (set(RenderRequest.model_fields) - ours) <= reached
    assert {n if n != "name" else "name" for n in SamplerSpec.model_fields} - budgets <= reached


def test_the_command_is_short(info: CheckpointInfo) -> None:
    def words(name: str, out: str = "a.png") -> list[str]:
        return list(command_of(views(info)[name], info, out).words[4:])

    assert words("default") == ["--size", "24"]
    turned = words("seed and camera")
    assert turned[:4] == ["--seed", "7", "--size", "24"] and "--request" not in turned
    assert turned[-4:] == ["--yaw", "-0.1234567890123", "--pitch", "-0.00001"] and turned[4:8] == [
        "--psi",
        "0.3",
        "--cutoff",
        "none",
    ]
    assert words("rules")[2:] == [
        "--yaw",
        "0.5",
        "--hard-rule",
        "leftover",
        "--leftover-bins",
        "5",
        "--view-dirs",
        "camera",
    ]
    assert words("bf16") == ["--size", "24", "--no-skip-empty", "--precision", "bf16"]
    pivot = words("pivot")
    assert json.loads(pivot[1]) == {"background": [1.0, 0.0, 0.5]} and pivot[-5:] == [
        "--pivot",
        "0.1",
        "0",
        "0.05",
        "--orthographic",
    ]
    assert words("ablated") == ["--size", "24", "--ablate", "xy,yz:zero"]
    mixed = words("mixed seeds")
    assert mixed[0] == "--request" and set(json.loads(mixed[1])["latent"]) == {"seeds", "mix"}
    long = command_of(views(info)["own w"], info, "a.png", "w.json")
    assert long.words[4:6] == ("--request", "w.json") and set(json.loads(long.file_text)) == {"latent"}


@pytest.mark.parametrize("name", ["mixed seeds", "own budgets", "pivot"])
def test_the_python_gives_the_picture(
    tmp_path: Path, session: RenderSession, info: CheckpointInfo, name: str
) -> None:
    request = views(info)[name].replace(channels=("normal", "rgb"))
    text = python_of(request, info, "p.npz")
    assert len(text.splitlines()) < 26
    subprocess.run(
        [sys.executable, "-c", text],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        check=True,
        timeout=120,
    )
    frame = session.render(request)
    with np.load(tmp_path / "p.npz", allow_pickle=False) as file:
        for channel in request.channels:
            np.testing.assert_array_equal(file[channel], frame.arrays[channel])


def test_options_override_a_stored_request(capsys: Capture, tmp_path: Path, info: CheckpointInfo) -> None:
    stored = views(info)["own budgets"].replace(camera=OrbitPose(yaw=0.3, radius=2.5), width=16, height=16)
    record = RenderRecord(request=stored, checkpoint_sha256=info.sha256)
    (tmp_path / "r.json").write_text(record.model_dump_json())
    out = ("--out", tmp_path / "a.png", "--device", "cpu")
    assert triscope(capsys, "render", "--request", tmp_path / "r.json", *out).status == 0
    assert read_provenance(tmp_path / "a.png").request == stored
    more = (
        "--pitch",
        "0.1",
        "--spp",
        "9",
        "--seed",
        "5",
        "--size",
        "12",
        "--channels",
        "depth",
        "--no-adaptive",
    )
    done = triscope(capsys, "render", "--request", tmp_path / "a.png", *more, *out)
    assert done.status == 0, done.err
    found = read_provenance(tmp_path / "a.png").request
    assert found.camera == OrbitPose(
        yaw=0.3, pitch=0.1, radius=2.5
    ) and found.latent == stored.latent.replace(seeds=(SeedWeight(seed=5),))
    assert found.sampler == SamplerSpec(name="learned", strategy="stratified", spp=9.0, adaptive=False)
    assert (found.width, found.height, found.channels) == (12, 12, ("depth",))


def test_another_checkpoint_is_said(capsys: Capture, tmp_path: Path, info: CheckpointInfo) -> None:
    record = RenderRecord(request=views(info)["default"], checkpoint_sha256="0" * 64)
    (tmp_path / "r.json").write_text(record.model_dump_json())
    done = triscope(
        capsys, "render", "--request", tmp_path / "r.json", "--out", tmp_path / "a.png", "--device", "cpu"
    )
    assert done.status == 0 and "another SHA-256" in done.err


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("{", "JSON"), ('{"latnet": {}}', "latnet"), ('{"latent": {"psi": 9}}', "latent.psi"), ("none.json", "not found"),
        ('{"camera": {"kind": "matrix"}}', "camera"), ('{"request": {"checkpoint": 1}}', "checkpoint"), ("[1]", "provenance"),
    ],
)  # fmt: skip
def test_a_bad_request_is_one_line(capsys: Capture, tmp_path: Path, text: str, word: str) -> None:
    done = triscope(
        capsys, "render", "analytic:sphere", "--size", 8, "--request", text, "--out", tmp_path / "a.png"
    )
    assert done.status == 2 and word in done.line
    assert triscope(capsys, "render", "--out", tmp_path / "a.png").status == 2


def test_given_options_are_found() -> None:
    found = given_options(
        ["--no-adaptive", "--noise_seed", "3", "--psi=0.5", "-1", "x", "--no-skip-empty", "--"]
    )
    assert found == {"adaptive", "noise-seed", "psi", "skip-empty"}


def test_a_cut_out_has_the_opacity_as_alpha(capsys: Capture, tmp_path: Path) -> None:
    scene = ("analytic:sphere", "--size", 32, "--device", "cpu", "--out", tmp_path / "a.png")
    assert triscope(capsys, "render", *scene, "--transparent").status == 0
    cut = np.asarray(Image.open(tmp_path / "a.png")).astype(float)
    assert cut.shape == (32, 32, 4) and cut[0, 0, 3] == 0 and cut[16, 16, 3] > 250
    assert read_provenance(tmp_path / "a.png").request.background is None
    assert triscope(capsys, "render", *scene).status == 0
    plain = np.asarray(Image.open(tmp_path / "a.png")).astype(float)[..., :3]
    solid = cut[..., 3] == 255
    assert solid.sum() > 20
    np.testing.assert_allclose(cut[solid, :3], plain[solid], atol=2)


def test_grey_pictures_keep_the_values(capsys: Capture, tmp_path: Path, session: RenderSession) -> None:
    args = ("analytic:sphere", "--size", 24, "--device", "cpu", "--channels", "depth", "--scalars", "grey16")
    assert triscope(capsys, "render", *args, "--out", tmp_path / "d.png").status == 0
    record = read_provenance(tmp_path / "d.png")
    (shown,) = record.display
    grey = np.asarray(Image.open(tmp_path / "d.png")).astype(np.float64)
    depth = session.render(record.request).arrays["depth"]
    assert ((grey == 0) == np.isnan(depth)).all() and np.isfinite(depth).any()
    back = np.where(grey == 0, np.nan, shown.low + (grey - 1) / 65534 * (shown.high - shown.low))
    np.testing.assert_allclose(back, depth, atol=(shown.high - shown.low) / 60000)
    assert triscope(capsys, "render", *args, "--out", tmp_path / "d.exr").status == 2


def test_colours_as_the_window_shows_them(capsys: Capture, tmp_path: Path, info: CheckpointInfo) -> None:
    display = DisplayRange(channel="depth", colormap="magma", low=2.0, high=3.0, invert=True)
    record = RenderRecord(request=views(info)["default"].replace(channels=("depth",)), display=(display,))
    (tmp_path / "r.json").write_text(record.model_dump_json())
    done = triscope(
        capsys, "render", "--request", tmp_path / "r.json", "--out", tmp_path / "d.png", "--device", "cpu"
    )
    assert done.status == 0, done.err
    found = read_provenance(tmp_path / "d.png")
    assert found.display == (display,) and found.shown == "depth"


def test_ablate_puts_planes_back_that_a_stored_view_left_out(
    capsys: Capture, tmp_path: Path, session: RenderSession, info: CheckpointInfo
) -> None:
    request = views(info)["ablated"].replace(channels=("rgb",))
    words = ("--size", "24", "--device", "cpu", "--channels", "rgb")
    stored = ("--request", request.model_dump_json())
    plain = triscope(capsys, "render", "--out", tmp_path / "plain.npz", *stored, *words, "--ablate", "none")
    only = triscope(capsys, "render", "--out", tmp_path / "only.npz", *stored, *words, "--ablate", "xz")
    assert plain.status == only.status == 0, plain.err + only.err
    for name, ablate in (("plain", None), ("only", Ablation(planes=((0, 1),)))):
        expected = session.render(request.replace(latent=request.latent.replace(ablate=ablate))).arrays["rgb"]
        with np.load(tmp_path / f"{name}.npz", allow_pickle=False) as file:
            np.testing.assert_array_equal(file["rgb"], expected)
    closed = triscope(capsys, "render", "analytic:sphere", "--out", tmp_path / "x.png", "--ablate", "xy")
    assert closed.status == 2 and "no plane to ablate" in closed.err
