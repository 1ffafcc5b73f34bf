"""Theme: palette and fonts become Dear ImGui's style. All sizes are multiples of the font size (em)."""

from __future__ import annotations

from dataclasses import dataclass, field

from imgui_bundle import ImVec2, ImVec4, hello_imgui, imgui

from core_model.schema.assets import asset_path
from viewer.state.key_map import KeyMap
from viewer.state.numbers import Typing
from viewer.state.palette import PALETTES, Palette, Rgb, ThemeName, mix

BODY_PX = 15.0
SMALL = 0.84


@dataclass(frozen=True)
class Fonts:
    """The three faces; sizes are chosen at use (`push_font(face, size)`)."""

    body: imgui.ImFont
    bold: imgui.ImFont
    mono: imgui.ImFont


@dataclass(frozen=True)
class Theme:
    """Palette, faces, the user's scale and keys, given to every panel. keys: as they are bound now; None before the panels are there."""

    palette: Palette
    fonts: Fonts
    scale: float = 1.0
    typing: Typing = field(default_factory=Typing, compare=False)
    keys: KeyMap | None = field(default=None, compare=False)

    @property
    def em(self) -> float:
        """Font size in logical pixels, display scale included."""
        return imgui.get_font_size()

    def colour(self, rgb: Rgb, alpha: float = 1.0) -> int:
        """Packed colour for draw lists."""
        return imgui.color_convert_float4_to_u32(ImVec4(*rgb, alpha))

    def small(self) -> float:
        """Unscaled size of small print for `push_font`."""
        return BODY_PX * SMALL

    def key(self, command: str, without: str = "") -> str:
        """The keys that run a command of the one table, as the user has bound them; `without` where it has none."""
        return (self.keys.text(command) if self.keys is not None else "") or without

    def keyed(self, tip: str, command: str) -> str:
        """A tooltip that names the key of the command that does the same."""
        keys = self.key(command)
        return f"{tip} ({keys})" if keys else tip


def load_fonts() -> Fonts:
    """Loads the bundled faces (icons merged into body and bold); call inside hello_imgui's font callback."""
    body = _face("fonts/Inter-Regular.otf")
    bold = _face("fonts/Inter-SemiBold.otf")
    mono = _face("fonts/JetBrainsMono-Regular.ttf", icons=False)
    return Fonts(body=body, bold=bold, mono=mono)


def _face(asset: str, icons: bool = True) -> imgui.ImFont:
    params = hello_imgui.FontLoadingParams(inside_assets=False)
    face = hello_imgui.load_font(str(asset_path(asset)), BODY_PX, params)
    if icons:
        config = imgui.ImFontConfig()
        config.glyph_offset = ImVec2(0.0, 0.5)
        config.glyph_min_advance_x = BODY_PX * 1.15
        merge = hello_imgui.FontLoadingParams(
            inside_assets=False, merge_to_last_font=True, font_config=config
        )
        hello_imgui.load_font(str(asset_path("fonts/FontAwesome6-Solid.otf")), BODY_PX * 0.86, merge)
    return face


def apply(name: ThemeName, scale: float) -> Palette:
    """Sets Dear ImGui's colours and sizes for theme `name`; `scale` is the user's factor on all sizes."""
    palette = PALETTES[name]
    style = imgui.get_style()
    fresh = imgui.Style()
    _sizes(style, BODY_PX * scale * style.font_scale_dpi)
    style.font_scale_main = scale
    style.disabled_alpha = palette.faded
    style.hover_delay_normal, style.hover_delay_short = 0.45, fresh.hover_delay_short
    _colours(style, palette)
    return palette


def canvas(theme: Theme, picture: tuple[ImVec2, float] | None = None) -> None:
    """Fill the viewport's background, over the rest of the current window.

    picture: corner and edge of an opaque square that will cover it and is left out: filling half a million
    pixels twice is a sixth of a frame on software OpenGL.
    """
    low, room = imgui.get_cursor_screen_pos(), imgui.get_content_region_avail()
    high = ImVec2(low.x + room.x, low.y + room.y)
    draw, palette = imgui.get_window_draw_list(), theme.palette

    def strip(x0: float, y0: float, x1: float, y1: float) -> None:
        if x1 <= x0 or y1 <= y0:
            return
        top, bottom = (
            theme.colour(mix(palette.canvas, palette.canvas_edge, (y - low.y) / max(room.y, 1.0)))
            for y in (y0, y1)
        )
        draw.add_rect_filled_multi_color(ImVec2(x0, y0), ImVec2(x1, y1), top, top, bottom, bottom)

    if picture is None:
        strip(low.x, low.y, high.x, high.y)
        return
    corner, edge = picture
    strip(low.x, low.y, corner.x, high.y)
    strip(corner.x + edge, low.y, high.x, high.y)
    strip(corner.x, low.y, corner.x + edge, corner.y)
    strip(corner.x, corner.y + edge, corner.x + edge, high.y)


