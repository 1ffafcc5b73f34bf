"""The seed plane: a square with four seeds at its corners and a dot that is dragged.

w is blended bilinearly.
"""

from __future__ import annotations

import random

from imgui_bundle import ImVec2, imgui
from imgui_bundle import icons_fontawesome_6 as fa

from core_model.schema.checkpoint import CheckpointInfo
from core_model.schema.latent import SEEDS, LatentSpec
from viewer.state.document import Document
from viewer.state.latent_blend import Corners, SeedPlane, neighbours, plane_of
from viewer.state.latent_walk import Walk
from viewer.state.query_cache import QueryCache
from viewer.state.requests import thumbnail_request
from viewer.widgets import controls, typed
from viewer.widgets.shown_picture import ShownPicture
from viewer.widgets.theme import Theme
from viewer.widgets.thumbnails import Thumbnails, at_rest

EDGE_EM = 11.0
_PLACES = ("top left", "top right", "bottom left", "bottom right")
_RANDOM = 1_000_000


class PlaneWidget:
    """Keeps the corners while a single seed is shown, and small pictures of them."""

    def __init__(self) -> None:
        self.kept: Corners = neighbours(0)
        self.thumbs = Thumbnails(48, columns=8, rows=4)
        self._fresh = True

    def plane(self, latent: LatentSpec) -> tuple[SeedPlane, bool]:
        """The plane as the document has it, and whether its dot is what is shown."""
        if self._fresh and len(latent.seeds) == 1:
            self.kept, self._fresh = neighbours(latent.seeds[0].seed), False
        plane, shown = plane_of(latent, self.kept)
        self.kept = plane.corners
        return plane, shown

    def draw(
        self,
        doc: Document,
        theme: Theme,
        info: CheckpointInfo | None,
        picture: ShownPicture,
        queries: QueryCache,
        walk: Walk,
        why_not: str,
    ) -> LatentSpec:
        plane, shown = self.plane(doc.latent)
        room = imgui.get_content_region_avail().x
        side = imgui.get_frame_height() + imgui.get_style().item_inner_spacing.x
        edge = max(min(room - side, EDGE_EM * theme.em), 4 * theme.em)
        left = imgui.get_cursor_pos_x() + max(0.5 * (room - edge - side), 0.0)
        new = self._corners(plane, theme, (0, 1), left, edge, why_not)
        imgui.same_line(0.0, imgui.get_style().item_inner_spacing.x)
        if controls.icon_button(
            theme, fa.ICON_FA_SHUFFLE, "plane-shuffle", tip="Four random seeds", why_not=why_not
        ):
            new = SeedPlane(_four_random(), plane.x, plane.y)
        imgui.set_cursor_pos_x(left)
        new = self._square(doc, theme, info, picture, queries, walk, new, shown, edge, why_not)
        imgui.same_line(0.0, imgui.get_style().item_inner_spacing.x)
        if controls.icon_button(
            theme,
            fa.ICON_FA_CROSSHAIRS,
            "plane-centre",
            tip="Dot to the middle: all four alike",
            why_not=why_not,
        ):
            new = new.moved(0.5, 0.5)
        new = self._corners(new, theme, (2, 3), left, edge, why_not)
        if new == plane:
            return doc.latent
        self.kept = new.corners
        return doc.latent.replace(seeds=new.seeds, z=None, w=None)

    def _corners(
        self, plane: SeedPlane, theme: Theme, which: tuple[int, int], left: float, edge: float, why_not: str
    ) -> SeedPlane:
        """Two seed fields above or below the square."""
        gap = imgui.get_style().item_inner_spacing.x
        width = 0.5 * (edge - gap)
        for place, index in enumerate(which):
            if place:
                imgui.same_line(0.0, gap)
            else:
                imgui.set_cursor_pos_x(left)
            imgui.set_next_item_width(width)
            with controls.disabled(why_not):
                entered = typed.whole(theme, f"##corner{index}", str(plane.corners[index]), 0, SEEDS - 1)
            plane = plane if entered is None else plane.with_corner(index, entered)
            share = round(100 * plane.weights[index])
            controls.tooltip(
                why_not
                or f"Seed of the {_PLACES[index]} corner; its weight is {share} %. Type one and press Enter"
            )
        return plane

    def _square(
        self,
        doc: Document,
        theme: Theme,
        info: CheckpointInfo | None,
        picture: ShownPicture,
        queries: QueryCache,
        walk: Walk,
        plane: SeedPlane,
        shown: bool,
        edge: float,
        why_not: str,
    ) -> SeedPlane:
        corner = imgui.get_cursor_screen_pos()
        with controls.disabled(why_not):
            imgui.invisible_button("##plane", ImVec2(edge, edge))
        if imgui.is_item_active() and not why_not:
            mouse = imgui.get_io().mouse_pos
            plane = plane.moved((mouse.x - corner.x) / edge, (mouse.y - corner.y) / edge)
            shown = True
        weights = ", ".join(
            f"{s}: {100 * w:.0f} %" for s, w in zip(plane.corners, plane.weights, strict=True)
        )
        controls.tooltip(why_not or f"Drag the dot: w is the blend of the four corners. Now {weights}")
        self._paint(
            doc,
            theme,
            info,
            picture,
            queries,
            walk,
            plane,
            shown,
            corner,
            edge,
            theme.palette.faded if why_not else 1.0,
        )
        return plane

    def _paint(
        self,
        doc: Document,
        theme: Theme,
        info: CheckpointInfo | None,
        picture: ShownPicture,
        queries: QueryCache,
        walk: Walk,
        plane: SeedPlane,
        shown: bool,
        o: ImVec2,
        edge: float,
        alpha: float,
    ) -> None:
        p, draw = theme.palette, imgui.get_window_draw_list()
        rounding, em = imgui.get_style().frame_rounding, theme.em
        end = ImVec2(o.x + edge, o.y + edge)
        draw.add_rect_filled(o, end, theme.colour(p.field, alpha), rounding)
        self._pictures(doc, theme, info, picture, queries, walk, plane, o, edge)
        line = theme.colour(p.line, alpha)
        draw.add_line(ImVec2(o.x + 0.5 * edge, o.y), ImVec2(o.x + 0.5 * edge, end.y), line, 1.0)
        draw.add_line(ImVec2(o.x, o.y + 0.5 * edge), ImVec2(end.x, o.y + 0.5 * edge), line, 1.0)
        draw.add_rect(o, end, line, rounding)
        if not shown:
            return
        dot = ImVec2(o.x + plane.x * edge, o.y + plane.y * edge)
        draw.add_circle_filled(dot, 0.42 * em, theme.colour(p.window, alpha), 24)
        draw.add_circle_filled(dot, 0.32 * em, theme.colour(p.accent, alpha), 24)

    def _pictures(
        self,
        doc: Document,
        theme: Theme,
        info: CheckpointInfo | None,
        picture: ShownPicture,
        queries: QueryCache,
        walk: Walk,
        plane: SeedPlane,
        o: ImVec2,
        edge: float,
    ) -> None:
        """The four corners' heads, drawn when the view is at rest."""
        if info is None or not info.z_dim:
            return
        size, inset, wanted = 0.3 * edge, 0.03 * edge, at_rest(doc, picture, walk)
        base = doc.latent.replace(z=None, w=None)
        for index, corner in enumerate(plane.corners):
            x = o.x + (inset if index % 2 == 0 else edge - inset - size)
            y = o.y + (inset if index < 2 else edge - inset - size)
            request = thumbnail_request(
                doc, info, LatentSpec.of_seed(corner).replace(**_kept(base)), self.thumbs.edge
            )
            self.thumbs.draw(theme, info, queries, request, ImVec2(x, y), ImVec2(x + size, y + size), wanted)

    def close(self) -> None:
        self.thumbs.close()


def _kept(latent: LatentSpec) -> dict[str, object]:
    """The fields of a latent that its neighbours share: everything but the seed."""
    return {
        name: getattr(latent, name)
        for name in ("psi", "cutoff", "cond", "class_index", "centre", "noise", "mix", "edits")
    }


def _four_random() -> Corners:
    a, b, c, d = random.sample(range(_RANDOM), 4)
    return (a, b, c, d)
