"""The paper's network on the meta device: shapes of every stage, parameters of every part."""

from __future__ import annotations

import pytest
import torch
from pydantic import ValidationError
from torch import nn

from core_model.families.wysiwyg.config import PRESETS, WysiwygConfig
from core_model.families.wysiwyg.generator import WysiwygGenerator
from core_model.families.wysiwyg.spec import WysiwygModel, describe
from core_model.schema.checkpoint import CheckpointHeader
from core_model.schema.conventions import Conventions
from core_model.schema.errors import InputError

W = 512


@pytest.fixture(scope="module")
def ffhq512() -> WysiwygGenerator:
    with torch.device("meta"):
        return WysiwygGenerator(PRESETS["ffhq512"], Conventions())


def count(module: nn.Module | None) -> int:
    assert module is not None
    return sum(p.numel() for p in module.parameters())


def style_conv(i: int, o: int) -> int:
    """Affine (w → in) with bias, 3×3 kernel, bias, noise strength."""
    return W * i + i + 9 * i * o + o + 1


def to_rgb(i: int, o: int) -> int:
    return W * i + i + i * o + o


def test_stages_have_the_papers_shapes(ffhq512: WysiwygGenerator) -> None:
    with torch.device("meta"):
        ws = ffhq512.map(torch.zeros(2, 512), torch.zeros(2, 25), psi=0.7, cutoff=14)
        assert ws.shape == (2, 14, 512)
        assert ffhq512.backbone(ws).shape == (2, 96, 256, 256)  # T'
        (level,) = ffhq512.synthesize(ws).levels
    assert level.shape == (2, 3, 32, 512, 512)  # T


def test_backbone_has_twice_eg3d_s_capacity(ffhq512: WysiwygGenerator) -> None:
    widths = [block.conv1.weight.shape[0] for block in ffhq512.backbone.blocks]
    assert widths == [512, 512, 512, 512, 512, 512, 256]  # 4² … 256², min(65536 / r, 512)
    assert len(ffhq512.plane_blocks) == 3


def test_mlp_shapes_of_tables_a2_and_a3(ffhq512: WysiwygGenerator) -> None:
    linear = lambda m: [(x.in_features, x.out_features) for x in m.modules() if isinstance(x, nn.Linear)]
    assert linear(ffhq512.sdf_mlp) == [(71, 128), (128, 128), (128, 66)]
    assert linear(ffhq512.rgb_mlp) == [(79, 64), (64, 3)]


def test_parameters_of_every_part(ffhq512: WysiwygGenerator) -> None:
    mapping = (25 * W + W) + (2 * W * W + W) + (W * W + W)  # label embedding, two layers on [z, label]
    backbone = 512 * 16 + style_conv(512, 512) + to_rgb(512, 96)  # 4²: constant, one convolution
    backbone += 5 * (2 * style_conv(512, 512) + to_rgb(512, 96))  # 8² … 128²
    backbone += style_conv(512, 256) + style_conv(256, 256) + to_rgb(256, 96)  # 256²
    plane_blocks = 3 * (style_conv(32, 128) + style_conv(128, 128) + to_rgb(128, 32))
    sdf = (71 * 128 + 128) + (128 * 128 + 128) + (128 * 66 + 66)
    rgb = (79 * 64 + 64) + (64 * 3 + 3)
    proposal = 9 * (197 * 256 + 9 * 256 * 256 + 256 * 191 + 191 * 256 + 256 * 191) + 11 * 256 + 2 * 191
    assert count(ffhq512.mapping) == mapping
    assert count(ffhq512.backbone) == backbone
    assert count(ffhq512.plane_blocks) == plane_blocks
    assert count(ffhq512.sdf_mlp) == sdf == 34_242
    assert count(ffhq512.rgb_mlp) == rgb == 5_315
    assert count(ffhq512.proposal) == proposal
    assert count(ffhq512) == mapping + backbone + plane_blocks + sdf + rgb + proposal


@pytest.mark.parametrize("preset", list(PRESETS))
def test_the_description_needs_no_network_and_agrees_with_it(preset: str) -> None:
    cfg = PRESETS[preset]
    header = CheckpointHeader(family="wysiwyg", config=cfg.model_dump())
    sizes = describe(header, "here")
    module = WysiwygModel(header, "here").module
    assert all(p.is_meta for p in module.parameters())
    assert sizes.num_ws == module.num_ws
    with torch.device("meta"):
        ws = torch.zeros(1, sizes.num_ws, sizes.w_dim)
        (level,) = module.synthesize(ws).levels
        shape = (1, 3, sizes.plane_channels, sizes.plane_size, sizes.plane_size)
        assert level.shape == shape
        if module.proposal is not None:
            probe = torch.zeros(1, sizes.probe_samples - 1, sizes.probe_size, sizes.probe_size)
            rgb = torch.zeros(1, 3, sizes.probe_size, sizes.probe_size)
            p = module.proposal(probe, rgb, rgb)
            assert p.shape == (1, sizes.probe_samples - 1, sizes.proposal_size, sizes.proposal_size)


@pytest.mark.parametrize(
    "wrong",
    [
        {"base_size": 48},
        {"plane_size": 64, "base_size": 256},
        {"proposal_size": 300},
        {"channel_base": 64},
        {"beta_start": 0.0},
        {"colour": 1},
    ],
)
def test_networks_that_cannot_be_built_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        WysiwygConfig.model_validate({**PRESETS["ffhq512"].model_dump(), **wrong})
    with pytest.raises(InputError, match="in here") as caught:
        describe(CheckpointHeader(family="wysiwyg", config=wrong), "here")
    assert "\n" not in str(caught.value)
