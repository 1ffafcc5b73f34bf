"""`triscope invert` as a command: a run directory, a code that renders, and a killed run that goes on as if nothing was."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from skimage.data import astronaut

from core_model import api
from core_model.checkpoints.codes import read_code
from core_model.cli.main import main
from core_model.data.faces.find import find_faces
from core_model.data.photos import Photo
from core_model.schema.camera import OrbitPose, label25
from core_model.schema.record_file import read_provenance
from core_model.schema.run import RunRecord
from tests.contracts.tiny_checkpoint import save_tiny
from tests.waiting import until

SETTINGS = [
    "--size=16", "--latent-steps=12", "--tune-steps=6", "--average-samples=128", "--refresh=2", "--save-steps=4",
    "--picture-steps=6", "--tick-steps=3", "--threads=1", "--device=cpu", "--face=none",
]  # fmt: skip


@pytest.fixture(scope="module")
def photo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A picture of another tiny generator: a bright blob on black."""
    folder = tmp_path_factory.mktemp("photo")
    save_tiny(folder / "base.safetensors")
    y, x = np.mgrid[0:40, 0:40] / 39.0 - 0.5
    blob = np.exp(-12.0 * (x**2 + y**2))[..., None] * (0.9, 0.6, 0.5)
    Image.fromarray((blob * 255).astype(np.uint8)).save(folder / "me.png")
    return folder / "me.png"


def invert(photo: Path, out: Path, *more: str) -> int:
    base = str(photo.parent / "base.safetensors")
    return main(["invert", str(photo), base, "--out", str(out), *SETTINGS, *more])


