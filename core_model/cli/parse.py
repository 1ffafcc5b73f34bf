"""Command line → frozen dataclass through tyro, with every mistake said in one line."""

from __future__ import annotations

import contextlib
import dataclasses
import io
import math
import os
import re
from collections.abc import Iterator, Sequence
from typing import TypeVar

import tyro

from core_model.schema.errors import GOT_LETTERS, InputError

T = TypeVar("T")

_RULE = re.compile(r"[─-]{5,}[╮╯+]?$")
_ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


def parse(options: type[T], args: Sequence[str], command: str, summary: str) -> T:
    """Fill the dataclass `options` from `args`; `--help` prints and exits, a mistake raises InputError.

    Nested dataclasses are flattened: their fields are plain options (`--yaw`, not `--camera.yaw`).
    """
    wants_help = any(a in ("-h", "--help") for a in args)
    # An optional number is switched off with `none`, in any case.
    normal = ["None" if a.lower() == "none" else a for a in args]
    said = io.TextIOWrapper(
        io.BytesIO(), encoding="utf-8"
    )  # rich draws boxes only on a stream that names its encoding
    try:
        with contextlib.nullcontext() if wants_help else _unwrapped(), contextlib.redirect_stderr(said):
            found = tyro.cli(
                options,
                args=normal,
                prog=f"triscope {command}",
                description=summary,
                config=(tyro.conf.OmitArgPrefixes, tyro.conf.HelptextFromCommentsOff),
            )
    except SystemExit as stop:
        if stop.code in (0, None):
            raise
        raise InputError(what=f"{command}: {_short(one_line(_text(said)))}") from None
    _refuse_infinite(found)
    return found


def _refuse_infinite(options: object) -> None:
    """No option of ours means anything as NaN or infinity, and most bounds let NaN through."""
    for field in dataclasses.fields(options):  # type: ignore[arg-type]
        value = getattr(options, field.name)
        if dataclasses.is_dataclass(value):
            _refuse_infinite(value)
        parts = value if isinstance(value, tuple) else (value,)
        if not all(math.isfinite(part) for part in parts if isinstance(part, float)):
            name = field.name.replace("_", "-")
            raise InputError(what=f"bad value of --{name}", expected="a finite number", got=str(value))


def _short(line: str) -> str:
    """A line of tyro's without most of an overlong word that somebody typed."""
    return re.sub(rf"(\S{{{GOT_LETTERS}}})\S+", r"\1…", line)


def _text(stream: io.TextIOWrapper) -> str:
    stream.seek(0)
    return stream.read()


def one_line(box: str) -> str:
    """What tyro says in a frame, as one line: the problem and the nearest option names."""
    parts: list[list[str]] = [[]]
    for line in _ANSI.sub("", box).splitlines():
        text = line.strip().strip("│|").strip()
        if _RULE.search(text):  # the frame and its rules; the title stands in the upper one
            parts.append([])
        elif text:
            parts[-1].append(text)
    filled = [part for part in parts if part]
    if "╭" not in box:  # plain terminals get the title as a paragraph of its own
        filled = filled[1:]
    problem = " ".join(filled[0]).rstrip(".") if filled else "cannot read the options"
    for part in filled[1:]:
        if part and part[0].startswith("Perhaps you meant"):
            near = [word for line in part for word in line.split() if word.startswith("--")]
            if near:
                return f"{problem}; did you mean {' or '.join(dict.fromkeys(near[:2]))}?"
    return problem


@contextlib.contextmanager
def _unwrapped() -> Iterator[None]:
    """Wide output while a mistake is reported, so that the line is not cut inside a word."""
    before = os.environ.get("COLUMNS")
    os.environ["COLUMNS"] = "2000"
    try:
        yield
    finally:
        if before is None:
            del os.environ["COLUMNS"]
        else:
            os.environ["COLUMNS"] = before
