"""`triscope inspect --volume`.

The sheet and the arrays, of checkpoints with and without a proposal network; wrong input.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core_model.schema.record_file import read_provenance
from tests.cli.command import triscope
from tests.unit.checkpoints.importing.foreign import pickled
from tests.unit.checkpoints.importing.recorded_files import FILES

Capture = pytest.CaptureFixture[str]


def test_sheet_and_arrays(capsys: Capture, tmp_path: Path) -> None:
    common = ("--volume", "--size", 64, "--yaw", 0.4, "--threads", 1)
    done = triscope(capsys, "inspect", "analytic:torus", "--out", tmp_path / "a.png", *common)
    assert done.status == 0 and "prediction" in done.out and "world units" in done.out, done.err
    assert (
        Image.open(tmp_path / "a.png").width > 1000
        and read_provenance(tmp_path / "a.png").request.camera.kind == "orbit"
    )
    assert triscope(capsys, "inspect", "analytic:torus", "--out", tmp_path / "a.npz", *common).status == 0
    with np.load(tmp_path / "a.npz", allow_pickle=False) as file:
        k, h, w = file["probe"].shape
        assert (
            file["image"].shape == (3, h, w)
            and file["proposal"].shape == (k, 2 * h, 2 * w)
            and file["edges"].shape == (k + 1,)
        )
        assert file["probe"].sum(0).max() <= 1 + 1e-5
        np.testing.assert_allclose(file["proposal"].sum(0), 1.0, atol=1e-4)


def test_an_imported_network_has_a_probe_and_no_prediction(capsys: Capture, tmp_path: Path) -> None:
    source = tmp_path / "network-snapshot-000064.pkl"
    source.write_bytes(pickled(FILES["eg3d"]()))
    done = triscope(
        capsys, "inspect", source, "--volume", "--size", 64, "--out", tmp_path / "a.npz", "--threads", 1
    )
    assert done.status == 0 and "no proposal network" in done.out, done.err
    with np.load(tmp_path / "a.npz", allow_pickle=False) as file:
        assert "proposal" not in file and file["probe"].sum() > 1.0


@pytest.mark.parametrize("arguments", [(), ("--volume", "--pixel", "1,1")])
def test_one_of_pixel_and_volume(arguments: tuple[str, ...], capsys: Capture, tmp_path: Path) -> None:
    done = triscope(capsys, "inspect", "analytic:torus", "--out", tmp_path / "a.png", *arguments)
    assert done.status == 2 and "--pixel X,Y or --volume" in done.line


def test_only_its_own_files(capsys: Capture, tmp_path: Path) -> None:
    done = triscope(capsys, "inspect", "analytic:torus", "--volume", "--out", tmp_path / "a.csv")
    assert done.status == 2 and ".npz" in done.line
