"""`triscope import` and foreign files wherever a checkpoint may be named."""

from __future__ import annotations

import hashlib
import json
import pickle
from pathlib import Path

import numpy as np
import pytest

from core_model.checkpoints.store import load_tensors
from tests.cli.command import triscope
from tests.fixtures import FIXTURES
from tests.unit.checkpoints.importing.foreign import pickled
from tests.unit.checkpoints.importing.recorded_files import FILES

Capture = pytest.CaptureFixture[str]


@pytest.fixture(scope="module", params=sorted(FILES))
def source(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp(request.param, numbered=False) / "network-snapshot-000064.pkl"
    path.write_bytes(pickled(FILES[request.param]()))
    return path


def family_of(source: Path) -> str:
    return source.parent.name


def picture(capsys: Capture, checkpoint: Path, out: Path) -> dict[str, np.ndarray]:
    done = triscope(
        capsys, "render", checkpoint, "--native", "--out", out, "--device", "cpu", "--seed", 3, "--threads", 1
    )
    assert done.status == 0, done.err
    with np.load(out, allow_pickle=False) as file:
        return {name: file[name] for name in file.files}


def test_import_writes_a_native_checkpoint(capsys: Capture, source: Path, tmp_path: Path) -> None:
    out = tmp_path / "net.safetensors"
    done = triscope(capsys, "import", source, out)
    assert done.status == 0, done.err
    assert family_of(source) in done.out and "G_ema" in done.out
    document = json.loads(triscope(capsys, "info", out, "--json").out)
    made = document["header"]["provenance"]
    assert document["family"] == family_of(source)
    assert made["source_sha256"] == hashlib.sha256(source.read_bytes()).hexdigest()
    assert made["source"] == source.name and made["ema"] is True and made["images_seen"] == 64_000
    assert document["parameters"]["total"] == sum(t.numel() for t in load_tensors(out).values()) > 1000


def test_a_source_opens_directly(capsys: Capture, source: Path, tmp_path: Path) -> None:
    out = tmp_path / "net.safetensors"
    assert triscope(capsys, "import", source, out).status == 0
    direct = json.loads(triscope(capsys, "info", source, "--json").out)
    native = json.loads(triscope(capsys, "info", out, "--json").out)
    assert direct["header"] == native["header"]
    shapes = {name: t["shape"] for name, t in native["tensors"].items()}
    assert {name: t["shape"] for name, t in direct["tensors"].items()} == shapes
    one, two = picture(capsys, source, tmp_path / "a.npz"), picture(capsys, out, tmp_path / "b.npz")
    assert set(one) == set(two) and one["rgb"].std() > 1e-3
    for name in (n for n in one if one[n].dtype.kind == "f"):
        np.testing.assert_array_equal(one[name], two[name])


@pytest.mark.parametrize(
    ("image", "cameras"),
    [
        ("eg3d_small:out/image", {"--label": "in/c_render", "--cond-label": "in/c_cond"}),
        ("mimic3d_small:out/m0/image", {"--label": "in/c_render", "--cond-label": "in/c_cond"}),
        ("epigraf_small:out/image", {"--angles": "in/camera_angles"}),
    ],
)
def test_the_picture_of_the_original_program(
    capsys: Capture, tmp_path: Path, image: str, cameras: dict[str, str]
) -> None:
    """From the pickle to the recorded picture through the command line: PSNR of 60 dB and more."""
    name, key = image.split(":")
    source = tmp_path / "network-snapshot-000001.pkl"
    source.write_bytes(pickled(FILES[name.removesuffix("_small")]()))
    with np.load(FIXTURES / f"{name}.npz", allow_pickle=False) as file:
        want = (file[key][0].astype(np.float32) + 1) / 2
        np.save(tmp_path / "z.npy", file["in/z"][0])
        for option, array in cameras.items():
            np.save(tmp_path / f"{option}.npy", file[array][0])
    options = [x for option in cameras for x in (option, tmp_path / f"{option}.npy")]
    done = triscope(
        capsys, "render", source, "--native", "--out", tmp_path / "a.npz", "--z", tmp_path / "z.npy", "--psi", 1,
        "--device", "cpu", "--threads", 1, *options,
    )  # fmt: skip
    assert done.status == 0, done.err
    got = np.load(tmp_path / "a.npz", allow_pickle=False)["rgb"]
    assert got.shape == want.shape
    assert -10 * np.log10(np.square(got - want).mean()) >= 60


def test_a_hostile_file_is_refused_in_one_line(capsys: Capture, tmp_path: Path) -> None:
    class Runs:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return exec, (f"open({str(tmp_path / 'mark')!r}, 'w')",)

    source, out = tmp_path / "hostile.pkl", tmp_path / "out.safetensors"
    source.write_bytes(pickle.dumps({"G_ema": Runs()}, 4))
    for command in (
        ("import", source, out),
        ("info", source),
        ("render", source, "--out", tmp_path / "a.png"),
    ):
        done = triscope(capsys, *command)
        assert done.status == 2 and "builtins.exec" in done.line and "nothing was run" in done.line
    assert [p.name for p in tmp_path.iterdir()] == ["hostile.pkl"]


def test_wrong_arguments(capsys: Capture, tmp_path: Path) -> None:
    (tmp_path / "a.pkl").write_bytes(pickle.dumps({"a": 1}))
    for arguments, said in (
        ((tmp_path / "none.pkl", tmp_path / "o.safetensors"), "not found"),
        ((tmp_path / "a.pkl", tmp_path / "o.pkl"), ".safetensors"),
        ((tmp_path / "a.pkl", tmp_path / "nowhere" / "o.safetensors"), "folder"),
        ((tmp_path / "a.pkl", tmp_path / "o.safetensors"), "no network"),
        ((tmp_path, tmp_path / "o.safetensors"), "folder"),
        ((), "import"),
    ):
        done = triscope(capsys, "import", *arguments)
        assert done.status == 2 and said in done.line
    assert not list(tmp_path.glob("*.safetensors"))
