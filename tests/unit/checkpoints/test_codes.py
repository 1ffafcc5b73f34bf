"""Inverted codes: they open like checkpoints, show their latent, and say in one line what their checkpoint lacks."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from core_model.checkpoints.codes import base_of, is_code, read_code, save_code
from core_model.checkpoints.describe import describe_checkpoint
from core_model.checkpoints.layout import file_sha256, read_header
from core_model.checkpoints.store import load_tensors
from core_model.schema.camera import OrbitPose, label25
from core_model.schema.errors import InputError
from core_model.schema.export import default_request
from core_model.schema.inversion import CodeHeader
from core_model.session import RenderSession
from tests.contracts.tiny_checkpoint import TINY, save_tiny

WEIGHT = "rgb_mlp.fc1.bias"


@pytest.fixture
def base(tmp_path: Path) -> Path:
    return Path(save_tiny(tmp_path / "base.safetensors"))


def write(base: Path, path: Path, **changes: object) -> Path:
    layers = describe_checkpoint(str(base)).num_ws
    w = torch.randn(layers, TINY.w_dim, generator=torch.Generator().manual_seed(1))
    header = CodeHeader(
        base_sha256=file_sha256(base), base_name=base.name, base_path=str(base), name="me.jpg", size=64, psnr=30.0,
        camera=tuple(label25(OrbitPose(yaw=0.3)).tolist()),
    )  # fmt: skip
    deltas = {WEIGHT: torch.tensor([0.5, -0.5, 0.25]), "sdf_mlp.fc0.bias": torch.zeros(3)}
    return save_code(path, header.replace(**changes), w, deltas, {})


def test_it_opens_like_a_checkpoint_and_shows_its_latent(base: Path, tmp_path: Path) -> None:
    path = write(base, tmp_path / "code.safetensors")
    code = read_code(path)
    assert is_code(path) and not is_code(base) and "delta/sdf_mlp.fc0.bias" not in code.tensors
    info = describe_checkpoint(str(path))
    own = describe_checkpoint(str(base))
    assert info.family == own.family and info.sha256 == file_sha256(path) != own.sha256
    assert info.latent is not None and np.allclose(info.latent.w, code.w)
    assert info.header.camera.default.yaw == pytest.approx(0.3, abs=1e-5)
    request = default_request(info).replace(width=16, height=16)
    session = RenderSession("cpu")
    frame = session.render(request)
    assert frame.result.error is None and frame.w is not None and np.allclose(frame.w, code.w)
    plain = session.render(request.replace(checkpoint=str(base)))
    assert not np.allclose(frame.arrays["rgb"], plain.arrays["rgb"]), "the weights' change is seen"
    tuned = session.model_of(str(path)).module
    assert tuned is not None
    before = load_tensors(base)[WEIGHT]
    assert torch.allclose(dict(tuned.named_parameters())[WEIGHT], before + torch.tensor([0.5, -0.5, 0.25]))


def test_the_base_is_found_beside_the_code(base: Path, tmp_path: Path) -> None:
    path = write(
        base, tmp_path / "run" / "snapshots" / "code.safetensors", base_path="/nowhere/base.safetensors"
    )
    assert base_of(read_code(path)) == str(base)


@pytest.mark.parametrize("kind", ["missing", "another"])
def test_a_missing_or_wrong_base_is_one_line(kind: str, base: Path, tmp_path: Path) -> None:
    path = write(base, tmp_path / "far" / "away" / "from" / "it" / "code.safetensors")
    base.unlink()
    if kind == "another":
        save_tiny(base, seed=3)
    with pytest.raises(InputError, match="is missing" if kind == "missing" else "is not the one") as caught:
        describe_checkpoint(str(path))
    assert "\n" not in str(caught.value) and "base.safetensors" in str(caught.value)
    result = RenderSession("cpu").render(
        default_request(describe_checkpoint("analytic:sphere")).replace(checkpoint=str(path))
    )
    assert result.result.error is not None and result.result.error.kind == "input"


def test_changes_that_do_not_fit_are_refused(base: Path, tmp_path: Path) -> None:
    path = write(base, tmp_path / "code.safetensors")
    code = read_code(path)
    save_code(path, code.header, torch.from_numpy(code.w.copy()), {"rgb_mlp.fc1.bias": torch.ones(7)}, {})
    with pytest.raises(InputError, match="corrupt inverted code"):
        RenderSession("cpu").open(str(path))
    with pytest.raises(InputError, match="NaN"):
        save_code(path, code.header, torch.full((2, 3), torch.nan), {}, {})


def test_a_code_of_a_code_is_refused(base: Path, tmp_path: Path) -> None:
    first = write(base, tmp_path / "first.safetensors")
    second = write(
        base,
        tmp_path / "second.safetensors",
        base_sha256=file_sha256(first),
        base_path=str(first),
        base_name=first.name,
    )
    with pytest.raises(InputError, match="a code itself"):
        describe_checkpoint(str(second))


def test_damaged_codes_are_one_line(base: Path, tmp_path: Path) -> None:
    path = write(base, tmp_path / "code.safetensors")
    with pytest.raises(InputError, match="no checkpoint of its own"):
        read_header(path)
    short = tmp_path / "short.safetensors"
    shutil.copy(path, short)
    short.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(InputError):
        describe_checkpoint(str(short))
