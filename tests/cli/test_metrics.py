"""`triscope metrics`: record, table, what is missing, wrong input."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from core_model.data.heads_dataset import write_heads_dataset
from core_model.schema.metrics import MetricsRecord
from tests.cli.command import triscope
from tests.unit.data.image_sets import encoded, picture, write_folder


@pytest.fixture(scope="module")
def heads(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("heads") / "heads.zip"
    write_heads_dataset(path, 4, 16, workers=1, supersample=1)
    return path


def test_a_sphere_against_heads(heads: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "m.json"
    done = triscope(capsys, "metrics", "analytic:sphere", "--data", heads, "--count", 3, "--samples", "20,50", "--out", out, "--threads", 1)
    assert done.status == 0, done.err
    record = MetricsRecord.model_validate_json(out.read_text())
    assert (record.count, record.reals, record.size, record.family) == (3, 3, 16, "analytic")
    swd, nfs = record.value("swd"), record.value("nfs")
    assert swd is not None and swd > 100 and nfs is not None and 1 < nfs < 64
    assert record.value("fid") is None and record.value("coverage") is not None and record.value("depth_distance") is not None
    assert [row.spp for row in record.samples_table] == [20.0, 50.0] and all(row.values["swd"] > 0 for row in record.samples_table)
    assert "not computed: needs the Inception weights pt_inception-2015-12-05-6726825d.pth" in done.out and "samples a ray" in done.out
    assert record.definitions["swd"] and record.version and record.created
    again = triscope(capsys, "metrics", "analytic:sphere", "--data", heads, "--count", 3, "--samples", "none", "--out", out)
    assert again.status == 0
    repeated = json.loads(out.read_text())
    assert {v["name"]: v["value"] for v in repeated["values"]} == {v.name: v.value for v in record.values}
    assert repeated["samples_table"] == []


def test_a_folder_without_cameras(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = write_folder(tmp_path / "own", {f"{i}.png": encoded(picture(i, 20)) for i in range(3)})
    options = ("--count", 2, "--size", 16, "--samples", "none", "--metrics", "swd")
    done = triscope(capsys, "metrics", "analytic:sphere", "--data", folder, *options)
    assert done.status == 0, done.err
    assert "swd_16" in done.out and "note: cameras are drawn from one distribution" in done.out and "nfs" not in done.out


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
    ],
)
def test_wrong_input_is_one_line(arguments: tuple[str, ...], said: str, heads: Path, capsys: pytest.CaptureFixture[str]) -> None:
    done = triscope(capsys, "metrics", "analytic:sphere", "--data", heads, *arguments)
    assert done.status == 2 and said in done.line


def test_missing_data_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    done = triscope(capsys, "metrics", "analytic:sphere", "--data", tmp_path / "none.zip")
    assert done.status == 2 and "no image set" in done.line
    assert triscope(capsys, "metrics", "analytic:sphere").status == 2
