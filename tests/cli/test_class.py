"""`--class N` of class-conditional checkpoints, and run folders as checkpoints."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from core_model.checkpoints.store import save_checkpoint
from tests.cli.command import Outcome, triscope
from tests.unit.families.foreign_nets import Net, eg3d_state, epigraf_state, native

Capture = pytest.CaptureFixture[str]


def saved(folder: Path, family: str, net: Net) -> Path:
    return save_checkpoint(folder / "snapshots" / "000007.safetensors", *native(family, net))


def render(capsys: Capture, checkpoint: Path, out: Path, *more: object) -> Outcome:
    small = (
        "--size",
        6,
        "--spp",
        4,
        "--sampler",
        "uniform",
        "--device",
        "cpu",
        "--threads",
        1,
        "--channels",
        "rgb",
    )
    return triscope(capsys, "render", checkpoint, "--out", out, *small, *more)


def test_classes_differ_and_their_range_is_checked(capsys: Capture, tmp_path: Path) -> None:
    saved(tmp_path, "epigraf", Net("Generator", epigraf_state(label=3), {}, {"cfg": {"camera_cond": False}}))
    w = {}
    for name in (None, 0, 2):  # the run folder stands for its snapshot
        out = tmp_path / f"{name}.npz"
        done = render(capsys, tmp_path, out, *(() if name is None else ("--class", name)))
        assert done.status == 0, done.err
        w[name] = np.load(out, allow_pickle=False)["w"]
    assert np.array_equal(w[None], w[0]) and not np.array_equal(w[0], w[2])
    for wrong in (3, -1):
        done = render(capsys, tmp_path, tmp_path / "a.npz", "--class", wrong)
        assert done.status == 2 and "--class" in done.line and "0 … 2" in done.line


def test_a_checkpoint_without_classes_says_so(capsys: Capture, tmp_path: Path) -> None:
    path = saved(tmp_path, "eg3d", Net("", eg3d_state()))
    done = render(capsys, path, tmp_path / "a.npz", "--class", 0)
    assert done.status == 2 and "no classes" in done.line and "--class" in done.line


def test_psi_towards_the_class(capsys: Capture, tmp_path: Path) -> None:
    saved(tmp_path, "epigraf", Net("Generator", epigraf_state(label=3), {}, {"cfg": {"camera_cond": False}}))
    w = {}
    for index in (0, 1):
        for centre in ("average", "class"):
            out = tmp_path / f"{index}{centre}.npz"
            done = render(
                capsys, tmp_path, out, "--class", index, "--psi", 0, "--cutoff", "none", "--centre", centre
            )
            assert done.status == 0, done.err
            w[index, centre] = np.load(out, allow_pickle=False)["w"]
    assert np.array_equal(w[0, "average"], w[1, "average"]) and not np.array_equal(
        w[0, "class"], w[1, "class"]
    )
    plain = saved(tmp_path / "plain", "eg3d", Net("", eg3d_state()))
    done = render(capsys, plain, tmp_path / "a.npz", "--centre", "class")
    assert done.status == 2 and "no classes" in done.line and "--centre" in done.line
