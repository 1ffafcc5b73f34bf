"""Tri-planes of the present latent: channels, RMS and principal components.

Which pixels a cell feeds; planes taken out.
"""

from __future__ import annotations

import numpy as np
from imgui_bundle import ImVec2, imgui
from imgui_bundle import icons_fontawesome_6 as fa

from core_model.schema.channels import ChannelInfo
from core_model.schema.checkpoint import CheckpointInfo
from core_model.schema.question_planes import PlanesQuestion
from viewer.features.planes import overlay as planes_overlay
from viewer.features.planes import plot as planes_plot
from viewer.features.planes.overlay import PlanesLayer, PlanesLink
from viewer.state.document import Document
from viewer.state.plane_view import Cell, cell_place, is_ablated, plane_title, with_ablation
from viewer.state.query_cache import Answer, QueryCache
from viewer.state.screen import PicturePlace
from viewer.widgets import choice_rows, color_bar, controls, number_rows
from viewer.widgets.feature import FEATURES, Feature
from viewer.widgets.glyphs import legible
from viewer.widgets.histogram import HistogramCache
from viewer.widgets.map_rows import map_combo
from viewer.widgets.shown_picture import Present, ShownPicture, ShownRange
from viewer.widgets.theme import BODY_PX, Theme
from viewer.widgets.ticks import fixed

_MODES = (
    ("channel", "Channel", "One channel, as the planes hold it"),
    ("rms", "RMS", "Root of the mean square over all channels: where the planes hold much"),
    ("pca", "PCA", "First three principal components over the texels of all planes, as red, green and blue"),
)
_FILLS = (
    ("mean", "Mean", "Each channel of the plane becomes its own mean: what is left is what the others say"),
    ("zero", "Zero", "The plane becomes zero; where planes are multiplied this wipes out all of them"),
)
_INFO = {
    "channel": ChannelInfo(
        name="planes.channel", title="Channel", kind="scalar", colormap="viridis", decimals=3
    ),
    "rms": ChannelInfo(
        name="planes.rms", title="RMS over channels", kind="scalar", colormap="magma", decimals=3
    ),
    "pca": ChannelInfo(name="planes.pca", title="Principal components", kind="colour", decimals=3),
}
WIDE_EM = 46.0
"""From this width on the squares stand in one row instead of two."""


