"""The picture: mouse to camera, frame to screen, with badges, axes, colour bar and the value under the
cursor.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from imgui_bundle import ImVec2, imgui

from core_model.schema.camera import OrbitPose
from core_model.schema.channels import ChannelInfo
from core_model.schema.checkpoint import CheckpointInfo
from core_model.schema.render import Tier
from viewer.features.viewport import readout, view_cube, waiting, work_badge
from viewer.features.viewport.hand import Hand
from viewer.gl.framebuffer import Underlaid
from viewer.render_client.events import WorkerStatus
from viewer.state.actions import Dispatch, PicturePlaced
from viewer.state.camera_glide import CameraGlide
from viewer.state.compared import Compared
from viewer.state.document import Document
from viewer.state.ray_marks import Pin
from viewer.state.screen import PicturePlace, project_points
from viewer.state.shown_map import ShownMap
from viewer.state.work import Work
from viewer.widgets import color_bar, navigation, overlays, split, tile_labels
from viewer.widgets.feature import FEATURES, Feature, LayerPicture, Layers, RequestFrames
from viewer.widgets.inputs import Inputs
from viewer.widgets.shown_picture import Present, ShownPicture, StandIn
from viewer.widgets.theme import Theme, canvas

WORK_EM = 26.0
"""Room that the line of the work badge needs between the title and the view cube."""
_BUTTONS = int(imgui.ButtonFlags_.mouse_button_left) | int(imgui.ButtonFlags_.mouse_button_middle)


class ViewportPanel:
    """Left drag orbits, middle or Shift+left drag pans, wheel dollies, Ctrl+wheel changes fov, click inspects
    the ray, double click re-centres.
    """

    def __init__(self) -> None:
        self._covered = False  # whether the ground leaves the picture's square out
        self._hand = Hand()
        self._differences = split.Differences()

    def draw(
        self,
        doc: Document,
        theme: Theme,
        info: CheckpointInfo | None,
        picture: ShownPicture,
        layers: Layers,
        status: WorkerStatus,
        opening: str,
        present: Present,
        stand_in: StandIn,
        underlay: Callable[[Underlaid], bool],
        compared: Compared,
        glide: CameraGlide,
        request_frames: RequestFrames,
        dispatch: Dispatch,
        now: float,
        inputs: Inputs,
        work: tuple[Work, ...],
    ) -> Document:
        corner, room = imgui.get_cursor_screen_pos(), imgui.get_content_region_avail()
        width, height = max(room.x, 16.0), max(room.y, 16.0)
        density = imgui.get_io().display_framebuffer_scale.x
        where = split.squares(doc, corner, width, height, round(0.9 * theme.em))
        origin, edge = where.a, where.edge
        shown = picture.shown_map(doc)
        # a comparison of which only the view is there yet shows it alone, drawn under the window's own ground
        alone = doc.compare.mode == "off" or (
            doc.compare.mode in ("wipe", "difference") and not _others(doc, picture, compared)
        )
        self._covered = covered = (
            shown is not None and (alone or doc.compare.mode == "wipe") and doc.mesh_mode == "off"
        )
        canvas(theme, (origin, edge) if covered else None)
        imgui.set_next_item_allow_overlap()
        imgui.invisible_button("viewport", ImVec2(width, height), _BUTTONS)
        place = PicturePlace(
            int(edge * density), (origin.x, origin.y), edge, _hovered(where), drawn=shown is not None
        )
        doc, held = self._hand.moved(
            _glided(doc, glide, request_frames, now), picture, place, request_frames, dispatch, inputs
        )
        place = replace(place, held=held)
        if shown is None:
            waiting.draw(theme, info, status, opening, now, corner, width, height)
            dispatch(PicturePlaced(place))
            return doc
        doc, drawn, beside, baked = self._picture(
            doc, theme, picture, layers, present, stand_in, underlay, compared, shown, where, place.edge_px
        )
        if baked:
            picture = replace(picture, seen_from=doc.camera)
        doc = self._gizmos(doc, theme, info, picture, place, glide, now, origin, edge, corner, width)
        doc = layers.over(doc, where)
        self._rays(doc, theme, where)
        # the values under the cursor are the exact picture's
        told = drawn.channel.name != "mesh" and not baked
        lines = readout.lines(picture, place.hover, drawn.drawn, beside) if told else []
        plate = self._badges(doc, theme, picture, layers, drawn.channel, lines, corner, height, baked)
        scalar = drawn.channel.kind == "scalar"
        box = _bar_box(theme, where, corner.x + width, corner.y) if scalar else None
        labelled = where if box is None else replace(where, taken=box.taken)
        below = max(
            tile_labels.labels(doc, theme, info, picture, compared, drawn.drawn, labelled),
            layers.labels(doc, labelled),
        )
        if box is not None:
            self._bar(doc, theme, picture, replace(place, hover=None) if baked else place, drawn, box, below)
        beside_title = width > 2 * plate.x + WORK_EM * theme.em
        top = corner.y + 0.7 * theme.em + (0.0 if beside_title else plate.y + 0.4 * theme.em)
        cube = corner.x + width - (2 * view_cube.REACH_EM + 1.2) * theme.em
        work_badge.draw(theme, request_frames, dispatch, work, origin.x + 0.5 * edge, top, cube)
        dispatch(PicturePlaced(replace(place, value=readout.text(lines))))
        return doc

    def _picture(
        self,
        doc: Document,
        theme: Theme,
        picture: ShownPicture,
        layers: Layers,
        present: Present,
        stand_in: StandIn,
        underlay: Callable[[Underlaid], bool],
        compared: Compared,
        shown: ShownMap,
        where: split.Squares,
        edge_px: int,
    ) -> tuple[Document, LayerPicture, ShownMap | None, str]:
        """Draws the view, or what is compared.

        Returns what the colour bar and the badge belong to, the map of B, and the name of the baked picture in the view's place.
        """
        view, span = doc.view.of(shown.channel.name, shown.channel), picture.shown_range(doc, shown.channel)
        texture, baked = stand_in(doc, shown, view, span, edge_px)
        texture = texture or present(shown, view, span, edge_px, 0)
        instead = layers.replace(doc, shown, where, texture)
        if instead is not None:
            return doc, instead, None, ""
        mode = doc.compare.mode
        if mode == "off":
            self._own(theme, underlay, texture, where, edge_px)
            return doc, LayerPicture(shown, shown.channel), None, baked
        maps = [
            shown if source.what == "view" else compared.map_of(doc, i, _channels(picture), picture.frames)
            for i, source in enumerate(doc.compare.shown)
        ]
        first, second = maps[0] or shown, maps[1]
        plain = LayerPicture(first, first.channel)
        apart = self._differences.of(first, second) if mode == "difference" and second is not None else None
        if apart is not None:
            how, reach = split.difference_view(apart)
            _image(theme, present(apart, how, reach, edge_px, 2), where.a, where.edge)
            return doc, LayerPicture(apart, apart.channel, how, reach), second, ""
        if mode == "difference" or (mode == "wipe" and not _others(doc, picture, compared)):
            self._own(theme, underlay, texture, where, edge_px)
            return doc, LayerPicture(shown, shown.channel), second, baked
        drawn = [
            texture
            if tile is None or tile is shown
            else present(
                tile,
                doc.view.of(tile.channel.name, tile.channel),
                split.tile_range(doc, picture, tile, shown),
                edge_px,
                compared.views[i].slot,
            )
            for i, tile in enumerate(maps)
        ]
        if mode == "wipe":
            return split.wipe(doc, theme, where, drawn[0], drawn[1]), plain, second, ""
        for corner, tile, name in zip(where.tiles, maps, drawn, strict=True):
            _image(theme, 0 if tile is None else name, corner, where.edge)
        return doc, plain, second, ""

    def _own(
        self,
        theme: Theme,
        underlay: Callable[[Underlaid], bool],
        texture: int,
        where: split.Squares,
        edge_px: int,
    ) -> None:
        """The view's own picture alone."""
        if self._covered:
            _under(theme, underlay, texture, where.a, where.edge, edge_px)
        else:
            _image(theme, texture, where.a, where.edge)

    def _gizmos(
        self,
        doc: Document,
        theme: Theme,
        info: CheckpointInfo | None,
        picture: ShownPicture,
        place: PicturePlace,
        glide: CameraGlide,
        now: float,
        origin: ImVec2,
        edge: float,
        corner: ImVec2,
        width: float,
    ) -> Document:
        result, em = picture.result, theme.em
        if result is None or len(result.world_from_cam) != 16:
            return doc
        world_from_cam = np.asarray(result.world_from_cam).reshape(4, 4)
        camera = result.request.camera if result.request is not None else None
        if place.held and isinstance(camera, OrbitPose):
            pivot = project_points(camera, np.asarray([camera.pivot]))
            if pivot.ahead[0]:
                overlays.pivot_cross(theme, origin, edge, (float(pivot.uv[0, 0]), float(pivot.uv[0, 1])))
        view_cube.in_corner(
            doc,
            theme,
            info,
            picture,
            glide,
            now,
            corner.x + width - 0.7 * em,
            corner.y + 0.5 * em,
            world_from_cam,
        )
        return doc

    def _rays(self, doc: Document, theme: Theme, where: split.Squares) -> None:
        """A cross-hair where a pixel is inspected; pins are the ray inspector's to draw."""
        mark = self._hand.mark or doc.rays.selected
        if mark is None or isinstance(mark, Pin):
            return
        for origin in where.tiles:
            overlays.ray_cross(theme, origin, where.edge, mark)

    def _badges(
        self,
        doc: Document,
        theme: Theme,
        picture: ShownPicture,
        layers: Layers,
        channel: ChannelInfo,
        lines: list[tuple[str, bool]],
        corner: ImVec2,
        height: float,
        baked: str,
    ) -> ImVec2:
        """Plates in the left corners; returns the size of the title's."""
        result, inset = picture.result, 0.7 * theme.em
        if result is None or result.request is None:
            return ImVec2(0.0, 0.0)
        tier = result.request.tier
        name = "exact" if tier in (Tier.FULL, Tier.REFINED) else tier.value
        averaged = picture.frames.averaged_in(channel.name)
        if averaged > 1:
            name = f"{name} ×{averaged}"
        note = baked or f"{name}  {result.width}²  {result.samples_per_pixel:.1f} spp"
        note = "" if channel.name == "mesh" else note
        own = (
            "as its program renders" if result.request.native and channel.name != "mesh" and not baked else ""
        )
        plate = overlays.badge(
            theme,
            ImVec2(corner.x + inset, corner.y + inset),
            [(channel.title, True), *((line, False) for line in (note, own, navigation.hint(doc)) if line)],
        )
        layers.badges(doc, ImVec2(corner.x + inset, corner.y + 1.5 * inset + plate.y))
        if lines:
            overlays.badge(theme, ImVec2(corner.x + inset, corner.y + height - inset), lines, bottom=True)
        return plate

    def _bar(
        self,
        doc: Document,
        theme: Theme,
        picture: ShownPicture,
        place: PicturePlace,
        shown: LayerPicture,
        box: _BarBox,
        below: float,
    ) -> None:
        """The colour bar. below: what labels take at the picture's lower edge."""
        em, channel = theme.em, shown.channel
        view = shown.view or doc.view.of(channel.name, channel)
        span = shown.span or picture.shown_range(doc, channel)
        under = 1.4 * em if box.beside or box.taken else max(1.4 * em, below + em)
        tall = max(min(box.tall, box.end - box.low.y - under), 5 * em)
        color_bar.vertical_bar(
            theme,
            box.low,
            ImVec2(box.low.x + 0.95 * em, box.low.y + tall),
            channel,
            view.colormap,
            view.invert,
            span,
            picture.histogram(doc, channel),
            self._marked(place, shown.drawn),
            box.right,
            plate=not box.beside,
        )

    def _marked(self, place: PicturePlace, drawn: ShownMap) -> float | None:
        found = None if place.hover is None else drawn.under(*place.hover)
        return None if found is None else found[0]


