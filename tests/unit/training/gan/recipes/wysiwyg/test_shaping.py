"""Losses at points of their own, and the smooth start of a large learned constant."""

from __future__ import annotations

import pytest
import torch

from core_model.losses.terms import surface_loss
from core_model.schema.camera import OrbitPose, label25
from core_model.schema.errors import InputError
from core_model.schema.overrides import apply_overrides
from core_model.schema.train import TrainConfig
from core_model.schema.train_presets import PRESETS
from core_model.training.gan.draws import FakeBatch
from core_model.training.gan.recipes import recipe_of
from core_model.training.gan.recipes.interface import Moment
from core_model.training.gan.recipes.wysiwyg import shaping
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


def test_the_decision_loss_looks_at_all_of_the_probe_or_at_some(monkeypatch: pytest.MonkeyPatch) -> None:
    """All points in pieces give the mean of all; some points estimate it; before its start there is no loss."""
    base = apply_overrides(PRESETS.get("smoke"), [("loss.decision", "1"), ("loss.decision_points", "0")])
    g = build_networks(base, "cpu").generator
    z = torch.randn(2, base.network.z_dim, generator=torch.Generator().manual_seed(0))
    batch = FakeBatch(z, LABELS, LABELS, (5, 6))

    def value(cfg: TrainConfig, seen: int = 0) -> torch.Tensor | None:
        made = make_fakes(g, batch, cfg, cfg.schedule.at(0), train=True, seen=seen)
        return next((t.value for t in made.losses if t.name == "decision"), None)

    whole = value(base)
    monkeypatch.setattr(shaping, "PIECE_POINTS", 777)
    pieces = value(base)
    assert whole is not None and pieces is not None and torch.allclose(whole, pieces, rtol=1e-5)
    pieces.backward()
    weight = g.sdf_mlp.fc0.weight.grad
    assert weight is not None and float(weight.abs().sum()) > 0
    some = value(base.replace(loss=base.loss.replace(decision_points=40_000)))
    assert some is not None and abs(float(some.detach() - whole.detach())) < 0.1 * float(whole.detach())
    late = base.replace(loss=base.loss.replace(decision_start=100))
    assert value(late) is None and value(late, seen=100) is not None


def test_defaults_are_the_papers() -> None:
    loss = TrainConfig().loss
    assert (loss.decision_points, loss.decision_start, loss.decision_sharpness) == (0, 16_000_000, 2.0)
    assert loss.surface_reduction == "sum" and TrainConfig().schedule.at(loss.decision_start).supervise


def test_a_pixel_weighs_the_same_at_every_resolution() -> None:
    width = torch.rand(3, 16, generator=torch.Generator().manual_seed(0), dtype=torch.float64).requires_grad_(
        True
    )
    larger = width.detach().repeat(1, 4).requires_grad_(True)
    for reduction, ratio in (("sum", 1.0), ("mean", 0.25)):
        few, many = (
            torch.autograd.grad(surface_loss(x, 0.1, reduction), x)[0]
            for x in (width, larger)  # type: ignore[arg-type]
        )
        assert torch.allclose(many[:, :16], ratio * few)


def test_the_surface_loss_may_leave_rays_alone_that_meet_nothing() -> None:
    """A generator whose surfaces have the target's width: only the paper's loss is left with what the background lacks."""
    base = apply_overrides(
        PRESETS.get("smoke"), [("loss.decision", "0"), ("schedule.surface_target", "0.03")]
    )
    g = build_networks(base, "cpu").generator
    z = torch.randn(2, base.network.z_dim, generator=torch.Generator().manual_seed(0))
    batch = FakeBatch(z, LABELS, LABELS, (5, 6))

    def surface(rays: str) -> float:
        cfg = base.replace(loss=base.loss.replace(surface_rays=rays))
        made = make_fakes(g, batch, cfg, cfg.schedule.at(0), train=True)
        return float(next(t.value for t in made.losses if t.name == "surface").detach())

    assert base.network.beta_start == 0.03 and surface("met") < 1e-9 < 1e-5 < surface("all")


@pytest.mark.parametrize("name", ["heads64-cpu", "heads128"])
def test_heads_before_a_plain_background_are_not_pressed_to_fill_it(name: str) -> None:
    cfg = PRESETS.get(name)
    assert cfg.loss.surface > 0 and cfg.loss.surface_rays == "met"
    start, target = cfg.network.beta_start, cfg.schedule.surface_target.at(0)
    assert (
        target == start <= 0.015
    )  # as a run begins: no wider than the first surface, about the paper's 0.01


def test_the_first_stage_may_be_two_passes() -> None:
    cfg = apply_overrides(
        PRESETS.get("smoke"),
        [("render.first_stage", "two-pass"), ("render.refine", "0"), ("render.cull_floor", "0")],
    )
    g = build_networks(cfg, "cpu").generator
    z = torch.randn(2, cfg.network.z_dim, generator=torch.Generator().manual_seed(0))
    batch = FakeBatch(z, LABELS, LABELS, (5, 6))
    two = make_fakes(
        g, batch, cfg.replace(render=cfg.render.replace(samples=64)), cfg.schedule.at(0), train=True
    )
    one = cfg.replace(render=cfg.render.replace(first_stage="stratified", samples=256))
    exact = make_fakes(g, batch, one, cfg.schedule.at(0), train=True).images
    rough = make_fakes(
        g, batch, one.replace(render=one.render.replace(samples=8)), cfg.schedule.at(0), train=True
    )
    error = lambda images: float((images - exact).detach().square().mean())
    assert error(two.images) < 0.3 * error(rough.images)
    two.images.mean().backward()
    assert g.rgb_mlp.fc0.weight.grad is not None
    with pytest.raises(InputError, match="render.refine"):
        apply_overrides(
            PRESETS.get("smoke"), [("render.first_stage", "two-pass"), ("render.cull_floor", "0")]
        )


def test_the_colour_head_follows_table_a4() -> None:
    """Twice the generator's rate until 25 M images, then as fast, without a further factor by default."""
    recipe = recipe_of(PRESETS.get("ffhq512"), "meta")
    schedule = PRESETS.get("ffhq512").schedule
    rates = [
        recipe.rates(Moment(0, images, schedule.at(images)))["colour"]
        for images in (0, 24_000_000, 26_000_000)
    ]
    assert rates == [2.0, 2.0, 1.0]


def test_saved_runs_of_version_1_go_on_as_they_began() -> None:
    old = PRESETS.get("ffhq512").model_dump(mode="json")
    old["version"] = 1
    for name in ("surface_reduction", "decision_start"):
        del old["loss"][name]
    del old["optim"]["colour_lr"], old["recipe"], old["eg3d"]
    old["loss"] |= {"surface": 4096.0, "decision_points": 65536}
    made = TrainConfig.model_validate(old)
    assert (made.recipe, made.loss.surface_reduction, made.loss.decision_start) == ("wysiwyg", "mean", 0)
    assert made.optim.colour_lr == made.optim.decoder_lr == 0.1
