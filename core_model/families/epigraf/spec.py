"""The epigraf family as the session sees it."""

from __future__ import annotations

import math
from functools import partial

import numpy as np
import torch
from torch import Tensor

from core_model.families.base import FAMILIES, FamilySpec
from core_model.families.configs import read_config
from core_model.families.epigraf import native
from core_model.families.epigraf.config import EpigrafConfig
from core_model.families.epigraf.convert import DESCRIPTION, describe
from core_model.families.epigraf.decoder import EpigrafField
from core_model.families.epigraf.generator import EpigrafGenerator
from core_model.families.epigraf.painting import EpigrafPainter
from core_model.families.latents import class_centre, styles_of
from core_model.fields.triplane import Planes
from core_model.schema.camera import MatrixCamera, OrbitPose
from core_model.schema.checkpoint import CheckpointHeader
from core_model.schema.errors import InputError
from core_model.schema.latent import LatentSpec


def angles_of(camera: OrbitPose | MatrixCamera) -> tuple[float, float]:
    """EpiGRAF's yaw (0 on +x, π/2 frontal) and polar pitch of a camera."""
    if isinstance(camera, OrbitPose):
        return 0.5 * math.pi - camera.yaw, 0.5 * math.pi - camera.pitch
    x, y, z = (float(v) for v in camera.world_from_cam()[:3, 3])
    radius = math.sqrt(x * x + y * y + z * z)
    return math.atan2(z, x), math.acos(max(-1.0, min(1.0, y / radius))) if radius > 0 else 0.5 * math.pi


def turn_share(angles: np.ndarray) -> np.ndarray:
    """sign(a) · (|a| mod 2π)/2π, as the mapping takes yaw and pitch."""
    return np.sign(angles) * np.mod(np.abs(angles), 2.0 * math.pi) / (2.0 * math.pi)


class EpigrafModel:
    """A generator as a `Model`; its module starts on the meta device."""

    def __init__(self, header: CheckpointHeader, where: str) -> None:
        self.conventions, self.sizes = header.conventions, describe(header, where)
        self.cfg = read_config(EpigrafConfig, header, where)
        with torch.device("meta"):
            self.module = EpigrafGenerator(self.cfg, header.conventions)

    def label(self, latent: LatentSpec) -> Tensor | None:
        """Conditioning label [1, C]: class, then camera.

        Class: one-hot, the first one unless the latent names another. Camera: the mean one by default.
        """
        if not self.cfg.label_dim:
            return None
        device = self.module.mapping.w_avg.device
        parts = []
        if self.cfg.c_dim:
            index = latent.class_index or 0
            if index >= self.cfg.c_dim:
                raise InputError(
                    what="no such class", where="latent", expected=f"0 … {self.cfg.c_dim - 1}", got=str(index)
                )
            parts.append(
                torch.nn.functional.one_hot(torch.tensor([index], device=device), self.cfg.c_dim).float()
            )
        if self.cfg.camera_cond:
            if latent.cond is None:
                angles = self.module.mean_camera_pose[:2].double().cpu().numpy()
            else:
                angles = np.array(angles_of(latent.cond))
            parts.append(torch.from_numpy(turn_share(angles)).float().to(device)[None])
        return torch.cat(parts, dim=1)

    def map(self, latent: LatentSpec) -> Tensor:
        label, mapping = self.label(latent), self.module.mapping
        centre = class_centre(self, latent, self.sizes.z_dim, mapping.w_avg)
        return styles_of(
            latent, lambda z: mapping(z, label), centre, z_dim=self.sizes.z_dim, num_ws=self.module.num_ws
        )

    def planes(self, ws: Tensor | None, noise: str) -> Planes:
        assert ws is not None
        return self.module.synthesize(ws, noise)

    def field(self, planes: Planes | None, precision: torch.dtype) -> EpigrafField:
        assert planes is not None
        backdrop = partial(native.backdrop, self.module, planes) if self.cfg.background is not None else None
        return EpigrafField(planes, self.module.decoder, dtype=precision, backdrop=backdrop)

    def propose(self, weights: Tensor, image: Tensor, dirs: Tensor) -> Tensor:
        raise InputError(what="no proposal network", where=self.sizes.title)


FAMILIES.add(
    "epigraf",
    FamilySpec(DESCRIPTION, EpigrafModel, native.render, painter=lambda model: EpigrafPainter(model.module)),
)
