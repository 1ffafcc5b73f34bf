"""`orbit --path` renders the keys of a file; `--pivot` and `--orthographic` say the rest of a pose."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core_model.cli.orbit import PathOptions, frames_of
from core_model.schema.camera import OrbitPose
from core_model.schema.camera_path import CameraPath, PathKey, parse_camera_path
from core_model.schema.latent import LatentSpec
from core_model.schema.record_file import read_provenance
from core_model.schema.render import RenderRequest
from tests.cli.command import triscope

Capture = pytest.CaptureFixture[str]
SPHERE = ("analytic:sphere", "--size", 32, "--sampler", "uniform", "--device", "cpu", "--spp", 24)
FIRST = OrbitPose(yaw=-0.7, pitch=0.2, radius=2.4, pivot=(0.05, 0.0, 0.0), fov=0.3)
PATH = CameraPath(
    keys=(PathKey(time=0.0, pose=FIRST), PathKey(time=0.3, pose=OrbitPose(yaw=0.7)), PathKey(time=0.5, pose=OrbitPose(orthographic=True))),
    duration=0.5, fps=10.0,
)  # fmt: skip


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "path.json"
    path.write_text(PATH.model_dump_json())
    return path


def test_the_video_has_the_path_s_frames_and_begins_with_its_first_key(
    capsys: Capture, tmp_path: Path, file: Path
) -> None:
    av = pytest.importorskip("av")
    done = triscope(capsys, "orbit", *SPHERE, "--path", file, "--out", tmp_path / "o.mp4")
    assert done.status == 0 and "6 frames" in done.out, done.err
    with av.open(str(tmp_path / "o.mp4")) as container:
        assert container.streams.video[0].average_rate == 10
        frames = [f.to_ndarray(format="rgb24") for f in container.decode(video=0)]
    assert len(frames) == 6
    where = ("--yaw", -0.7, "--pitch", 0.2, "--radius", 2.4, "--pivot", 0.05, 0, 0, "--fov", 0.3)
    assert triscope(capsys, "render", *SPHERE, *where, "--out", tmp_path / "first.png").status == 0
    assert read_provenance(tmp_path / "first.png").request.camera == FIRST
    still = np.asarray(Image.open(tmp_path / "first.png").convert("RGB")).astype(float)
    errors = [float(((f - still) ** 2).mean()) for f in frames]
    assert errors[0] < 60 and min(errors[1:]) > 4 * errors[0]  # the encoder's loss, and no other frame
    record = read_provenance(tmp_path / "o.mp4")
    kept = record.motion.split("'")[1]
    assert parse_camera_path(kept) == PATH and "--fps 10" in record.motion


def test_frames_are_the_path_s_poses_and_heads(file: Path) -> None:
    request = RenderRequest(checkpoint="c", latent=LatentSpec.of_seed(5))
    frames = frames_of(PathOptions(file=str(file), frames=6, fps=10.0), request)
    assert (
        frames[0].camera == FIRST
        and frames[3].camera == PATH.keys[1].pose
        and frames[5].camera == PATH.keys[2].pose
    )
    assert {f.latent for f in frames} == {request.latent}
    heads = PATH.replace(keys=tuple(k.replace(latent=LatentSpec.of_seed(i)) for i, k in enumerate(PATH.keys)))
    moving = frames_of(PathOptions(file=heads.model_dump_json(), frames=6, fps=10.0), request)
    assert moving[3].latent == LatentSpec.of_seed(1) and len(moving[1].latent.seeds) == 2


def test_fps_on_the_line_changes_the_number_of_frames(capsys: Capture, tmp_path: Path, file: Path) -> None:
    done = triscope(capsys, "orbit", *SPHERE, "--path", file, "--fps", 4, "--out", tmp_path / "o.mp4")
    assert done.status == 0 and "3 frames" in done.out, done.err


@pytest.mark.parametrize(
    ("text", "more", "says"),
    [("{}", (), "keys"), ("nonsense", (), "JSON"), (None, (), "No such file"), (PATH.model_dump_json(), ("--yaw", 1), "--yaw"),
     (PATH.model_dump_json(), ("--frames", 3), "--frames"), (PATH.model_dump_json(), ("--motion", "turn"), "--motion"),
     (json.dumps({"keys": [{"time": 0, "pose": {}}], "duration": 3600, "fps": 240}), (), "too long")],
)  # fmt: skip
def test_what_is_wrong_with_a_path_is_one_line(
    capsys: Capture, tmp_path: Path, text: str | None, more: tuple[object, ...], says: str
) -> None:
    file = tmp_path / "p.json"
    if text is not None:
        file.write_text(text)
    done = triscope(capsys, "orbit", *SPHERE, "--path", file, *more, "--out", tmp_path / "o.mp4")
    assert done.status == 2 and says in done.line and not (tmp_path / "o.mp4").exists()


def test_orthographic_and_pivot_reach_the_request(capsys: Capture, tmp_path: Path) -> None:
    args = ("--orthographic", "--pivot", -0.1, 0.2, 0, "--out", tmp_path / "a.png")
    assert triscope(capsys, "render", *SPHERE, *args).status == 0
    camera = read_provenance(tmp_path / "a.png").request.camera
    assert isinstance(camera, OrbitPose) and camera.orthographic and camera.pivot == (-0.1, 0.2, 0.0)
