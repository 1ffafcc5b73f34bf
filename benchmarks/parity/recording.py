"""A file of recorded training phases, and the table of what was compared with it.

`meta` says what the file is; arrays under in/, draw/ and sd…/ are inputs, those under out/ are results of the
original program. Every result must be compared: what nobody asked for counts as a failure, with its reason.
"""

from __future__ import annotations

import json
import re
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from core_model.schema.errors import InputError

INPUT_PREFIXES = ("in/", "draw/", "sd")
LIMIT = 1e-3


@dataclass(frozen=True)
class Recording:
    """The arrays of a file and its meta record."""

    path: Path
    arrays: dict[str, np.ndarray[Any, Any]]
    meta: dict[str, Any]

    @classmethod
    def read(cls, path: Path) -> Recording:
        """Raises InputError for a file that is not a recording."""
        wrong = lambda what, got: InputError(
            what=what, where=str(path), expected="a file of recorded training phases (.npz)", got=got
        )
        try:
            with np.load(path, allow_pickle=False) as file:
                arrays = {name: file[name] for name in file.files}
        except FileNotFoundError:
            raise wrong("no such file", "nothing") from None
        except (OSError, ValueError, zipfile.BadZipFile, EOFError, AttributeError) as error:
            raise wrong("unreadable file", str(error).splitlines()[0][:80] or type(error).__name__) from None
        if "meta" not in arrays:
            raise wrong("file without meta", f"{len(arrays)} arrays")
        try:
            meta = json.loads(str(arrays.pop("meta")))
        except json.JSONDecodeError as error:
            raise wrong("meta is no JSON", str(error)) from None
        if not isinstance(meta, dict) or not isinstance(meta.get("codebase"), str):
            raise wrong("meta names no program", str(type(meta).__name__))
        return cls(path, arrays, meta)

    def __contains__(self, name: str) -> bool:
        return name in self.arrays

    def array(self, name: str) -> np.ndarray[Any, Any]:
        if name not in self.arrays:
            raise InputError(what="array missing", where=str(self.path), expected=name, got="none")
        return self.arrays[name]

    def tensor(self, name: str) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(self.array(name)).copy()).reshape(self.array(name).shape)

    def images(self, name: str) -> Tensor:
        """uint8 images in [-1, 1]."""
        return self.tensor(name).to(torch.float32) / 127.5 - 1.0

    def below(self, prefix: str) -> list[str]:
        """Names of the arrays under `prefix/`, without it."""
        return [n.removeprefix(prefix + "/") for n in self.arrays if n.startswith(prefix + "/")]

    def weights(self, prefix: str) -> dict[str, Tensor]:
        return {name: self.tensor(f"{prefix}/{name}") for name in self.below(prefix)}

    def setting(self, *path: str) -> Any:
        """A value of meta; raises InputError naming it where it is missing."""
        value: Any = self.meta
        for key in path:
            if not isinstance(value, dict) or key not in value:
                raise InputError(
                    what="setting missing in meta", where=str(self.path), expected=".".join(path)
                )
            value = value[key]
        return value

    def phases(self) -> list[str]:
        """Names of the groups that hold a phase: those with scalars that were differentiated."""
        found = [m.group(1) for n in self.arrays if (m := re.fullmatch(r"out/([^/]+)/backward", n))]
        return list(dict.fromkeys(found))


class RecordedDraws:
    """A `DrawSource` that gives the numbers of one scope in the order in which they were recorded."""

    def __init__(self, recording: Recording, scope: str) -> None:
        self.scope = scope
        names = sorted(recording.below(f"draw/{scope}"), key=lambda n: int(n.split("_")[0]))
        self._rest = [(n, recording.tensor(f"draw/{scope}/{n}")) for n in names]

    def _next(self, kind: str, shape: tuple[int, ...]) -> Tensor:
        if not self._rest:
            raise InputError(what="no recorded number left", where=f"draw/{self.scope}", expected=kind)
        name, value = self._rest.pop(0)
        if name.split("_", 1)[1] != kind or value.numel() != int(np.prod(shape)):
            raise InputError(
                what="another number was recorded here",
                where=f"draw/{self.scope}/{name}",
                expected=f"{kind} {list(shape)}",
                got=f"{name.split('_', 1)[1]} {list(value.shape)}",
            )
        return value.reshape(shape)

    def uniform(self, *shape: int) -> Tensor:
        return self._next("uniform", shape)

    def normal(self, *shape: int) -> Tensor:
        return self._next("normal", shape)

    def beta(self, alpha: float, beta: float, count: int) -> Tensor:
        return self._next("beta", (count,))

    def choice(self, options: int, count: int) -> Tensor:
        if self._rest and self._rest[0][0].endswith("_int"):  # recorded one by one
            return torch.stack([self._next("int", ()) for _ in range(count)])
        return self._next("choice", (count,))

    def keep(self, probability: float, *shape: int) -> Tensor:
        return self._next("keep", shape)

    @property
    def left(self) -> int:
        return len(self._rest)


