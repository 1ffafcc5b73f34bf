"""A pickle machine that makes data and nothing else.

It follows the opcodes of the pickle protocol (0 to 5) on Python's own containers, numbers and strings. It
imports nothing, looks up no attribute and calls nothing that the stream names: names, calls and states go to
a `World`, which answers with inert records or refuses. Opcodes that only class instances of other kinds need
(INST, OBJ, EXT, out-of-band buffers) are refused. Byte strings stay views of the file and are never copied.
"""

from __future__ import annotations

import pickletools
import struct
from collections.abc import Callable
from typing import Any, Protocol

from core_model.checkpoints.importing.limits import Budget
from core_model.checkpoints.importing.records import Global, Record
from core_model.checkpoints.importing.refusal import Refusal, shown

_OPCODE_NAMES = {ord(op.code): op.name for op in pickletools.opcodes}
_U1, _U2, _U4, _U8 = (struct.Struct(layout) for layout in ("<B", "<H", "<I", "<Q"))
_I4, _F8 = struct.Struct("<i"), struct.Struct(">d")
MAX_INDEX = 1 << 31
MAX_LINE = 4096
_KEY_TYPES = (str, int, float, type(None), Global)


class World(Protocol):
    """Answers of the allow-list. Each method may raise Refusal."""

    def named(self, module: str, name: str) -> object:
        """The inert stand-in of a name."""
        ...

    def call(self, target: object, args: tuple[Any, ...]) -> object:
        """The inert result of calling a stand-in."""
        ...

    def build(self, target: object, state: object) -> object:
        """`target` after it was given `state`."""
        ...

    def persistent(self, key: object) -> object:
        """The object behind a persistent id."""
        ...


