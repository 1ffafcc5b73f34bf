"""EpiGRAF's recipe computes what the phases compute that are held against the original program (`training_parity`)."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
import torch

from core_model.checkpoints.store import load_tensors, read_header
from core_model.data.labels import LabelTable, mirror_label
from core_model.data.order import Batch, DataPosition
from core_model.discriminators.ada_pipe import AdaPipe
from core_model.discriminators.augment import AugmentSpec
from core_model.discriminators.patch_aware import BandedDiscriminator, PatchDiscriminator
from core_model.families.epigraf.spec import angles_of
from core_model.geometry.patches import label_angles
from core_model.ops.draw_source import TorchDraws
from core_model.schema.camera import OrbitPose, label25
from core_model.schema.errors import InputError
from core_model.schema.overrides import apply_overrides
from core_model.schema.train import TrainConfig
from core_model.schema.train_presets import PRESETS
from core_model.training.common.clock import PhaseClock
from core_model.training.common.distributed import Ranks
from core_model.training.gan.draws import POSE_NOISE, generator
from core_model.training.gan.optimise import Optimisers
from core_model.training.gan.phases import epigraf as phases
from core_model.training.gan.recipes.epigraf.recipe import EpigrafRecipe
from core_model.training.gan.recipes.interface import DISCRIMINATOR, GENERATOR, PENALTY, Moment
from core_model.training.gan.recipes.starting import adopted
from core_model.training.gan.run import open_data, run_training
from core_model.training.gan.snapshot import camera_prior, write_snapshot
from core_model.training.gan.step import GanStep
from tests.unit.data.image_sets import encoded, picture, write_zip

POSES = [OrbitPose(yaw=0.3 * i, pitch=0.05 * i) for i in range(-2, 3)]
LABELS = torch.stack([torch.from_numpy(label25(pose)) for pose in POSES])
CFG = apply_overrides(
    PRESETS.get("epigraf-smoke"),
    [
        ("schedule.blur", "1.2"),
        ("schedule.swap", "0.5"),
        ("epigraf.density_noise", "0.5"),
        ("epigraf.patch.beta_start", "0.8"),
        ("epigraf.network.noise", "off"),
        ("epigraf.network.camera_cond", "on"),
        ("discriminator.std_group", "2"),
    ],
)
CPU = torch.device("cpu")


def made_of(cfg: TrainConfig, device: str = "cpu") -> EpigrafRecipe:
    made = EpigrafRecipe(cfg, device, LabelTable(LABELS))
    rng = torch.Generator().manual_seed(3)
    with torch.no_grad():  # biases and styles away from their start
        for module in (made.networks.generator, made.networks.discriminator):
            for p in module.parameters():
                p.add_(0.1 * torch.randn(p.shape, generator=rng))
    return made


@pytest.fixture
def recipe() -> EpigrafRecipe:
    return made_of(CFG)


def grads(module: torch.nn.Module) -> dict[str, torch.Tensor]:
    return {n: p.grad.clone() for n, p in module.named_parameters() if p.grad is not None}


def alike(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> None:
    assert a.keys() == b.keys() and len(a) > 5
    for name, one in a.items():
        assert torch.allclose(one, b[name], rtol=1e-4, atol=1e-5 * float(one.abs().max()) + 1e-9), name


class Still(GanStep):
    """Keeps each phase's gradients and moves nothing."""

    def __init__(self, recipe: EpigrafRecipe) -> None:
        super().__init__(recipe, Optimisers(recipe), Ranks(0, 1, CPU), PhaseClock(CPU))
        self.kept: dict[str, dict[str, torch.Tensor]] = {}

    def _move(self, phase: str, module: torch.nn.Module, optimiser: torch.optim.Adam, told: object) -> None:
        self.kept[phase] = grads(module)
        optimiser.zero_grad(set_to_none=True)


class Windows:
    """Hands out the recipe's windows in the order of the program's phase."""

    def __init__(self, recipe: EpigrafRecipe, at: Moment, *seeds: tuple[int, ...]) -> None:
        self.found = [recipe.windows(one, at) for one in seeds]

    def __call__(self) -> phases.Windows:
        return self.found.pop(0)


