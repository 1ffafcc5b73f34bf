"""Faces of a photograph, for a person who has set no points."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from PIL import Image

from core_model.data.faces.detector import face_boxes
from core_model.data.faces.landmarks import face_mesh, five_points
from core_model.data.faces.shape import places_of, rigid_points
from core_model.data.photos import Photo
from core_model.schema.camera import MatrixCamera
from core_model.schema.portrait import EG3D, Convention, Crop, portrait_of_places

SURE = 0.99
"""Least certainty of the points' network that it looks at a face: faces have 0.999, what the boxes' network mistakes for one rarely 0.9."""
SHARED = 0.4
"""Share of the smaller box that two faces have in common at most."""
UPRIGHT_FOUND = 0.1
"""Weight that draws pitch to zero: 33 points know more of it than five set by hand."""


@dataclass(frozen=True)
class Face:
    """A face of a photograph, pixels of the photograph upright.

    box: left, top, right, bottom about its points; score: certainty, 0 … 1; points: x, y of eyes, nose tip and mouth corners, those at
    the left of the picture first; mesh: x, y of all 468 points.
    """

    box: tuple[float, float, float, float]
    score: float
    points: tuple[tuple[float, float], ...]
    mesh: tuple[tuple[float, float], ...] = field(repr=False)

    @property
    def area(self) -> float:
        """Of the box, pixels."""
        return (self.box[2] - self.box[0]) * (self.box[3] - self.box[1])

    def portrait(self, convention: Convention = EG3D) -> tuple[Crop, MatrixCamera]:
        """Crop and camera of the points that hardly move with the expression: better than by the five alone.

        Raises InputError where they are no face's, seen as a pinhole camera sees it.
        """
        rigid = rigid_points()
        points, places = np.array(self.mesh)[rigid], places_of(convention)[rigid]
        return portrait_of_places(points, places, convention, UPRIGHT_FOUND, np.array(self.points))


def find_faces(photo: Photo) -> tuple[Face, ...]:
    """The faces of a photograph, the largest first; none where it shows none."""
    image = _on_white(photo)
    found: list[Face] = []
    for box in face_boxes(image):
        mesh, sure = face_mesh(image, box.centre, float(box.edges.max()), box.eyes)
        if sure < SURE:
            continue
        low, high = mesh[:, :2].min(axis=0), mesh[:, :2].max(axis=0)
        pairs = lambda rows: tuple((float(x), float(y)) for x, y in rows)
        edges = (float(low[0]), float(low[1]), float(high[0]), float(high[1]))
        face = Face(edges, min(box.score, sure), pairs(five_points(mesh[:, :2])), pairs(mesh[:, :2]))
        # Two boxes may lead to one face; the surer box comes first.
        if all(not _same(face, other) for other in found):
            found.append(face)
    return tuple(sorted(found, key=lambda face: -face.area))


def _same(a: Face, b: Face) -> bool:
    """Whether the boxes share much of the smaller one: an ear is no face of its own."""
    wide = min(a.box[2], b.box[2]) - max(a.box[0], b.box[0])
    high = min(a.box[3], b.box[3]) - max(a.box[1], b.box[1])
    return max(wide, 0.0) * max(high, 0.0) > SHARED * min(a.area, b.area)


def _on_white(photo: Photo) -> Image.Image:
    rgb = photo.rgb
    if photo.alpha is not None:
        rgb = rgb * photo.alpha[..., None] + (1.0 - photo.alpha[..., None])
    return Image.fromarray(np.round(np.clip(rgb, 0.0, 1.0) * 255.0).astype(np.uint8))
