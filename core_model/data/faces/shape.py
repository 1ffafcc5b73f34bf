"""The canonical face of the mesh in a convention's world: where the points that the network finds lie on a mean face."""

from __future__ import annotations

import numpy as np

from core_model.data.faces.landmarks import five_points
from core_model.data.faces.network import networks
from core_model.schema.portrait import Convention


def rigid_points() -> np.ndarray:
    """Numbers of the mesh's points that hardly move with the expression."""
    return np.flatnonzero(networks()[1]["rigid"])


def places_of(convention: Convention) -> np.ndarray:
    """[468, 3] world: the canonical face where its five points come nearest to the convention's.

    A similarity without mirroring (Umeyama 1991); both faces are symmetric, so it turns about x alone.
    """
    canonical = networks()[1]["canonical"].astype(np.float64)
    given, wanted = five_points(canonical), np.array(convention.face)
    from_middle, to_middle = given.mean(axis=0), wanted.mean(axis=0)
    a, b = given - from_middle, wanted - to_middle
    u, s, v = np.linalg.svd(b.T @ a)
    sign = np.array([1.0, 1.0, float(np.sign(np.linalg.det(u @ v)))])
    scale = float((s * sign).sum() / (a * a).sum())
    return (canonical - from_middle) @ (u * sign @ v).T * scale + to_middle