def batch_of(count: int = 4) -> Batch:
    rng = torch.Generator().manual_seed(1)
    reals = torch.randint(0, 256, (count, 3, 32, 32), generator=rng, dtype=torch.uint8)
    return Batch(reals, LABELS[torch.arange(count) % 5], DataPosition(seed=0, size=count))


CHANGES = {
    "usual": [],
    "plane": [("epigraf.network.background", "plane")],
    "sphere": [("epigraf.network.background", "sphere"), ("epigraf.network.sphere_widths", "[8, 8]")],
    "views": [("epigraf.network.view_widths", "[8, 3]"), ("epigraf.network.point_freqs", "2"), ("epigraf.network.point_period", "4")],
    "plain": [("epigraf.judge.hyper", "off"), ("epigraf.judge.placed", "off")],
    "discrete": [
        ("epigraf.patch.distribution", "discrete_uniform"), ("epigraf.patch.anneal", "0"), ("epigraf.judge.bands", "2"),
        ("epigraf.judge.hyper", "off"),
    ],
}  # fmt: skip


@pytest.mark.parametrize("change", CHANGES)
def test_every_phase_has_the_gradients_of_the_programs_phase(change: str) -> None:
    """Step 0 runs all of them; what each moves is undone before the next."""
    cfg = apply_overrides(CFG, [("epigraf.judge.camera_drop", "0"), *CHANGES[change]])
    recipe, at = made_of(cfg), Moment(0, 0, cfg.schedule.at(0))
    g, d = recipe.networks.generator, recipe.networks.discriminator
    batch, stepper = batch_of(), Still(recipe)
    before = g.mapping.w_avg.clone()
    stepper.run(0, batch, 0.0)
    assert list(stepper.kept) == ["generator", "discriminator", "r1"]
    w_avg = g.mapping.w_avg.clone()
    reals = phases.Reals(batch.images.float() / 127.5 - 1.0, LABELS[:4, :0], label_angles(batch.labels))

    def run(module: torch.nn.Module, phase: int, real_phase: int, terms: object, gain: float = 1.0):  # type: ignore[no-untyped-def]
        drawn = recipe.draw(4, 0.5, 0, phase)
        order = [recipe.real_seeds(0, real_phase, range(4))]
        if phase != PENALTY:
            order = [drawn.shared, *order]
        view = recipe.view(drawn, at, phases.Windows(torch.ones(4, 2), torch.zeros(4, 2)))
        view = phases.View(**{**view.__dict__, "windows": Windows(recipe, at, *order)})
        for m in (g, d):
            m.requires_grad_(m is module)
            m.zero_grad(set_to_none=True)
        for term in terms(recipe.conditions(drawn), view):  # type: ignore[operator]
            (term.value * gain).backward()
        return grads(module)

    judge: PatchDiscriminator = d  # type: ignore[assignment]
    main = run(g, GENERATOR, DISCRIMINATOR, lambda fakes, view: phases.generator_main(g, judge, fakes, view))
    alike(main, stepper.kept["generator"])
    g.mapping.w_avg.copy_(before)
    one = run(d, DISCRIMINATOR, DISCRIMINATOR, lambda fakes, view: phases.discriminator_main(g, judge, fakes, reals, view))  # fmt: skip
    alike(one, stepper.kept["discriminator"])
    assert torch.allclose(w_avg, g.mapping.w_avg, rtol=1e-5, atol=1e-7)
    penalty = lambda _, view: phases.discriminator_penalty(judge, reals, view, 1.0)
    lazy = run(d, PENALTY, PENALTY, penalty, cfg.loss.r1_interval)
    alike(lazy, stepper.kept["r1"])


