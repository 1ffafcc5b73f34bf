"""Every command line of the documentation is accepted by its parser, every link leads somewhere, every example compiles."""

from __future__ import annotations

import importlib
import os
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import NoReturn

import pytest

from core_model import api
from core_model.cli.main import COMMANDS
from core_model.schema.errors import InputError
from core_model.schema.fit import FitConfig
from core_model.schema.inversion import InvertConfig
from core_model.schema.overrides import apply_overrides
from core_model.schema.recipes import RECIPES
from core_model.schema.train_presets import PRESETS
from tests.docs.markdown import PAGES, Line, blocks, command_lines, links, pages
from tests.house.sources import ROOT

EXTRAS = set(
    tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
)
TARGETS = set(
    re.findall(r"^([a-z-]+)(?: [a-z-]+)*:", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
)
GENERATED = {"contributing.md"} | {
    f"reference/{name}.md" for name in ("commands", "settings", "parts", "python")
}
LINES = command_lines()


class Accepted(Exception):
    """The parser took the line; what it would do is left out."""


def accept(words: list[str], patch: pytest.MonkeyPatch, folder: Path) -> None:
    """Have `triscope WORDS` parsed and no more; raises InputError where the parser refuses it."""
    if not words or words[0] not in COMMANDS:
        words = ["view", *words]
    name, rest = words[0], words[1:]
    if name == "monitor":
        patch.chdir(folder)
        for run in ("runs/first", "runs/me"):
            (folder / run).mkdir(parents=True, exist_ok=True)
        from viewer.monitor.options import parsed

        assert parsed(rest).words
        return
    if name == "view":
        from core_model.cli.view_options import parsed as view_parsed

        view_parsed(rest)
        return
    if name == "worker":
        assert not rest
        return
    module = importlib.import_module(COMMANDS[name][0])
    for reader in ("parse", "read_line"):
        if hasattr(module, reader):
            patch.setattr(module, reader, stopping(getattr(module, reader)))
    with pytest.raises(Accepted) as stopped:
        module.main(rest)
    found = stopped.value.args[0]
    if name in ("train", "fit", "invert"):
        settings(name, found.words, found.changes)
    if name == "batch":
        accept([word.replace("{}", "7") for word in rest[rest.index("--") + 1 :]], patch, folder)


def stopping(reader: Callable[..., object]) -> Callable[..., NoReturn]:
    def read(*arguments: object) -> NoReturn:
        raise Accepted(reader(*arguments))

    return read


def settings(name: str, words: dict[str, str], changes: list[tuple[str, str]]) -> None:
    """The settings on a line are applied to the tree that the line starts from."""
    if name != "train":
        apply_overrides(FitConfig() if name == "fit" else InvertConfig(), changes, name)
        return
    recipe = dict(changes).get("recipe", "wysiwyg")
    preset = PRESETS.get(words.get("preset", RECIPES.get(recipe).preset))
    apply_overrides(preset, changes, name)


@pytest.mark.parametrize("line", LINES, ids=str)
def test_every_command_line_is_accepted(line: Line, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for part in line.text.split(" && "):
        words = shlex.split(part, comments=True)
        match words:
            case ["triscope", *rest]:
                accept(rest, monkeypatch, tmp_path)
            case ["torchrun", *rest]:
                at = rest.index("core_model.cli.main")
                assert rest[at - 1] == "-m"
                accept(rest[at + 1 :], monkeypatch, tmp_path)
            case ["make", target, *_]:
                assert target in TARGETS
            case ["pip" | "pipx", "install", what] | ["uv", "tool", "install", what]:
                path, _, extra = what.partition("[")
                assert (ROOT / path).is_dir() and (not extra or extra.rstrip("]") in EXTRAS)
            case ["python", "-m", module, *_]:
                assert (
                    find_spec(module.split(".")[0])
                    or (ROOT / "docs/examples/triscope-blobs" / module).is_dir()
                )
            case ["git", "clone", *_] | ["cd", "triscope"]:
                pass
            case _:
                raise AssertionError(f"nothing checks this line: {part}")


def test_a_wrong_line_is_seen(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for text in ("render x --out a.png --sede 3", "train --preset smok --data a", "train --preset smoke --los.surface=1",
                 "batch d --each 0-3 -- mesh x --sed {} --out {}.ply", "invert a b --out r --mask=half"):  # fmt: skip
        with pytest.raises(InputError), monkeypatch.context() as patch:
            accept(shlex.split(text), patch, tmp_path)


def test_there_are_lines_for_every_command() -> None:
    text = "\n".join(line.text for line in LINES)
    named = "\n".join(page.read_text(encoding="utf-8") for page in pages())
    assert len(LINES) > 60 and "triscope render" in text
    assert [name for name in COMMANDS if f"triscope {name}" not in named] == []


@pytest.mark.parametrize("page", pages(), ids=lambda p: p.name)
def test_links_lead_somewhere(page: Path) -> None:
    shipped = {
        f"shipped/{p.relative_to(ROOT / 'assets').as_posix()}"
        for p in (ROOT / "assets").rglob("*")
        if p.is_file()
    }
    for target in links(page):
        name = target.partition("#")[0]
        if name and not target.startswith("https://"):
            assert (page.parent / name).exists() or (page.parent == PAGES and name in GENERATED | shipped), (
                target
            )


@pytest.mark.parametrize("page", pages(), ids=lambda p: p.name)
def test_python_examples_compile_and_name_what_there_is(page: Path) -> None:
    for block in blocks(page):
        if block.language != "python":
            continue
        compile(block.text, str(page), "exec")
        for name in re.findall(r"\btriscope\.(\w+)", block.text):
            assert hasattr(api, name), name
        for name in re.findall(r"\bhead\.(\w+)\(", block.text):
            assert hasattr(api.Checkpoint, name), name


@pytest.mark.slow
def test_the_site_builds_without_a_warning(tmp_path: Path) -> None:
    line = [
        sys.executable,
        "-m",
        "mkdocs",
        "build",
        "--strict",
        "-q",
        "-f",
        "docs/mkdocs.yml",
        "-d",
        str(tmp_path),
    ]
    env = os.environ | {"NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(line, cwd=ROOT, env=env, capture_output=True, text=True, timeout=280)
    assert done.returncode == 0 and not done.stderr.strip(), done.stderr
    for name in (
        "index",
        "window",
        "reference/commands",
        "reference/settings",
        "reference/python",
        "contributing",
    ):
        assert (tmp_path / f"{name}.html").is_file()
    text = (tmp_path / "reference" / "settings.html").read_text(encoding="utf-8")
    assert "loss.surface" in text and "heads64-cpu" in text
    commands = (tmp_path / "reference" / "commands.html").read_text(encoding="utf-8")
    assert all(f"triscope {name}" in commands for name in COMMANDS)
    assert "<code>--hard-rule {weighted,leftover}</code>" in commands and not {"│", "─"} & set(commands)
