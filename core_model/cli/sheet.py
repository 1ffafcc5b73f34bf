"""`triscope sheet CHECKPOINT --out FILE.png|FILE.pdf`: a grid of pictures for looking through, or for a paper.

A row per seed or checkpoint, a column per yaw, psi, view, channel or sampler.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from pydantic import ValidationError
from tyro.conf import arg

from core_model.cli.files import check_output
from core_model.cli.numbers import numbers_of
from core_model.cli.opening import OpenedView, ViewOptions, opened_view
from core_model.cli.options import channels_of, seeds_of
from core_model.cli.parse import parse
from core_model.cli.progress import progress
from core_model.cli.sessions import record_of, rendered
from core_model.output.images import picture, save_pdf, save_png
from core_model.report.contact_sheet import Column, SheetPage, SheetPlan, Value
from core_model.schema.channels import ChannelInfo
from core_model.schema.complaint import first_complaint
from core_model.schema.errors import InputError
from core_model.schema.latent import LatentSpec
from core_model.schema.record import DisplayRange
from core_model.schema.render import RenderRequest

if TYPE_CHECKING:
    from core_model.session import Frame

SUMMARY = "A grid of pictures with captions: rows of seeds or checkpoints, columns of yaws, psis, views, channels or samplers."
DEFAULT_YAWS = (-0.4, -0.2, 0.0, 0.2, 0.4)
DEFAULT_SIZE, SEEDS = 192, "0-4"
COLUMNS: tuple[tuple[str, Column], ...] = (
    ("yaws", "yaw"), ("psis", "psi"), ("views", "view"), ("channels", "channel"), ("samplers", "sampler")
)  # fmt: skip
"""(option, what its values are)."""


@dataclass(frozen=True, kw_only=True)
class SheetOptions(ViewOptions):
    out: Annotated[Path, arg(metavar="FILE.png|FILE.pdf")]
    """the sheet"""
    seeds: Annotated[str | None, arg(metavar="A-B,C", help_behavior_hint="")] = None
    """one row per seed; default: 0-4, of an inverted code its own head"""
    checkpoints: Annotated[str | None, arg(metavar="FILE,FILE,…", help_behavior_hint="")] = None
    """one row per checkpoint, instead of seeds"""
    yaws: Annotated[str | None, arg(metavar="R,R,…", help_behavior_hint="")] = None
    """one column per yaw, rad; default: -0.4 to 0.4 in five steps"""
    psis: Annotated[str | None, arg(metavar="P,P,…", help_behavior_hint="")] = None
    """one column per truncation psi, instead of yaws"""
    views: Annotated[str | None, arg(metavar="YAW:PITCH,…", help_behavior_hint="")] = None
    """one column per view, rad, instead of yaws"""
    channels: Annotated[str | None, arg(metavar="NAME,NAME,…", help_behavior_hint="")] = None
    """one column per channel, instead of yaws"""
    samplers: Annotated[str | None, arg(metavar="NAME[:STRATEGY],…", help_behavior_hint="")] = None
    """one column per sampler, instead of yaws"""
    size: Annotated[int | None, arg(metavar="N", help_behavior_hint="")] = None
    """edge of one picture, pixels; default: 192"""
    channel: Annotated[str, arg(metavar="NAME")] = "rgb"
    """channel to show where the columns are something else"""
    title: Annotated[str | None, arg(metavar="TEXT", help_behavior_hint="")] = None
    """line above the pictures; "" = none; default: checkpoint and channel"""
    row_names: Annotated[str | None, arg(metavar="TEXT,TEXT,…", help_behavior_hint="")] = None
    """captions of the rows; an empty one stays automatic"""
    column_names: Annotated[str | None, arg(metavar="TEXT,TEXT,…", help_behavior_hint="")] = None
    """captions of the columns; an empty one stays automatic"""
    scale_bar: bool = False
    """a round length in world units at the pivot's distance, and a colour bar below each map of numbers"""
    dpi: Annotated[int, arg(metavar="N")] = 300
    """pixels per inch of a PDF"""