def test_r1_runs_through_blur_and_augmentation_and_flips_nothing(recipe: EpigrafRecipe) -> None:
    cfg = CFG.replace(augment=CFG.augment.replace(mode="fixed", p=0.7))
    recipe = made_of(cfg)
    (judge,), at = recipe.judges, Moment(3, 12, cfg.schedule.at(12), 0.7)
    assert not judge.prepared_leaf and judge.steers_by_penalty and recipe.highest_p == math.inf
    key = (3, PENALTY, 0)
    sight = recipe.reals(
        batch_of().images.float() / 127.5 - 1.0,
        LABELS[:4],
        at,
        judge,
        recipe.real_seeds(3, PENALTY, range(4)),
    )
    from core_model.training.gan.draws import AUGMENT

    draws = TorchDraws(generator(CPU, cfg.seed, *key, AUGMENT, 0))
    wanted = AdaPipe(AugmentSpec(xflip=0.0))(phases.fade_blur(sight.pictures[0], 1.2), 0.7, draws)
    assert torch.allclose(judge.prepare(sight, at, key).pictures[0], wanted)


def test_two_ranks_and_micro_batches_see_the_windows_of_the_whole_batch(recipe: EpigrafRecipe) -> None:
    at = Moment(5, 20, CFG.schedule.at(20))
    drawn = recipe.draw(8, 0.5, 5, GENERATOR)
    together = recipe.windows(drawn.shared, at)
    assert torch.equal(together.scales[::2], together.scales[1::2])
    assert len(set(together.offsets[:, 0].tolist())) == 4
    for rank in range(2):
        own = recipe.draw(8, 0.5, 5, GENERATOR, rank=rank, world=2)
        assert torch.equal(own.condition, drawn.condition[rank::2]) and torch.equal(own.z, drawn.z[rank::2])
        part = recipe.windows(own.rows(2, 4).shared, at)
        assert torch.equal(part.offsets, together.offsets[rank::2][2:4])
        whole = recipe.windows(recipe.real_seeds(5, DISCRIMINATOR, range(8)), at)
        reals = recipe.windows(recipe.real_seeds(5, DISCRIMINATOR, range(rank, 8, 2)), at)
        assert torch.equal(reals.offsets, whole.offsets[rank::2])
        assert not torch.equal(whole.offsets, together.offsets)


def test_windows_and_noise_anneal_from_the_first_image_on() -> None:
    """The same values at the same number of images, whenever the session began (the program starts over)."""
    cfg = apply_overrides(PRESETS.get("epigraf-smoke"), [("epigraf.density_noise", "0:1,64:0")])
    recipe = made_of(cfg)
    seeds = tuple(range(400))
    early = recipe.windows(seeds, Moment(0, 0, cfg.schedule.at(0))).scales[:, 0]
    late = recipe.windows(seeds, Moment(16, 64, cfg.schedule.at(64))).scales[:, 0]
    assert float((early > 0.99).float().mean()) > 0.98
    assert float((late > 0.75).float().mean()) == pytest.approx(0.5**0.8, abs=0.08)
    drawn = recipe.draw(2, 0.0, 0, GENERATOR)
    unused = phases.Windows(early, late)
    stds = [recipe.view(drawn, Moment(i, i * 4, cfg.schedule.at(0)), unused).density_std for i in (0, 8, 16)]
    assert stds == [1.0, 0.5, 0.0]


def test_a_label_says_the_angles_of_its_camera() -> None:
    found = label_angles(LABELS)
    for pose, (yaw, pitch, roll) in zip(POSES, found.tolist(), strict=True):
        assert (yaw, pitch) == pytest.approx(angles_of(pose), abs=1e-5) and roll == 0
    mirrored = label_angles(torch.from_numpy(mirror_label(LABELS.numpy())))
    assert torch.allclose(mirrored[:, 0], math.pi - found[:, 0], atol=1e-5)
    assert torch.allclose(mirrored[:, 1], found[:, 1], atol=1e-6)


def test_a_camera_distribution_replaces_the_datas(tmp_path: Path) -> None:
    cfg = apply_overrides(
        CFG, [("epigraf.camera.prior", "spherical_uniform"), ("epigraf.camera.yaw_spread", "1")]
    )
    recipe = made_of(cfg)
    drawn = recipe.draw(2000, 0.0, 0, GENERATOR)
    assert float((drawn.label[:, 0] - math.pi / 2).abs().max()) == pytest.approx(1.0, abs=0.01)
    assert float(drawn.label[:, 1].cos().std()) == pytest.approx(1 / math.sqrt(3), abs=0.02)
    judge = recipe.networks.discriminator
    assert isinstance(judge, PatchDiscriminator) and judge.camera is None
    write_snapshot(tmp_path / "000001.safetensors", recipe, camera_prior(LabelTable(LABELS)), 1)
    camera = read_header(tmp_path / "000001.safetensors").header.camera
    assert camera.law == "uniform" and camera.yaw_range == pytest.approx((-1.0, 1.0))
    assert camera.default.radius == 2.7 and camera.default.fov == pytest.approx(math.radians(13.37))
    normal = made_of(
        cfg.replace(epigraf=cfg.epigraf.replace(camera=cfg.epigraf.camera.replace(prior="normal")))
    )
    assert normal.prior(camera).law == "normal" and normal.prior(camera).yaw_std == 1.0


