"""`triscope metrics`: record, table, what is missing, wrong input."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from core_model.checkpoints.store import save_checkpoint
from core_model.data.heads_dataset import write_heads_dataset
from core_model.schema.camera import MatrixCamera
from core_model.schema.export import default_request
from core_model.schema.latent import LatentSpec
from core_model.schema.metrics import MetricsRecord
from core_model.schema.render import RenderRequest
from core_model.schema.sampler import SamplerSpec
from core_model.session import RenderSession
from tests.cli.command import triscope
from tests.contracts.tiny_checkpoint import save_tiny
from tests.parity.test_session import network
from tests.unit.data.image_sets import encoded, label, picture, write_folder
from tests.unit.families.foreign_nets import native


@pytest.fixture(scope="module")
def heads(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("heads") / "heads.zip"
    write_heads_dataset(path, 4, 16, workers=1, supersample=1)
    return path


def test_a_sphere_against_heads(heads: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "m.json"
    done = triscope(
        capsys,
        "metrics",
        "analytic:sphere",
        "--data",
        heads,
        "--count",
        3,
        "--samples",
        "20,50",
        "--out",
        out,
        "--threads",
        1,
    )
    assert done.status == 0, done.err
    record = MetricsRecord.model_validate_json(out.read_text())
    assert (record.count, record.reals, record.size, record.family) == (3, 3, 16, "analytic")
    assert (record.shape_count, record.shape_reals, record.front_count, record.view_dirs, record.native) == (
        3,
        3,
        3,
        "camera",
        False,
    )
    assert "3 depth maps from the frontal camera" in done.out and "colours seen along each ray" in done.out
    swd, nfs = record.value("swd"), record.value("nfs")
    assert swd is not None and swd > 100 and nfs is not None and 1 < nfs < 64
    assert (
        record.value("fid") is None
        and record.value("coverage") is not None
        and record.value("depth_distance") is not None
    )
    assert [row.spp for row in record.samples_table] == [20.0, 50.0] and all(
        row.values["swd"] > 0 for row in record.samples_table
    )
    assert (
        "not computed: needs the Inception weights pt_inception-2015-12-05-6726825d.pth" in done.out
        and "samples/ray" in done.out
    )
    assert record.definitions["swd"] and record.version and record.created
    again = triscope(
        capsys, "metrics", "analytic:sphere", "--data", heads, "--count", 3, "--samples", "none", "--out", out
    )
    assert again.status == 0
    repeated = json.loads(out.read_text())
    assert {v["name"]: v["value"] for v in repeated["values"]} == {v.name: v.value for v in record.values}
    assert repeated["samples_table"] == []


def test_a_folder_without_cameras(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = write_folder(tmp_path / "own", {f"{i}.png": encoded(picture(i, 20)) for i in range(3)})
    options = ("--count", 2, "--size", 16, "--samples", "none", "--metrics", "swd")
    done = triscope(capsys, "metrics", "analytic:sphere", "--data", folder, *options)
    assert done.status == 0, done.err
    assert (
        "swd_16" in done.out
        and "note: cameras are drawn from one distribution" in done.out
        and "nfs" not in done.out
    )


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--count", "1"), "--count"),
        (("--samples", "20,x"), "--samples"),
        (("--samples", "1"), "--samples"),
        (("--size", "32"), "too small"),
        (("--metrics", "fdi"), "did you mean 'fid'"),
        (("--metrics", "fid"), "pt_inception-2015-12-05-6726825d.pth"),
        (("--inception", "none.pth"), "no such file"),
        (("--sampler", "magic"), "--sampler"),
        (("--out", "m.txt"), ".json"),
        (("--normals", "nowhere"), "no image set"),
        (("--psi", "7"), "--psi"),
        (("--masks", "nowhere"), "no image set"),
        (("--view-dirs", "side"), "--view-dirs"),
    ],
)
def test_wrong_input_is_one_line(
    arguments: tuple[str, ...], said: str, heads: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    done = triscope(capsys, "metrics", "analytic:sphere", "--data", heads, *arguments)
    assert done.status == 2 and said in done.line


def own_pictures(folder: Path, session: RenderSession, asked: RenderRequest, count: int) -> Path:
    """A set whose images are what a checkpoint makes of the first seeds, each from the camera that `triscope
    metrics` gives that seed.
    """
    order = np.random.Generator(np.random.PCG64([0, count])).permutation(count)
    files, labels = {}, []
    for seed, item in enumerate(order.tolist()):
        at = label(0.2 * item - 0.2)
        camera = MatrixCamera.from_label(np.array(at))
        latent = LatentSpec.of_seed(seed, psi=1.0, cutoff=asked.latent.cutoff, cond=camera)
        frame = session.render(asked.replace(camera=camera, latent=latent))
        assert frame.result.error is None, frame.result.error
        pixels = np.rint(frame.arrays["rgb"].clip(0.0, 1.0) * 255).astype(np.uint8).transpose(1, 2, 0)
        files[f"{item}.png"] = encoded(np.ascontiguousarray(pixels))
        labels.append([f"{item}.png", at])
    return write_folder(folder, files | {"dataset.json": json.dumps({"labels": labels}).encode()})


def swd_of(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, *arguments: object
) -> tuple[float, MetricsRecord]:
    out = tmp_path / "m.json"
    done = triscope(
        capsys, "metrics", *arguments, "--metrics", "swd", "--samples", "none", "--threads", 1, "--out", out
    )
    assert done.status == 0, done.err
    record = MetricsRecord.model_validate_json(out.read_text())
    found = record.value("swd")
    assert found is not None
    return found, record


def test_colours_are_those_of_the_training_s_viewing_direction(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The data is the checkpoint's own pictures with each ray's direction.

    The frontal one is farther from it than the default.
    """
    path = save_tiny(tmp_path / "tiny.safetensors")
    session = RenderSession(threads=1)
    info = session.open(path)
    asked = default_request(info).replace(view_dirs="camera")
    data = own_pictures(tmp_path / "own", session, asked, 3)
    near, record = swd_of(capsys, tmp_path, path, "--data", data)
    far, _ = swd_of(capsys, tmp_path, path, "--data", data, "--view-dirs", "frontal")
    # the patches of either side are drawn apart, so that equal sets are not at zero (99.6; the frontal
    # direction is at 103.3)
    assert near + 2 < far and (record.count, record.reals) == (3, 3)


