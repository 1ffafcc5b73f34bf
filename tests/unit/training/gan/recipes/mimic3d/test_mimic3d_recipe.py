"""Mimic3D's recipe: both stages, what each phase moves, and what a training can start from.

Its phases compute what those compute that are held against the original program (`training_parity`).
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest
import torch
from torch import Tensor

from core_model.checkpoints.layout import read_header
from core_model.checkpoints.store import load_tensors
from core_model.data.labels import LabelTable
from core_model.data.order import Batch, DataPosition
from core_model.discriminators.stylegan2 import DualDiscriminator, ImageDiscriminator
from core_model.families.mimic3d.config import Mimic3dConfig
from core_model.families.mimic3d.generator import Mimic3dGenerator
from core_model.families.osg.learning import Uniforms, feature_picture
from core_model.families.osg.native import label_rays
from core_model.fields.triplane import Planes
from core_model.losses.perceptual import PixelPyramid
from core_model.ops.draw_source import ImageDraws, TorchDraws
from core_model.schema.camera import OrbitPose, label25
from core_model.schema.errors import InputError
from core_model.schema.overrides import apply_overrides
from core_model.schema.train import TrainConfig
from core_model.schema.train_presets import PRESETS
from core_model.training.common.clock import PhaseClock
from core_model.training.common.distributed import Ranks
from core_model.training.gan.draws import generator
from core_model.training.gan.optimise import Optimisers
from core_model.training.gan.phases import eg3d, mimic3d
from core_model.training.gan.phases.term import Term
from core_model.training.gan.recipes.eg3d.recipe import Eg3dRecipe
from core_model.training.gan.recipes.interface import DISCRIMINATOR, GENERATOR, PENALTY, REGULARISER, Moment
from core_model.training.gan.recipes.mimic3d.judge import PATCH
from core_model.training.gan.recipes.mimic3d.recipe import Mimic3dRecipe
from core_model.training.gan.recipes.starting import adopted
from core_model.training.gan.snapshot import camera_prior, load_start, write_snapshot
from core_model.training.gan.state import Counters, Trained, save_state
from core_model.training.gan.step import GanStep

LABELS = torch.stack(
    [torch.from_numpy(label25(OrbitPose(yaw=0.3 * i, pitch=0.05 * i))) for i in range(-2, 3)]
)
CPU = torch.device("cpu")
TABLE = LabelTable(LABELS)
WORDS = [
    ("schedule.blur", "1.2"),
    ("schedule.swap", "0.5"),
    ("schedule.resolution", "16"),
    ("mimic3d.network.noise", "off"),
    ("mimic3d.imitate", "1"),
]
CFG = apply_overrides(PRESETS.get("mimic3d-smoke"), WORDS)
STAGED = apply_overrides(CFG, [("mimic3d.imitate", "0:0,8:0,8:1")])
ALONE = apply_overrides(CFG, [("mimic3d.imitate", "0")])


def made_of(cfg: TrainConfig = CFG) -> Mimic3dRecipe:
    """A recipe whose biases and styles are away from their start."""
    made = Mimic3dRecipe(cfg, CPU, TABLE)
    rng = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for name, module in made.networks.modules().items():
            for p in module.parameters():
                if name != "average":
                    p.add_(0.1 * torch.randn(p.shape, generator=rng))
        made.networks.average.load_state_dict(made.networks.generator.state_dict())
    return made


def moment(recipe: Mimic3dRecipe, images: int, p: float = 0.0) -> Moment:
    return Moment(images // 4, images, recipe.cfg.schedule.at(images), p)


def grads(module: torch.nn.Module) -> dict[str, Tensor]:
    return {n: p.grad.clone() for n, p in module.named_parameters() if p.grad is not None}


def stepped(recipe: Mimic3dRecipe, step: int) -> dict[str, dict[str, Tensor]]:
    """Gradients of every phase of a step with four images; nothing moves."""
    kept: dict[str, dict[str, Tensor]] = {}

    class Still(GanStep):
        def _move(
            self, phase: str, module: torch.nn.Module, optimiser: torch.optim.Adam, told: object
        ) -> None:
            kept[phase] = grads(module)
            optimiser.zero_grad(set_to_none=True)

    stepper = Still(recipe, Optimisers(recipe), Ranks(0, 1, CPU), PhaseClock(CPU))
    stepper.run(step, Batch(reals(), LABELS[:4], DataPosition(seed=0, size=4)), 0.0)
    return kept


def reals() -> Tensor:
    rng = torch.Generator().manual_seed(1)
    return torch.randint(0, 256, (4, 3, 64, 64), generator=rng, dtype=torch.uint8)


class Corners(TorchDraws):
    """Draws whose whole numbers are the given corners, one batch of them after another."""

    def __init__(self, *corners: Tensor) -> None:
        super().__init__(torch.Generator().manual_seed(0))
        self._corners = list(corners)

    def choice(self, options: int, count: int) -> Tensor:
        return self._corners.pop(0).flatten()


def test_every_phase_has_the_gradients_of_the_programs_phase(monkeypatch: pytest.MonkeyPatch) -> None:
    """At the middles of all samples, and with the recipe's windows: random numbers are in another order there."""
    monkeypatch.setattr(Mimic3dRecipe, "uniforms", lambda self, seeds, rays: Uniforms())
    seen: list[Tensor] = []
    drawn = Mimic3dRecipe.corners
    monkeypatch.setattr(
        Mimic3dRecipe, "corners", lambda self, seeds: (seen.append(drawn(self, seeds)), seen[-1])[1]
    )
    recipe = made_of()
    kept = stepped(recipe, 0)
    assert list(kept) == ["generator", "density", "discriminator", "r1", PATCH, "r1_patch"]
    of_generator, of_fakes, of_reals, of_penalty = seen
    g, d, d_patch = (recipe.networks.modules()[n] for n in ("generator", "discriminator", PATCH))
    assert isinstance(g, Mimic3dGenerator) and isinstance(d, DualDiscriminator)
    assert isinstance(d_patch, ImageDiscriminator)
    images = reals().float() / 127.5 - 1.0
    pair = eg3d.Reals(images, LABELS[:4])
    own = CFG.mimic3d
    sizes = mimic3d.Patches(16, 64, imitation=own.imitation.weight, adversarial=own.patch.weight)

    def look(*corners: Tensor, draws: object = None) -> eg3d.View:
        return eg3d.View(size=16, sigma=1.2, draws=draws or Corners(*corners), noise="none")  # type: ignore[arg-type]

    def fakes(phase: int) -> eg3d.Fakes:
        batch = recipe.draw(4, 0.5, 0, phase)
        return eg3d.Fakes(batch.z, batch.condition, batch.label)

    def alike(module: torch.nn.Module, terms: Iterable[Term], phase: str, gain: float = 1.0) -> None:
        for m in (g, d, d_patch):
            m.requires_grad_(m is module)
            m.zero_grad(set_to_none=True)
        for term in terms:
            (term.value * gain).backward()
        found = grads(module)
        assert found.keys() == kept[phase].keys() and len(found) > 5
        for name, one in found.items():
            near = torch.allclose(
                one, kept[phase][name], rtol=1e-4, atol=1e-5 * float(one.abs().max()) + 1e-9
            )
            assert near, f"{phase} {name}"

    made = mimic3d.generator_main(g, d, d_patch, fakes(GENERATOR), look(of_generator), sizes, PixelPyramid())
    alike(g, made, "generator")
    batch = fakes(REGULARISER)
    draws = ImageDraws(recipe.draw(4, 0.5, 0, REGULARISER).seeds, CPU)
    density = eg3d.generator_density(
        g, "l1", 4, lambda: batch, look(draws=draws), weight=own.density.weight, offset=own.density.offset
    )
    alike(g, density, "density", own.density.interval)
    main = eg3d.discriminator_main(g, d, fakes(DISCRIMINATOR), pair, mimic3d.coarse_view(look()))
    alike(d, main, "discriminator")
    alike(d, eg3d.discriminator_penalty(d, pair, look(), 1.0), "r1", CFG.loss.r1_interval)
    view, batch = look(of_reals, of_fakes), fakes(DISCRIMINATOR + 10)
    alike(d_patch, mimic3d.patch_discriminator_main(g, d_patch, lambda: batch, images, view, sizes), PATCH)
    penalty = mimic3d.patch_discriminator_penalty(d_patch, images, look(of_penalty), sizes, 1.0)
    alike(d_patch, penalty, "r1_patch", CFG.loss.r1_interval)
    assert PENALTY != GENERATOR


