"""`render`, `orbit` and `inspect` on a field with known answers, through the real session."""

from __future__ import annotations

import json
import math
import signal
from pathlib import Path

import numpy as np
import OpenEXR
import pytest
from PIL import Image

from core_model.schema.camera import OrbitPose, label25
from core_model.schema.inspect import RayReport
from core_model.schema.record_file import read_provenance
from core_model.schema.sampler import SamplerSpec
from tests.cli.command import start, triscope
from tests.waiting import until

Capture = pytest.CaptureFixture[str]
SPHERE = ("analytic:sphere", "--size", 32, "--sampler", "uniform", "--device", "cpu")


def npz(capsys: Capture, path: Path, *args: object) -> dict[str, np.ndarray]:
    done = triscope(capsys, "render", *SPHERE, "--out", path, *args)
    assert done.status == 0, done.err
    with np.load(path, allow_pickle=False) as file:
        return {name: file[name] for name in file.files}


def test_png_of_one_channel(capsys: Capture, tmp_path: Path) -> None:
    done = triscope(capsys, "render", *SPHERE, "--out", tmp_path / "a.png", "--yaw", 0.3)
    assert done.status == 0 and str(tmp_path / "a.png") in done.out and "32 x 32" in done.out
    assert [p.name for p in tmp_path.iterdir()] == ["a.png"]
    assert Image.open(tmp_path / "a.png").size == (32, 32)
    request = read_provenance(tmp_path / "a.png").request
    assert isinstance(request.camera, OrbitPose) and request.camera.yaw == 0.3
    assert request.sampler.name == "uniform"


def test_png_of_several_channels(capsys: Capture, tmp_path: Path) -> None:
    done = triscope(capsys, "render", *SPHERE, "--out", tmp_path / "a.png", "--channels", "normal,depth")
    assert done.status == 0
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.depth.png", "a.png"]
    assert read_provenance(tmp_path / "a.depth.png").display[0].channel == "depth"


def test_npz_holds_the_channels_and_the_camera(capsys: Capture, tmp_path: Path) -> None:
    arrays = npz(
        capsys, tmp_path / "a.npz", "--yaw", 0.4, "--pitch", -0.2, "--channels", "rgb,normal,depth,opacity"
    )
    assert {n: v.shape for n, v in arrays.items() if n not in ("w", "provenance")} == {
        "rgb": (3, 32, 32),
        "normal": (3, 32, 32),
        "depth": (32, 32),
        "opacity": (32, 32),
        "world_from_cam": (4, 4),
        "intrinsics": (3, 3),
    }
    pose = OrbitPose(yaw=0.4, pitch=-0.2)
    np.testing.assert_allclose(arrays["world_from_cam"], pose.world_from_cam(), atol=1e-6)
    np.testing.assert_allclose(arrays["intrinsics"], pose.intrinsics(), atol=1e-6)
    assert arrays["rgb"].min() >= 0 and arrays["rgb"].max() <= 1
    # The centre of the sphere's image: nearest point, normal towards the camera.
    middle = arrays["opacity"][15:17, 15:17]
    assert middle.min() > 0.95
    toward = pose.world_from_cam()[:3, 3] / 2.7
    np.testing.assert_allclose(arrays["normal"][:, 15:17, 15:17].mean(axis=(1, 2)), toward, atol=0.08)


def test_npz_holds_every_channel_by_default(capsys: Capture, tmp_path: Path) -> None:
    arrays = npz(capsys, tmp_path / "a.npz")
    assert {"rgb", "normal", "depth", "opacity", "samples", "position"} <= set(arrays)


def test_exr_has_the_same_floats_as_npz(capsys: Capture, tmp_path: Path) -> None:
    arrays = npz(capsys, tmp_path / "a.npz", "--channels", "rgb,depth")
    assert (
        triscope(capsys, "render", *SPHERE, "--out", tmp_path / "a.exr", "--channels", "rgb,depth").status
        == 0
    )
    with OpenEXR.File(str(tmp_path / "a.exr"), separate_channels=True) as file:
        planes = file.channels()
        np.testing.assert_array_equal(planes["depth"].pixels, arrays["depth"])
        np.testing.assert_array_equal(planes["B"].pixels, arrays["rgb"][2])


def test_label_and_angles_are_the_same_camera_as_numbers(capsys: Capture, tmp_path: Path) -> None:
    pose = OrbitPose(yaw=0.35, pitch=0.1)
    np.save(tmp_path / "c.npy", label25(pose))
    np.save(tmp_path / "a.npy", np.array([0.35, 0.1, 0.0]))
    by_numbers = npz(capsys, tmp_path / "1.npz", "--yaw", 0.35, "--pitch", 0.1, "--channels", "depth")
    by_label = npz(capsys, tmp_path / "2.npz", "--label", tmp_path / "c.npy", "--channels", "depth")
    by_angles = npz(capsys, tmp_path / "3.npz", "--angles", tmp_path / "a.npy", "--channels", "depth")
    np.testing.assert_array_equal(by_numbers["depth"], by_angles["depth"])
    np.testing.assert_allclose(by_numbers["world_from_cam"], by_label["world_from_cam"], atol=1e-6)
    close = np.isclose(by_numbers["depth"], by_label["depth"], atol=1e-3, equal_nan=True)
    assert close.mean() > 0.98  # the label is float32: rays that graze the sphere may differ


