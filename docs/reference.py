"""The reference pages, made from the code: commands, settings, channels and samplers, the Python surface.

`make docs` asks for them through `hooks.py`; nothing of it is kept as text, so that it cannot grow old.
"""

from __future__ import annotations

import contextlib
import inspect
import io
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, is_dataclass

from pydantic import BaseModel

from core_model import api
from core_model.cli.main import COMMANDS, main
from core_model.families.known import DESCRIPTIONS
from core_model.rendering.channels import CHANNELS
from core_model.sampling.samplers import SAMPLERS
from core_model.schema.fit import FitConfig
from core_model.schema.inversion import InvertConfig
from core_model.schema.settings import Setting, groups_of
from core_model.schema.train import TrainConfig
from core_model.schema.train_presets import PRESETS

TREES: dict[str, type[BaseModel]] = {"train": TrainConfig, "fit": FitConfig, "invert": InvertConfig}
SUBCOMMANDS = {"data": ("heads",)}
WIDTH = 110
"""Columns of a help text: with more its frames stand side by side."""


def pages() -> dict[str, str]:
    """Path below the pages' folder → Markdown."""
    return {
        "reference/commands.md": commands(),
        "reference/settings.md": settings(),
        "reference/parts.md": parts(),
        "reference/python.md": python(),
    }


def commands() -> str:
    """Every command with what its `--help` says."""
    text = [
        "# Commands",
        "What `triscope COMMAND --help` says, of this version. Angles are radians, distances world units, images [0, 1]. "
        "Exit status: 0 done, 2 wrong input (one line on stderr), 1 failed, 130 interrupted. `--debug` shows the traceback of an error.",
        "Without a command, or with only a checkpoint, the window opens.",
    ]
    for name, (_, summary) in COMMANDS.items():
        text += [f"## triscope {name}", f"{summary[0].upper()}{summary[1:]}."]
        for words in [(name,), *((name, sub) for sub in SUBCOMMANDS.get(name, ()))]:
            text += _help(words)
    return "\n\n".join(text) + "\n"


def _help(words: tuple[str, ...]) -> list[str]:
    said = help_of(words)
    boxes = boxes_of(said)
    usage = said.split("\n\n")[0]
    if "╭" not in said:  # the commands with settings, which have a page of their own
        return [
            f"```text\n{said.split('Fields of the settings')[0].rstrip()}\n```",
            *_where_settings(words[0]),
        ]
    text = [f"```text\n{usage.strip()}\n```"]
    for box in boxes:
        if box.about:
            text.append(f"*{box.title[0].upper()}{box.title[1:]}.* {box.about}")
        rows = "\n".join(f"| {_cell(f'`{option}`')} | {_cell(about)} |" for option, about in box.rows)
        text.append(f"| option | what it says |\n|---|---|\n{rows}")
    return text


def _where_settings(name: str) -> list[str]:
    return [f"Its settings: [Settings](settings.md#{name})."] if name in TREES else []


def help_of(words: tuple[str, ...]) -> str:
    """Text of `triscope WORDS --help`."""
    # frames are drawn only on a stream that names its encoding
    out, before = io.TextIOWrapper(io.BytesIO(), encoding="utf-8"), os.environ.get("COLUMNS")
    os.environ["COLUMNS"] = str(WIDTH)
    try:
        with contextlib.redirect_stdout(out), contextlib.suppress(SystemExit):
            main([*words, "--help"])
    finally:
        if before is None:
            del os.environ["COLUMNS"]
        else:
            os.environ["COLUMNS"] = before
    out.seek(0)
    return re.sub(r"\x1b\[[0-9;]*m", "", out.read())


@dataclass(frozen=True)
class Box:
    """A group of options as the parser frames it. rows: (option with its value, what it says)."""

    title: str
    about: str
    rows: list[tuple[str, str]]


def boxes_of(text: str) -> list[Box]:
    """The framed groups of a help text."""
    found: list[Box] = []
    title, lines = "", []
    for line in text.splitlines():
        if line.startswith("╭"):
            title, lines = line.strip("╭╮─ "), []
        elif line.startswith("╰"):
            found.append(_box(title, lines))
        elif line.startswith("│"):
            lines.append(line.strip().strip("│").rstrip())
    return [box for box in found if box.rows]


def _box(title: str, lines: list[str]) -> Box:
    about = ""
    rule = next((n for n, line in enumerate(lines) if set(line.strip()) == {"─"}), None)
    if rule is not None:
        about, lines = " ".join(line.strip() for line in lines[:rule]), lines[rule + 1 :]
    rows: list[tuple[str, str]] = []
    for line in lines:
        if line.startswith("  "):  # goes on with the option before
            option, said = rows[-1]
            rows[-1] = (option, f"{said} {line.strip()}".strip())
        else:
            option, _, said = line.strip().partition("  ")
            rows.append((option, said.strip()))
    told = [(option, said.replace("(default: '')", "").strip()) for option, said in rows]
    return Box(title, about, [row for row in told if row[0] != "-h, --help"])