def test_a_run_directory_like_any_other(photo: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    assert invert(photo, out) == 0
    record = RunRecord.model_validate_json((out / "run.json").read_bytes())
    assert (record.state, record.kind, record.step, record.images_total) == ("finished", "invert", 18, 18)
    assert len((out / "stats.jsonl").read_text().splitlines()) >= 4
    assert {p.name for p in (out / "snapshots").iterdir()} == {f"{n:06d}.safetensors" for n in (6, 12, 18)}
    code = read_code(out / "code.safetensors")
    assert code.header.name == "me.png" and code.header.psnr is not None and code.header.tune_steps == 6
    assert any(n.startswith("delta/") for n in code.tensors)
    assert (
        main(["render", str(out / "code.safetensors"), "--out", str(tmp_path / "c.png"), "--size", "16"]) == 0
    )
    figure = Image.open(out / "figure.png")
    assert figure.width > 6 * 32 and read_provenance(out / "figure.png").request.latent.psi == 1.0
    assert Image.open(out / "photo.png").size == (40, 40)
    assert invert(photo, out) == 2, "the folder is in use"


def test_crop_and_label_on_the_line_are_the_camera_that_is_compared(photo: Path, tmp_path: Path) -> None:
    label = label25(OrbitPose(yaw=0.2, pitch=-0.1))
    out = tmp_path / "run"
    words = (
        "--crop",
        "-4,6,30",
        "--label",
        ",".join(f"{v:.7g}" for v in label),
        "--turn-lr=0",
        "--shift-lr=0",
        "--distance-lr=0",
    )
    base = str(photo.parent / "base.safetensors")
    settings = [one for one in SETTINGS if not one.startswith("--face")]
    assert main(["invert", str(photo), base, "--out", str(out), *settings, *words]) == 0
    code = read_code(out / "code.safetensors")
    np.testing.assert_allclose(code.header.camera, label, atol=1e-5)
    kept = np.asarray(Image.open(out / "photo.png").convert("RGB"), np.float32)
    whole = np.asarray(Image.open(photo).convert("RGB"), np.float32)
    assert kept.shape == (30, 30, 3)
    np.testing.assert_array_equal(kept[:, 4:], whole[6:36, :26])
    np.testing.assert_array_equal(kept[:, 0], kept[:, 4])  # beyond the rim


def test_a_killed_run_goes_on_bit_by_bit(photo: Path, tmp_path: Path) -> None:
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    assert invert(photo, whole) == 0
    line = [sys.executable, "-m", "core_model.cli.main", "invert", str(photo), str(photo.parent / "base.safetensors"),
            "--out", str(killed), *SETTINGS]  # fmt: skip
    process = subprocess.Popen(line, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until(lambda: (killed / "state.safetensors").exists() or process.poll() is not None, "a state", 120)
    finally:
        if process.poll() is None:
            os.kill(process.pid, signal.SIGKILL)
        process.wait()
    assert main(["invert", "--out", str(killed), "--resume"]) == 0
    a, b = read_code(whole / "code.safetensors"), read_code(killed / "code.safetensors")
    assert np.array_equal(a.w, b.w) and a.header.camera == b.header.camera
    assert a.header.psnr == b.header.psnr
    steps = lambda run: [line.split(",")[0] for line in (run / "stats.jsonl").read_text().splitlines()]
    assert steps(whole)[-1] == steps(killed)[-1]


def test_the_face_of_a_photograph_is_what_is_inverted(
    photo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """In EG3D's crop here: a generator of random weights has no face of its own."""
    Image.fromarray(astronaut()).save(tmp_path / "her.png")
    base, out = str(photo.parent / "base.safetensors"), tmp_path / "run"
    short = ["--size=32", "--latent-steps=1", "--tune-steps=0", *SETTINGS[3:-1]]
    assert main(["invert", str(tmp_path / "her.png"), base, "--out", str(out), *short]) == 0
    said = capsys.readouterr().err
    assert "the crop is that of EG3D" in said and "her.png: crop 1" in said and "yaw" in said
    with Image.open(out / "photo.png") as image:
        (face,) = find_faces(Photo(np.asarray(image.convert("RGB"), np.float32) / 255.0, None))
        left, right = face.points[0], face.points[1]
        assert (right[0] - left[0]) / image.width == pytest.approx(0.266, abs=0.03), "as large as in EG3D's"
    assert main(["invert", str(tmp_path / "her.png"), base, "--out", str(out) + "2", "--face=2"]) == 2
    assert "no such face in --face: expected 1, the only one, got 2" in capsys.readouterr().err


def test_mistakes_are_one_line(photo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = tmp_path / "not.png"
    text.write_text("hello")
    base = str(photo.parent / "base.safetensors")
    for words, expected in (
        ([str(text), base, "--out", str(tmp_path / "a")], "cannot read the photograph"),
        ([str(tmp_path / "none.png"), base, "--out", str(tmp_path / "a")], "photograph not found"),
        ([str(photo), "analytic:sphere", "--out", str(tmp_path / "a")], "nothing to invert into"),
        ([str(photo), "--out", str(tmp_path / "a")], "wrong number of files"),
        ([str(photo), base, "--out", str(tmp_path / "a"), "--crop", "1,2"], "bad value of --crop"),
        ([str(photo), base, "--out", str(tmp_path / "a"), "--crop", "900,0,20"], "outside the photograph"),
        ([str(photo), base, "--out", str(tmp_path / "a"), "--label", "1,2,nan"], "bad value of --label"),
        (["--out", str(tmp_path / "a"), "--resume"], "nothing to resume"),
        ([str(photo), base, "--out", str(tmp_path / "a")], "no face found"),
        ([str(photo), base, "--out", str(tmp_path / "a"), "--face=two"], "bad value of --face"),
        ([str(photo), base, "--out", str(tmp_path / "a"), "--face=1", "--crop=1,2,3"], "told twice"),
        (
            [str(photo), base, "--out", str(tmp_path / "a"), "--face=none", "--mask=alpha"],
            "photograph with transparency",
        ),
        (
            [str(photo), base, "--out", str(tmp_path / "a"), "--face=none", "--vgg=none.pth"],
            "no perceptual weights",
        ),
        (
            [str(photo), base, "--out", str(tmp_path / "a"), "--face=none", "--lpips=lin.pth"],
            "LPIPS needs VGG16 too",
        ),
    ):
        assert main(["invert", *words]) == 2
        said = capsys.readouterr().err.strip()
        assert expected in said and "\n" not in said
    shutil.rmtree(tmp_path / "a", ignore_errors=True)


def test_from_python(photo: Path, tmp_path: Path) -> None:
    settings = dict(setting.removeprefix("--").split("=") for setting in SETTINGS)
    found = api.invert(photo, photo.parent / "base.safetensors", tmp_path / "run", **settings)
    assert (
        found.about.name == "me.png"
        and found.run.state == "finished"
        and list(found.run.snapshots) == [6, 12, 18]
    )
    with api.open(found.code, device="cpu") as head:
        assert head.render(size=16).result.width == 16