def main(args: list[str]) -> None:
    options = parse(SheetOptions, args, "sheet", SUMMARY)
    check_output(options.out, (".png", ".pdf"))
    if not 36 <= options.dpi <= 2400:
        raise InputError(what="bad --dpi", expected="36 to 2400", got=str(options.dpi))
    option, kind, columns = columns_of(options)
    seeds = seeds_of(options.seeds or SEEDS)
    size = options.size or DEFAULT_SIZE  # a stored view's size is that of one large picture
    with opened_view(options, args, "sheet", channels=options.channel, size=size, own_size=True) as view:
        info = view.info
        described = dict(view.channels)
        if kind == "channel":
            described = channels_of(options.channels, info, ())
        request = view.request.replace(channels=view.request.channels[:1])
        rows = checkpoints_of(options, view)
        if not rows and options.seeds is None and info.latent is not None:
            rows = (info.path,)  # the head of an inverted code
        plan = SheetPlan(
            request, () if rows else seeds, kind, columns, rows,
            _names(options.row_names, len(rows or seeds), "--row-names"), _names(options.column_names, len(columns), "--column-names"),
        )  # fmt: skip
        titles = {c.name: c.title for c in described.values()} | {s.name: s.title for s in info.samplers}
        own = info.title or info.header.name or Path(info.path).stem
        what = "" if kind == "channel" else described[request.channels[0]].title
        title = "  ·  ".join(part for part in ("" if rows else own, what) if part)
        maps = any(described[plan.channel_of(i)].kind == "scalar" for i in range(len(columns)))
        page = SheetPage(
            plan, title if options.title is None else options.title, titles, maps and options.scale_bar
        )
        spans: dict[str, DisplayRange] = {d.channel: d for d in view.display}
        cells, frame, last = plan.cells(), None, None
        with progress("sheet") as update:
            for i, cell in enumerate(cells):
                if cell != last:  # the channels of a row come from one render
                    _let_go(view, last, cell, info.path)
                    frame, last = rendered(view.session, cell, lambda stage, fraction: None), cell
                put(page, i, frame, described, spans)
                update(f"picture {i + 1} of {len(cells)}", (i + 1) / len(cells))
        if options.scale_bar:
            page.scale_bar()
            page.colour_bars(spans)
        rows_word = (
            f"--checkpoints {options.checkpoints or info.path}"
            if rows
            else f"--seeds {options.seeds or SEEDS}"
        )
        shown = {plan.channel_of(i) for i in range(len(columns))}
        record = record_of(info, cells[0]).replace(
            motion=f"{rows_word} --{option} {_typed(columns)}",
            display=tuple(span for name, span in spans.items() if name in shown),
            shown=plan.channel_of(0),
        )
        if options.out.suffix.lower() == ".pdf":
            save_pdf(options.out, page.pixels, record, options.dpi)
        else:
            save_png(options.out, page.pixels, record)
    height, width = page.pixels.shape[:2]
    print(f"{options.out}: {plan.rows} x {len(columns)} pictures, {width} x {height}")


def put(
    page: SheetPage,
    index: int,
    frame: "Frame | None",
    described: dict[str, ChannelInfo],
    spans: dict[str, DisplayRange],
) -> None:
    """One cell; scalars keep the first one's range."""
    assert frame is not None
    name = page.plan.channel_of(index % len(page.plan.columns))
    pixels, span = picture(described[name], frame.arrays[name], spans.get(name))
    if span is not None:
        spans[name] = span
    page.put(index, pixels)


def columns_of(options: SheetOptions) -> tuple[str, Column, tuple[Value, ...]]:
    """(option, kind, values) of the columns; raises InputError for two kinds, and for bad values."""
    given: list[tuple[str, Column]] = [c for c in COLUMNS if getattr(options, c[0]) is not None]
    if len(given) > 1:
        raise InputError(
            what="columns given twice", expected=" or ".join(f"--{name}" for name, _ in COLUMNS),
            got=" and ".join(f"--{name}" for name, _ in given),
        )  # fmt: skip
    if not given:
        return "yaws", "yaw", DEFAULT_YAWS
    name, kind = given[0]
    text = getattr(options, name)
    if kind == "yaw" or kind == "psi":
        values = numbers_of(text, f"--{name}")
        for value in values if kind == "psi" else ():
            try:
                LatentSpec(psi=value)
            except ValidationError as error:
                said = first_complaint(error).says
                raise InputError(what=f"bad value of --{name}: {said}", got=f"{value:g}") from None
        return name, kind, values
    parts = tuple(part.strip() for part in text.split(","))
    if not all(parts):
        raise InputError(what=f"bad value of --{name}", expected="names separated by commas", got=text)
    if kind != "view":
        return name, kind, parts
    views = []
    for part in parts:
        yaw, pitch = numbers_of(part.replace(":", ","), "--views", 2, "YAW:PITCH")
        views.append((yaw, pitch))
    return name, kind, tuple(views)


def checkpoints_of(options: SheetOptions, view: OpenedView) -> tuple[str, ...]:
    """Paths of the rows, each looked at before the first picture; raises InputError."""
    from core_model.checkpoints.locate import resolve

    if options.checkpoints is None:
        return ()
    parts = [part.strip() for part in options.checkpoints.split(",")]
    if not all(parts):
        raise InputError(
            what="bad value of --checkpoints", expected="paths separated by commas", got=options.checkpoints
        )
    found = tuple(resolve(part) for part in parts)
    for path in found:
        view.session.open(path)
        _close(view, path)
    return found


def _let_go(view: OpenedView, last: RenderRequest | None, cell: RenderRequest, own: str) -> None:
    """A row's checkpoint is closed when the next row begins: only one is in memory beside the first."""
    before = own if last is None else last.checkpoint
    if before != cell.checkpoint:
        _close(view, before)


def _close(view: OpenedView, path: str) -> None:
    if path != view.info.path:
        view.session.close(path)


def _names(text: str | None, count: int, option: str) -> tuple[str, ...]:
    names = tuple(part.strip() for part in text.split(",")) if text is not None else ()
    if names and len(names) != count:
        raise InputError(
            what=f"bad value of {option}", expected=f"{count} texts separated by commas", got=str(text)
        )
    return names


def _typed(columns: tuple[Value, ...]) -> str:
    """The columns as their option takes them."""
    texts = (
        v if isinstance(v, str) else f"{v[0]:g}:{v[1]:g}" if isinstance(v, tuple) else f"{v:g}"
        for v in columns
    )
    return ",".join(texts)
