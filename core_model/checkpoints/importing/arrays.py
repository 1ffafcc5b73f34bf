"""Numbers of foreign files.

Storages, tensors, numpy scalars and arrays, decoded by hand and with every size checked. All data are
little-endian bytes of the file; nothing here trusts a length before it has compared it.
"""

from __future__ import annotations

import math
import re
from typing import Any

import numpy as np

from core_model.checkpoints.importing.limits import Budget
from core_model.checkpoints.importing.records import ArrayRecord, DtypeRecord, Storage, TensorRecord
from core_model.checkpoints.importing.refusal import Refusal, shown

# torch's name of a storage → numpy dtype of its bytes; bfloat16 is the upper half of a float32
KINDS: dict[str, str] = {
    "FloatStorage": "<f4", "DoubleStorage": "<f8", "HalfStorage": "<f2", "BFloat16Storage": "<u2",
    "LongStorage": "<i8", "IntStorage": "<i4", "ShortStorage": "<i2", "CharStorage": "|i1",
    "ByteStorage": "|u1", "BoolStorage": "|b1", "ComplexFloatStorage": "<c8", "ComplexDoubleStorage": "<c16",
    "UntypedStorage": "|u1",
}  # fmt: skip
# dtypes that torch has no storage class for: bytes that the tensor itself names; V: parsed, but no network
# here has such numbers
UNTYPED: dict[str, str] = {
    "uint16": "<u2", "uint32": "<u4", "uint64": "<u8", "complex32": "<V4", "float8_e4m3fn": "<V1", "float8_e5m2": "<V1",
    "float8_e4m3fnuz": "<V1", "float8_e5m2fnuz": "<V1", "float8_e8m0fnu": "<V1",
}  # fmt: skip
_DTYPE = re.compile(r"(?:b1|i[1248]|u[1248]|f[248])\Z")
_BYTE_ORDERS = ("<", ">", "|", "=")
MAX_EXTENT = 1 << 40
Array = np.ndarray[Any, Any]


def item_bytes(kind: str) -> int:
    """Bytes of one element of a storage."""
    return np.dtype(KINDS[kind]).itemsize


def sizes(value: object, limit: int, name: str) -> tuple[int, ...]:
    """`value` as a tuple of at most `limit` non-negative integers whose product stays in bounds."""
    found = _integers(value, limit, name)
    if math.prod(max(n, 1) for n in found) >= MAX_EXTENT:  # also with a zero in it: torch multiplies them
        raise Refusal(f"bad {name}", "a tensor that a computer can hold", "an astronomical one")
    return found


def _integers(value: object, limit: int, name: str) -> tuple[int, ...]:
    if not isinstance(value, tuple | list) or len(value) > limit:
        raise Refusal(f"bad {name}", f"at most {limit} sizes", shown(value))
    if not all(type(n) is int and 0 <= n < MAX_EXTENT for n in value):
        raise Refusal(f"bad {name}", "sizes that are not negative", "something else")
    return tuple(value)


def strided(
    storage: object,
    offset: object,
    size: object,
    stride: object,
    budget: Budget,
    dtype: str = "",
    negated: bool = False,
) -> TensorRecord:
    """A view of a storage; refused when an element would lie outside it.

    As in torch, elements may share a place (stride 0 of an expanded tensor: what its copy takes is counted
    when the copy is made), and a tensor without elements has any offset (a weight with no inputs that was
    split). dtype: of an untyped storage.
    """
    if not isinstance(storage, Storage):
        raise Refusal("bad tensor", "a storage under it", shown(storage))
    code = UNTYPED[dtype] if dtype else KINDS[storage.kind]
    held = storage.count * item_bytes(storage.kind) // np.dtype(code).itemsize
    shape = sizes(size, budget.limits.dimensions, "tensor shape")
    steps = _integers(stride, budget.limits.dimensions, "tensor stride")
    if len(shape) != len(steps):
        raise Refusal("bad tensor", f"{len(shape)} strides", f"{len(steps)}")
    empty = 0 in shape
    if type(offset) is not int or offset < 0 or not (empty or offset < held):
        raise Refusal(
            "bad tensor",
            f"an offset below {held:,}",
            str(offset) if type(offset) is int else "something else",
        )
    if not empty and offset + sum((n - 1) * s for n, s in zip(shape, steps)) >= held:
        raise Refusal("tensor is larger than its storage", f"at most {held:,} values", f"shape {list(shape)}")
    return TensorRecord(storage, offset, shape, steps, code, negated)


