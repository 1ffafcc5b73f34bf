"""Native checkpoints: what is written comes back, and every kind of bad file gives one clear line."""

from __future__ import annotations

import json
import os
import struct
from pathlib import Path

import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st
from safetensors.torch import save_file
from torch import nn

from core_model.checkpoints.layout import MAX_JSON_BYTES, read_header
from core_model.checkpoints.store import load_into, load_tensors, save_checkpoint
from core_model.schema.checkpoint import FORMAT_VERSION, CheckpointHeader, Provenance
from core_model.schema.errors import InputError

HEADER = CheckpointHeader(
    family="wysiwyg", name="tiny", config={"channels": 3}, provenance=Provenance(steps=7)
)


def state() -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    return {
        "mapping.weight": torch.randn(4, 3, generator=generator),
        "mapping.bias": torch.randn(4, generator=generator),
        "planes": torch.randn(2, 5, generator=generator).t(),  # not contiguous
        "steps": torch.tensor(7, dtype=torch.int64),
    }


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    return save_checkpoint(tmp_path / "tiny.safetensors", HEADER, state())


def patch_json(path: Path, change) -> None:
    """Rewrite the JSON part of a checkpoint file with `change(document)` applied."""
    raw = path.read_bytes()
    (length,) = struct.unpack("<Q", raw[:8])
    document = json.loads(raw[8 : 8 + length])
    change(document)
    text = json.dumps(document).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + raw[8 + length :])


def patch_header(path: Path, **values: object) -> None:
    def change(document: dict) -> None:
        header = json.loads(document["__metadata__"]["triscope"])
        header.update(values)
        document["__metadata__"]["triscope"] = json.dumps(header)

    patch_json(path, change)


def line_of(error: pytest.ExceptionInfo[InputError]) -> str:
    text = str(error.value)
    assert "\n" not in text
    assert error.value.exit_status == 2
    return text


def test_round_trip(checkpoint: Path) -> None:
    stored = read_header(checkpoint)
    assert stored.header == HEADER
    assert stored.tensors["planes"].shape == (5, 2) and stored.tensors["planes"].dtype == "F32"
    assert stored.parameters_by_part() == {"mapping": 16, "planes": 10, "steps": 1}
    assert stored.file_bytes == checkpoint.stat().st_size
    loaded = load_tensors(checkpoint)
    assert list(loaded) and all(torch.equal(loaded[n], t) for n, t in state().items())


def test_the_hash_follows_the_file(checkpoint: Path) -> None:
    first = read_header(checkpoint).sha256
    save_checkpoint(checkpoint, HEADER.replace(name="other"), state())
    assert read_header(checkpoint).sha256 != first


def test_half_storage_halves_the_file_and_keeps_large_values(tmp_path: Path) -> None:
    tensors = {
        "a": torch.randn(64, 64, generator=torch.Generator().manual_seed(0)),
        "big": torch.full((3,), 1e6),
    }
    full = save_checkpoint(tmp_path / "full.safetensors", HEADER, tensors)
    half = save_checkpoint(tmp_path / "half.safetensors", HEADER, tensors, half=True)
    assert full.stat().st_size - half.stat().st_size == pytest.approx(64 * 64 * 2, abs=64)
    loaded = load_tensors(half)
    assert loaded["a"].dtype == torch.float32
    assert torch.allclose(loaded["a"], tensors["a"], rtol=1e-3, atol=1e-6)
    assert torch.equal(loaded["big"], tensors["big"])


def test_shared_storage_is_written_twice_not_refused(tmp_path: Path) -> None:
    weight = torch.ones(3, 3)
    path = save_checkpoint(tmp_path / "tied.safetensors", HEADER, {"a": weight, "b": weight[0]})
    assert torch.equal(load_tensors(path)["b"], torch.ones(3))


