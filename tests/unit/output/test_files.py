"""Pictures, arrays and videos: the right values, their record inside, and nothing half-written."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import OpenEXR
import pytest
from PIL import Image

from core_model.output.images import (
    colour_mapped,
    picture,
    save_pdf,
    write_exr,
    write_npz,
    write_png,
    write_pngs,
)
from core_model.output.turntable import camera_path
from core_model.output.video import video_writer
from core_model.schema.atomic import atomic_path
from core_model.schema.camera import MatrixCamera, OrbitPose
from core_model.schema.channels import ChannelInfo
from core_model.schema.colormaps import colormaps, colour_table
from core_model.schema.errors import InputError
from core_model.schema.latent import LatentSpec
from core_model.schema.record import RenderRecord
from core_model.schema.record_file import read_provenance
from core_model.schema.render import RenderRequest

RGB = ChannelInfo(name="rgb", title="Colour", kind="colour")
NORMAL = ChannelInfo(name="normal", title="Normal", kind="direction")
DEPTH = ChannelInfo(name="depth", title="Depth", kind="scalar", unit="world units", low=1.0)
CHANNELS = {"rgb": RGB, "normal": NORMAL, "depth": DEPTH}


def arrays(height: int = 5, width: int = 7) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    normal = rng.normal(size=(3, height, width))
    depth = np.linspace(2.0, 3.0, height * width).reshape(height, width)
    depth[0, 0] = np.nan
    values = {"rgb": rng.uniform(size=(3, height, width)), "normal": normal / np.linalg.norm(normal, axis=0)}
    return {name: v.astype(np.float32) for name, v in (values | {"depth": depth}).items()}


def record() -> RenderRecord:
    camera = MatrixCamera.from_label(np.concatenate([np.eye(4).ravel(), np.diag([4.2, 4.2, 1.0]).ravel()]))
    latent = LatentSpec(z=tuple(np.random.default_rng(1).normal(size=512).tolist()), cond=OrbitPose(yaw=0.25))
    request = RenderRequest(
        checkpoint="runs/ä b.safetensors", latent=latent, camera=camera, channels=("rgb", "depth")
    )
    return RenderRecord(checkpoint_sha256="ab" * 32, family="wysiwyg", request=request)


def write_all(folder: Path, made: RenderRecord) -> list[Path]:
    values = arrays()
    write_png(folder / "a.png", DEPTH, values["depth"], made)
    write_exr(folder / "a.exr", CHANNELS, values, made)
    write_npz(folder / "a.npz", values, made)
    with video_writer(folder / "a.mp4", made) as video:
        for shade in range(3):
            video.add(np.full((17, 15, 3), 40 * shade, dtype=np.uint8))
    save_pdf(folder / "a.pdf", np.full((17, 15, 3), 90, np.uint8), made, 300)
    return sorted(folder.iterdir())


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"%PDF-1.7\n1 0 obj << /Subject (A paper \\(draft\\)) >>", "no provenance"),
        (b"%PDF-1.7\nno information", "no provenance"),
        (b"%PDF-1.7\n/Subject (\xfe\xff\x00{\x00", "no provenance"),
        (b'%PDF-1.7\n/Subject ({"request": 3})', "damaged provenance"),
        (b"%PDF-1.7\n/Subject (\xfe\xff\x00{\x00)", "cannot read"),
        (b"%PDF-1.7\n" + b"/Subject (" * 400_000 + b"\\(" * 400_000, "no provenance"),
        (b"no PDF", "cannot read"),
    ],
)
def test_a_pdf_of_another_program_is_one_clear_line(tmp_path: Path, data: bytes, said: str) -> None:
    path = tmp_path / "other.pdf"
    path.write_bytes(data)
    begun = time.monotonic()
    with pytest.raises(InputError, match=said):
        read_provenance(path)
    assert time.monotonic() - begun < 5.0, "a hostile file costs no time"


def test_every_file_gives_its_request_back(tmp_path: Path) -> None:
    made = record()
    files = write_all(tmp_path, made)
    assert [p.suffix for p in files] == [".exr", ".mp4", ".npz", ".pdf", ".png"]
    for path in files:
        found = read_provenance(path)
        assert found.request == made.request, path
        assert (found.version, found.created) == (made.version, made.created)
        assert found.checkpoint_sha256 == made.checkpoint_sha256


def test_the_png_of_a_scalar_says_what_its_colours_mean(tmp_path: Path) -> None:
    write_png(tmp_path / "d.png", DEPTH, arrays()["depth"], record())
    (shown,) = read_provenance(tmp_path / "d.png").display
    assert (shown.colormap, shown.low, shown.unit) == ("viridis", 1.0, "world units")
    assert shown.high == pytest.approx(3.0)


@pytest.mark.parametrize("name", ["a.png", "a.exr", "a.npz", "a.mp4", "a.json"])
def test_damaged_and_foreign_files_are_input_errors(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    for content in (b"", b"\x89PNG\r\n\x1a\n", b"PK\x03\x04nonsense", b"not a picture at all " * 20):
        path.write_bytes(content)
        with pytest.raises(InputError) as error:
            read_provenance(path)
        assert str(path) in str(error.value) and "\n" not in str(error.value)


def test_a_plain_png_has_no_provenance(tmp_path: Path) -> None:
    Image.new("RGB", (2, 2)).save(tmp_path / "p.png")
    with pytest.raises(InputError, match="no provenance"):
        read_provenance(tmp_path / "p.png")


def test_npz_keeps_values_and_needs_no_pickle(tmp_path: Path) -> None:
    values = arrays()
    write_npz(tmp_path / "a.npz", values, record())
    with np.load(tmp_path / "a.npz", allow_pickle=False) as file:
        assert sorted(file.files) == ["depth", "normal", "provenance", "rgb"]
        for name, array in values.items():
            np.testing.assert_array_equal(file[name], array)


def test_exr_keeps_floats_and_channel_names(tmp_path: Path) -> None:
    values = arrays()
    write_exr(tmp_path / "a.exr", CHANNELS, values, record())
    with OpenEXR.File(str(tmp_path / "a.exr"), separate_channels=True) as file:
        planes = file.channels()
        assert sorted(planes) == ["B", "G", "R", "depth", "normal.X", "normal.Y", "normal.Z"]
        np.testing.assert_array_equal(planes["G"].pixels, values["rgb"][1])
        np.testing.assert_array_equal(planes["normal.Z"].pixels, values["normal"][2])
        np.testing.assert_array_equal(planes["depth"].pixels, values["depth"])


def test_pictures_show_what_they_should() -> None:
    values = arrays()
    colour, _ = picture(RGB, values["rgb"])
    np.testing.assert_array_equal(colour, np.rint(values["rgb"].transpose(1, 2, 0) * 255).astype(np.uint8))
    up = np.zeros((3, 1, 1), dtype=np.float32)
    up[1] = 1.0
    assert picture(NORMAL, up)[0].tolist() == [[[128, 255, 128]]]
    depth, _ = picture(DEPTH, values["depth"])
    assert depth.shape == (5, 7, 4) and depth[0, 0, 3] == 0 and (depth[..., 3] == 255).sum() == 34
    assert depth[-1, -1, :3].tolist() == np.rint(colour_table("viridis")[-1] * 255).tolist()


def test_several_channels_get_a_file_each(tmp_path: Path) -> None:
    files = write_pngs(tmp_path / "head.png", CHANNELS, arrays(), record())
    assert [p.name for p in files] == ["head.png", "head.normal.png", "head.depth.png"]
    assert all(Image.open(p).size == (7, 5) for p in files)


def test_video_pads_odd_sizes_and_keeps_every_frame(tmp_path: Path) -> None:
    av = pytest.importorskip("av")
    with video_writer(tmp_path / "v.mp4", record(), fps=25) as video:
        for i in range(12):
            video.add(np.full((33, 31, 3), 20 * i, dtype=np.uint8))
    with av.open(str(tmp_path / "v.mp4")) as container:
        stream = container.streams.video[0]
        frames = [f.to_ndarray(format="rgb24") for f in container.decode(stream)]
        assert (stream.width, stream.height, stream.average_rate) == (32, 34, 25)
    assert len(frames) == 12
    assert [float(f.mean()) for f in frames] == pytest.approx([20.0 * i for i in range(12)], abs=4)


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError, OSError])
def test_an_interrupted_video_leaves_nothing(tmp_path: Path, error: type[BaseException]) -> None:
    with pytest.raises((error, InputError)), video_writer(tmp_path / "v.mp4", record()) as video:
        video.add(np.zeros((16, 16, 3), dtype=np.uint8))
        raise error
    assert list(tmp_path.iterdir()) == []


def test_a_video_needs_frames_of_one_size(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="at least one frame"), video_writer(tmp_path / "v.mp4", record()):
        pass
    with (
        pytest.raises(InputError, match="frames differ"),
        video_writer(tmp_path / "v.mp4", record()) as video,
    ):
        video.add(np.zeros((16, 16, 3), dtype=np.uint8))
        video.add(np.zeros((16, 18, 3), dtype=np.uint8))
    assert list(tmp_path.iterdir()) == []


def test_atomic_path_keeps_the_old_file_on_failure(tmp_path: Path) -> None:
    target = tmp_path / "a.txt"
    target.write_text("old")
    with pytest.raises(RuntimeError), atomic_path(target) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert [(p.name, p.read_text()) for p in tmp_path.iterdir()] == [("a.txt", "old")]
    with pytest.raises(InputError, match="no folder"), atomic_path(tmp_path / "none" / "a.txt"):
        pass


class TestColormaps:
    def test_all_are_complete(self) -> None:
        assert {"viridis", "magma", "gray"} <= set(colormaps())
        for name in colormaps():
            table = colour_table(name)
            assert table.shape == (256, 3) and 0 <= table.min() <= table.max() <= 1

    def test_unknown_name_lists_the_known(self) -> None:
        with pytest.raises(InputError, match="viridis"):
            colour_table("jett")

    def test_ends_middle_and_clamping(self) -> None:
        values = np.array([[-5.0, 0.0, 0.5, 1.0, 9.0, np.nan]], dtype=np.float32)
        gray = colour_mapped(values, "gray", 0.0, 1.0)[0]
        table = colour_table("gray")
        np.testing.assert_allclose(gray[[0, 1, 5]], np.broadcast_to(table[0], (3, 3)), atol=1e-6)
        np.testing.assert_allclose(gray[[3, 4]], np.broadcast_to(table[255], (2, 3)), atol=1e-6)
        np.testing.assert_allclose(gray[2], 0.5 * (table[127] + table[128]), atol=1e-6)

    def test_a_constant_image_has_no_division_by_zero(self) -> None:
        flat = colour_mapped(np.full((2, 2), 3.0, dtype=np.float32), "magma", 3.0, 3.0)
        assert np.isfinite(flat).all()


class TestCameraPath:
    def test_sway_is_a_closed_ellipse(self) -> None:
        poses = camera_path(OrbitPose(yaw=0.1, pitch=0.05), "sway", 40, yaw=0.5, pitch=0.2)
        yaws, pitches = np.array([p.yaw for p in poses]), np.array([p.pitch for p in poses])
        assert len(poses) == 40
        np.testing.assert_allclose(((yaws - 0.1) / 0.5) ** 2 + ((pitches - 0.05) / 0.2) ** 2, 1.0)
        assert abs(yaws[-1] - yaws[0]) < 0.1

    def test_turn_goes_round_once_and_poles_are_not_crossed(self) -> None:
        turn = camera_path(OrbitPose(), "turn", 8, 0.0, 0.0)
        assert [p.yaw for p in turn] == pytest.approx([i * np.pi / 4 for i in range(8)])
        high = camera_path(OrbitPose(pitch=1.5), "sway", 16, 0.1, 0.5)
        assert max(p.pitch for p in high) <= np.pi / 2
