"""Probe and prediction of the whole picture in the Sampler panel.

I, P and P̂, cut along depth or as level sets (Fig. 3 of the paper).
"""

from __future__ import annotations

from imgui_bundle import ImVec2, imgui

from core_model.schema.channels import ChannelInfo
from core_model.schema.checkpoint import CheckpointInfo
from core_model.schema.question_volume import RayVolumeQuestion
from core_model.schema.render import Tier
from viewer.state.document import ChannelView, Document
from viewer.state.query_cache import Answer, QueryCache
from viewer.state.ray_volume import IMAGE, QUANTITIES, VolumeView, question_of, shown_range
from viewer.state.shown_map import ShownMap
from viewer.widgets import choice_rows, color_bar, controls, number_rows
from viewer.widgets.controls import fold
from viewer.widgets.histogram import HistogramCache
from viewer.widgets.shown_picture import Present, ShownPicture, ShownRange
from viewer.widgets.theme import BODY_PX, Theme
from viewer.widgets.ticks import fixed

SLOT = 14
"""Presenters of the three pictures: this one and the next two."""
_FORMS = (
    ("slice", "Slice", "Share of each ray's light between two distances from the camera"),
    ("level", "Level", "Level set: distance at which one bin first holds a share of the ray's light"),
)
_TIP = (
    "What the probe saw of the whole picture and what the proposal network makes of it (Fig. 3 of the paper)"
)
_NO_NET = (
    "This checkpoint has no proposal network: only what a probe sees exists, nothing is predicted from it."
)
_WORDS = (
    "I: the probe's own low-resolution render",
    "P: where the light of each ray of the probe comes from",
    "The proposal network's prediction of P at high resolution, from which the samples are drawn",
)
_WIDE_EM = 30.0
"""From this width on the three pictures stand in one row."""


