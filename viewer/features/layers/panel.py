"""Layers: what every module of the networks returns for the view, as statistics and as pictures of its channels."""

from __future__ import annotations

from imgui_bundle import ImVec2, imgui
from imgui_bundle import icons_fontawesome_6 as fa

from core_model.schema.checkpoint import CheckpointInfo
from core_model.schema.question_layers import CHANNELS_PER_PAGE, ROWS
from viewer.features.layers.asking import Asking, Looked
from viewer.features.layers.files import LayerFiles
from viewer.features.layers.listing import LayerList, about, statistics_lines
from viewer.features.layers.pictures import LayerPictures, Under, under_text
from viewer.state.actions import CopyText, Dispatch, ShowPanel
from viewer.state.document import Document
from viewer.state.layer_view import LayerOrder, LayerRange, LayerView, colour_range, shape_text
from viewer.state.query_cache import QueryCache
from viewer.state.screen import PicturePlace
from viewer.widgets import choice_rows, controls, number_rows
from viewer.widgets.feature import FEATURES, Feature
from viewer.widgets.file_chooser import FileChooser
from viewer.widgets.glyphs import legible
from viewer.widgets.map_rows import map_combo
from viewer.widgets.shown_picture import Present
from viewer.widgets.theme import BODY_PX, Theme

TALL_EM = 55.0
"""From this height on the rows of order, range and colours are unfolded at first."""
WIDE_EM = 46.0
"""From this width on the list stands beside the pictures instead of above them."""
_ORDERS: tuple[tuple[LayerOrder, str, str], ...] = (
    ("index", "Number", "In the order of their numbers"),
    ("rms", "RMS", "Strongest first: root of the mean square of each channel"),
)
_RANGES: tuple[tuple[LayerRange, str, str], ...] = (
    ("layer", "Layer", "From the smallest to the largest value of the layer"),
    ("channel", "Own", "Each channel from its own smallest to its own largest value"),
    ("symmetric", "± max", "The same on both sides of 0, as far as the layer goes"),
    ("fixed", "Fixed", "Two numbers that stay while latent and camera change"),
)


