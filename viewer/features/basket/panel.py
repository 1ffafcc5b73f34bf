"""Named w of the open checkpoint.

Kept between runs, opened, interpolated, added and subtracted, exchanged as .npz.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from imgui_bundle import ImVec2, imgui
from imgui_bundle import icons_fontawesome_6 as fa

from core_model.schema.checkpoint import CheckpointInfo
from core_model.schema.errors import InputError
from core_model.schema.latent import LatentSpec
from core_model.schema.question import LatentQuestion
from viewer.state import basket as store
from viewer.state.actions import Dispatch, OpenCheckpoint
from viewer.state.basket import Kept, Shelf
from viewer.state.document import Document
from viewer.state.latent_blend import describe
from viewer.state.query_cache import QueryCache
from viewer.state.requests import thumbnail_request
from viewer.widgets import choice_rows, controls, number_rows
from viewer.widgets.feature import FEATURES, Feature
from viewer.widgets.file_chooser import FileChooser
from viewer.widgets.file_row import FileRow
from viewer.widgets.theme import Theme
from viewer.widgets.thumbnails import Thumbnails

_MODES = (("between", "Interpolate", "A at 0, B at 1"), ("analogy", "Arithmetic", "A + k (B - C)"))


class BasketPanel:
    """Keeps what is being typed, and what is combined; the entries are the shelf's."""

    def __init__(self) -> None:
        self.shelf = Shelf()
        self.name = ""
        self.typed = ""
        self.mode = "between"
        self.chosen = [0, 1, 0]
        self.t, self.k = 0.5, 1.0
        self.adding: LatentQuestion | None = None
        self.removed: tuple[int, Kept] | None = None
        self.thumbs = Thumbnails(64, columns=8, rows=8)
        self.file = FileRow("basket", "Basket", (".npz", ".npy"), "")

    def draw(
        self,
        doc: Document,
        theme: Theme,
        info: CheckpointInfo | None,
        queries: QueryCache,
        basket: Shelf,
        files: FileChooser,
        dispatch: Dispatch,
    ) -> Document:
        if info is None or not info.z_dim:
            controls.note(
                theme,
                "The basket keeps w of a generator; this family has none." if info else "Nothing is open.",
            )
            return doc
        self.shelf = basket
        if basket.follow(info):
            self.removed = self.adding = None
        self._add(doc, theme, queries)
        latent = self._list(doc, theme, queries, info, dispatch)
        latent = self._combine(latent, theme)
        self._files(theme, files, info)
        return doc if latent is doc.latent else doc.replace(latent=latent)

    def _add(self, doc: Document, theme: Theme, queries: QueryCache) -> None:
        gap, button = imgui.get_style().item_inner_spacing.x, imgui.get_frame_height()
        controls.label(theme, "Add as", "Name of the w that is added")
        imgui.set_next_item_width(imgui.get_content_region_avail().x - button - gap)
        hint = describe(doc.latent)
        entered, self.name = imgui.input_text_with_hint(
            "##basket-name", hint, self.name, int(imgui.InputTextFlags_.enter_returns_true)
        )
        controls.tooltip("Name of the new entry; empty = what the latent is called now")
        imgui.same_line(0.0, gap)
        tip = "Keep the present w: blend, psi, mixing and edits are frozen into it"
        if controls.icon_button(theme, fa.ICON_FA_PLUS, "basket-add", tip=tip) or entered:
            self.adding = LatentQuestion(checkpoint=doc.checkpoint, latent=doc.latent)
        if self.adding is not None:
            answer, failed = queries.want(self.adding), queries.error(self.adding)
            if answer is not None:
                self.shelf.keep(
                    store.added(
                        self.shelf.items, self.name or describe(self.adding.latent), answer.arrays["w"]
                    )
                )
                self.name, self.shelf.note = "", ""
            elif failed is not None:
                self.shelf.note = failed.message
            if answer is not None or failed is not None:
                self.adding = None

    def _list(
        self, doc: Document, theme: Theme, queries: QueryCache, info: CheckpointInfo, dispatch: Dispatch
    ) -> LatentSpec:
        latent, removed = doc.latent, -1
        if not self.shelf.items:
            controls.note(theme, "Empty. The plus keeps the w that is shown.")
        for index, item in enumerate(self.shelf.items):
            imgui.push_id(index)
            shown = doc.latent.w is not None and not doc.latent.edits and doc.latent.w == item.rows
            opened, gone = self._entry(index, item, shown, doc, theme, queries, info)
            if opened and item.code and item.code != info.path and Path(item.code).is_file():
                dispatch(OpenCheckpoint(item.code))
            elif opened:
                latent = store.shown_as(latent, item)
            removed = index if gone else removed
            imgui.pop_id()
        if removed >= 0:
            self.removed = (removed, self.shelf.items[removed])
            self.shelf.keep(store.without(self.shelf.items, removed))
        if self.removed is not None:
            index, item = self.removed
            width = imgui.get_content_region_avail().x
            name = controls.ellipsis(item.name, width - 9 * theme.em)
            title = f"{fa.ICON_FA_ROTATE_LEFT} Bring back {name}###basket-back"
            if controls.button(theme, title, tip=f"{item.name} was deleted last", width=width):
                self.shelf.keep((*self.shelf.items[:index], item, *self.shelf.items[index:]))
                self.removed = None
        return latent

    def _entry(
        self,
        index: int,
        item: Kept,
        shown: bool,
        doc: Document,
        theme: Theme,
        queries: QueryCache,
        info: CheckpointInfo,
    ) -> tuple[bool, bool]:
        """One row: picture, name, open, delete. Returns (opened, deleted)."""
        gap, button = imgui.get_style().item_inner_spacing.x, imgui.get_frame_height()
        size, corner = 2.4 * theme.em, imgui.get_cursor_screen_pos()
        opened = controls.hit(theme, "##open-picture", ImVec2(size, size))
        tip = f"Show this head: w and weights of {item.code}" if item.code else "Show this w"
        controls.tooltip(tip)
        end = ImVec2(corner.x + size, corner.y + size)
        visible = imgui.is_item_visible()
        latent = store.shown_as(LatentSpec(noise=doc.latent.noise), item)
        self.thumbs.draw(
            theme, info, queries, thumbnail_request(doc, info, latent, self.thumbs.edge), corner, end, visible
        )
        if shown:
            imgui.get_window_draw_list().add_rect(
                corner, end, theme.colour(theme.palette.accent), imgui.get_style().frame_rounding, 2.0
            )
        level = imgui.get_cursor_pos_y() - size - imgui.get_style().item_spacing.y + 0.5 * (size - button)
        _beside(gap, level)
        imgui.set_next_item_width(max(imgui.get_content_region_avail().x - 2 * (button + gap), 3 * theme.em))
        changed, text = imgui.input_text("##name", item.name)
        if changed:
            self.typed = text
        if imgui.is_item_deactivated_after_edit():
            self.shelf.keep(store.renamed(self.shelf.items, index, self.typed))
        controls.tooltip(f"Name of entry {index + 1}; type another one and press Enter")
        _beside(gap, level)
        opened |= controls.icon_button(theme, fa.ICON_FA_EYE, "open", tip=tip)
        _beside(gap, level)
        gone = controls.icon_button(
            theme, fa.ICON_FA_TRASH, "delete", tip="Delete this entry; the last one can be brought back"
        )
        imgui.set_cursor_pos_y(level + 0.5 * (size + button))
        imgui.dummy(ImVec2(0.0, 0.0))
        return opened, gone

    def _combine(self, latent: LatentSpec, theme: Theme) -> LatentSpec:
        controls.section(theme, "Combine")
        why_not = "" if len(self.shelf.items) >= 2 else "Add two entries first"
        before = (self.mode, *self.chosen, self.t, self.k)
        self.mode = choice_rows.segmented(
            theme, "Mode", "combine", self.mode, _MODES, tip="How entries are combined", why_not=why_not
        )
        options = [(i, item.name, f"Entry {i + 1}") for i, item in enumerate(self.shelf.items)]
        for place, letter in enumerate("AB" if self.mode == "between" else "ABC"):
            now = self._place(place)
            new = choice_rows.combo(
                theme,
                letter,
                f"##combine-{letter}",
                now,
                options or [(0, "none", "")],
                tip=f"Entry {letter}",
                why_not=why_not,
            )
            if new != now:
                self.chosen[place] = new
        if self.mode == "between":
            self.t = number_rows.slider_float(
                theme, "Position", "##combine-t", self.t, low=0.0, high=1.0, limits=(-4.0, 5.0), fmt="%.3f", why_not=why_not,
                tip="0 shows A, 1 shows B; Ctrl+click types values outside",
            )  # fmt: skip
            self.t = min(max(self.t, -4.0), 5.0)
        else:
            self.k = number_rows.slider_float(
                theme, "k", "##combine-k", self.k, low=-2.0, high=2.0, limits=(-10.0, 10.0), fmt="%.3f", why_not=why_not,
                tip="A + k (B - C); Ctrl+click types values outside",
            )  # fmt: skip
            self.k = min(max(self.k, -10.0), 10.0)
        show = controls.button(
            theme,
            f"{fa.ICON_FA_EYE} Show###combine-show",
            width=-1.0,
            why_not=why_not,
            tip="Show the combination; the sliders do so too",
        )
        return (
            latent
            if why_not or not (show or before != (self.mode, *self.chosen, self.t, self.k))
            else self._combined(latent)
        )

    def _place(self, place: int) -> int:
        """Entry that stands for A, B or C; the list may have become shorter."""
        return min(self.chosen[place], max(len(self.shelf.items) - 1, 0))

    def _combined(self, latent: LatentSpec) -> LatentSpec:
        a, b, c = (self.shelf.items[self._place(i)].w for i in range(3))
        w: np.ndarray = (
            store.between(a, b, self.t) if self.mode == "between" else store.analogy(a, b, c, self.k)
        )
        return store.shown_as(latent, store.kept("combination", w))

    def _files(self, theme: Theme, files: FileChooser, info: CheckpointInfo) -> None:
        controls.section(theme, "Exchange")
        asked = self.file.draw(theme, files, why_not_save="" if self.shelf.items else "The basket is empty")
        if asked is not None:
            self._exchange(*asked, info)
        if self.shelf.note:
            with controls.text_colour(theme.palette.warn):
                imgui.push_text_wrap_pos(0.0)
                imgui.text_unformatted(self.shelf.note)
                imgui.pop_text_wrap_pos()

    def _exchange(self, what: str, path: Path, info: CheckpointInfo) -> None:
        try:
            if what == "save":
                path = path if path.suffix else path.with_suffix(".npz")
                store.write_basket(path, self.shelf.items, self.shelf.sha)
                self.shelf.note = f"Wrote {len(self.shelf.items)} w to {path}"
                return
            entries, sha = store.read_basket(path, info.num_ws, info.w_dim)
        except InputError as error:
            self.shelf.note = str(error)
            return
        items = self.shelf.items
        for entry in entries:
            items = store.added(items, entry.name, entry.w, entry.code)
        self.shelf.keep(items)
        other = "; they were made with another checkpoint" if sha and sha != self.shelf.sha else ""
        self.shelf.note = f"Read {len(entries)} w from {path.name}{other}"

    def close(self) -> None:
        """Frees the texture of the small pictures."""
        self.thumbs.close()


def _beside(gap: float, level: float) -> None:
    """Puts the cursor on the same line, at the height `level` of the window."""
    imgui.same_line(0.0, gap)
    imgui.set_cursor_pos_y(level)


def _basket() -> Feature:
    panel = BasketPanel()
    return Feature(panel, close=panel.close)


FEATURES.add("basket", _basket)
