"""What installed packages add: good ones are there, every kind of broken one is named and left out."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from core_model.schema import plugins
from core_model.schema.registry import Registry
from tests.house.sources import ROOT
from tests.made_package import made_package

GOOD = """
from core_model.rendering.channels import Channel
from core_model.sampling.samplers import Uniform
from core_model.schema.channels import ChannelInfo

class Even(Uniform):
    info = Uniform.info.replace(name="even", title="Even")

EVEN = Even()
NOT = Channel(ChannelInfo(name="clear", title="Clearness", kind="scalar", description="1 - opacity"), lambda c: 1 - c.opacity)
"""
RECIPE = """
from core_model.schema.recipes import RecipeInfo, RecipePlugin

def presets():
    from core_model.schema.train_presets import PRESETS
    return (PRESETS.get("smoke").replace(preset="mine-smoke", recipe="mine"),)

def recipe():
    from core_model.training.gan.recipes.wysiwyg.recipe import WysiwygRecipe
    return WysiwygRecipe

MINE = RecipePlugin("mine", RecipeInfo(title="Mine", about="A test.", preset="mine-smoke", reads="wysiwyg"), recipe, presets)
"""


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of packages that this process sees."""
    monkeypatch.delenv("TRISCOPE_PLUGINS")
    monkeypatch.syspath_prepend(str(tmp_path))
    plugins.forget()
    yield tmp_path
    plugins.forget()


def in_a_process(site: Path, code: str, **env: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(site), "TRISCOPE_PLUGINS": ""} | env,
        capture_output=True,
        text=True,
        timeout=100,
    )


def test_what_is_good_is_taken_and_what_is_not_is_named(
    site: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made_package(
        site, "many", "A, B, C = 1, 'two', 3\n",
        {"samplers": {"a": "many:A", "b": "many:B", "c": "many:C", "gone": "many:D", "absent": "nowhere:X"}},
    )  # fmt: skip
    made_package(site, "leaving", "import sys\nsys.exit('no')\n", {"samplers": {"out": "leaving:A"}})
    numbers: Registry[int] = Registry("number")
    numbers.add("3", 0)
    taken = plugins.adopt("samplers", int, lambda n: numbers.add(str(n), n))
    assert taken == {"a": 1} and numbers.names() == ("3", "1")
    said = capsys.readouterr().err.splitlines()
    assert len(said) == len(plugins.broken()) == 5 and all(
        line.startswith("triscope: plugin ") for line in said
    )
    problems = {plugin.name: plugin.problem for plugin in plugins.installed("samplers")}
    assert problems["a"] == "" and "many:B is a str, not a int" in problems["b"]
    assert "registered twice" in problems["c"] and "'D'" in problems["gone"]
    assert "nowhere" in problems["absent"] and problems["out"] == "SystemExit: no"


def test_a_registry_is_completed_once_when_it_is_first_read() -> None:
    calls: list[str] = []

    def complete() -> None:
        calls.append(",".join(found.names()))  # reading while it is completed sees what is there
        found.add("late", 2)

    found: Registry[int] = Registry("thing", complete)
    found.add("early", 1)
    assert not calls
    assert "late" in found and found.names() == ("early", "late") and calls == ["early"]


def test_samplers_channels_and_recipes_of_a_package(tmp_path: Path) -> None:
    made_package(
        tmp_path, "good", GOOD + RECIPE,
        {"samplers": {"even": "good:EVEN"}, "channels": {"clear": "good:NOT"}, "recipes": {"mine": "good:MINE"}},
    )  # fmt: skip
    made_package(tmp_path, "bad", "raise RuntimeError('a bad day')\n", {"samplers": {"worse": "bad:X"}})
    code = (
        "import json, good\n"  # a plugin may be imported first
        "from core_model.checkpoints.describe import describe_checkpoint\n"
        "from core_model.schema.train import TrainConfig\n"
        "from core_model.schema.train_presets import PRESETS, presets_of\n"
        "from core_model.session import RenderSession\n"
        "from core_model.schema.export import default_request\n"
        "from core_model.schema.sampler import SamplerSpec\n"
        "from core_model.training.gan.recipes import recipe_of\n"
        "info = describe_checkpoint('analytic:sphere')\n"
        "request = default_request(info).replace(width=8, height=8, channels=('clear', 'opacity'), sampler=SamplerSpec(name='even'))\n"
        "frame = RenderSession(device='cpu').render(request)\n"
        "total = [float(a.mean()) for a in frame.arrays.values()]\n"
        "saved = TrainConfig.model_validate_json(PRESETS.get('mine-smoke').model_dump_json())\n"
        "recipe = type(recipe_of(saved, 'meta')).__name__\n"
        "found = [[s.name for s in info.samplers], total, frame.result.sampler, presets_of('mine'), recipe, info.left_out]\n"
        "print(json.dumps(found))\n"
    )
    done = in_a_process(tmp_path, code)
    assert done.returncode == 0, done.stderr
    samplers, (clear, opaque), used, presets, recipe, left_out = json.loads(done.stdout.splitlines()[-1])
    assert "even" in samplers and used == "even" and abs(clear + opaque - 1.0) < 1e-6 and clear < 1.0
    assert presets == ["mine-smoke"] and recipe == "WysiwygRecipe"
    (line,) = left_out
    assert line == "plugin 'worse' of bad 1.0 (triscope.samplers) is left out: RuntimeError: a bad day"
    assert done.stderr.strip() == f"triscope: {line}"


def test_doctor_lists_plugins_and_off_leaves_them_out(tmp_path: Path) -> None:
    made_package(tmp_path, "good", GOOD, {"samplers": {"even": "good:EVEN"}, "features": {"tab": "good:NOT"}})
    made_package(tmp_path, "crash", "import os\nos._exit(3)\n", {"families": {"dead": "crash:X"}})
    code = (
        "import json\nfrom core_model.doctor import plugins\n"
        "print(json.dumps([[f.name, f.status, f.value] for f in plugins.findings()]))"
    )
    found = {name: (status, value) for name, status, value in json.loads(in_a_process(tmp_path, code).stdout)}
    assert set(found) == {"plugin.families.dead", "plugin.samplers.even", "plugin.features.tab"}
    assert found["plugin.families.dead"] == ("problem", "triscope.families, crash 1.0: ended with status 3")
    assert "not looked at" in found["plugin.samplers.even"][1]
    (tmp_path / "crash.py").write_text("X = 1\n")
    found = {name: (status, value) for name, status, value in json.loads(in_a_process(tmp_path, code).stdout)}
    assert found["plugin.samplers.even"] == ("ok", "triscope.samplers, good 1.0")
    assert "not a FamilyPlugin" in found["plugin.families.dead"][1]
    assert json.loads(in_a_process(tmp_path, code, TRISCOPE_PLUGINS="off").stdout) == []
