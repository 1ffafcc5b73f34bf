"""Fewer triangles by quadric edge collapse (fast-simplification), to a stated number."""

from __future__ import annotations

import numpy as np

from core_model.meshing.polygonise import Surface
from core_model.meshing.topology import compacted
from core_model.schema.errors import InputError

MAX_VERTICES = 2**31 - 1


def decimate(surface: Surface, faces: int) -> Surface:
    """At most about `faces` triangles; the surface itself when it has no more than that."""
    if len(surface.faces) <= faces:
        return surface
    if len(surface.vertices) > MAX_VERTICES or 3 * len(surface.faces) > MAX_VERTICES:
        raise InputError(
            what="too many triangles to decimate",
            where="mesh",
            expected=f"fewer than {MAX_VERTICES // 3}, by a lower --resolution",
            got=str(len(surface.faces)),
        )
    import fast_simplification  # of an extra

    points, triangles, *_ = fast_simplification.simplify(
        np.ascontiguousarray(surface.vertices, dtype=np.float32),  # pyright: ignore[reportArgumentType] - float32 is taken as it is
        np.ascontiguousarray(surface.faces, dtype=np.int32),
        target_count=faces,
    )
    triangles = np.asarray(triangles, dtype=np.int32)
    proper = (
        (triangles[:, 0] != triangles[:, 1])
        & (triangles[:, 1] != triangles[:, 2])
        & (triangles[:, 0] != triangles[:, 2])
    )
    return compacted(Surface(np.asarray(points, dtype=np.float32), triangles[proper]))
