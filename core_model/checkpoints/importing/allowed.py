"""The short list of names that may occur in a foreign checkpoint, and the inert data that each of them means.

Names come from files written by EG3D, EpiGRAF and Mimic3D. There are two tiers: reconstructions with a
meaning (the table below), and names of classes whose objects are kept as records because the whole stream
must be parsed to reach the network. Every other name is refused. In no case is anything imported.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from core_model.checkpoints.importing import arrays
from core_model.checkpoints.importing.limits import Budget
from core_model.checkpoints.importing.machine import check_key
from core_model.checkpoints.importing.records import (
    ArrayRecord,
    DtypeRecord,
    Global,
    Record,
    Storage,
    TensorRecord,
)
from core_model.checkpoints.importing.refusal import Refusal, shown

_IDENTIFIER = re.compile(r"[A-Za-z_]\w*\Z", re.ASCII)
_MODULE = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*\Z", re.ASCII)

# Classes kept as records: module prefixes of the three programs, of torch's layers and optimisers, of
# omegaconf.
RECORD_PREFIXES = (
    "torch_utils.", "src.torch_utils.", "dnnlib.", "src.dnnlib.", "training.", "src.training.",
    "torch.nn.modules.", "torch.optim.", "omegaconf.",
)  # fmt: skip
RECORD_NAMES = frozenset(
    {
        ("typing", "Any"),
        ("torch", "device"),
        ("torch.nn.parameter", "Parameter"),
        ("torch", "Tensor"),
        ("numpy", "ndarray"),
        *(
            ("torch", kind)
            for kind in (
                "float16",
                "bfloat16",
                "float32",
                "float64",
                "int8",
                "int16",
                "int32",
                "int64",
                "uint8",
                "bool",
                "complex64",
                "complex128",
                *arrays.UNTYPED,
            )
        ),
    }
)
_BUILTINS = ("builtins", "__builtin__")
_NUMPY = ("numpy.core", "numpy._core")
PERSISTENCE = "_reconstruct_persistent_obj"


class AllowList:
    """The world of a foreign pickle.

    `load_bytes` parses the bytes of a storage (torch.storage._load_from_bytes).
    """

    def __init__(self, budget: Budget, load_bytes: Callable[[memoryview | bytes], Storage]) -> None:
        self._budget = budget
        self._meanings = self._table(load_bytes)

    def named(self, module: str, name: str) -> Global:
        """An inert stand-in for an allowed name; raises Refusal naming any other."""
        known = (module, name) in self._meanings or (module, name) in RECORD_NAMES
        if max(len(module), len(name)) > self._budget.limits.name_length:
            raise forbidden(module, name)
        if not known and not (module.startswith(RECORD_PREFIXES) and _MODULE.match(module)):
            raise forbidden(module, name)
        if not _IDENTIFIER.match(name):
            raise forbidden(module, name)
        return Global(module, name)

    def call(self, target: object, args: tuple[Any, ...]) -> object:
        if not isinstance(target, Global):
            raise Refusal("pickle cannot be read", "a call of an allowed name", shown(target))
        meaning = self._meanings.get((target.module, target.name))
        if meaning is not None:
            return meaning(args)
        return Record(target.module, target.name, args)

    def build(self, target: object, state: object) -> object:
        if isinstance(target, Record):
            self._give(target, state)
        elif isinstance(target, DtypeRecord):
            arrays.set_dtype_state(target, state)
        elif isinstance(target, ArrayRecord):
            arrays.set_array_state(target, state)
        elif not isinstance(target, dict):  # attributes of dict classes (EasyDict, state dicts) say nothing
            raise Refusal("pickle cannot be read", "state for an object of a known class", shown(target))
        return target

    def persistent(self, key: object) -> object:
        raise Refusal("pickle cannot be read", "no persistent ids", "one")

    def _give(self, target: Record, state: object) -> None:
        """BUILD of a record: a dict, or a pair (dict, slots) of which the parts may be None."""
        parts = state if isinstance(state, tuple) and len(state) == 2 else (state,)
        for part in parts:
            if isinstance(part, dict) and not target.state:
                target.state = part  # not copied: a large dict given to many records must not multiply
            elif isinstance(part, dict):
                self._budget.step(len(part) + len(target.state))
                target.state = target.state | part
            elif part is not None:
                target.args = (*target.args[:8], part)

    def _table(self, load_bytes: Callable[[memoryview | bytes], Storage]) -> dict[tuple[str, str], Any]:
        """(module, name) → function from arguments to inert data."""

        def load(args: tuple[Any, ...]) -> Storage:
            if len(args) != 1 or not isinstance(args[0], bytes | memoryview):
                raise Refusal("bad storage", "its bytes", shown(args[0] if args else None))
            return load_bytes(args[0])

        table: dict[tuple[str, str], Callable[[tuple[Any, ...]], Any]] = {
            ("collections", "OrderedDict"): self._dict,
            ("collections", "defaultdict"): lambda args: self._dict(args[1:]),
            ("torch._utils", "_rebuild_tensor_v2"): self._tensor,
            ("torch._utils", "_rebuild_tensor_v3"): self._untyped_tensor,
            ("torch._utils", "_rebuild_parameter"): _parameter,
            ("torch._utils", "_rebuild_parameter_with_state"): _parameter,
            ("torch._tensor", "_rebuild_from_type_v2"): self._typed_tensor,
            ("torch.storage", "_load_from_bytes"): load,
            ("torch", "Size"): lambda args: arrays.sizes(args[0] if args else (), 16, "torch.Size"),
            ("numpy", "dtype"): arrays.dtype_of,
            ("_codecs", "encode"): self._encode,
        }
        for package in ("", "src."):
            table[f"{package}torch_utils.persistence", PERSISTENCE] = self._persistent
            table[f"{package}dnnlib.util", "EasyDict"] = self._dict
        for package in _NUMPY:
            table[f"{package}.multiarray", "scalar"] = arrays.scalar_of
            table[f"{package}.multiarray", "_reconstruct"] = _array
            table[f"{package}.numeric", "_frombuffer"] = _array_from_buffer
        for package in _BUILTINS:
            table[package, "dict"] = self._dict
            table[package, "list"] = lambda args: list(self._items(args))
            table[package, "tuple"] = lambda args: tuple(self._items(args))
            table[package, "bytes"] = _empty_bytes
            for name in ("set", "frozenset"):
                table[package, name] = self._set
            for name in ("int", "float", "str", "bool"):
                table[package, name] = _scalar
        return table

    def _items(self, args: tuple[Any, ...]) -> list[Any] | tuple[Any, ...]:
        """The one sequence of a container call; charged, because the stream may copy one list many times."""
        items = args[0] if args else ()
        if len(args) > 1 or not isinstance(items, list | tuple):
            raise Refusal("pickle cannot be read", "a container made of a list", shown(items))
        self._budget.step(len(items))
        return items

    def _set(self, args: tuple[Any, ...]) -> set[Any]:
        return {check_key(item, self._budget) for item in self._items(args)}

    def _dict(self, args: tuple[Any, ...]) -> dict[Any, Any]:
        if args and isinstance(args[0], dict) and len(args) == 1:
            self._budget.step(len(args[0]))
            return dict(args[0])
        made = {}
        for pair in self._items(args):
            if not isinstance(pair, list | tuple) or len(pair) != 2:
                raise Refusal("pickle cannot be read", "a dict made of pairs", shown(pair))
            made[check_key(pair[0], self._budget)] = pair[1]
        return made

    def _persistent(self, args: tuple[Any, ...]) -> Record:
        """The record of a persistent object; the source text that comes with it is dropped unread."""
        meta = args[0] if len(args) == 1 else None
        if not isinstance(meta, dict) or meta.get("type") != "class":
            raise Refusal("bad persistent object", "a dict with type 'class'", shown(meta))
        name, state = meta.get("class_name"), meta.get("state")
        if (
            not isinstance(name, str)
            or len(name) > self._budget.limits.name_length
            or not _IDENTIFIER.match(name)
        ):
            raise Refusal("bad persistent object", "a class name", shown(name))
        if not isinstance(state, dict):
            raise Refusal("bad persistent object", "its state", shown(state))
        return Record("persistent", name, (), state)

    def _tensor(self, args: tuple[Any, ...]) -> TensorRecord:
        """(storage, offset, size, stride, requires gradient, hooks, metadata).

        metadata: whether conjugated, negated.
        """
        if not 4 <= len(args) <= 7:
            raise Refusal("bad tensor", "storage, offset, size and stride", f"{len(args)} arguments")
        storage, offset, size, stride = args[:4]
        return arrays.strided(storage, offset, size, stride, self._budget, negated=_is_negated(args[6:]))

    def _untyped_tensor(self, args: tuple[Any, ...]) -> TensorRecord:
        """As `_tensor` for numbers that have no storage class of their own: their dtype follows the hooks."""
        dtype = args[6] if 7 <= len(args) <= 8 else None
        if not isinstance(dtype, Global) or dtype.module != "torch" or dtype.name not in arrays.UNTYPED:
            raise Refusal("bad tensor", "a dtype without a storage class", shown(str(dtype)))
        storage, offset, size, stride = args[:4]
        return arrays.strided(storage, offset, size, stride, self._budget, dtype.name, _is_negated(args[7:]))

    def _typed_tensor(self, args: tuple[Any, ...]) -> object:
        """torch's wrapper for tensors with attributes: (function, type, arguments, state)."""
        if len(args) < 3 or not isinstance(args[2], tuple):
            raise Refusal("bad tensor", "function, type and arguments", f"{len(args)} arguments")
        names = (
            "_rebuild_tensor_v2",
            "_rebuild_tensor_v3",
            "_rebuild_parameter",
            "_rebuild_parameter_with_state",
        )
        if not isinstance(args[0], Global) or (args[0].module, args[0].name) not in {
            ("torch._utils", name) for name in names
        }:
            raise Refusal("bad tensor", "a function that rebuilds tensors", shown(args[0]))
        return self.call(args[0], args[2])

    def _encode(self, args: tuple[Any, ...]) -> bytes:
        """Bytes as protocols below 3 write them: _codecs.encode(text, 'latin1')."""
        if len(args) != 2 or not isinstance(args[0], str) or args[1] not in ("latin1", "latin-1"):
            raise Refusal("pickle cannot be read", "bytes as latin1 text", shown(args[-1] if args else None))
        self._budget.text(len(args[0]))
        try:
            return args[0].encode("latin-1")
        except UnicodeEncodeError:
            raise Refusal("pickle cannot be read", "bytes as latin1 text", shown(args[0])) from None


