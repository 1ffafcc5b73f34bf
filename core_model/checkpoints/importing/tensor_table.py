"""A safetensors file of another program: a table of names, shapes and places, and the raw numbers.

Nothing in it can run.
"""

from __future__ import annotations

import struct

from core_model.checkpoints.importing import arrays
from core_model.checkpoints.importing.limits import Budget
from core_model.checkpoints.importing.module_tree import check_count
from core_model.checkpoints.importing.records import Storage, TensorRecord
from core_model.checkpoints.importing.refusal import Refusal, shown
from core_model.checkpoints.layout import TensorEntry, table_of
from core_model.schema.errors import InputError

KINDS = {
    "F64": "DoubleStorage", "F32": "FloatStorage", "F16": "HalfStorage", "BF16": "BFloat16Storage", "I64": "LongStorage",
    "I32": "IntStorage", "I16": "ShortStorage", "I8": "CharStorage", "U8": "ByteStorage", "BOOL": "BoolStorage",
}  # fmt: skip


def is_table(data: bytes) -> bool:
    """Whether bytes begin as a safetensors file does: the length of a JSON object, then its brace."""
    return len(data) > 9 and data[4:8] == bytes(4) and data[8:9] == b"{"


def read_tensors(data: bytes, budget: Budget) -> dict[str, TensorRecord]:
    """Name → tensor on its bytes of the file. Raises Refusal."""
    (length,) = struct.unpack_from("<Q", data)
    if length > len(data) - 8:
        raise Refusal("truncated file", f"{length:,} bytes of its table", f"{len(data) - 8:,}")
    start = 8 + length
    try:
        table, _ = table_of(data[8:start], len(data) - start, "")
    except InputError as error:
        raise Refusal(error.what, error.expected, error.got) from None
    check_count(len(table), budget)
    view = memoryview(data)
    return {
        name: _record(name, entry, view[start + entry.begin : start + entry.end], budget)
        for name, entry in table.items()
    }


def _record(name: str, entry: TensorEntry, data: memoryview, budget: Budget) -> TensorRecord:
    if entry.dtype not in KINDS:
        raise Refusal(f"unknown numbers of tensor {shown(name)}", ", ".join(KINDS), entry.dtype)
    if len(entry.shape) > budget.limits.dimensions:
        raise Refusal("bad tensor shape", f"at most {budget.limits.dimensions} sizes", f"{len(entry.shape)}")
    strides = [1] * len(entry.shape)
    for axis in range(len(entry.shape) - 2, -1, -1):
        strides[axis] = strides[axis + 1] * entry.shape[axis + 1]
    kind = KINDS[entry.dtype]
    return TensorRecord(Storage(kind, entry.numel, data), 0, entry.shape, tuple(strides), arrays.KINDS[kind])
