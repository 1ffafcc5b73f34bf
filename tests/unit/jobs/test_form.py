"""The form of the training settings, their difference, and the exact command line."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from core_model.schema.train import TrainConfig
from core_model.schema.train_presets import PRESETS
from viewer.jobs.command import as_typed, train_arguments
from viewer.jobs.config_diff import as_text, diff
from viewer.jobs.form import check, form_of, texts_of

FIELDS = {f.path: f for group in form_of(TrainConfig) for f in group.fields}


def test_every_leaf_is_in_exactly_one_group_with_help_and_kind() -> None:
    from core_model.schema.settings import settings_of

    paths = [f.path for group in form_of(TrainConfig) for f in group.fields]
    assert len(paths) == len(set(paths))
    assert set(paths) == set(settings_of(TrainConfig)) - {"version"}
    assert [g.name for g in form_of(TrainConfig)][:3] == ["", "data", "network"]
    assert all(g.help for g in form_of(TrainConfig))


def test_kinds_ranges_choices_and_units() -> None:
    assert FIELDS["data.mirror"].kind == "switch" and FIELDS["batch"].kind == "whole"
    assert FIELDS["schedule.resolution"].kind == "curve" and FIELDS["schedule.resolution"].unit == "pixels"
    assert FIELDS["augment.mode"].choices == ("none", "ada", "fixed")
    tau = FIELDS["render.tau"]
    assert (tau.low, tau.strict_low, tau.high, tau.strict_high) == (0.0, True, 1.0, False)
    assert (
        FIELDS["optim.generator_lr"].range_text() == "> 0"
        and FIELDS["data.resolution"].range_text() == "16 … 2048"
    )
    assert FIELDS["network.plane_block_channels"].optional and FIELDS["render.background"].kind == "list"
    assert FIELDS["render.box"].unit == "world units"
    assert FIELDS["batch"].fits("IMAGES step") and not FIELDS["batch"].fits("colour")


@pytest.mark.parametrize("name", PRESETS.names())
def test_texts_of_every_preset_lead_back_to_it(name: str) -> None:
    preset = PRESETS.get(name)
    checked = check(TrainConfig(), texts_of(preset))
    assert not checked.errors and checked.tree == preset


def test_complaints_stand_at_their_fields() -> None:
    checked = check(
        TrainConfig(),
        {"batch": "0", "render.tau": "high", "optim.generator_lr": "0.001", "augment.mode": "maybe"},
    )
    assert checked.tree is None and set(checked.errors) == {"batch", "render.tau", "augment.mode"}
    assert "greater than or equal to 1" in checked.errors["batch"]
    together = check(TrainConfig(), {"render.budget_low": "40", "render.budget_high": "20"})
    assert together.tree is None and list(together.errors) == ["render.budget_high"]
    alone = check(TrainConfig(), {"data.resolution": "100"})
    assert "power of two" in " ".join(alone.errors.values())


def test_the_difference_is_what_the_command_line_says(tmp_path: Path) -> None:
    from core_model.cli.train import take_apart
    from core_model.schema.overrides import apply_overrides

    preset = PRESETS.get(PRESETS.names()[-1])
    changed = check(
        preset,
        {"batch": str(preset.batch * 2), "optim.generator_lr": "0.00125", "schedule.swap": "0:1,2k:0.25"},
    ).tree
    assert isinstance(changed, TrainConfig)
    data, run = tmp_path / "it's my data.zip", tmp_path / "run ä"
    arguments = train_arguments(changed, preset, data, run)
    line = take_apart(shlex.split(as_typed(arguments))[2:])
    assert line.words == {"preset": preset.preset, "data": str(data), "out": str(run)}
    assert apply_overrides(PRESETS.get(line.words["preset"]), line.changes) == changed


def test_two_settings_side_by_side() -> None:
    left = TrainConfig()
    right = check(left, {"seed": "7", "render.background": "none"}).tree
    assert right is not None
    found = diff(left, right)
    assert [(d.path, d.left, d.right) for d in found] == [
        ("seed", "0", "7"),
        ("render.background", "[0, 0, 0]", "none"),
    ]
    assert diff(left, left) == () and as_text(()) == "no difference"
    assert as_text(found).splitlines()[0] == "seed               0 -> 7"
