"""What is compared with what, how it is shown, and how far A and B are apart."""

from __future__ import annotations

from imgui_bundle import ImVec2, imgui, implot
from imgui_bundle import icons_fontawesome_6 as fa

from core_model.schema.checkpoint import CheckpointInfo
from core_model.schema.latent import SEEDS
from viewer.features.compare.apart import draw_apart
from viewer.features.compare.tile_rows import Offers, TileRow
from viewer.state.basket import Shelf
from viewer.state.compared import Compared
from viewer.state.comparison import LETTERS, MOST_TILES, Comparison, Source
from viewer.state.document import Document
from viewer.state.workspace import Workspace
from viewer.widgets import choice_rows, controls
from viewer.widgets.feature import FEATURES, Feature
from viewer.widgets.file_chooser import FileChooser
from viewer.widgets.shown_picture import ShownPicture
from viewer.widgets.theme import Theme

_MODES = (
    ("off", "Off", "One picture"),
    ("wipe", "Wipe", "A left and B right of a divider that is dragged"),
    ("side", "Side", "A and B side by side, cameras linked"),
    ("difference", "Error", "Difference of A and B as a map, in the channel that is shown"),
    ("grid", "Grid", f"Two to {MOST_TILES} pictures at once, cameras linked"),
)


ROW_EM = 19.0
"""In a narrower panel what a tile shows stands below its kind."""


class ComparePanel:
    """Keeps the rows' file dialogs and what is being typed in them."""

    def __init__(self) -> None:
        self._rows = tuple(TileRow(letter) for letter in LETTERS)

    def draw(
        self,
        doc: Document,
        theme: Theme,
        info: CheckpointInfo | None,
        picture: ShownPicture,
        recent: tuple[str, ...],
        compared: Compared,
        basket: Shelf,
        workspace: Workspace,
        files: FileChooser,
    ) -> Document:
        if info is None:
            controls.note(theme, "Comparisons appear when a checkpoint is open.")
            return doc
        if implot.get_current_context() is None:
            implot.create_context()
        if info.z_dim:
            basket.follow(info)
        watched = workspace.snapshots.watch(workspace.run_of(info.path))
        offers = Offers(
            info,
            recent,
            basket.items,
            tuple((str(s.path), f"step {s.number}") for s in reversed(watched)),
            files,
        )
        room, em = imgui.get_content_region_avail(), theme.em
        left = min(max(0.52 * room.x, 22 * em), 32 * em)
        beside = room.x - left > 15 * em
        if not imgui.begin_table("##columns", 2 if beside else 1):
            return doc
        if beside:
            imgui.table_setup_column("settings", int(imgui.TableColumnFlags_.width_fixed), left)
        imgui.table_setup_column("apart", int(imgui.TableColumnFlags_.width_stretch))
        imgui.table_next_column()
        spec = self._settings(doc, theme, offers, compared)
        imgui.table_next_column()
        shown = draw_apart(doc, theme, picture, compared, info, room.y)
        imgui.end_table()
        if shown != doc.view.channel:
            doc = doc.replace(view=doc.view.with_channel(shown))
        return doc if spec == doc.compare else doc.replace(compare=spec)

    def _settings(self, doc: Document, theme: Theme, offers: Offers, compared: Compared) -> Comparison:
        spec = doc.compare
        mode = choice_rows.segmented(theme, "", "mode", spec.mode, _MODES, tip="How the pictures are shown")
        spec = spec.replace(mode=mode) if mode != spec.mode else spec
        grid = mode == "grid"
        count = len(spec.tiles) if grid else 2
        below = imgui.get_content_region_avail().x < ROW_EM * theme.em
        if imgui.begin_table("##tiles", 3 if below else 4, int(imgui.TableFlags_.sizing_fixed_fit)):
            imgui.table_setup_column("letter", int(imgui.TableColumnFlags_.width_fixed), 1.1 * theme.em)
            if not below:
                imgui.table_setup_column("what", int(imgui.TableColumnFlags_.width_fixed), 8.2 * theme.em)
            imgui.table_setup_column("which", int(imgui.TableColumnFlags_.width_stretch))
            imgui.table_setup_column(
                "end", int(imgui.TableColumnFlags_.width_fixed), imgui.get_frame_height()
            )
            for index in range(count):
                imgui.table_next_row()
                tile = self._rows[index].draw(theme, spec.tiles[index], offers, compared, index, below)
                spec = spec.with_tile(index, tile) if tile != spec.tiles[index] else spec
                imgui.table_next_column()
                if index == 0:
                    if controls.icon_button(theme, fa.ICON_FA_RIGHT_LEFT, "swap", tip="Swap A and B"):
                        spec = spec.swapped()
                elif index >= 2 and controls.icon_button(
                    theme, fa.ICON_FA_XMARK, f"remove-{LETTERS[index]}", tip=f"Take {LETTERS[index]} out of the grid"
                ):  # fmt: skip
                    spec = spec.without_tile(index)
                    break
            imgui.end_table()
        full = f"A grid has at most {MOST_TILES} pictures" if len(spec.tiles) >= MOST_TILES else ""
        if grid and controls.button(
            theme, f"{fa.ICON_FA_PLUS} Add a picture###add-tile", tip="One more picture of this view", why_not=full
        ):  # fmt: skip
            spec = spec.replace(tiles=(*spec.tiles, _next(spec)))
        imgui.dummy(ImVec2(0.0, 0.0))
        return spec


def _next(spec: Comparison) -> Source:
    """A picture like the last one with the next seed; of anything else, another seed."""
    last = spec.tiles[-1]
    return last.replace(seed=(last.seed + 1) % SEEDS) if last.what == "seed" else last.replace(what="seed")


FEATURES.add("compare", lambda: Feature(ComparePanel()))
