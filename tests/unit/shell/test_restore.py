"""From files back to views: which checkpoint, which document, and one clear line for everything else."""

from __future__ import annotations

import functools
import hashlib
import io
import json
import struct
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core_model.meshing.formats.base import save
from core_model.meshing.formats.embedded import lines
from core_model.meshing.mesh import Mesh, Stamp
from core_model.output.images import write_exr, write_npz, write_png
from core_model.output.video import video_writer
from core_model.schema.camera import MatrixCamera, OrbitPose
from core_model.schema.camera_path import CameraPath, PathKey
from core_model.schema.channels import ChannelInfo
from core_model.schema.errors import InputError
from core_model.schema.latent import LatentSpec, SeedWeight
from core_model.schema.record import DisplayRange, RenderRecord
from core_model.schema.record_file import read_provenance
from core_model.schema.render import RenderRequest
from core_model.schema.sampler import SamplerSpec
from tests.blob_head.session import blob_info
from viewer.shell.drops import read_batch
from viewer.shell.restore import Places, find, restored
from viewer.state.document import Document, carried
from viewer.state.requests import full_request, thumbnail_request

RGB = ChannelInfo(name="rgb", title="Colour", kind="colour")
LATENT = LatentSpec(seeds=(SeedWeight(seed=3, weight=0.25), SeedWeight(seed=9, weight=0.75)), psi=0.4)


def record(checkpoint: str = "gone/head.safetensors", sha: str = "ab" * 32, **more: object) -> RenderRecord:
    request = RenderRequest(
        checkpoint=checkpoint, latent=LATENT, camera=OrbitPose(yaw=0.3, pivot=(0.0, 0.1, 0.0)), precision="bf16",
        sampler=SamplerSpec(name="learned", spp=17.6, low_budget=4, high_budget=9), channels=("depth", "rgb"), background=(0.0, 1.0, 0.0),
    )  # fmt: skip
    return RenderRecord(request=request, checkpoint_sha256=sha, **more)  # type: ignore[arg-type]


def write_all(folder: Path, made: RenderRecord) -> list[Path]:
    rgb = np.random.default_rng(0).uniform(size=(3, 16, 16)).astype(np.float32)
    write_png(folder / "a.png", RGB, rgb, made)
    write_exr(folder / "a.exr", {"rgb": RGB}, {"rgb": rgb}, made)
    write_npz(folder / "a.npz", {"rgb": rgb}, made)
    with video_writer(folder / "a.mp4", made) as video:
        video.add(np.zeros((16, 16, 3), np.uint8))
    text = made.model_dump_json()
    (folder / "a.json").write_text(text)
    (folder / "b.json").write_text(made.request.model_dump_json())
    (folder / "c.json").write_text(json.dumps({"report": {}, "provenance": json.loads(text)}))
    (folder / "a.csv").write_text(
        'quantity,unit,t,t_end,value\nprovenance,,,,"' + text.replace('"', '""') + '"\n'
    )
    stamp = Stamp(text, "", "")
    (folder / "a.obj").write_text("\n".join([*lines(stamp, "#"), "v 0 0 0"]))
    (folder / "a.ply").write_text("\n".join(["ply", *lines(stamp, "comment"), "end_header"]))
    body = json.dumps({"asset": {"extras": {"triscope": json.loads(text)}}}).encode()
    (folder / "a.glb").write_bytes(
        b"glTF" + struct.pack("<IIII", 2, 20 + len(body), len(body), 0x4E4F534A) + body
    )
    return sorted(folder.iterdir())


def test_every_kind_of_file_gives_its_view_back(tmp_path: Path) -> None:
    made = record("analytic:sphere")
    files = write_all(tmp_path, made)
    assert len(files) == 11
    for file in files:
        found = find(str(file), Places())
        assert found.record.request == made.request and found.checkpoint == "analytic:sphere", file


