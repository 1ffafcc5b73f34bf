"""Principal directions of w, found in the app.

Each has a slider in standard deviations and a range of layers, and can be named and kept.
"""

from __future__ import annotations

from imgui_bundle import ImVec2, imgui
from imgui_bundle import icons_fontawesome_6 as fa

from core_model.schema.checkpoint import CheckpointInfo
from core_model.schema.errors import InputError
from core_model.schema.latent import LatentSpec
from core_model.schema.question import DirectionsQuestion
from viewer.features.directions import model as store
from viewer.features.directions.model import Direction, Directions, Layers
from viewer.features.directions.sigma_slider import sigma_slider
from viewer.state.document import Document
from viewer.state.query_cache import QueryCache
from viewer.widgets import choice_rows, controls, number_rows
from viewer.widgets.feature import FEATURES, Feature
from viewer.widgets.theme import Theme

REACH = 3.0
HIGHEST = 20.0


class DirectionsPanel:
    """Keeps the named directions of the open checkpoint, layers of unused directions, and what is typed."""

    def __init__(self) -> None:
        self.kept: Directions = ()
        self.found: Directions = ()
        self.note = ""
        self.typed = ""
        self.layers: dict[tuple[float, ...], Layers] = {}
        self._version = -1
        self._loaded = ""

    def draw(self, doc: Document, theme: Theme, info: CheckpointInfo | None, queries: QueryCache) -> Document:
        if info is None or not info.z_dim:
            controls.note(
                theme, "Directions are found in w; this family has none." if info else "Nothing is open."
            )
            return doc
        self._follow(info)
        question = DirectionsQuestion(checkpoint=doc.checkpoint, class_index=doc.latent.class_index)
        answer, failed = queries.want(question), queries.error(question)
        if answer is not None and answer.version != self._version:
            self.found, self._version = (
                store.found(*(answer.arrays[n] for n in ("directions", "sigma", "share"))),
                answer.version,
            )
        latent = self._all(doc.latent, theme, queries, question)
        for index, direction in enumerate(store.rows(self.found, self.kept, doc.latent.edits)):
            imgui.push_id(index)
            latent = self._row(latent, direction, theme, info)
            imgui.pop_id()
        note = self.note if failed is None else failed.message
        if note:
            controls.note(theme, note)
        return doc if latent is doc.latent else doc.replace(latent=latent)

    def _follow(self, info: CheckpointInfo) -> None:
        """Reads the named directions of another checkpoint when that one is opened."""
        key = f"{info.sha256} {info.path}"
        if key == self._loaded:
            return
        self._loaded, self.found, self._version, self.note = key, (), -1, ""
        self.layers.clear()
        path = store.directions_path(info.sha256)
        try:
            self.kept = store.read_directions(path, info.w_dim) if path.is_file() else ()
        except InputError as error:
            self.kept, self.note = (), str(error)

    def _keep(self, kept: Directions, info: CheckpointInfo) -> None:
        self.kept = kept
        try:
            store.write_directions(store.directions_path(info.sha256), kept)
            self.note = ""
        except InputError as error:
            self.note = str(error)

    def _all(
        self, latent: LatentSpec, theme: Theme, queries: QueryCache, question: DirectionsQuestion
    ) -> LatentSpec:
        moved = len(latent.edits)
        why_not = "" if moved else "No direction is moved"
        text = f"{len(self.found)} directions of {question.samples} w"
        if not self.found:
            text = (
                "No directions" if queries.error(question) else f"Finding directions in {question.samples} w"
            )
        imgui.align_text_to_frame_padding()
        with controls.text_colour(theme.palette.muted):
            imgui.text_unformatted(text)
        controls.tooltip(
            "Principal components of w under the frontal camera (GANSpace), strongest first. σ: standard deviation of w"
        )
        imgui.same_line()
        spare = imgui.get_content_region_avail().x - 5.8 * theme.em
        if not controls.below(spare):
            imgui.set_cursor_pos_x(imgui.get_cursor_pos_x() + spare)
        title = f"{fa.ICON_FA_ROTATE_LEFT} Reset all###reset-all"
        if controls.button(
            theme, title, width=-1.0, why_not=why_not, tip=f"All {moved} moved directions back to 0"
        ):
            latent = latent.replace(edits=())
        return latent

    def _row(
        self, latent: LatentSpec, direction: Direction, theme: Theme, info: CheckpointInfo
    ) -> LatentSpec:
        gap, button = imgui.get_style().item_inner_spacing.x, imgui.get_frame_height()
        edit = store.edit_of(latent, direction)
        strength = edit.strength if edit else 0.0
        layers = edit.layers if edit else self.layers.get(direction.step)
        share = f"{100 * direction.share:.1f} % of the variance of w; " if direction.share else ""
        where = "all layers" if layers is None else f"layers {layers[0]} to {layers[1]}"
        about = f"{direction.name}: {share}σ = {direction.sigma:.3g}; {where}"
        room = (controls.LABEL_EM - 0.4) * theme.em
        controls.label(theme, controls.ellipsis(direction.name, room), about)
        width = max(imgui.get_content_region_avail().x - 2 * (button + gap), 3 * theme.em)
        new = sigma_slider(
            theme, "##sigma", strength, width, REACH, HIGHEST, "%+.2f σ" if strength else "0 σ"
        )
        controls.tooltip(f"{about}. Ctrl+click types a number from -20 to 20")
        imgui.same_line(0.0, gap)
        why_not = "" if strength else "It is at 0"
        if controls.icon_button(theme, fa.ICON_FA_ROTATE_LEFT, "reset", tip="Back to 0", why_not=why_not):
            new = 0.0
        imgui.same_line(0.0, gap)
        if controls.icon_button(theme, fa.ICON_FA_ELLIPSIS, "more", tip="Name, layers"):
            self.typed = direction.name
            imgui.open_popup("more")
        before = layers
        layers, named = self._popup(direction, layers, theme, info)
        self.layers[direction.step] = layers
        if new == strength and layers == before and named is direction:
            return latent
        return store.with_edit(latent, named, min(max(new, -HIGHEST), HIGHEST), layers)

    def _popup(
        self, direction: Direction, layers: Layers, theme: Theme, info: CheckpointInfo
    ) -> tuple[Layers, Direction]:
        """Name and layers of one direction. Returns its layers and the direction under its present name."""
        if not imgui.begin_popup("more"):
            return layers, direction
        last = max(info.num_ws - 1, 0)
        imgui.dummy(ImVec2(19 * theme.em, 0.0))
        controls.label(theme, "Name", "A named direction is kept for this checkpoint")
        _, self.typed = imgui.input_text("##name", self.typed)
        if imgui.is_item_deactivated_after_edit():
            self._keep(store.keep(self.kept, direction, self.typed), info)
            direction = next(k for k in self.kept if k.step == direction.step)
        controls.tooltip("Type a name and press Enter: it is kept for this checkpoint")
        everything = choice_rows.toggle(
            theme, "All layers", "##all-layers", layers is None, tip="Move every layer of w"
        )
        if everything != (layers is None):
            layers = None if everything else (0, last)
        reason = "" if layers is not None else "All layers move"
        first, final = layers or (0, last)
        first = number_rows.slider_int(
            theme,
            "From layer",
            "##first",
            first,
            low=0,
            high=last,
            tip="First layer that moves",
            why_not=reason,
        )
        final = number_rows.slider_int(
            theme, "To layer", "##last", final, low=0, high=last, tip="Last layer that moves", why_not=reason
        )
        if layers is not None:
            layers = (first, max(first, final)) if first != layers[0] else (min(first, final), final)
        why_not = "" if direction.kept else "It was not named"
        if controls.button(
            theme,
            f"{fa.ICON_FA_TRASH} Forget name###forget",
            tip="Back to its number",
            why_not=why_not,
            width=-1.0,
        ):
            self._keep(store.forget(self.kept, direction), info)
            imgui.close_current_popup()
        imgui.end_popup()
        return layers, direction


FEATURES.add("directions", lambda: Feature(DirectionsPanel()))
