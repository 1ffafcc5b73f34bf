"""EG3D's recipe computes what the phases compute that are held against the original program (`training_parity`)."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from core_model.data.labels import LabelTable
from core_model.data.order import Batch, DataPosition
from core_model.discriminators.ada_pipe import AdaPipe
from core_model.discriminators.stylegan2 import DualDiscriminator
from core_model.families.osg.learning import Uniforms
from core_model.ops.draw_source import ImageDraws, TorchDraws
from core_model.schema.camera import OrbitPose, label25
from core_model.schema.errors import InputError
from core_model.schema.overrides import apply_overrides
from core_model.schema.train_presets import PRESETS
from core_model.training.common.clock import PhaseClock
from core_model.training.common.distributed import Ranks
from core_model.training.gan.draws import AUGMENT, NOISE, generator, item_uniform
from core_model.training.gan.optimise import Optimisers
from core_model.training.gan.phases import eg3d as phases
from core_model.training.gan.recipes.eg3d.recipe import Eg3dRecipe
from core_model.training.gan.recipes.interface import DISCRIMINATOR, GENERATOR, PENALTY, REGULARISER, Moment
from core_model.training.gan.recipes.starting import adopted
from core_model.training.gan.snapshot import camera_prior, write_snapshot
from core_model.training.gan.step import GanStep

LABELS = torch.stack(
    [torch.from_numpy(label25(OrbitPose(yaw=0.3 * i, pitch=0.05 * i))) for i in range(-2, 3)]
)
CFG = apply_overrides(
    PRESETS.get("eg3d-smoke"),
    [
        ("schedule.blur", "1.2"),
        ("schedule.swap", "0.5"),
        ("schedule.resolution", "12"),
        ("eg3d.network.noise", "off"),
    ],
)
CPU = torch.device("cpu")


@pytest.fixture
def recipe() -> Eg3dRecipe:
    made = Eg3dRecipe(CFG, CPU, LabelTable(LABELS))
    rng = torch.Generator().manual_seed(3)
    with torch.no_grad():  # biases and styles away from their start
        for module in (made.networks.generator, made.networks.discriminator):
            for p in module.parameters():
                p.add_(0.1 * torch.randn(p.shape, generator=rng))
    return made


def view(recipe: Eg3dRecipe, seeds: tuple[int, ...], p: float, key: tuple[int, int, int]) -> phases.View:
    r, size = recipe.cfg.eg3d.render, 12
    u = item_uniform(seeds, (size * size, r.coarse + r.fine), CPU)
    return phases.View(
        size=size,
        sigma=1.2,
        draws=TorchDraws(generator(CPU, recipe.cfg.seed, *key, AUGMENT, 0)),
        augment=AdaPipe() if p else None,
        p=p,
        noise="none",
        rng=generator(CPU, seeds[0], NOISE, 1),
        uniforms=Uniforms(u[..., : r.coarse], u[..., r.coarse :]),
    )


def grads(module: torch.nn.Module) -> dict[str, torch.Tensor]:
    return {n: p.grad.clone() for n, p in module.named_parameters() if p.grad is not None}


def alike(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> None:
    assert a.keys() == b.keys() and len(a) > 5
    for name, one in a.items():
        assert torch.allclose(one, b[name], rtol=1e-4, atol=1e-5 * float(one.abs().max()) + 1e-9), name


@pytest.mark.parametrize("p", [0.0, 0.7])
def test_every_phase_has_the_gradients_of_the_programs_phase(recipe: Eg3dRecipe, p: float) -> None:
    """Step 0 runs all of them; what each moves is undone before the next."""
    cfg = recipe.cfg.replace(augment=recipe.cfg.augment.replace(mode="fixed" if p else "none", p=p))
    recipe = _again(cfg, recipe)
    g, d = recipe.networks.generator, recipe.networks.discriminator
    assert isinstance(d, DualDiscriminator)
    reals = torch.randint(
        0, 256, (4, 3, 64, 64), generator=torch.Generator().manual_seed(1), dtype=torch.uint8
    )
    kept: dict[str, dict[str, torch.Tensor]] = {}

    class Still(GanStep):
        """Keeps each phase's gradients and moves nothing."""

        def _move(
            self, phase: str, module: torch.nn.Module, optimiser: torch.optim.Adam, told: object
        ) -> None:
            kept[phase] = grads(module)
            optimiser.zero_grad(set_to_none=True)

    stepper = Still(recipe, Optimisers(recipe), Ranks(0, 1, CPU), PhaseClock(CPU))
    before = g.mapping.w_avg.clone()
    stepper.run(0, Batch(reals, LABELS[:4], DataPosition(seed=0, size=4)), p)
    assert list(kept) == ["generator", "density", "discriminator", "r1"]
    w_avg = g.mapping.w_avg.clone()
    images = reals.float() / 127.5 - 1.0
    pair = phases.Reals(images, LABELS[:4])

    def fakes(phase: int) -> tuple[phases.Fakes, tuple[int, ...]]:
        drawn = recipe.draw(4, 0.5, 0, phase)
        return phases.Fakes(drawn.z, drawn.condition, drawn.label), drawn.seeds

    def run(module: torch.nn.Module, terms: object, gain: float = 1.0) -> dict[str, torch.Tensor]:
        for m in (g, d):
            m.requires_grad_(m is module)
            m.zero_grad(set_to_none=True)
        for term in terms:  # type: ignore[attr-defined]
            (term.value * gain).backward()
        return grads(module)

    batch, seeds = fakes(GENERATOR)
    alike(
        run(g, phases.generator_main(g, d, batch, view(recipe, seeds, p, (0, GENERATOR, 0)))),
        kept["generator"],
    )
    batch, seeds = fakes(REGULARISER)
    look = view(recipe, seeds, p, (0, REGULARISER, 0))
    look = phases.View(**{**look.__dict__, "draws": ImageDraws(seeds, CPU)})
    own = cfg.eg3d.density
    terms = phases.generator_density(g, "l1", 4, lambda: batch, look, weight=own.weight, offset=own.offset)
    alike(run(g, terms, own.interval), kept["density"])
    batch, seeds = fakes(DISCRIMINATOR)
    g.mapping.w_avg.copy_(before)
    if not p:  # fakes and reals draw their augmentation apart in a training
        alike(
            run(d, phases.discriminator_main(g, d, batch, pair, view(recipe, seeds, p, (0, 1, 0)))),
            kept["discriminator"],
        )
        assert torch.allclose(w_avg, g.mapping.w_avg, rtol=1e-5, atol=1e-7)
    alike(
        run(
            d,
            phases.discriminator_penalty(d, pair, view(recipe, seeds, p, (0, PENALTY, 0)), 1.0),
            cfg.loss.r1_interval,
        ),
        kept["r1"],
    )