def test_the_document_shows_the_record() -> None:
    info = blob_info("blob:demo")
    span = DisplayRange(channel="depth", colormap="magma", low=2.0, high=3.0, invert=True)
    start = Document.defaults_from(info)
    doc, notes = restored(start, info, record("blob:demo", display=(span,), shown="depth"))
    assert notes == () and doc.latent == LATENT and doc.camera == OrbitPose(yaw=0.3, pivot=(0.0, 0.1, 0.0))
    assert doc.sampler == SamplerSpec(name="learned", low_budget=4, high_budget=9), (
        "17.6 is the default: it stays open"
    )
    assert (
        doc.view.channel == "depth" and doc.background == (0.0, 1.0, 0.0) and doc.quality.precision == "bf16"
    )
    view = doc.view.of("depth", info.channels[1])
    assert (view.colormap, view.low, view.high, view.invert, view.auto_range) == (
        "magma",
        2.0,
        3.0,
        True,
        False,
    )


def test_a_picture_of_the_window_gives_the_whole_document_back() -> None:
    """Every setting that reaches the request comes back from it: viewing direction and the sampler's rules too."""
    info = blob_info("blob:demo")
    start = Document.defaults_from(info)
    sampler = SamplerSpec(
        name="learned",
        hard_rule="leftover",
        leftover_bins=5,
        tau=0.9,
        strategy="stratified",
        adaptive_share=0.2,
    )
    shown = start.replace(
        latent=LATENT,
        camera=OrbitPose(yaw=0.3),
        sampler=sampler,
        background=(0.0, 1.0, 0.0),
        view_dirs="camera",
        quality=start.quality.replace(precision="bf16", skip_empty=False),
    )
    request = full_request(shown, info, 64)
    assert request.view_dirs == "camera" and request.sampler.hard_rule == "leftover"
    doc, notes = restored(start, info, RenderRecord(request=request))
    assert notes == () and doc == shown
    assert (
        thumbnail_request(shown, info, LATENT, 32).view_dirs == "camera"
        and carried(shown, start, info).view_dirs == "camera"
    )


def test_what_cannot_be_restored_is_said() -> None:
    info = blob_info("blob:demo")
    start = Document.defaults_from(info)
    matrix = MatrixCamera(
        pose=tuple(OrbitPose(yaw=0.5).world_from_cam().reshape(-1)),
        normalized_intrinsics=(4.0, 0, 0.6, 0, 4.0, 0.5, 0, 0, 1),
    )
    made = record("blob:demo", shown="eikonal")
    request = made.request.replace(sampler=SamplerSpec(name="occupancy"), camera=matrix, native=True)
    doc, notes = restored(start, info, made.replace(request=request))
    assert doc.sampler == start.sampler and doc.view.channel == "rgb" and doc.camera.yaw == pytest.approx(0.5)
    words = ("nearest orbit", "occupancy", "--native")
    assert len(notes) == 3 and all(word in note for word, note in zip(words, notes, strict=True))


def test_the_checkpoint_is_found_by_its_hash(tmp_path: Path) -> None:
    content = b"weights"
    made = record(sha=hashlib.sha256(content).hexdigest())
    write_png(tmp_path / "a.png", RGB, np.zeros((3, 4, 4), np.float32), made)
    path = str(tmp_path / "a.png")
    with pytest.raises(InputError, match="not here"):
        find(path, Places())
    assert find(path, Places("open.safetensors", made.checkpoint_sha256)).checkpoint == "open.safetensors"
    (tmp_path / "other.safetensors").write_bytes(b"else")
    (tmp_path / "moved.safetensors").write_bytes(content)
    found = find(path, Places())
    assert found.checkpoint == str(tmp_path / "moved.safetensors") and "SHA-256" in found.notes[0]
    (tmp_path / "sub").mkdir()
    recent = tmp_path / "sub" / "r.safetensors"
    recent.write_bytes(content)
    assert find(path, Places(recent=(str(recent),))).checkpoint == str(recent)


def test_a_checkpoint_that_changed_is_said(tmp_path: Path) -> None:
    here = tmp_path / "head.safetensors"
    here.write_bytes(b"newer weights")
    write_png(tmp_path / "a.png", RGB, np.zeros((3, 4, 4), np.float32), record(str(here)))
    found = find(str(tmp_path / "a.png"), Places())
    assert found.checkpoint == str(here) and "changed" in found.notes[0]


