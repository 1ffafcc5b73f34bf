"""A layer as files: its small pictures on a sheet (PNG), or all its values as arrays (NPZ). Both carry the record of the view."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from imgui_bundle import icons_fontawesome_6 as fa
from imgui_bundle import imgui

from core_model.schema.assets import asset_path
from core_model.schema.atomic import atomic_path
from core_model.schema.checkpoint import CheckpointInfo
from core_model.schema.colormaps import COLOURS, colour_table
from core_model.schema.errors import InputError
from core_model.schema.question_layers import LayerInfo, LayerValuesQuestion, fields_of
from core_model.schema.record import KEY, NPZ_KEY, RenderRecord
from core_model.schema.render import RenderRequest
from viewer.features.layers.asking import Looked
from viewer.features.layers.listing import statistics_lines
from viewer.features.layers.pictures import extremes, large_picture, sampled, to_own_range
from viewer.state.actions import Dispatch, ShowFolder
from viewer.state.array_files import save_arrays
from viewer.state.layer_view import LayerView, colour_range, shape_text
from viewer.state.query_cache import QueryCache
from viewer.widgets import controls
from viewer.widgets.file_chooser import FileChooser, FileWish
from viewer.widgets.theme import Theme
from viewer.widgets.ticks import nice_ticks, tick_text

if TYPE_CHECKING:
    from PIL import Image, ImageFont

SHEET_CELL = 128
"""Least edge of a channel on the sheet, pixels."""
SHEET_COLUMNS = 8
_MARGIN = 16
_INK, _SOFT, _PAPER = (32, 36, 44), (90, 98, 110), (255, 255, 255)


class LayerFiles:
    """Keeps what is being written, and what was said of the last file."""

    def __init__(self) -> None:
        self.note = ""
        self.written = ""
        self._wanted: tuple[LayerValuesQuestion, RenderRequest, Path] | None = None
        self._writer: threading.Thread | None = None

    def draw(
        self,
        theme: Theme,
        info: CheckpointInfo,
        looked: Looked,
        view: LayerView,
        request: RenderRequest,
        queries: QueryCache,
        files: FileChooser,
        dispatch: Dispatch,
    ) -> None:
        record = RenderRecord(checkpoint_sha256=info.sha256, family=info.family, request=request)
        why_not = "A file is being written" if self.busy else ""
        stem = looked.info.name.replace(":", "-")
        if controls.button(
            theme, f"{fa.ICON_FA_IMAGE} PNG …###layers-png", why_not=why_not,
            tip="Write the small pictures of this page with their numbers and the colour bar on a sheet",
        ):  # fmt: skip
            then = lambda path: self._write(path, lambda: write_sheet(path, info, looked, view, record))
            files.ask(
                FileWish("Save a sheet of this layer", "save", (("PNG", (".png",)),), f"{stem}.png"),
                _ending(then, ".png"),
            )
        imgui.same_line()
        if controls.button(
            theme, f"{fa.ICON_FA_TABLE} NPZ …###layers-npz", why_not=why_not,
            tip="Write all values of this layer as arrays of numpy, with the names of its channels",
        ):  # fmt: skip
            question = LayerValuesQuestion.model_validate(
                fields_of(looked.question.part, request) | {"layer": looked.info.name}
            )
            files.ask(
                FileWish("Save the values of this layer", "save", (("NPZ", (".npz",)),), f"{stem}.npz"),
                _ending(lambda path: setattr(self, "_wanted", (question, request, path)), ".npz"),
            )
        if self.written:
            imgui.same_line()
            if controls.icon_button(
                theme, fa.ICON_FA_FOLDER_OPEN, "layers-folder", tip=f"Show the folder of {self.written}"
            ):
                dispatch(ShowFolder(self.written))
        self._values(info, queries)
        if self.note:
            controls.note(theme, self.note)

    @property
    def busy(self) -> bool:
        return self._wanted is not None or (self._writer is not None and self._writer.is_alive())

    def _values(self, info: CheckpointInfo, queries: QueryCache) -> None:
        """Once the values are there: write them."""
        if self._wanted is None:
            return
        question, request, path = self._wanted
        answer, error = queries.want(question), queries.error(question)
        if answer is None and error is None:
            self.note = "Asking for the values …"
            return
        self._wanted = None
        if answer is None:
            self.note = "" if error is None else error.message
            return
        queries.forget(question)  # they may be as large as all other answers together
        layer, kept = LayerInfo.model_validate(answer.values["layer"]), int(answer.values["kept"])
        record = RenderRecord(checkpoint_sha256=info.sha256, family=info.family, request=request)
        arrays = npz_arrays(layer, answer.arrays["values"], record)
        all_of = layer.channels if layer.pictures else layer.shape[0]
        what = "channels" if layer.pictures else "rows"
        cut = "" if kept >= all_of else f": the first {kept} of {all_of} {what}"
        self._write(path, lambda: save_arrays(path, "layer", arrays), cut)

    def _write(self, path: Path, write: Callable[[], None], more: str = "") -> None:
        """In a thread: the values of a layer may be 64 MiB."""

        def work() -> None:
            try:
                write()
            except InputError as error:
                self.note = str(error)
            else:
                self.note, self.written = f"Wrote {path.name}{more}", str(path)

        self.note = "Writing …"
        self._writer = threading.Thread(target=work, name="layer-file", daemon=True)
        self._writer.start()

    def close(self) -> None:
        """The window closes: what is being written is finished first."""
        if self._writer is not None:
            self._writer.join()


def _ending(then: Callable[[Path], None], suffix: str) -> Callable[[Path], None]:
    """A name that was typed without its ending gets it."""
    return lambda path: then(path if path.suffix else path.with_suffix(suffix))


def npz_arrays(layer: LayerInfo, values: np.ndarray, record: RenderRecord) -> dict[str, np.ndarray]:
    """values [K, H, W] or [N, C]; channels [K]: their titles; `layer` and `provenance`: JSON."""
    names = [layer.channel_title(c) for c in range(len(values) if layer.pictures else values.shape[-1])]
    return {
        "values": values,
        "channels": np.array(names),
        "layer": np.array(layer.model_dump_json()),
        NPZ_KEY: np.array(record.model_dump_json()),
    }


def write_sheet(
    path: Path, info: CheckpointInfo, looked: Looked, view: LayerView, record: RenderRecord
) -> None:
    """The page of small pictures, or the rows, with numbers, statistics and colour bar; raises InputError."""
    from PIL import Image, ImageDraw, PngImagePlugin

    layer = looked.info
    pictures, own = layer.pictures, view.range == "channel"
    cells = looked.arrays["cells"] if pictures else large_picture(looked)[None]
    titles = [layer.channel_title(int(c)) for c in looked.arrays["which"]] if pictures else [""]
    edge = max(SHEET_CELL, cells.shape[-1]) if pictures else 6 * SHEET_CELL
    columns = min(SHEET_COLUMNS, len(cells))
    lines = -(-len(cells) // columns)
    top, foot, label = 84, 64, 18
    wide = max(columns * (edge + 8) + 2 * _MARGIN, 640)
    page = Image.new("RGB", (wide, top + lines * (edge + label + 6) + foot), _PAPER)
    pen = ImageDraw.Draw(page)
    pen.text((_MARGIN, 12), f"{layer.name} ({layer.kind}), {shape_text(layer)}", fill=_INK, font=_font(20))
    seed = ", ".join(str(s.seed) for s in record.request.latent.seeds)
    pen.text((_MARGIN, 40), f"{Path(info.path).name}, seed {seed}", fill=_SOFT, font=_font(13))
    pen.text((_MARGIN, 58), "   ".join(statistics_lines(layer)), fill=_SOFT, font=_font(13))
    low, high = colour_range(view, layer, extremes(cells))
    shown, span = (to_own_range(cells), (0.0, 1.0)) if own else (cells, (low, high))
    for place, cell in enumerate(shown):
        x, y = _MARGIN + place % columns * (edge + 8), top + place // columns * (edge + label + 6)
        page.paste(Image.fromarray(coloured(sampled(cell, edge, edge), view.colormap, *span)), (x, y))
        pen.text((x, y + edge + 2), titles[place], fill=_SOFT, font=_font(12))
    _legend(page, view, None if own else (low, high))
    text = PngImagePlugin.PngInfo()
    text.add_itxt(KEY, record.model_dump_json(), zip=True)
    with atomic_path(path) as temporary:
        page.save(temporary, "PNG", pnginfo=text)


def _legend(page: Image.Image, view: LayerView, span: tuple[float, float] | None) -> None:
    """The colour bar along the lower edge; span None: each channel has its own range."""
    from PIL import Image, ImageDraw

    pen, font = ImageDraw.Draw(page), _font(12)
    left, wide, y = _MARGIN, min(480, page.width - 2 * _MARGIN), page.height - 52
    ramp = np.broadcast_to(np.linspace(0.0, 1.0, wide), (14, wide))
    page.paste(Image.fromarray(coloured(ramp, view.colormap, 0.0, 1.0)), (left, y))
    if span is None:
        pen.text((left, y + 20), "smallest value of each channel", fill=_INK, font=font)
        pen.text((left + wide, y + 20), "largest value of each channel", fill=_INK, font=font, anchor="ra")
        return
    low, high = span
    ticks = nice_ticks(low, high, 5)
    step = ticks[1] - ticks[0] if len(ticks) > 1 else 1.0
    for tick in ticks:
        x = left + (tick - low) / (high - low) * wide
        pen.line([(x, y + 14), (x, y + 18)], fill=_SOFT)
        pen.text((x, y + 20), tick_text(tick, step), fill=_INK, font=font, anchor="ma")


def _font(size: int) -> ImageFont.FreeTypeFont:
    from PIL import ImageFont

    return ImageFont.truetype(str(asset_path("fonts/Inter-Regular.otf")), size)


def coloured(values: np.ndarray, colormap: str, low: float, high: float) -> np.ndarray:
    """[H, W] → [H, W, 3] uint8; where there is no value (NaN) light grey."""
    known = np.isfinite(values)
    share = np.where(known, (np.where(known, values, 0.0) - low) / max(high - low, 1e-20), 0.0).clip(0.0, 1.0)
    pixels = (
        colour_table(colormap, instead="viridis")[np.rint(share * (COLOURS - 1)).astype(int)] * 255.0 + 0.5
    ).astype(np.uint8)
    pixels[~known] = 225
    return pixels
