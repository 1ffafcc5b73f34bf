"""A new run while it is set up.

What is typed, what differs, complaints at the field, the command that follows from it.
"""

from __future__ import annotations

import shlex
import zipfile
from pathlib import Path

import pytest

from core_model.cli.train import take_apart
from core_model.schema.overrides import apply_overrides
from core_model.schema.train_presets import PRESETS, presets_of
from tests.train.gan_data import write_set
from viewer.features.training.draft import Draft, matching
from viewer.jobs.data_set import look
from viewer.jobs.desk import free_name


@pytest.fixture
def draft(tmp_path: Path) -> Draft:
    return Draft(preset="smoke", data=str(tmp_path / "a set.zip"), out=str(tmp_path / "run ü"))


def test_what_equals_the_preset_is_no_change(draft: Draft) -> None:
    own = draft.text("batch")
    draft.put("batch", "8")
    assert draft.changed("batch") and draft.text("batch") == "8"
    draft.put("batch", f" {own} ")
    assert not draft.typed
    draft.put("batch", "8")
    draft.put("seed", "3")
    draft.reset("batch")
    assert draft.typed == {"seed": "3"}
    draft.reset()
    assert not draft.typed


def test_the_command_says_exactly_the_changes_and_reads_back_to_the_same_settings(draft: Draft) -> None:
    draft.put("optim.generator_lr", "0.001")
    draft.put("schedule.r1_gamma", "0:1,48:2")
    draft.put("data.mirror", "off")
    words = shlex.split(draft.command())
    assert (
        words[:4] == ["triscope", "train", "--preset", "smoke"] and draft.data in words and draft.out in words
    )
    line = take_apart(words[2:])
    again = apply_overrides(PRESETS.get("smoke"), line.changes, "test")
    assert draft.tree is not None and again == draft.tree.replace(
        data=again.data.replace(path=draft.tree.data.path)
    )
    assert dict(line.changes).keys() == {"optim.generator_lr", "schedule.r1_gamma", "data.mirror"}
    assert draft.argv()[-len(words[1:]) :] == tuple(words[1:])


def test_a_wrong_field_is_told_at_the_field_and_stops_the_start(draft: Draft) -> None:
    draft.put("batch", "0")
    draft.put("optim.beta2", "two")
    assert set(draft.checked().errors) == {"batch", "optim.beta2"}
    assert draft.command() == "" and draft.argv() == () and draft.tree is None
    assert any(p.startswith("batch: ") and "1 more" in p for p in draft.problems(""))
    draft.reset()
    assert draft.problems("") == []


def test_start_needs_data_a_place_and_a_device(draft: Draft, tmp_path: Path) -> None:
    draft.data = ""
    assert "no data set" in draft.problems("")[0]
    draft.data = "x"
    assert draft.problems("data set: no such file") == ["data set: no such file"]
    draft.device = " "
    assert any("no device" in p for p in draft.problems(""))
    draft.device = "cpu"
    (tmp_path / "run ü").mkdir()
    (tmp_path / "run ü" / "config.json").write_text("{}")
    assert any("is a run already" in p for p in draft.problems(""))


def test_gpus_are_one_process_each_and_hide_the_others(draft: Draft) -> None:
    draft.device = "cuda:0, cuda:2"
    assert draft.processes() == 2 and draft.resources().devices == ("cuda:0", "cuda:2")
    assert draft.command().startswith("torchrun --nproc-per-node=2 ") and "--device" not in draft.command()


def test_settings_of_another_run_become_changes_of_its_preset(draft: Draft) -> None:
    other = apply_overrides(
        PRESETS.get("heads64-cpu"), [("batch", "32"), ("data.path", "/sets/heads.zip")], "test"
    )
    draft.take(other, "night")
    assert (draft.preset, draft.origin, draft.data) == ("heads64-cpu", "night", "/sets/heads.zip")
    assert draft.typed == {"batch": "32"}
    draft.take_arguments(
        ("python", "train", "--preset", "smoke", "--data", "/d", "--seed=7", "--output.tick_images=9"),
        "queued one",
    )
    assert (draft.preset, draft.data, draft.typed) == (
        "smoke",
        "/d",
        {"seed": "7", "output.tick_images": "9"},
    )


