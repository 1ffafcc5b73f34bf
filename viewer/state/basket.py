"""The basket: named w of one checkpoint, kept between runs.

Exchanged as .npz (w [N, L, D], names [N], checkpoint).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from core_model.schema.checkpoint import CheckpointInfo
from core_model.schema.config_dir import kept_file
from core_model.schema.errors import InputError
from core_model.schema.latent import LatentSpec
from viewer.state.array_files import read_arrays, save_arrays

NAME_LENGTH = 60
Rows = tuple[tuple[float, ...], ...]


@dataclass(frozen=True, eq=False)
class Kept:
    """One w: float32 [L, D], read-only."""

    name: str
    w: np.ndarray

    @property
    def rows(self) -> Rows:
        """The w as LatentSpec.w takes it: one row where all layers are alike, else all of them. Exact."""
        alike = bool((self.w == self.w[:1]).all())
        return tuple(map(tuple, (self.w[:1] if alike else self.w).tolist()))


Basket = tuple[Kept, ...]


def kept(name: str, w: np.ndarray) -> Kept:
    """A basket's entry; the array is copied and made read-only."""
    w = np.array(w, dtype=np.float32)
    w.setflags(write=False)
    return Kept(name.strip()[:NAME_LENGTH] or "unnamed", w)


def free_name(wanted: str, basket: Basket) -> str:
    """`wanted`, with a number where it is taken."""
    names, wanted = {k.name for k in basket}, wanted.strip()[:NAME_LENGTH] or "unnamed"
    return next(n for n in (wanted, *(f"{wanted} {i}" for i in range(2, len(names) + 3))) if n not in names)


def added(basket: Basket, name: str, w: np.ndarray) -> Basket:
    return (*basket, kept(free_name(name, basket), w))


def renamed(basket: Basket, index: int, name: str) -> Basket:
    """A copy with entry `index` under another name; names stay different from each other."""
    others = (*basket[:index], *basket[index + 1 :])
    return (*basket[:index], replace(basket[index], name=free_name(name, others)), *basket[index + 1 :])


def without(basket: Basket, index: int) -> Basket:
    return (*basket[:index], *basket[index + 1 :])


def between(a: np.ndarray, b: np.ndarray, t: float) -> np.ndarray:
    """(1 - t) A + t B."""
    return ((1.0 - t) * a + t * b).astype(np.float32)


def analogy(a: np.ndarray, b: np.ndarray, c: np.ndarray, k: float) -> np.ndarray:
    """A + k (B - C)."""
    return (a + k * (b - c)).astype(np.float32)


def shown_as(latent: LatentSpec, item: Kept) -> LatentSpec:
    """The latent that shows an entry as it is: its w replaces mapping, truncation, mixing and edits."""
    return latent.replace(w=item.rows, z=None, psi=1.0, mix=None, edits=())


def write_basket(path: Path, basket: Basket, sha256: str) -> None:
    """Writes an .npz atomically; raises InputError where that is impossible."""
    w = np.stack([k.w for k in basket]) if basket else np.zeros((0, 0, 0), np.float32)
    names = np.array([k.name for k in basket], dtype=np.str_)
    save_arrays(path, "basket", {"w": w, "names": names, "checkpoint": np.array(sha256)})


def read_basket(path: Path, layers: int, width: int) -> tuple[Basket, str]:
    """(entries, SHA-256 of the checkpoint that they were made with, "" unknown).

    Takes baskets, and any file with an array `w` of shape [L, D] or [N, L, D] (pictures written as .npz,
    projected w as .npy); L may be 1. Raises InputError naming what does not fit a generator with w [layers,
    width].
    """
    arrays = read_arrays(path)
    if "w" not in arrays:
        raise InputError(
            what="no w in the file",
            where=str(path),
            expected="an array w [N, L, D]",
            got=", ".join(arrays) or "nothing",
        )
    w = arrays["w"]
    if w.size == 0:
        return (), str(arrays.get("checkpoint", ""))
    if w.dtype.kind not in "fiu" or w.ndim not in (2, 3):
        raise InputError(
            what="wrong w",
            where=str(path),
            expected=f"numbers [N, {layers}, {width}]",
            got=f"{w.dtype} {list(w.shape)}",
        )
    w = (w[None] if w.ndim == 2 else w).astype(np.float32)
    if w.shape[1] not in (1, layers) or w.shape[2] != width:
        raise InputError(
            what="w of another generator",
            where=str(path),
            expected=f"[N, {layers}, {width}]",
            got=str(list(w.shape)),
        )
    if not np.isfinite(w).all():
        raise InputError(what="wrong w", where=str(path), expected="finite numbers", got="NaN or infinity")
    names = [str(n) for n in arrays["names"].reshape(-1)] if "names" in arrays else []
    if len(names) != len(w):
        names = [path.stem if len(w) == 1 else f"{path.stem} {i + 1}" for i in range(len(w))]
    entries: Basket = ()
    for name, one in zip(names, w, strict=True):
        entries = added(entries, name, np.broadcast_to(one, (layers, width)))
    return entries, str(arrays.get("checkpoint", ""))


def basket_path(sha256: str) -> Path:
    """Where a checkpoint's basket is kept."""
    return kept_file("baskets", sha256, ".npz")


class Shelf:
    """The basket of the open checkpoint, one per window. note: what went wrong last, for the panel."""

    def __init__(self) -> None:
        self.items: Basket = ()
        self.sha = ""
        self.note = ""
        self._loaded = ""

    def follow(self, info: CheckpointInfo) -> bool:
        """Reads the basket of another checkpoint when that one is opened; whether it did."""
        key = f"{info.sha256} {info.path}"
        if key == self._loaded:
            return False
        self._loaded, self.sha, self.note = key, info.sha256, ""
        path = basket_path(info.sha256)
        try:
            self.items = read_basket(path, info.num_ws, info.w_dim)[0] if path.is_file() else ()
        except InputError as error:
            self.items, self.note = (), str(error)
        return True

    def keep(self, items: Basket) -> None:
        """Other entries, on the disk too."""
        self.items = items
        try:
            write_basket(basket_path(self.sha), items, self.sha)
        except InputError as error:
            self.note = str(error)
