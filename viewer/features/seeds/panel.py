"""The seed board: hundreds of heads, rendered whenever there is time, starred, sorted, opened by a click."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from imgui_bundle import ImVec2, imgui
from imgui_bundle import icons_fontawesome_6 as fa

from core_model.schema.camera import OrbitPose
from core_model.schema.checkpoint import CheckpointInfo
from core_model.schema.errors import InputError
from core_model.schema.latent import SEEDS, LatentSpec, SeedWeight
from core_model.schema.question import PictureQuestion
from core_model.schema.render import RenderRequest
from viewer.features.seeds import board as store
from viewer.features.seeds.board import Board, Order, Thumb
from viewer.state.document import Document
from viewer.state.latent_walk import Walk
from viewer.state.query_cache import QueryCache
from viewer.state.requests import thumbnail_request
from viewer.widgets import controls, overlays, typed
from viewer.widgets.feature import FEATURES, Feature
from viewer.widgets.theme import Theme
from viewer.widgets.thumbnails import as_bytes

if TYPE_CHECKING:
    from viewer.gl.atlas import Atlas

EDGE = 80
"""Pixels of a picture's edge."""
MOST = 2000
TEXTURE = 2048
_ORDERS: tuple[tuple[Order, str, str], ...] = (
    ("seed", "Seed", "By number"),
    ("range", "Depth range", "Farthest less nearest depth, 1 % at either end left out, world units"),
    ("samples", "Mean samples", "Samples that the sampler gave a pixel, mean"),
    (
        "flatness",
        "Depth bins",
        "exp(entropy) of the surface's depth histogram: 1 = a plane facing the camera, 64 = even",
    ),
)


