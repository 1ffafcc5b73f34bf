"""Losses at points of their own, and the smooth start of a large learned constant."""

from __future__ import annotations

import torch

from core_model.schema.camera import OrbitPose, label25
from core_model.schema.overrides import apply_overrides
from core_model.schema.train import TrainConfig
from core_model.schema.train_presets import PRESETS
from core_model.training.gan.draws import FakeBatch
from core_model.training.gan.recipes.wysiwyg.networks import build_networks
from core_model.training.gan.recipes.wysiwyg.render import make_fakes

LABELS = torch.stack([torch.from_numpy(label25(OrbitPose(yaw=yaw, pitch=0.1))) for yaw in (0.4, -0.7)])


def test_layers_bend_more_and_the_loss_moves_the_shape_alone() -> None:
    cfg = apply_overrides(
        PRESETS.get("smoke"), [("loss.bend", "1"), ("loss.bend_points", "256"), ("loss.decision", "0")]
    )
    networks = build_networks(cfg, "cpu")
    g = networks.generator
    batch = FakeBatch(
        torch.randn(2, cfg.network.z_dim, generator=torch.Generator().manual_seed(0)), LABELS, LABELS, (5, 6)
    )
    values = cfg.schedule.at(0)

    def losses(cfg: TrainConfig) -> dict[str, torch.Tensor]:
        return {t.name: t.value for t in make_fakes(g, batch, cfg, values, train=True).losses}

    quiet = losses(cfg)
    assert torch.equal(quiet["bend"], losses(cfg)["bend"])
    quiet["bend"].backward()
    assert float(g.sdf_mlp.fc0.weight.grad.abs().sum()) > 0 and g.rgb_mlp.fc0.weight.grad is None  # pyright: ignore[reportOptionalMemberAccess]
    const = dict(g.named_parameters())["backbone.blocks.0.const"].grad
    assert const is not None and float(const.abs().sum()) > 0
    with torch.no_grad():  # the highest octave along z, loud: layers about as wide as the step
        first = g.sdf_mlp.fc0
        first.weight[:, -6:] += 3.0 * torch.randn(
            first.weight[:, -6:].shape, generator=torch.Generator().manual_seed(1)
        )
    assert float(losses(cfg)["bend"].detach()) > 3 * float(quiet["bend"].detach())
    assert "bend" not in losses(cfg.replace(loss=cfg.loss.replace(bend=0.0)))


def test_a_large_constant_starts_smooth() -> None:
    smoke = PRESETS.get("smoke")
    large = (
        build_networks(smoke.replace(network=smoke.network.replace(start_size=8)), "cpu")
        .generator.backbone.blocks[0]
        .const
    )
    usual = build_networks(smoke, "cpu").generator.backbone.blocks[0].const
    assert isinstance(large, torch.Tensor) and isinstance(usual, torch.Tensor)
    large, usual = large.detach(), usual.detach()
    rough = lambda x: float(x.diff(dim=-1).square().mean() / x.square().mean())
    assert (
        large.shape[-1] == 8
        and abs(float(large.square().mean()) - 1.0) < 1e-5
        and rough(large) < 0.5 * rough(usual)
    )