def tensor_of(record: TensorRecord, budget: Budget) -> Array:
    """The values as a float32 array of its own. Raises Refusal for NaN and infinity (also by overflow)."""
    storage, width = record.storage, item_bytes(record.storage.kind)
    if np.dtype(record.code).kind in "cV":
        raise Refusal(
            "numbers of an unexpected kind in a tensor",
            "real numbers, integers or booleans",
            "complex or 8-bit floats",
        )
    if storage.data is None or len(storage.data) != storage.count * width:
        raise Refusal("storage without data", f"{storage.count * width:,} bytes", "another number")
    count = math.prod(record.size)
    budget.tensor(4 * count)
    if count == 0:
        return np.zeros(record.size, np.float32)
    width = np.dtype(record.code).itemsize
    raw = np.ndarray(
        shape=record.size,
        dtype=record.code,
        buffer=storage.data,
        offset=record.offset * width,
        strides=tuple(s * width if n > 1 else 0 for n, s in zip(record.size, record.stride)),
    )
    if storage.kind == "BFloat16Storage":
        raw = (raw.astype(np.uint32) << 16).view(np.float32)
    values = _float32(raw)
    return -values if record.negated else values


def dtype_of(args: tuple[Any, ...]) -> DtypeRecord:
    """numpy.dtype(code, align, copy): numbers and booleans only; object and structured dtypes are refused."""
    code = args[0] if args else None
    if not isinstance(code, str) or not _DTYPE.match(code):
        raise Refusal(
            "numpy dtype that may hold objects", "a number or boolean dtype such as 'f8'", shown(code)
        )
    return DtypeRecord(code)


def set_dtype_state(dtype: DtypeRecord, state: object) -> None:
    """The state of a numpy dtype: (version, byte order, None, None, None, -1, -1, flags …)."""
    if not isinstance(state, tuple) or not 5 <= len(state) <= 9 or state[1] not in _BYTE_ORDERS:
        raise Refusal("bad numpy dtype", "a plain dtype with its byte order", shown(state))
    if any(part is not None for part in state[2:5]):
        raise Refusal("numpy dtype that may hold objects", "a number or boolean dtype", "a structured one")
    dtype.order = state[1]


def scalar_of(args: tuple[Any, ...]) -> int | float | bool:
    """numpy's scalar(dtype, bytes) as a Python number."""
    if len(args) != 2 or not isinstance(args[0], DtypeRecord) or not isinstance(args[1], bytes | memoryview):
        raise Refusal("bad numpy scalar", "a dtype and its bytes", shown(args[-1] if args else None))
    dtype = _numpy_dtype(args[0])
    if len(args[1]) != dtype.itemsize:
        raise Refusal("bad numpy scalar", f"{dtype.itemsize} bytes", f"{len(args[1])}")
    return np.frombuffer(args[1], dtype)[0].item()


def set_array_state(array: ArrayRecord, state: object) -> None:
    """The state of a numpy array: (version, shape, dtype, Fortran order, bytes)."""
    if not isinstance(state, tuple) or len(state) != 5:
        raise Refusal("bad numpy array", "version, shape, dtype, order and bytes", shown(state))
    _, shape, dtype, fortran, data = state
    fill_array(array, shape, dtype, bool(fortran) if isinstance(fortran, bool | int) else False, data)


def fill_array(array: ArrayRecord, shape: object, dtype: object, fortran: bool, data: object) -> None:
    """Give an array its contents; the number of bytes must be exactly that of shape and dtype."""
    if not isinstance(dtype, DtypeRecord):
        raise Refusal("bad numpy array", "a dtype", shown(dtype))
    if not isinstance(data, bytes | memoryview):
        raise Refusal("numpy array that may hold objects", "raw bytes", shown(data))
    extent = sizes(shape, 8, "numpy shape")
    need = math.prod(extent) * _numpy_dtype(dtype).itemsize
    if need != len(data):
        raise Refusal("bad numpy array", f"{need:,} bytes", f"{len(data):,}")
    array.dtype, array.shape, array.fortran, array.data = dtype, extent, fortran, data


def array_of(array: ArrayRecord, budget: Budget) -> Array:
    """A numpy array as a float32 array of its own."""
    if array.dtype is None or array.data is None:
        raise Refusal("bad numpy array", "contents", "none")
    count = math.prod(array.shape)
    budget.tensor(4 * count)
    if count == 0:
        return np.zeros(array.shape, np.float32)
    flat = np.frombuffer(array.data, _numpy_dtype(array.dtype))
    return _float32(flat.reshape(array.shape, order="F" if array.fortran else "C"))


def _numpy_dtype(dtype: DtypeRecord) -> "np.dtype[Any]":
    return np.dtype(("" if dtype.order in "|=" else dtype.order) + dtype.code)


def _float32(raw: Array) -> Array:
    with np.errstate(all="ignore"):
        values = np.array(raw, dtype=np.float32, order="C", copy=True)
    if not bool(np.isfinite(values).all()):
        bad = int((~np.isfinite(values)).sum())
        raise Refusal("NaN or infinity in a tensor", "finite numbers", f"{bad} of {values.size} values")
    return values