class SeedsPanel:
    """Keeps the range, the order, the stars and the pictures of the open checkpoint."""

    def __init__(self) -> None:
        self.board = Board()
        self.start, self.count = 0, 200
        self.order: Order = "seed"
        self.falling = False
        self.only_stars = False
        self.stars: frozenset[int] = frozenset()
        self.camera: OrbitPose | None = None
        self.note = ""
        self._atlas: Atlas | None = None
        self._loaded = ""
        self._under = -1

    def draw(
        self,
        doc: Document,
        theme: Theme,
        info: CheckpointInfo | None,
        moving: bool,
        queries: QueryCache,
        walk: Walk,
    ) -> Document:
        if info is None or not info.z_dim:
            controls.note(
                theme,
                "The board shows the seeds of a generator; this family has none."
                if info
                else "Nothing is open.",
            )
            return doc
        self._follow(doc, info)
        self._tools(doc, theme)
        seeds = self._listed()
        clicked = self._grid(seeds, doc, theme, moving, queries, walk, info)
        if clicked is None:
            return doc
        return doc.replace(latent=doc.latent.replace(seeds=(SeedWeight(seed=clicked),), z=None, w=None))

    def _follow(self, doc: Document, info: CheckpointInfo) -> None:
        """Stars of the open checkpoint; pictures anew when what they show has changed."""
        key = f"{info.sha256} {info.path}"
        if key != self._loaded:
            self._loaded, self.note, self.camera = key, "", None
            try:
                self.stars = store.read_stars(store.stars_path(info.sha256))
            except InputError as error:
                self.stars, self.note = frozenset(), str(error)
        if self.board.follow((key, self._request(0, doc, info))) and self._atlas is not None:
            self._atlas.delete()
            self._atlas = None

    def _request(self, seed: int, doc: Document, info: CheckpointInfo) -> RenderRequest:
        latent = LatentSpec.of_seed(seed).replace(**_look(doc.latent))
        return thumbnail_request(doc, info, latent, EDGE, self.camera)

    def _listed(self) -> list[int]:
        end = min(self.start + self.count, SEEDS)
        seeds = (
            [s for s in self.stars if self.start <= s < end] if self.only_stars else range(self.start, end)
        )
        return store.ordered(list(seeds), self.order, self.falling, self.board.thumbs)

    def _tools(self, doc: Document, theme: Theme) -> None:
        """One line above the grid; it wraps in a narrow place."""
        gap, em = imgui.get_style().item_spacing.x, theme.em
        most = min(MOST, self.board.capacity(EDGE))
        self._field("From", 5.0 * em, "First seed of the board", theme)
        clamped = imgui.SliderFlags_.always_clamp
        draw = lambda: imgui.drag_int("##board-start", self.start, 1.0, 0, 2**31 - 1, "%d", clamped)
        self.start = int(
            typed.dragged(theme, "##board-start", self.start, 0, 2**31 - 1, "%d", draw, whole=True)
        )
        controls.tooltip("First seed of the board; drag, or Ctrl+click to type")
        _next(8.5 * em, gap)
        self._field("Count", 4.0 * em, "Seeds on the board", theme)
        draw = lambda: imgui.drag_int("##board-count", self.count, 1.0, 1, most, "%d", clamped)
        self.count = int(typed.dragged(theme, "##board-count", self.count, 1, most, "%d", draw, whole=True))
        controls.tooltip(f"Seeds on the board, at most {most}")
        _next(13.0 * em, gap)
        self._field("Sort", 8.0 * em, "Order of the board", theme)
        if _sort_combo(theme, self.order):
            for key, title, tip in _ORDERS:
                if imgui.selectable(f"{title}###{key}", key == self.order)[0]:
                    self.order = key
                controls.tooltip(tip)
            imgui.end_combo()
        imgui.same_line(0.0, imgui.get_style().item_inner_spacing.x)
        icon = fa.ICON_FA_ARROW_DOWN_WIDE_SHORT if self.falling else fa.ICON_FA_ARROW_UP_SHORT_WIDE
        if controls.icon_button(
            theme, icon, "board-falling", tip="Largest first" if self.falling else "Smallest first"
        ):
            self.falling = not self.falling
        _next(10.0 * em, gap)
        self._stars_and_camera(doc, theme, gap)

    def _stars_and_camera(self, doc: Document, theme: Theme, gap: float) -> None:
        title = f"{fa.ICON_FA_STAR} {'Starred' if self.only_stars else 'All'}###board-stars"
        why_not = "" if self.stars or self.only_stars else "No seed is starred: right click a picture"
        if controls.button(
            theme, title, tip=f"Show all seeds or the starred ones ({len(self.stars)})", why_not=why_not
        ):
            self.only_stars = not self.only_stars
        _next(7.0 * theme.em, gap)
        own = self.camera is not None
        title = f"{fa.ICON_FA_CAMERA} {'This view' if own else 'Front'}###board-camera"
        tip = (
            "Seen from where the view was then; press for the front"
            if own
            else "Seen from the front; press to take the present view"
        )
        if controls.button(theme, title, tip=tip):
            self.camera = None if own else doc.camera
        done = sum(s in self.board.thumbs for s in range(self.start, self.start + self.count))
        _next(9.0 * theme.em, gap)
        imgui.align_text_to_frame_padding()
        with controls.text_colour(theme.palette.muted):
            imgui.text_unformatted(
                self.note
                or (f"{done} of {self.count} rendered" if done < self.count else f"{self.count} seeds")
            )
        controls.tooltip(
            "Pictures are made while the board is open and nothing else is rendered. Click opens a seed, right click stars it"
        )

    def _field(self, title: str, width: float, tip: str, theme: Theme) -> None:
        imgui.align_text_to_frame_padding()
        with controls.text_colour(theme.palette.muted):
            imgui.text_unformatted(title)
        controls.tooltip(tip)
        imgui.same_line(0.0, imgui.get_style().item_inner_spacing.x)
        imgui.set_next_item_width(width)

    def _grid(
        self,
        seeds: list[int],
        doc: Document,
        theme: Theme,
        moving: bool,
        queries: QueryCache,
        walk: Walk,
        info: CheckpointInfo,
    ) -> int | None:
        """The pictures in a scrolling field; only the rows in sight are drawn.

        Returns the seed that was clicked.
        """
        clicked = None
        if not controls.begin_child("##board"):
            imgui.end_child()
            return None
        em, origin = theme.em, imgui.get_cursor_screen_pos()
        room, gap = imgui.get_content_region_avail(), 0.3 * em
        columns = max(int((room.x + gap) // (max(5.0 * em, 48.0) + gap)), 1)
        cell = (room.x + gap) / columns - gap
        rows, step = math.ceil(len(seeds) / columns), cell + gap
        first, last = store.visible_rows(
            imgui.get_scroll_y(), max(room.y, imgui.get_window_height()), step, rows
        )
        shown = seeds[first * columns : last * columns]
        self._fetch(shown, seeds, doc, moving, queries, walk, info)
        for index, seed in enumerate(shown, first * columns):
            corner = ImVec2(origin.x + index % columns * step, origin.y + index // columns * step)
            imgui.set_cursor_screen_pos(corner)
            if self._cell(seed, corner, cell, doc, theme):
                clicked = seed
        imgui.set_cursor_screen_pos(origin)
        imgui.dummy(ImVec2(1.0, max(rows * step - gap, 1.0)))
        if not seeds:
            imgui.set_cursor_screen_pos(origin)
            controls.note(theme, "No starred seed in this range.")
        imgui.end_child()
        return clicked

    def _cell(self, seed: int, corner: ImVec2, cell: float, doc: Document, theme: Theme) -> bool:
        p, draw = theme.palette, imgui.get_window_draw_list()
        end = ImVec2(corner.x + cell, corner.y + cell)
        clicked = controls.hit(theme, f"##seed{seed}", ImVec2(cell, cell))
        hovered = imgui.is_item_hovered()
        if imgui.is_item_clicked(imgui.MouseButton_.right):
            self._star(seed)
        thumb, rounding = self.board.thumbs.get(seed), imgui.get_style().frame_rounding
        box = self._box(seed, thumb)
        if box is None or self._atlas is None:
            draw.add_rect_filled(corner, end, theme.colour(p.field), rounding)
        else:
            white = imgui.color_convert_float4_to_u32((1.0, 1.0, 1.0, 1.0))
            texture = imgui.ImTextureRef(self._atlas.handle)
            draw.add_image_rounded(texture, corner, end, ImVec2(*box[:2]), ImVec2(*box[2:]), white, rounding)
        with controls.font(theme.fonts.mono, theme.small() * 0.85):
            size = imgui.calc_text_size(str(seed))
            low = ImVec2(corner.x, end.y - size.y - 2)
            overlays.plate(theme, low, ImVec2(low.x + size.x + 6, end.y))
            draw.add_text(ImVec2(low.x + 3, low.y + 1), theme.colour(p.text), str(seed))
        if seed in self.stars:
            size = imgui.calc_text_size(fa.ICON_FA_STAR)
            at = ImVec2(end.x - size.x - 3, corner.y + 2)
            draw.add_text(ImVec2(at.x + 1, at.y + 1), theme.colour(p.window), fa.ICON_FA_STAR)
            draw.add_text(at, theme.colour(p.warn), fa.ICON_FA_STAR)
        present = [s.seed for s in doc.latent.seeds] == [seed] and doc.latent.w is None
        if present or hovered:
            draw.add_rect(corner, end, theme.colour(p.accent if present else p.muted), rounding, 2.0)
        controls.tooltip(_about(seed, thumb, seed in self.stars, seed in self.board.failed))
        return clicked

    def _box(self, seed: int, thumb: Thumb | None) -> tuple[float, float, float, float] | None:
        """Place of a seed's picture in the texture; it is uploaded when it comes into sight."""
        if thumb is None:
            return None
        if self._atlas is None:
            from viewer.gl.atlas import Atlas

            side = TEXTURE // EDGE
            self._atlas = Atlas(EDGE, side, side)
        found = self._atlas.box(seed)
        if found is None:
            self._atlas.put(seed, thumb.pixels)
            found = self._atlas.box(seed)
        return found

    def _fetch(
        self,
        shown: list[int],
        seeds: list[int],
        doc: Document,
        moving: bool,
        queries: QueryCache,
        walk: Walk,
        info: CheckpointInfo,
    ) -> None:
        """Asks for the picture that is wanted next, once the view itself is at rest."""
        seed = self.board.missing(shown, sorted(seeds))
        if seed is None or walk.playing or moving:
            return
        request = self._request(seed, doc, info)
        question = PictureQuestion(checkpoint=request.checkpoint, request=request)
        answer = queries.want(question)
        if queries.error(question) is not None:
            self.board.failed.add(seed)
        if answer is None:
            return
        near, far = _depth_limits(info, (self.camera or info.header.camera.default).distance)
        numbers = store.figures(answer.arrays.get("depth"), answer.arrays.get("samples"), near, far)
        self.board.take(seed, Thumb(np.ascontiguousarray(as_bytes(answer.arrays["rgb"])), *numbers))
        queries.forget(question)

    def _star(self, seed: int) -> None:
        self.stars = self.stars ^ {seed}
        try:
            store.write_stars(store.stars_path(self._loaded.split(" ", 1)[0]), self.stars)
        except InputError as error:
            self.note = str(error)

    def close(self) -> None:
        """Frees the texture."""
        if self._atlas is not None:
            self._atlas.delete()
            self._atlas = None


def _sort_combo(theme: Theme, order: Order) -> bool:
    """Drop-down of the orders, of the item width that was set; True while it is open."""
    title = next(t for k, t, _ in _ORDERS if k == order)
    corner, width = imgui.get_cursor_screen_pos(), imgui.calc_item_width()
    opened = imgui.begin_combo("##board-sort", title, imgui.ComboFlags_.no_arrow_button)
    if not opened:
        controls.tooltip("Figures come with the pictures: seeds without one yet stand last")
        em, ink = theme.em, theme.colour(theme.palette.muted)
        x, y = corner.x + width - 0.95 * em, corner.y + 0.5 * imgui.get_frame_height() + 0.15 * em
        low, left, right = (
            ImVec2(x, y),
            ImVec2(x - 0.28 * em, y - 0.28 * em),
            ImVec2(x + 0.28 * em, y - 0.28 * em),
        )
        for side in (left, right):
            imgui.get_window_draw_list().add_line(side, low, ink, 0.11 * em)
    return opened


def _look(latent: LatentSpec) -> dict[str, object]:
    """The fields of the present latent that every seed of the board shares."""
    return {
        name: getattr(latent, name)
        for name in ("psi", "cutoff", "mix", "cond", "class_index", "centre", "noise", "edits")
    }


def _next(width: float, gap: float) -> None:
    """Stays on the line where `width` more pixels fit into it."""
    imgui.same_line(0.0, 1.4 * gap)
    if imgui.get_content_region_avail().x < width:
        imgui.new_line()


def _depth_limits(info: CheckpointInfo, distance: float) -> tuple[float, float]:
    """Ends of the histogram of depths, as for the metric.

    The checkpoint's own, else about its scene, `distance` away.
    """
    conv = info.header.conventions
    if conv.near is not None and conv.far is not None:
        return conv.near, conv.far
    reach = conv.scene_radius if conv.scene_radius is not None else conv.box
    return max(0.0, distance - reach), distance + reach


def _about(seed: int, thumb: Thumb | None, starred: bool, failed: bool) -> str:
    lines = [f"Seed {seed}" + (", starred" if starred else "")]
    if thumb is not None:
        figures = (
            ("Depth range", thumb.depth_range, " world units"),
            ("Mean samples", thumb.samples, " a pixel"),
        )
        for title, value, unit in (*figures, ("Depth bins", thumb.flatness, " of 64")):
            lines.append(f"{title} {value:.3g}{unit}" if math.isfinite(value) else f"{title}: none")
    else:
        lines.append("It could not be rendered" if failed else "Not rendered yet")
    return "\n".join([*lines, "Click opens it, right click stars it"])


def _seeds() -> Feature:
    panel = SeedsPanel()
    return Feature(panel, close=panel.close)


FEATURES.add("seeds", _seeds)
