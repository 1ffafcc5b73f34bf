"""What every recipe owes the trainer: a run, exact resume, snapshots that open as its family, fine-tuning."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from benchmarks.parity.networks import generator_of, with_noise_images
from benchmarks.parity.recording import Recording
from core_model.checkpoints.layout import read_header
from core_model.checkpoints.store import save_checkpoint
from core_model.cli.train import main
from core_model.families.mimic3d.config import Mimic3dConfig
from core_model.families.mimic3d.convert import tensors_of, to_native
from core_model.families.mimic3d.generator import Mimic3dGenerator
from core_model.schema.errors import InputError
from core_model.schema.overrides import apply_overrides
from core_model.schema.recipes import RECIPES
from core_model.schema.render import RenderRequest
from core_model.schema.run import RunRecord
from core_model.schema.sampler import SamplerSpec
from core_model.schema.settings import settings_of
from core_model.schema.train import TrainConfig
from core_model.schema.train_presets import FINE_TUNED, PRESETS, start_missing
from core_model.session import RenderSession
from core_model.training.gan.forecast import forecast
from core_model.training.gan.recipes import RECIPES as BUILT
from core_model.training.gan.recipes import recipe_of
from core_model.training.gan.recipes.starting import adopted
from core_model.training.gan.run import resumed_config, run_training
from tests.fixtures import FIXTURES
from tests.train.gan_data import tiny_of, write_set
from tests.unit.checkpoints.importing.recorded_files import recorded
from tests.unit.families.foreign_nets import Net, native

STEPS = 8


@pytest.fixture(scope="module", params=RECIPES.names())
def recipe(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="module")
def cfg(recipe: str, tmp_path_factory: pytest.TempPathFactory) -> TrainConfig:
    tiny = tiny_of(recipe, tmp_path_factory.mktemp(recipe) / "set", images=2 * STEPS)
    return tiny.replace(
        output=tiny.output.replace(tick_images=STEPS, snapshot_ticks=1),
        augment=tiny.augment.replace(mode="ada", p=0.3, interval=2),
    )


@pytest.fixture(scope="module")
def finished(cfg: TrainConfig, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of eight steps in one go, with augmentation."""
    out = tmp_path_factory.mktemp("run") / "run"
    assert run_training(out, cfg, device="cpu") == "finished"
    return out


def state_at(run: Path, step: int) -> dict[str, torch.Tensor]:
    return load_file(run / "snapshots" / f"{step:06d}.state.safetensors")


def test_tables_agree() -> None:
    """Settings, presets and code know the same recipes; each has a preset and one for two cores."""
    assert set(RECIPES.names()) == set(BUILT)
    for name, about in RECIPES.items():
        assert PRESETS.get(about.preset).recipe == name
        assert about.about.count(". ") == 1 and about.about.endswith(".")
        small = [p for p in PRESETS if p.recipe == name and p.preset.endswith("-cpu")]
        assert small and all(p.optim.precision == "fp32" for p in small)
    assert set(FINE_TUNED) <= set(PRESETS.names())
    for one in settings_of(TrainConfig).values():
        assert set(one.recipes) <= set(RECIPES.names())


def test_a_run_tells_what_happened(finished: Path, cfg: TrainConfig) -> None:
    record = RunRecord.model_validate_json((finished / "run.json").read_text())
    assert (record.state, record.step) == ("finished", STEPS)
    ticks = [json.loads(line) for line in (finished / "stats.jsonl").read_text().splitlines()]
    assert {"loss/G", "loss/D", "r1", "logits/real", "logits/fake", "grad/generator"} <= set(
        ticks[0]["losses"]
    )
    assert all(math.isfinite(v) for tick in ticks for v in tick["losses"].values())
    assert set(ticks[0]["schedule"]) == set(cfg.curves())
    assert {"generator_ms", "discriminator_ms"} <= set(ticks[0]["speed"])
    assert len(list((finished / "images").glob("fakes*.png"))) >= 2


