"""Attacks that were tried by hand.

Files whose parts are shared, long names, many empty tensors, pipes. Each ends soon, in one line.
"""

from __future__ import annotations

import json
import os
import struct
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from core_model.checkpoints.describe import describe_checkpoint
from core_model.checkpoints.importing import import_bytes
from core_model.schema.errors import InputError
from tests.cli.command import triscope
from tests.unit.checkpoints.importing import samples
from tests.unit.checkpoints.importing import streams as s
from tests.unit.checkpoints.importing.foreign import pickled

SECONDS = 5.0
LONG = 4 << 20


def numbered(prefix: str, count: int, value: bytes = s.NONE) -> bytes:
    """A dict of `count` entries."""
    return s.EMPTY_DICT + s.MARK + b"".join(s.text(f"{prefix}{i}") + value for i in range(count)) + s.SETITEMS


def modules(count: int, shared: bytes) -> bytes:
    """A network with `count` modules, all with the state `shared` (an entry of the memo)."""
    one = s.named("training.x", "A") + s.EMPTY_TUPLE + s.NEWOBJ + shared + s.BUILD
    children = s.EMPTY_DICT + s.MARK + b"".join(s.text(f"m{i}") + one for i in range(count)) + s.SETITEMS
    return s.module(_modules=children)


def long_state() -> bytes:
    """Private attributes by the hundred thousand, in one dict that every module has."""
    state = s.EMPTY_DICT + s.MARK + s.text("_modules") + s.EMPTY_DICT
    state += b"".join(s.text(f"_{i}") + s.NONE for i in range(150_000)) + s.SETITEMS
    return s.file_of(modules(15_000, s.get(1)), a=state + s.put(1))


def empty_parameters() -> bytes:
    """Parameters that are None, in one dict that every module has."""
    inner = (
        s.EMPTY_DICT
        + s.MARK
        + s.text("_modules")
        + s.EMPTY_DICT
        + s.text("_parameters")
        + s.get(1)
        + s.SETITEMS
    )
    return s.file_of(modules(15_000, s.get(2)), a=numbered("p", 150_000) + s.put(1), b=inner + s.put(2))


def one_set() -> bytes:
    """A large set as an attribute, again and again."""
    many = b"\x8f" + s.MARK + b"".join(s.text(f"{i}") for i in range(200_000)) + b"\x90" + s.put(1)
    return s.file_of(s.module(x=s.items(*[s.get(1)] * 50_000)), a=many)


def long_name() -> bytes:
    """An object whose module has a name of megabytes, again and again."""
    named = s.called("training." + "a" * LONG, "A") + s.put(1)
    return s.file_of(s.module(x=s.items(*[s.get(1)] * 50_000)), a=named)


def long_class() -> bytes:
    return s.file_of(s.module("A" * LONG))