def _again(cfg: object, recipe: Eg3dRecipe) -> Eg3dRecipe:
    made = Eg3dRecipe(cfg, CPU, LabelTable(LABELS))  # type: ignore[arg-type]
    for name, module in recipe.networks.modules().items():
        made.networks.modules()[name].load_state_dict(module.state_dict())
    return made


def test_the_mean_style_follows_the_discriminators_pass_alone(recipe: Eg3dRecipe) -> None:
    assert not recipe.average_in_generator
    g = recipe.networks.generator
    batch = recipe.draw(4, 0.0, 3, DISCRIMINATOR)
    at = Moment(3, 12, CFG.schedule.at(12))
    before = g.mapping.w_avg.clone()
    made = recipe.fakes(batch, at, judges=("discriminator",), train=False)
    assert torch.equal(g.mapping.w_avg, before)
    recipe.track(made.w_mean)
    assert torch.allclose(g.mapping.w_avg, torch.lerp(made.w_mean, before, 0.998))


def test_rates_are_those_of_the_lazy_program(recipe: Eg3dRecipe) -> None:
    made = Optimisers(Eg3dRecipe(PRESETS.get("eg3d-ffhq512").replace(data=CFG.data, eg3d=CFG.eg3d), CPU))
    (group,) = made.generator.param_groups
    judge = made.judges["discriminator"].param_groups[0]
    assert group["lr"] == pytest.approx(0.002) and group["betas"][1] == pytest.approx(0.99199197, abs=1e-8)
    assert judge["lr"] == pytest.approx(0.00188235, abs=1e-8) and judge["betas"][1] == pytest.approx(
        0.99058546, abs=1e-8
    )


def test_the_density_swaps_all_cameras_or_none(recipe: Eg3dRecipe) -> None:
    seen = set()
    for step in range(0, 40, 4):
        drawn = recipe.draw(4, 0.5, step, REGULARISER)
        rolled = drawn.label.roll(1, 0)
        assert torch.equal(drawn.condition, drawn.label) or torch.equal(drawn.condition, rolled)
        seen.add(torch.equal(drawn.condition, drawn.label))
    assert seen == {True, False}


def test_a_fine_tuning_takes_the_sizes_of_its_checkpoint(recipe: Eg3dRecipe, tmp_path: Path) -> None:
    source = tmp_path / "000001.safetensors"
    write_snapshot(source, recipe, camera_prior(LabelTable(LABELS)), 1)
    cfg = PRESETS.get("eg3d-ffhq512").replace(start_from=str(source))
    made = adopted(cfg, ())
    assert made.eg3d.network == CFG.eg3d.network.replace(noise=False) and made.eg3d.render == CFG.eg3d.render
    assert (made.data.resolution, made.schedule.resolution.at(0)) == (64, 12)
    assert adopted(cfg, ("eg3d.render.coarse",)).eg3d.render.coarse == 48
    other = Eg3dRecipe(made.replace(discriminator=CFG.discriminator), CPU)
    from core_model.checkpoints.store import load_tensors, read_header

    assert other.start(read_header(source).header, load_tensors(source), str(source)) > 40
    published = made.replace(
        eg3d=made.eg3d.replace(network=made.eg3d.network.replace(plane_axes="published"))
    )
    with pytest.raises(InputError, match="plane_axes"):
        Eg3dRecipe(published, CPU).start(read_header(source).header, load_tensors(source), str(source))


def test_sizes_that_do_not_fit_are_named() -> None:
    for changes, said in (
        ([("data.resolution", "128")], "TriscopeDoubled32, which makes 64"),
        ([("eg3d.network.superres", "none")], "schedule.resolution must be data.resolution"),
        ([("eg3d.network.c_dim", "7")], "eg3d.network.c_dim"),
    ):
        with pytest.raises(InputError, match=said):
            Eg3dRecipe(apply_overrides(CFG, changes), "meta")
