"""`triscope sheet CHECKPOINT --out FILE.png --seeds A-B --yaws …`: a contact sheet, a row per seed, a column
per yaw or psi.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from tyro.conf import arg

from core_model.cli.files import check_output
from core_model.cli.mesh import numbers_of, seeds_of
from core_model.cli.opening import ViewOptions, opened_view
from core_model.cli.parse import parse
from core_model.cli.progress import progress
from core_model.cli.sessions import record_of, rendered
from core_model.output.images import picture, save_png
from core_model.report.contact_sheet import SheetPage, SheetPlan
from core_model.schema.errors import InputError

SUMMARY = "A contact sheet: rows of seeds, columns of yaws or psis, with captions."
DEFAULT_YAWS = (-0.4, -0.2, 0.0, 0.2, 0.4)
DEFAULT_SIZE = 192


@dataclass(frozen=True, kw_only=True)
class SheetOptions(ViewOptions):
    out: Annotated[Path, arg(metavar="FILE.png")]
    """the sheet"""
    seeds: Annotated[str, arg(metavar="A-B,C")] = "0-4"
    """one row per seed"""
    yaws: Annotated[str | None, arg(metavar="R,R,…", help_behavior_hint="")] = None
    """one column per yaw, rad; default: -0.4 to 0.4 in five steps"""
    psis: Annotated[str | None, arg(metavar="P,P,…", help_behavior_hint="")] = None
    """one column per truncation psi, instead of yaws"""
    size: Annotated[int | None, arg(metavar="N", help_behavior_hint="")] = None
    """edge of one picture, pixels; default: 192"""
    channel: Annotated[str, arg(metavar="NAME")] = "rgb"
    """channel to show"""


def main(args: list[str]) -> None:
    options = parse(SheetOptions, args, "sheet", SUMMARY)
    check_output(options.out, (".png",))
    if options.yaws is not None and options.psis is not None:
        raise InputError(what="columns given twice", expected="--yaws or --psis", got="both")
    seeds = seeds_of(options.seeds)
    columns = (
        numbers(options.psis, "--psis")
        if options.psis is not None
        else numbers(options.yaws, "--yaws") or DEFAULT_YAWS
    )
    size = options.size or DEFAULT_SIZE  # a stored view's size is that of one large picture
    with opened_view(options, args, "sheet", channels=options.channel, size=size, own_size=True) as view:
        info = view.info
        request = view.request.replace(channels=view.request.channels[:1])
        channel = view.channels[request.channels[0]]
        plan = SheetPlan(request, tuple(seeds), "psi" if options.psis is not None else "yaw", tuple(columns))
        page = SheetPage(
            plan, f"{info.title or info.header.name or Path(info.path).stem}  ·  {channel.title}"
        )
        shown = next((d for d in view.display if d.channel == channel.name), None)
        cells = plan.cells()
        with progress("sheet") as update:
            for i, cell in enumerate(cells):
                frame = rendered(view.session, cell, lambda stage, fraction: None)
                pixels, shown = picture(
                    channel, frame.arrays[channel.name], shown
                )  # scalars keep the first one's range
                page.put(i, pixels)
                update(f"picture {i + 1} of {len(cells)}", (i + 1) / len(cells))
        words = f"--seeds {options.seeds} --{plan.kind}s {','.join(f'{v:g}' for v in columns)}"
        display = () if shown is None else (shown,)
        save_png(
            options.out,
            page.pixels,
            record_of(info, cells[0]).replace(motion=words, display=display, shown=channel.name),
        )
    height, width = page.pixels.shape[:2]
    print(f"{options.out}: {len(seeds)} x {len(columns)} pictures, {width} x {height}")


def numbers(text: str | None, option: str) -> tuple[float, ...]:
    """`a,b,c` as numbers; empty without a text. Raises InputError."""
    return numbers_of(text, option, text.count(",") + 1) or () if text is not None else ()
