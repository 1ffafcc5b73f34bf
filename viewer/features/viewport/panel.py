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
from viewer.features.viewport import readout, view_cube, work_badge
from viewer.gl.framebuffer import Underlaid
from viewer.render_client.events import WorkerStatus
from viewer.state import orbit
from viewer.state.actions import Dispatch, PicturePlaced, ShowPanel
from viewer.state.camera_glide import CameraGlide
from viewer.state.document import Document
from viewer.state.screen import PicturePlace, project_points
from viewer.state.second_view import SecondView
from viewer.state.shown_map import ShownMap
from viewer.state.work import Work
from viewer.widgets import color_bar, navigation, overlays, press, split
from viewer.widgets.controls import font
from viewer.widgets.feature import FEATURES, Feature, LayerPicture, Layers, RequestFrames
from viewer.widgets.inputs import DOUBLE_S, Inputs
from viewer.widgets.overlays import PIN_INKS
from viewer.widgets.shown_picture import Present, ShownPicture, StandIn
from viewer.widgets.theme import BODY_PX, Theme, canvas

CLICK_SLACK_PX = 4.0
WORK_EM = 26.0
"""Room that the line of the work badge needs between the title and the view cube."""
_LEFT, _MIDDLE = press.LEFT, press.MIDDLE
_BUTTONS = int(imgui.ButtonFlags_.mouse_button_left) | int(imgui.ButtonFlags_.mouse_button_middle)
WAITING_FPS = 30.0


@dataclass(frozen=True)
class _Click:
    """A click that inspects its ray unless a second one makes it a double click: mark in the picture, whether it pins, time and place
    of the press (Dear ImGui's seconds, pixels)."""

    mark: tuple[float, float]
    pins: bool
    at: float
    place: tuple[float, float]


@dataclass(frozen=True)
class _Recentre:
    """A double click that waits for the exact picture of the view that it was made on."""

    mark: tuple[float, float]
    camera: OrbitPose