def test_the_cameras_code_is_dropped_in_training_alone(recipe: EpigrafRecipe) -> None:
    (judge,), at = recipe.judges, Moment(3, 12, CFG.schedule.at(12))
    sight = recipe.reals(
        torch.zeros(4, 3, 32, 32), LABELS[:4], at, judge, recipe.real_seeds(3, DISCRIMINATOR, range(4))
    )
    first, again = (judge.logits(sight, at, (3, 1, k)) for k in (0, 2))
    assert not torch.equal(first, again)
    assert torch.equal(first, judge.logits(sight, at, (3, 1, 0)))
    code = judge.module.camera  # type: ignore[union-attr]
    draws = TorchDraws(generator(CPU, CFG.seed, 3, 1, 0, POSE_NOISE, 0))
    kept = code(label_angles(LABELS[:4]), draws) / code(label_angles(LABELS[:4]), None)  # type: ignore[operator]
    assert set(kept.round(decimals=4).flatten().tolist()) <= {0.0, 2.0, -0.0}


def test_bands_judge_their_own_scales() -> None:
    off = [(name, "off") for name in ("epigraf.judge.hyper", "epigraf.judge.placed", "discriminator.pose")]
    cfg = apply_overrides(CFG, [("epigraf.judge.bands", "4"), *off])
    judge = made_of(cfg).networks.discriminator
    assert isinstance(judge, BandedDiscriminator)
    scales = torch.tensor([0.5, 0.6, 0.63, 0.8, 0.99, 1.0])
    windows = phases.Windows(scales[:, None].expand(-1, 2), torch.zeros(6, 2))
    assert judge.band(windows).tolist() == [0, 0, 1, 2, 3, 3]
    patches = torch.randn(6, 3, 16, 16, generator=torch.Generator().manual_seed(2))
    found = judge(patches, windows)
    assert torch.equal(found[3], judge.each[2](patches, windows)[3])
    found[:2].sum().backward()
    moved = [
        any(float(p.grad.abs().max()) > 0 for p in one.parameters() if p.grad is not None)
        for one in judge.each
    ]
    assert moved == [True, False, False, False]


def test_pictures_are_whole_and_repeatable(recipe: EpigrafRecipe) -> None:
    at = Moment(3, 12, CFG.schedule.at(12))
    drawn = recipe.draw(3, 0.0, 0, 1001)
    with torch.no_grad():
        found = recipe.pictures(drawn, at)
        assert found.shape == (3, 3, 32, 32)
        assert torch.allclose(found[1:], recipe.pictures(drawn.rows(1, 3), at), atol=1e-6)


def test_the_rates_are_those_of_the_program() -> None:
    """The generator has no lazy phase; without R1 the discriminator has none either."""
    cfg = PRESETS.get("epigraf-ffhq512").replace(data=CFG.data, epigraf=CFG.epigraf, schedule=CFG.schedule)
    made = Optimisers(EpigrafRecipe(cfg, "cpu"))
    (group,), judge = made.generator.param_groups, made.judges["discriminator"].param_groups[0]
    assert (group["lr"], group["betas"][1]) == (0.0025, 0.99)
    assert judge["lr"] == pytest.approx(0.00188235, abs=1e-8)
    without = apply_overrides(cfg, [("schedule.r1_gamma", "0")])
    judge = Optimisers(EpigrafRecipe(without, "cpu")).judges["discriminator"].param_groups[0]
    assert (judge["lr"], judge["betas"][1]) == (0.002, 0.99)


