"""The portrait convention of a checkpoint: where the face of its mean head lies before its cameras.

Generators agree on no place and size of heads. The mean head is drawn from three sides, the points of its face are found as those
of a photograph are, and the canonical face is put where it meets them: a photograph cropped by that convention shows its face as
large and as high as the checkpoint's own pictures do.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch

from core_model.data.faces.find import find_faces
from core_model.data.faces.landmarks import five_points
from core_model.data.faces.shape import places_of, rigid_points
from core_model.data.photos import Photo
from core_model.families.base import Painter
from core_model.schema.camera import OrbitPose, label25
from core_model.schema.portrait import Convention, fitted

YAWS = (0.0, -0.25, 0.25)
SIZE = 128
MAX_ERROR = 0.02
"""Largest root mean square error of the points, in widths of the picture: beyond, it was no face."""


@torch.no_grad()
def own_convention(model: Any, painter: Painter, default: OrbitPose) -> Convention | None:
    """Of a generator whose frontal camera is `default`; None where its mean head shows no face."""
    w = model.module.mapping.w_avg
    ws = (w if w.ndim == 1 else w.mean(dim=0)).expand(1, model.module.num_ws, -1)
    poses = [default.replace(yaw=default.yaw + yaw) for yaw in YAWS]
    seen, found = [], []
    for pose in poses:
        label = torch.from_numpy(label25(pose))[None].to(ws.device)
        image = painter.paint(ws, label, SIZE, fresh=True).image[0].clamp(0.0, 1.0)
        faces = find_faces(Photo(image.permute(1, 2, 0).float().cpu().numpy(), None))
        if faces:
            found.append(pose)
            seen.append(np.array(faces[0].mesh)[rigid_points()] / SIZE)
        elif pose is poses[0]:
            return None
    return fitted_convention(found, seen)


def fitted_convention(poses: list[OrbitPose], seen: list[np.ndarray]) -> Convention | None:
    """Of points seen [33, 2] (shares of the picture) by each camera: the face's size, tilt, height and depth are found."""
    start = Convention.before(poses[0])
    mesh, rigid, pivot = places_of(start), rigid_points(), np.array(start.pivot)
    middle = mesh[rigid].mean(axis=0)

    def placed(x: np.ndarray, places: np.ndarray) -> np.ndarray:
        c, s = math.cos(x[1]), math.sin(x[1])
        turn = np.array([[1.0, 0.0, 0.0], [0.0, c, -s], [0.0, s, c]])
        return (places - middle) @ turn.T * math.exp(x[0]) + middle + np.array([0.0, x[2], x[3]])

    def off(x: np.ndarray) -> np.ndarray:
        places = placed(x, mesh[rigid])
        return np.concatenate([(_projected(pose, places) - two).ravel() for pose, two in zip(poses, seen)])

    unit = float(np.linalg.norm(pivot - np.array(start.face[0])))
    x = fitted(np.zeros(4), off, np.array([1.0, 1.0, unit, unit]))
    if float(np.sqrt(np.mean(off(x) ** 2))) > MAX_ERROR:
        return None
    face = five_points(placed(x, mesh))
    return Convention.model_validate({**start.model_dump(), "face": [tuple(map(float, p)) for p in face]})


def _projected(pose: OrbitPose, places: np.ndarray) -> np.ndarray:
    """Shares of the picture [N, 2] of world places [N, 3]."""
    m, k = pose.world_from_cam(), pose.intrinsics()
    local = (places - m[:3, 3]) @ m[:3, :3]
    return local[:, :2] / local[:, 2:] * (k[0, 0], k[1, 1]) + 0.5
