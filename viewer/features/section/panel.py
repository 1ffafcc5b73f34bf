"""Cross-section: the field on a plane through the scene, beside the picture, with iso-lines and marks."""

from __future__ import annotations

import numpy as np
from imgui_bundle import ImVec2, imgui
from imgui_bundle import icons_fontawesome_6 as fa

from core_model.schema.checkpoint import CheckpointInfo
from core_model.schema.question_planes import SectionQuestion, offset_reach, slice_frame
from viewer.features.section import plot as section_plot
from viewer.features.section.contour import zero_contour
from viewer.features.section.overlay import SectionLayer, SectionLink
from viewer.state.actions import Dispatch
from viewer.state.document import Document
from viewer.state.query_cache import Answer, QueryCache
from viewer.state.section import (
    COARSE,
    QUANTITIES,
    SectionView,
    automatic_range,
    quantities_of,
    quantity_of,
    question_of,
)
from viewer.state.shown_map import ShownMap
from viewer.widgets import choice_rows, color_bar, controls, number_rows, typed
from viewer.widgets.feature import FEATURES, Feature
from viewer.widgets.histogram import HistogramCache
from viewer.widgets.map_rows import colour_rows, view_of
from viewer.widgets.shown_picture import Present, ShownPicture, ShownRange
from viewer.widgets.theme import Theme

_AXIS_OPTIONS = (
    ("x", "x", "Across the head: seen from the +x side, the front is at the left"),
    ("y", "y", "Horizontal: seen from above, the front is at the lower edge"),
    ("z", "z", "Parallel to the face: seen from the front"),
    ("free", "Free", "Any normal; starts at the camera's view or the last plane"),
)
_SIZES = ((96, "96²", ""), (128, "128²", ""), (192, "192²", ""), (256, "256²", ""))
WIDE_EM = 44.0
"""From this width on the slice stands beside the rows instead of above them."""