class LayersPanel:
    """Keeps page, search, folds and the last answers; the chosen layer and its look are in the document."""

    def __init__(self) -> None:
        self.asking = Asking()
        self.list = LayerList()
        self.pictures = LayerPictures()
        self.files = LayerFiles()
        self.page = 0
        self.display: bool | None = None
        self._of: tuple[str, str, str] = ("", "", "")

    def draw(
        self,
        doc: Document,
        theme: Theme,
        info: CheckpointInfo | None,
        place: PicturePlace,
        queries: QueryCache,
        present: Present,
        files: FileChooser,
        dispatch: Dispatch,
    ) -> Document:
        if info is None or info.path != doc.checkpoint:
            controls.note(theme, "The layers of the networks appear when a checkpoint is open.")
            return doc
        view = doc.layers
        shown = (info.path, view.part, view.layer)
        if shown != self._of:
            self._of, self.page = shown, 0
        self.asking.ask(doc, info, place.edge_px, queries, self.page, CHANNELS_PER_PAGE)
        em, room = theme.em, imgui.get_content_region_avail()
        wide = room.x > WIDE_EM * em
        if wide:
            controls.begin_child("##layers-left", ImVec2(0.42 * room.x, 0.0))
        parts = self.asking.parts
        fresh = self.list.draw(theme, parts, view, room.y if wide else max(0.25 * room.y, 11.0 * em))
        if self.list.closing:
            dispatch(ShowPanel("Layers", False))
        if wide:
            imgui.end_child()
            imgui.same_line(0.0, 0.8 * em)
            controls.begin_child("##layers-right")
        if self.asking.error is not None:
            with controls.text_colour(theme.palette.bad):
                imgui.text_wrapped(legible(self.asking.error.message))
        fresh = self._layer(theme, info, queries, present, files, dispatch, fresh)
        if wide:
            imgui.end_child()
        return doc if fresh == view else doc.replace(layers=fresh)

    def _layer(
        self, theme: Theme, info: CheckpointInfo, queries: QueryCache, present: Present, files: FileChooser, dispatch: Dispatch,
        view: LayerView,
    ) -> LayerView:  # fmt: skip
        """The chosen layer below or beside the list."""
        looked = self.asking.looked
        known = self.asking.parts.get(view.part)
        if known is None or not any(i.name == view.layer for i in known.layers):
            if any(part.layers for part in self.asking.parts.values()):
                controls.note(theme, "Choose a layer of the list.")
            return view
        if looked is None or (looked.question.part, looked.info.name) != (view.part, view.layer):
            controls.note(theme, f"Asking for {view.layer} …")
            return view
        self._head(theme, looked)
        view = self._rows(theme, looked, view)
        if looked.info.pictures:
            view = self._channels(theme, present, looked, view)
        edge = self._large_edge(theme)
        under = self.pictures.large(theme, present, looked, view, edge)
        self._readout(theme, looked, view, under, dispatch)
        self.pictures.bar(theme, looked, view, under)
        assert self.asking.request is not None
        self.files.draw(theme, info, looked, view, self.asking.request, queries, files, dispatch)
        return view

    def _head(self, theme: Theme, looked: Looked) -> None:
        with controls.font(theme.fonts.mono, BODY_PX * 0.92):
            controls.wrapped(looked.info.name)
        controls.tooltip(about(looked.info))
        told = f"{looked.info.kind}, {shape_text(looked.info)}" + _cut(looked)
        with controls.font(theme.fonts.body, BODY_PX * 0.9), controls.text_colour(theme.palette.muted):
            imgui.same_line(0.0, theme.em)
            controls.below(imgui.get_content_region_avail().x - imgui.calc_text_size(told).x)
            controls.wrapped(told)
            controls.wrapped("   ".join(statistics_lines(looked.info)))
        controls.tooltip(
            "As the module returns it: an activation that the network applies after it is not in it"
        )

    def _rows(self, theme: Theme, looked: Looked, view: LayerView) -> LayerView:
        if self.display is None:  # pictures before rows where there is no room for both
            self.display = imgui.get_window_height() > TALL_EM * theme.em
        self.display = controls.fold(
            theme, "Display", "##layers-display", self.display, tip="Order, colours and range of the pictures"
        )
        if not self.display:
            return view
        fresh = view
        if looked.info.pictures:
            fresh = fresh.replace(
                order=choice_rows.segmented(
                    theme, "Order", "layers-order", view.order, _ORDERS, tip="Order of the small pictures"
                )
            )
        wanted = choice_rows.segmented(
            theme, "Range", "layers-range", view.range, _RANGES, tip="Values that the colours span"
        )
        if wanted == "fixed" and view.range != "fixed":  # begins with what is shown
            low, high = colour_range(view, looked.info, (view.low, view.high))
            fresh = fresh.replace(low=low, high=high)
        fresh = fresh.replace(range=wanted)
        if fresh.range == "fixed":
            ends = []
            for text, value, which in (("Low", fresh.low, "first"), ("High", fresh.high, "last")):
                speed = max(abs(fresh.high - fresh.low), 1e-6) / 300
                ends.append(
                    number_rows.drag_float(
                        theme, text, f"##layers-{text.lower()}", value, speed=speed, low=-1e6, high=1e6, fmt="%.4g",
                        tip=f"Value of the {which} colour, no unit",
                    )
                )  # fmt: skip
            fresh = fresh.replace(low=ends[0], high=ends[1])
        name = map_combo(
            theme, "##layers-colours", fresh.colormap, "Colour map of the pictures; nothing is computed again"
        )
        return fresh.replace(colormap=name)

    def _channels(self, theme: Theme, present: Present, looked: Looked, view: LayerView) -> LayerView:
        """Page, small pictures, and the number of the large one."""
        pages = -(-looked.channels // CHANNELS_PER_PAGE)
        if self.page >= pages:
            self.page = 0
        if pages > 1:
            self._pages(theme, looked, pages)
        line = imgui.get_frame_height_with_spacing()
        left = imgui.get_content_region_avail().y - self._large_edge(theme) - 8.6 * theme.em - 2 * line
        view = self.pictures.grid(theme, present, looked, view, max(left, 6.2 * theme.em))
        last = looked.channels - 1
        channel = number_rows.slider_int(
            theme, "Channel", "##layers-channel", min(view.channel, last), low=0, high=max(last, 1),
            tip=f"Channel of the large picture, 0 to {last}",
        )  # fmt: skip
        return view if channel == min(view.channel, last) else view.replace(channel=min(channel, last))

    def _pages(self, theme: Theme, looked: Looked, pages: int) -> None:
        first = self.page * CHANNELS_PER_PAGE
        last = min(first + CHANNELS_PER_PAGE, looked.channels)
        if controls.icon_button(
            theme, fa.ICON_FA_CHEVRON_LEFT, "layers-before", tip="The channels before",
            why_not="" if self.page else "These are the first channels",
        ):  # fmt: skip
            self.page -= 1
        imgui.same_line()
        if controls.icon_button(
            theme, fa.ICON_FA_CHEVRON_RIGHT, "layers-after", tip="The next channels",
            why_not="" if self.page + 1 < pages else "These are the last channels",
        ):  # fmt: skip
            self.page += 1
        imgui.same_line()
        imgui.align_text_to_frame_padding()
        with controls.text_colour(theme.palette.muted):
            imgui.text_unformatted(f"{first + 1} to {last} of {looked.channels} channels")

    @staticmethod
    def _large_edge(theme: Theme) -> float:
        window = imgui.get_window_height()
        return float(int(min(imgui.get_content_region_avail().x, max(0.25 * window, 9.0 * theme.em), 512.0)))

    def _readout(
        self, theme: Theme, looked: Looked, view: LayerView, under: Under | None, dispatch: Dispatch
    ) -> None:
        channel = min(looked.question.channel, looked.channels - 1)
        title = f"channel {looked.info.channel_title(channel)}" if looked.info.pictures else "all channels"
        text = under_text(looked.info, under) if under is not None else title
        with controls.font(theme.fonts.mono, BODY_PX * 0.86), controls.text_colour(theme.palette.muted):
            controls.wrapped(text)
        if under is not None and self.pictures.clicked:
            dispatch(CopyText(f"{looked.info.name} {title} {text}", "value of the layer"))


def _cut(looked: Looked) -> str:
    """What of a large layer is not shown."""
    info = looked.info
    if not info.pictures:
        return f", the first {ROWS} rows are shown" if info.shape[0] > ROWS else ""
    if looked.channels < info.channels:
        return f", the first {looked.channels} channels were looked at"
    height = looked.arrays["picture"].shape[0]
    return f", shown as means at {height}²" if not info.surface and height < info.shape[-2] else ""


def _layers() -> Feature:
    panel = LayersPanel()
    return Feature(panel, close=panel.files.close)


FEATURES.add("layers", _layers)
