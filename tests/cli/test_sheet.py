"""Contact sheets and walks through latents."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core_model.cli.orbit import PathOptions, frames_of
from core_model.output.images import picture
from core_model.output.turntable import latent_walk
from core_model.report.contact_sheet import SheetPage, SheetPlan, round_length
from core_model.schema.camera import MatrixCamera, OrbitPose
from core_model.schema.errors import InputError
from core_model.schema.latent import LatentSpec
from core_model.schema.record_file import read_provenance
from core_model.schema.render import RenderRequest
from core_model.schema.sampler import SamplerSpec
from core_model.session import RenderSession
from tests.cli.command import triscope
from tests.contracts.tiny_checkpoint import save_tiny

Capture = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> str:
    return save_tiny(tmp_path_factory.mktemp("tiny") / "tiny.safetensors")


def test_a_sheet_holds_the_pictures_of_its_cells(capsys: Capture, tmp_path: Path, tiny: str) -> None:
    args = ("--size", 20, "--seeds", "1,4-5", "--yaws", "-0.3,0.3", "--device", "cpu", "--psi", "0.9")
    done = triscope(capsys, "sheet", tiny, "--out", tmp_path / "s.png", *args)
    assert done.status == 0 and "3 x 2 pictures" in done.out, done.err
    page = np.asarray(Image.open(tmp_path / "s.png").convert("RGB"))
    record = read_provenance(tmp_path / "s.png")
    assert record.motion == "--seeds 1,4-5 --yaws -0.3,0.3" and record.request.latent.seeds[0].seed == 1
    plan = SheetPlan(record.request, (1, 4, 5), "yaw", (-0.3, 0.3))
    session = RenderSession(device="cpu")
    info = session.open(tiny)
    rgb = next(c for c in info.channels if c.name == "rgb")
    expected = SheetPage(plan, "title")
    for i, cell in enumerate(plan.cells()):
        expected.put(i, picture(rgb, session.render(cell).arrays["rgb"])[0])
    assert page.shape == expected.pixels.shape
    left, top = expected._left, expected._top
    np.testing.assert_array_equal(page[top:, left:], expected.pixels[top:, left:])
    assert (page[: top - 2] < 128).any() and (page[top:, : left - 2] < 128).any(), "captions"


def test_columns_of_psi(capsys: Capture, tmp_path: Path, tiny: str) -> None:
    args = ("--size", 12, "--seeds", "0-1", "--psis", "0,1", "--channel", "depth", "--device", "cpu")
    assert triscope(capsys, "sheet", tiny, "--out", tmp_path / "s.png", *args).status == 0
    record = read_provenance(tmp_path / "s.png")
    assert (
        record.request.latent.psi == 0.0 and record.shown == "depth" and record.display[0].channel == "depth"
    )


def test_channels_of_a_row_come_from_one_render_into_a_pdf(
    capsys: Capture, tmp_path: Path, tiny: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[RenderRequest] = []
    render = RenderSession.render

    def counted(self: RenderSession, request: RenderRequest, *rest: object, **more: object):
        asked.append(request)
        return render(self, request, *rest, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(RenderSession, "render", counted)
    args = (
        "--size",
        48,
        "--seeds",
        "0-1",
        "--channels",
        "rgb,normal,depth",
        "--scale-bar",
        "--device",
        "cpu",
    )
    done = triscope(capsys, "sheet", tiny, "--out", tmp_path / "f.pdf", *args)
    assert done.status == 0 and "2 x 3 pictures" in done.out, done.err
    assert len(asked) == 2 and set(asked[0].channels) == {"rgb", "normal", "depth"}
    data = (tmp_path / "f.pdf").read_bytes()
    assert data.startswith(b"%PDF-") and b"/Subject" in data and b"/MediaBox" in data
    record = read_provenance(tmp_path / "f.pdf")
    assert record.request.checkpoint == tiny and record.request.width == 48 and "--channels" in record.motion


def test_rows_of_checkpoints_and_columns_of_samplers(capsys: Capture, tmp_path: Path, tiny: str) -> None:
    other = save_tiny(tmp_path / "other.safetensors")
    args = ("--size", 16, "--samplers", "uniform,learned:robust", "--device", "cpu", "--row-names", "one,")
    done = triscope(
        capsys, "sheet", tiny, "--out", tmp_path / "f.png", "--checkpoints", f"{tiny},{other}", *args
    )
    assert done.status == 0 and "2 x 2 pictures" in done.out, done.err
    record = read_provenance(tmp_path / "f.png")
    assert record.request.sampler.name == "uniform" and "--samplers uniform,learned:robust" in record.motion


def test_captions_and_views_of_a_plan() -> None:
    request = RenderRequest(checkpoint="a.safetensors", camera=OrbitPose())
    plan = SheetPlan(request, (0,), "view", ((0.1, 0.2), (0.3, -0.2)), column_names=("front", ""))
    assert [c.camera.pitch for c in plan.cells()] == [0.2, -0.2]  # type: ignore[union-attr]
    assert [plan.caption(i) for i in (0, 1)] == ["front", "yaw 0.3, pitch -0.2 rad"]
    plan = SheetPlan(request, (), "sampler", ("learned:robust",), checkpoints=("x/step.safetensors",))
    assert plan.row_caption(0) == "step" and plan.caption(0, {"learned": "Learned"}) == "Learned, robust"
    assert [round_length(v) for v in (0.31, 1.0, 0.09)] == [0.2, 1.0, 0.05]


@pytest.mark.parametrize(
    ("args", "word"),
    [
        (["--yaws", "1", "--psis", "1"], "twice"), (["--yaws", "a,b"], "--yaws"), (["--seeds", "x"], "--seeds"),
        (["--seeds", "0-9999"], "large"), (["--views", "1"], "--views"), (["--channels", "nothing"], "nothing"),
        (["--row-names", "a"], "--row-names"), (["--samplers", "uniform", "--psis", "1"], "twice"),
    ],
)  # fmt: skip
def test_wrong_sheets_are_one_line(capsys: Capture, tmp_path: Path, args: list[str], word: str) -> None:
    done = triscope(capsys, "sheet", "analytic:sphere", "--out", tmp_path / "s.png", "--device", "cpu", *args)
    assert done.status == 2 and word in done.line and list(tmp_path.iterdir()) == []


def test_a_walk_passes_its_seeds_smoothly() -> None:
    seeds = [3, 8, 5]
    walk = latent_walk(LatentSpec(psi=0.5), seeds, 300)
    value = {3: 0.0, 8: 1.0, 5: -0.5}
    path = np.array([sum(s.weight * value[s.seed] for s in spec.seeds) for spec in walk])
    assert [walk[i].seeds[0].seed for i in (0, 100, 200)] == seeds and len(walk[0].seeds) == 1
    np.testing.assert_allclose([sum(s.weight for s in spec.seeds) for spec in walk], 1.0)
    closed = np.append(path, path[0])
    assert np.abs(np.diff(closed)).max() < 0.03 and np.abs(np.diff(closed, 2)).max() < 2e-3
    assert {spec.psi for spec in walk} == {0.5}
    with pytest.raises(InputError, match="two seeds"):
        latent_walk(LatentSpec(), [1], 10)


def test_a_walk_has_a_fixed_camera_unless_it_is_told_to_turn() -> None:
    request = RenderRequest(checkpoint="c", camera=OrbitPose(yaw=0.2))
    fixed = frames_of(PathOptions(walk="0-2", frames=6), request)
    assert all(f.camera == request.camera for f in fixed) and len({str(f.latent) for f in fixed}) == 6
    turning = frames_of(PathOptions(walk="0-2", motion="turn", frames=6), request)
    assert len({str(f.camera) for f in turning}) == 6
    matrix = MatrixCamera(
        pose=tuple(np.eye(4).reshape(-1)), normalized_intrinsics=(4.0, 0, 0.5, 0, 4.0, 0.5, 0, 0, 1)
    )
    still = frames_of(PathOptions(motion="still", frames=2), request.replace(camera=matrix))
    assert [f.camera for f in still] == [matrix, matrix]
    with pytest.raises(InputError, match="fixed matrix"):
        frames_of(PathOptions(frames=2), request.replace(camera=matrix))


def test_orbit_takes_a_request_and_writes_a_video_a_channel(capsys: Capture, tmp_path: Path) -> None:
    sampler = SamplerSpec(name="uniform")
    request = RenderRequest(
        checkpoint="analytic:sphere", width=16, height=16, camera=OrbitPose(yaw=0.4), sampler=sampler
    )
    (tmp_path / "r.json").write_text(request.model_dump_json())
    more = ("--channel", "rgb,depth", "--frames", 3, "--motion", "turn", "--device", "cpu")
    done = triscope(capsys, "orbit", "--request", tmp_path / "r.json", "--out", tmp_path / "o.mp4", *more)
    assert done.status == 0, done.err
    assert sorted(p.name for p in tmp_path.glob("*.mp4")) == ["o.depth.mp4", "o.mp4"]
    record = read_provenance(tmp_path / "o.depth.mp4")
    assert (
        record.shown == "depth"
        and record.request.camera == request.camera
        and record.motion.startswith("--motion turn")
    )