@dataclass(frozen=True)
class _BarBox:
    """Where the colour bar lies, logical pixels: its upper left corner, wanted height, the picture's lower edge, right end of
    its titles, and whether all of it is beside the picture.

    taken: width of the picture that labels leave to it, where the two do not fit one above the other.
    """

    low: ImVec2
    tall: float
    end: float
    right: float
    beside: bool
    taken: float


def _bar_box(theme: Theme, where: split.Squares, right: float, top: float) -> _BarBox:
    """Beside the picture or at its right side, below the cube in the viewport's upper right corner (right, top)."""
    em, edge = theme.em, where.edge
    origin = ImVec2(where.right - edge, where.a.y)
    beside = right - (origin.x + edge) > 6.9 * em
    titles = right - 0.5 * em if beside else origin.x + edge - 0.7 * em
    x = origin.x + edge + 2.4 * em if beside else titles - 4.4 * em
    tall = min(edge * 0.62, 26 * em)
    y = max(origin.y + 0.5 * (edge - tall) + 1.5 * em, top + (2 * view_cube.REACH_EM + 4.2) * em)
    end = origin.y + edge
    taken = 0.0 if beside or end - y > _LABELLED_EM * em else origin.x + edge - (x - 2.4 * em)
    return _BarBox(ImVec2(x, y), tall, end, titles, beside, taken)