class SectionPanel:
    """Keeps the last slice that was answered, so that the picture stays while the next one is on its way."""

    def __init__(self, link: SectionLink) -> None:
        self.link = link
        self._of: CheckpointInfo | None = None
        self._last: tuple[SectionQuestion, Answer] | None = None
        self._piece: tuple[tuple[object, ...], section_plot.Slice] | None = None
        self._version = 0
        self._cut = np.zeros((0, 2, 3))
        self._histograms = HistogramCache()

    def draw(
        self,
        doc: Document,
        theme: Theme,
        info: CheckpointInfo | None,
        picture: ShownPicture,
        queries: QueryCache,
        present: Present,
        dispatch: Dispatch,
    ) -> Document:
        if info is None or info.path != doc.checkpoint:
            controls.note(theme, "A slice through the field appears when a checkpoint is open.")
            return doc
        box = info.header.conventions.box
        self.link.frame = imgui.get_frame_count()
        em, room = theme.em, imgui.get_content_region_avail()
        name = quantity_of(doc.section, info)
        question = self._ask(doc, queries, info)
        piece = self._slice(name, box)
        self.link.cut = self._cut
        wide = room.x > WIDE_EM * em
        if not wide:
            doc = self._plane_rows(doc, theme, picture, info, box)
        quantity = QUANTITIES[name]
        view = view_of(doc, quantity)
        low, high = view.low, view.high
        if view.auto_range:
            low, high = (
                automatic_range(piece.shown.values, quantity.centre) if piece is not None else (0.0, 1.0)
            )
        span = ShownRange(low, high if high > low else low + 1e-6)
        if wide:
            imgui.begin_group()
        # the value under the cursor stays in sight below the slice
        below = 8.5 * em if wide else 3.2 * em
        edge = max(13.0 * em, min(room.x, imgui.get_content_region_avail().y - below, 40.0 * em))
        self._picture(
            doc,
            theme,
            picture,
            queries,
            present,
            dispatch,
            question,
            piece,
            span,
            edge,
            room.x if not wide else edge,
        )
        if wide:
            imgui.end_group()
            imgui.same_line(0.0, 1.2 * em)
            controls.begin_child("##section-rows", ImVec2(0.0, 0.0))
            doc = self._plane_rows(doc, theme, picture, info, box)
        doc = colour_rows(doc, theme, quantity, span)
        doc = self._foot(doc, theme)
        if wide:
            imgui.end_child()
        return doc

    def _ask(self, doc: Document, queries: QueryCache, info: CheckpointInfo) -> SectionQuestion:
        """A coarse slice follows a drag; the fine one is asked for when the button is up.

        Nothing of another checkpoint stays.
        """
        if info is not self._of:
            self._of, self._last, self._piece, self._cut = info, None, None, np.zeros((0, 2, 3))
        precision = doc.quality.precision
        fine = question_of(doc.section, info, doc.latent, precision, doc.section.size)
        found, question = queries.peek(fine), fine
        if found is None and imgui.is_mouse_down(0):
            question = question_of(doc.section, info, doc.latent, precision, COARSE)
        found = queries.want(question)
        self.link.answered = found is not None
        if found is not None:
            self._last = (question, found)
        return question

    def _slice(self, name: str, box: float) -> section_plot.Slice | None:
        """The last answer as a map of quantity `name`; None before there is one that holds it."""
        if self._last is None:
            return None
        question, answer = self._last
        key = (answer.version, name)
        if self._piece is None or self._piece[0] != key:
            if name not in answer.arrays:
                return None
            self._version += 1
            shown = ShownMap(QUANTITIES[name].info, answer.arrays[name], self._version)
            frame = slice_frame(question.normal, question.offset, box)
            self._piece = (key, section_plot.Slice(shown, frame, question.normal, question.offset))
            segments = zero_contour(answer.arrays["sdf"]) if "sdf" in answer.arrays else np.zeros((0, 2, 2))
            self._cut = frame.world(segments[..., 0], segments[..., 1])
        return self._piece[1]

    def _picture(
        self, doc: Document, theme: Theme, picture: ShownPicture, queries: QueryCache, present: Present, dispatch: Dispatch,
        question: SectionQuestion, piece: section_plot.Slice | None, span: ShownRange, edge: float, width: float,
    ) -> None:  # fmt: skip
        corner = imgui.get_cursor_screen_pos()
        error = queries.error(question)
        if piece is None or error is not None:
            imgui.dummy(ImVec2(edge, edge))
            draw = imgui.get_window_draw_list()
            draw.add_rect_filled(
                corner, ImVec2(corner.x + edge, corner.y + edge), theme.colour(theme.palette.field, 0.55)
            )
            text = "Evaluating the field …" if error is None else error.message
            draw.add_text(
                theme.fonts.body, imgui.get_font_size(), ImVec2(corner.x + theme.em, corner.y + 0.45 * edge),
                theme.colour(theme.palette.muted if error is None else theme.palette.bad), text, wrap_width=edge - 2 * theme.em,
            )  # fmt: skip
            self.link.slice_point = None
            return
        view = view_of(doc, QUANTITIES[piece.shown.channel.name.removeprefix("section.")])
        imgui.set_cursor_pos_x(imgui.get_cursor_pos_x() + max(0.0, round(0.5 * (width - edge))))
        under = section_plot.draw(doc, theme, picture, present, dispatch, piece, view, span, edge)
        self.link.slice_point = None if under is None else under.point
        section_plot.readout(theme, piece, under)
        marked = None if under is None else under.value
        found = self._histograms.of(
            piece.shown.version, piece.shown.channel.name, piece.shown.values, span.low, span.high
        )
        controls.note(theme, color_bar.unit_text(piece.shown.channel))
        color_bar.horizontal_bar(theme, piece.shown.channel, view.colormap, view.invert, span, found, marked)

    def _plane_rows(
        self, doc: Document, theme: Theme, picture: ShownPicture, info: CheckpointInfo, box: float
    ) -> Document:
        view = doc.section
        tip = "World axis that the plane is perpendicular to"
        axis = choice_rows.segmented(theme, "Plane", "section-axis", view.axis, _AXIS_OPTIONS, tip=tip)
        fresh = view
        if axis != view.axis:
            fresh = view.replace(axis=axis, normal=view.direction if axis == "free" else view.normal)
            reach = offset_reach(fresh.direction, box)
            fresh = fresh.replace(offset=min(max(fresh.offset, -reach), reach))
        if fresh.axis == "free":
            fresh = _normal_row(theme, picture, fresh)
        reach = offset_reach(fresh.direction, box)
        offset = number_rows.slider_float(
            theme, "Offset", "##section-offset", fresh.offset, low=-reach, high=reach, fmt="%.4f world units",
            tip="Distance of the plane from the origin along its normal, world units. The handle in the picture drags it too",
        )  # fmt: skip
        names = quantities_of(info)
        known = [QUANTITIES[n].info for n in names]
        options = [
            (n, i.title, f"{i.description} [{i.unit or 'no unit'}]")
            for n, i in zip(names, known, strict=True)
        ]
        shown = quantity_of(view, info)
        quantity = choice_rows.combo(
            theme, "Shows", "##section-quantity", shown, options, tip="What of the field the slice shows"
        )
        if quantity != shown:
            fresh = fresh.replace(quantity=quantity)
        fresh = fresh.replace(offset=min(max(offset, -reach), reach))
        return doc if fresh == view else doc.replace(section=fresh)

    def _foot(self, doc: Document, theme: Theme) -> Document:
        view = doc.section
        outline = choice_rows.toggle(
            theme, "In picture", "##section-outline", view.outline,
            tip="Draw the plane over the picture, with a handle that drags it along its normal",
        )  # fmt: skip
        tip = f"Pixels per edge of the slice at rest; while it is dragged it has {COARSE}²"
        size = choice_rows.segmented(theme, "Size", "section-size", view.size, _SIZES, tip=tip)
        if self._last is not None:
            ms = self._last[1].values.get("ms")
            if isinstance(ms, float):
                text = f"{self._last[0].size}² in {ms:.0f} ms"
                controls.value_row(
                    theme, "Evaluated", text, "Time that the last slice took in the render process"
                )
        fresh = view.replace(outline=outline, size=size)
        tip = "Frontal plane through the origin; colours as they were at first"
        if controls.button(theme, f"{fa.ICON_FA_ARROW_ROTATE_LEFT}  Reset###section-reset", tip=tip):
            kept = tuple(v for v in doc.view.channel_views if not v.name.startswith("section."))
            return doc.replace(section=SectionView(), view=doc.view.replace(channel_views=kept))
        return doc if fresh == view else doc.replace(section=fresh)


