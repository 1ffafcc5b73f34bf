"""Crop and camera of a photograph, as the panel edits them. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from core_model.schema.camera import MatrixCamera, OrbitPose, fov_from_focal, label25, orbit_from_matrix
from core_model.schema.errors import InputError
from core_model.schema.portrait import Convention, Crop, portrait_of
from viewer.state.screen import project_points

Point = tuple[float, float]
NAMES = ("left eye", "right eye", "nose tip", "left corner of the mouth", "right corner of the mouth")
"""As the picture shows them."""
LEAST_EDGE = 16.0
"""Of a crop, pixels."""


@dataclass(frozen=True)
class Alignment:
    """size: width and height of the photograph upright, pixels; points, crop: in those pixels.

    pose: the camera that took the crop. label: 25 numbers that say it exactly, where a person gave them. complaint: why the
    points gave no camera.
    """

    size: tuple[int, int]
    points: tuple[Point, ...]
    crop: Crop
    pose: OrbitPose
    label: tuple[float, ...] = ()
    complaint: str = ""

    @classmethod
    def fresh(cls, size: tuple[int, int], convention: Convention) -> Alignment:
        """The middle square seen from the front, with the points of the convention's face in it."""
        camera = OrbitPose(
            radius=convention.radius, pivot=convention.pivot, centre=convention.centre, fov=fov_from_focal(convention.focal)
        ).about_pivot()  # fmt: skip
        edge = float(min(size))
        crop = Crop(0.5 * (size[0] - edge), 0.5 * (size[1] - edge), edge)
        return cls(size, face_in(camera, crop, convention), crop, camera)

    @classmethod
    def of_face(cls, size: tuple[int, int], face: FoundFace, convention: Convention) -> Alignment:
        """As the render process has placed a face that it found."""
        camera = MatrixCamera.from_label(face.label)
        return cls(size, face.points, face.crop, _orbit(camera, convention))

    def from_points(self, convention: Convention) -> Alignment:
        """Crop and pose that the points say."""
        try:
            crop, camera = portrait_of(np.array(self.points), convention)
        except InputError:
            return replace(self, complaint="These points are no face's: the camera stays")
        return replace(self, crop=crop, pose=_orbit(camera, convention), label=(), complaint="")

    def with_point(self, index: int, point: Point, convention: Convention) -> Alignment:
        """One point elsewhere, held inside the photograph; crop and pose follow."""
        x, y = (min(max(v, 0.0), float(most)) for v, most in zip(point, self.size, strict=True))
        points = (*self.points[:index], (x, y), *self.points[index + 1 :])
        return replace(self, points=points).from_points(convention)

    def with_crop(self, left: float, top: float, edge: float) -> Alignment:
        """Another square, which keeps a part of the photograph."""
        edge = min(max(edge, LEAST_EDGE), 4.0 * max(self.size))
        low = LEAST_EDGE - edge
        left, top = (
            min(max(v, low), most - LEAST_EDGE) for v, most in zip((left, top), self.size, strict=True)
        )
        return replace(self, crop=Crop(left, top, edge))

    def with_corner(self, corner: int, dx: float, dy: float) -> Alignment:
        """A corner (0 upper left, 1 upper right, 2 lower left, 3 lower right) moved; the opposite one stays."""
        crop, right, low = self.crop, corner % 2 == 1, corner >= 2
        grown = 0.5 * ((dx if right else -dx) + (dy if low else -dy))
        edge = max(crop.edge + grown, LEAST_EDGE)
        left = crop.left if right else crop.left + crop.edge - edge
        top = crop.top if low else crop.top + crop.edge - edge
        return self.with_crop(left, top, edge)

    def with_pose(self, pose: OrbitPose) -> Alignment:
        return replace(self, pose=pose, label=(), complaint="")

    def with_label(self, text: str, convention: Convention) -> Alignment:
        """The camera of 25 numbers (EG3D's label) separated by commas or blanks; raises InputError."""
        parts = text.replace(",", " ").replace("[", " ").replace("]", " ").split()
        try:
            numbers = [float(part) for part in parts]
        except ValueError:
            numbers = []
        if len(numbers) != 25:
            raise InputError(what="bad label", expected="25 numbers", got=f"{len(parts)} words")
        pose = _orbit(MatrixCamera.from_label(numbers), convention)
        return replace(self, pose=pose, label=tuple(numbers), complaint="")

    def refused(self, why: str) -> Alignment:
        """The same with a complaint, until something else is tried."""
        return replace(self, complaint=why)

    @property
    def camera(self) -> tuple[float, ...]:
        """EG3D label, 25 numbers."""
        return self.label or tuple(float(v) for v in label25(self.pose))

    def words(self) -> tuple[str, ...]:
        """Options of `triscope invert`."""
        square = (self.crop.left, self.crop.top, self.crop.edge)
        return (
            "--crop", ",".join(f"{v:.2f}" for v in square), "--label", ",".join(f"{v:.7g}" for v in self.camera),
        )  # fmt: skip


@dataclass(frozen=True)
class FoundFace:
    """points, box (left, top, right, bottom), crop: pixels of the photograph; label: 25 numbers."""

    points: tuple[Point, ...]
    box: tuple[float, float, float, float]
    crop: Crop
    label: tuple[float, ...]


def found_faces(arrays: Mapping[str, np.ndarray]) -> tuple[FoundFace, ...]:
    """The answer to a `FacesQuestion`, the largest face first."""
    rows = (arrays[name].tolist() for name in ("points", "boxes", "crops", "labels"))
    return tuple(
        FoundFace(tuple(zip(p[0::2], p[1::2], strict=True)), (b[0], b[1], b[2], b[3]), Crop(*c), tuple(label))
        for p, b, c, label in zip(*rows, strict=True)
    )


def face_in(camera: OrbitPose, crop: Crop, convention: Convention) -> tuple[Point, ...]:
    """Where the points of the convention's face lie in the photograph, whose crop `camera` took."""
    seen = project_points(camera, np.array(convention.face)).uv
    return tuple((crop.left + crop.edge * float(u), crop.top + crop.edge * float(v)) for u, v in seen)


def _orbit(camera: MatrixCamera, convention: Convention) -> OrbitPose:
    fov = fov_from_focal(float(camera.intrinsics()[0, 0]))
    return orbit_from_matrix(camera.world_from_cam(), fov, convention.pivot)