def test_resuming_changes_no_bit(finished: Path, cfg: TrainConfig, tmp_path: Path) -> None:
    out = tmp_path / "run"
    run_training(out, cfg.replace(images=STEPS), device="cpu")
    run_training(out, resumed_config(out, [("images", str(2 * STEPS))]), resume=True, device="cpu")
    whole, halves = state_at(finished, STEPS), state_at(out, STEPS)
    assert whole.keys() == halves.keys() and len(whole) > 100
    assert [k for k in whole if not torch.equal(whole[k], halves[k])] == []


def test_snapshots_open_as_their_family(finished: Path, recipe: str, cfg: TrainConfig) -> None:
    session = RenderSession(threads=1)
    path = finished / "snapshots" / f"{STEPS:06d}.safetensors"
    info = session.open(str(path))
    assert info.family == recipe and info.image_size == cfg.data.resolution
    size = info.image_size
    for exact in (False, True) if info.has_native else (False,):
        request = RenderRequest(
            checkpoint=str(path),
            width=size,
            height=size,
            channels=("rgb",),
            sampler=SamplerSpec(name="importance"),
            native=exact,
        )
        frame = session.render(request)
        assert frame.result.error is None and frame.arrays["rgb"].shape == (3, size, size)
    header = read_header(path).header
    assert header.camera.law == "labels" and header.provenance.images_seen == 2 * STEPS
    assert f"--preset {cfg.preset}" in header.provenance.command


def moved(before: dict[str, torch.Tensor], after: dict[str, torch.Tensor], part: str) -> float:
    """Largest change from the old average to a network of the fine-tuned run."""
    names = [k.removeprefix("average/") for k in before if k.startswith("average/")]
    kept = [n for n in names if "w_avg" not in n and "proposal" not in n and "noise_const" not in n]
    return max(float((before[f"average/{n}"] - after[f"{part}/{n}"]).abs().max()) for n in kept)


def test_fine_tuning_goes_on_from_the_average(
    finished: Path, recipe: str, cfg: TrainConfig, tmp_path: Path
) -> None:
    """From a state all networks; from a checkpoint the generator. The average does not jump to the generator."""
    before = state_at(finished, STEPS)
    first = next(n for n in before if n.startswith("discriminator/") and n.endswith("weight"))
    for source in (f"{STEPS:06d}.safetensors", f"{STEPS:06d}.state.safetensors"):
        out = tmp_path / source
        tuned = cfg.replace(images=2, start_from=str(finished / "snapshots" / source))
        run_training(out, tuned, device="cpu")
        after = state_at(out, 1)
        keep = 0.5 ** (cfg.batch / cfg.optim.ema_images)
        if not source.endswith("state.safetensors"):
            learned, averaged = moved(before, after, "generator"), moved(before, after, "average")
            assert learned > 1e-4 and averaged <= (1.0 - keep) * learned * 1.02 + 2e-5
        judge = float((before[first] - after[first]).abs().max())
        assert (judge < 0.01) == source.endswith("state.safetensors")


def test_another_family_is_refused(finished: Path, recipe: str, tmp_path: Path) -> None:
    other = next(name for name in RECIPES.names() if name != recipe)
    source = finished / "snapshots" / f"{STEPS:06d}.safetensors"
    wrong = tiny_of(other, tmp_path / "set", images=2, start_from=str(source))
    with pytest.raises(InputError, match=f"family {other}"):
        run_training(tmp_path / "run", wrong, device="cpu")


