"""The renderer's camera as the two matrices that OpenGL needs.

The same pinhole, frame and units, so that mesh and picture agree. Pixel (i, j) of a square picture has its
centre at ((j + ½)/W, (i + ½)/H); clip y runs down the image as v does.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core_model.schema.camera import MatrixCamera, OrbitPose

NEAREST = 1e-3
"""A perspective camera sees nothing closer [world units]."""


@dataclass(frozen=True, eq=False)
class MeshCamera:
    """clip_from_world, cam_from_world: [4, 4] float64; key: equal keys mean equal pictures."""

    clip_from_world: np.ndarray
    cam_from_world: np.ndarray
    orthographic: bool
    key: tuple[float, ...]


def mesh_camera(
    camera: OrbitPose | MatrixCamera, centre: tuple[float, float, float], radius: float
) -> MeshCamera:
    """The camera of a pose for a mesh inside the ball of `centre` and `radius` [world units].

    The ball's depth range gets all the bits of the depth buffer.
    """
    pose, k = camera.world_from_cam(), camera.intrinsics()
    cam = np.eye(4)
    cam[:3, :3] = pose[:3, :3].T
    cam[:3, 3] = -pose[:3, :3].T @ pose[:3, 3]
    middle = float(cam[2, :3] @ np.asarray(centre) + cam[2, 3])
    near, far = middle - 1.05 * radius - 1e-4, middle + 1.05 * radius + 1e-4
    flat = isinstance(camera, OrbitPose) and camera.orthographic
    project = np.zeros((4, 4))
    if flat:
        span = camera.distance if isinstance(camera, OrbitPose) else 1.0
        project[0] = (2 * k[0, 0] / span, 2 * k[0, 1] / span, 0.0, 2 * k[0, 2] - 1)
        project[1] = (0.0, 2 * k[1, 1] / span, 0.0, 2 * k[1, 2] - 1)
        project[2] = (0.0, 0.0, 2 / (far - near), -(far + near) / (far - near))
        project[3, 3] = 1.0
    else:
        near = max(near, NEAREST)
        far = max(far, near + 1e-3)
        project[0] = (2 * k[0, 0], 2 * k[0, 1], 2 * k[0, 2] - 1, 0.0)
        project[1] = (0.0, 2 * k[1, 1], 2 * k[1, 2] - 1, 0.0)
        project[2] = (0.0, 0.0, (far + near) / (far - near), -2 * far * near / (far - near))
        project[3, 2] = 1.0
    clip = project @ cam
    return MeshCamera(clip, cam, flat, tuple(clip.reshape(-1).tolist()))
