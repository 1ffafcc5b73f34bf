"""Options of `triscope monitor`, read by hand: the window is up before a parser library would be loaded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

from core_model.schema.errors import InputError
from core_model.schema.whole import whole
from viewer.runs.files import runs_in

if TYPE_CHECKING:
    from viewer.jobs.desk import Desk

USAGE = """usage: triscope monitor RUN [RUN …] [options]

Watch training runs in a window of its own: charts, sample grids, log, alarms, machine. It reads run directories,
so that it also works on a copy or a mounted folder, for runs of triscope and of the EG3D family. Stop, pause and
snapshot (tab Overview) are requests that it writes there.

  RUN               a run directory, or a folder whose sub-folders are runs
  --worker COMMAND  the runs are on another machine, e.g. "ssh gpu-box triscope worker"; RUN is a path over there
  --theme NAME      dark (default) or light
  --size WxH        size of the window, pixels (default 1600x1000)
  --tab NAME        charts (default), pictures, log, alarms, overview or machine
  --picture FILE    write a .png of the window once everything is read, and end
  -h, --help        this text
"""
TABS = ("charts", "pictures", "log", "alarms", "overview", "machine")


@dataclass(frozen=True)
class MonitorOptions:
    """How the monitor starts. picture: file to write instead of staying open; size in pixels.

    worker: command that leads to the machine with the runs, and `desk` what reads them there; "" and None = this one.
    words: RUN as typed.
    """

    runs: tuple[PurePath, ...]
    theme: str = "dark"
    size: tuple[int, int] = (1600, 1000)
    tab: str = "charts"
    picture: Path | None = None
    worker: str = ""
    words: tuple[str, ...] = ()
    desk: Desk | None = None


def parsed(args: Sequence[str]) -> MonitorOptions:
    """Options of a command line; InputError for what is wrong in it."""
    words: list[str] = []
    values: dict[str, str] = {}
    rest = list(args)
    while rest:
        word = rest.pop(0)
        name, equals, value = word.partition("=")
        if word == "--":
            words += rest
            break
        if not word.startswith("--"):
            words.append(word)
            continue
        if name not in ("--theme", "--size", "--picture", "--tab", "--worker"):
            raise InputError(
                what="unknown option",
                where="triscope monitor",
                expected="--theme, --size, --tab, --picture or --worker",
                got=repr(name),
            )
        if not equals and not rest:
            raise InputError(what=f"{name} has no value", where="triscope monitor")
        values[name] = value if equals else rest.pop(0)
    if not words:
        raise InputError(
            what="no run directory", where="triscope monitor", expected="RUN [RUN …]", got="none"
        )
    picture = Path(values["--picture"]) if "--picture" in values else None
    if picture is not None and picture.suffix.lower() != ".png":
        raise InputError(
            what="bad value of --picture", expected="a file name that ends in .png", got=str(picture)
        )
    worker = values.get("--worker", "")
    if "--worker" in values and not worker.strip():
        raise InputError(what="--worker is empty", expected='a command, e.g. "ssh gpu-box triscope worker"')
    return MonitorOptions(
        () if worker else tuple(dict.fromkeys(run for word in words for run in runs_in(Path(word)))),
        _one_of("--theme", values.get("--theme", "dark"), ("dark", "light")),
        _size(values.get("--size", "1600x1000")),
        _one_of("--tab", values.get("--tab", "charts"), TABS),
        picture,
        worker,
        tuple(words),
    )


def _one_of(name: str, value: str, choices: tuple[str, ...]) -> str:
    if value not in choices:
        raise InputError(
            what=f"bad value of {name}", expected=f"one of {', '.join(choices)}", got=repr(value)
        )
    return value


def _size(text: str) -> tuple[int, int]:
    width, height = (whole(edge, 16384) for edge in text.lower().partition("x")[::2])
    if width is None or height is None or width < 640 or height < 480:
        raise InputError(
            what="bad value of --size", expected="WxH between 640x480 and 16384x16384", got=repr(text)
        )
    return width, height


def far_runs(desk: Desk, words: Sequence[str]) -> tuple[PurePath, ...]:
    """The runs that paths of the far machine name; see `runs_in`. Raises InputError for no folder."""
    found: list[PurePath] = []
    for word in words:
        listing = desk.list_runs((word,))
        if word in listing.faults:
            raise InputError(what=listing.faults[word])
        found += [row.path for row in listing.rows] or [desk.path(word)]
    return tuple(dict.fromkeys(found))