@functools.cache
def hostile() -> dict[str, bytes]:
    def png(*chunks: tuple[bytes, bytes]) -> bytes:
        body = b"".join(
            struct.pack(">I", len(d)) + k + d + struct.pack(">I", zlib.crc32(k + d)) for k, d in chunks
        )
        return b"\x89PNG\r\n\x1a\n" + body

    bomb = zlib.compress(b"\0" * (64 << 20), 9)
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("provenance.npy", b"\0" * (48 << 20))
    objects = io.BytesIO()
    np.savez(objects, provenance=np.array([{"a": 1}], dtype=object))
    ftyp = struct.pack(">I4s", 8, b"ftyp")
    return {
        "bomb.png": png((b"iTXt", b"triscope\0\1\0\0\0" + bomb)),
        "short.png": png((b"iTXt", b"triscope\0")),
        "endless.png": b"\x89PNG\r\n\x1a\n" + struct.pack(">I4s", 0xFFFFFFF0, b"iTXt"),
        "bomb.npz": archive.getvalue(),
        "pickle.npz": objects.getvalue(),
        "loop.mp4": ftyp + struct.pack(">I4s", 4, b"moov"),
        "huge.mp4": ftyp + struct.pack(">I4sQ", 1, b"moov", 1 << 60),
        "negative.exr": b"\x76\x2f\x31\x01\2\0\0\0triscope\0string\0" + struct.pack("<i", -5),
        "endless.exr": b"\x76\x2f\x31\x01\2\0\0\0" + b"a" * 4096,
        "deep.json": b"[" * 200_000,
        "deep2.json": b'{"provenance":' + b'{"request":' * 50_000,
        "wrong.json": b'{"tool":"triscope","request":{"checkpoint":"a","width":1e99}}',
        "nan.json": b'{"checkpoint":"a","camera":{"kind":"orbit","yaw":NaN}}',
        "list.csv": b'provenance,,,,"[1,2]"\n',
        "null.csv": b"provenance,\0\0\0\n",
        "bad.ply": b"ply\ncomment triscope |{]|\nend_header\n",
        "bad.glb": b"glTF" + struct.pack("<IIII", 2, 20, 1 << 31, 0x4E4F534A),
        "mesh.stl": b"triscope".ljust(84, b" "),
        "alone.stl": b"triscope record 0123456789abcdef".ljust(84, b" "),
        "photo.jpg": b"\xff\xd8\xff",
        "empty.png": b"",
    }


@pytest.mark.parametrize("name", sorted(hostile()))
def test_hostile_files_are_one_line(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(hostile()[name])
    with pytest.raises(InputError) as error:
        find(str(path), Places())
    assert "\n" not in str(error.value) and str(path) in str(error.value) and len(str(error.value)) < 600


def test_an_stl_gives_its_view_back_from_the_record_beside_it(tmp_path: Path) -> None:
    made = record("analytic:sphere")
    vertices = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0]], np.float32)
    mesh = Mesh(vertices, np.array([[0, 1, 2]], np.int32))
    for name, one in (("a", made), ("b", made.replace(request=made.request.replace(seed=5)))):
        files = save(
            tmp_path / f"{name}.stl", mesh, Stamp(one.model_dump_json(), "{}", "triscope " + "x" * 90)
        )
        assert [f.name for f in files] == [f"{name}.stl", f"{name}.stl.json"] and files[
            0
        ].stat().st_size == 84 + 50
    assert find(str(tmp_path / "a.stl"), Places()).record == made
    assert find(str(tmp_path / "a.stl.json"), Places()).record == made, "the record can be dropped too"
    (tmp_path / "a.stl.json").write_bytes((tmp_path / "b.stl.json").read_bytes())
    with pytest.raises(InputError, match="is not its own"):
        find(str(tmp_path / "a.stl"), Places())
    (tmp_path / "a.stl.json").write_bytes(b"[")
    with pytest.raises(InputError, match=r"cannot read the file in .*a\.stl"):
        find(str(tmp_path / "a.stl"), Places())
    (tmp_path / "a.stl.json").unlink()
    with pytest.raises(
        InputError, match=r"no room for its view in .*a\.stl: expected a\.stl\.json beside it"
    ):
        find(str(tmp_path / "a.stl"), Places())