def forbidden(module: str, name: str) -> Refusal:
    """The refusal of a name; says that nothing happened."""
    return Refusal(
        "pickle names something outside the allow-list",
        "only what EG3D, EpiGRAF and Mimic3D checkpoints hold",
        f"{shown(f'{module}.{name}')}; nothing was run",
    )


def _is_negated(metadata: tuple[Any, ...]) -> bool:
    """Whether a tensor's metadata, if it has any, say that its numbers are stored with the other sign."""
    return bool(metadata) and isinstance(metadata[0], dict) and metadata[0].get("neg") is True


def _parameter(args: tuple[Any, ...]) -> TensorRecord:
    if not args or not isinstance(args[0], TensorRecord):
        raise Refusal("bad parameter", "a tensor", shown(args[0] if args else None))
    return args[0]


def _array(args: tuple[Any, ...]) -> ArrayRecord:
    if not args or not isinstance(args[0], Global) or str(args[0]) != "numpy.ndarray":
        raise Refusal("bad numpy array", "numpy.ndarray", shown(str(args[0]) if args else None))
    return ArrayRecord()


def _array_from_buffer(args: tuple[Any, ...]) -> ArrayRecord:
    """Protocol 5: _frombuffer(bytes, dtype, shape, order)."""
    if len(args) != 4 or args[3] not in ("C", "F"):
        raise Refusal("bad numpy array", "bytes, dtype, shape and order", f"{len(args)} arguments")
    made = ArrayRecord()
    arrays.fill_array(made, args[2], args[1], args[3] == "F", args[0])
    return made


def _empty_bytes(args: tuple[Any, ...]) -> bytes:
    """bytes(): how protocols below 3 write bytes without content."""
    if args:
        raise Refusal("pickle cannot be read", "bytes() without arguments", shown(args[0]))
    return b""


def _scalar(args: tuple[Any, ...]) -> object:
    """int(x), float(x), str(x), bool(x) of what is one already."""
    if len(args) != 1 or not isinstance(args[0], int | float | str):
        raise Refusal("pickle cannot be read", "a number or text", shown(args[0] if args else None))
    return args[0]
