"""Export of pictures, videos, walks and contact sheets.

Each export is a triscope command, which the panel shows.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

from imgui_bundle import ImVec2, imgui
from imgui_bundle import icons_fontawesome_6 as fa

from core_model.schema.atomic import write_atomic
from core_model.schema.checkpoint import CheckpointInfo
from core_model.schema.export import python_of
from viewer.features.export.clipboard import WHY_NOT, clipboard_tool
from viewer.features.export.list import draw_list
from viewer.features.export.rows import channel_row, estimate, page_rows, program_rows, sheet_rows, video_rows
from viewer.jobs.command import as_typed
from viewer.jobs.tasks import Tasks
from viewer.state.actions import CopyPicture, CopyText, Dispatch
from viewer.state.document import Document
from viewer.state.export_settings import (
    MAX_SIZE,
    PROGRAMS,
    ExportKind,
    ExportPlan,
    ExportSettings,
    plan_export,
    typed_command,
)
from viewer.state.exports import Exports, taken
from viewer.state.screen import PicturePlace
from viewer.widgets import choice_rows, controls, number_rows
from viewer.widgets.feature import FEATURES, Feature
from viewer.widgets.file_chooser import FileChooser, FileWish
from viewer.widgets.path_field import PathField
from viewer.widgets.shown_picture import ShownPicture
from viewer.widgets.theme import Theme

_KINDS: dict[ExportKind, tuple[str, str]] = {
    "picture": ("Picture", "One picture, as large as you like"),
    "orbit": ("Orbit", "A video of a closed camera path about the present view"),
    "walk": ("Walk", "A video that passes through the w of several seeds"),
    "sheet": (
        "Sheet",
        "A grid of pictures, also for a paper: rows of seeds or checkpoints, columns of views, channels, samplers …",
    ),
    "page": ("Page", "One HTML file that shows heads in any browser: orbit, zoom, colour, normals, depth"),
    "report": (
        "Report",
        "The sampler report of this head and view: figures 3, 4, A5, A6 and A7 with their numbers",
    ),
    "metrics": ("Metrics", "Distances of this checkpoint's pictures to a set of real ones"),
    "fit": (
        "Fit",
        "A new generator that is fitted to heads of the head pack; its folder is a run of the Training workspace",
    ),
}
_FILES = ((".png", "PNG", "Colours; a file per channel"), (".exr", "EXR", "32-bit floats as rendered, all channels in one file"),
          (".npz", "NPZ", "32-bit floats as rendered for numpy, with camera and w"))  # fmt: skip
_SCALARS = (
    ("shown", "As shown", "Colour map and range as in the window"),
    ("grey16", "16-bit grey", "Linear over the range: keeps the values"),
)
WIDE_EM = 50
_SIZES = (512, 1024, 2048, 4096, 8192)


class ExportPanel:
    """The panel's settings live in `exports`, which the command that saves the picture shares."""

    def __init__(self) -> None:
        self._folder = PathField("folder", FileWish("Folder of the exports", "folder"))

    def draw(
        self,
        doc: Document,
        theme: Theme,
        info: CheckpointInfo | None,
        picture: ShownPicture,
        place: PicturePlace,
        tasks: Tasks,
        exports: Exports,
        files: FileChooser,
        dispatch: Dispatch,
    ) -> Document:
        if info is None:
            controls.note(theme, "Exports can be made when a checkpoint is open.")
            draw_list(theme, tasks, dispatch)
            return doc
        settings = exports.settings
        with _column(theme, "what"):
            settings = self._what(settings, theme, info)
        with _column(theme, "where"):
            settings = self._where(
                settings, doc, theme, picture, place, tasks, exports, files, dispatch, info
            )
        with _column(theme, "list"):
            draw_list(theme, tasks, dispatch)
        exports.settings = settings
        return doc

    def _what(self, s: ExportSettings, theme: Theme, info: CheckpointInfo) -> ExportSettings:
        kinds = [(kind, *_KINDS[kind]) for kind in get_args(ExportKind)]
        kind = choice_rows.segmented(theme, "Kind", "kind", s.kind, kinds, tip="What is made")
        s = s if kind == s.kind else s.replace(kind=kind)
        if s.kind == "page":
            return page_rows(theme, s)
        if s.kind in PROGRAMS:
            return program_rows(theme, s)
        if s.kind != "sheet" or s.column != "channel":
            s = s.replace(channels=channel_row(theme, info, s))
        if s.kind == "sheet":
            return sheet_rows(theme, s, info)
        limit = MAX_SIZE[s.kind]
        size = number_rows.drag_int(
            theme, "Size", "##size", min(s.size, limit), speed=4.0, low=16, high=limit, fmt="%d px",
            tip=f"Edge of the picture, pixels, up to {limit}; it is rendered by tiles. Right click for round sizes",
        )  # fmt: skip
        if imgui.begin_popup_context_item("##sizes"):
            for edge in (e for e in _SIZES if e <= limit):
                size = edge if imgui.menu_item(f"{edge} px###{edge}", "", size == edge)[0] else size
            imgui.end_popup()
        s = s.replace(size=size)
        return self._picture(s, theme, info) if s.kind == "picture" else video_rows(theme, s)

    def _picture(self, s: ExportSettings, theme: Theme, info: CheckpointInfo | None) -> ExportSettings:
        suffix = choice_rows.segmented(theme, "File", "suffix", s.suffix, _FILES, tip="Type of the file")
        no_png = "" if suffix == ".png" else "EXR and NPZ hold the values as rendered"
        maps = [c.name for c in info.channels if c.kind == "scalar"] if info else []
        no_maps = no_png or (
            "" if any(n in maps for n in s.channels) else "No chosen channel is a map of numbers"
        )
        tip = "How maps of numbers become pixels"
        scalars = choice_rows.segmented(
            theme, "Maps", "scalars", s.scalars, _SCALARS, tip=tip, why_not=no_maps
        )
        no_cut = no_png or ("" if "rgb" in s.channels else "Only colour has a background")
        cut = choice_rows.toggle(
            theme,
            "Cut out",
            "##transparent",
            s.transparent,
            why_not=no_cut,
            tip="Transparent background: alpha is the opacity of the head",
        )
        return s.replace(suffix=suffix, scalars=scalars, transparent=cut)

    def _where(
        self,
        s: ExportSettings,
        doc: Document,
        theme: Theme,
        picture: ShownPicture,
        place: PicturePlace,
        tasks: Tasks,
        exports: Exports,
        files: FileChooser,
        dispatch: Dispatch,
        info: CheckpointInfo,
    ) -> ExportSettings:
        tip = f"Where the file goes; {theme.key('file.save-picture', 'Save picture')} saves here too"
        controls.label(theme, "Folder", tip)
        folder = self._folder.draw(theme, files, s.folder, tip=f"{tip}\n{s.folder}")
        tip = "Empty: made from checkpoint and seed, with a number that is free"
        controls.label(theme, "Name", tip)
        name = imgui.input_text_with_hint("##name", "automatic", s.name)[1]
        controls.tooltip(tip)
        s = s.replace(folder=folder, name=name)
        plan = plan_export(s, doc, info, picture.frames.arrays, taken(tasks))
        makes = plan.out.name if len(plan.files) == 1 else f"{plan.out.name} and {len(plan.files) - 1} more"
        controls.value_row(theme, "Makes", makes, "\n".join(map(str, plan.files)))
        width = max(
            imgui.get_content_region_avail().x
            - 4 * (imgui.get_frame_height() + imgui.get_style().item_spacing.x),
            5 * theme.em,
        )
        tip = f"Start the export in a process of its own\n{as_typed(plan.arguments(Path('request.json')))}"
        lost = plan.replaced
        if lost:
            tip = "Start the export; what is in these files now is lost:\n" + "\n".join(map(str, lost[:12]))
        if controls.button(
            theme,
            f"{fa.ICON_FA_PLAY}  {'Start and replace' if lost else 'Start'}###start",
            tip=tip,
            why_not=plan.why_not,
            primary=not lost,
            danger=bool(lost),
            width=width,
        ):
            exports.start(plan, tasks)
        self._copies(plan, doc, theme, place, dispatch, info)
        if plan.why_not:
            controls.note(theme, plan.why_not)
        controls.value_row(
            theme,
            "Work",
            estimate(s, plan, picture.result),
            "Estimated from the last full picture on this machine",
        )
        why_not = "" if name.strip() else "An automatic name is always a new one"
        tip = "Replace a file of this name; off: it is protected"
        return s.replace(
            overwrite=choice_rows.toggle(
                theme, "Overwrite", "##overwrite", s.overwrite, why_not=why_not, tip=tip
            )
        )

    def _copies(
        self,
        plan: ExportPlan,
        doc: Document,
        theme: Theme,
        place: PicturePlace,
        dispatch: Dispatch,
        info: CheckpointInfo,
    ) -> None:
        """Four ways to copy the view: no file is written."""
        imgui.same_line()
        if controls.icon_button(
            theme,
            fa.ICON_FA_TERMINAL,
            "copy-command",
            tip="Copy as command: the triscope line that makes the same",
        ):
            dispatch(CopyText(self._command(plan, doc, info), "command"))
        imgui.same_line()
        if controls.icon_button(
            theme,
            fa.ICON_FA_CODE,
            "copy-python",
            tip="Copy as Python: a short program that makes the same arrays",
        ):
            dispatch(CopyText(python_of(plan.record.request, info), "Python program"))
        imgui.same_line()
        tip = "Copy the view as JSON: checkpoint, latent, camera, sampler, channel. Saved as a file it can be dropped on the window"
        if controls.icon_button(theme, fa.ICON_FA_COPY, "copy-view", tip=tip):
            dispatch(CopyText(plan.record.replace(shown=doc.view.channel).model_dump_json(indent=1), "view"))
        imgui.same_line()
        why_not = WHY_NOT if clipboard_tool() is None else "" if place.drawn else "There is no picture yet"
        tip = theme.keyed("Copy the picture on the screen to the clipboard", "file.copy-picture")
        if controls.icon_button(theme, fa.ICON_FA_IMAGE, "copy-picture", tip=tip, why_not=why_not):
            dispatch(CopyPicture())

    def _command(self, plan: ExportPlan, doc: Document, info: CheckpointInfo) -> str:
        """The command as typed; a request too long for a line goes to a file beside the export."""
        beside = plan.out.with_name(f"{plan.out.stem}.view.json")
        command = typed_command(plan, info, doc, str(beside))
        if command.file_text and beside.parent.is_dir():
            write_atomic(beside, command.file_text.encode())
        return as_typed(command.words)


@contextlib.contextmanager
def _column(theme: Theme, name: str) -> Iterator[None]:
    """A third of a wide panel, scrolling by itself; in a narrow one the parts follow each other."""
    room, em = imgui.get_content_region_avail(), theme.em
    if imgui.get_window_width() < WIDE_EM * em:
        yield
        return
    gap = 1.2 * em
    width = (imgui.get_window_width() - 2 * imgui.get_style().window_padding.x - 2 * gap) / 3
    controls.begin_child(f"##{name}", ImVec2(width, room.y))
    try:
        yield
    finally:
        imgui.end_child()
        if name != "list":
            imgui.same_line(0.0, gap)


FEATURES.add("export", lambda: Feature(ExportPanel()))
