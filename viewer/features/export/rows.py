"""Rows of the Export panel: channels, videos, contact sheets, and what an export will cost."""

from __future__ import annotations

from imgui_bundle import imgui

from core_model.schema.checkpoint import CheckpointInfo
from core_model.schema.render import RenderResult, Tier
from viewer.runs.format import duration
from viewer.state.export_settings import PROGRAMS, ExportPlan, ExportSettings, SheetColumn, cells_of, heads_of
from viewer.widgets import choice_rows, controls, number_rows
from viewer.widgets.theme import Theme

_MOTIONS = (("sway", "Sway", "A closed ellipse about the present camera"), ("turn", "Turn", "A full turn at its height"),
            ("still", "Still", "The camera stays"))  # fmt: skip
_ROWS = (
    ("seeds", "Seeds", "A row per seed"),
    ("checkpoints", "Checkpoints", "A row per checkpoint, with this seed"),
)
_COLUMNS: tuple[tuple[SheetColumn, str, str], ...] = (
    ("yaw", "Yaw", "A column per yaw, radians"), ("psi", "Psi", "A column per truncation"),
    ("view", "View", "A column per yaw and pitch, radians"), ("channel", "Channel", "A column per channel, all from one render"),
    ("sampler", "Sampler", "A column per sampler"),
)  # fmt: skip
_VALUES: dict[SheetColumn, str] = {
    "yaw": "yaws", "psi": "psis", "view": "views", "channel": "maps", "sampler": "samplers"
}  # fmt: skip
_PAPER = ((".png", "PNG", "A picture"), (".pdf", "PDF", "A page of 300 pixels per inch"))
_LEVELS = (("128", "128³", "Some 2 MB per head"), ("256", "256³", "Some 6 MB per head"))
_PAGE_MB = {"128": 1.7, "256": 6.4}
"""Per head, of the demo's."""
START_S = 4.0
"""What a process needs to load its libraries."""


def channel_row(theme: Theme, info: CheckpointInfo, s: ExportSettings) -> tuple[str, ...]:
    """A drop-down with a tick per channel; a contact sheet takes one. At least one stays chosen."""
    usable = [c for c in info.channels if info.has_proposal or not c.needs_proposal]
    known = tuple(n for n in s.channels if any(c.name == n for c in usable)) or tuple(
        c.name for c in usable[:1]
    )
    single = s.kind == "sheet"
    chosen = known[:1] if single else known
    titles = ", ".join(next(c.title for c in usable if c.name == n) for n in chosen)
    tip = "Channel of the sheet" if single else "Channels to write; several PNG or MP4 get a file each"
    controls.label(theme, "Channels", tip)
    if not choice_rows.begin_combo(theme, "##channels", titles):
        controls.tooltip(f"{tip}: {titles}")
        return known
    for channel in usable:
        if single:
            if imgui.selectable(f"{channel.title}###{channel.name}", channel.name in chosen)[0]:
                known = (channel.name, *(n for n in known if n != channel.name))
            continue
        changed, ticked = imgui.checkbox(f"{channel.title}###{channel.name}", channel.name in known)
        controls.tooltip(channel.description)
        if changed and ticked:
            known = (*known, channel.name)
        elif changed and len(known) > 1:
            known = tuple(n for n in known if n != channel.name)
    imgui.end_combo()
    return known


def video_rows(theme: Theme, s: ExportSettings) -> ExportSettings:
    """Seeds of a walk, motion, frames and speed."""
    if s.kind == "walk":
        controls.label(
            theme, "Seeds", "The video passes through the w of these seeds and returns to the first"
        )
        s = s.replace(walk=imgui.input_text("##walk", s.walk)[1])
        controls.tooltip(
            "Numbers and ranges: 0-3,7. The video passes through the w of these seeds and returns to the first"
        )
    motion = choice_rows.segmented(theme, "Camera", "motion", s.motion, _MOTIONS, tip="How the camera moves")
    s = s if motion == s.motion else s.replace(motion=motion)
    frames = number_rows.drag_int(
        theme,
        "Frames",
        "##frames",
        s.frames,
        speed=0.5,
        low=1,
        high=100_000,
        tip="Number of frames of the video",
    )
    fps = number_rows.drag_float(
        theme, "Speed", "##fps", s.fps, speed=0.1, low=1.0, high=240.0, fmt="%.0f frames/s",
        tip=f"Frames per second: the video lasts {frames / max(s.fps, 1.0):.1f} s",
    )  # fmt: skip
    why_not = "" if s.motion == "sway" else "Only a sway has a width"
    wide = number_rows.drag_float(
        theme, "Sway", "##yaw-swing", s.yaw_swing, speed=0.005, low=0.0, high=3.14, fmt="%.2f rad", why_not=why_not,
        tip="Half width of the sway",
    )  # fmt: skip
    high = number_rows.drag_float(
        theme, "Rise", "##pitch-swing", s.pitch_swing, speed=0.005, low=0.0, high=1.57, fmt="%.2f rad", why_not=why_not,
        tip="Half height of the sway",
    )  # fmt: skip
    return s.replace(frames=frames, fps=fps, yaw_swing=wide, pitch_swing=high)