def test_another_preset_keeps_what_still_differs(draft: Draft) -> None:
    draft.put("seed", "5")
    draft.put("batch", draft_text := PRESETS.get("heads64-cpu").batch.__str__())
    draft.choose_preset("heads64-cpu")
    assert draft.typed == {"seed": "5"} and draft.text("batch") == draft_text


def test_filter_shows_fields_by_path_and_help_and_wrong_ones_stay(draft: Draft) -> None:
    groups = draft.groups()
    found = [f.path for _, fields in matching(groups, draft, "LEARNING rate", False) for f in fields]
    assert "optim.generator_lr" in found and "batch" not in found
    draft.put("seed", "-1")
    assert [f.path for _, fields in matching(groups, draft, "", True) for f in fields] == ["seed"]
    assert not any(f.path in ("preset", "data.path") for g in groups for f in g.fields)


def test_free_name_counts_on(tmp_path: Path) -> None:
    assert free_name(tmp_path, "a").name == "a"
    (tmp_path / "a").mkdir()
    (tmp_path / "a-2").mkdir()
    assert free_name(tmp_path, "a").name == "a-3"


def test_data_look_tells_count_size_and_cameras(tmp_path: Path) -> None:
    folder = write_set(tmp_path / "set")
    found = look(str(folder))
    assert (found.pictures, found.size, found.labelled, found.fault) == (
        6,
        (16, 16),
        6,
        "",
    ) and found.bytes > 0
    with zipfile.ZipFile(tmp_path / "set.zip", "w") as archive:
        for path in folder.iterdir():
            archive.write(path, path.name)
    assert (
        look(str(tmp_path / "set.zip")).words().startswith("6 images of 16 × 16 pixels, each with a camera")
    )
    (folder / "dataset.json").unlink()
    assert look(str(folder)).labelled == 0 and "without cameras" in look(str(folder)).words()


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 torn", b"plain text"])
def test_data_look_at_what_is_no_set_is_a_fault_in_words(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.zip").write_bytes(content)
    (tmp_path / "empty").mkdir()
    (tmp_path / "torn").mkdir()
    (tmp_path / "torn" / "a.png").write_bytes(b"\x89PNG no more")
    for name in ("x.zip", "empty", "torn", "missing"):
        assert look(str(tmp_path / name)).fault


def test_the_recipe_is_chosen_first_and_brings_its_presets_and_fields() -> None:
    draft = Draft()
    assert draft.recipe == "wysiwyg" and "eg3d-ffhq512" not in draft.presets()
    draft.put("seed", "5")
    draft.put("loss.surface", "7")
    draft.choose_recipe("eg3d")
    assert draft.preset == "eg3d-ffhq512" and set(draft.presets()) == set(presets_of("eg3d"))
    paths = {f.path for g in draft.groups() for f in g.fields}
    assert (
        "eg3d.render.coarse" in paths
        and "network.z_dim" not in paths
        and "schedule.surface_target" not in paths
    )
    assert draft.typed == {"seed": "5"} and draft.tree is not None and draft.tree.recipe == "eg3d"
    assert "--preset eg3d-ffhq512" in draft.command() and "--recipe" not in draft.command()
    draft.choose_preset("eg3d-afhq512")
    assert any("start_from" in said for said in draft.problems(""))
    draft.put("start_from", "faces.safetensors")
    assert not any("start_from" in said for said in draft.problems(""))
    other = PRESETS.get("smoke").replace(preset="a preset of another version")
    draft.take(other, "old")
    assert draft.recipe == "wysiwyg" and draft.tree is not None and draft.tree.data == other.data
