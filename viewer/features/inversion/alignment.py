"""Crop and camera of a photograph, as the panel edits them. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from core_model.schema.camera import (
    MatrixCamera,
    OrbitPose,
    focal_from_fov,
    fov_from_focal,
    label25,
    orbit_from_matrix,
)
from core_model.schema.errors import InputError
from core_model.schema.portrait import FACE, Crop, portrait_of
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
    def fresh(cls, size: tuple[int, int], camera: OrbitPose) -> Alignment:
        """The middle square seen by `camera`, with the points of a generic face in it."""
        edge = float(min(size))
        crop = Crop(0.5 * (size[0] - edge), 0.5 * (size[1] - edge), edge)
        return cls(size, face_in(camera, crop), crop, camera)

    def from_points(self, camera: OrbitPose) -> Alignment:
        """Crop and pose that the points say; lens and distance are those of `camera`."""
        try:
            crop, found = portrait_of(np.array(self.points), focal_from_fov(camera.fov), camera.distance)
        except InputError:
            return replace(self, complaint="These points are no face's: the camera stays")
        pose = orbit_from_matrix(found.world_from_cam(), camera.fov)
        return replace(self, crop=crop, pose=pose, label=(), complaint="")

    def with_point(self, index: int, point: Point, camera: OrbitPose) -> Alignment:
        """One point elsewhere, held inside the photograph; crop and pose follow."""
        x, y = (min(max(v, 0.0), float(most)) for v, most in zip(point, self.size, strict=True))
        points = (*self.points[:index], (x, y), *self.points[index + 1 :])
        return replace(self, points=points).from_points(camera)

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

    def with_label(self, text: str) -> Alignment:
        """The camera of 25 numbers (EG3D's label) separated by commas or blanks; raises InputError."""
        parts = text.replace(",", " ").replace("[", " ").replace("]", " ").split()
        try:
            numbers = [float(part) for part in parts]
        except ValueError:
            numbers = []
        if len(numbers) != 25:
            raise InputError(what="bad label", expected="25 numbers", got=f"{len(parts)} words")
        camera = MatrixCamera.from_label(numbers)
        pose = orbit_from_matrix(camera.world_from_cam(), fov_from_focal(float(camera.intrinsics()[0, 0])))
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


def face_in(camera: OrbitPose, crop: Crop) -> tuple[Point, ...]:
    """Where the points of a generic face lie in the photograph, whose crop `camera` took."""
    seen = project_points(camera, FACE).uv
    return tuple((crop.left + crop.edge * float(u), crop.top + crop.edge * float(v)) for u, v in seen)
