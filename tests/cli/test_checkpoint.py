"""The commands on a real network: a tiny, untrained WYSIWYG generator stored as a native checkpoint."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from core_model.checkpoints.store import load_tensors, save_checkpoint
from core_model.families.wysiwyg.config import PRESETS
from core_model.families.wysiwyg.generator import WysiwygGenerator
from core_model.schema.camera import OrbitPose, label25
from core_model.schema.checkpoint import CheckpointHeader
from core_model.schema.record_file import read_provenance
from tests.cli.command import triscope

Capture = pytest.CaptureFixture[str]
CONFIG = PRESETS["tiny"]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(3)
    header = CheckpointHeader(family="wysiwyg", name="tiny", config=CONFIG.model_dump())
    network = WysiwygGenerator(CONFIG, header.conventions)
    return save_checkpoint(tmp_path_factory.mktemp("net") / "tiny.safetensors", header, network.state_dict())


def npz(capsys: Capture, tiny: Path, out: Path, *args: object) -> dict[str, np.ndarray]:
    done = triscope(
        capsys, "render", tiny, "--out", out, "--device", "cpu", "--channels", "rgb,opacity", *args
    )
    assert done.status == 0, done.err
    with np.load(out, allow_pickle=False) as file:
        return {name: file[name] for name in file.files}


def test_info_names_the_parts(capsys: Capture, tiny: Path) -> None:
    document = json.loads(triscope(capsys, "info", tiny, "--json").out)
    assert (document["z_dim"], document["w_dim"], document["c_dim"]) == (
        CONFIG.z_dim,
        CONFIG.w_dim,
        CONFIG.c_dim,
    )
    assert document["plane_size"] == CONFIG.plane_size and document["has_proposal"] is True
    assert document["parameters"]["total"] == sum(t.numel() for t in load_tensors(tiny).values())
    assert {"mapping", "proposal"} <= set(document["parameters"])
    text = triscope(capsys, "info", tiny).out
    assert f"z {CONFIG.z_dim}" in text and f"{CONFIG.plane_size} x {CONFIG.plane_size}" in text


def test_render_writes_w_and_uses_the_checkpoints_size(capsys: Capture, tiny: Path, tmp_path: Path) -> None:
    arrays = npz(capsys, tiny, tmp_path / "a.npz")
    document = json.loads(triscope(capsys, "info", tiny, "--json").out)
    assert arrays["w"].shape == (document["num_ws"], CONFIG.w_dim)
    assert arrays["rgb"].shape == (3, CONFIG.image_size, CONFIG.image_size)
    record = read_provenance(tmp_path / "a.npz")
    assert record.checkpoint_sha256 == document["sha256"] and record.family == "wysiwyg"
    assert record.request.sampler.name == "learned"


def test_z_of_the_seed_gives_the_picture_of_the_seed(capsys: Capture, tiny: Path, tmp_path: Path) -> None:
    z = np.random.RandomState(11).randn(1, CONFIG.z_dim).astype(np.float32)
    np.save(tmp_path / "z.npy", z)
    by_seed = npz(capsys, tiny, tmp_path / "1.npz", "--seed", 11)
    by_z = npz(capsys, tiny, tmp_path / "2.npz", "--z", tmp_path / "z.npy")
    other = npz(capsys, tiny, tmp_path / "3.npz", "--seed", 12)
    np.testing.assert_allclose(by_seed["w"], by_z["w"], atol=1e-6)
    np.testing.assert_allclose(by_seed["rgb"], by_z["rgb"], atol=1e-5)
    assert np.abs(by_seed["w"] - other["w"]).max() > 1e-3


def test_psi_zero_is_the_average_for_every_seed(capsys: Capture, tiny: Path, tmp_path: Path) -> None:
    one = npz(capsys, tiny, tmp_path / "1.npz", "--seed", 1, "--psi", 0, "--cutoff", "none")
    two = npz(capsys, tiny, tmp_path / "2.npz", "--seed", 2, "--psi", 0, "--cutoff", "none")
    np.testing.assert_array_equal(one["w"], two["w"])
    cut = npz(capsys, tiny, tmp_path / "3.npz", "--seed", 1, "--psi", 0, "--cutoff", 1)
    assert np.array_equal(cut["w"][0], one["w"][0]) and not np.array_equal(cut["w"][1], one["w"][1])


def test_the_conditioning_camera_moves_w_only_when_it_differs(
    capsys: Capture, tiny: Path, tmp_path: Path
) -> None:
    np.save(tmp_path / "frontal.npy", label25(OrbitPose()))
    np.save(tmp_path / "side.npy", label25(OrbitPose(yaw=0.6)))
    plain = npz(capsys, tiny, tmp_path / "1.npz", "--yaw", 0.6)
    frontal = npz(capsys, tiny, tmp_path / "2.npz", "--yaw", 0.6, "--cond-label", tmp_path / "frontal.npy")
    side = npz(capsys, tiny, tmp_path / "3.npz", "--yaw", 0.6, "--cond-label", tmp_path / "side.npy")
    np.testing.assert_allclose(plain["w"], frontal["w"], atol=1e-5)
    assert np.abs(plain["w"] - side["w"]).max() > 1e-4


def test_a_z_of_the_wrong_width_is_one_line(capsys: Capture, tiny: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "z.npy", np.zeros(7))
    done = triscope(capsys, "render", tiny, "--out", tmp_path / "a.png", "--z", tmp_path / "z.npy")
    assert done.status == 2 and f"expected [{CONFIG.z_dim}], got [7]" in done.line


def broken(tiny: Path, path: Path, change) -> Path:
    """A copy of the checkpoint whose header and tensors went through `change(header, state)`."""
    header = CheckpointHeader(family="wysiwyg", name="tiny", config=CONFIG.model_dump())
    header, state = change(header, load_tensors(tiny))
    return save_checkpoint(path, header, state)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda h, s: (h.replace(family="wysiwig"), s), ["unknown family", "did you mean 'wysiwyg'"]),
        (
            lambda h, s: (h, {k: v for k, v in s.items() if k != "mapping.w_avg"}),
            ["lacks tensor", "'mapping.w_avg'"],
        ),
        (lambda h, s: (h, s | {"extra": torch.zeros(1)}), ["unknown tensor", "'extra'"]),
        (
            lambda h, s: (h, s | {"mapping.w_avg": torch.zeros(3)}),
            ["wrong shape", "mapping.w_avg", "got [3]"],
        ),
        (lambda h, s: (h.replace(config=h.config | {"plane_size": 33}), s), ["plane_size"]),
        (lambda h, s: (h.replace(config=h.config | {"no_such": 1}), s), ["no_such"]),
        (lambda h, s: (h, {}), ["no tensors"]),
    ],
)
def test_checkpoints_that_do_not_fit_are_one_line(
    capsys: Capture, tiny: Path, tmp_path: Path, change, words: list[str]
) -> None:
    path = broken(tiny, tmp_path / "broken.safetensors", change)
    done = triscope(capsys, "render", path, "--out", tmp_path / "a.png")
    assert done.status == 2 and str(path) in done.line
    for word in words:
        assert word in done.line, done.line
    assert not (tmp_path / "a.png").exists()


def test_a_cut_file_is_one_line(capsys: Capture, tiny: Path, tmp_path: Path) -> None:
    path = tmp_path / "cut.safetensors"
    path.write_bytes(tiny.read_bytes()[:-1000])
    done = triscope(capsys, "render", path, "--out", tmp_path / "a.png")
    assert done.status == 2 and "truncated" in done.line
