"""Directions of w: found by PCA, or named and kept, and how the document's edits use them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from core_model.schema.config_dir import kept_file
from core_model.schema.errors import InputError
from core_model.schema.latent import Edit, LatentSpec
from viewer.state.array_files import read_arrays, save_arrays

SAME = 0.999
"""Cosine from which two directions are one: the same PCA on another machine differs by rounding."""
Layers = tuple[int, int] | None


@dataclass(frozen=True)
class Direction:
    """step [D]: one standard deviation of w along the direction.

    share: of the variance of w, 0 = unknown; kept: on disk.
    """

    name: str
    step: tuple[float, ...]
    share: float = 0.0
    kept: bool = False

    @property
    def sigma(self) -> float:
        """Length of a step."""
        return float(np.linalg.norm(self.step))


Directions = tuple[Direction, ...]


def found(directions: np.ndarray, sigma: np.ndarray, share: np.ndarray) -> Directions:
    """Unit directions [K, D], strongest first, as "PC 1", "PC 2" …

    sigma, share [K]: standard deviation along each, and its share of the variance.
    """
    steps = (directions * sigma[:, None]).astype(np.float32).tolist()
    return tuple(Direction(f"PC {i + 1}", tuple(step), float(share[i])) for i, step in enumerate(steps))


def same(a: Direction, b: Direction) -> bool:
    if a.step == b.step:
        return True
    return len(a.step) == len(b.step) and float(np.dot(a.step, b.step)) > SAME * a.sigma * b.sigma > 0.0


def rows(pca: Directions, kept: Directions, edits: tuple[Edit, ...]) -> Directions:
    """The directions that the panel lists.

    Kept ones replace the found ones that they came from; then come the other found ones, further kept ones,
    and those that only an edit of the document knows.
    """
    left = list(kept)
    out: list[Direction] = []
    for one in pca:
        named = next((k for k in left if same(k, one)), None)
        if named is not None:
            left.remove(named)
        out.append(named or one)
    out += left
    known = {d.step for d in out}
    out += [Direction(e.name or "own", e.direction) for e in edits if e.direction not in known]
    return tuple(out)


def edit_of(latent: LatentSpec, direction: Direction) -> Edit | None:
    return next((e for e in latent.edits if e.direction == direction.step), None)


def with_edit(latent: LatentSpec, direction: Direction, strength: float, layers: Layers) -> LatentSpec:
    """The latent moved by `strength` standard deviations in all along the direction.

    strength 0 leaves no edit behind.
    """
    new = Edit(name=direction.name[:80], direction=direction.step, strength=strength, layers=layers)
    old = edit_of(latent, direction)
    if old == new or (old is None and strength == 0.0):
        return latent
    if strength == 0.0:
        return latent.replace(edits=tuple(e for e in latent.edits if e is not old))
    if old is None:
        return latent.replace(edits=(*latent.edits, new))
    return latent.replace(edits=tuple(new if e is old else e for e in latent.edits))


def keep(kept: Directions, direction: Direction, name: str) -> Directions:
    """`kept` with the direction under `name`."""
    entry = Direction(name.strip()[:40] or direction.name, direction.step, direction.share, kept=True)
    if any(k.step == direction.step for k in kept):
        return tuple(entry if k.step == direction.step else k for k in kept)
    return (*kept, entry)


def forget(kept: Directions, direction: Direction) -> Directions:
    return tuple(k for k in kept if k.step != direction.step)


def directions_path(sha256: str) -> Path:
    """Where a checkpoint's named directions are kept."""
    return kept_file("directions", sha256, ".npz")


def write_directions(path: Path, kept: Directions) -> None:
    """names [N], steps [N, D] float32, share [N] float64; atomic.

    Raises InputError where that is impossible.
    """
    arrays = {
        "names": np.array([k.name for k in kept], dtype=np.str_),
        "steps": np.array([k.step for k in kept], dtype=np.float32),
        "share": np.array([k.share for k in kept], dtype=np.float64),
    }
    save_arrays(path, "directions", arrays)


def read_directions(path: Path, width: int) -> Directions:
    """Named directions of w [width]; raises InputError with one line for a file that is none."""
    arrays = read_arrays(path)
    steps = arrays.get("steps", np.zeros(0))
    if not steps.size:
        return ()
    if steps.ndim != 2 or steps.shape[1] != width or steps.dtype.kind != "f" or not np.isfinite(steps).all():
        raise InputError(
            what="no directions of this generator",
            where=str(path),
            expected=f"[N, {width}]",
            got=str(list(steps.shape)),
        )
    names, share = arrays.get("names", np.zeros(0)), arrays.get("share", np.zeros(0))
    if len(names) != len(steps) or len(share) != len(steps):
        raise InputError(
            what="damaged directions",
            where=str(path),
            expected=f"{len(steps)} names and shares",
            got=str(len(names)),
        )
    kept: list[Direction] = []
    for name, step, part in zip(names, steps.astype(np.float32).tolist(), share, strict=True):
        kept.append(Direction(str(name), tuple(step), float(part), kept=True))
    return tuple(kept)
