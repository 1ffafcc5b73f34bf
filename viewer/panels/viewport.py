"""The picture: mouse to camera, frame to screen, with badges, axes, colour bar and the value under the
cursor.
"""

from __future__ import annotations

import numpy as np
from imgui_bundle import ImVec2, imgui

from core_model.schema.camera import OrbitPose
from core_model.schema.channels import ChannelInfo
from viewer.state import orbit
from viewer.state.document import Document
from viewer.ui import colorbar, overlays
from viewer.ui.context import PanelContext
from viewer.ui.controls import font
from viewer.ui.panel import PANELS
from viewer.ui.theme import BODY_PX, canvas

_LEFT, _RIGHT, _MIDDLE = 0, 1, 2
_BUTTONS = int(imgui.ButtonFlags_.mouse_button_left) | int(imgui.ButtonFlags_.mouse_button_middle)


class ViewportPanel:
    """Left drag orbits, middle or Shift+left drag pans, wheel dollies, Ctrl+wheel changes fov, double click
    re-centres.
    """

    def draw(self, doc: Document, ctx: PanelContext) -> Document:
        theme, view = ctx.theme, ctx.viewport
        corner, room = imgui.get_cursor_screen_pos(), imgui.get_content_region_avail()
        width, height = max(room.x, 16.0), max(room.y, 16.0)
        density = imgui.get_io().display_framebuffer_scale.x
        margin = round(0.9 * theme.em)
        edge = max(16.0, float(int(min(width, height) - 2 * margin)))
        origin = ImVec2(round(corner.x + 0.5 * (width - edge)), round(corner.y + 0.5 * (height - edge)))
        view.edge_px, view.origin, view.size = int(edge * density), (origin.x, origin.y), edge
        canvas(theme)
        imgui.set_next_item_allow_overlap()
        imgui.invisible_button("viewport", ImVec2(width, height), _BUTTONS)
        doc = self._mouse(doc, ctx, origin, edge)
        channel = ctx.shown_channel(doc)
        if channel is None:
            self._empty(ctx, corner, width, height)
            return doc
        self._picture(doc, ctx, channel, origin, edge)
        doc = self._gizmos(doc, ctx, origin, edge, corner, width)
        self._badges(doc, ctx, channel, corner, width, height)
        if channel.kind == "scalar":
            self._bar(doc, ctx, channel, origin, edge, corner.x + width)
        return doc

    def _mouse(self, doc: Document, ctx: PanelContext, origin: ImVec2, edge: float) -> Document:
        io, view, pose = imgui.get_io(), ctx.viewport, doc.camera
        hovered, mouse = imgui.is_item_hovered(), io.mouse_pos
        u, v = (mouse.x - origin.x) / edge, (mouse.y - origin.y) / edge
        view.hover = (u, v) if hovered and 0 <= u < 1 and 0 <= v < 1 else None
        view.held = ""
        if imgui.is_item_active():
            dx, dy = io.mouse_delta.x, io.mouse_delta.y
            pans = imgui.is_mouse_down(_MIDDLE) or (imgui.is_mouse_down(_LEFT) and io.key_shift)
            view.held = "pan" if pans else "orbit"
            if dx or dy:
                pose = orbit.pan(pose, dx, dy, edge) if pans else orbit.orbit(pose, dx, dy, edge)
        if hovered and io.mouse_wheel:
            pose = orbit.zoom_fov(pose, io.mouse_wheel) if io.key_ctrl else orbit.dolly(pose, io.mouse_wheel)
        if hovered and view.hover and imgui.is_mouse_double_clicked(_LEFT):
            pose = self._recentred(pose, ctx, u, v)
        return doc if pose == doc.camera else doc.replace(camera=pose)

    def _recentred(self, pose: OrbitPose, ctx: PanelContext, u: float, v: float) -> OrbitPose:
        depth, result = ctx.frames.arrays.get("depth"), ctx.result
        if depth is None or result is None or result.request is None:
            return pose
        distance = ctx.frames.value("depth", int(u * depth.shape[-1]), int(v * depth.shape[-2]))
        camera = result.request.camera
        if distance is None or not isinstance(camera, OrbitPose):
            return pose
        return orbit.recentre(pose, orbit.surface_point(camera, u, v, distance[0]))

    def _picture(
        self, doc: Document, ctx: PanelContext, channel: ChannelInfo, origin: ImVec2, edge: float
    ) -> None:
        view, shown = doc.view.of(channel.name, channel), ctx.shown_range(doc, channel)
        values = ctx.frames.arrays[channel.name]
        texture = ctx.present(channel.name, values, channel, view, shown, ctx.viewport.edge_px)
        ctx.viewport.texture = texture
        draw, end = imgui.get_window_draw_list(), ImVec2(origin.x + edge, origin.y + edge)
        draw.add_image(imgui.ImTextureRef(texture), origin, end)
        draw.add_rect(
            ImVec2(origin.x - 1, origin.y - 1),
            ImVec2(end.x + 1, end.y + 1),
            ctx.theme.colour(ctx.theme.palette.line, 0.9),
        )

    def _gizmos(
        self, doc: Document, ctx: PanelContext, origin: ImVec2, edge: float, corner: ImVec2, width: float
    ) -> Document:
        result, em = ctx.result, ctx.theme.em
        if result is None or len(result.world_from_cam) != 16:
            return doc
        world_from_cam = np.asarray(result.world_from_cam).reshape(4, 4)
        if ctx.viewport.held and len(result.intrinsics) == 9 and result.request is not None:
            pivot = getattr(result.request.camera, "pivot", None)
            uv = (
                overlays.project(world_from_cam, np.asarray(result.intrinsics).reshape(3, 3), pivot)
                if pivot
                else None
            )
            if uv:
                overlays.pivot_cross(ctx.theme, origin, edge, uv)
        chosen = overlays.axes_gizmo(
            ctx.theme, ImVec2(corner.x + width - 3.9 * em, corner.y + 3.9 * em), world_from_cam
        )
        return doc if chosen is None else doc.replace(camera=orbit.snap_view(doc.camera, chosen))

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
        note = f"{tier}  {result.width}²  {result.samples_per_pixel:.1f} spp"
        overlays.badge(
            ctx.theme, ImVec2(corner.x + inset, corner.y + inset), [(channel.title, True), (note, False)]
        )
        lines = self._readout(doc, ctx, channel)
        if lines:
            overlays.badge(ctx.theme, ImVec2(corner.x + inset, corner.y + height - inset), lines, bottom=True)

    def _readout(self, doc: Document, ctx: PanelContext, channel: ChannelInfo) -> list[tuple[str, bool]]:
        hover, result = ctx.viewport.hover, ctx.result
        if hover is None or result is None:
            return []
        x, y = int(hover[0] * result.width), int(hover[1] * result.height)
        lines = [(f"x {x:>4}  y {y:>4}", False)]
        named = [channel]
        depth = ctx.channel("depth")
        if depth is not None and depth.name != channel.name and depth.name in ctx.frames.arrays:
            named.append(depth)
        for info in named:
            found = ctx.frames.value(info.name, x, y)
            text = "no value" if found is None else "  ".join(f"{v:.{info.decimals}f}" for v in found)
            lines.append((f"{info.title}  {text} {info.unit if found else ''}".rstrip(), info is channel))
        return lines

    def _bar(
        self,
        doc: Document,
        ctx: PanelContext,
        channel: ChannelInfo,
        origin: ImVec2,
        edge: float,
        right: float,
    ) -> None:
        em, view = ctx.theme.em, doc.view.of(channel.name, channel)
        beside = right - (origin.x + edge) > 6.9 * em
        end = right - 0.5 * em if beside else origin.x + edge - 0.7 * em
        x = origin.x + edge + 2.4 * em if beside else end - 4.4 * em
        tall = min(edge * 0.62, 26 * em)
        y = origin.y + 0.5 * (edge - tall) + 1.5 * em
        colorbar.vertical_bar(
            ctx.theme,
            ImVec2(x, y),
            ImVec2(x + 0.95 * em, y + tall),
            channel,
            view.colormap,
            view.invert,
            ctx.shown_range(doc, channel),
            ctx.histogram(doc, channel),
            self._marked(ctx, channel),
            end,
            plate=not beside,
        )

    def _marked(self, ctx: PanelContext, channel: ChannelInfo) -> float | None:
        hover, result = ctx.viewport.hover, ctx.result
        if hover is None or result is None:
            return None
        found = ctx.frames.value(channel.name, int(hover[0] * result.width), int(hover[1] * result.height))
        return None if found is None else found[0]

    def _empty(self, ctx: PanelContext, corner: ImVec2, width: float, height: float) -> None:
        """What is going on while there is no picture yet."""
        theme, status = ctx.theme, ctx.status
        if ctx.opening:
            title, detail = "Opening the checkpoint", ctx.opening
        elif ctx.info is None:
            title, detail = "No checkpoint is open", "Drop a .safetensors file here, or use File > Open"
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


PANELS.add("viewport", ViewportPanel)
