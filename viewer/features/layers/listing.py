"""The list of layers: one fold for each part and size of pictures, a row for each layer."""

from __future__ import annotations

from imgui_bundle import ImVec2, imgui
from imgui_bundle import icons_fontawesome_6 as fa

from core_model.schema.question_layers import PARTS, LayerInfo, LayerPart
from viewer.features.layers.asking import PartLayers
from viewer.state.layer_view import PART_TITLES, Group, LayerView, grouped, matching, number_text, shape_text
from viewer.widgets import controls
from viewer.widgets.theme import BODY_PX, Theme

_STATISTICS = (
    ("rms", "rms", "Root of the mean square of all values"),
    ("mean", "mean", "Mean of all values"),
    ("std", "deviation", "Standard deviation of all values"),
    ("min", "low", "Smallest value"),
    ("max", "high", "Largest value"),
    ("zeros", "zeros", "Share of values that are exactly 0"),
)
"""Heading, field of LayerInfo, tooltip; the first ones stay where the panel is narrow."""
_NAMED = ("mapping", "backbone", "decoder", "proposal", "superres", "background")
_INDENT_EM = 0.35
_NAME_EM, _SHAPE_EM, _NUMBER_EM = 10.8, 6.9, 3.3


class LayerList:
    """Keeps what is searched for and which folds are closed. closing: the panel is to be hidden."""

    def __init__(self) -> None:
        self.words = ""
        self.closed: dict[str, bool] = {}
        self.closing = False
        self._revealed = ("", "")

    def draw(
        self, theme: Theme, parts: dict[LayerPart, PartLayers], view: LayerView, height: float
    ) -> LayerView:
        """`height` pixels: the search field, and the list that scrolls below it."""
        top = imgui.get_cursor_pos_y()
        imgui.set_next_item_width(
            imgui.get_content_region_avail().x
            - imgui.get_frame_height()
            - imgui.get_style().item_inner_spacing.x
        )
        self.words = imgui.input_text_with_hint("##layers-search", "Search layers", self.words)[1]
        controls.tooltip("Words in the name or the class of a layer, as conv1 or affine")
        imgui.same_line(0.0, imgui.get_style().item_inner_spacing.x)
        tip = theme.keyed("Close this panel, as Esc does; the key opens it again", "view.layers")
        self.closing = controls.icon_button(theme, fa.ICON_FA_XMARK, "layers-close", tip=tip)
        columns = _headings(theme)
        left = max(height - (imgui.get_cursor_pos_y() - top), 5.0 * theme.em)
        controls.begin_child(
            "##layers-list", ImVec2(0.0, left), window_flags=imgui.WindowFlags_.always_vertical_scrollbar
        )
        shown = 0
        for part, known in parts.items():
            found = matching(known.layers, self.words)
            for group in grouped(part, found):
                shown += len(group.layers)
                view = self._group(theme, group, view, columns)
            if known.note and known.layers and not self.words:
                controls.note(theme, f"{PART_TITLES[part]}: {known.note}")
        if not shown:
            self._empty(theme, parts)
        imgui.end_child()
        return view

    def _empty(self, theme: Theme, parts: dict[LayerPart, PartLayers]) -> None:
        if any(known.layers for known in parts.values()):
            controls.note(theme, f"No layer is called {self.words.strip()!r}.")
            return
        notes = dict.fromkeys(known.note for known in parts.values() if known.note)
        none = len(parts) == len(PARTS)
        controls.note(
            theme, f"There are no layers to show. {' '.join(notes)}" if none else "Running the networks …"
        )

    def _group(
        self, theme: Theme, group: Group, view: LayerView, columns: list[tuple[str, str, str]]
    ) -> LayerView:
        count = len(group.layers)
        tip = f"{count} layer{'s' if count != 1 else ''}; click folds them up or out"
        opened = not self.closed.get(group.key, False)
        opened = controls.fold(theme, group.title, f"##fold-{group.key}", opened, tip=tip)
        self.closed[group.key] = not opened
        if not opened:
            return view
        if not _begin(theme, f"##layers-{group.key}", columns):
            return view
        for layer in group.layers:
            imgui.table_next_row()
            imgui.table_next_column()
            chosen = (view.part, view.layer) == (group.part, layer.name)
            if _row(theme, group.part, layer, chosen, columns):
                view = view.replace(part=group.part, layer=layer.name)
            if chosen and self._revealed != (group.part, layer.name):
                self._revealed = (group.part, layer.name)
                if not imgui.is_item_visible():
                    imgui.set_scroll_here_y(0.5)
        imgui.end_table()
        return view


