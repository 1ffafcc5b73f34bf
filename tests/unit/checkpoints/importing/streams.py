"""Pickle streams written opcode by opcode: what no honest pickler would write."""

from __future__ import annotations

import struct

from tests.unit.checkpoints.importing.foreign import SOURCE

START, STOP = b"\x80\x04", b"."
NONE, MARK, EMPTY_TUPLE, EMPTY_DICT, EMPTY_LIST = b"N", b"(", b")", b"}", b"]"
MEMOIZE, REDUCE, NEWOBJ, BUILD, STACK_GLOBAL = b"\x94", b"R", b"\x81", b"b", b"\x93"
TUPLE1, TUPLE2, SETITEM, SETITEMS, APPEND, APPENDS, POP = b"\x85", b"\x86", b"s", b"u", b"a", b"e", b"0"


def text(value: str) -> bytes:
    raw = value.encode("utf-8")
    return b"X" + struct.pack("<I", len(raw)) + raw


def number(value: int) -> bytes:
    raw = value.to_bytes(9, "little", signed=True)
    return b"\x8a\x09" + raw


def raw_bytes(value: bytes) -> bytes:
    return b"B" + struct.pack("<I", len(value)) + value


def named(module: str, name: str) -> bytes:
    return text(module) + text(name) + STACK_GLOBAL


def called(module: str, name: str, *args: bytes) -> bytes:
    return named(module, name) + sequence(*args) + REDUCE


def sequence(*items: bytes) -> bytes:
    return MARK + b"".join(items) + b"t"


def items(*values: bytes) -> bytes:
    return EMPTY_LIST + MARK + b"".join(values) + APPENDS


def table(**entries: bytes) -> bytes:
    return EMPTY_DICT + MARK + b"".join(text(k) + v for k, v in entries.items()) + SETITEMS


def get(index: int) -> bytes:
    return b"j" + struct.pack("<I", index)


def put(index: int) -> bytes:
    return b"r" + struct.pack("<I", index)


def tensor(blob: bytes, size: bytes, stride: bytes, offset: int = 0) -> bytes:
    storage = called("torch.storage", "_load_from_bytes", raw_bytes(blob))
    return called(
        "torch._utils", "_rebuild_tensor_v2", storage, number(offset), size, stride, b"\x89", EMPTY_DICT
    )


def module(class_name: str = "TriPlaneGenerator", **state: bytes) -> bytes:
    """A persistent module object."""
    full = {"_parameters": EMPTY_DICT, "_buffers": EMPTY_DICT, "_modules": EMPTY_DICT} | state
    meta = table(
        type=text("class"),
        version=number(6),
        module_src=text(SOURCE),
        class_name=text(class_name),
        state=table(**full),
    )
    return called("torch_utils.persistence", "_reconstruct_persistent_obj", meta)


def file_of(network: bytes, **more: bytes) -> bytes:
    """A whole snapshot file around a network."""
    return START + table(**more, G_ema=network) + STOP