class RayVolumeRows:
    """Keeps the last answer while the next one is on its way; what is looked at is in the document."""

    def __init__(self) -> None:
        self._last: tuple[RayVolumeQuestion, Answer] | None = None
        self._asked: RayVolumeQuestion | None = None
        self._shown: tuple[int, dict[str, ShownMap]] = (-1, {})
        self._version = 0
        self._histograms = HistogramCache()

    def draw(
        self,
        doc: Document,
        theme: Theme,
        picture: ShownPicture,
        queries: QueryCache,
        present: Present,
        info: CheckpointInfo,
    ) -> Document:
        view = doc.volume
        opened = fold(theme, "Probe and prediction", "##fold-volume", view.opened, tip=_TIP)
        if opened != view.opened:
            return doc.replace(volume=view.replace(opened=opened))
        if not opened:
            return doc
        fresh = self._rows(view, theme)
        self._ask(fresh, picture, queries, info)
        error = None if self._asked is None else queries.error(self._asked)
        if error is not None:
            with controls.text_colour(theme.palette.bad):
                imgui.text_wrapped(error.message)
        elif self._last is None:
            controls.note(theme, "Probing the whole picture …")
        else:
            self._pictures(theme, present, info, *self._last)
        if not info.has_proposal:
            controls.note(theme, _NO_NET)
        return doc if fresh == view else doc.replace(volume=fresh)

    def _rows(self, view: VolumeView, theme: Theme) -> VolumeView:
        form = choice_rows.segmented(
            theme,
            "Show",
            "volume-form",
            view.form,
            _FORMS,
            tip="How a distribution of each pixel becomes a picture",
        )
        view = view.replace(form=form)
        if form == "level":
            percent = 100 * view.level
            new = number_rows.slider_float(
                theme,
                "Level",
                "##volume-level",
                percent,
                low=1.0,
                high=100.0,
                fmt="%.1f %%",
                tip="Share of the ray's light in one bin",
            )
            return view if new == percent else view.replace(level=min(max(new / 100, 1e-3), 1.0))
        near, far = (
            (0.0, 1.0) if self._last is None else (float(self._last[1].values[k]) for k in ("near", "far"))
        )
        length = far - near
        depth, thickness = near + view.depth * length, view.thickness * length
        why_not = "" if self._last is not None else "The probe is on its way"
        new_depth = number_rows.slider_float(
            theme, "Depth", "##volume-depth", depth, low=near, high=far, fmt="%.3f wu", why_not=why_not,
            tip=f"Middle of the slice: distance from the camera along the rays, {near:.3g} to {far:.3g} world units",
        )  # fmt: skip
        new_thickness = number_rows.slider_float(
            theme, "Thickness", "##volume-thickness", thickness, low=0.002 * length, high=length, fmt="%.3f wu", why_not=why_not,
            tip="Of the slice, world units. One bin is the share of the whole way that the probe resolves",
        )  # fmt: skip
        if new_depth != depth:
            view = view.replace(depth=min(max((new_depth - near) / length, 0.0), 1.0))
        if new_thickness != thickness:
            view = view.replace(thickness=min(max(new_thickness / length, 1e-4), 1.0))
        return view

    def _ask(
        self, view: VolumeView, picture: ShownPicture, queries: QueryCache, info: CheckpointInfo
    ) -> None:
        """Asks for the volumes of the picture at rest: while the view moves the last ones stay."""
        shown = picture.result.request if picture.result is not None else None
        if self._last is not None and self._last[0].checkpoint != info.path:
            self._last, self._asked = None, None
        if (
            shown is not None
            and shown.checkpoint == info.path
            and (shown.tier != Tier.MOVING or self._asked is None)
        ):
            self._asked = question_of(view, info, shown)
        if self._asked is None:
            return
        found = queries.want(self._asked)
        if found is not None:
            self._last = (self._asked, found)

    def _pictures(
        self,
        theme: Theme,
        present: Present,
        info: CheckpointInfo,
        question: RayVolumeQuestion,
        answer: Answer,
    ) -> None:
        maps = self._maps(question, answer)
        channel = QUANTITIES[question.form]
        span = ShownRange(
            *shown_range(question.form, tuple(m.values for name, m in maps.items() if name != "image"))
        )
        room, gap = imgui.get_content_region_avail().x, 0.5 * theme.em
        count = len(maps)
        in_row = count if count == 2 or room > _WIDE_EM * theme.em else 2
        small = float(int((room - (in_row - 1) * gap) / in_row))
        marked = None
        for index, (name, shown) in enumerate(maps.items()):
            if index % in_row:
                imgui.same_line(0.0, gap)
            edge = room if index == 2 and in_row == 2 else small
            value = self._picture(theme, present, shown, span, edge, SLOT + index, _title(name, shown))
            marked = value if value is not None and name != "image" else marked
        best = maps["proposal"] if "proposal" in maps else maps["probe"]
        found = self._histograms.of(best.version, channel.name, best.values, span.low, span.high)
        controls.note(theme, _caption(question, answer, channel))
        color_bar.horizontal_bar(
            theme, channel, channel.colormap, question.form == "level", span, found, marked
        )

    def _picture(
        self,
        theme: Theme,
        present: Present,
        shown: ShownMap,
        span: ShownRange,
        edge: float,
        slot: int,
        title: str,
    ) -> float | None:
        """One square with its title; returns the value under the cursor."""
        height = edge * shown.values.shape[-2] / shown.values.shape[-1]
        imgui.begin_group()
        with controls.font(theme.fonts.body, BODY_PX * 0.82), controls.text_colour(theme.palette.muted):
            imgui.text_unformatted(controls.ellipsis(title, edge))
        corner = imgui.get_cursor_screen_pos()
        density = imgui.get_io().display_framebuffer_scale.x
        own = shown.channel
        view = ChannelView(name=own.name, colormap=own.colormap, invert=own.name == "volume.level")
        texture = present(shown, view, span, int(edge * density), slot)
        end = ImVec2(corner.x + edge, corner.y + height)
        draw = imgui.get_window_draw_list()
        draw.add_image(imgui.ImTextureRef(texture), corner, end)
        draw.add_rect(corner, end, theme.colour(theme.palette.line))
        imgui.dummy(ImVec2(edge, height))
        value = None
        if imgui.is_item_hovered():
            mouse = imgui.get_mouse_pos()
            under = shown.under((mouse.x - corner.x) / edge, (mouse.y - corner.y) / max(height, 1.0))
            value = under[0] if under is not None and len(under) == 1 else None
            imgui.set_tooltip(f"{_WORDS[slot - SLOT]}\n{_readout(shown, under)}")
        imgui.end_group()
        return value

    def _maps(self, question: RayVolumeQuestion, answer: Answer) -> dict[str, ShownMap]:
        if self._shown[0] != answer.version:
            maps = {}
            for name in ("image", "probe", "proposal"):
                if name in answer.arrays:
                    self._version += 1
                    channel = IMAGE if name == "image" else QUANTITIES[question.form]
                    maps[name] = ShownMap(channel, answer.arrays[name], self._version)
            self._shown = (answer.version, maps)
        return self._shown[1]


def _title(name: str, shown: ShownMap) -> str:
    height, width = shown.values.shape[-2:]
    letter = {"image": "I", "probe": "P", "proposal": "Predicted P"}[name]
    return f"{letter}  {width} × {height}"


def _caption(question: RayVolumeQuestion, answer: Answer, channel: ChannelInfo) -> str:
    values = answer.values
    if question.form == "slice":
        return f"{channel.title} from {values['start']:.3f} to {values['end']:.3f} world units"
    return f"{channel.title} {100 * question.level:.3g} % in one of {values['bins']} bins [{channel.unit}]"


def _readout(shown: ShownMap, under: tuple[float, ...] | None) -> str:
    if under is None:
        return "No bin of this ray reaches the level"
    if len(under) == 3:
        return "  ".join(f"{c} {v:.3f}" for c, v in zip("RGB", under))
    return f"{fixed(under[0], shown.channel.decimals)} {shown.channel.unit}".rstrip()