def _begin(theme: Theme, key: str, columns: list[tuple[str, str, str]], width: float = 0.0) -> bool:
    flags = imgui.TableFlags_.row_bg | imgui.TableFlags_.no_saved_settings
    if not imgui.begin_table(key, len(columns) + 2, int(flags), ImVec2(width, 0.0)):
        return False
    fixed = int(imgui.TableColumnFlags_.width_fixed)
    imgui.table_setup_column("layer", int(imgui.TableColumnFlags_.width_stretch))
    imgui.table_setup_column("shape", fixed, _SHAPE_EM * theme.em)
    for name, _, _ in columns:
        imgui.table_setup_column(name, fixed, _NUMBER_EM * theme.em)
    return True


def _headings(theme: Theme) -> list[tuple[str, str, str]]:
    """The line above the list; returns the statistics that fit beside name and shape."""
    width = imgui.get_content_region_avail().x - imgui.get_style().scrollbar_size
    room = width / theme.em - _NAME_EM - _SHAPE_EM
    columns = list(_STATISTICS[: max(0, int(room / (_NUMBER_EM + 0.6)))])
    if not _begin(theme, "##layers-headings", columns, width):
        return columns
    heads = (
        ("layer", "Path of the module in the network"),
        ("shape", "Channels × height × width; rows × channels"),
    )
    with controls.text_colour(theme.palette.muted), controls.font(theme.fonts.body, BODY_PX * 0.86):
        for name, tip in (*heads, *((heading, told) for heading, _, told in columns)):
            imgui.table_next_column()
            if name == "layer":
                imgui.set_cursor_pos_x(imgui.get_cursor_pos_x() + _INDENT_EM * theme.em)
            imgui.text_unformatted(name)
            controls.tooltip(tip)
    imgui.end_table()
    return columns


def short_name(name: str) -> str:
    """The path below what the fold names already: "blocks.3.conv0"."""
    path, _, output = name.partition(":")
    first, _, rest = path.partition(".")
    short = rest if rest and first in _NAMED else path
    return f"{short}, output {output}" if output else short


def _row(
    theme: Theme, part: LayerPart, layer: LayerInfo, chosen: bool, columns: list[tuple[str, str, str]]
) -> bool:
    flags = int(imgui.SelectableFlags_.span_all_columns)
    with controls.font(theme.fonts.mono, BODY_PX * 0.8):
        room = imgui.get_content_region_avail().x
        clicked = imgui.selectable(f"##{part}:{layer.name}", chosen, flags)[0]
        controls.tooltip(about(layer))
        imgui.same_line(0.0, _INDENT_EM * theme.em)
        room -= _INDENT_EM * theme.em
        name = short_name(layer.name)
        if imgui.calc_text_size(name).x > room:  # the tooltip has all of it
            name = controls.ellipsis(name, room, keep_end=True)
        imgui.text_unformatted(name)
        imgui.table_next_column()
        with controls.text_colour(theme.palette.muted):
            imgui.text_unformatted(shape_text(layer))
            for _, field, _ in columns:
                imgui.table_next_column()
                value = getattr(layer, field)
                text = f"{100 * value:.0f} %" if field == "zeros" else number_text(value)
                imgui.text_unformatted(text)
    return clicked


def about(layer: LayerInfo) -> str:
    """Name, class, shape and statistics, for the tooltip."""
    lines = [f"{layer.name}  ({layer.kind})", f"{shape_text(layer)}: {layer.values:,} values"]
    if layer.calls > 1:
        lines.append(f"ran {layer.calls} times for this picture")
    if layer.surface:
        lines.append("one row for each pixel that meets the surface")
    return "\n".join([*lines, *statistics_lines(layer)])


def statistics_lines(layer: LayerInfo) -> list[str]:
    """All statistics in two or three short lines."""
    told = lambda *names: "   ".join(
        f"{heading}\u00a0{number_text(getattr(layer, field))}"
        for heading, field, _ in _STATISTICS
        if heading in names
    )
    lines = [told("mean", "std", "rms"), f"{told('min', 'max')}   zeros\u00a0{100 * layer.zeros:.3g}\u00a0%"]
    if layer.nans or layer.infs:
        lines.append(f"NaN\u00a0{100 * layer.nans:.3g}\u00a0%   infinite\u00a0{100 * layer.infs:.3g}\u00a0%")
    return lines