def test_a_failed_write_leaves_the_old_file_and_nothing_else(
    checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = checkpoint.read_bytes()

    def full_disk(*args: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full_disk)
    with pytest.raises(OSError, match="No space"):
        save_checkpoint(checkpoint, HEADER, state())
    assert checkpoint.read_bytes() == before
    assert [p.name for p in checkpoint.parent.iterdir()] == [checkpoint.name]


def test_nan_is_refused_when_writing_and_named_when_loading(tmp_path: Path) -> None:
    bad = state() | {"mapping.bias": torch.tensor([0.0, float("nan"), 1.0, float("inf")])}
    with pytest.raises(InputError) as error:
        save_checkpoint(tmp_path / "bad.safetensors", HEADER, bad)
    assert "mapping.bias" in line_of(error)
    metadata = {"triscope": HEADER.model_dump_json()}
    save_file({n: t.contiguous() for n, t in bad.items()}, tmp_path / "bad.safetensors", metadata=metadata)
    with pytest.raises(InputError) as error:
        load_tensors(tmp_path / "bad.safetensors")
    assert "2 of 4 values of tensor 'mapping.bias'" in line_of(error)


class TestBadFiles:
    def check(self, path: Path, *words: str) -> None:
        with pytest.raises(InputError) as error:
            read_header(path)
        line = line_of(error)
        assert str(path) in line
        for word in words:
            assert word in line, line

    def test_missing(self, tmp_path: Path) -> None:
        self.check(tmp_path / "none.safetensors", "not found")

    def test_folder(self, tmp_path: Path) -> None:
        self.check(tmp_path, "a folder")

    def test_empty(self, tmp_path: Path) -> None:
        (tmp_path / "e.safetensors").touch()
        self.check(tmp_path / "e.safetensors", "empty", "0 bytes")

    @pytest.mark.parametrize("keep", [4, 9, 60])
    def test_cut_inside_the_description(self, checkpoint: Path, keep: int) -> None:
        checkpoint.write_bytes(checkpoint.read_bytes()[:keep])
        self.check(checkpoint, "corrupt")

    def test_truncated(self, checkpoint: Path) -> None:
        checkpoint.write_bytes(checkpoint.read_bytes()[:-3])
        self.check(checkpoint, "truncated", "expected 112 bytes", "got 109")

    def test_bytes_at_the_end(self, checkpoint: Path) -> None:
        checkpoint.write_bytes(checkpoint.read_bytes() + b"abc")
        self.check(checkpoint, "corrupt")

    def test_corrupt_json(self, checkpoint: Path) -> None:
        raw = bytearray(checkpoint.read_bytes())
        raw[8:12] = b"]]]]"
        checkpoint.write_bytes(bytes(raw))
        self.check(checkpoint, "corrupt", "JSON")

    def test_huge_description(self, tmp_path: Path) -> None:
        path = tmp_path / "h.safetensors"
        path.write_bytes(struct.pack("<Q", MAX_JSON_BYTES + 1) + b"{}" + b"\0" * 50)
        self.check(path, "corrupt", str(MAX_JSON_BYTES + 1))

    def test_another_program(self, tmp_path: Path) -> None:
        save_file({"a": torch.zeros(2)}, tmp_path / "lora.safetensors")
        self.check(tmp_path / "lora.safetensors", "not a triscope checkpoint", "another program")

    @pytest.mark.parametrize("name", ["snapshot.pkl", "model.pt", "model.ckpt", "disguised.safetensors"])
    def test_pickles_are_refused_unread(self, tmp_path: Path, name: str) -> None:
        torch.save({"G_ema": torch.zeros(2)}, tmp_path / name)
        self.check(tmp_path / name, "pickle", "never unpickled", "triscope import")

    def test_newer_version(self, checkpoint: Path) -> None:
        patch_header(checkpoint, format_version=FORMAT_VERSION + 1, future_field=1)
        self.check(checkpoint, "newer", f"got {FORMAT_VERSION + 1}")

    @pytest.mark.parametrize("version", ["1", None, 0, True, 1.5])
    def test_bad_version(self, checkpoint: Path, version: object) -> None:
        patch_header(checkpoint, format_version=version)
        self.check(checkpoint, "format_version")

    def test_unknown_field_is_named(self, checkpoint: Path) -> None:
        patch_header(checkpoint, conventions={"boxx": 1.0})
        self.check(checkpoint, "conventions.boxx")

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("data_offsets", [0, 10**15]),
            ("data_offsets", [-48, 0]),
            ("data_offsets", [8, 56]),
            ("data_offsets", "0:48"),
            ("shape", [4, -3]),
            ("shape", [4, 10**30]),
            ("shape", [True, 12]),
            ("dtype", "F7"),
            ("dtype", ["F32"]),
        ],
    )
    def test_lying_tensor_table(self, checkpoint: Path, field: str, value: object) -> None:
        patch_json(checkpoint, lambda d: d["mapping.weight"].update({field: value}))
        self.check(checkpoint, "corrupt", "mapping.weight")

    def test_deeply_nested_json(self, tmp_path: Path) -> None:
        text = b'{"a":' * 100_000
        path = tmp_path / "deep.safetensors"
        path.write_bytes(struct.pack("<Q", len(text)) + text)
        self.check(path, "corrupt")


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, bytes]:
    path = tmp_path_factory.mktemp("flips") / "c.safetensors"
    save_checkpoint(path, HEADER, state())
    return path, path.read_bytes()


def try_all(path: Path) -> None:
    """Read and load; only InputError may come out."""
    try:
        read_header(path)
        load_tensors(path)
    except InputError as error:
        assert "\n" not in str(error)


@given(keep=st.floats(0, 1, exclude_max=True))
def test_no_truncation_escapes(sound: tuple[Path, bytes], keep: float) -> None:
    path, raw = sound
    path.write_bytes(raw[: int(keep * len(raw))])
    with pytest.raises(InputError):
        read_header(path)


@given(
    flips=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(1, 255)), min_size=1, max_size=4)
)
@example(flips=[(0.0, 255)])
def test_no_byte_flip_escapes(sound: tuple[Path, bytes], flips: list[tuple[float, int]]) -> None:
    path, raw = sound
    changed = bytearray(raw)
    for where, mask in flips:
        changed[int(where * len(raw))] ^= mask
    path.write_bytes(bytes(changed))
    try_all(path)


class TestLoadInto:
    def module(self) -> nn.Module:
        return nn.Linear(3, 2)

    def test_fits(self) -> None:
        module, other = self.module(), self.module()
        load_into(module, other.state_dict(), "x.safetensors")
        assert torch.equal(module.weight, other.weight)

    @pytest.mark.parametrize(
        ("tensors", "words"),
        [
            ({"weight": torch.zeros(2, 3)}, ("lacks tensor", "'bias'", "x.safetensors")),
            (
                {
                    "weight": torch.zeros(2, 3),
                    "bias": torch.zeros(2),
                    "extra": torch.zeros(1),
                    "more": torch.zeros(1),
                },
                ("unknown tensor", "'extra'", "1 more"),
            ),
            (
                {"weight": torch.zeros(3, 2), "bias": torch.zeros(2)},
                ("wrong shape", "'weight'", "[2, 3]", "got [3, 2]"),
            ),
        ],
    )
    def test_misfits_change_nothing(self, tensors: dict[str, torch.Tensor], words: tuple[str, ...]) -> None:
        module = self.module()
        before = module.weight.clone()
        with pytest.raises(InputError) as error:
            load_into(module, tensors, "x.safetensors")
        line = line_of(error)
        assert all(word in line for word in words), line
        assert torch.equal(module.weight, before)
