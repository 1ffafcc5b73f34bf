"""Settings of the Export panel and the triscope command that they stand for. Pure: nothing is started or
written.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import Field

from core_model.schema.channels import ChannelInfo
from core_model.schema.checkpoint import CheckpointInfo
from core_model.schema.export import Command, command_of, default_request
from core_model.schema.frozen import Frozen
from core_model.schema.home import expanded
from core_model.schema.record import DisplayRange, RenderRecord
from core_model.schema.seeds import MOST_TOGETHER, seeds_in
from viewer.state.document import ChannelView, Document
from viewer.state.requests import export_request

ExportKind = Literal["picture", "orbit", "walk", "sheet", "page", "report", "metrics", "fit"]
PROGRAMS: tuple[ExportKind, ...] = ("report", "metrics", "fit")
"""Kinds that are no picture of the view: they take longer, and have options of their own."""
SheetColumn = Literal["yaw", "psi", "view", "channel", "sampler"]
COMMANDS: dict[ExportKind, str] = {
    "picture": "render",
    "orbit": "orbit",
    "walk": "orbit",
    "sheet": "sheet",
    "page": "bake",
    "report": "samplers",
    "metrics": "metrics",
    "fit": "fit",
}
MAX_SIZE: dict[ExportKind, int] = {
    "picture": 8192,
    "orbit": 4096,
    "walk": 4096,
    "sheet": 1024,
    "page": 8192,
    "report": 1024,
    "metrics": 8192,
    "fit": 8192,
}
NUMBERS = re.compile(r"\s*-?\d*\.?\d+\s*(,\s*-?\d*\.?\d+\s*)*")
NAMES = re.compile(r"\s*\w+(:\w+)?\s*(,\s*\w+(:\w+)?\s*)*")
VIEWS = re.compile(r"\s*-?\d*\.?\d+\s*:\s*-?\d*\.?\d+\s*(,\s*-?\d*\.?\d+\s*:\s*-?\d*\.?\d+\s*)*")
MAX_CELLS = 4096


class ExportSettings(Frozen):
    """Angles in radians, sizes in pixels. name: empty = made from the view. cell: edge of one picture of a
    sheet. checkpoints: rows of a sheet instead of seeds.
    heads: seeds of a page, empty = the head on the screen. level: cells along an edge of its
    baked volumes.
    """

    kind: ExportKind = "picture"
    channels: tuple[str, ...] = ("rgb",)
    size: int = Field(default=1024, ge=16, le=8192)
    suffix: Literal[".png", ".exr", ".npz"] = ".png"
    scalars: Literal["shown", "grey16"] = "shown"
    transparent: bool = False
    motion: Literal["sway", "turn", "still"] = "sway"
    yaw_swing: float = Field(default=0.5, ge=0.0, le=3.2)
    pitch_swing: float = Field(default=0.2, ge=0.0, le=1.6)
    frames: int = Field(default=120, ge=1, le=100_000)
    fps: float = Field(default=30.0, ge=1.0, le=240.0)
    walk: str = "0-3"
    seeds: str = "0-4"
    rows: Literal["seeds", "checkpoints"] = "seeds"
    checkpoints: str = ""
    column: SheetColumn = "yaw"
    yaws: str = "-0.4,-0.2,0,0.2,0.4"
    psis: str = "0,0.35,0.7,1"
    views: str = "0:0,0.4:0,0.4:0.2"
    maps: str = "rgb,depth"
    samplers: str = "uniform,importance"
    paper: Literal[".png", ".pdf"] = ".png"
    scale_bar: bool = False
    cell: int = Field(default=192, ge=16, le=1024)
    heads: str = ""
    level: Literal["128", "256"] = "256"
    report_size: int = Field(default=256, ge=32, le=1024)
    data: str = ""
    count: int = Field(default=1000, ge=2, le=50_000)
    steps: int = Field(default=4400, ge=1, le=1_000_000)
    folder: str = ""
    name: str = ""
    overwrite: bool = False

    @property
    def ending(self) -> str:
        """Suffix of the file that is made."""
        endings = {"picture": self.suffix, "sheet": self.paper, "page": ".html", "metrics": ".json"}
        return endings.get(self.kind, "" if self.kind in PROGRAMS else ".mp4")

    @property
    def edge(self) -> int:
        """Edge of one rendered picture, pixels."""
        own = {"sheet": self.cell, "report": self.report_size}.get(self.kind, self.size)
        return min(own, MAX_SIZE[self.kind])

    @property
    def column_values(self) -> str:
        """What was typed for the columns of a sheet."""
        return {
            "yaw": self.yaws, "psi": self.psis, "view": self.views, "channel": self.maps, "sampler": self.samplers
        }[self.column]  # fmt: skip

    @property
    def moving(self) -> Literal["sway", "turn", "still"]:
        """Camera motion of the video; a latent walk has a fixed camera unless a motion is chosen."""
        return self.motion


@dataclass(frozen=True)
class ExportPlan:
    """One export, ready to start. `files` are what it writes; `why_not` says why it cannot start.

    words: the whole command, where it takes no stored view.
    """

    kind: ExportKind
    title: str
    out: Path
    files: tuple[Path, ...]
    record: RenderRecord
    options: tuple[str, ...]
    why_not: str = ""
    words: tuple[str, ...] = ()

    @property
    def replaced(self) -> tuple[Path, ...]:
        """Files that are there and would be lost."""
        return tuple(f for f in self.files if f.exists())

    def arguments(self, request_file: Path) -> tuple[str, ...]:
        """Arguments of the triscope command; `request_file` holds the record."""
        if self.words:
            return self.words
        return (COMMANDS[self.kind], "--request", str(request_file), "--out", str(self.out), *self.options)


def plan_export(
    settings: ExportSettings,
    doc: Document,
    info: CheckpointInfo,
    arrays: Mapping[str, np.ndarray],
    taken: frozenset[str] = frozenset(),
) -> ExportPlan:
    """arrays: of the picture on the screen, for the automatic ranges.

    taken: files that running exports will write.
    """
    channels = tuple(n for n in settings.channels if any(c.name == n for c in info.channels)) or ("rgb",)
    if settings.kind == "sheet":
        channels = channels[:1]
        doc = doc.replace(native=False)  # cells have a size of their own
    if settings.kind == "page" or settings.kind in PROGRAMS:
        channels, doc = ("rgb",), doc.replace(native=False)
    request = export_request(doc, info, settings.edge, channels)
    record = RenderRecord(
        request=request,
        checkpoint_sha256=info.sha256,
        family=info.family,
        display=display_ranges(doc, info, channels, arrays),
    )
    out = out_path(settings, doc, info, taken)
    files = tuple(channel_file(out, name, channels[0]) for name in channels)
    why_not = _why_not(settings, info, out, files, taken)
    if request.native and "--transparent" in options_of(settings):
        why_not = (
            why_not
            or "A picture as its program renders it cannot be cut out: choose another sampler, or switch Cut out off"
        )
    words = program_words(settings, doc, info, out)
    if settings.kind == "report" and "--request" in words:
        why_not = why_not or "The sampler report takes one seed and an orbit camera: this head is a mixture"
    return ExportPlan(settings.kind, out.name, out, files, record, options_of(settings), why_not, words)


def program_words(
    settings: ExportSettings, doc: Document, info: CheckpointInfo, out: Path
) -> tuple[str, ...]:
    """The command of a kind that takes no stored view; empty for the others."""
    if settings.kind == "fit":
        return ("fit", "--out", str(out), f"--steps={settings.steps}")
    if settings.kind == "metrics":
        data = str(expanded(settings.data))
        return ("metrics", info.path, "--data", data, "--count", str(settings.count), "--out", str(out))
    if settings.kind != "report":
        return ()
    plain = default_request(info)
    size = settings.report_size
    request = plain.replace(latent=doc.latent, camera=doc.camera, width=size, height=size)
    words = [w for w in command_of(request, info, str(out), "view.json", "samplers").words if w]
    return tuple(words if "--size" in words else [*words, "--size", str(size)])


def options_of(settings: ExportSettings) -> tuple[str, ...]:
    """What the command is told beside the request."""
    if settings.kind == "picture":
        plain = settings.suffix == ".png"
        cut = ("--transparent",) if settings.transparent and plain and "rgb" in settings.channels else ()
        return (*cut, *(("--scalars", "grey16") if settings.scalars == "grey16" and plain else ()))
    if settings.kind == "page":
        return (
            "--level",
            settings.level,
            *(("--seeds", _tight(settings.heads)) if settings.heads.strip() else ()),
        )
    if settings.kind == "sheet":
        rows = ("--seeds", _tight(settings.seeds))
        if settings.rows == "checkpoints":
            rows = ("--checkpoints", ",".join(p.strip() for p in settings.checkpoints.split(",")))
        return (
            "--size",
            str(settings.edge),
            *rows,
            f"--{settings.column}s={_tight(settings.column_values)}",
            *(("--scale-bar",) if settings.scale_bar else ()),
        )
    path: tuple[str, ...] = (
        "--motion",
        settings.moving,
        "--frames",
        str(settings.frames),
        "--fps",
        f"{settings.fps:g}",
    )
    if settings.moving == "sway":
        path += ("--yaw-swing", f"{settings.yaw_swing:g}", "--pitch-swing", f"{settings.pitch_swing:g}")
    return ("--walk", _tight(settings.walk), *path) if settings.kind == "walk" else path


def typed_command(plan: ExportPlan, info: CheckpointInfo, doc: Document, file: str) -> Command:
    """The export as a command line: options where they exist, `--request` (JSON, or `file`) for the rest."""
    if plan.words:
        return Command(plan.words)
    custom = any(d.channel == v.name for d in plan.record.display for v in doc.view.channel_views)
    if custom:  # colours of a map have no options: the whole record goes to a file
        return Command(
            (COMMANDS[plan.kind], "--request", file, "--out", str(plan.out), *plan.options),
            plan.record.model_dump_json(),
        )
    command = command_of(plan.record.request, info, str(plan.out), file, COMMANDS[plan.kind])
    words = list(command.words)
    if plan.kind in ("sheet", "page") and "--size" in words:  # said by the sheet's own options
        at = words.index("--size")
        del words[at : at + 2]
    return Command((*words, *plan.options), command.file_text)


def display_ranges(
    doc: Document, info: CheckpointInfo, channels: tuple[str, ...], arrays: Mapping[str, np.ndarray]
) -> tuple[DisplayRange, ...]:
    """Colours of the scalar channels as displayed; an automatic range is that of the picture on the screen."""
    found = []
    for channel in info.channels:
        if channel.name not in channels or channel.kind != "scalar":
            continue
        view = doc.view.of(channel.name, channel)
        span = _span(view, arrays.get(channel.name))
        if span is not None:
            found.append(_shown(channel, view, *span))
    return tuple(found)


def _span(view: ChannelView, values: np.ndarray | None) -> tuple[float, float] | None:
    if not view.auto_range:
        return view.low, view.high if view.high > view.low else view.low + 1e-6
    finite = values[np.isfinite(values)] if values is not None else np.empty(0)
    if not finite.size:
        return None
    low, high = float(finite.min()), float(finite.max())
    return low, high if high > low else low + 1e-6


def _shown(channel: ChannelInfo, view: ChannelView, low: float, high: float) -> DisplayRange:
    return DisplayRange(
        channel=channel.name,
        colormap=view.colormap,
        low=low,
        high=high,
        unit=channel.unit,
        invert=view.invert,
    )


def out_path(settings: ExportSettings, doc: Document, info: CheckpointInfo, taken: frozenset[str]) -> Path:
    """The named file, else one named by checkpoint and seed with the first number that is free."""
    folder = expanded(settings.folder or ".")
    if settings.name.strip():
        name = settings.name.strip()
        return folder / (name if name.lower().endswith(settings.ending) else name + settings.ending)
    stem = re.sub(r"[^A-Za-z0-9._-]+", "-", Path(info.path.replace(":", "-")).stem).strip("-.") or "view"
    seeds = doc.latent.seeds
    head = (
        f"seed{seeds[0].seed}"
        if len(seeds) == 1 and doc.latent.w is None and doc.latent.z is None
        else "blend"
    )
    middle = {
        "picture": head,
        "orbit": f"{head}-orbit",
        "walk": "walk",
        "sheet": "sheet",
        "page": f"{head}-page",
        "report": f"{head}-samplers",
        "metrics": "metrics",
        "fit": "fit",
    }[settings.kind]
    path, number = folder / f"{stem}-{middle}{settings.ending}", 2
    while str(path) in taken or path.exists():
        path, number = folder / f"{stem}-{middle}-{number}{settings.ending}", number + 1
    return path


def channel_file(out: Path, name: str, first: str) -> Path:
    """File of a channel, named as `triscope render` does: the first one has the plain name."""
    single = out.suffix in (".exr", ".npz") or name == first
    return out if single else out.with_name(f"{out.stem}.{name}{out.suffix}")


def cells_of(settings: ExportSettings) -> int:
    """Pictures of a contact sheet; 0 where its fields are no lists."""
    values = settings.column_values
    if settings.rows == "checkpoints":
        rows = (
            len(settings.checkpoints.split(","))
            if all(p.strip() for p in settings.checkpoints.split(","))
            else 0
        )
    else:
        rows = count_seeds(settings.seeds)
    known = {"yaw": NUMBERS, "psi": NUMBERS, "view": VIEWS}.get(settings.column, NAMES)
    return rows * (values.count(",") + 1) if known.fullmatch(values) else 0


def heads_of(settings: ExportSettings) -> int:
    """Heads of a page; 0 where its field is no list."""
    if not settings.heads.strip():
        return 1
    return count_seeds(settings.heads)


def count_seeds(text: str) -> int:
    """How many seeds `0-3,7` names; 0 for what is no list of seeds."""
    try:
        return len(seeds_in(text))
    except ValueError:
        return 0


def _why_not(
    settings: ExportSettings, info: CheckpointInfo, out: Path, files: tuple[Path, ...], taken: frozenset[str]
) -> str:
    if not out.parent.is_dir():
        return f"There is no folder {out.parent}"
    if any(f.is_dir() for f in files):
        return f"{out.name} is a folder"
    there = next((f.name for f in files if f.exists()), None)
    if there is not None and not settings.overwrite:
        return f"There is a file {there} already: choose another name, or switch Overwrite on"
    if any(str(f) in taken for f in files):
        return f"An export to {out.name} is under way"
    if settings.kind == "metrics" and not (settings.data and expanded(settings.data).exists()):
        return "Choose the set of real images: a folder or zip that is there"
    if settings.kind == "report" and not info.has_proposal:
        return "The sampler report compares learned samples: this checkpoint has no proposal network"
    by_seed = settings.kind == "sheet" and settings.rows == "seeds"
    needs_seeds = settings.kind == "walk" or by_seed or (settings.kind == "page" and settings.heads.strip())
    if needs_seeds and not info.z_dim:
        return "This checkpoint has no latent: there are no seeds to go through"
    if settings.kind == "walk" and count_seeds(settings.walk) < 2:
        return "A walk needs two seeds or more, as 0-3,7"
    if settings.kind == "sheet" and not 1 <= cells_of(settings) <= MAX_CELLS:
        return f"Rows: Seeds as 0-3,7, or paths; columns: numbers as -0.4,0, or names; at most {MAX_CELLS} pictures"
    if settings.kind == "page" and not 1 <= heads_of(settings) <= MOST_TOGETHER:
        return f"Heads are seeds as 0-3,7, at most {MOST_TOGETHER}; empty = the head on the screen"
    return ""


def _tight(text: str) -> str:
    return "".join(text.split())
