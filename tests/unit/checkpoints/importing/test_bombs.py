"""Streams that ask for endless time, depth or memory end in one line."""

from __future__ import annotations

import io
import struct
import time
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from core_model.checkpoints.importing import Limits, import_bytes, import_network
from core_model.schema.errors import InputError
from tests.unit.checkpoints.importing import samples
from tests.unit.checkpoints.importing import streams as s
from tests.unit.checkpoints.importing.foreign import pickled, storage_blob

MEBI = 1 << 20


def refusal(data: bytes, limits: Limits | None = None) -> str:
    with pytest.raises(InputError) as caught:
        import_bytes(data, "bomb.pkl", limits or Limits())
    message = str(caught.value)
    assert "\n" not in message and message.isprintable() and len(message) < 400
    return message


def deep(opening: bytes, closing: bytes, levels: int) -> bytes:
    return opening * levels + s.NONE + closing * levels


def laughs(levels: int) -> bytes:
    """A list of ten times the same list of ten times the same list …"""
    out = s.items(s.NONE) + s.put(0)
    for level in range(levels):
        out += s.POP + s.items(*[s.get(level)] * 10) + s.put(level + 1)
    return out


LOOP = s.EMPTY_LIST + s.put(9) + s.get(9) + s.APPEND
DICT_LOOP = s.EMPTY_DICT + s.put(9) + s.text("again") + s.get(9) + s.SETITEM
TUPLES = s.NONE + s.TUPLE1 * 300_000
MODULE_LOOP = (
    s.named("training.x", "Loop") + s.EMPTY_TUPLE + s.NEWOBJ + s.put(5)
    + s.table(_modules=s.table(again=s.get(5)), _parameters=s.EMPTY_DICT, _buffers=s.EMPTY_DICT) + s.BUILD
)  # fmt: skip
CHAIN = (
    s.NONE + s.put(0) + s.POP + s.named("training.x", "Link") + s.put(1)
    + (s.POP + s.get(1) + s.EMPTY_TUPLE + s.NEWOBJ + s.EMPTY_DICT + s.text("a") + s.get(0) + s.SETITEM + s.BUILD + s.put(0)) * 30_000
)  # fmt: skip
SELF = s.EMPTY_DICT + s.put(7) + s.MARK + s.text("G") + s.NONE + s.text("state_dict") + s.get(7) + s.SETITEMS
MANY_COPIES = s.items(*[s.NONE] * 5000) + s.put(0) + (s.POP + s.called("builtins", "list", s.get(0))) * 5000
MANY_STATES = (
    s.table(**{f"k{i}": s.NONE for i in range(3000)}) + s.put(0)
    + (s.POP + s.named("training.x", "A") + s.EMPTY_TUPLE + s.NEWOBJ + s.table(a=s.NONE) + s.BUILD + s.get(0) + s.BUILD) * 3000
)  # fmt: skip


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (s.START + s.NONE + s.MEMOIZE * 1_500_000 + s.STOP, "come to an end"),
        (s.START + s.EMPTY_DICT * 1_500_000 + s.STOP, "come to an end"),
        (s.START + s.MARK * 2000 + s.STOP, "nested too deeply"),
        (s.START + MANY_COPIES + s.STOP, "come to an end"),
        (s.START + MANY_STATES + s.STOP, "come to an end"),
        (s.file_of(s.module(x=laughs(12))), "too many settings"),
        (s.file_of(s.module(x=LOOP)), "refer to themselves"),
        (s.file_of(s.module(x=DICT_LOOP)), "refer to themselves"),
        (s.file_of(s.module(x=TUPLES)), "nested too deeply"),
        (s.file_of(s.module(x=deep(s.MARK, b"t", 200))), "nested too deeply"),
        (s.START + SELF + s.STOP, "no network"),
        (s.file_of(s.module(), D=CHAIN), "without tensors"),
        (s.file_of(MODULE_LOOP), "modules are nested too deeply"),
        (s.START + s.EMPTY_DICT + TUPLES + s.NONE + s.SETITEM + s.STOP, "flat tuple as a key"),
        (s.START + s.EMPTY_DICT + s.items() + s.NONE + s.SETITEM + s.STOP, "can be hashed"),
        (s.START + b"\x8f(]\x90.", "can be hashed"),
        (s.START + b"(]\x91.", "can be hashed"),
        (s.START + s.EMPTY_DICT + (s.number(3) + s.TUPLE1 + s.NONE + s.SETITEM) * 2000 + s.STOP, "tuples as keys"),
        (s.START + s.EMPTY_DICT + b"\x8a\x20" + b"\x7f" * 32 + s.NONE + s.SETITEM + s.STOP, "64 bits"),
        (s.START + b"\x8b" + struct.pack("<i", 1 << 30) + b"1" * 100 + s.STOP, "integer is too long"),
        (s.START + b"\x8b" + struct.pack("<i", -1) + s.STOP, "integer is too long"),
        (s.START + b"L" + b"9" * 4000 + b"L\n" + s.STOP, "number"),
        (s.START + b"I" + b"9" * 100_000 + s.STOP, "line end"),
        (s.START + b"\x8d" + struct.pack("<Q", 1 << 62) + s.STOP, "text is too long"),
        (s.START + b"\x8e" + struct.pack("<Q", (1 << 64) - 1) + s.STOP, "truncated pickle"),
        (s.START + b"\x95" + struct.pack("<Q", 1 << 40) + s.STOP, "truncated pickle"),
        (s.START + b"X" + struct.pack("<I", 100) + b"abc", "truncated pickle"),
        (b"\x80\x09N.", "not a pickle"),
        (b"\x80\x04\x80\x09N.", "protocol"),
        (b"\x80", "not a pickle"),
        (s.START + s.STOP, "one value"),
        (s.START + s.NONE + s.NONE + s.STOP, "one value"),
        (s.START + s.NONE + s.MARK + s.STOP, "one value"),
        (s.START + s.NONE + s.STOP + b"more", "nothing after its end"),
        (s.START + s.get(3) + s.STOP, "memo entry"),
        (s.START + b"t.", "a mark"),
        (s.START + b"0.", "a mark"),
        (s.START + b"\x86.", "value on the stack"),
    ],
)  # fmt: skip
def test_streams_without_end_or_bottom(data: bytes, said: str) -> None:
    started = time.perf_counter()
    assert said in refusal(data)
    assert time.perf_counter() - started < 20