def sheet_rows(theme: Theme, s: ExportSettings, info: CheckpointInfo) -> ExportSettings:
    """Rows, columns, size and paper of a sheet."""
    tip = "Edge of one picture of the sheet, pixels"
    cell = number_rows.drag_int(
        theme, "Size", "##cell", s.cell, speed=1.0, low=16, high=1024, fmt="%d px", tip=tip
    )
    rows = choice_rows.segmented(theme, "Rows", "rows", s.rows, _ROWS, tip="What changes from row to row")
    of_files = rows == "checkpoints"
    tip = (
        "Checkpoints, a row each: paths separated by commas"
        if of_files
        else "Seeds, a row each: numbers and ranges as 0-4,9"
    )
    controls.label(theme, "", tip)
    typed = imgui.input_text_with_hint(
        "##seeds", "paths, commas between them" if of_files else "", s.checkpoints if of_files else s.seeds
    )[1]
    controls.tooltip(tip)
    s = s.replace(cell=cell, rows=rows, **{"checkpoints" if of_files else "seeds": typed})
    column = choice_rows.combo(
        theme, "Columns", "##column", s.column, _COLUMNS, tip="What changes from column to column"
    )
    s = s.replace(column=column)
    known = {"channel": [c.name for c in info.channels], "sampler": [w.name for w in info.samplers]}.get(
        column
    )
    tip = {
        "yaw": "Yaws of the columns, radians, separated by commas",
        "psi": "Psis of the columns, separated by commas",
        "view": "Views of the columns: yaw:pitch in radians, separated by commas",
    }.get(column, f"Names separated by commas: {', '.join(known or ())}")
    controls.label(theme, "Values", tip)
    text = imgui.input_text("##values", s.column_values)[1]
    controls.tooltip(tip)
    s = s.replace(**{_VALUES[column]: text})
    paper = choice_rows.segmented(theme, "File", "paper", s.paper, _PAPER, tip="Type of the file")
    bar = choice_rows.toggle(
        theme, "Scale bar", "##scale-bar", s.scale_bar,
        tip="A round length in world units in the first picture of the last row, and a colour bar below each map of numbers",
    )  # fmt: skip
    return s.replace(paper=paper, scale_bar=bar)


def program_rows(theme: Theme, s: ExportSettings) -> ExportSettings:
    """What the sampler report, the metrics and a fit are told."""
    if s.kind == "report":
        size = number_rows.drag_int(
            theme, "Size", "##report-size", s.report_size, speed=1.0, low=32, high=1024, fmt="%d px",
            tip="Edge of the report's pictures, pixels",
        )  # fmt: skip
        return s.replace(report_size=size)
    if s.kind == "fit":
        steps = number_rows.drag_int(
            theme, "Steps", "##fit-steps", s.steps, speed=10.0, low=1, high=1_000_000, fmt="%d steps",
            tip="Steps of the generator; the other settings are the defaults of `triscope fit`",
        )  # fmt: skip
        return s.replace(steps=steps)
    tip = "Set of real images: a folder or zip in EG3D's layout, or generated heads"
    controls.label(theme, "Data", tip)
    data = imgui.input_text_with_hint("##data", "folder or zip", s.data)[1]
    controls.tooltip(tip)
    count = number_rows.drag_int(
        theme, "Pictures", "##count", s.count, speed=10.0, low=2, high=50_000, fmt="%d at most",
        tip="Most pictures per metric; published scores take up to 50000",
    )  # fmt: skip
    return s.replace(data=data, count=count)


def page_rows(theme: Theme, s: ExportSettings) -> ExportSettings:
    """Heads and detail of a page."""
    tip = "Seeds of several heads side by side: numbers and ranges as 0-3,7; empty = the head on the screen"
    controls.label(theme, "Heads", tip)
    heads = imgui.input_text_with_hint("##heads", "this one", s.heads)[1]
    controls.tooltip(tip)
    level = choice_rows.segmented(
        theme, "Detail", "level", s.level, _LEVELS, tip="Cells along an edge of the baked volume"
    )
    return s.replace(heads=heads, level=level)


MANY_STEPS = 1000


def fit_words(steps: int) -> str:
    """What a fit takes (`assets/demo.md`): the mapping learns first, which alone is minutes."""
    cost = "many hours" if steps >= MANY_STEPS else "minutes to hours"
    return f"{steps} steps, {cost} on two cores"


def estimate(s: ExportSettings, plan: ExportPlan, result: RenderResult | None) -> str:
    """Pixels, seconds and, for large pictures, memory."""
    if s.kind == "page":
        count = heads_of(s)
        return f"{'1 head' if count == 1 else f'{count} heads'} at {s.level}³, about {count * _PAGE_MB[s.level]:.0f} MB"
    if s.kind in PROGRAMS:
        return {
            "report": "5 figures and their numbers",
            "metrics": f"up to {s.count} pictures per metric",
        }.get(s.kind, fit_words(s.steps))
    pictures = {"picture": 1, "sheet": cells_of(s)}.get(s.kind, s.frames)
    pixels = pictures * plan.record.request.width * plan.record.request.height
    text = f"{pixels / 1e6:.3g} megapixels" if pictures == 1 else f"{pictures} × {s.edge} px"
    request = result.request if result is not None else None
    if (
        result is not None
        and request is not None
        and request.tier in (Tier.FULL, Tier.REFINED)
        and result.width
    ):
        seconds = START_S + pixels * result.total_ms / 1000.0 / (result.width * result.height)
        text += f", about {duration(seconds)}"
    return text
