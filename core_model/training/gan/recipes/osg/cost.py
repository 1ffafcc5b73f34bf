"""What an image of an EG3D-shaped recipe costs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from core_model.families.osg.model import VolumetricGenerator
from core_model.schema.train_osg import OsgRenderConfig
from core_model.training.gan.recipes.counting import counted


@dataclass(frozen=True)
class OsgSizes:
    """(FLOP, numbers kept) of one image through each part, its coarse planes alone; per point for the decoder."""

    synthesis: tuple[float, float]
    superres: tuple[float, float]
    judge: tuple[float, float]
    point: tuple[float, float]

    @classmethod
    def of(cls, g: VolumetricGenerator, judge: nn.Module, verdict: Callable[[], Tensor]) -> "OsgSizes":
        """verdict: one image through the judge, on the meta device."""
        cfg = g.cfg
        ws = torch.empty(1, g.num_ws, cfg.w_dim, device="meta")
        synthesis = counted(lambda: g.synthesize(ws, "none", None, 1).levels[0], g)
        lifted = (0.0, 0.0)
        if g.superres is not None and cfg.superres is not None:
            up, edge = g.superres, cfg.superres.in_size
            features = torch.empty(1, cfg.decoder_colours, edge, edge, device="meta")
            w = torch.empty(1, cfg.superres.w_dim, device="meta")
            lifted = counted(lambda: up(features[:, :3], features, w, "none"), up)
        layers = ((cfg.plane_channels, cfg.decoder_hidden), (cfg.decoder_hidden, 1 + cfg.decoder_colours))
        point = 2.0 * sum(i * o for i, o in layers) + 3 * 8 * cfg.plane_channels
        values = sum(i + 2 * o for i, o in layers) + 4 * cfg.plane_channels + 24
        return cls(synthesis, lifted, counted(verdict, judge), (point, values))

    def rendered(self, render: OsgRenderConfig, rays: float) -> tuple[float, float]:
        """(FLOP forwards, numbers kept) of one picture of so many rays."""
        points = rays * (render.coarse + render.fine)
        flop = self.synthesis[0] + self.superres[0] + points * self.point[0]
        return flop, self.synthesis[1] + self.superres[1] + points * self.point[1]
