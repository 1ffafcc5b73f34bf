"""Odd values of every option: each is taken, or refused in one line with exit status 2; nothing fails."""

from __future__ import annotations

import dataclasses
import importlib
import typing
from collections.abc import Iterator
from pathlib import Path

import pytest

from core_model.data.heads_dataset import write_heads_dataset
from tests.cli.command import triscope
from tests.contracts.tiny_checkpoint import save_tiny

Capture = pytest.CaptureFixture[str]
LONG = "9" * 400
VALUES = (
    "nan",
    "inf",
    "-1",
    "0",
    "0.5",
    "1e308",
    "1e-320",
    "99999999999999999999",
    "",
    "²",
    "x",
    "nan,0",
    "1,2",
    "0-",
    LONG,
)
ELSEWHERE = {"worker", "device", "json", "out"}
"""Not ours to judge, or no values; --out has tests of its own."""
COMMANDS = {
    "render": ("render", "RenderOptions", "render TINY --size 16 --spp 4 --sampler uniform --out OUT/a.png"),
    "orbit": ("orbit", "OrbitOptions", "orbit TINY --size 16 --spp 4 --sampler uniform --frames 2 --out OUT/a.mp4"),
    "sheet": ("sheet", "SheetOptions", "sheet TINY --size 36 --spp 4 --sampler uniform --seeds 0 --out OUT/a.png"),
    "film": ("film", "FilmOptions", "film RUN --size 16 --spp 4 --sampler uniform --seeds 0 --out OUT/a.mp4"),
    "inspect": ("inspect", "InspectOptions", "inspect TINY --pixel 8,8 --size 16 --out OUT/a.json"),
    "mesh": ("mesh", "MeshOptions", "mesh TINY --resolution 16 --out OUT/a.ply"),
    "bake": ("bake", "BakeOptions", "bake TINY --level 64 --out OUT/a.html"),
    "samplers": ("samplers", "ReportOptions", "samplers analytic:sphere --size 32 --out OUT/r"),
    "metrics": ("metrics", "MetricsOptions", "metrics TINY --data DATA --count 4 --samples 4 --spp 4 --sampler uniform --metrics swd"),
    "heads": ("data", "HeadsOptions", "data heads OUT/h.zip --count 1 --size 16"),
    "photos": ("photos", "PhotosOptions", "data photos PICTURES OUT/p.zip --size 32 --poses none"),
}  # fmt: skip


def options_of(owner: type) -> Iterator[str]:
    """Names of a command's options that take a value, those of its groups among them."""
    hints = typing.get_type_hints(owner, include_extras=True)
    for field in dataclasses.fields(owner):
        kind, marks = hints[field.name], []
        while typing.get_origin(kind) is typing.Annotated:
            marks += kind.__metadata__
            kind = kind.__origin__
        if dataclasses.is_dataclass(kind):
            yield from options_of(typing.cast(type, kind))
        elif kind is not bool and not any("ositional" in repr(mark) for mark in marks):
            given = next((mark.name for mark in marks if getattr(mark, "name", None)), field.name)
            yield given.replace("_", "-")


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("odd")
    (folder / "run" / "snapshots").mkdir(parents=True)
    save_tiny(folder / "run" / "snapshots" / "000008.safetensors", seed=1)
    tiny = save_tiny(folder / "tiny.safetensors")
    return {"TINY": tiny, "RUN": str(folder / "run")}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("data")
    write_heads_dataset(folder / "heads.zip", 8, 32, workers=1)
    write_heads_dataset(folder / "heads", 2, 32, workers=1)
    return {"DATA": str(folder / "heads.zip"), "PICTURES": str(folder / "heads")}


def words_of(line: str, places: dict[str, str]) -> list[str]:
    return [places.get(word, word.replace("OUT", places["OUT"])) for word in line.split()]


@pytest.mark.slow
@pytest.mark.parametrize("command", COMMANDS)
def test_every_option_takes_an_odd_value_or_refuses_it(
    capsys: Capture, places: dict[str, str], data: dict[str, str], tmp_path: Path, command: str
) -> None:
    module, owner, line = COMMANDS[command]
    wrong, tried = [], 0
    words = words_of(line, places | data | {"OUT": str(tmp_path)})
    assert triscope(capsys, *words).status == 0
    for option in options_of(getattr(importlib.import_module(f"core_model.cli.{module}"), owner)):
        if option in ELSEWHERE:
            continue
        place = words.index(f"--{option}") if f"--{option}" in words else len(words)
        for value in VALUES:
            done = triscope(capsys, *words[:place], *words[place + 2 :], f"--{option}={value}")
            last = done.err.strip().splitlines()[-1:] or [""]
            refused = done.status == 2 and last[0].startswith("triscope: ") and len(last[0]) < 1000
            tried += 1
            if done.status != 0 and not refused:
                wrong.append((option, value[:30], done.status, last[0][:300]))
    assert tried > 50 and not wrong


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("orbit TINY --frames 2 --out OUT/a.mp4 --yaw-swing=nan", "--yaw-swing: expected a finite number"),
        ("render TINY --out OUT/a.png --pivot 0 nan 0", "--pivot: expected a finite number"),
        ("render TINY --out OUT/a.png --radius 1e308", "--radius: expected at most 1,000,000"),
        ("sheet TINY --out OUT/a.png --yaws=nan,0", "--yaws: expected finite numbers"),
        ("sheet TINY --out OUT/a.png --psis=0.5,3", "--psis: Input should be less than or equal to 2: got 3"),
        ("sheet TINY --out OUT/a.png --views=0:inf", "--views: expected 2 finite numbers"),
        ("render TINY --out OUT/a.png --threads=-1", "--threads: expected 1 to 1024"),
        (f"render TINY --out OUT/a.png --z={LONG}", "File name too long"),
        (f"render TINY --out OUT/a.png --sampler={LONG}", "9…"),
        (f"render TINY --out OUT/a.png --centre={LONG}", "9…"),
    ],
)
def test_what_once_failed_is_refused_by_name(
    capsys: Capture, places: dict[str, str], tmp_path: Path, line: str, said: str
) -> None:
    done = triscope(capsys, *words_of(line, places | {"OUT": str(tmp_path)}))
    assert done.status == 2 and said in done.line and len(done.line) < 700
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "line",
    [
        "samplers analytic:sphere --size 32 --out BLOCKED/r", "demo --out BLOCKED/r", "data heads BLOCKED/r --count 1 --size 16",
        "data heads BLOCKED/h.zip --count 1 --size 16", "bench --only field_speed --out BLOCKED/r",
        "train --preset smoke --data TINY --out BLOCKED/r",
    ],
)  # fmt: skip
def test_a_place_that_cannot_be_written_to_is_told_before_the_work(
    capsys: Capture, places: dict[str, str], tmp_path: Path, line: str
) -> None:
    (tmp_path / "file").write_text("mine", encoding="utf-8")
    words = [w.replace("BLOCKED", str(tmp_path / "file")) for w in words_of(line, places | {"OUT": ""})]
    done = triscope(capsys, *words)
    assert done.status == 2 and "file" in done.line
    assert [p.name for p in tmp_path.iterdir()] == ["file"]