def test_many_strings_from_one() -> None:
    """A memo makes many long strings of few bytes; their sum is bounded."""
    value = s.text("x" * 100_000) + s.put(0)
    encoded = s.POP + s.called("_codecs", "encode", s.get(0), s.text("latin1"))
    limits = Limits(all_text_bytes=4 * MEBI)
    assert "too much text" in refusal(s.START + value + encoded * 500 + s.STOP, limits)


def with_tensor(data: bytes) -> bytes:
    return s.file_of(s.module(_parameters=s.table(weight=data)))


BLOB = storage_blob(torch.arange(6.0))


def ints(*values: int) -> bytes:
    return s.sequence(*[s.number(v) for v in values])


@pytest.mark.parametrize(
    ("tensor", "said"),
    [
        (s.tensor(BLOB, ints(7), ints(1)), "larger than its storage"),
        (s.tensor(BLOB, ints(2, 3), ints(4, 1)), "larger than its storage"),
        (s.tensor(BLOB, ints(1 << 35), ints(0)), "larger than the file can hold"),
        (s.tensor(BLOB, ints(1 << 39, 1 << 39), ints(0, 0)), "hold"),
        (s.tensor(BLOB, ints(0, 1 << 39, 1 << 39), ints(0, 0, 0)), "hold"),
        (s.tensor(BLOB, ints(6), ints(-1)), "not negative"),
        (s.tensor(BLOB, ints(-6), ints(1)), "not negative"),
        (s.tensor(BLOB, ints(6), ints(1), offset=1), "larger than its storage"),
        (s.tensor(BLOB, ints(6), ints(1), offset=-1), "offset"),
        (s.tensor(BLOB, ints(6), ints(1, 1)), "strides"),
        (s.tensor(BLOB, ints(*[1] * 30), ints(*[1] * 30)), "at most 8"),
        (s.tensor(BLOB, s.text("6"), ints(1)), "sizes"),
        (s.tensor(b"", ints(6), ints(1)), "truncated"),
        (s.tensor(BLOB[:-1], ints(6), ints(1)), "truncated storage"),
        (s.tensor(BLOB + b"x", ints(6), ints(1)), "nothing after"),
        (s.tensor(storage_blob(torch.zeros(6), said=1 << 40), ints(6), ints(1)), "elements"),
        (s.tensor(storage_blob(torch.zeros(6), count=1 << 38, said=1 << 38), ints(6), ints(1)), "truncated storage"),
        (s.tensor(storage_blob(torch.zeros(6), count=-1), ints(6), ints(1)), "number of elements"),
        (s.tensor(storage_blob(torch.zeros(6), keys=["0", "0"]), ints(6), ints(1)), "storage keys"),
        (s.tensor(storage_blob(torch.zeros(6), keys=[]), ints(6), ints(1)), "storage keys"),
        (s.tensor(storage_blob(torch.zeros(6), magic=1), ints(6), ints(1)), "magic"),
        (s.tensor(storage_blob(torch.zeros(6), system={"little_endian": False}), ints(6), ints(1)), "little-endian"),
        (s.tensor(storage_blob(torch.zeros(6), view=("1", 0, 2)), ints(6), ints(1)), "view"),
        (s.tensor(storage_blob(torch.tensor([float("nan")] * 6)), ints(6), ints(1)), "NaN"),
        (s.tensor(storage_blob(torch.tensor([float("inf")] * 6)), ints(6), ints(1)), "NaN or infinity"),
        (s.text("weights"), "a tensor"),
    ],
)  # fmt: skip
def test_tensors_that_lie(tensor: bytes, said: str) -> None:
    assert said in refusal(with_tensor(tensor))