class ViewportPanel:
    """Left drag orbits, middle or Shift+left drag pans, wheel dollies, Ctrl+wheel changes fov, click inspects
    the ray, double click re-centres.
    """

    def __init__(self) -> None:
        self._pressed_at: float | None = None
        self._dragged = False
        self._covered = False  # whether the ground leaves the picture's square out
        self._click: _Click | None = None
        self._differences = split.Differences()
        self._recentre: _Recentre | None = None

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
        second_view: SecondView,
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
        # a comparison whose B is not there yet shows A in its place, drawn under the window's own ground like a single picture
        alone = doc.compare.mode == "off" or (
            doc.compare.mode != "side" and split.second_map(doc, picture, second_view) is None
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
        doc, held = self._mouse(
            self._glided(doc, glide, request_frames, now), picture, place, request_frames, dispatch, inputs
        )
        place = replace(place, held=held)
        if shown is None:
            self._empty(theme, info, status, opening, now, corner, width, height)
            dispatch(PicturePlaced(place))
            return doc
        doc, drawn, beside, baked = self._picture(
            doc, theme, picture, layers, present, stand_in, underlay, second_view, shown, where, place.edge_px
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
        if drawn.channel.kind == "scalar":
            self._bar(
                doc,
                theme,
                picture,
                replace(place, hover=None) if baked else place,
                drawn,
                where.b,
                edge,
                ImVec2(corner.x + width, corner.y),
            )
        split.labels(doc, theme, info, picture, second_view, drawn.drawn, where)
        layers.labels(doc, where)
        beside_title = width > 2 * plate.x + WORK_EM * theme.em
        top = corner.y + 0.7 * theme.em + (0.0 if beside_title else plate.y + 0.4 * theme.em)
        work_badge.draw(theme, request_frames, dispatch, work, origin.x + 0.5 * edge, top)
        dispatch(PicturePlaced(replace(place, value=readout.text(lines))))
        return doc

    def _mouse(
        self,
        doc: Document,
        picture: ShownPicture,
        place: PicturePlace,
        request_frames: RequestFrames,
        dispatch: Dispatch,
        inputs: Inputs,
    ) -> tuple[Document, str]:
        """The document after what the mouse did, and what it holds."""
        io, held, hover = imgui.get_io(), "", place.hover
        hovered = imgui.is_item_hovered()
        doc = self._inspect(doc, picture, hover, request_frames, dispatch, inputs)
        if imgui.is_item_active() or imgui.is_item_deactivated():
            doc, held = navigation.drag(doc, request_frames, place.size, _is_dragged())
            self._dragged = self._dragged or bool(held)
        if hovered and io.mouse_wheel:
            doc = navigation.wheel(doc, io.mouse_wheel, io.key_ctrl)
        if hover is not None and imgui.is_mouse_double_clicked(_LEFT):
            self._recentre = _Recentre(hover, doc.camera)
        wish, self._recentre = self._recentre, None
        if wish is not None and wish.camera == doc.camera:
            if _has_depth_of(picture, doc.camera):
                doc = doc.replace(camera=self._recentred(doc.camera, picture, *wish.mark))
            else:  # a baked picture is on the screen: the exact one knows the place
                self._recentre = wish
        return doc, held

    def _glided(
        self, doc: Document, glide: CameraGlide, request_frames: RequestFrames, now: float
    ) -> Document:
        """A turn to a chosen view takes a moment; a button that goes down on the picture ends it."""
        if imgui.is_item_active():
            glide.stop()
        pose = glide.step(doc.camera, now)
        if glide.moving:
            request_frames(navigation.FLY_FPS)
        return doc if pose == doc.camera else doc.replace(camera=pose)

    def _inspect(
        self,
        doc: Document,
        picture: ShownPicture,
        hover: tuple[float, float] | None,
        request_frames: RequestFrames,
        dispatch: Dispatch,
        inputs: Inputs,
    ) -> Document:
        """A click (not a drag) or the key I chooses the ray under the cursor; with Shift the click pins it.

        A click waits until it cannot become a double click any more: that one turns about the surface and inspects nothing.
        """
        io = imgui.get_io()
        if imgui.is_mouse_clicked(_LEFT):
            single = imgui.get_mouse_clicked_count(_LEFT) == 1
            self._pressed_at = imgui.get_time() if imgui.is_item_active() and single else None
            self._dragged = False
            if not single:
                self._click = None
        self._dragged = self._dragged or _is_dragged()
        mark = hover if picture.result is not None else None
        if imgui.is_mouse_released(_LEFT):
            if self._pressed_at is not None and not self._dragged and mark is not None:
                self._click = _Click(mark, io.key_shift, self._pressed_at, (io.mouse_pos.x, io.mouse_pos.y))
            self._pressed_at = None
        held = (
            imgui.is_key_down(imgui.Key.i)
            and not io.want_text_input
            and not (io.key_ctrl or imgui.is_any_mouse_down())
        )
        rays, click = doc.rays, self._click
        if click is not None and not inputs.waiting and _is_single(click):
            self._click = None
            rays = rays.replace(selected=click.mark)
            rays = rays.toggled(click.mark) if click.pins else rays
            dispatch(ShowPanel("Ray", True))
        elif click is not None:
            request_frames(WAITING_FPS)
        elif held and mark is not None:
            rays = rays.replace(selected=mark)
            if doc.rays.selected is None:
                dispatch(ShowPanel("Ray", True))
        return doc if rays == doc.rays else doc.replace(rays=rays)

    def _recentred(self, pose: OrbitPose, picture: ShownPicture, u: float, v: float) -> OrbitPose:
        result, distance = picture.result, picture.frames.under("depth", u, v)
        if result is None or result.request is None:
            return pose
        camera = result.request.camera
        if distance is None or not isinstance(camera, OrbitPose):
            return pose
        return orbit.recentre(pose, orbit.surface_point(camera, u, v, distance[0]))

    def _picture(
        self,
        doc: Document,
        theme: Theme,
        picture: ShownPicture,
        layers: Layers,
        present: Present,
        stand_in: StandIn,
        underlay: Callable[[Underlaid], bool],
        second_view: SecondView,
        shown: ShownMap,
        where: split.Squares,
        edge_px: int,
    ) -> tuple[Document, LayerPicture, ShownMap | None, str]:
        """Draws A, and B beside or over it.

        Returns what the colour bar and the badge belong to, the map of B, and the name of the baked picture in A's place.
        """
        view, span = doc.view.of(shown.channel.name, shown.channel), picture.shown_range(doc, shown.channel)
        texture, baked = stand_in(doc, shown, view, span, edge_px)
        texture = texture or present(shown, view, span, edge_px, 0)
        instead = layers.replace(doc, shown, where, texture)
        if instead is not None:
            return doc, instead, None, ""
        mode, plain = doc.compare.mode, LayerPicture(shown, shown.channel)
        second = None if mode == "off" else split.second_map(doc, picture, second_view)
        apart = self._differences.of(shown, second) if mode == "difference" and second is not None else None
        if second is None or (mode == "difference" and apart is None):
            if self._covered:
                _under(theme, underlay, texture, where.a, where.edge, edge_px)
            else:
                _image(theme, texture, where.a, where.edge)
            if mode == "side":
                _image(theme, 0, where.b, where.edge)
            return doc, plain, second, baked
        if apart is not None:
            how, reach = split.difference_view(apart)
            _image(theme, present(apart, how, reach, edge_px, 2), where.a, where.edge)
            return doc, LayerPicture(apart, apart.channel, how, reach), second, ""
        settings = doc.view.of(second.channel.name, second.channel)
        other = present(second, settings, split.second_range(doc, picture, second, shown), edge_px, 1)
        if mode == "wipe":
            doc = split.wipe(doc, theme, where, texture, other)
        else:
            _image(theme, texture, where.a, where.edge)
            _image(theme, other, where.b, where.edge)
        return doc, plain, second, ""

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
        """Rings where rays are pinned, a cross-hair where one is inspected."""
        for origin in (where.a, where.b) if doc.compare.mode == "side" else (where.a,):
            for index, mark in enumerate(doc.rays.pins):
                overlays.ray_pin(theme, origin, where.edge, mark, str(index + 1), PIN_INKS[index])
            mark = doc.rays.selected if self._click is None else self._click.mark
            if mark is not None:
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
        if picture.frames.averaged > 1:
            name = f"{name} ×{picture.frames.averaged}"
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
        origin: ImVec2,
        edge: float,
        corner: ImVec2,
    ) -> None:
        """The colour bar beside the picture or at its right side; corner: the viewport's top right one, where the cube is."""
        em, channel, right = theme.em, shown.channel, corner.x
        view = shown.view or doc.view.of(channel.name, channel)
        span = shown.span or picture.shown_range(doc, channel)
        beside = right - (origin.x + edge) > 6.9 * em
        end = right - 0.5 * em if beside else origin.x + edge - 0.7 * em
        x = origin.x + edge + 2.4 * em if beside else end - 4.4 * em
        tall = min(edge * 0.62, 26 * em)
        y = max(origin.y + 0.5 * (edge - tall) + 1.5 * em, corner.y + (2 * view_cube.REACH_EM + 4.2) * em)
        tall = max(min(tall, origin.y + edge - y - 1.4 * em), 5 * em)
        color_bar.vertical_bar(
            theme,
            ImVec2(x, y),
            ImVec2(x + 0.95 * em, y + tall),
            channel,
            view.colormap,
            view.invert,
            span,
            picture.histogram(doc, channel),
            self._marked(place, shown.drawn),
            end,
            plate=not beside,
        )

    def _marked(self, place: PicturePlace, drawn: ShownMap) -> float | None:
        found = None if place.hover is None else drawn.under(*place.hover)
        return None if found is None else found[0]

    def _empty(
        self,
        theme: Theme,
        info: CheckpointInfo | None,
        status: WorkerStatus,
        opening: str,
        now: float,
        corner: ImVec2,
        width: float,
        height: float,
    ) -> None:
        """What is going on while there is no picture yet."""
        if opening:
            title, detail = "Opening the checkpoint", opening
        elif info is None:
            title, detail = (
                "No checkpoint is open",
                "Drop a checkpoint or a run folder here, or use File > Open",
            )
        else:
            title, detail = "Rendering the first picture", status.stage or "waiting for the render process"
        draw, middle = imgui.get_window_draw_list(), ImVec2(corner.x + 0.5 * width, corner.y + 0.5 * height)
        with font(theme.fonts.bold, BODY_PX * 1.25):
            size = imgui.calc_text_size(title)
            draw.add_text(
                ImVec2(round(middle.x - 0.5 * size.x), round(middle.y - size.y)),
                theme.colour(theme.palette.canvas_text),
                title,
            )
        size = imgui.calc_text_size(detail)
        draw.add_text(
            ImVec2(round(middle.x - 0.5 * size.x), round(middle.y + 0.5 * theme.em)),
            theme.colour(theme.palette.canvas_muted),
            detail,
        )
        if opening or info is not None:
            self._progress(theme, status, now, ImVec2(middle.x, middle.y + 2.6 * theme.em))

    def _progress(self, theme: Theme, status: WorkerStatus, now: float, centre: ImVec2) -> None:
        draw = imgui.get_window_draw_list()
        half, thick = 7.0 * theme.em, 0.22 * theme.em
        low, high = ImVec2(centre.x - half, centre.y), ImVec2(centre.x + half, centre.y + thick)
        draw.add_rect_filled(low, high, theme.colour(theme.palette.faint, 0.4), thick)
        share = status.fraction
        if share > 0:
            draw.add_rect_filled(
                low,
                ImVec2(low.x + 2 * half * min(share, 1.0), high.y),
                theme.colour(theme.palette.accent),
                thick,
            )
        else:
            at = low.x + (2 * half - 3 * theme.em) * (0.5 - 0.5 * np.cos(now * 2.2))
            draw.add_rect_filled(
                ImVec2(at, low.y),
                ImVec2(at + 3 * theme.em, high.y),
                theme.colour(theme.palette.accent),
                thick,
            )


def _has_depth_of(picture: ShownPicture, camera: OrbitPose) -> bool:
    """Whether the exact picture that is there is of this camera."""
    base = picture.frames.base
    return base is not None and base.camera == camera


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
    mouse = imgui.get_io().mouse_pos
    origin = where.b if mouse.x >= where.b.x else where.a
    u, v = (mouse.x - origin.x) / where.edge, (mouse.y - origin.y) / where.edge
    return (u, v) if imgui.is_item_hovered() and 0 <= u < 1 and 0 <= v < 1 else None


def _is_dragged() -> bool:
    """Whether the mouse has left the place where its button went down: a click must not turn the head."""
    return any(press.dragged(b, CLICK_SLACK_PX) for b in (_LEFT, _MIDDLE))


def _is_single(click: _Click) -> bool:
    """Whether no second press can make it a double click any more: its time is over, or the mouse has gone on."""
    io = imgui.get_io()
    moved = (io.mouse_pos.x - click.place[0]) ** 2 + (io.mouse_pos.y - click.place[1]) ** 2
    return imgui.get_time() - click.at > DOUBLE_S or moved > io.mouse_double_click_max_dist**2


FEATURES.add("viewport", lambda: Feature(ViewportPanel()))