def long_reference() -> bytes:
    """A configuration value that is one long path, again and again."""
    node = s.named("omegaconf.nodes", "AnyNode") + s.EMPTY_TUPLE + s.NEWOBJ
    path = "${" + ".".join(["a"] * (LONG // 2)) + ".none}"
    root = s.table(_content=s.table(a=s.get(5)), _parent=s.NONE)
    ring = (
        s.named("omegaconf.dictconfig", "DictConfig") + s.EMPTY_TUPLE + s.NEWOBJ + s.put(5) + root + s.BUILD
    )
    leaf = node + s.table(_val=s.text(path), _parent=s.get(5)) + s.BUILD + s.put(6)
    return s.file_of(s.module(cfg=s.named("omegaconf.listconfig", "ListConfig") + s.EMPTY_TUPLE + s.NEWOBJ
                              + s.table(_content=s.items(*[s.get(6)] * 50_000), _parent=s.NONE) + s.BUILD), a=ring, b=leaf)  # fmt: skip


def nested_records() -> bytes:
    """Objects in objects, a hundred thousand deep."""
    link = s.named("training.x", "Link") + s.put(1)
    step = (
        s.POP
        + s.get(1)
        + s.EMPTY_TUPLE
        + s.NEWOBJ
        + s.EMPTY_DICT
        + s.text("a")
        + s.get(0)
        + s.SETITEM
        + s.BUILD
        + s.put(0)
    )
    return s.file_of(s.module(x=s.get(0)), a=s.NONE + s.put(0) + s.POP + link + step * 90_000)


ATTACKS: dict[str, Callable[[], bytes]] = {
    "long state": long_state, "empty parameters": empty_parameters, "one set": one_set, "long name": long_name,
    "long class": long_class, "long reference": long_reference, "nested records": nested_records,
}  # fmt: skip


@pytest.mark.parametrize("name", ATTACKS)
def test_shared_parts_do_not_multiply(name: str) -> None:
    data = ATTACKS[name]()
    started = time.process_time()
    with pytest.raises(InputError) as caught:
        import_bytes(data, "a.pkl")
    assert time.process_time() - started < SECONDS
    message = str(caught.value)
    assert "\n" not in message and message.isprintable() and len(message) < 500


@pytest.mark.parametrize(
    "code",
    [
        b"\x82\x01",
        b"\x83\x01\x00",
        b"\x84\x01\x00\x00\x00",
        b"\x97",
        b"\x98",
        b"i",
        b"o",
        b"P1\n",
        b"Q",
        b"\xff",
    ],
)
def test_opcodes_that_need_more_than_data_are_refused(code: bytes) -> None:
    """EXT1, EXT2, EXT4, NEXT_BUFFER, READONLY_BUFFER, INST, OBJ, persistent ids, an unknown byte."""
    with pytest.raises(InputError, match=r"pickle|persistent"):
        import_bytes(s.START + s.NONE + code + s.STOP, "a.pkl")


def test_state_given_to_inert_things_changes_nothing_but_records() -> None:
    """BUILD on names, numbers, lists, tensors."""
    for target in (
        s.named("collections", "OrderedDict"),
        s.number(3),
        s.EMPTY_LIST,
        s.text("a"),
        s.EMPTY_TUPLE,
    ):
        with pytest.raises(InputError):
            import_bytes(s.file_of(s.module(x=target + s.table(a=s.NONE) + s.BUILD)), "a.pkl")


def table_file(path: Path, entries: dict[str, object], data: bytes = b"") -> Path:
    text = json.dumps(entries).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)
    return path


def test_a_table_of_a_million_empty_tensors(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    nothing = {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]}
    names = ["backbone.synthesis.b4.const", *(f"decoder.net.{i}" for i in range(300_000))]
    path = table_file(tmp_path / "a.safetensors", dict.fromkeys(names, nothing))
    started = time.process_time()
    done = triscope(capsys, "info", path)
    assert done.status == 2 and len(done.line) < 500 and time.process_time() - started < SECONDS


def test_foreign_tables_are_checked_as_native_ones(tmp_path: Path) -> None:
    root = {"backbone.synthesis.b4.const": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}
    for number, (entries, data) in enumerate((
        (root, bytes(4)), (root, bytes(12)), (root | {"x": {"dtype": "F8_E4M3", "shape": [1], "data_offsets": [8, 9]}}, bytes(9)),
        (root | {"\x1b[2J": {"dtype": "F32", "shape": [0], "data_offsets": [8, 8]}}, bytes(8)),
        (root | {"x": {"dtype": "F32", "shape": [0] * 12, "data_offsets": [8, 8]}}, bytes(8)),
    )):  # fmt: skip
        with pytest.raises(InputError) as caught:
            describe_checkpoint(str(table_file(tmp_path / f"{number}.safetensors", entries, data)))
        assert str(caught.value).isprintable()


@pytest.mark.skipif(os.name == "nt", reason="named pipes")
@pytest.mark.parametrize("name", ["a.safetensors", "a.pkl", "a"])
def test_a_pipe_is_not_waited_for(tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    os.mkfifo(tmp_path / name)
    assert triscope(capsys, "info", tmp_path / name).status == 2


def test_links_of_a_run_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Snapshots that are links to devices, to themselves or to nothing are no snapshots.

    A folder named like one is none either.
    """
    (tmp_path / "network-snapshot-000003.pkl").symlink_to(tmp_path / "network-snapshot-000003.pkl")
    (tmp_path / "network-snapshot-000002.pkl").symlink_to("/dev/zero")
    (tmp_path / "network-snapshot-000004.pkl").mkdir()
    (tmp_path / "network-snapshot-../../etc/passwd.pkl").parent.mkdir(parents=True, exist_ok=True)
    done = triscope(capsys, "info", tmp_path)
    assert done.status == 2 and "no snapshot" in done.line
    (tmp_path / "network-snapshot-000001.pkl").write_bytes(pickled(samples.eg3d_file())[:-1])
    done = triscope(capsys, "info", tmp_path)
    assert done.status == 2 and "000001" in done.line and "truncated" in done.line