class Machine:
    """Runs one pickle of `data` from byte `start`; `position` is where it stands."""

    def __init__(self, data: memoryview, world: World, budget: Budget, start: int = 0) -> None:
        self._data, self._world, self._budget = data, world, budget
        self.position = start
        self._stack: list[Any] = []
        self._below: list[list[Any]] = []
        self._memo: dict[int, Any] = {}

    def run(self) -> tuple[Any, int]:
        """(value, position after STOP). Raises Refusal."""
        table, budget, data, size = _OPERATIONS, self._budget, self._data, len(self._data)
        while True:
            budget.step()
            if self.position >= size:
                raise Refusal("truncated pickle", "the opcode STOP at its end", "nothing")
            code = data[self.position]
            self.position += 1
            if code == 0x2E:  # STOP
                if self._below or len(self._stack) != 1:
                    raise Refusal("broken pickle", "one value at its end", f"{len(self._stack)}")
                return self._stack[0], self.position
            operation = table.get(code)
            if operation is None:
                name = _OPCODE_NAMES.get(code)
                got = f"opcode {name}" if name else f"byte 0x{code:02x} where an opcode should be"
                raise Refusal("pickle cannot be read", "only opcodes that make plain data", got)
            operation(self)

    # Bytes of the stream

    def _take(self, count: int) -> memoryview:
        end = self.position + count
        if end > len(self._data):
            raise Refusal("truncated pickle", f"{count:,} more bytes", f"{len(self._data) - self.position:,}")
        view = self._data[self.position : end]
        self.position = end
        return view

    def _number(self, layout: struct.Struct) -> Any:
        start = self.position
        self._take(layout.size)
        return layout.unpack_from(self._data, start)[0]

    def _line(self) -> str:
        """ASCII text up to the next line end (protocol 0)."""
        window = bytes(self._data[self.position : self.position + MAX_LINE])
        end = window.find(b"\n")
        if end < 0:
            raise Refusal("broken pickle", f"a line end within {MAX_LINE} bytes", "none")
        self.position += end + 1
        try:
            return window[:end].decode("ascii")
        except UnicodeDecodeError:
            raise Refusal("broken pickle", "a line of ASCII text", shown(repr(window[:end]))) from None

    def _text(self, size: int) -> str:
        self._budget.text(size)
        return str(self._take(size), "utf-8", "replace")

    # The stack

    def _push(self, value: object) -> None:
        self._stack.append(value)

    def _pop(self) -> Any:
        if not self._stack:
            raise Refusal("broken pickle", "a value on the stack", "nothing")
        return self._stack.pop()

    def _top(self) -> Any:
        if not self._stack:
            raise Refusal("broken pickle", "a value on the stack", "nothing")
        return self._stack[-1]

    def _pop_mark(self) -> list[Any]:
        if not self._below:
            raise Refusal("broken pickle", "a mark on the stack", "none")
        items, self._stack = self._stack, self._below.pop()
        return items

    def _op_mark(self) -> None:
        if len(self._below) >= self._budget.limits.marks:
            raise Refusal(
                "pickle is nested too deeply", f"at most {self._budget.limits.marks} levels", "more"
            )
        self._below.append(self._stack)
        self._stack = []

    def _op_pop(self) -> None:
        if self._stack:
            self._stack.pop()
        else:
            self._pop_mark()

    def _op_pop_mark(self) -> None:
        self._pop_mark()

    def _op_dup(self) -> None:
        self._push(self._top())

    # Frame and protocol

    def _op_proto(self) -> None:
        version = self._number(_U1)
        if version > 5:
            raise Refusal("unknown pickle protocol", "0 to 5", str(version))

    def _op_frame(self) -> None:
        size = self._number(_U8)
        if size > len(self._data) - self.position:
            raise Refusal("truncated pickle", f"{size:,} more bytes", f"{len(self._data) - self.position:,}")

    # Numbers and text

    def _op_none(self) -> None:
        self._push(None)

    def _op_newtrue(self) -> None:
        self._push(True)

    def _op_newfalse(self) -> None:
        self._push(False)

    def _op_binint(self) -> None:
        self._push(self._number(_I4))

    def _op_binint1(self) -> None:
        self._push(self._number(_U1))

    def _op_binint2(self) -> None:
        self._push(self._number(_U2))

    def _op_long1(self) -> None:
        self._integer(self._number(_U1))

    def _op_long4(self) -> None:
        self._integer(self._number(_I4))

    def _integer(self, size: int) -> None:
        if not 0 <= size <= self._budget.limits.integer_bytes:
            limit = self._budget.limits.integer_bytes
            raise Refusal("integer is too long", f"at most {limit} bytes", f"{size}")
        self._push(int.from_bytes(self._take(size), "little", signed=True))

    def _op_int(self) -> None:
        line = self._line()
        self._push({"00": False, "01": True}[line] if line in ("00", "01") else _parsed(int, line))

    def _op_long(self) -> None:
        self._push(_parsed(int, self._line().removesuffix("L")))

    def _op_float(self) -> None:
        self._push(_parsed(float, self._line()))

    def _op_binfloat(self) -> None:
        self._push(self._number(_F8))

    def _op_short_binunicode(self) -> None:
        self._push(self._text(self._number(_U1)))

    def _op_binunicode(self) -> None:
        self._push(self._text(self._number(_U4)))

    def _op_binunicode8(self) -> None:
        self._push(self._text(self._number(_U8)))

    def _op_short_binbytes(self) -> None:
        self._push(self._take(self._number(_U1)))

    def _op_binbytes(self) -> None:
        self._push(self._take(self._number(_U4)))

    def _op_binbytes8(self) -> None:
        self._push(self._take(self._number(_U8)))

    def _op_bytearray8(self) -> None:
        self._push(self._take(self._number(_U8)))

    # Containers

    def _op_empty_list(self) -> None:
        self._push([])

    def _op_empty_dict(self) -> None:
        self._push({})

    def _op_empty_set(self) -> None:
        self._push(set())

    def _op_empty_tuple(self) -> None:
        self._push(())

    def _op_tuple1(self) -> None:
        self._push((self._pop(),))

    def _op_tuple2(self) -> None:
        second, first = self._pop(), self._pop()
        self._push((first, second))

    def _op_tuple3(self) -> None:
        third, second, first = self._pop(), self._pop(), self._pop()
        self._push((first, second, third))

    def _op_tuple(self) -> None:
        items = self._pop_mark()
        self._push(tuple(items))

    def _op_list(self) -> None:
        items = self._pop_mark()
        self._push(items)

    def _op_dict(self) -> None:
        items = self._pop_mark()
        self._push({})
        self._set_items(items)

    def _op_frozenset(self) -> None:
        items = self._pop_mark()
        self._push(frozenset(check_key(item, self._budget) for item in items))

    def _op_append(self) -> None:
        value = self._pop()
        self._extend([value])

    def _op_appends(self) -> None:
        self._extend(self._pop_mark())

    def _extend(self, items: list[Any]) -> None:
        target = self._top()
        if isinstance(target, Record):
            target = target.items
        if not isinstance(target, list):
            raise Refusal("broken pickle", "a list to append to", shown(target))
        target.extend(items)

    def _op_setitem(self) -> None:
        value, key = self._pop(), self._pop()
        self._set_items([key, value])

    def _op_setitems(self) -> None:
        self._set_items(self._pop_mark())

    def _set_items(self, items: list[Any]) -> None:
        target = self._top()
        if len(items) % 2:
            raise Refusal("broken pickle", "a value for every key", "a key alone")
        if isinstance(target, Record):  # a dict of another program's class: kept, but not searched
            target.items.extend(items)
            return
        if not isinstance(target, dict):
            raise Refusal("broken pickle", "a dict to fill", shown(target))
        for key, value in zip(items[::2], items[1::2]):
            target[check_key(key, self._budget)] = value

    def _op_additems(self) -> None:
        items, target = self._pop_mark(), self._top()
        if not isinstance(target, set):
            raise Refusal("broken pickle", "a set to add to", shown(target))
        target.update(check_key(item, self._budget) for item in items)

    # Memo

    def _op_memoize(self) -> None:
        self._memo[len(self._memo)] = self._top()

    def _op_put(self) -> None:
        self._remember(_parsed(int, self._line()))

    def _op_binput(self) -> None:
        self._remember(self._number(_U1))

    def _op_long_binput(self) -> None:
        self._remember(self._number(_U4))

    def _remember(self, index: int) -> None:
        if not 0 <= index < MAX_INDEX:
            raise Refusal("broken pickle", "a place in the memo", str(index))
        self._memo[index] = self._top()

    def _op_get(self) -> None:
        self._recall(_parsed(int, self._line()))

    def _op_binget(self) -> None:
        self._recall(self._number(_U1))

    def _op_long_binget(self) -> None:
        self._recall(self._number(_U4))

    def _recall(self, index: int) -> None:
        if index not in self._memo:
            raise Refusal("broken pickle", "a memo entry that was set before", f"entry {index}")
        self._push(self._memo[index])

    # Names, calls and states: all answered by the world

    def _op_global(self) -> None:
        module = self._line()
        self._push(self._world.named(module, self._line()))

    def _op_stack_global(self) -> None:
        name, module = self._pop(), self._pop()
        if not isinstance(name, str) or not isinstance(module, str):
            raise Refusal("broken pickle", "a name as text", shown(name))
        self._push(self._world.named(module, name))

    def _op_reduce(self) -> None:
        args, target = self._pop(), self._pop()
        self._push(self._world.call(target, _arguments(args)))

    def _op_newobj(self) -> None:
        self._op_reduce()

    def _op_newobj_ex(self) -> None:
        keywords, args, target = self._pop(), self._pop(), self._pop()
        if not isinstance(keywords, dict) or keywords:
            raise Refusal("pickle cannot be read", "objects made without keywords", shown(keywords))
        self._push(self._world.call(target, _arguments(args)))

    def _op_build(self) -> None:
        state = self._pop()
        target = self._pop()
        self._push(self._world.build(target, state))

    def _op_persid(self) -> None:
        self._push(self._world.persistent(self._line()))

    def _op_binpersid(self) -> None:
        self._push(self._world.persistent(self._pop()))