def settings() -> str:
    """Every field of the settings of `train`, `fit` and `invert`, and the presets."""
    text = [
        "# Settings",
        "Every field can be given as `--field.path=value`. A curve is a number, or `images:value, …` with k and M; on and off, `none` "
        "and lists in brackets are typed as they stand here. A setting of another recipe is refused by name.",
    ]
    for name, tree in TREES.items():
        text.append(f"## {name}")
        if tree is TrainConfig:
            rows = "\n".join(
                f"| `{cfg.preset}` | {cfg.recipe} | {cfg.images:,} | {cfg.data.resolution} |"
                for cfg in PRESETS
            )
            text.append(f"| preset | recipe | images | picture, pixels |\n|---|---|---|---|\n{rows}")
        for group in groups_of(tree):
            text.append(f"### {name}: {group.name or 'the run'}\n\n{_cell(group.help)}")
            rows = "\n".join(_setting_row(one) for one in group.fields if not one.fixed)
            text.append(f"| setting | default | what it does |\n|---|---|---|\n{rows}")
    return "\n\n".join(text) + "\n"


def _setting_row(one: Setting) -> str:
    notes = [
        one.unit,
        one.range_text(),
        ", ".join(one.choices),
        " and ".join(one.recipes) and f"{', '.join(one.recipes)} only",
    ]
    about = one.help + "".join(f"; {note}" for note in notes if note)
    return f"| `{one.path}` | {_cell(f'`{one.default}`') if one.default else '-'} | {_cell(about)} |"


def parts() -> str:
    """Channels, samplers and families, as the registries have them."""
    channels = "\n".join(
        f"| `{c.info.name}` | {c.info.title} | {_cell(c.info.unit) or '-'} | {_cell(c.info.description)}{_needs(c)} |"
        for c in CHANNELS
    )
    samplers = "\n".join(
        f"| `{s.info.name}` | {s.info.title} | {s.info.default_spp:g} | {_cell(s.info.description)} |"
        for s in SAMPLERS
    )
    families = "\n".join(f"| `{d.name}` | {_cell(d.licence_note) or 'of triscope'} |" for d in DESCRIPTIONS)
    return "\n\n".join(
        [
            "# Channels, samplers, families",
            "What this version has; [plugins](../plugins.md) add more.",
            "## Channels",
            f"| name | title | unit | what it is |\n|---|---|---|---|\n{channels}",
            "## Samplers",
            f"| name | title | samples per ray | what it does |\n|---|---|---|---|\n{samplers}",
            "## Families",
            f"| name | what is known of the licence of its program's files |\n|---|---|\n{families}",
        ]
    ) + "\n"  # fmt: skip


def _needs(channel: object) -> str:
    info = channel.info  # type: ignore[attr-defined]
    needs = [
        "a signed distance" * channel.sdf_only,  # type: ignore[attr-defined]
        "a proposal network" * info.needs_proposal,
        "a super-resolution" * info.needs_superres,
    ]
    named = " and ".join(need for need in needs if need)
    return f"; needs {named}" if named else ""


def python() -> str:
    """The functions and classes of `core_model.api` with their docstrings."""
    text = ["# Python", inspect.getdoc(api) or "", "The pages: [From Python](../python.md)."]
    intro = text[1].split("\n")
    text[1] = "\n".join(intro)
    for name in api.__all__:
        item = getattr(api, name)
        if inspect.isclass(item) and issubclass(item, BaseModel | Exception):
            continue
        text.append(f"## {name}")
        text += _told(item, name)
        if inspect.isclass(item):
            for part, method in _members(item):
                text.append(f"### {name}.{part}")
                text += _told(method, part)
    return "\n\n".join(text) + "\n"


def _told(item: Callable[..., object] | property, name: str) -> list[str]:
    target = item.fget if isinstance(item, property) else item
    doc = inspect.cleandoc(target.__doc__ or "")
    if isinstance(item, property):
        return [doc]
    if is_dataclass(item):
        signature = f"{name}: {', '.join(f.name for f in fields(item))}"
    else:
        signature = f"{name}{inspect.signature(target)}".replace("'", "")
    return [f"```text\n{signature}\n```", doc]


def _members(kind: type) -> Iterator[tuple[str, Callable[..., object] | property]]:
    for name, item in vars(kind).items():
        if not name.startswith("_") and (inspect.isfunction(item) or isinstance(item, property)):
            yield name, item


def _cell(text: str) -> str:
    """One cell of a table."""
    return " ".join(text.split()).replace("|", "\\|")
