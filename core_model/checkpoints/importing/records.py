"""What the objects of a foreign pickle become: inert records without a method that does anything."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, eq=False)
class Global:
    """A name in the stream (class or function). Nothing was imported: it is two strings."""

    module: str
    name: str

    def __str__(self) -> str:
        return f"{self.module}.{self.name}"


@dataclass(eq=False, slots=True)
class Record:
    """An object of a class of another program: what it was called with and what it was given."""

    module: str
    name: str
    args: tuple[Any, ...] = ()
    state: dict[Any, Any] = field(default_factory=dict)
    items: list[Any] = field(default_factory=list)

    def __str__(self) -> str:
        return f"{self.module}.{self.name}"


@dataclass(eq=False, slots=True)
class Storage:
    """Values of a tensor: little-endian elements of `kind` (see arrays.KINDS); `data` may be set later."""

    kind: str
    count: int
    data: memoryview | None = None


@dataclass(frozen=True, eq=False)
class TensorRecord:
    """A strided view of a storage; sizes in elements, checked when it was made.

    code: numpy's name of the element type (bfloat16: its two bytes). negated: torch keeps the sign of some
    views apart from their numbers.
    """

    storage: Storage
    offset: int
    size: tuple[int, ...]
    stride: tuple[int, ...]
    code: str
    negated: bool = False


@dataclass(eq=False, slots=True)
class DtypeRecord:
    """A numpy dtype: byte order and code such as `f8`."""

    code: str
    order: str = "<"


@dataclass(eq=False, slots=True)
class ArrayRecord:
    """A numpy array; `data` is None until its state was given."""

    dtype: DtypeRecord | None = None
    shape: tuple[int, ...] = ()
    fortran: bool = False
    data: bytes | memoryview | None = None
