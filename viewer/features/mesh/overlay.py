"""The mesh in the viewport's place: alone, over the render, beside it, or as a map of its distance to the rendered depth."""

from __future__ import annotations

from imgui_bundle import ImVec2, imgui

from core_model.schema.camera import OrbitPose
from core_model.schema.channels import ChannelInfo
from viewer.state.document import ChannelView, Document
from viewer.features.mesh.error_map import INFO, NAME, error_map, error_range
from viewer.state.shown_map import ShownMap
from viewer.widgets import overlays
from viewer.widgets.context import PanelContext, ShownRange
from viewer.features.mesh.stage import mode_of
from viewer.widgets.split import Squares

ERROR_SLOT = 3
ALONE = ChannelInfo(name="mesh", title="Mesh", kind="colour", description="The mesh alone, drawn by the window itself")


def is_alone(doc: Document, ctx: PanelContext) -> bool:
    """Whether the mesh has the viewport for itself."""
    return mode_of(doc) == "mesh" and ctx.mesh.shown is not None


def draw(doc: Document, ctx: PanelContext, shown: ShownMap, where: Squares, texture: int) -> ShownMap | None:
    """The map that lies under the cursor; None: nothing was drawn, because no mesh is wanted or there is none yet.

    shown, texture: the render's map and picture. A mesh alone or beside follows the mouse at once; over the render it has the
    picture's camera, so that the two never slide against each other.
    """
    mode, stage = mode_of(doc), ctx.mesh
    stage.update(doc, ctx)
    if mode == "off" or stage.shown is None:
        if mode == "side":
            _image(ctx, texture, where.a, where.edge)
            _image(ctx, 0, where.b, where.edge)
            return shown
        return None
    edge_px = ctx.viewport.edge_px
    if mode == "error":
        found = stage.measure(ctx)
        if found is None:
            return None
        drawn = error_map(found, stage.error_version)
        picture = ctx.present(drawn, ChannelView(name=NAME, colormap=INFO.colormap), ShownRange(*error_range(found)), edge_px, ERROR_SLOT)
        _image(ctx, picture, where.a, where.edge)
        return drawn
    camera = doc.camera
    if mode == "overlay" and ctx.result is not None and ctx.result.request is not None and isinstance(ctx.result.request.camera, OrbitPose):
        camera = ctx.result.request.camera
    picture = stage.picture(ctx, doc, camera, edge_px)
    if mode == "overlay":
        _image(ctx, texture, where.a, where.edge)
        _image(ctx, picture, where.a, where.edge, doc.mesh.blend)
    elif mode == "side":
        _image(ctx, texture, where.a, where.edge)
        _image(ctx, picture, where.b, where.edge)
    else:
        _image(ctx, picture, where.a, where.edge)
    return shown


def error_view(drawn: ShownMap, ctx: PanelContext) -> tuple[ChannelView, ShownRange]:
    """Colours and range of the error map's colour bar."""
    reach = (-1.0, 1.0) if ctx.mesh.error is None else error_range(ctx.mesh.error)
    return ChannelView(name=drawn.channel.name, colormap=drawn.channel.colormap), ShownRange(*reach)


def labels(doc: Document, ctx: PanelContext, where: Squares) -> None:
    """What is drawn, in the lower right corner of its picture; what is missing, while it is."""
    mode, stage = mode_of(doc), ctx.mesh
    if mode == "off":
        return
    lines: list[tuple[str, bool]] = []
    mesh = stage.shown
    if mesh is not None:
        count = len(mesh.fine.faces)
        drawn = f"{count:,} of {mesh.triangles:,} triangles" if mesh.reduced else f"{count:,} triangles"
        lines.append((mesh.title, True))
        lines.append((drawn, False))
        if mesh.latent is not None and (mesh.latent != doc.latent or mesh.checkpoint not in ("", doc.checkpoint)):
            lines.append(("of another head than the render", False))
        if mode == "error" and stage.error is not None and stage.error.pixels:
            lines.append((f"RMS {stage.error.rms:.3g} world units", True))
    if stage.words:
        lines.append((stage.words, stage.failed))
    if lines:
        inset = 0.5 * ctx.theme.em
        overlays.badge(ctx.theme, ImVec2(where.b.x + where.edge - inset, where.b.y + where.edge - inset), lines, right=True, bottom=True)


def _image(ctx: PanelContext, texture: int, origin: ImVec2, edge: float, opacity: float = 1.0) -> None:
    """A picture in its square with a hairline around it."""
    draw_list, end = imgui.get_window_draw_list(), ImVec2(origin.x + edge, origin.y + edge)
    if texture:
        ink = ctx.theme.colour((1.0, 1.0, 1.0), opacity)
        draw_list.add_image(imgui.ImTextureRef(texture), origin, end, ImVec2(0, 0), ImVec2(1, 1), ink)
    line = ctx.theme.colour(ctx.theme.palette.line, 0.9)
    draw_list.add_rect(ImVec2(origin.x - 1, origin.y - 1), ImVec2(end.x + 1, end.y + 1), line)
