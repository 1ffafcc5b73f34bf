"""The picture: mouse to camera, frame to screen, with badges, axes, colour bar and the value under the
cursor.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from imgui_bundle import ImVec2, imgui

from core_model.schema.camera import OrbitPose
from core_model.schema.channels import ChannelInfo
from viewer.gl.underlay import Underlaid
from viewer.state import orbit
from viewer.state.document import Document
from viewer.state.screen import project_points
from viewer.state.shown_map import ShownMap
from viewer.features.mesh import overlay as mesh_viewport
from viewer.features.planes import overlay as planes_overlay
from viewer.features.section import overlay as section_overlay
from viewer.features.viewport import view_cube as camera_cube, readout, work_badge
from viewer.widgets import camera_hand, color_bar as colorbar, overlays, press, split
from viewer.state.actions import ShowPanel
from viewer.widgets.context import PanelContext
from viewer.widgets.controls import font
from viewer.widgets.inputs import DOUBLE_S
from viewer.features.mesh.stage import mode_of
from viewer.widgets.panel import PANELS
from viewer.widgets.ray_numbers import PIN_INKS
from viewer.widgets.theme import BODY_PX, canvas

CLICK_SLACK_PX = 4.0
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

    def draw(self, doc: Document, ctx: PanelContext) -> Document:
        theme, view = ctx.theme, ctx.viewport
        corner, room = imgui.get_cursor_screen_pos(), imgui.get_content_region_avail()
        width, height = max(room.x, 16.0), max(room.y, 16.0)
        density = imgui.get_io().display_framebuffer_scale.x
        margin = round(0.9 * theme.em)
        where = split.squares(doc, corner, width, height, margin)
        origin, edge = where.a, where.edge
        view.edge_px, view.origin, view.size = int(edge * density), (origin.x, origin.y), edge
        shown = ctx.shown_map(doc)
        # a comparison whose B is not there yet shows A in its place, drawn under the window's own ground like a single picture
        single = doc.compare.mode == "off" or (doc.compare.mode != "side" and split.second_map(doc, ctx) is None)
        self._covered = covered = shown is not None and (single or doc.compare.mode == "wipe") and mode_of(doc) == "off"
        canvas(theme, (origin, edge) if covered else None)
        imgui.set_next_item_allow_overlap()
        imgui.invisible_button("viewport", ImVec2(width, height), _BUTTONS)
        doc = self._mouse(self._glided(doc, ctx), ctx, where)
        if shown is None:
            self._empty(ctx, corner, width, height)
            return doc
        doc, drawn = self._picture(doc, ctx, shown, where)
        view.drawn = drawn
        channel = mesh_viewport.ALONE if mesh_viewport.is_alone(doc, ctx) else drawn.channel
        doc = self._gizmos(doc, ctx, origin, edge, corner, width)
        planes_overlay.draw(doc, ctx, origin, edge)
        doc = section_overlay.draw(doc, ctx, origin, edge)
        self._rays(doc, ctx, where)
        self._badges(doc, ctx, channel, corner, width, height)
        if channel.kind == "scalar":
            self._bar(doc, ctx, drawn, where.b, edge, ImVec2(corner.x + width, corner.y))
        split.labels(doc, ctx, where)
        mesh_viewport.labels(doc, ctx, where)
        work_badge.draw(ctx, origin.x + 0.5 * edge, corner.y + 0.7 * theme.em)
        return doc

    def _mouse(self, doc: Document, ctx: PanelContext, where: split.Squares) -> Document:
        edge, io, view = where.edge, imgui.get_io(), ctx.viewport
        hovered, mouse = imgui.is_item_hovered(), io.mouse_pos
        origin = where.b if mouse.x >= where.b.x else where.a
        u, v = (mouse.x - origin.x) / edge, (mouse.y - origin.y) / edge
        view.hover = (u, v) if hovered and 0 <= u < 1 and 0 <= v < 1 else None
        view.held = ""
        doc = self._inspect(doc, ctx, hovered)
        if imgui.is_item_active() or imgui.is_item_deactivated():
            doc, view.held = camera_hand.drag(doc, ctx, edge, _is_dragged())
            self._dragged = self._dragged or bool(view.held)
        if hovered and io.mouse_wheel:
            doc = camera_hand.wheel(doc, io.mouse_wheel, io.key_ctrl)
        if hovered and view.hover and imgui.is_mouse_double_clicked(_LEFT):
            doc = doc.replace(camera=self._recentred(doc.camera, ctx, u, v))
        return doc

    def _glided(self, doc: Document, ctx: PanelContext) -> Document:
        """A turn to a chosen view takes a moment; a button that goes down on the picture ends it."""
        glide = ctx.viewport.glide
        if imgui.is_item_active():
            glide.stop()
        pose = glide.step(doc.camera, ctx.now)
        if glide.moving:
            ctx.viewport.moving_fps = camera_hand.FLY_FPS
        return doc if pose == doc.camera else doc.replace(camera=pose)

    def _inspect(self, doc: Document, ctx: PanelContext, hovered: bool) -> Document:
        """A click (not a drag) or the key I chooses the ray under the cursor; with Shift the click pins it.

        A click waits until it cannot become a double click any more: that one turns about the surface and inspects nothing.
        """
        view, io = ctx.viewport, imgui.get_io()
        if imgui.is_mouse_clicked(_LEFT):
            single = imgui.get_mouse_clicked_count(_LEFT) == 1
            self._pressed_at = imgui.get_time() if imgui.is_item_active() and single else None
            self._dragged = False
            if not single:
                self._click = None
        self._dragged = self._dragged or _is_dragged()
        mark = view.hover if hovered and ctx.result is not None else None
        if imgui.is_mouse_released(_LEFT):
            if self._pressed_at is not None and not self._dragged and mark is not None:
                self._click = _Click(mark, io.key_shift, self._pressed_at, (io.mouse_pos.x, io.mouse_pos.y))
            self._pressed_at = None
        held = imgui.is_key_down(imgui.Key.i) and not io.want_text_input and not (io.key_ctrl or imgui.is_any_mouse_down())
        rays, click = doc.rays, self._click
        if click is not None and not ctx.inputs.waiting and _is_single(click):
            self._click = None
            rays = rays.replace(selected=click.mark)
            rays = rays.toggled(click.mark) if click.pins else rays
            ctx.emit(ShowPanel("Ray", True))
        elif click is not None:
            view.moving_fps = max(view.moving_fps, WAITING_FPS)
        elif held and mark is not None:
            rays = rays.replace(selected=mark)
            if doc.rays.selected is None:
                ctx.emit(ShowPanel("Ray", True))
        return doc if rays == doc.rays else doc.replace(rays=rays)

    def _recentred(self, pose: OrbitPose, ctx: PanelContext, u: float, v: float) -> OrbitPose:
        result, distance = ctx.result, ctx.frames.under("depth", u, v)
        if result is None or result.request is None:
            return pose
        camera = result.request.camera
        if distance is None or not isinstance(camera, OrbitPose):
            return pose
        return orbit.recentre(pose, orbit.surface_point(camera, u, v, distance[0]))

    def _picture(
        self, doc: Document, ctx: PanelContext, shown: ShownMap, where: split.Squares
    ) -> tuple[Document, ShownMap]:
        """Draws A, and B beside or over it; returns the map that the colour bar belongs to."""
        view, span = doc.view.of(shown.channel.name, shown.channel), ctx.shown_range(doc, shown.channel)
        texture = ctx.present(shown, view, span, ctx.viewport.edge_px, 0)
        ctx.viewport.texture = texture
        drawn = mesh_viewport.draw(doc, ctx, shown, where, texture)
        if drawn is not None:
            return doc, drawn
        mode, edge_px = doc.compare.mode, ctx.viewport.edge_px
        second = ctx.viewport.beside = None if mode == "off" else split.second_map(doc, ctx)
        apart = self._differences.of(shown, second) if mode == "difference" and second is not None else None
        if second is None or (mode == "difference" and apart is None):
            (_under if self._covered else _image)(ctx, texture, where.a, where.edge)
            if mode == "side":
                _image(ctx, 0, where.b, where.edge)
            return doc, shown
        if apart is not None:
            how, reach = split.difference_view(apart)
            _image(ctx, ctx.present(apart, how, reach, edge_px, 2), where.a, where.edge)
            return doc, apart
        settings = doc.view.of(second.channel.name, second.channel)
        other = ctx.present(second, settings, split.second_range(doc, ctx, second, shown), edge_px, 1)
        if mode == "wipe":
            doc = split.wipe(doc, ctx, where, texture, other)
        else:
            _image(ctx, texture, where.a, where.edge)
            _image(ctx, other, where.b, where.edge)
        return doc, shown

    def _gizmos(
        self, doc: Document, ctx: PanelContext, origin: ImVec2, edge: float, corner: ImVec2, width: float
    ) -> Document:
        result, em = ctx.result, ctx.theme.em
        if result is None or len(result.world_from_cam) != 16:
            return doc
        world_from_cam = np.asarray(result.world_from_cam).reshape(4, 4)
        camera = result.request.camera if result.request is not None else None
        if ctx.viewport.held and isinstance(camera, OrbitPose):
            pivot = project_points(camera, np.asarray([camera.pivot]))
            if pivot.ahead[0]:
                overlays.pivot_cross(ctx.theme, origin, edge, (float(pivot.uv[0, 0]), float(pivot.uv[0, 1])))
        camera_cube.in_corner(doc, ctx, corner.x + width - 0.7 * em, corner.y + 0.5 * em, world_from_cam)
        return doc

    def _rays(self, doc: Document, ctx: PanelContext, where: split.Squares) -> None:
        """Rings where rays are pinned, a cross-hair where one is inspected."""
        for origin in (where.a, where.b) if doc.compare.mode == "side" else (where.a,):
            for index, mark in enumerate(doc.rays.pins):
                overlays.ray_pin(ctx.theme, origin, where.edge, mark, str(index + 1), PIN_INKS[index])
            mark = doc.rays.selected if self._click is None else self._click.mark
            if mark is not None:
                overlays.ray_cross(ctx.theme, origin, where.edge, mark)

    def _badges(
        self,
        doc: Document,
        ctx: PanelContext,
        channel: ChannelInfo,
        corner: ImVec2,
        width: float,
        height: float,
    ) -> None:
        result, inset = ctx.result, 0.7 * ctx.theme.em
        if result is None or result.request is None:
            return
        tier = result.request.tier.value
        if ctx.frames.averaged > 1:
            tier = f"{tier} ×{ctx.frames.averaged}"
        alone = channel is mesh_viewport.ALONE
        note = "" if alone else f"{tier}  {result.width}²  {result.samples_per_pixel:.1f} spp"
        own = "as its program renders" if result.request.native and not alone else ""
        plate = overlays.badge(
            ctx.theme,
            ImVec2(corner.x + inset, corner.y + inset),
            [(channel.title, True), *((line, False) for line in (note, own, camera_hand.hint(doc)) if line)],
        )
        planes_overlay.ablation_badge(doc, ctx, ImVec2(corner.x + inset, corner.y + 1.5 * inset + plate.y))
        lines = [] if alone else readout.lines(doc, ctx)
        if lines:
            overlays.badge(ctx.theme, ImVec2(corner.x + inset, corner.y + height - inset), lines, bottom=True)

    def _bar(
        self,
        doc: Document,
        ctx: PanelContext,
        drawn: ShownMap,
        origin: ImVec2,
        edge: float,
        corner: ImVec2,
    ) -> None:
        """The colour bar beside the picture or at its right side; corner: the viewport's top right one, where the cube is."""
        em, channel, right = ctx.theme.em, drawn.channel, corner.x
        view, span = doc.view.of(channel.name, channel), ctx.shown_range(doc, channel)
        if channel.name == "difference":
            view, span = split.difference_view(drawn)
        elif channel.name == mesh_viewport.NAME:
            view, span = mesh_viewport.error_view(drawn, ctx)
        beside = right - (origin.x + edge) > 6.9 * em
        end = right - 0.5 * em if beside else origin.x + edge - 0.7 * em
        x = origin.x + edge + 2.4 * em if beside else end - 4.4 * em
        tall = min(edge * 0.62, 26 * em)
        y = max(origin.y + 0.5 * (edge - tall) + 1.5 * em, corner.y + (2 * camera_cube.REACH_EM + 4.2) * em)
        tall = max(min(tall, origin.y + edge - y - 1.4 * em), 5 * em)
        colorbar.vertical_bar(
            ctx.theme,
            ImVec2(x, y),
            ImVec2(x + 0.95 * em, y + tall),
            channel,
            view.colormap,
            view.invert,
            span,
            ctx.histogram(doc, channel),
            self._marked(ctx, drawn),
            end,
            plate=not beside,
        )

    def _marked(self, ctx: PanelContext, drawn: ShownMap) -> float | None:
        found = None if ctx.viewport.hover is None else drawn.under(*ctx.viewport.hover)
        return None if found is None else found[0]

    def _empty(self, ctx: PanelContext, corner: ImVec2, width: float, height: float) -> None:
        """What is going on while there is no picture yet."""
        theme, status = ctx.theme, ctx.status
        if ctx.opening:
            title, detail = "Opening the checkpoint", ctx.opening
        elif ctx.info is None:
            title, detail = "No checkpoint is open", "Drop a checkpoint or a run folder here, or use File > Open"
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
        if ctx.opening or ctx.info is not None:
            self._progress(ctx, ImVec2(middle.x, middle.y + 2.6 * theme.em))

    def _progress(self, ctx: PanelContext, centre: ImVec2) -> None:
        theme, draw = ctx.theme, imgui.get_window_draw_list()
        half, thick = 7.0 * theme.em, 0.22 * theme.em
        low, high = ImVec2(centre.x - half, centre.y), ImVec2(centre.x + half, centre.y + thick)
        draw.add_rect_filled(low, high, theme.colour(theme.palette.faint, 0.4), thick)
        share = ctx.status.fraction
        if share > 0:
            draw.add_rect_filled(
                low,
                ImVec2(low.x + 2 * half * min(share, 1.0), high.y),
                theme.colour(theme.palette.accent),
                thick,
            )
        else:
            at = low.x + (2 * half - 3 * theme.em) * (0.5 - 0.5 * np.cos(ctx.now * 2.2))
            draw.add_rect_filled(
                ImVec2(at, low.y),
                ImVec2(at + 3 * theme.em, high.y),
                theme.colour(theme.palette.accent),
                thick,
            )


