"""A full-size EG3D checkpoint with random weights whose density is a bounded opaque head.

No trained one may be handed out. All tensors are random, as the original initialises them, but for the way
from one noise image to the density. The last block's noise image holds a quadratic in the plane's
coordinates; the backbone passes it to the first feature of every plane, beside a share of the random
features, so that the three planes add up to an ellipsoid with relief; one hidden unit of the decoder makes
density of it.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import torch

from core_model.checkpoints.store import save_checkpoint
from core_model.families.eg3d.convert import Eg3dConfig
from core_model.families.eg3d.generator import Eg3dGenerator
from core_model.families.osg.settings import SuperResConfig, VolumetricConfig
from core_model.schema.checkpoint import CheckpointHeader, Provenance

AXES = (("x", "y"), ("x", "z"), ("z", "x"))
FFHQ = VolumetricConfig(neural_size=128)
ALPHA, BETA = 0.15, 0.7  # of α u² + β v² in each plane: x² + 0.7 y² + 0.85 z² in all
RELIEF = 0.02  # share of the random features in the shape
RADIUS = 0.5  # along x, box half edges: with 0.6 along y it covers six tenths of the picture
LIFT = 1.0  # outside of the box some planes answer zero, which must be air: more than twice RADIUS²
SLOPE = 2000.0  # raw density over α u² + β v² + …, below the surface
SHARP = 40.0  # inverse width of the surface in the same measure
EMPTY = -10.0  # raw density outside
HAZE = 0.0  # the same in thin fog: a tenth of the light is lost outside of the head


def write_head_like(path: Path, seed: int = 0, density: str = "head") -> str:
    """Write the checkpoint (EG3D at 512², neural resolution 128, 256² planes of 32 channels).

    Returns its path.

    density: `head`; `haze`, the same head in thin fog; `fog`, what random weights give, which is never opaque
    and never empty.
    """
    cfg = Eg3dConfig(superres=SuperResConfig(variant="SuperresolutionHybrid8XDC"), volumetric=FFHQ)
    conventions = FFHQ.conventions(AXES)
    torch.manual_seed(seed)
    generator = Eg3dGenerator(cfg, conventions).eval().requires_grad_(False)
    if density != "fog":
        shape_head(generator)
    if density == "haze":
        generator.decoder.fc1.bias[0] = HAZE
    header = CheckpointHeader(
        family="eg3d", name=f"EG3D, random weights, density like a {density}", config=cfg.model_dump(mode="json"), conventions=conventions,
        camera=FFHQ.prior(), provenance=Provenance(made_by="benchmarks.head_like", notes=f"random weights, seed {seed}"),
    )  # fmt: skip
    return str(save_checkpoint(path, header, generator.state_dict()))


def shape_head(generator: Eg3dGenerator) -> None:
    """Turn random weights into a head-like density, in place; colours stay random."""
    blocks: list[Any] = list(generator.backbone.blocks)
    c = generator.cfg.plane_channels
    shape_rows, n = torch.arange(0, 3 * c, c), generator.cfg.plane_size
    for block in blocks:
        block.torgb.weight[shape_rows] *= RELIEF
    last = blocks[-1]
    at = (torch.arange(n) + 0.5) * (2.0 / n) - 1.0
    last.conv1.weight[0] = 0.0  # feature 0 is the noise image and nothing else
    last.conv1.noise_const.copy_(ALPHA * at.square()[None, :] + BETA * at.square()[:, None])
    last.conv1.noise_strength.fill_(1.0)
    last.torgb.affine.weight[0], last.torgb.affine.bias[0] = 0.0, 1.0
    last.torgb.weight[shape_rows] = 0.0
    last.torgb.weight[shape_rows, 0] = -1.0 / (last.torgb.style_gain * math.sqrt(2.0))
    last.torgb.bias[shape_rows] = (RADIUS**2 + LIFT) / 3.0
    fc0, fc1 = generator.decoder.fc0, generator.decoder.fc1
    fc0.weight[0] = 0.0
    fc0.weight[0, 0] = 3.0 * SHARP / fc0.weight_gain  # the decoder sees the mean of the three planes
    fc0.bias[0] = -SHARP * LIFT
    fc1.weight[0], fc1.weight[:, 0] = 0.0, 0.0
    fc1.weight[0, 0] = SLOPE / SHARP / fc1.weight_gain
    fc1.bias[0] = EMPTY
