"""EpiGRAF's patch discriminator: codes, modulation, blocks that keep their size, both derivatives."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from core_model.discriminators.patch_aware import (
    BandedDiscriminator,
    CameraCode,
    HyperConv,
    PatchDiscriminator,
    PlaceCode,
    fourier_code,
    wrapped,
)
from core_model.geometry.patches import Windows
from core_model.ops.draw_source import TorchDraws
from core_model.schema.errors import InputError


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def some(batch: int) -> Windows:
    scale = torch.full((batch, 2), 0.5)
    return Windows(scale, torch.linspace(0.0, 0.5, batch)[:, None].expand(-1, 2))


def small(**settings: object) -> PatchDiscriminator:
    torch.manual_seed(0)
    given = {"channel_base": 64, "channel_max": 3, "camera": CameraCode(drop=0.5), "classes": 2} | settings
    return PatchDiscriminator(32, 8, **given)  # type: ignore[arg-type]


def test_codes_have_their_widths_and_wrap_with_their_sign() -> None:
    code = PlaceCode()
    assert code.width == 828 and code(some(3)).shape == (3, 828)
    assert torch.equal(code(some(1))[0, 20:276], code.const_embed.weight[500])  # the row of scale 0.5
    angles = torch.tensor([[-3 * math.pi, math.pi / 2, 0.0]])
    assert torch.allclose(wrapped(angles), torch.tensor([[-0.5, 0.25]]), atol=1e-6)
    assert torch.allclose(
        fourier_code(torch.tensor([[8.0]]), 4)[0, 0, :4].abs()[0], torch.tensor(1.0), atol=1e-6
    )


def test_dropping_is_by_element_and_only_with_draws() -> None:
    camera, angles = CameraCode(drop=0.5), torch.tensor([[0.3, 1.2, 0.0]] * 64)
    whole = camera(angles, None)
    assert whole.shape == (64, 24)
    kept = camera(angles, TorchDraws(torch.Generator().manual_seed(1)))
    assert torch.allclose(kept[kept != 0], 2 * whole[kept != 0])
    assert 0.4 < float((kept == 0).float().mean()) < 0.6


def test_blocks_that_keep_the_size_come_first_and_names_are_the_programs() -> None:
    d = small()
    names = set(d.state_dict())
    assert {
        "b32.fromrgb.weight",
        "b8.fromrgb.bias",
        "b16.conv1.affine.weight",
        "head_mapping.fc1.bias",
    } <= names
    assert [d.get_submodule(f"b{size}").skip.down for size in (32, 16, 8)] == [1, 1, 2]
    label = {"classes": torch.zeros(4, 2), "angles": torch.ones(4, 3)}
    assert d(noise(4, 3, 8, 8).float(), some(4), **label).shape == (4,)
    with pytest.raises(InputError, match="patch discriminator"):
        PatchDiscriminator(48, 8)


def test_scale_and_place_matter_only_where_they_are_told() -> None:
    x, other = noise(4, 3, 8, 8).float(), Windows(torch.ones(4, 2), torch.zeros(4, 2))
    label = {"classes": torch.zeros(4, 2), "angles": torch.ones(4, 3)}
    told, modulated, blind = small(hyper=False), small(placed=False), small(hyper=False, placed=False)
    assert not torch.allclose(told(x, some(4), **label), told(x, other, **label))
    assert not torch.allclose(modulated(x, some(4), **label), modulated(x, other, **label))
    assert torch.equal(blind(x, some(4), **label), blind(x, other, **label))
    assert blind.scalar_enc is None and told.hyper_mod_mapping is None


def test_modulation_has_both_derivatives() -> None:
    torch.manual_seed(0)
    conv = HyperConv(2, 3, down=2, clamp=256.0).double()
    x, h = noise(1, 2, 4, 4).requires_grad_(True), noise(1, 512, seed=1)
    assert torch.autograd.gradcheck(lambda v: conv.hyper(v, h), x)
    assert torch.autograd.gradgradcheck(lambda v: conv.hyper(v, h), x)
    way = noise(1, 512, seed=2)
    at = torch.zeros((), dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda a: conv.hyper(x.detach(), h + a * way), at)


def test_the_whole_network_has_both_derivatives() -> None:
    d = small(hyper=True).double()
    ways, at = noise(3, 4, 3, 8, 8), noise(3, seed=3).requires_grad_(True)
    label = {"classes": torch.zeros(4, 2), "angles": torch.ones(4, 3).double()}
    run = lambda a: d(torch.einsum("k,kbchw->bchw", a, ways), some(4), **label)
    assert torch.autograd.gradcheck(run, at)
    assert torch.autograd.gradgradcheck(run, at)


def test_banded_networks_have_both_derivatives() -> None:
    d = BandedDiscriminator([small(hyper=False).double(), small(hyper=False).double()], 0.5, 1.0)
    ways, at = noise(3, 4, 3, 8, 8), noise(3, seed=3).requires_grad_(True)
    windows = Windows(torch.tensor([0.5, 0.6, 0.9, 1.0])[:, None].expand(4, 2), torch.zeros(4, 2))
    label = {"classes": torch.zeros(4, 2), "angles": torch.ones(4, 3).double()}
    run = lambda a: d(torch.einsum("k,kbchw->bchw", a, ways), windows, **label)
    assert torch.autograd.gradcheck(run, at)
    assert torch.autograd.gradgradcheck(run, at)