def test_renders_are_repeatable(capsys: Capture, tmp_path: Path) -> None:
    first = npz(capsys, tmp_path / "1.npz", "--jitter", "--noise-seed", 5, "--channels", "rgb")
    again = npz(capsys, tmp_path / "2.npz", "--jitter", "--noise-seed", 5, "--channels", "rgb")
    other = npz(capsys, tmp_path / "3.npz", "--jitter", "--noise-seed", 6, "--channels", "rgb")
    np.testing.assert_array_equal(first["rgb"], again["rgb"])
    assert not np.array_equal(first["rgb"], other["rgb"])


def test_a_written_file_holds_the_request_that_makes_it_again(capsys: Capture, tmp_path: Path) -> None:
    npz(capsys, tmp_path / "a.npz", "--seed", 7, "--psi", 0.5, "--spp", 12, "--channels", "rgb")
    request = read_provenance(tmp_path / "a.npz").request
    assert request.checkpoint == "analytic:sphere"
    assert (request.latent.seeds[0].seed, request.latent.psi) == (7, 0.5)
    assert request.sampler == SamplerSpec(name="uniform", spp=12)
    assert (request.width, request.height, request.channels) == (32, 32, ("rgb",))


@pytest.mark.parametrize(
    ("args", "word"),
    [
        (["--channels", "rgb,dpeth"], "did you mean 'depth'"),
        (["--sampler", "unifrom"], "did you mean 'uniform'"),
        (["--pitch", "3"], "pitch"),
        (["--psi", "11"], "--psi"),
        (["--label", "none.npy"], "none.npy"),
        (["--device", "quantum"], "quantum"),
    ],
)
def test_wrong_values_are_one_line(capsys: Capture, tmp_path: Path, args: list[str], word: str) -> None:
    done = triscope(capsys, "render", *SPHERE, "--out", tmp_path / "a.png", *args)
    assert done.status == 2 and word in done.line
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_analytic_field_is_one_line(capsys: Capture, tmp_path: Path) -> None:
    done = triscope(capsys, "render", "analytic:spehre", "--out", tmp_path / "a.png")
    assert done.status == 2 and "sphere" in done.line


def test_orbit_writes_a_closed_loop(capsys: Capture, tmp_path: Path) -> None:
    av = pytest.importorskip("av")
    args = ("--frames", 6, "--fps", 12, "--channel", "depth", "--spp", 16)
    done = triscope(capsys, "orbit", *SPHERE, "--out", tmp_path / "o.mp4", *args)
    assert done.status == 0 and "6 frames" in done.out
    with av.open(str(tmp_path / "o.mp4")) as container:
        assert sum(1 for _ in container.decode(video=0)) == 6
    record = read_provenance(tmp_path / "o.mp4")
    assert "--motion sway" in record.motion and "--frames 6" in record.motion


def test_inspect_gives_the_hit_of_the_sphere(capsys: Capture, tmp_path: Path) -> None:
    args = ("--pixel", "16,16", "--out", tmp_path / "r.json")
    assert triscope(capsys, "inspect", *SPHERE, *args).status == 0
    document = json.loads((tmp_path / "r.json").read_text())
    nan = {"sdf", "beta"}  # JSON has no NaN: null stands where the ray is outside the box
    series = {k: [math.nan if v is None else v for v in document["report"][k]] for k in nan}
    report = RayReport.model_validate(document["report"] | series | {"colors": []})
    assert report.hit_box and report.near < report.far and (report.x, report.y) == (16, 16)
    t, sdf = np.array(report.t), np.array(report.sdf)
    crossing = t[np.argmax(sdf < 0)]
    # A sphere about the origin: |o + t d| at the crossing is its radius, the SDF's value at the centre.
    point = np.array(report.origin) + crossing * np.array(report.direction)
    assert np.linalg.norm(point) == pytest.approx(-np.nanmin(sdf), abs=2.5 * float(np.diff(t).max()))
    assert read_provenance(tmp_path / "r.json").request.width == 32


def test_inspect_draws_a_chart(capsys: Capture, tmp_path: Path) -> None:
    args = ("--pixel", "16,16", "--out", tmp_path / "r.png")
    assert triscope(capsys, "inspect", *SPHERE, *args).status == 0
    picture = np.asarray(Image.open(tmp_path / "r.png").convert("RGB"))
    assert picture.shape == (1000, 1600, 3) and (picture < 250).any(axis=-1).mean() > 0.01


def test_inspect_outside_the_picture(capsys: Capture, tmp_path: Path) -> None:
    done = triscope(capsys, "inspect", *SPHERE, "--pixel", "32,0", "--out", tmp_path / "r.json")
    assert done.status == 2 and "below 32" in done.line


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupt_leaves_nothing(tmp_path: Path, number: signal.Signals, status: int) -> None:
    process = start(
        "orbit", "analytic:sphere", "--size", "64", "--frames", "5000", "--out", tmp_path / "o.mp4"
    )
    until(lambda: list(tmp_path.iterdir()) or process.poll() is not None, "the first file", 60.0)
    process.send_signal(number)
    _, err = process.communicate(timeout=30)
    assert process.returncode == status, err
    assert err.strip().splitlines()[-1] == "triscope: cancelled"
    assert list(tmp_path.iterdir()) == []


def test_info_of_an_analytic_field(capsys: Capture) -> None:
    document = json.loads(triscope(capsys, "info", "analytic:torus", "--json").out)
    assert document["family"] == "analytic"
    assert math.isfinite(document["header"]["conventions"]["box"])
