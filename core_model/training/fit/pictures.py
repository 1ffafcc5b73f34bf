"""Pictures of a fit: heads that it never sees, as the fitted generator draws them and as they are."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from core_model.data.headpack.assembly import assemble
from core_model.data.headpack.truth import HeadTruth
from core_model.geometry.rays import camera_rays
from core_model.schema.camera import OrbitPose
from core_model.schema.conventions import HEADS_BACKGROUND
from core_model.schema.export import best_sampler
from core_model.schema.latent import LatentSpec
from core_model.schema.render import RenderRequest
from core_model.schema.sampler import SamplerSpec
from core_model.session import RenderSession
from core_model.training.fit.latent import head_of_z, latent_z
from core_model.training.fit.truth import look

FIRST_UNSEEN = 9_000_000
"""Seeds from here on are of heads that no fit learns from."""
YAW, PITCH = 0.3, 0.2
"""Spreads of the cameras, radians."""


@dataclass(frozen=True)
class UnseenHead:
    """One head from its own camera: rgb [3, R, R] in [0, 1] and normal [3, R, R] as the checkpoint has them.

    true_rgb, true_normal and mask [R, R] (where the head is) are what is known.
    """

    rgb: np.ndarray
    normal: Tensor
    true_rgb: np.ndarray
    true_normal: Tensor
    mask: Tensor
    request: RenderRequest

    @property
    def squared_error(self) -> float:
        return float(np.mean((self.rgb - self.true_rgb) ** 2))


@torch.no_grad()
def unseen_head(session: RenderSession, path: str, seed: int, size: int) -> UnseenHead:
    """Head `seed`, untruncated, by the best sampler that the checkpoint has.

    It is rendered at twice the size and averaged down, and so is the truth.
    """
    info = session.open(path)
    z = latent_z(seed, info.z_dim)
    camera = unseen_camera(seed)
    request = RenderRequest(
        checkpoint=path,
        latent=LatentSpec(z=tuple(z[0].tolist()), psi=1.0),
        camera=camera,
        width=2 * size,
        height=2 * size,
        sampler=SamplerSpec(name=best_sampler(info)),
        channels=("rgb", "normal"),
    )
    frame = session.render(request)
    if frame.result.error is not None:
        raise RuntimeError(frame.result.error.message)
    true_rgb, true_normal, mask = _known(seed, info.z_dim, size, info.header.conventions.box)
    normals = torch.from_numpy(frame.arrays["normal"]).reshape(3, size, 2, size, 2).nanmean(dim=(2, 4))
    normals = torch.nn.functional.normalize(normals, dim=0)
    return UnseenHead(_halved(frame.arrays["rgb"]), normals, true_rgb, true_normal, mask, request)


@functools.lru_cache(64)
def _known(seed: int, z_dim: int, size: int, box: float) -> tuple[np.ndarray, Tensor, Tensor]:
    """True rgb, normal and mask of head `seed`: the same after every snapshot, so they are kept."""
    truth = HeadTruth(assemble(head_of_z(latent_z(seed, z_dim))))
    rgb, normal, mask = true_picture(truth, unseen_camera(seed), 2 * size, box)
    normals = torch.nn.functional.normalize(torch.from_numpy(_halved(normal)), dim=0)
    return _halved(rgb), normals, torch.from_numpy(_halved(mask[None].astype(np.float32))[0] == 1.0)


def _halved(picture: np.ndarray) -> np.ndarray:
    """[C, 2R, 2R] → [C, R, R]."""
    c, size, _ = picture.shape
    return picture.reshape(c, size // 2, 2, size // 2, 2).mean(axis=(2, 4))


def unseen_camera(seed: int) -> OrbitPose:
    yaw, pitch = np.random.RandomState([seed & 0xFFFFFFFF, 0xCA]).randn(2) * (YAW, PITCH)
    return OrbitPose(yaw=float(np.clip(yaw, -0.9, 0.9)), pitch=float(np.clip(pitch, -0.6, 0.6)))


def true_picture(
    truth: HeadTruth, camera: OrbitPose, size: int, box: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """rgb [3, R, R], outward normal in world axes [3, R, R] and mask [R, R]; what lies outside the box is not seen."""
    origins, dirs = (x.double().numpy() for x in camera_rays(camera, size, size))
    seen = look(truth, origins, dirs, box)
    rgb = np.where(seen.hit[:, None], seen.rgb, np.asarray(HEADS_BACKGROUND, np.float32))
    square = lambda x: x.T.reshape(3, size, size)
    return square(rgb), square(seen.normal), seen.hit.reshape(size, size)


def sheet(pictures: list[np.ndarray]) -> Tensor:
    """[N, 3, R, R] uint8 of pictures [3, R, R] in [0, 1]."""
    return torch.from_numpy(np.stack([(p.clip(0, 1) * 255).round().astype(np.uint8) for p in pictures]))
