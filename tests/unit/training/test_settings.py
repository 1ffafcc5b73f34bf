"""Table A4 as data, presets, and overrides with errors that help."""

from __future__ import annotations

import math

import pytest
from pydantic import ValidationError

from core_model.cli.settings_line import read_line
from core_model.cli.train import take_apart
from core_model.families.wysiwyg.config import WysiwygConfig
from core_model.schema.errors import InputError
from core_model.schema.fit import FitConfig
from core_model.schema.overrides import apply_overrides, changed_paths, read_tree
from core_model.schema.schedule import Curve, Schedule
from core_model.schema.settings import groups_of, settings_of, table_of, text_of
from core_model.schema.train import TrainConfig
from core_model.schema.train_presets import PRESETS
from core_model.training.gan.recipes.wysiwyg.networks import network_config

M = 1e6


@pytest.mark.parametrize(
    ("images", "gamma", "resolution", "target", "colour", "supervise", "propose"),
    [
        (0, 1, 64, 0.01, 2, False, False),
        (9.99 * M, 1, 64, 0.01, 2, False, False),
        (10.5 * M, 1, 96, 0.0055, 2, False, False),
        (11 * M, 1, 128, 0.001, 2, False, False),
        (16 * M, 1, 128, 0.001, 2, True, False),
        (17 * M, 1, 128, 0.001, 2, True, True),
        (18 * M, 4, 128, 0.001, 2, True, True),
        (18.1 * M, 4, 320, 0.001, 2, True, True),
        (18.2 * M, 4, 512, 0.001, 2, True, True),
        (25 * M, 2, 512, 0.001, 1, True, True),
        (28.2 * M, 2, 512, 0.001, 1, True, True),
    ],
)  # fmt: skip
def test_table_a4(
    images: float, gamma: float, resolution: int, target: float, colour: float, supervise: bool, propose: bool
) -> None:
    v = PRESETS.get("ffhq512").schedule.at(images)
    assert (v.r1_gamma, v.resolution, v.colour_lr, v.supervise, v.propose) == (
        gamma,
        resolution,
        colour,
        supervise,
        propose,
    )
    assert v.surface_target == pytest.approx(target)


def test_swapping_and_blur_fade_as_in_eg3d() -> None:
    s = Schedule()
    assert (s.at(0).swap, s.at(5e5).swap, s.at(2e6).swap) == (1.0, 0.75, 0.5)
    assert (s.at(0).blur, s.at(1e5).blur, s.at(3e5).blur) == (10.0, 5.0, 0.0)


def test_curves_are_read_written_and_refused() -> None:
    curve = Curve.model_validate("0:1, 2.5k:1, 2.5k:4, 1M:0.5")
    assert curve.points == ((0.0, 1.0), (2500.0, 1.0), (2500.0, 4.0), (1e6, 0.5))
    assert (
        Curve.model_validate(curve.text()) == curve
        and Curve.model_validate_json(curve.model_dump_json()) == curve
    )
    assert curve.at(2499.9) == pytest.approx(1.0) and curve.at(2500) == 4.0 and curve.at(1e9) == 0.5
    assert Curve.model_validate(3).at(7) == 3.0
    for bad in ("", "1:2:3", "5:1,4:2", "-1:2", "0:nan", "a:b", "1,2"):
        with pytest.raises(ValidationError):
            Curve.model_validate(bad)


@pytest.mark.parametrize("name", PRESETS.names())
def test_presets_are_whole(name: str) -> None:
    cfg = PRESETS.get(name)
    assert cfg.preset == name
    assert read_tree(TrainConfig, cfg.model_dump_json(), name) == cfg
    assert cfg.moments()[-1] == cfg.images
    if cfg.recipe == "wysiwyg":
        assert network_config(cfg).image_size == cfg.data.resolution
        last = cfg.schedule.at(cfg.images)
        assert last.resolution == cfg.data.resolution and last.propose


def test_published_presets() -> None:
    ffhq, afhq = PRESETS.get("ffhq512"), PRESETS.get("afhq512")
    assert network_config(ffhq) == WysiwygConfig()
    assert (ffhq.images, ffhq.batch, ffhq.augment.mode) == (28_200_000, 32, "none")
    assert (afhq.images, afhq.augment.mode, afhq.schedule.at(0).r1_gamma) == (1_200_000, "ada", 6.0)
    assert (ffhq.render.budget_low, ffhq.render.budget_high, ffhq.render.hard_share, ffhq.render.tau) == (
        16,
        32,
        0.1,
        0.98,
    )


def test_overrides_change_one_field_and_back() -> None:
    base = PRESETS.get("smoke")
    changes = [
        ("optim.generator-lr", "0.01"),
        ("schedule.swap", "0:1,1k:0"),
        ("render.background", "none"),
        ("output.grid", "[3, 2]"),
    ]
    cfg = apply_overrides(base, changes)
    assert (
        cfg.optim.generator_lr == 0.01 and cfg.schedule.swap.at(500) == 0.5 and cfg.render.background is None
    )
    assert apply_overrides(base, changed_paths(cfg, base).items()) == cfg
    assert apply_overrides(base, [("data.path", "007")]).data.path == "007"
    assert set(settings_of(TrainConfig)) == {line.split()[0] for line in table_of(TrainConfig).splitlines()}