class PlanesPanel:
    """Zoom and the last answer live here; mode, channel and the chosen cell are in the document."""

    def __init__(self, link: PlanesLink) -> None:
        self.link = link
        self._of: CheckpointInfo | None = None
        self._last: tuple[PlanesQuestion, Answer] | None = None
        self._window = planes_plot.Window()
        self._pictures = planes_plot.PlanePictures()
        self._colours: tuple[int, np.ndarray] | None = None
        self._fill = "mean"
        self._histograms = HistogramCache()

    def draw(
        self,
        doc: Document,
        theme: Theme,
        info: CheckpointInfo | None,
        picture: ShownPicture,
        place: PicturePlace,
        queries: QueryCache,
        present: Present,
    ) -> Document:
        if info is None or info.path != doc.checkpoint:
            controls.note(theme, "The tri-planes appear when a checkpoint is open.")
            return doc
        if not info.plane_channels:
            controls.note(
                theme,
                "This model has no tri-planes: its shape is a formula, so there is nothing to show or to take out.",
            )
            return doc
        if info is not self._of:
            self._of, self._last = info, None
        self.link.frame = imgui.get_frame_count()
        doc = self._rows(doc, theme, info)
        question = PlanesQuestion(
            checkpoint=info.path, latent=doc.latent, precision=doc.quality.precision, level=doc.planes.level, mode=doc.planes.mode,
            channel=doc.planes.channel if doc.planes.mode == "channel" else 0,
        )  # fmt: skip
        found, error = queries.want(question), queries.error(question)
        self.link.answered = found is not None
        if found is not None:
            self._last = (question, found)
        if error is not None:
            with controls.text_colour(theme.palette.bad):
                imgui.text_wrapped(legible(error.message))
        elif self._last is None or self._last[0].mode != doc.planes.mode:
            controls.note(theme, "Asking for the planes …")
        else:
            doc = self._squares(doc, theme, picture, place, present, info, *self._last)
        return self._display(self._ablation(doc, theme), theme)

    def _rows(self, doc: Document, theme: Theme, info: CheckpointInfo) -> Document:
        view, levels = doc.planes, self.link.levels
        mode = choice_rows.segmented(
            theme, "Show", "planes-mode", view.mode, _MODES, tip="What of the planes the squares show"
        )
        fresh = view.replace(mode=mode)
        if levels > 1:
            options = tuple(
                (i, f"Level {i + 1}", "Coarse planes" if i == 0 else "Detail planes") for i in range(levels)
            )
            now = min(view.level, levels - 1)
            tip = "This family adds the features of several levels"
            fresh = fresh.replace(
                level=choice_rows.segmented(theme, "Level", "planes-level", now, options, tip=tip)
            )
        if mode == "channel":
            channel = number_rows.slider_int(
                theme, "Channel", "##planes-channel", min(view.channel, info.plane_channels - 1), low=0, high=info.plane_channels - 1,
                tip=f"Channel of the planes, 0 to {info.plane_channels - 1}",
            )  # fmt: skip
            fresh = fresh.replace(channel=channel)
        return doc if fresh == view else doc.replace(planes=fresh)

    def _display(self, doc: Document, theme: Theme) -> Document:
        """Zoom, colours and range of the squares."""
        view = doc.planes
        mode, fresh = view.mode, view
        if mode != "pca":
            own = _INFO[mode].colormap
            name = map_combo(theme, "##planes-colours", view.colormap or own, "Colour map of the squares")
            fresh = fresh.replace(colormap="" if name == own else name)
            ranges = (
                (False, "Shared", "One range for all three planes"),
                (True, "Each", "Each plane has its own range"),
            )
            tip = "Values that the colours span"
            fresh = fresh.replace(
                own_range=choice_rows.segmented(
                    theme, "Range", "planes-range", view.own_range, ranges, tip=tip
                )
            )
        zoom = number_rows.slider_float(
            theme, "Zoom", "##planes-zoom", self._window.zoom, low=1.0, high=planes_plot.MAX_ZOOM, fmt="%.1f ×",
            tip="Of all three squares. The wheel zooms about the cursor, dragging moves, double click shows the whole plane",
        )  # fmt: skip
        if zoom != self._window.zoom:
            self._window = planes_plot.Window(min(max(zoom, 1.0), planes_plot.MAX_ZOOM), self._window.centre)
        return doc if fresh == view else doc.replace(planes=fresh)

    def _squares(
        self,
        doc: Document,
        theme: Theme,
        picture: ShownPicture,
        place: PicturePlace,
        present: Present,
        info: CheckpointInfo,
        question: PlanesQuestion,
        answer: Answer,
    ) -> Document:
        conv = info.header.conventions
        pictures = answer.arrays["pictures"]
        size = self.link.plane_size = (int(pictures.shape[-1]), int(pictures.shape[-2]))
        self.link.levels = int(answer.values.get("levels", 1))
        shown = self._as_colours(answer) if question.mode == "pca" else pictures
        room, gap = imgui.get_content_region_avail(), 0.6 * theme.em
        columns = 4 if room.x > WIDE_EM * theme.em else 2
        edge = float(int((room.x - (columns - 1) * gap) / columns))
        if columns == 4:
            edge = float(int(max(9.0 * theme.em, min(edge, room.y - 6.0 * theme.em))))
        point, hover, left = (
            planes_overlay.point_under(doc, picture, place, self.link),
            None,
            imgui.get_cursor_pos_x(),
        )
        for plane in range(3):
            if plane % columns:
                imgui.same_line(left + (plane % columns) * (edge + gap))
            imgui.begin_group()
            doc = self._title(doc, theme, info, plane, question.level, edge)
            span = _span(answer, pictures, plane, doc.planes.own_range, question.mode)
            density = imgui.get_io().display_framebuffer_scale.x
            drawn = self._pictures.of(
                plane,
                answer.version,
                shown[plane],
                _INFO[question.mode],
                self._window,
                conv,
                int(edge * density),
            )
            colormap = doc.planes.colormap or _INFO[question.mode].colormap
            touched = planes_plot.draw(
                theme,
                present,
                drawn,
                colormap,
                span,
                plane,
                question.level,
                size,
                conv,
                self._window,
                edge,
                doc.planes.cell,
                point,
            )
            if imgui.is_item_hovered() and imgui.is_mouse_double_clicked(0):
                touched = planes_plot.Touched(touched.hover, False, planes_plot.Window())
            self._window = touched.window
            hover = touched.hover or hover
            if touched.clicked and touched.hover is not None:
                doc = doc.replace(
                    planes=doc.planes.replace(
                        cell=None if touched.hover == doc.planes.cell else touched.hover
                    )
                )
            imgui.end_group()
        imgui.same_line(left + (3 % columns) * (edge + gap))
        controls.begin_child("##planes-info", ImVec2(edge, edge + imgui.get_frame_height_with_spacing()))
        self._words(doc, theme, info, question, answer, hover)
        imgui.end_child()
        return self._chosen(doc, theme, info, question.level)

    def _title(
        self, doc: Document, theme: Theme, info: CheckpointInfo, plane: int, level: int, edge: float
    ) -> Document:
        """Name of the plane, and the eye that takes it out."""
        conv = info.header.conventions
        off, name = is_ablated(doc.latent, level, plane), plane_title(conv, plane)
        imgui.align_text_to_frame_padding()
        with (
            controls.font(theme.fonts.bold, BODY_PX),
            controls.text_colour(theme.palette.warn if off else theme.palette.text),
        ):
            imgui.text_unformatted(
                f"{name} → {doc.latent.ablate.fill}" if off and doc.latent.ablate else f"{name} plane"
            )
        across, up = conv.plane_axes[plane]
        controls.tooltip(
            f"World {across} runs to the right, {up} upwards; the box is {2 * conv.box:g} world units wide"
        )
        imgui.same_line(edge - imgui.get_frame_height())
        icon = fa.ICON_FA_EYE_SLASH if off else fa.ICON_FA_EYE
        out = f"Take the {name} plane out: every picture is rendered with it set to {self._words_of_fill()} until it is put back"
        tip = f"Put the {name} plane back" if off else out
        if controls.icon_button(theme, icon, f"ablate-{plane}", tip=tip):
            doc = doc.replace(latent=with_ablation(doc.latent, level, plane, not off, self._fill))
        return doc

    def _words_of_fill(self) -> str:
        return "its mean" if self._fill == "mean" else "zero"

    def _as_colours(self, answer: Answer) -> np.ndarray:
        """Projections [3, 3, H, W] → colours in [0, 1]; what lies beyond the shown range is cut."""
        if self._colours is None or self._colours[0] != answer.version:
            low, high = (answer.arrays[n][None, :, None, None] for n in ("low", "high"))
            spread = np.where(high > low, high - low, 1.0)
            self._colours = (
                answer.version,
                np.clip((answer.arrays["pictures"] - low) / spread, 0.0, 1.0).astype(np.float32),
            )
        return self._colours[1]

    def _words(
        self,
        doc: Document,
        theme: Theme,
        info: CheckpointInfo,
        question: PlanesQuestion,
        answer: Answer,
        hover: Cell | None,
    ) -> None:
        """The fourth quarter: colour bar or components, the cell under the cursor."""
        conv, pictures = info.header.conventions, answer.arrays["pictures"]
        picture = None if hover is None else pictures[hover.plane][..., hover.row, hover.column]
        if question.mode == "pca":
            _components(theme, answer)
        else:
            title = f"Channel {question.channel}" if question.mode == "channel" else "RMS"
            of = f" of {plane_title(conv, hover.plane if hover else 0)}" if doc.planes.own_range else ""
            controls.note(theme, f"{title}{of}, no unit")
            span = _span(answer, pictures, hover.plane if hover else 0, doc.planes.own_range, question.mode)
            info_of = _INFO[question.mode]
            marked = None if picture is None else float(picture)
            values = pictures[hover.plane if hover else 0] if doc.planes.own_range else pictures
            found = self._histograms.of(
                answer.version, f"{of}{question.channel}", values, span.low, span.high
            )
            color_bar.horizontal_bar(
                theme, info_of, doc.planes.colormap or info_of.colormap, False, span, found, marked
            )
        size = (int(pictures.shape[-1]), int(pictures.shape[-2]))
        if hover is None:
            controls.note(theme, f"{size[0]} × {size[1]} texels\n{answer.values.get('channels', 0)} channels")
        else:
            _cell_lines(theme, info, hover, size, picture)

    def _chosen(self, doc: Document, theme: Theme, info: CheckpointInfo, level: int) -> Document:
        """Which pixels the chosen cell feeds."""
        cell, conv = doc.planes.cell, info.header.conventions
        if cell is None or cell.level != level:
            controls.value_row(
                theme, "Cell", "click one in a plane", "Shows the pixels of the picture that read this texel"
            )
            return doc
        controls.label(
            theme, "Cell", "The chosen texel and the pixels of the picture whose surface point reads it"
        )
        imgui.align_text_to_frame_padding()
        count = self.link.fed.pixels
        imgui.text_unformatted(
            f"{plane_title(conv, cell.plane)} {cell.column}, {cell.row} feeds {count} pixel{'' if count == 1 else 's'}"
        )
        imgui.same_line(0.0, theme.em)
        if controls.icon_button(theme, fa.ICON_FA_XMARK, "planes-release", tip="Choose no cell"):
            doc = doc.replace(planes=doc.planes.replace(cell=None))
        return doc

    def _ablation(self, doc: Document, theme: Theme) -> Document:
        ablate = doc.latent.ablate
        if ablate is not None:
            self._fill = ablate.fill
        tip = "What takes the place of a plane whose eye is closed"
        fill = choice_rows.segmented(theme, "Filled with", "planes-fill", self._fill, _FILLS, tip=tip)
        if fill != self._fill:
            self._fill = fill
            if ablate is not None:
                doc = doc.replace(latent=doc.latent.replace(ablate=ablate.replace(fill=fill)))
        why_not = "" if ablate is not None else "No plane is hidden: click the eye beside a plane's name"
        tip = "Render with the planes as the generator made them"
        if controls.button(
            theme, f"{fa.ICON_FA_EYE}  All planes back###planes-back", tip=tip, why_not=why_not
        ):
            doc = doc.replace(latent=doc.latent.replace(ablate=None))
        return doc