def test_an_imported_family_is_judged_by_its_final_picture(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Supplement A4.3: the picture of its own program, super-resolved.

    Four samples per ray are far from it.
    """
    path = str(save_checkpoint(tmp_path / "eg3d.safetensors", *native("eg3d", network("eg3d"))))
    session = RenderSession(threads=1)
    info = session.open(path)
    asked = default_request(info).replace(native=True, sampler=SamplerSpec(name="importance"))
    data = own_pictures(tmp_path / "own", session, asked, 3)
    final, record = swd_of(capsys, tmp_path, path, "--data", data)
    assert record.native and record.size == info.image_size and record.placed > 0
    by_sampler, other = swd_of(capsys, tmp_path, path, "--data", data, "--sampler", "uniform", "--spp", 4)
    assert not other.native and by_sampler > 2 * final
    done = triscope(capsys, "metrics", path, "--data", data, "--supersample", 2)
    assert done.status == 2 and "--supersample" in done.line


def test_kept_pictures_are_named_by_their_seed(
    heads: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    keep = tmp_path / "kept"
    options = ("--count", 2, "--seed", 7, "--metrics", "normal_swd", "--samples", "none")
    assert (
        triscope(capsys, "metrics", "analytic:sphere", "--data", heads, *options, "--keep", keep).status == 0
    )
    assert sorted(str(p.relative_to(keep)) for p in keep.rglob("*.png")) == [
        "normals/7.png",
        "normals/8.png",
        "rgb/7.png",
        "rgb/8.png",
    ]
    masks = triscope(
        capsys, "metrics", "analytic:sphere", "--data", heads, *options, "--masks", keep / "normals"
    )
    assert masks.status == 0 and "masked maps of --masks" in masks.out, masks.err


def test_missing_data_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    done = triscope(capsys, "metrics", "analytic:sphere", "--data", tmp_path / "none.zip")
    assert done.status == 2 and "no image set" in done.line
    assert triscope(capsys, "metrics", "analytic:sphere").status == 2