def _image(ctx: PanelContext, texture: int, origin: ImVec2, edge: float) -> None:
    """A picture in its square with a hairline around it; texture 0 leaves the square empty."""
    draw, end = imgui.get_window_draw_list(), ImVec2(origin.x + edge, origin.y + edge)
    if texture:
        draw.add_image(imgui.ImTextureRef(texture), origin, end)
    ink = ctx.theme.colour(ctx.theme.palette.line, 0.9)
    draw.add_rect(ImVec2(origin.x - 1, origin.y - 1), ImVec2(end.x + 1, end.y + 1), ink)


def _under(ctx: PanelContext, texture: int, origin: ImVec2, edge: float) -> None:
    """`_image`, by the window itself before the GUI where this panel has no ground of its own: the picture is most of a frame's cost."""
    view, density = ctx.viewport, imgui.get_io().display_framebuffer_scale.x
    if not view.see_through:
        _image(ctx, texture, origin, edge)
        return
    view.underlaid = Underlaid(texture, round(origin.x * density), round(origin.y * density), view.edge_px)
    _image(ctx, 0, origin, edge)


def _is_dragged() -> bool:
    """Whether the mouse has left the place where its button went down: a click must not turn the head."""
    return any(press.dragged(b, CLICK_SLACK_PX) for b in (_LEFT, _MIDDLE))


def _is_single(click: _Click) -> bool:
    """Whether no second press can make it a double click any more: its time is over, or the mouse has gone on."""
    io = imgui.get_io()
    moved = (io.mouse_pos.x - click.place[0]) ** 2 + (io.mouse_pos.y - click.place[1]) ** 2
    return imgui.get_time() - click.at > DOUBLE_S or moved > io.mouse_double_click_max_dist**2


PANELS.add("viewport", ViewportPanel)