def test_the_picture_does_not_learn_from_its_imitation() -> None:
    recipe = made_of()
    at, batch = moment(recipe, 0), recipe.draw(2, 0.0, 0, GENERATOR)
    made = recipe.fakes(batch, at, judges=("discriminator", PATCH), train=True)
    (term,) = made.losses
    assert term.name == "imitation/colours" and term.weight == 1.0
    term.value.backward()
    g = recipe.networks.generator
    found = {n.split(".")[0] for n in grads(g)}
    assert {"backbone", "aware", "tail", "decoder", "mapping"} == found


def test_a_stage_of_the_2d_branch_leaves_the_other_alone() -> None:
    """Before the curve rises: EG3D's phases, no gradients of detail blocks; a snapshot shows the 2D branch."""
    recipe = made_of(STAGED)
    early = stepped(recipe, 0)
    assert list(early) == ["generator", "density", "discriminator", "r1"]
    assert not any(n.startswith("tail.") for n in early["generator"])
    late = stepped(recipe, 4)
    assert list(late) == ["generator", "density", "discriminator", "r1", PATCH, "r1_patch"]
    assert any(n.startswith("tail.") for n in late["density"])
    sizes = []
    for images in (0, 8, 12):
        config = Mimic3dConfig.model_validate(recipe.snapshot(moment(recipe, images)).config)
        sizes.append((config.levels, config.volumetric.neural_size, config.uses_superres, config.image_size))
        assert recipe.pictures(recipe.draw(2, 0.0, 0, 1001), moment(recipe, images)).shape[-1] == 64
    assert sizes == [((-3,), 16, True, 64), ((-3,), 16, True, 64), ((-3, -1), 64, False, 64)]