def _normal_row(theme: Theme, picture: ShownPicture, view: SectionView) -> SectionView:
    """Three numbers of the normal, and a button that takes the camera's direction."""
    controls.label(
        theme, "Normal", "Direction that the plane is perpendicular to; its length does not matter"
    )
    side = imgui.get_frame_height() + imgui.get_style().item_spacing.x
    imgui.set_next_item_width(imgui.get_content_region_avail().x - side)
    normal = typed.triple(theme, "##section-normal", view.normal, -1.0, 1.0, "%.2f", 0.01)
    controls.tooltip("x, y, z of the normal; drag or type")
    imgui.same_line()
    pose = (
        picture.result.request.camera
        if picture.result is not None and picture.result.request is not None
        else None
    )
    why_not = "" if pose is not None else "No picture yet"
    pressed = controls.icon_button(
        theme, fa.ICON_FA_VIDEO, "section-face", tip="Face the camera: normal towards it", why_not=why_not
    )
    if pressed and pose is not None:
        back = -pose.world_from_cam()[:3, 2]
        return view.replace(normal=tuple(round(float(v), 4) for v in back))
    if normal != view.normal and sum(v * v for v in normal) > 1e-4:
        return view.replace(normal=normal)
    return view


def _section() -> Feature:
    link = SectionLink()
    return Feature(SectionPanel(link), SectionLayer(link))


FEATURES.add("section", _section)
