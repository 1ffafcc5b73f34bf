"""Camera labels of image sets.

EG3D's 25 numbers, their mirror images, and draws from a table or a distribution. A label is a row-major 4×4
camera-to-world matrix (OpenCV camera, world units), then row-major 3×3 intrinsics divided by the image size.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from core_model.schema.camera import CameraPrior, label25
from core_model.schema.errors import InputError

LABEL_NUMBERS = 25
_ORTHONORMAL = 1e-2
_PIXELS = 4.0  # principal points beyond this many image widths are pixels that nobody divided by the size


def mirror_label(labels: np.ndarray) -> np.ndarray:
    """Labels [..., 25] of the mirrored images.

    The world is mirrored at x = 0 and the camera's x axis turns round. With S = diag(-1, 1, 1, 1) the pose E
    becomes S E S, which is a rotation again; the principal point goes to 1 - cx and the skew changes its
    sign. This is how EG3D labels the mirrored half of its sets.
    """
    flipped = np.array(labels, dtype=np.float32, copy=True)
    pose = flipped[..., :16].reshape(*flipped.shape[:-1], 4, 4)
    pose[..., 0, 1:] *= -1.0
    pose[..., 1:, 0] *= -1.0
    flipped[..., 17] *= -1.0
    flipped[..., 18] = 1.0 - flipped[..., 18]
    return flipped


def label_fault(label: np.ndarray) -> str:
    """What is wrong with one label [25], in a few words; empty when it can be a camera."""
    numbers = np.asarray(label, dtype=np.float64)
    if numbers.shape != (LABEL_NUMBERS,):
        return f"{numbers.size} numbers instead of {LABEL_NUMBERS}"
    if not np.isfinite(numbers).all():
        return "NaN or infinite numbers"
    pose, k = numbers[:16].reshape(4, 4), numbers[16:].reshape(3, 3)
    if np.abs(pose[3] - (0.0, 0.0, 0.0, 1.0)).max() > 1e-4:
        return "a last row of the pose that is not 0 0 0 1"
    rotation = pose[:3, :3]
    if np.abs(rotation.T @ rotation - np.eye(3)).max() > _ORTHONORMAL:
        return "a pose that is no rotation (its columns are not orthonormal)"
    if float(np.linalg.det(rotation)) < 0.0:
        return "a pose that mirrors (its determinant is negative)"
    if k[0, 0] <= 0.0 or k[1, 1] <= 0.0:
        return "focal lengths that are not positive"
    if np.abs(k[:2, 2]).max() > _PIXELS:
        return "intrinsics in pixels (divide them by the image size)"
    return ""


def label_faults(labels: np.ndarray) -> np.ndarray:
    """Which of the labels [N, 25] are no cameras: [N] bool. `label_fault` says why."""
    numbers = np.asarray(labels, dtype=np.float64)
    finite = np.asarray(np.isfinite(numbers).all(axis=1))
    safe = np.where(finite[:, None], numbers, 0.0)
    pose, k = safe[:, :16].reshape(-1, 4, 4), safe[:, 16:].reshape(-1, 3, 3)
    rotation = pose[:, :3, :3]
    last_row = np.abs(pose[:, 3] - np.array([0.0, 0.0, 0.0, 1.0]))
    good = finite & (last_row.max(axis=1) <= 1e-4)
    with np.errstate(over="ignore", invalid="ignore"):
        gram = np.abs(np.swapaxes(rotation, 1, 2) @ rotation - np.eye(3)).max(axis=(1, 2))
        good &= (gram <= _ORTHONORMAL) & (np.linalg.det(rotation) >= 0.0)
    good &= (k[:, 0, 0] > 0.0) & (k[:, 1, 1] > 0.0) & (np.abs(k[:, :2, 2]).max(axis=1) <= _PIXELS)
    return ~good


def prior_labels(prior: CameraPrior, count: int, seed: int) -> np.ndarray:
    """Labels [count, 25] float32 of cameras drawn from one distribution.

    Label i depends on `seed` and i alone. Angles are drawn by the prior's law about its default pose (normal;
    uniform over its ranges) and kept within its ranges. Raises InputError for a prior whose law is not known.
    """
    if prior.law not in ("normal", "uniform"):
        raise InputError(
            what="no camera distribution",
            where="image set without labels",
            expected="law normal or uniform",
            got=prior.law,
        )
    base = prior.default
    # Philox counts: number i of the stream does not depend on how many are drawn.
    rng = np.random.Generator(np.random.Philox(key=[seed & 0xFFFFFFFFFFFFFFFF, 0xCA]))
    low = (prior.yaw_range[0], max(prior.pitch_range[0], -0.5 * math.pi))
    high = (prior.yaw_range[1], min(prior.pitch_range[1], 0.5 * math.pi))
    if prior.law == "uniform":
        angles = np.asarray(low) + rng.random((count, 2)) * (np.asarray(high) - np.asarray(low))
    else:
        # Two uniforms per normal (Box and Muller): a fixed number of draws for each image.
        u = rng.random((count, 2, 2))
        normal = np.sqrt(-2.0 * np.log1p(-u[..., 0])) * np.cos(2.0 * math.pi * u[..., 1])
        angles = np.clip((base.yaw, base.pitch) + normal * (prior.yaw_std, prior.pitch_std), low, high)
    rows = [label25(base.replace(yaw=float(yaw), pitch=float(pitch))) for yaw, pitch in angles]
    return np.stack(rows).astype(np.float32) if rows else np.zeros((0, LABEL_NUMBERS), np.float32)


@dataclass(frozen=True)
class LabelTable:
    """Cameras to condition a generator on: labels [N, 25] float32 on the CPU."""

    labels: Tensor

    def __len__(self) -> int:
        return self.labels.shape[0]

    def draw(self, count: int, rng: torch.Generator | None) -> Tensor:
        """[count, 25]: uniform draws with replacement; without a generator the first rows, over and over."""
        if rng is None:
            index = torch.arange(count) % len(self)
        else:
            index = torch.randint(len(self), (count,), generator=rng, device=rng.device).cpu()
        return self.labels[index]

    def spread(self) -> Tensor:
        """Standard deviation [25] of each number over the table (EG3D's scale of pose noise)."""
        return self.labels.double().std(dim=0, unbiased=False).float()