def test_a_camera_path_is_told_from_a_record(tmp_path: Path) -> None:
    path = CameraPath(
        keys=(PathKey(time=0.5, pose=OrbitPose(yaw=0.4)), PathKey(time=2.0, pose=OrbitPose())), loop=True
    )
    (tmp_path / "path.json").write_text(path.model_dump_json())
    (tmp_path / "view.json").write_text(record("analytic:sphere").model_dump_json())
    (tmp_path / "other.json").write_text('{"keys": "none"}')
    (tmp_path / "wrong.json").write_text(path.model_dump_json().replace('"fps":30.0', '"fps":-1'))
    taken = read_batch([str(tmp_path / "other.json"), str(tmp_path / "path.json")], Places())
    assert taken.path == path and taken.found is None and len(taken.errors) == 1
    assert read_batch([str(tmp_path / "view.json")], Places()).path is None
    (error,) = read_batch([str(tmp_path / "wrong.json")], Places()).errors
    assert "bad camera path: fps" in error and "\n" not in error


def test_random_damage_is_an_input_error_or_a_record(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    for file in write_all(tmp_path, record("analytic:sphere")):
        good = file.read_bytes()
        for _ in range(12):
            data = bytearray(good[: int(rng.integers(1, len(good) + 1))])
            for place in rng.integers(0, len(data), 6):
                data[place] = int(rng.integers(0, 256))
            file.write_bytes(data)
            try:
                assert read_provenance(file).tool
            except InputError as error:
                assert "\n" not in str(error)


def test_a_picture_of_another_program_keeps_its_record_when_the_chunk_comes_last(tmp_path: Path) -> None:
    from PIL.PngImagePlugin import PngInfo

    text = PngInfo()
    text.add_itxt("triscope", record("analytic:sphere").model_dump_json(), zip=True)
    Image.new("RGB", (2, 2)).save(tmp_path / "a.png", pnginfo=text)
    assert read_provenance(tmp_path / "a.png").request.latent == LATENT


def test_of_several_files_the_first_usable_is_taken(tmp_path: Path) -> None:
    write_png(tmp_path / "a.png", RGB, np.zeros((3, 4, 4), np.float32), record("analytic:sphere"))
    (tmp_path / "n.txt").write_text("notes")
    paths = [str(tmp_path / "n.txt"), str(tmp_path / "a.png"), str(tmp_path / "x.safetensors")]
    outcome = read_batch(paths, Places())
    assert outcome.taken == paths[1] and outcome.found is not None and outcome.left == (paths[0], paths[2])
    assert len(outcome.errors) == 1 and "n.txt" in outcome.errors[0]
    assert read_batch(paths[::-1], Places()).opened
    none = read_batch(paths[:1], Places())
    assert none.found is None and not none.opened and none.taken == paths[0]


def test_a_picture_without_a_record_is_a_photograph(tmp_path: Path) -> None:
    for name in ("me.png", "me.jpg"):
        Image.new("RGB", (8, 8)).save(tmp_path / name)
    (tmp_path / "notes.txt").write_text("hello")
    photo = read_batch([str(tmp_path / n) for n in ("notes.txt", "me.jpg", "me.png")], Places())
    assert photo.photo and photo.taken == str(tmp_path / "me.jpg") and len(photo.left) == 2
    torn = tmp_path / "model.safetensors"
    torn.touch()
    assert read_batch([str(tmp_path / "me.png"), str(torn)], Places()).opened, (
        "a checkpoint comes before a photograph"
    )
    assert not read_batch([str(tmp_path / "notes.txt")], Places()).photo
