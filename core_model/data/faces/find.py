"""Faces of a photograph, for a person who has set no points."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image

from core_model.data.faces.detector import face_boxes
from core_model.data.faces.landmarks import face_mesh, five_points
from core_model.data.photos import Photo

SURE = 0.5
"""Least certainty of the points' network that it looks at a face."""


@dataclass(frozen=True)
class Face:
    """A face of a photograph, pixels of the photograph upright.

    box: left, top, right, bottom about its points; score: certainty, 0 … 1; points: x, y of eyes, nose tip and mouth corners, those at
    the left of the picture first.
    """

    box: tuple[float, float, float, float]
    score: float
    points: tuple[tuple[float, float], ...]

    @property
    def area(self) -> float:
        """Of the box, pixels."""
        return (self.box[2] - self.box[0]) * (self.box[3] - self.box[1])


def find_faces(photo: Photo) -> tuple[Face, ...]:
    """The faces of a photograph, the largest first; none where it shows none."""
    image = _on_white(photo)
    found: list[Face] = []
    for box in face_boxes(image):
        mesh, sure = face_mesh(image, box.centre, float(box.edges.max()), box.eyes)
        if sure < SURE:
            continue
        low, high = mesh[:, :2].min(axis=0), mesh[:, :2].max(axis=0)
        points = tuple((float(x), float(y)) for x, y in five_points(mesh))
        face = Face(
            (float(low[0]), float(low[1]), float(high[0]), float(high[1])), min(box.score, sure), points
        )
        # Two boxes may lead to one face.
        if all(not _same(face, other) for other in found):
            found.append(face)
    return tuple(sorted(found, key=lambda face: -face.area))


def _same(a: Face, b: Face) -> bool:
    """Whether the middle of the one's points lies in the other's box."""
    middle = np.mean(a.points, axis=0)
    return bool(b.box[0] <= middle[0] <= b.box[2] and b.box[1] <= middle[1] <= b.box[3])


def _on_white(photo: Photo) -> Image.Image:
    rgb = photo.rgb
    if photo.alpha is not None:
        rgb = rgb * photo.alpha[..., None] + (1.0 - photo.alpha[..., None])
    return Image.fromarray(np.round(np.clip(rgb, 0.0, 1.0) * 255.0).astype(np.uint8))