def test_settings_of_another_recipe_are_refused_by_name(recipe: str, cfg: TrainConfig) -> None:
    others = [s for s in settings_of(TrainConfig).values() if not s.read_by(recipe) and s.kind == "whole"]
    assert others
    for one in others[:: max(1, len(others) // 4)]:
        with pytest.raises(InputError, match=f"{one.path} is a setting of"):
            apply_overrides(cfg, [(one.path, str(int(one.value(cfg) or 0) + 1))])
        with pytest.raises(InputError, match=f"{one.path} is a setting of"):
            main(["--recipe", recipe, f"--{one.path}={one.default}", "--dry-run"])
    other = next(p.preset for p in PRESETS if p.recipe != recipe)
    with pytest.raises(InputError, match=f"preset {other} is of recipe"):
        main(["--recipe", recipe, "--preset", other, "--dry-run"])


@pytest.mark.parametrize("preset", PRESETS.names())
def test_presets_can_be_built_and_foreseen(preset: str) -> None:
    cfg = PRESETS.get(preset)
    built = recipe_of(cfg, "meta")
    own = {id(p) for group in built.groups().values() for p in group}
    assert own == {id(p) for p in built.networks.generator.parameters()}
    made = forecast(cfg, torch.device("cpu"))
    assert (
        made.seconds > 0
        and made.memory_gib > 0
        and [s.start for s in made.stages] == list(cfg.moments()[:-1])
    )


@pytest.mark.parametrize("preset", sorted(FINE_TUNED))
def test_fine_tuning_presets_want_a_start(preset: str, tmp_path: Path) -> None:
    cfg = PRESETS.get(preset)
    assert start_missing(cfg) and not start_missing(cfg.replace(start_from="x"))
    with pytest.raises(InputError, match="nothing to start from"):
        run_training(tmp_path / "run", cfg.replace(data=cfg.data.replace(path="x")), device="cpu")
    assert not (tmp_path / "run").exists()


IMPORTED = {
    "eg3d": (128, "decoder.fc0.weight"),
    "epigraf": (32, "decoder.layers.0.weight"),
    "mimic3d": (128, "decoder.fc0.weight"),
}
"""Family → edge of the pictures that its recorded network makes, and a tensor of it."""


def recorded_net(family: str) -> Net:
    """A tiny network of the original program; Mimic3D's with its super-resolution is that of the recorded training."""
    if family == "mimic3d":
        recording = Recording.read(FIXTURES / "train_mimic3d.npz")
        state = with_noise_images({n: v.numpy() for n, v in recording.weights("sdG").items()})
        kwargs = dict(recording.setting("G_kwargs"))
        return Net(
            str(kwargs.pop("class_name")).rsplit(".", 1)[-1],
            state,
            kwargs,
            {"neural_rendering_resolution": 32},
        )
    tensors, meta = recorded(f"{family}_small")
    attributes = {k: meta[k] for k in ("neural_rendering_resolution", "cfg") if k in meta}
    return Net("Generator", {name: t.numpy() for name, t in tensors.items()}, meta["init_kwargs"], attributes)


@pytest.mark.parametrize("family", sorted(IMPORTED))
def test_an_imported_checkpoint_is_fine_tuned(family: str, tmp_path: Path) -> None:
    """Sizes come from the file, also those that the preset has otherwise; the average starts as what was imported."""
    size, name = IMPORTED[family]
    header, state = native(family, recorded_net(family))
    if family == "mimic3d":  # the recording leaves noise images out, which a file of the program holds
        state = generator_of(
            recorded_net(family), to_native, tensors_of, Mimic3dConfig, Mimic3dGenerator
        ).module.state_dict()
    source = save_checkpoint(tmp_path / "imported.safetensors", header, state)
    words = [
        ("start_from", str(source)),
        ("images", "2"),
        ("batch", "2"),
        ("schedule.blur", "0"),
        ("data.path", ""),
    ]
    told = apply_overrides(PRESETS.get(f"{family}-smoke"), words)
    cfg = adopted(told, [path for path, _ in words])
    assert cfg.data.resolution == size and cfg.schedule.resolution.at(0) == told.schedule.resolution.at(0)
    cfg = cfg.replace(
        data=cfg.data.replace(path=str(write_set(tmp_path / "set", size=size))),
        output=cfg.output.replace(grid=(1, 1), evaluate=False, tensorboard=False),
    )
    assert run_training(tmp_path / "run", cfg, device="cpu") == "finished"
    after = state_at(tmp_path / "run", 1)
    assert float((after[f"average/{name}"] - state[name]).abs().max()) < float(
        (after[f"generator/{name}"] - state[name]).abs().max()
    )
    info = RenderSession(threads=1).open(str(tmp_path / "run" / "snapshots" / "000001.safetensors"))
    assert info.family == family and info.image_size == size
