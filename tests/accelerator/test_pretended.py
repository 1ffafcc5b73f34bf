"""Rendering, questions, meshes, inversion and training on a pretended accelerator: no device is mixed up, no loop reads a value."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
OFF = {"bf16": 0.03, "training mimic3d": 0.02, "picture": 1e-3}
"""Mean relative difference from the processor: half precision of another kernel; a first step of Adam that rounding may turn; samples at
a step of a distribution. Everything else: 1e-4."""
LOOPS = ("core_model/fields/", "core_model/ops/dense", "core_model/nn/", "core_model/losses/")
"""What every sample or every step goes through: nothing there may wait for the device."""


def rows(*words: str, module: str = "checks") -> list[dict[str, Any]]:
    done = subprocess.run(
        [sys.executable, "-m", f"tests.accelerator.{module}", *words], cwd=ROOT, capture_output=True, text=True, timeout=1500
    )  # fmt: skip
    found = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    assert found and done.returncode == 0, done.stderr[-2000:]
    return found


def check(row: Mapping[str, Any]) -> None:
    assert "error" not in row, f"{row['name']}: {row.get('error')}\n{row.get('trace')}"
    allowed = next((v for k, v in OFF.items() if row["name"].startswith(k)), 1e-4)
    assert row["off"] < allowed, row
    waiting = {line: n for line, n in row["waits"].items() if line.startswith(LOOPS)}
    assert not waiting, f"{row['name']} waits for the device: {waiting}"


def test_pictures_questions_and_meshes_of_one_family() -> None:
    for row in rows("picture wysiwyg", "bake wysiwyg", "mesh wysiwyg", "section wysiwyg"):
        check(row)


@pytest.mark.slow
@pytest.mark.parametrize(
    "words",
    [("picture", "bf16"), ("bake", "section", "histogram", "mesh", "planes", "volume"), ("inversion",)],
)
def test_all_families(words: tuple[str, ...]) -> None:
    for row in rows(*words):
        check(row)


@pytest.mark.slow
@pytest.mark.parametrize("recipe", ["wysiwyg", "eg3d", "epigraf", "mimic3d"])
def test_a_recipe_trains(recipe: str) -> None:
    for row in rows(f"training {recipe}"):
        check(row)


@pytest.mark.slow
@pytest.mark.parametrize("part", ["correctness", "ffhq512", "training"])
def test_the_gpu_command_runs_on_an_accelerator(part: str) -> None:
    """Nobody here has one: what the script calls of the device must be there before it is first used on one."""
    (row,) = rows(part, module="gpu_bench")
    assert "error" not in row, f"{row.get('error')}\n{row.get('trace')}"
    figures = row["figures"]
    assert figures and all(value is not None for value in figures.values())
    if part == "correctness":
        assert max(v for k, v in figures.items() if k.startswith("off_")) < 0.01
        assert figures["cancelled"] == 1.0
    if part == "training":
        assert any(name.startswith("memory_") for name in figures), "as of an accelerator"


def test_mixed_devices_are_refused_and_waits_are_counted() -> None:
    code = (
        "import torch; from tests.accelerator.pretended import *; install()\n"
        "with Device() as d:\n"
        "    x = torch.ones(3, device='pretended:0')\n"
        "    assert str((x + x).device) == 'pretended:0' and float((x * 2).sum()) == 6.0 and sum(d.waits.values()) == 1\n"
        "    try:\n"
        "        x + torch.ones(3)\n"
        "    except MixedDevices:\n"
        "        print('refused')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.stdout.strip() == "refused", done.stderr[-1500:]
