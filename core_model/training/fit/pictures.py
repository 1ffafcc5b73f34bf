"""Pictures of a fit: heads that it never sees, as the fitted generator draws them and as they are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from core_model.data import heads
from core_model.nn.layers import second_moment_norm
from core_model.schema.camera import MatrixCamera
from core_model.schema.export import best_sampler
from core_model.schema.latent import LatentSpec
from core_model.schema.render import RenderRequest
from core_model.schema.sampler import SamplerSpec
from core_model.session import RenderSession
from core_model.training.fit.truth import latent_z

FIRST_UNSEEN = 9_000_000
"""Seeds from here on are of heads that no fit learns from."""


@dataclass(frozen=True)
class UnseenHead:
    """One head from its own camera: rgb [3, R, R] in [0, 1] and normal [3, R, R] as the checkpoint has them.

    true_rgb, true_normal, mask [R, R] (where the head is) and params are the truth.
    """

    rgb: np.ndarray
    normal: Tensor
    true_rgb: np.ndarray
    true_normal: Tensor
    mask: Tensor
    params: heads.HeadParams
    request: RenderRequest

    @property
    def squared_error(self) -> float:
        return float(np.mean((self.rgb - self.true_rgb) ** 2))


@torch.no_grad()
def unseen_head(session: RenderSession, path: str, seed: int, size: int) -> UnseenHead:
    """Head `seed`, untruncated, by the best sampler that the checkpoint has.

    It is rendered at twice the size and averaged down, as the data's pictures are.
    """
    info = session.open(path)
    z = latent_z(seed, info.z_dim)
    params = heads.HeadParams.from_latent(second_moment_norm(z)[:, : heads.N_PARAMS])
    camera, label = heads.sample_camera(seed)
    truth = heads.render_heads(
        params, torch.as_tensor(camera)[None].float(), heads.FOCAL, size, supersample=2
    )
    request = RenderRequest(
        checkpoint=path,
        latent=LatentSpec(z=tuple(z[0].tolist()), psi=1.0),
        camera=MatrixCamera.from_label(np.asarray(label)),
        width=2 * size,
        height=2 * size,
        sampler=SamplerSpec(name=best_sampler(info)),
        channels=("rgb", "normal"),
    )
    frame = session.render(request)
    if frame.result.error is not None:
        raise RuntimeError(frame.result.error.message)
    rgb = frame.arrays["rgb"].reshape(3, size, 2, size, 2).mean(axis=(2, 4))
    normals = torch.from_numpy(frame.arrays["normal"]).reshape(3, size, 2, size, 2).nanmean(dim=(2, 4))
    normals = torch.nn.functional.normalize(normals, dim=0)
    return UnseenHead(
        rgb, normals, truth.rgb[0].numpy(), truth.normal[0], truth.mask[0].bool(), params, request
    )


def sheet(pictures: list[np.ndarray]) -> Tensor:
    """[N, 3, R, R] uint8 of pictures [3, R, R] in [0, 1]."""
    return torch.from_numpy(np.stack([(p.clip(0, 1) * 255).round().astype(np.uint8) for p in pictures]))