def test_the_2d_stage_alone_has_no_parts_of_the_other() -> None:
    recipe = made_of(ALONE)
    assert list(recipe.networks.judges) == ["discriminator"] and recipe.notes == ()
    assert not any(n.startswith("tail.") for n in recipe.networks.generator.state_dict())


def test_pictures_made_of_windows_are_the_whole_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Mimic3dRecipe, "uniforms", lambda self, seeds, rays: Uniforms())
    recipe = made_of()
    batch = recipe.draw(2, 0.0, 0, 1001)
    with torch.no_grad():
        made = recipe.pictures(batch, moment(recipe, 8))
        g = recipe.networks.average
        planes = recipe.synthesised(g, recipe.styles(g, batch), batch)
        origins, dirs = label_rays(batch.label, 64)
        whole = feature_picture(g, planes, origins, dirs, 64, Uniforms())[:, :3]
    assert len(planes.levels) == 2 and torch.allclose(made, whole, atol=1e-5)


def test_a_window_has_the_gradient_of_both_planes() -> None:
    """Along a direction of each level, against differences (fields compute in single precision)."""
    recipe = made_of()
    g, rng = recipe.networks.generator, torch.Generator().manual_seed(5)
    g.cfg = g.cfg.replace(volumetric=g.cfg.volumetric.replace(fine=0))  # fine depths carry no gradient
    batch = recipe.draw(1, 0.0, 0, GENERATOR)
    c = g.cfg.plane_channels
    shapes = [(1, 3, c, edge, edge) for edge in (g.cfg.backbone_size, g.cfg.plane_size)]
    base, ways = ([torch.randn(s, generator=rng) for s in shapes] for _ in range(2))
    origins, dirs = label_rays(batch.label, 8, 64, torch.tensor([[28, 28]]))
    mix = torch.randn(1, c, 8, 8, generator=rng)

    def shown(at: Tensor) -> Tensor:
        levels = tuple(b + t * v for b, t, v in zip(base, at, ways, strict=True))
        picture = feature_picture(g, Planes(levels, g.conventions), origins, dirs, 8, Uniforms())
        return (picture[:, :c] * mix).sum()

    at = torch.zeros(2, requires_grad=True)
    (gradient,) = torch.autograd.grad(shown(at), at)
    for k in range(2):
        step = torch.zeros(2)
        step[k] = 3e-3
        with torch.no_grad():
            slope = float(shown(step) - shown(-step)) / 6e-3
        assert abs(slope) > 5e-3 and float(gradient[k]) == pytest.approx(slope, rel=0.1)