# opcode → method; opcodes without a method are refused
_OPERATIONS: dict[int, Callable[[Machine], None]] = {
    code: vars(Machine)["_op_" + name.lower()]
    for code, name in _OPCODE_NAMES.items()
    if "_op_" + name.lower() in vars(Machine)
}


def check_key(key: Any, budget: Budget) -> Any:
    """`key` if it may be hashed: text, numbers, names, records, and small flat tuples of these.

    Deep tuples would exhaust the C stack while they are hashed, long integers can be made to collide.
    """
    if isinstance(key, tuple):
        budget.tuple_key()
        if len(key) > 16 or any(isinstance(part, tuple) for part in key):
            raise Refusal("broken pickle", "a short flat tuple as a key", f"{len(key)} nested items")
        for part in key:
            check_key(part, budget)
        return key
    if isinstance(key, int) and key.bit_length() > 64:
        raise Refusal("broken pickle", "an integer of at most 64 bits as a key", f"{key.bit_length()} bits")
    if isinstance(key, _KEY_TYPES) or type(key).__hash__ is object.__hash__:
        return key
    raise Refusal("broken pickle", "a key that can be hashed", type(key).__name__)


def _arguments(args: object) -> tuple[Any, ...]:
    if not isinstance(args, tuple):
        raise Refusal("broken pickle", "a tuple of arguments", shown(args))
    return args


def _parsed(kind: Callable[[str], Any], line: str) -> Any:
    if len(line) > 200 or "_" in line:
        raise Refusal("broken pickle", "a number", shown(line))
    try:
        return kind(line)
    except ValueError:
        raise Refusal("broken pickle", "a number", shown(line)) from None
