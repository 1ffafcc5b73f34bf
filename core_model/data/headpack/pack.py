"""The files of the head pack: base mesh, targets, axes, fitted parts and pictures, each read once per process."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from core_model.schema.assets import asset_path
from core_model.schema.errors import InputError


@dataclass(frozen=True)
class Geometry:
    """The base mesh in decimetres (right-handed, +y up, the face looks along +z) and its 662 sparse targets."""

    vertices: np.ndarray
    """[7171, 3] float64: the skin, then helpers that parts are fitted to."""
    quads: np.ndarray
    """[5290, 4]: the skin, counter-clockwise from outside."""
    quad_uv: np.ndarray
    """[5290, 4, 2] float64, origin at the lower left."""
    quad_part: np.ndarray
    """[5290]: index into `part_names`."""
    part_names: tuple[str, ...]
    landmarks: dict[str, int]
    """Landmark → vertex."""
    groups: dict[str, np.ndarray]
    """Group (helper-…, joint-…) → vertices."""
    targets: dict[str, tuple[np.ndarray, np.ndarray]]
    """Target → (vertices [K], their displacement [K, 3] int16 in 0.001 dm)."""


@dataclass(frozen=True)
class Axis:
    """A detail of the shape: `targets` holds, for each side, the pair (target of negative, of positive values)."""

    name: str
    kind: str
    sigma: float
    limit: float
    targets: dict[str, tuple[str | None, str | None]]


@dataclass(frozen=True)
class Fitted:
    """A part that follows the deformed base mesh (section 4 of the pack's README)."""

    ref: np.ndarray
    weight: np.ndarray
    offset: np.ndarray
    scale_ref: np.ndarray
    scale_len: np.ndarray
    triangles: np.ndarray
    """[M, 3]."""
    triangle_uv: np.ndarray
    """[M, 3, 2] float32, origin at the lower left."""
    triangle_part: np.ndarray | None
    part_names: tuple[str, ...]
    hidden_vertices: np.ndarray
    """Base vertices under the cloth."""
    covered_vertices: np.ndarray
    """Base vertices under opaque hair."""
    band_vertices: np.ndarray
    """The hat's own vertices on its open border round the head."""

    def fit(self, base: np.ndarray) -> np.ndarray:
        """Positions [N, 3] on the deformed base vertices [7171, 3], both in decimetres."""
        ends = base[self.scale_ref]  # [axis, end, xyz]
        k = np.arange(3)
        scale = np.abs(ends[k, 0, k] - ends[k, 1, k]) / self.scale_len
        return np.einsum("nk,nkd->nd", self.weight, base[self.ref]) + self.offset * scale


_NONE = np.zeros(0, np.int64)


class Pack:
    """The pack in one folder; files are read when first asked for."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.manifest: dict[str, Any] = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
        axes = json.loads((folder / "axes.json").read_text(encoding="utf-8"))
        self.axes = tuple(
            Axis(
                a["axis"],
                a["kind"],
                a["sigma"] or 0.0,
                a["limit"],
                {side: (pair[0], pair[1]) for side, pair in a["targets"].items()},
            )
            for a in axes["axes"]
        )
        self.asymmetry: tuple[str, ...] = tuple(axes["asymmetry"])
        self.geometry = _geometry(folder / "geometry.npz")
        self._parts: dict[str, Fitted] = {}
        self._images: dict[str, np.ndarray] = {}

    def part(self, name: str) -> Fitted:
        """A fitted part by the name of its file, e.g. "hair/bob01.npz"."""
        if name not in self._parts:
            self._parts[name] = _fitted(self._folder / name)
        return self._parts[name]

    def image(self, name: str) -> np.ndarray:
        """A picture, uint8 [H, W, 4], sRGB with straight alpha; not to be written to."""
        if name not in self._images:
            with Image.open(self._folder / name) as picture:
                pixels = np.array(picture.convert("RGBA"))
            pixels.setflags(write=False)
            self._images[name] = pixels
        return self._images[name]


@cache
def load_pack() -> Pack:
    """The pack that is shipped; raises InputError where the installation lacks it."""
    folder = asset_path("headpack")
    try:
        return Pack(folder)
    except (OSError, ValueError, KeyError) as error:
        raise InputError(
            what="the head pack cannot be read",
            where=str(folder),
            expected="a whole installation",
            got=str(error),
        ) from None


def _geometry(path: Path) -> Geometry:
    with np.load(path, allow_pickle=False) as file:
        names, ptr = [str(n) for n in file["target_names"]], file["target_ptr"]
        index, delta = file["target_index"].astype(np.int64), file["target_delta"]
        group_ptr, group_index = file["group_ptr"], file["group_index"].astype(np.int64)
        return Geometry(
            vertices=file["vertices"].astype(np.float64),
            quads=file["quads"].astype(np.int64),
            quad_uv=file["uv"].astype(np.float64)[file["quad_uv"]],
            quad_part=file["quad_part"],
            part_names=tuple(str(n) for n in file["part_names"]),
            landmarks={str(n): int(v) for n, v in zip(file["landmark_names"], file["landmark_vertex"])},
            groups={
                str(n): group_index[group_ptr[i] : group_ptr[i + 1]]
                for i, n in enumerate(file["group_names"])
            },
            targets={n: (index[a:b], delta[a:b]) for n, a, b in zip(names, ptr[:-1], ptr[1:])},
        )


def _fitted(path: Path) -> Fitted:
    with np.load(path, allow_pickle=False) as file:
        has = set(file.files)

        def vertices(name: str) -> np.ndarray:
            return file[name].astype(np.int64) if name in has else _NONE

        return Fitted(
            ref=file["ref"].astype(np.int64),
            weight=file["weight"].astype(np.float64),
            offset=file["offset"].astype(np.float64),
            scale_ref=file["scale_ref"].astype(np.int64),
            scale_len=file["scale_len"].astype(np.float64),
            triangles=file["triangles"].astype(np.int64),
            triangle_uv=file["uv"].astype(np.float32)[file["triangle_uv"]],
            triangle_part=file["triangle_part"] if "triangle_part" in has else None,
            part_names=tuple(str(n) for n in file["part_names"]) if "part_names" in has else (),
            hidden_vertices=vertices("hidden_vertices"),
            covered_vertices=vertices("covered_vertices"),
            band_vertices=vertices("band_vertices"),
        )