def test_windows_are_differentiable() -> None:
    x = torch.randn(2, 1, 6, 6, dtype=torch.float64, requires_grad=True)
    corners = torch.tensor([[0, 3], [2, 1]])
    assert torch.autograd.gradcheck(lambda v: mimic3d.windows(v, corners, 3), x)


def test_windows_lie_anywhere_and_belong_to_their_image() -> None:
    recipe = made_of()
    seeds = tuple(range(300))
    corners = recipe.corners(seeds)
    assert torch.equal(corners[7:9], recipe.corners(seeds[7:9]))
    assert corners.min() == 0 and corners.max() == 64 - 16
    images = torch.arange(2 * 3 * 64 * 64, dtype=torch.float32).reshape(2, 3, 64, 64)
    sight = recipe.reals(images, LABELS[:2], moment(recipe, 0), recipe.judges[1], (4, 5))
    top, left = recipe.corners((4, 5))[1].tolist()
    assert torch.equal(sight.pictures[0][1], images[1, :, top : top + 16, left : left + 16])


def test_the_3d_branch_starts_from_a_2d_stage_and_from_eg3d(tmp_path: Path) -> None:
    """From a state with the discriminator; detail blocks and their judge are new."""
    first = made_of(ALONE)
    state = tmp_path / "000001.state.safetensors"
    position = DataPosition(seed=0, size=4)
    save_state(state, Trained(first, Optimisers(first)), Counters(step=1, seed=0, position=position))
    second = Mimic3dRecipe(CFG, CPU, TABLE)
    load_start(str(state), second)
    for name in ("generator", "average", "discriminator"):
        own = second.networks.modules()[name].state_dict()
        theirs = first.networks.modules()[name].state_dict()
        assert all(torch.equal(own[n], t) for n, t in theirs.items())
    tail = {n: t for n, t in second.networks.generator.state_dict().items() if n.startswith("tail.")}
    assert tail and all(torch.equal(second.networks.average.state_dict()[n], t) for n, t in tail.items())
    with pytest.raises(InputError, match="not of these networks"):
        wide = CFG.discriminator.replace(channel_max=8)
        load_start(str(state), Mimic3dRecipe(CFG.replace(discriminator=wide), CPU, TABLE))
    other = apply_overrides(
        PRESETS.get("eg3d-smoke"), [("schedule.resolution", "16"), ("eg3d.network.noise", "off")]
    )
    source = tmp_path / "eg3d.safetensors"
    write_snapshot(source, Eg3dRecipe(other, CPU, TABLE), camera_prior(TABLE), 1)
    cfg = adopted(PRESETS.get("mimic3d-ffhq512").replace(start_from=str(source)), ())
    assert cfg.mimic3d.network.channels == other.eg3d.network.channels and cfg.data.resolution == 64
    third = Mimic3dRecipe(cfg.replace(discriminator=CFG.discriminator), CPU, TABLE)
    assert "of" in load_start(str(source), third)
    weights = load_tensors(source)
    assert torch.equal(
        third.networks.average.state_dict()["decoder.fc0.weight"], weights["decoder.fc0.weight"]
    )


