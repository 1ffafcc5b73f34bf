"""Mimic3D's generator: StyleGAN2 backbone, 3D-aware branch over its running image, detail planes, OSG decoder."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from core_model.families.mimic3d.config import Mimic3dConfig
from core_model.families.osg.model import VolumetricGenerator
from core_model.fields.triplane import Planes
from core_model.nn.aware3d import PlaneBlock
from core_model.schema.conventions import Conventions


class Mimic3dGenerator(VolumetricGenerator):
    """Levels of `synthesize`: coarse and detail planes (3D stage), or the one level of the 2D stage."""

    cfg: Mimic3dConfig

    def __init__(self, cfg: Mimic3dConfig, conventions: Conventions) -> None:
        super().__init__(cfg, conventions)
        self.aware, self.tail = nn.ModuleList(), nn.ModuleList()
        make = lambda size, view, up: PlaneBlock(
            cfg.plane_channels, cfg.w_dim, size, view=view, up=up, use_noise=cfg.noise, clamp=cfg.clamp
        )
        for k, size in enumerate(cfg.aware):
            up = 2 if k + 1 < len(cfg.aware) else 1
            self.aware.append(make(size * up, "attention" if cfg.attention else "mean", up))
        size = cfg.backbone_size
        for block in cfg.tail:
            size *= block.up
            self.tail.append(make(size, block.view, block.up))

    def results(
        self, ws: Tensor, noise: str = "const", rng: torch.Generator | None = None, tail: int | None = None
    ) -> list[Tensor]:
        """The plane results [3B, F, H, W]: one per 3D-aware block, then one per block of the tail.

        tail: how many of its blocks are run, all by default.
        """
        split = lambda img: img.unflatten(1, (3, -1)).flatten(0, 1)
        x = img = seen = None
        found: list[Tensor] = []
        for k, block in enumerate(self.backbone.blocks):
            if k == len(self.aware) and seen is not None:
                # the 3D-aware branch ends before the backbone: the 2D image continues from its planes
                img = seen.unflatten(0, (-1, 3)).flatten(1, 2)
            x, img = block(x, img, (ws[:, max(2 * k - 1, 0)], ws[:, 2 * k], ws[:, 2 * k + 1]), noise, rng)
            if k < len(self.aware):
                triple = split(img)
                seen = self.aware[k](triple if seen is None else triple + seen, ws[:, 2 * k + 1], noise, rng)
                found.append(seen)
        if len(self.aware) < len(self.backbone.blocks):
            assert img is not None
            found.append(split(img))
        for block in self.tail[:tail]:
            found.append(block(found[-1], ws[:, -1], noise, rng))
        return found

    def synthesize(
        self, ws: Tensor, noise: str = "const", rng: torch.Generator | None = None, levels: int | None = None
    ) -> Planes:
        """ws [B, L, D] → levels [B, 3, C, H, W], coarse first; only the first `levels`, without the blocks that they
        do not need, or all.
        """
        wanted, blocks = self.cfg.levels[:levels], len(self.tail)
        run = max(0, blocks + 1 + max(wanted))
        found = self.results(ws, noise, rng, run)
        picked = [found[i + blocks - run] for i in wanted]
        if self.cfg.plane_act is not None:
            picked = [torch.tanh(p) if self.cfg.plane_act == "tanh" else torch.sigmoid(p) for p in picked]
        return Planes(tuple(p.unflatten(0, (-1, 3)) for p in picked), self.conventions)
