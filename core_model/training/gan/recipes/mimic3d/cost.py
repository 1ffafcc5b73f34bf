"""What an image of Mimic3D's recipe costs."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from core_model.discriminators.stylegan2 import ImageDiscriminator
from core_model.families.mimic3d.generator import Mimic3dGenerator
from core_model.nn.aware3d import PlaneBlock
from core_model.training.gan.recipes.counting import counted


@dataclass(frozen=True)
class BranchSizes:
    """What Mimic3D adds to EG3D: (FLOP, numbers kept) of one image's detail planes, of a window's verdict, and of a point
    in all planes; numbers kept of the 3D-aware blocks.
    """

    detail: tuple[float, float]
    judge: tuple[float, float]
    point: tuple[float, float]
    aware: float

    @classmethod
    def of(
        cls, g: Mimic3dGenerator, judge: ImageDiscriminator | None, point: tuple[float, float]
    ) -> "BranchSizes":
        """point: of one plane level."""
        cfg = g.cfg
        ws = torch.empty(1, g.num_ws, cfg.w_dim, device="meta")
        flop = [counted(lambda n=n: g.synthesize(ws, "none", None, n).levels[0], g)[0] for n in (None, 1)]
        verdict = (0.0, 0.0)
        if judge is not None:
            window = torch.empty(1, 3, judge.resolution, judge.resolution, device="meta")
            verdict = counted(lambda: judge(window), judge)
        last = len(cfg.channels) - 1
        aware = sum(kept(block, 4 << min(k + 1, last)) for k, block in enumerate(g.aware))
        tail, size = 0.0, cfg.backbone_size
        for block, shape in zip(g.tail, cfg.tail, strict=True):
            size *= shape.up
            tail += kept(block, size)
        whole = (point[0] + 3.0 * 8 * cfg.plane_channels, point[1] + 4.0 * cfg.plane_channels)
        return cls((flop[0] - flop[1], tail), verdict, whole, aware)


def kept(block: torch.nn.Module, edge: int) -> float:
    """Numbers that the backward pass of a block over a plane triple keeps of one image; edge: of its result [pixels]."""
    assert isinstance(block, PlaneBlock)
    features = block.torgb.weight.shape[0]
    before = (edge // block.conv0.up) ** 2
    seen = 1 if block.view == "separate" else 3
    return 3.0 * features * (seen * before + (2 * seen + 5) * edge * edge)
