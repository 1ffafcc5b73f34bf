"""StyleGAN2 layers, mapping and truncation against the equations of the interop notes, in numpy."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from core_model.nn.layers import EqualLinear, StyleConv, ToRGB, second_moment_norm
from core_model.nn.mapping import MappingNetwork, broadcast_truncate
from core_model.nn.synthesis import SynthesisNetwork, channels_at
from core_model.ops.modconv import modulated_conv2d
from core_model.ops.resample import upsample2


def lrelu(x: np.ndarray) -> np.ndarray:
    return np.where(x > 0, x, 0.2 * x) * math.sqrt(2)


def norm(x: np.ndarray) -> np.ndarray:
    return x / np.sqrt((x**2).mean(axis=-1, keepdims=True) + 1e-8)


def fc(layer: EqualLinear, x: np.ndarray, m: float) -> np.ndarray:
    """0.1: x · (W · m/√in)ᵀ + m·b."""
    w, b = layer.weight.detach().numpy(), layer.bias.detach().numpy()
    return x @ (w * m / math.sqrt(w.shape[1])).T + m * b


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(0)


def draw(*shape: int) -> torch.Tensor:
    return torch.randn(*shape)


@pytest.mark.parametrize("lr_mul", [1.0, 0.01])
def test_equalised_linear(lr_mul: float) -> None:
    layer = EqualLinear(6, 4, lr_mul=lr_mul, bias_init=0.5)
    x = draw(3, 6)
    np.testing.assert_allclose(layer(x).detach(), fc(layer, x.numpy(), lr_mul), atol=1e-5)
    active = EqualLinear(6, 4, lr_mul=lr_mul, activate=True)
    np.testing.assert_allclose(active(x).detach(), lrelu(fc(active, x.numpy(), lr_mul)), atol=1e-5)
    big = EqualLinear(300, 300, lr_mul=lr_mul)
    assert float(big.weight.detach().std()) * lr_mul == pytest.approx(1.0, rel=0.05)


def test_second_moment_norm() -> None:
    x = draw(4, 50) * 7
    np.testing.assert_allclose(second_moment_norm(x).square().mean(dim=-1), 1.0, rtol=1e-4)
    assert bool(torch.isfinite(second_moment_norm(torch.zeros(1, 5))).all())


def test_mapping_normalises_z_and_label_apart_and_then_joins_them() -> None:
    net = MappingNetwork(5, 25, 8, num_layers=3)
    z, c = draw(2, 5), draw(2, 25)
    assert net.embed is not None
    x = np.concatenate([norm(z.numpy()), norm(fc(net.embed, c.numpy(), 1.0))], axis=-1)
    for layer in net.layers:
        x = lrelu(fc(layer, x, 0.01))  # type: ignore[arg-type]
    np.testing.assert_allclose(net(z, c).detach(), x, atol=1e-4)


def test_mapping_without_label() -> None:
    net = MappingNetwork(5, 0, 8)
    z = draw(2, 5)
    x = norm(z.numpy())
    for layer in net.layers:
        x = lrelu(fc(layer, x, 0.01))  # type: ignore[arg-type]
    np.testing.assert_allclose(net(z).detach(), x, atol=1e-4)


def test_mapping_that_wants_a_label_says_so() -> None:
    with pytest.raises(ValueError, match=r"label \[B, 25\]"):
        MappingNetwork(5, 25, 8)(draw(1, 5))


def test_the_average_follows_the_batch_mean() -> None:
    net = MappingNetwork(4, 0, 3)
    w = torch.tensor([[1.0, 2.0, 3.0], [3.0, 2.0, 1.0]])
    net.track_average(w)
    np.testing.assert_allclose(net.w_avg, np.full(3, 2.0) * 0.002, rtol=1e-4)
    for _ in range(4000):
        net.track_average(w)
    np.testing.assert_allclose(net.w_avg, 2.0, rtol=1e-3)


@pytest.mark.parametrize(("cutoff", "low"), [(None, 6), (0, 0), (2, 2), (6, 6), (99, 6)])
def test_truncation_reaches_the_slots_below_the_cutoff(cutoff: int | None, low: int) -> None:
    w, average = draw(2, 4), draw(4)
    ws = broadcast_truncate(w, average, 6, 0.7, cutoff)
    short = average + 0.7 * (w - average)
    for slot in range(6):
        np.testing.assert_allclose(ws[:, slot], short if slot < low else w, atol=1e-6)


def test_psi_of_one_changes_nothing_and_zero_is_the_average() -> None:
    w, average = draw(2, 4), draw(4)
    assert torch.equal(broadcast_truncate(w, average, 3, 1.0, None), w[:, None].expand(2, 3, 4))
    np.testing.assert_allclose(
        broadcast_truncate(w, average, 3, 0.0, None), average.expand(2, 3, 4), atol=1e-6
    )


@pytest.mark.parametrize("up", [1, 2])
def test_style_convolution_with_noise_bias_gain_and_clamp(up: int) -> None:
    """0.4: conv, + noise_const·strength, √2·lrelu(y + bias), clamp after the gain."""
    layer = StyleConv(3, 4, 6, 4 * up, up=up, clamp=1.5)
    layer.bias.data.normal_()
    layer.noise_strength.data.fill_(0.7)
    x, w = draw(2, 3, 4, 4), draw(2, 6)
    style = torch.from_numpy(fc(layer.affine, w.numpy(), 1.0)).float()
    y = modulated_conv2d(x, layer.weight, style, up=up).detach().numpy()
    y = y + layer.noise_const.numpy() * 0.7
    want = lrelu(y + layer.bias.detach().numpy()[None, :, None, None])
    assert np.abs(want).max() > 1.5
    np.testing.assert_allclose(layer(x, w).detach(), np.clip(want, -1.5, 1.5), atol=1e-4)


def test_noise_modes() -> None:
    layer = StyleConv(3, 4, 6, 4)
    layer.noise_strength.data.fill_(1.0)
    x, w = draw(2, 3, 4, 4), draw(2, 6)
    silent, fixed = layer(x, w, "none"), layer(x, w, "const")
    assert not torch.allclose(silent, fixed) and torch.equal(fixed, layer(x, w, "const"))
    rng = lambda: torch.Generator().manual_seed(5)
    assert torch.equal(layer(x, w, "random", rng()), layer(x, w, "random", rng()))
    assert not torch.allclose(layer(x, w, "random", rng()), fixed)


def test_torgb_has_no_demodulation_and_a_quiet_style() -> None:
    layer = ToRGB(9, 2, 6)
    layer.bias.data.normal_()
    x, w = draw(2, 9, 3, 3), draw(2, 6)
    style = fc(layer.affine, w.numpy(), 1.0) / math.sqrt(9)
    want = np.einsum("oi,bi,bihw->bohw", layer.weight.detach().numpy()[:, :, 0, 0], style, x.numpy())
    np.testing.assert_allclose(
        layer(x, w).detach(), want + layer.bias.detach().numpy()[None, :, None, None], atol=1e-4
    )


def test_new_affine_layers_give_styles_near_one() -> None:
    layer = StyleConv(3, 4, 16, 4)
    np.testing.assert_array_equal(layer.affine.bias.detach(), np.ones(3))


@pytest.mark.parametrize(("resolution", "slots"), [(8, 4), (64, 10), (256, 14), (512, 16)])
def test_number_of_style_slots(resolution: int, slots: int) -> None:
    with torch.device("meta"):
        assert SynthesisNetwork(8, resolution, 3, channel_base=1024, channel_max=4).num_ws == slots


def test_blocks_read_the_slots_of_stylegan2() -> None:
    """0.5: conv0 ← w[2k-1], conv1 ← w[2k], torgb ← w[2k+1]; found by changing one slot at a time."""
    net = SynthesisNetwork(4, 16, 3, channel_base=64, channel_max=4)
    ws = draw(1, net.num_ws, 4)
    b4, b8, b16 = net.blocks
    x = b4.conv1(b4.const[None], ws[:, 0])
    img = b4.torgb(x, ws[:, 1])
    x = b8.conv1(b8.conv0(x, ws[:, 1]), ws[:, 2])
    img = upsample2(img) + b8.torgb(x, ws[:, 3])
    x = b16.conv1(b16.conv0(x, ws[:, 3]), ws[:, 4])
    img = upsample2(img) + b16.torgb(x, ws[:, 5])
    np.testing.assert_allclose(net(ws).detach(), img.detach(), atol=1e-5)


def test_channel_law() -> None:
    assert [channels_at(r, 65536, 512) for r in (4, 64, 128, 256, 512)] == [512, 512, 512, 256, 128]


@pytest.mark.parametrize("resolution", [4, 48])
def test_resolutions_that_the_network_cannot_have(resolution: int) -> None:
    with pytest.raises(ValueError, match="power of two"):
        SynthesisNetwork(4, resolution, 3)


def test_a_batch_is_its_samples() -> None:
    net = SynthesisNetwork(4, 16, 3, channel_base=64, channel_max=4)
    ws = draw(3, net.num_ws, 4)
    both = net(ws)
    for n in range(3):
        assert F.mse_loss(both[n], net(ws[n : n + 1])[0]) < 1e-9
