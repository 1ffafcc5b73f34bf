"""468 points of a face whose place is known: MediaPipe's face mesh (Kartynnik et al. 2019) on a turned square of 192² pixels."""

from __future__ import annotations

import math

import numpy as np
from PIL import Image

from core_model.data.faces.network import networks

EDGE = 192
ROOM = 1.5
"""Edge of the square in longer edges of the face's box."""
LEFT_EYE = (33, 7, 163, 144, 145, 153, 154, 155, 133, 173, 157, 158, 159, 160, 161, 246)
RIGHT_EYE = (263, 249, 390, 373, 374, 380, 381, 382, 362, 398, 384, 385, 386, 387, 388, 466)
"""Lids of the eye at the left and at the right of the picture."""
NOSE, LEFT_MOUTH, RIGHT_MOUTH = 1, 61, 291


def face_mesh(
    image: Image.Image, centre: np.ndarray, edge: float, eyes: np.ndarray
) -> tuple[np.ndarray, float]:
    """(points [468, 3], certainty 0 … 1) of the face about `centre` [2] whose box has the longer edge `edge`, pixels.

    x and y in pixels of the picture, z in pixels towards the camera from the face's middle. eyes [2, 2]: the one at the left of the
    picture first; the face is turned so that they lie level.
    """
    points, score = _looked(image, centre, edge, eyes)
    # Once more about what was found: a box is loose, the points are not.
    low, high = points[:, :2].min(axis=0), points[:, :2].max(axis=0)
    both = np.stack([points[list(LEFT_EYE), :2].mean(axis=0), points[list(RIGHT_EYE), :2].mean(axis=0)])
    again, sure = _looked(image, 0.5 * (low + high), float((high - low).max()), both)
    return (again, sure) if sure >= score else (points, score)


def five_points(mesh: np.ndarray) -> np.ndarray:
    """[5, C] of a mesh [468, C]: eyes, nose tip, mouth corners, those at the left of the picture first."""
    eyes = [mesh[list(eye)].mean(axis=0) for eye in (LEFT_EYE, RIGHT_EYE)]
    return np.stack([*eyes, mesh[NOSE], mesh[LEFT_MOUTH], mesh[RIGHT_MOUTH]])


def _looked(
    image: Image.Image, centre: np.ndarray, edge: float, eyes: np.ndarray
) -> tuple[np.ndarray, float]:
    across = eyes[1] - eyes[0]
    angle = math.atan2(across[1], across[0])
    size = ROOM * max(edge, 1.0)
    turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    scale = size / EDGE
    origin = centre - turn @ np.full(2, 0.5 * size)
    # Pillow samples at points: a picture much finer than the square is shrunk first.
    factor = max(1, int(scale))
    if factor > 1:
        margin = 0.75 * size
        corner = [int(max(0.0, v - margin)) // factor * factor for v in centre]
        box = (*corner, *(int(min(n, v + margin) + 1) for v, n in zip(centre, image.size)))
        box = (box[0], box[1], min(box[2], image.width), min(box[3], image.height))
        if box[0] >= box[2] or box[1] >= box[3]:
            return np.zeros((468, 3)), 0.0
        image = image.reduce(factor, box)
    else:
        corner = [0, 0]
    m = turn * (scale / factor)
    o = (origin - corner) / factor
    look = image.transform(
        (EDGE, EDGE), Image.Transform.AFFINE, (m[0, 0], m[0, 1], o[0], m[1, 0], m[1, 1], o[1]),
        Image.Resampling.BILINEAR,
    )  # fmt: skip
    rows, flag = networks()[0]["landmarks"](np.asarray(look, dtype=np.float32)[None] / 255.0)
    local = rows.reshape(468, 3).astype(np.float64)
    points = np.empty((468, 3))
    points[:, :2] = origin + (local[:, :2] * scale) @ turn.T
    points[:, 2] = -local[:, 2] * scale
    return points, 1.0 / (1.0 + math.exp(-float(np.clip(flag.reshape(-1)[0], -80.0, 80.0))))