def _span(answer: Answer, pictures: np.ndarray, plane: int, own: bool, mode: str) -> ShownRange:
    """Range of a plane's colours."""
    if mode == "pca":
        return ShownRange(0.0, 1.0)
    source = pictures[plane] if own else None
    low = float(source.min()) if source is not None else float(answer.arrays["low"][0])
    high = float(source.max()) if source is not None else float(answer.arrays["high"][0])
    return ShownRange(low, high if high > low else low + 1e-6)


def _components(theme: Theme, answer: Answer) -> None:
    controls.note(theme, "Share of variance")
    shares = answer.values.get("explained", (0.0, 0.0, 0.0))
    for index, (letter, share) in enumerate(zip("RGB", shares, strict=True)):
        red, green, blue = (0.9 if i == index else 0.25 for i in range(3))
        corner, em = imgui.get_cursor_screen_pos(), theme.em
        imgui.get_window_draw_list().add_rect_filled(
            ImVec2(corner.x, corner.y + 0.15 * em),
            ImVec2(corner.x + 0.8 * em, corner.y + 0.95 * em),
            theme.colour((red, green, blue)),
            0.15 * em,
        )
        imgui.set_cursor_pos_x(imgui.get_cursor_pos_x() + 1.2 * em)
        with controls.font(theme.fonts.mono, BODY_PX * 0.9):
            imgui.text_unformatted(f"{letter}  {100 * share:4.1f} %")


def _cell_lines(
    theme: Theme, info: CheckpointInfo, cell: Cell, size: tuple[int, int], value: np.ndarray | None
) -> None:
    """Cell, its place in the world, its value."""
    conv = info.header.conventions
    axes, place = conv.plane_axes[cell.plane], cell_place(cell, size, conv)
    lines = [f"{plane_title(conv, cell.plane)} {cell.column}, {cell.row}"]
    lines.append("  ".join(f"{a} {fixed(v, 3)}" for a, v in zip(axes, place, strict=True)))
    if value is not None:
        values = np.atleast_1d(value)
        lines.append(" ".join(fixed(float(v), 3 if len(values) == 1 else 2) for v in values))
    with controls.font(theme.fonts.mono, BODY_PX * 0.9):
        for line in lines:
            controls.wrapped(line)


def _planes() -> Feature:
    link = PlanesLink()
    return Feature(PlanesPanel(link), PlanesLayer(link))


FEATURES.add("planes", _planes)