@pytest.mark.parametrize(
    ("path", "text", "said"),
    [
        ("optim.genrator_lr", "1", "optim.generator_lr"),
        ("generator_lr", "1", "optim.generator_lr"),
        ("batch", "0", "bad value of batch"),
        ("batch", "many", "bad value of batch"),
        ("batch", "1.5", "bad value of batch"),
        ("optim.precision", "fp8", "fp32"),
        ("schedule.swap", "0:2", "between 0 and 1"),
        ("data.resolution", "24", "power of two"),
        ("schedule.resolution", "64", "must not exceed"),
        ("network.proposal_channels", "0", "proposal network"),
        ("images", "nan", "bad value of images"),
    ],
)
def test_wrong_overrides_are_one_clear_line(path: str, text: str, said: str) -> None:
    with pytest.raises(InputError) as caught:
        apply_overrides(PRESETS.get("smoke"), [(path, text)])
    assert said in str(caught.value) and "\n" not in str(caught.value)


def test_saved_settings_with_unknown_keys_are_refused() -> None:
    text = PRESETS.get("smoke").model_dump_json().replace('"generator_lr"', '"generator_rl"')
    with pytest.raises(InputError, match="generator_lr"):
        read_tree(TrainConfig, text, "RUN/config.json")


def test_command_line_is_taken_apart() -> None:
    line = take_apart(
        [
            "--preset",
            "smoke",
            "--data=a b.zip",
            "--out",
            "R",
            "--resume",
            "--optim.generator_lr",
            "1e-3",
            "--seed=4",
        ]
    )
    assert line.words == {"preset": "smoke", "data": "a b.zip", "out": "R"} and line.switches == {"resume"}
    assert line.changes == [("optim.generator_lr", "1e-3"), ("seed", "4")]
    for wrong, said in ((["--optim.lr=1"], "nearest"), (["--out"], "needs a value"), (["x"], "unexpected"), (["--resume=1"], "no value"),
                        (["--presett", "a"], "preset")):  # fmt: skip
        with pytest.raises(InputError, match=said):
            take_apart(wrong)


@pytest.mark.parametrize("tree", [TrainConfig, FitConfig])
def test_every_setting_says_what_it_is(tree: type[TrainConfig] | type[FitConfig]) -> None:
    for one in settings_of(tree).values():
        assert one.fixed or one.help, f"{one.path} has no help"
        assert one.text(tree()) == one.default
        assert not one.unit or one.unit not in one.help.split(", "), f"{one.path}: its help repeats the unit"


def test_units_groups_and_titles_are_of_the_field() -> None:
    """Not read back from its help: a unit that no help names, a heading in a flat tree, a title of a chart."""
    train, fit = settings_of(TrainConfig), settings_of(FitConfig)
    assert train["render.look"].unit == "pixels" and train["loss.bend_step"].unit == "world units"
    assert "ticks" in train["output.snapshot_ticks"].unit and not train["optim.beta1"].unit
    assert train["schedule.surface_target"].shown.title == "Surface variance aimed at"
    names = [group.name for group in groups_of(FitConfig)]
    assert names[:3] == ["", "stage zero", "first phase"] and len(names) == len(set(names))
    assert fit["coarse_size"].shown.group is not None and fit["coarse_size"].unit == "pixels"
    assert sum(len(group.fields) for group in groups_of(FitConfig)) == len(FitConfig.model_fields)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (True, "on"),
        (None, "none"),
        (4096.0, "4096"),
        (1 / 3, repr(1 / 3)),
        ((4, 3), "[4, 3]"),
        ("007", "007"),
    ],
)
def test_a_value_has_one_text(value: object, text: str) -> None:
    """The form, the command line and the table write it alike; a number loses no digit."""
    assert text_of(value) == text


def test_a_fit_is_said_in_the_same_line_as_a_training() -> None:
    from core_model.cli import fit

    line = read_line(
        "fit", ["--coarse-heads", "7", "--lr=0.01", "--resume"], FitConfig, fit.WORDS, fit.SWITCHES
    )
    cfg = apply_overrides(FitConfig(), line.changes)
    assert (cfg.coarse_heads, cfg.lr, line.switches) == (7, 0.01, {"resume"})
    assert changed_paths(cfg, FitConfig()) == {"coarse_heads": "7", "lr": "0.01"}
    with pytest.raises(InputError, match=r"fit: unknown field --coarse-head\b.*--coarse_heads"):
        fit.main(["--out", "x", "--coarse-head=3"])
    with pytest.raises(InputError, match="bad value of --score"):
        fit.main(["--out", "x", "--score", "many"])
    with pytest.raises(InputError, match="no run directory"):
        fit.main(["--steps=3"])


ODD = ("nan", "inf", "-inf", "1e308k", "[1, Infinity]", "0:nan", "inf:1", "", "²", "9" * 400, "{}", "-1", "0")


@pytest.mark.parametrize("base", [PRESETS.get("smoke"), FitConfig()], ids=["train", "fit"])
def test_an_odd_value_of_any_setting_is_taken_or_refused_and_never_infinite(
    base: TrainConfig | FitConfig,
) -> None:
    for path, setting in settings_of(type(base)).items():
        for text in ODD:
            try:
                taken = setting.value(apply_overrides(base, [(path, text)]))
            except InputError as error:
                assert len(str(error)) < 700, path
            else:
                numbers = [taken] if isinstance(taken, int | float) else []
                assert all(math.isfinite(n) for n in numbers), (path, text)