def _sizes(style: imgui.Style, em: float) -> None:
    def vec(x: float, y: float) -> ImVec2:
        return ImVec2(round(x * em), round(y * em))

    style.window_padding = vec(0.8, 0.65)
    style.frame_padding = vec(0.5, 0.26)
    style.item_spacing = vec(0.5, 0.38)
    style.item_inner_spacing = vec(0.4, 0.3)
    style.cell_padding = vec(0.35, 0.2)
    style.indent_spacing = round(1.1 * em)
    style.scrollbar_size = round(0.7 * em)
    style.grab_min_size = round(0.75 * em)
    style.window_rounding = style.popup_rounding = style.child_rounding = round(0.36 * em)
    style.frame_rounding = style.grab_rounding = round(0.3 * em)
    style.tab_rounding = round(0.3 * em)
    style.scrollbar_rounding = em
    style.window_border_size = style.child_border_size = 0.0
    style.popup_border_size = 1.0
    style.frame_border_size = 0.0
    style.tab_border_size = 0.0
    style.tab_bar_border_size = 0.0
    style.tab_bar_overline_size = 0.0
    style.docking_separator_size = round(0.27 * em)
    style.separator_text_border_size = 1.0
    style.window_menu_button_position = imgui.Dir.none
    style.window_title_align = ImVec2(0.0, 0.5)
    style.docking_node_has_close_button = False
    style.tab_close_button_min_width_selected = 0.0
    style.tab_close_button_min_width_unselected = 0.0
    style.tab_min_width_shrink = 100 * em  # names of tabs are not cut: where they do not fit, the bar scrolls


def _colours(style: imgui.Style, p: Palette) -> None:
    c = imgui.Col_
    table: dict[imgui.Col_, tuple[Rgb, float]] = {
        c.text: (p.text, 1),
        c.text_disabled: (p.muted, 1),
        c.text_link: (p.accent, 1),
        c.text_selected_bg: (p.accent_fill, 0.45),
        c.input_text_cursor: (p.accent, 1),
        c.window_bg: (p.panel, 1),
        c.child_bg: (p.panel, 0),
        c.popup_bg: (p.raised, 1),
        c.menu_bar_bg: (p.window, 1),
        c.border: (p.line, 1),
        c.border_shadow: (p.line, 0),
        c.separator: (p.window, 1),
        c.separator_hovered: (p.accent_fill, 0.6),
        c.separator_active: (p.accent_fill, 1),
        c.frame_bg: (p.field, 1),
        c.frame_bg_hovered: (p.field_hover, 1),
        c.frame_bg_active: (p.field_active, 1),
        c.title_bg: (p.window, 1),
        c.title_bg_active: (p.window, 1),
        c.title_bg_collapsed: (p.window, 1),
        c.scrollbar_bg: (p.panel, 0),
        c.scrollbar_grab: (p.field_active, 1),
        c.scrollbar_grab_hovered: (p.faint, 1),
        c.scrollbar_grab_active: (p.muted, 1),
        c.check_mark: (p.accent, 1),
        c.checkbox_selected_bg: (p.field, 1),
        c.slider_grab: (p.accent_fill, 1),
        c.slider_grab_active: (p.accent_fill_hover, 1),
        c.button: (p.field, 1),
        c.button_hovered: (p.field_hover, 1),
        c.button_active: (p.field_active, 1),
        c.header: (mix(p.raised, p.accent_fill, 0.25), 1),
        c.header_hovered: (p.field_hover, 1),
        c.header_active: (p.field_active, 1),
        c.resize_grip: (p.faint, 0),
        c.resize_grip_hovered: (p.accent_fill, 0.6),
        c.resize_grip_active: (p.accent_fill, 1),
        c.tab: (p.window, 1),
        c.tab_hovered: (p.field_hover, 1),
        c.tab_selected: (p.panel, 1),
        c.tab_selected_overline: (p.accent, 0),
        c.tab_dimmed: (p.window, 1),
        c.tab_dimmed_selected: (p.panel, 1),
        c.docking_preview: (p.accent_fill, 0.5),
        c.plot_lines: (p.accent, 1),
        c.plot_histogram: (p.accent, 1),
        c.plot_lines_hovered: (p.text, 1),
        c.plot_histogram_hovered: (p.text, 1),
        c.table_header_bg: (p.field, 1),
        c.table_border_strong: (p.line, 1),
        c.table_border_light: (p.line, 1),
        c.table_row_bg: (p.panel, 0),
        c.table_row_bg_alt: (p.field, 0.35),
        c.drag_drop_target: (p.accent, 1),
        c.nav_cursor: (p.accent, 0.8),
        c.modal_window_dim_bg: (p.window, 0.6),
    }
    for index, (rgb, alpha) in table.items():
        style.set_color_(index, ImVec4(*rgb, alpha))