_LABELLED_EM = 11.9
"""Height that a colour bar and labels below it need, down to the picture's edge."""


def _glided(doc: Document, glide: CameraGlide, request_frames: RequestFrames, now: float) -> Document:
    """A turn to a chosen view takes a moment; a button that goes down on the picture ends it."""
    if imgui.is_item_active():
        glide.stop()
    pose = glide.step(doc.camera, now)
    if glide.moving:
        request_frames(navigation.FLY_FPS)
    return doc if pose == doc.camera else doc.replace(camera=pose)


def _image(theme: Theme, texture: int, origin: ImVec2, edge: float) -> None:
    """A picture in its square with a hairline around it; texture 0 leaves the square empty."""
    draw, end = imgui.get_window_draw_list(), ImVec2(origin.x + edge, origin.y + edge)
    if texture:
        draw.add_image(imgui.ImTextureRef(texture), origin, end)
    ink = theme.colour(theme.palette.line, 0.9)
    draw.add_rect(ImVec2(origin.x - 1, origin.y - 1), ImVec2(end.x + 1, end.y + 1), ink)


def _under(
    theme: Theme,
    underlay: Callable[[Underlaid], bool],
    texture: int,
    origin: ImVec2,
    edge: float,
    edge_px: int,
) -> None:
    """`_image`, by the window itself before the GUI where this panel has no ground of its own: the picture is
    most of a frame's cost.
    """
    density = imgui.get_io().display_framebuffer_scale.x
    below = Underlaid(texture, round(origin.x * density), round(origin.y * density), edge_px)
    _image(theme, 0 if underlay(below) else texture, origin, edge)


def _hovered(where: split.Squares) -> tuple[float, float] | None:
    """Image coordinates of the cursor in the square that it is over, if the viewport has it."""
    if not imgui.is_item_hovered():
        return None
    mouse = imgui.get_io().mouse_pos
    for origin in where.tiles:
        u, v = (mouse.x - origin.x) / where.edge, (mouse.y - origin.y) / where.edge
        if 0 <= u < 1 and 0 <= v < 1:
            return u, v
    return None


def _channels(picture: ShownPicture) -> tuple[ChannelInfo, ...]:
    return picture.info.channels if picture.info is not None else ()


def _others(doc: Document, picture: ShownPicture, compared: Compared) -> bool:
    """Whether A or B is there that is not the view itself."""
    return any(
        source.what != "view" and compared.map_of(doc, i, _channels(picture), picture.frames) is not None
        for i, source in enumerate(doc.compare.tiles[:2])
    )


FEATURES.add("viewport", lambda: Feature(ViewportPanel()))