def test_a_fine_tuning_takes_the_sizes_of_its_checkpoint(tmp_path: Path) -> None:
    """A 3D branch is shown at the picture's size: the size that its super-resolution took stays the preset's."""
    words = [("mimic3d.network.detail", "mean"), ("mimic3d.network.plane_act", "tanh")]
    recipe = made_of(apply_overrides(CFG, words))
    source = tmp_path / "000004.safetensors"
    write_snapshot(source, recipe, camera_prior(TABLE), 4)
    cfg = PRESETS.get("mimic3d-heads64-cpu").replace(start_from=str(source))
    made = adopted(cfg, ())
    assert made.mimic3d.network == recipe.cfg.mimic3d.network.replace(aware=3)
    assert (made.data.resolution, made.schedule.resolution.at(0)) == (64, 32)
    tuned = Mimic3dRecipe(made, CPU)
    whole = len(tuned.networks.generator.state_dict())
    assert tuned.start(read_header(source).header, load_tensors(source), str(source)) == whole


def test_settings_that_do_not_fit_are_named(tmp_path: Path) -> None:
    for changes, said in (
        ([("mimic3d.network.superres", "none"), ("schedule.resolution", "64")], "nothing to imitate"),
        ([("mimic3d.patch.size", "24")], "mimic3d.patch.size: expected a power of two"),
        ([("mimic3d.patch.size", "128")], "mimic3d.patch.size: expected a power of two"),
        ([("mimic3d.network.levels", "[-6, -1]")], "levels must lie in -5"),
        ([("mimic3d.network.aware", "2")], "3D-aware branch"),
        ([("mimic3d.imitation.vgg", str(tmp_path / "none.pth"))], "no perceptual weights"),
    ):
        with pytest.raises(InputError, match=said):
            Mimic3dRecipe(apply_overrides(CFG, changes), "meta")
    with pytest.raises(InputError, match="detail_ups must be 1 or 2"):
        apply_overrides(CFG, [("mimic3d.network.detail_ups", "[3]")])


def test_lpips_is_used_where_its_files_are_named(tmp_path: Path) -> None:
    from tests.unit.losses.test_perceptual import narrow_weights

    weights = narrow_weights()
    linear = {n: t for n, t in weights.items() if n.startswith("lin")}
    torch.save({n: t for n, t in weights.items() if n not in linear}, tmp_path / "vgg16.pth")
    torch.save(linear, tmp_path / "lins.pth")
    words = [("mimic3d.imitation.vgg", str(tmp_path / "vgg16.pth"))]
    with pytest.raises(InputError, match="lack a tensor"):
        Mimic3dRecipe(apply_overrides(CFG, words), CPU)
    words.append(("mimic3d.imitation.lpips", str(tmp_path / "lins.pth")))
    recipe = Mimic3dRecipe(apply_overrides(CFG, words), CPU, TABLE)
    batch = recipe.draw(2, 0.0, 0, GENERATOR)
    (term,) = recipe.fakes(batch, moment(recipe, 0), judges=("discriminator", PATCH), train=True).losses
    assert term.name == "imitation/lpips" and float(term.value.detach()) > 0 and recipe.notes == ()
    assert "by LPIPS" in recipe.snapshot(moment(recipe, 8)).notes
    assert not any("distance" in n for n in recipe.networks.modules())


def test_the_windows_judge_does_not_steer_and_its_rates_are_the_programs() -> None:
    recipe = made_of()
    judge = recipe.judges[1]
    assert (judge.steers, judge.prepared_leaf, judge.weight) == (False, True, CFG.mimic3d.patch.weight)
    made = Optimisers(Mimic3dRecipe(CFG.replace(loss=CFG.loss.replace(r1_interval=16)), CPU))
    group = made.judges[PATCH].param_groups[0]
    assert group["lr"] == pytest.approx(0.00188235, abs=1e-8)
    blurred = judge.prepare(
        recipe.reals(torch.ones(1, 3, 64, 64), LABELS[:1], moment(recipe, 0), judge, (1,)),
        moment(recipe, 0),
        (0, 0, 0),
    )
    assert float(blurred.pictures[0][0, 0, 0, 0]) < 0.9  # borders darken: zeros lie beyond them
    assert generator(CPU, 1).initial_seed() >= 0