def test_a_fine_tuning_takes_the_sizes_of_its_checkpoint(tmp_path: Path) -> None:
    own = apply_overrides(CFG, CHANGES["sphere"])
    source = tmp_path / "000001.safetensors"
    write_snapshot(source, made_of(own), camera_prior(LabelTable(LABELS)), 1)
    cfg = apply_overrides(
        PRESETS.get("epigraf-ffhq512"), [("schedule.resolution", "16"), ("data.resolution", "64")]
    )
    cfg = cfg.replace(start_from=str(source))
    made = adopted(cfg, ())
    assert (made.epigraf.network, made.epigraf.render) == (own.epigraf.network, own.epigraf.render)
    assert made.data.resolution == 32
    assert adopted(cfg, ("epigraf.render.steps",)).epigraf.render.steps == 48
    other = EpigrafRecipe(made.replace(discriminator=CFG.discriminator), CPU)
    assert other.start(read_header(source).header, load_tensors(source), str(source)) > 40


def test_what_does_not_fit_is_named() -> None:
    for changes, said in (
        ([("reuse_fakes", "on")], "reuse_fakes shows"),
        ([("schedule.resolution", "0:8,48:16")], "one power of two from 8"),
        ([("schedule.resolution", "12")], "one power of two from 8"),
        (
            [("epigraf.patch.min_scale", "0.9"), ("epigraf.patch.max_scale", "0.8")],
            "min_scale must not exceed",
        ),
        ([("epigraf.render.far", "1")], "far must lie behind near"),
        ([("epigraf.network.mlp_widths", "[8, 3]")], "three colours and a density"),
    ):
        with pytest.raises(InputError, match=said):
            EpigrafRecipe(apply_overrides(CFG, changes), "meta")


def test_classes_reach_the_mapping_and_the_discriminator(tmp_path: Path) -> None:
    """A whole run on a set with classes and angles, and its snapshot asks for a class."""
    files = {f"{i}.png": encoded(picture(i, 32)) for i in range(4)}
    document = {
        "labels": [[str(i), i % 3] for i in range(4)],
        "camera_angles": [[str(i), [0.1 * i, 1.5, 0.0]] for i in range(4)],
    }
    data = write_zip(tmp_path / "set.zip", files | {"dataset.json": json.dumps(document).encode()})
    cfg = apply_overrides(
        CFG,
        [
            ("data.path", str(data)), ("epigraf.network.c_dim", "3"), ("images", "4"),
            ("output.evaluate", "off"), ("output.tensorboard", "off"),
        ],
    )  # fmt: skip
    assert run_training(tmp_path / "run", cfg, device="cpu") == "finished"
    header = read_header(tmp_path / "run" / "snapshots" / "000001.safetensors").header
    assert header.config["c_dim"] == 3
    recipe = EpigrafRecipe(cfg, CPU, open_data(cfg).labels())
    drawn = recipe.draw(200, 0.0, 0, GENERATOR)
    assert drawn.label.shape == (200, 6) and drawn.condition.shape == (200, 3)
    # the class of an image is that of the same row as its camera
    for row in drawn.label[:20]:
        place = round((float(row[0]) - math.pi / 2) / 0.1)
        mirrored = place < 0
        assert int(row[3:].argmax()) == (-place if mirrored else place) % 3
    assert recipe.networks.discriminator.classes == 3


def test_a_checkpoint_that_faces_another_way_is_turned_to(tmp_path: Path) -> None:
    """Files of the program face +x, where their mean camera stands."""
    source = tmp_path / "000001.safetensors"
    facing_x = apply_overrides(CFG, [("epigraf.camera.front", "0")])
    recipe = made_of(facing_x)
    assert float(recipe.networks.generator.mean_camera_pose[0]) == pytest.approx(0.0, abs=1e-6)
    assert recipe.draw(4, 0.0, 0, GENERATOR).label[:, 0].abs().max() <= 0.61
    write_snapshot(source, recipe, camera_prior(LabelTable(LABELS)), 1)
    assert read_header(source).header.camera.default.yaw == pytest.approx(math.pi / 2)
    assert adopted(CFG.replace(start_from=str(source)), ()).epigraf.camera.front == 0.0
