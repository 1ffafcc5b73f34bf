"""What torch.save writes without a zip container: five pickles and raw numbers, parsed by hand.

Order: magic number, protocol version 1001, facts of the system, the object with persistent ids, the list of
storage keys; then for each key an int64 count and the elements. A tensor inside another pickle is such a blob
of one bare storage. The location string (`cpu`, `cuda:0`) is ignored.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

from core_model.checkpoints.importing.arrays import KINDS, item_bytes
from core_model.checkpoints.importing.limits import Budget
from core_model.checkpoints.importing.machine import Machine, World
from core_model.checkpoints.importing.records import Global, Storage
from core_model.checkpoints.importing.refusal import Refusal, shown

MAGIC = 0x1950A86A20F9469CFC6C
MAGIC_BYTES = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."
VERSION = 1001
MAX_COUNT = 1 << 40


def _is_storage(module: str, name: str) -> bool:
    return module in ("torch", "torch.storage") and name in KINDS


class BareWorld:
    """Answers inside a storage blob: names of storage classes and persistent ids, nothing else."""

    def __init__(self, find: Callable[[str, str, int], Storage]) -> None:
        self._find = find

    def named(self, module: str, name: str) -> object:
        if not _is_storage(module, name):
            raise Refusal(
                "pickle names something outside the allow-list",
                "a storage class such as torch.FloatStorage",
                f"{shown(f'{module}.{name}')}; nothing was run",
            )
        return Global(module, name)

    def call(self, target: object, args: tuple[Any, ...]) -> object:
        raise Refusal("bad storage", "no calls in it", shown(str(target)))

    def build(self, target: object, state: object) -> object:
        raise Refusal("bad storage", "no states in it", shown(str(type(target).__name__)))

    def persistent(self, key: object) -> object:
        """('storage', class, key, location, element count, None) → storage."""
        if not isinstance(key, tuple) or len(key) not in (5, 6) or key[0] != "storage":
            raise Refusal("bad storage", "a persistent id of five or six parts", shown(key))
        kind, name, count = key[1], key[2], key[4]
        if not isinstance(kind, Global) or kind.name not in KINDS or not isinstance(name, str):
            raise Refusal("bad storage", "a storage class and a key", shown(name))
        if type(count) is not int or not 0 <= count < MAX_COUNT:
            raise Refusal("bad storage", "a number of elements", shown(count))
        if len(key) == 6 and key[5] is not None:
            raise Refusal("bad storage", "no view of another storage", shown(key[5]))
        return self._find(kind.name, name, count)


class TorchWorld(BareWorld):
    """Answers inside a whole torch.save file.

    Storages from persistent ids, everything else as `inner` says.
    """

    def __init__(self, inner: World, find: Callable[[str, str, int], Storage]) -> None:
        super().__init__(find)
        self._inner = inner

    def named(self, module: str, name: str) -> object:
        return super().named(module, name) if _is_storage(module, name) else self._inner.named(module, name)

    def call(self, target: object, args: tuple[Any, ...]) -> object:
        return self._inner.call(target, args)

    def build(self, target: object, state: object) -> object:
        return self._inner.build(target, state)


def read_bare_storage(data: memoryview | bytes, budget: Budget) -> Storage:
    """The one storage of a blob; raises Refusal."""
    made = read_legacy(memoryview(data), lambda find: BareWorld(find), budget)
    if not isinstance(made, Storage):
        raise Refusal("bad storage", "a storage", shown(made))
    return made


def read_legacy(
    data: memoryview, world: Callable[[Callable[[str, str, int], Storage]], World], budget: Budget
) -> Any:
    """The object of a file that torch.save wrote without zip; its storages are views of `data`."""
    found: dict[str, Storage] = {}

    def find(kind: str, key: str, count: int) -> Storage:
        known = found.setdefault(key, Storage(kind, count))
        if (known.kind, known.count) != (kind, count):
            raise Refusal("bad storage", "the same class and size wherever it is named", shown(key))
        return known

    answers = world(find)
    plain = BareWorld(find)
    magic, at = Machine(data, plain, budget).run()
    version, at = Machine(data, plain, budget, at).run()
    system, at = Machine(data, plain, budget, at).run()
    if magic != MAGIC or version != VERSION or not isinstance(system, dict):
        raise Refusal("not data of torch.save", f"its magic number and version {VERSION}", "something else")
    if system.get("little_endian") is not True or system.get("protocol_version") != VERSION:
        raise Refusal("bad storage", "little-endian data", "another byte order")
    value, at = Machine(data, answers, budget, at).run()
    keys, at = Machine(data, plain, budget, at).run()
    at = _fill(found, keys, data, at)
    if at != len(data):
        raise Refusal("bad storage", "nothing after the last element", f"{len(data) - at:,} bytes")
    return value


def _fill(found: dict[str, Storage], keys: object, data: memoryview, at: int) -> int:
    """Give each storage its elements, in the order of `keys`; returns where they end."""
    if not isinstance(keys, list) or len(keys) != len(found):
        raise Refusal("bad storage", f"{len(found)} storage keys", shown(keys))
    for key in keys:
        storage = found.get(key) if isinstance(key, str) else None
        if storage is None or storage.data is not None:
            raise Refusal("bad storage", "each storage key once", shown(key))
        if at + 8 > len(data):
            raise Refusal("truncated storage", "8 bytes of its size", f"{len(data) - at}")
        (count,) = struct.unpack_from("<q", data, at)
        end = at + 8 + storage.count * item_bytes(storage.kind)
        if count != storage.count:
            raise Refusal("bad storage", f"{storage.count:,} elements", f"{count:,}")
        if end > len(data):
            raise Refusal("truncated storage", f"{end - at - 8:,} bytes", f"{len(data) - at - 8:,}")
        storage.data, at = data[at + 8 : end], end
    return at