@dataclass
class Row:
    """One compared array. error: largest difference, relative to `scale`; note: what was left out, or why."""

    name: str
    error: float
    note: str = ""
    got: np.ndarray[Any, Any] | None = None
    """What was computed, in units of the scale."""
    off: np.ndarray[Any, Any] | None = None
    """Differences of its entries from what was recorded, in units of the scale."""

    def apart(self, other: Row) -> np.ndarray[Any, Any]:
        """Differences of the entries from another computation of the same result, relative to the same scale."""
        if self.got is None or other.got is None or self.got.shape != other.got.shape:
            return np.zeros(0)
        return np.abs(self.got - other.got)

    @property
    def ok(self) -> bool:
        return self.error <= LIMIT


@dataclass
class Table:
    """The comparisons of a recording."""

    recording: Recording
    rows: list[Row] = field(default_factory=list)
    reasons: dict[str, str] = field(default_factory=dict)
    """Why results below a prefix could not be compared."""
    inputs: dict[str, str] = field(default_factory=dict)
    """Arrays under out/ that are inputs of others, and of which."""

    def check(
        self, name: str, got: Tensor | np.ndarray[Any, Any] | float, *, scale: Any = None, note: str = ""
    ) -> None:
        """Compare with the array `name`. scale: what differences are relative to; by default the array's
        largest entry (1 where all are zero).
        """
        want = np.asarray(self.recording.array(name), dtype=np.float64)
        have = got.detach().cpu().double().numpy() if isinstance(got, Tensor) else np.asarray(got, np.float64)
        if have.size != want.size or squeezed(have) != squeezed(want):
            self.rows.append(
                Row(name, float("inf"), f"shape {list(have.shape)}, recorded {list(want.shape)}")
            )
            return
        have = have.reshape(want.shape)
        if scale is None:
            scale = np.abs(want).max() if want.size else 1.0
            scale = scale if scale > 0 else 1.0
        error = np.abs(have - want) / scale
        worst = float(error.max()) if error.size else 0.0
        self.rows.append(Row(name, worst if np.isfinite(worst) else float("inf"), note, have / scale, error))

    def check_part(self, name: str, whole: Tensor, offset: int | None = None) -> None:
        """Compare with a strided part of pictures [B, C, H, W]: the first images, every k-th pixel from
        `offset` (by default what the notes say, else 0).
        """
        want = self.recording.array(name)
        if whole.dim() != want.ndim:
            self.check(name, whole)
            return
        part = whole[: want.shape[0]]
        step, start = self.stride(name, whole.shape[-1], want.shape[-1], offset)
        if whole.dim() == 4:
            part = part[..., start::step, start::step]
        self.check(name, part)

    def stride(self, name: str, full: int, recorded: int, offset: int | None = None) -> tuple[int, int]:
        """(step, start) by which `recorded` of `full` places were kept: as the notes say, else evenly."""
        last = name.rsplit("/", 1)[-1]
        notes = " ".join(str(v) for v in self.recording.meta.get("notes", {}).values())
        pattern = rf"(?<![\w/]){re.escape(last)}(?!\w)[^;\[\]]{{0,60}}\[[^\]]*?(\d*)::(\d+)\]"
        for start, step in re.findall(pattern, notes):
            begin = int(start or 0)
            if len(range(begin, full, int(step))) == recorded:
                return int(step), begin if offset is None else offset
        return max(1, -(-full // max(recorded, 1))), offset or 0

    def sampled(self, name: str, error: float, allowed: float) -> None:
        """Statistics of random samples on both sides: compared within their sampling error `allowed`."""
        ok = error <= allowed
        note = f"statistics of samples: {error:.3g} apart, {allowed:g} allowed"
        self.rows.append(Row(name, 0.0 if ok else float("inf"), note))

    def fail(self, prefix: str, reason: str) -> None:
        """Results below a prefix that cannot be compared."""
        self.reasons[prefix] = reason

    def drawn(self, draws: RecordedDraws) -> None:
        """Recorded random numbers must have been used up."""
        if draws.left:
            self.rows.append(
                Row(f"draw/{draws.scope}", float("inf"), f"{draws.left} recorded numbers unused")
            )

    def missing(self) -> list[tuple[str, str]]:
        """(array, reason) of results that were not compared."""
        done = {row.name for row in self.rows}
        out = []
        for name in self.recording.arrays:
            if name in done or name in self.inputs or name.startswith(INPUT_PREFIXES):
                continue
            reasons = [r for p, r in self.reasons.items() if name == p or name.startswith(p + "/")]
            out.append((name, reasons[0] if reasons else "nothing here computes it"))
        return out


def squeezed(x: np.ndarray[Any, Any]) -> list[int]:
    """The shape without axes of one."""
    return [n for n in x.shape if n != 1]