def test_one_storage_many_tensors() -> None:
    """Each tensor has a copy of its own, so that 20 kB could ask for gigabytes.

    The sum is held to the file.
    """
    blob = s.called(
        "torch.storage", "_load_from_bytes", s.raw_bytes(storage_blob(torch.zeros(4096)))
    ) + s.put(0)
    again = s.called(
        "torch._utils",
        "_rebuild_tensor_v2",
        s.get(0),
        s.number(0),
        ints(4096),
        ints(1),
        b"\x89",
        s.EMPTY_DICT,
    )
    entries = {f"w{i}": again for i in range(2000)}
    data = s.START + blob + s.POP + s.table(G_ema=s.module(_parameters=s.table(**entries))) + s.STOP
    tracemalloc.start()
    try:
        assert "larger than the file can hold" in refusal(data)
        assert tracemalloc.get_traced_memory()[1] < 40 * MEBI
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("name", ["a.b", "a b", "", "x" * 200, "a\n", "\x1b[2J", "é"])
def test_names_of_parameters(name: str) -> None:
    data = s.file_of(s.module(_parameters=s.table(**{name: s.tensor(BLOB, ints(6), ints(1))})))
    assert "bad name" in refusal(data)
    flat = s.START + s.table(**{name: s.tensor(BLOB, ints(6), ints(1))}) + s.STOP
    assert "bad name" in refusal(flat) or name == "a.b" or len(name) == 200


def node(content: bytes, kind: str = "_val") -> bytes:
    made = s.named("omegaconf.dictconfig", "DictConfig") + s.EMPTY_TUPLE + s.NEWOBJ
    return made + s.table(**{kind: content, "_parent": s.NONE}) + s.BUILD


def tree(**values: str) -> bytes:
    """A configuration of text nodes that know their parent."""
    root = s.named("omegaconf.dictconfig", "DictConfig") + s.EMPTY_TUPLE + s.NEWOBJ + s.put(50)
    child = s.named("omegaconf.nodes", "AnyNode") + s.EMPTY_TUPLE + s.NEWOBJ
    nodes = {k: child + s.table(_val=s.text(v), _parent=s.get(50)) + s.BUILD for k, v in values.items()}
    return root + s.table(_content=s.table(**nodes), _parent=s.NONE) + s.BUILD


