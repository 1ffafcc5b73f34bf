"""The commands on a file with a super-resolution.

Every picture is the finished one, `--channels raw` what is before it.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core_model.checkpoints.store import save_checkpoint
from core_model.schema.export import default_request
from core_model.schema.render import RenderRequest
from core_model.session import RenderSession
from tests.cli.command import triscope
from tests.parity.test_session import network
from tests.unit.families.foreign_nets import native

Capture = pytest.CaptureFixture[str]
QUICK = ("--device", "cpu", "--threads", 1)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = Path(tmp_path_factory.mktemp("final"))
    return save_checkpoint(folder / "eg3d.safetensors", *native("eg3d", network("eg3d")))


@pytest.fixture(scope="module")
def session() -> RenderSession:
    return RenderSession(device="cpu", threads=1)


def finished(session: RenderSession, path: Path, **changes: object) -> tuple[np.ndarray, RenderRequest]:
    """The picture [H, W, 3] that a render without options shows, and its request."""
    request = default_request(session.open(str(path))).replace(**changes)
    return np.rint(session.render(request).arrays["rgb"].transpose(1, 2, 0) * 255.0), request


def near(file: Path, want: np.ndarray) -> bool:
    got = np.asarray(Image.open(file).convert("RGB"), np.float64)
    return got.shape == want.shape and float(np.abs(got - want).mean()) < 0.5


def test_render_without_options(capsys: Capture, tmp_path: Path, path: Path, session: RenderSession) -> None:
    done = triscope(capsys, "render", path, "--out", tmp_path / "a.png", *QUICK)
    assert done.status == 0 and "128 x 128, auto: " in done.out, done.err + done.out
    want, request = finished(session, path)
    assert near(tmp_path / "a.png", want)
    raw = session.render(request.replace(channels=("raw",))).arrays["raw"].transpose(1, 2, 0) * 255.0
    assert (
        triscope(capsys, "render", path, "--out", tmp_path / "raw.png", "--channels", "raw", *QUICK).status
        == 0
    )
    assert near(tmp_path / "raw.png", np.rint(raw)) and not near(tmp_path / "raw.png", want)


def test_cut_out(capsys: Capture, tmp_path: Path, path: Path) -> None:
    done = triscope(
        capsys,
        "render",
        path,
        "--out",
        tmp_path / "a.png",
        "--transparent",
        "--fov",
        0.6,
        "--size",
        64,
        *QUICK,
    )
    assert done.status == 0, done.err
    alpha = np.asarray(Image.open(tmp_path / "a.png"))[..., 3]
    assert alpha.shape == (64, 64) and alpha[0, 0] == 0 and alpha[28:36, 28:36].max() > 200


def test_sheets_and_videos(
    capsys: Capture, tmp_path: Path, path: Path, session: RenderSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[RenderRequest, np.ndarray]] = []
    render = RenderSession.render

    def watched(self: RenderSession, request: RenderRequest, *more: object, **named: object) -> object:
        frame = render(self, request, *more, **named)  # type: ignore[arg-type]
        seen.append((request, frame.arrays["rgb"]))
        return frame

    monkeypatch.setattr(RenderSession, "render", watched)
    small = ("--size", 48, *QUICK)
    for command in (
        ("sheet", path, "--out", tmp_path / "s.png", "--seeds", "3", "--yaws=0.2", *small),
        ("orbit", path, "--out", tmp_path / "o.mp4", "--frames", 2, *small),
    ):
        seen.clear()
        done = triscope(capsys, *command)
        assert done.status == 0, done.err
        assert seen and all(request.sampler.name == "auto" for request, _ in seen)
        request, rgb = seen[0]
        want = (
            render(session, request.replace(native=True, width=128, height=128)).arrays["rgb"].clip(0.0, 1.0)
        )
        third = (
            want.reshape(3, 16, 8, 16, 8).mean(axis=(2, 4)),
            rgb.reshape(3, 16, 3, 16, 3).mean(axis=(2, 4)),
        )
        assert np.abs(third[0] - third[1]).mean() < 0.02
