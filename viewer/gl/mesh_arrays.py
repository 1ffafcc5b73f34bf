"""A mesh as arrays for the graphics card.

From an answer of the render process, or from the decimated copy that an export leaves.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np

from core_model.schema.errors import InputError
from core_model.schema.latent import LatentSpec

DISPLAY_FILE = "display.npz"
"""In the task's folder; written by `triscope mesh --display`."""
_NUMBERS = count(1)


@dataclass(frozen=True, eq=False)
class MeshArrays:
    """vertices, normals [V, 3] float32 world frame; faces [F, 3] uint32.

    colours [V, 4] uint8 sRGB or None. number: unique.
    """

    vertices: np.ndarray
    normals: np.ndarray
    faces: np.ndarray
    colours: np.ndarray | None
    centre: tuple[float, float, float] = (0.0, 0.0, 0.0)
    radius: float = 1.0
    number: int = field(default_factory=lambda: next(_NUMBERS))


@dataclass(frozen=True, eq=False)
class ShownMesh:
    """source: `preview` or the id of the task that made it.

    triangles: of the exported file (those drawn may be fewer); voxel: distance of grid nodes [world units], 0
    = unknown; coarse: drawn while a slow machine turns.
    """

    source: str
    title: str
    fine: MeshArrays
    coarse: MeshArrays | None = None
    triangles: int = 0
    voxel: float = 0.0
    checkpoint: str = ""
    latent: LatentSpec | None = None

    @property
    def reduced(self) -> bool:
        """Whether what is drawn has fewer triangles than what was exported."""
        return len(self.fine.faces) < self.triangles


def mesh_arrays(found: Mapping[str, np.ndarray], prefix: str = "", where: str = "mesh") -> MeshArrays:
    """Checked arrays: an index beyond the vertices would end the process inside the driver.

    Raises InputError.
    """
    try:
        vertices, normals, faces = (found[prefix + name] for name in ("vertices", "normals", "faces"))
    except KeyError as error:
        raise InputError(
            what="mesh without an array", where=where, expected="vertices, normals, faces", got=str(error)
        ) from None
    n = len(vertices)
    if vertices.shape != (n, 3) or normals.shape != (n, 3) or faces.ndim != 2 or faces.shape[1] != 3:
        got = f"{vertices.shape}, {normals.shape}, {faces.shape}"
        raise InputError(what="bad mesh arrays", where=where, expected="[V, 3], [V, 3], [F, 3]", got=got)
    if len(faces) and int(faces.max()) >= n or not np.isfinite(vertices).all():
        raise InputError(
            what="bad mesh arrays", where=where, expected=f"indices below {n} and finite vertices"
        )
    colours = found.get(prefix + "colours")
    if colours is not None:
        if colours.shape != (n, 3):
            raise InputError(
                what="bad mesh arrays", where=where, expected=f"colours [{n}, 3]", got=str(colours.shape)
            )
        bytes_ = (
            colours
            if colours.dtype == np.uint8
            else np.clip(np.rint(255.0 * colours), 0, 255).astype(np.uint8)
        )
        colours = np.concatenate([bytes_, np.full((n, 1), 255, np.uint8)], axis=1)
    low, high = (vertices.min(axis=0), vertices.max(axis=0)) if n else (np.zeros(3), np.zeros(3))
    middle = 0.5 * (low.astype(np.float64) + high)
    whole = np.ascontiguousarray
    return MeshArrays(
        whole(vertices, np.float32), whole(normals, np.float32), whole(faces, np.uint32), colours,
        (float(middle[0]), float(middle[1]), float(middle[2])), float(0.5 * np.linalg.norm(high - low)),
    )  # fmt: skip


def preview_mesh(
    values: Mapping[str, Any],
    arrays: Mapping[str, np.ndarray],
    checkpoint: str,
    latent: LatentSpec,
    edge: int,
) -> ShownMesh:
    """The mesh of an answer to a MeshPreviewQuestion at `edge`³."""
    fine = mesh_arrays(arrays)
    return ShownMesh(
        "preview",
        f"Preview {edge}³",
        fine,
        None,
        len(fine.faces),
        float(values.get("voxel", 0.0)),
        checkpoint,
        latent,
    )


def read_display(
    path: Path, source: str, title: str, voxel: float, checkpoint: str, latent: LatentSpec | None
) -> ShownMesh:
    """The decimated copy of an export; raises InputError."""
    try:
        with np.load(path, allow_pickle=False) as stored:
            found = {name: stored[name] for name in stored.files}
    except (OSError, ValueError, EOFError) as error:
        raise InputError(
            what="cannot read the copy for the view", where=str(path), got=str(error) or type(error).__name__
        ) from None
    fine = mesh_arrays(found, where=str(path))
    coarse = mesh_arrays(found, "coarse_", str(path)) if "coarse_faces" in found else None
    return ShownMesh(
        source, title, fine, coarse, int(found.get("triangles", len(fine.faces))), voxel, checkpoint, latent
    )


class Loader:
    """Reads one mesh at a time in a thread: 50 MB must not hold up a frame."""

    def __init__(self) -> None:
        self._wanted = ""
        self._made: tuple[str, ShownMesh | InputError] | None = None
        self._lock = threading.Lock()

    def want(self, key: str, read: Callable[[], ShownMesh]) -> ShownMesh | InputError | None:
        """The mesh of `key`, why there is none, or None while it is being read."""
        with self._lock:
            if self._made is not None and self._made[0] == key:
                return self._made[1]
            if self._wanted == key:
                return None
            self._wanted, self._made = key, None
        threading.Thread(target=self._read, args=(key, read), daemon=True).start()
        return None

    def forget(self) -> None:
        with self._lock:
            self._wanted, self._made = "", None

    def _read(self, key: str, read: Callable[[], ShownMesh]) -> None:
        found: ShownMesh | InputError
        try:
            found = read()
        except InputError as error:
            found = error
        except MemoryError:
            found = InputError(what="not enough memory to show the mesh", where=key)
        with self._lock:
            if self._wanted == key:
                self._made = (key, found)