def test_configurations_that_go_in_circles() -> None:
    assert "refer to themselves" in refusal(s.file_of(s.module(cfg=tree(a="${b}", b="${a}"))))
    assert "refer to themselves" in refusal(s.file_of(s.module(cfg=tree(a="x${a}"))))
    grow = {f"k{i}": f"${{k{i + 1}}}" * 8 for i in range(12)} | {"k12": "0123456789"}
    message = refusal(s.file_of(s.module(cfg=tree(**grow))))
    assert "grows without end" in message or "too many settings" in message
    parents = s.named("omegaconf.nodes", "AnyNode") + s.EMPTY_TUPLE + s.NEWOBJ + s.put(50)
    own = parents + s.table(_val=s.text("${a}"), _parent=s.get(50)) + s.BUILD
    assert "parents" in refusal(s.file_of(s.module(cfg=own)))


def test_every_truncation_is_said() -> None:
    whole = pickled(samples.epigraf_file())
    for end in range(0, len(whole), 41):
        with pytest.raises(InputError):
            import_bytes(whole[:end], "cut.pkl")


def archive(change: Callable[[dict[str, bytes]], None], compression: int = zipfile.ZIP_STORED) -> bytes:
    """A torch.save archive with changed entries."""
    out = io.BytesIO()
    torch.save(samples.eg3d_tensors(), out)
    with zipfile.ZipFile(out) as file:
        entries = {name: file.read(name) for name in file.namelist()}
    change(entries)
    again = io.BytesIO()
    with zipfile.ZipFile(again, "w", compression) as file:
        for name, data in entries.items():
            file.writestr(name, data)
    return again.getvalue()


def test_archives() -> None:
    assert "compressed" in refusal(
        archive(lambda e: e.update({"archive/data/0": bytes(50 * MEBI)}), zipfile.ZIP_DEFLATED)
    )
    assert "one entry data.pkl" in refusal(archive(lambda e: e.pop("archive/data.pkl")))
    assert "one entry data.pkl" in refusal(archive(lambda e: e.update({"other/data.pkl": b"\x80\x02N."})))
    assert "truncated storage" in refusal(archive(lambda e: e.update({"archive/data/0": b"1234"})))
    assert "entry for each storage" in refusal(
        archive(lambda e: [e.pop(n) for n in list(e) if "/data/" in n])
    )
    assert "little-endian" in refusal(archive(lambda e: e.update({"archive/byteorder": b"big"})))
    evil = b"\x80\x02cos\nsystem\nX\x02\x00\x00\x00ls\x85R."
    assert "os.system" in refusal(archive(lambda e: e.update({"archive/data.pkl": evil})))
    whole = archive(lambda e: None)
    for end in range(4, len(whole), 301):
        with pytest.raises(InputError):
            import_bytes(whole[:end], "cut.pt")


def test_overlapping_zip_entries() -> None:
    """Many entries of the directory that share one block of data."""
    block = io.BytesIO()
    with zipfile.ZipFile(block, "w") as file:
        file.writestr("archive/data.pkl", bytes(100_000))
        for i in range(200):
            info = zipfile.ZipInfo(f"archive/data/{i}")
            info.header_offset, info.file_size, info.compress_size = 0, 100_000, 100_000
            info.CRC = 0
            file.filelist.append(info)
    assert "larger than the file" in refusal(block.getvalue())


def test_what_is_no_file(tmp_path: Path) -> None:
    import os

    (tmp_path / "empty.pkl").write_bytes(b"")
    os.mkfifo(tmp_path / "pipe.pkl")
    cases = {
        tmp_path: "a folder", tmp_path / "pipe.pkl": "pipe", tmp_path / "none.pkl": "not found",
        Path("/dev/zero"): "device", tmp_path / "empty.pkl": "empty", Path("a\0b.pkl"): "cannot read",
    }  # fmt: skip
    for path, said in cases.items():
        with pytest.raises(InputError, match=said):
            import_network(path)
    big = tmp_path / "big.pkl"
    with open(big, "wb") as file:
        file.truncate(1 << 34)
    with pytest.raises(InputError, match="too large"):
        import_network(big)
