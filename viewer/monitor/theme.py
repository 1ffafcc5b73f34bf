"""Colours, sizes and fonts of the monitor, from the same palette and faces as the explorer's window."""

# Dear PyGui annotates its context managers as plain tags:
# pyright: reportGeneralTypeIssues=false

from __future__ import annotations

from dataclasses import dataclass

import dearpygui.dearpygui as dpg

from core_model.schema.assets import asset_path
from viewer.state.palette import CURVES, PALETTES, Palette, Rgb, ThemeName

Rgba = tuple[int, int, int, int]
Tag = int | str


def rgba(colour: Rgb, alpha: float = 1.0) -> Rgba:
    r, g, b = (round(255 * c) for c in colour)
    return r, g, b, round(255 * alpha)


def faded(colour: Rgba, alpha: float) -> Rgba:
    return (*colour[:3], round(255 * alpha))


def lighter(colour: Rgba, share: float, towards: Rgba) -> Rgba:
    """`colour` with `share` of `towards` in it, its own alpha kept."""
    r, g, b = (round(c + (t - c) * share) for c, t in zip(colour[:3], towards[:3], strict=True))
    return r, g, b, colour[3]


@dataclass(frozen=True)
class Faces:
    """Fonts by role (Dear PyGui tags)."""

    body: Tag
    small: Tag
    bold: Tag
    title: Tag
    mono: Tag


class Look:
    """Palette, fonts and the themes of curves; make it once, after the context."""

    def __init__(self, name: ThemeName) -> None:
        self.palette: Palette = PALETTES[name]
        self.faces = _load_faces()
        self.curves = tuple(rgba(c) for c in CURVES[name])
        self._series: dict[tuple[Rgba, float, bool], Tag] = {}
        dpg.bind_font(self.faces.body)
        dpg.bind_theme(self._global())
        p = self.palette
        self.card = _colours_of(
            "ChildWindow",
            {dpg.mvThemeCol_ChildBg: rgba(p.raised), dpg.mvThemeCol_Border: rgba(p.line)},
            (10, 8),
        )
        self.card_chosen = _colours_of(
            "ChildWindow",
            {dpg.mvThemeCol_ChildBg: rgba(p.raised), dpg.mvThemeCol_Border: rgba(p.accent, 0.8)},
            (10, 8),
        )
        self.side = _colours_of("ChildWindow", {dpg.mvThemeCol_ChildBg: rgba(p.window)}, (14, 12))
        self.plain = _colours_of("ChildWindow", {dpg.mvThemeCol_ChildBg: (0, 0, 0, 0)}, (0, 0))
        self.text_muted = rgba(p.muted)
        self.text = rgba(p.text)

    def level(self, name: str) -> Rgba:
        p = self.palette
        return rgba(
            {"bad": p.bad, "error": p.bad, "warn": p.warn, "good": p.good, "accent": p.accent}.get(
                name, p.text
            )
        )

    def series(self, colour: Rgba, weight: float, fill: bool = False) -> Tag:
        """Theme of a curve: line of `weight` pixels, or a filled band."""
        key = (colour, weight, fill)
        if key not in self._series:
            with dpg.theme() as theme:
                for kind in (dpg.mvLineSeries, dpg.mvShadeSeries, dpg.mvInfLineSeries):
                    with dpg.theme_component(kind):
                        dpg.add_theme_color(dpg.mvPlotCol_Line, colour, category=dpg.mvThemeCat_Plots)
                        dpg.add_theme_color(
                            dpg.mvPlotCol_Fill,
                            colour if fill else (0, 0, 0, 0),
                            category=dpg.mvThemeCat_Plots,
                        )
                        dpg.add_theme_style(
                            dpg.mvPlotStyleVar_LineWeight, weight, category=dpg.mvThemeCat_Plots
                        )
            self._series[key] = theme
        return self._series[key]

    def _global(self) -> Tag:
        p = self.palette
        core, plots = _core_colours(p), _plot_colours(p)
        sizes = {
            dpg.mvStyleVar_WindowPadding: (0, 0),
            dpg.mvStyleVar_FramePadding: (8, 4),
            dpg.mvStyleVar_ItemSpacing: (8, 6),
            dpg.mvStyleVar_CellPadding: (6, 3),
            dpg.mvStyleVar_ItemInnerSpacing: (6, 4),
            dpg.mvStyleVar_FrameRounding: (5,),
            dpg.mvStyleVar_ChildRounding: (6,),
            dpg.mvStyleVar_PopupRounding: (6,),
            dpg.mvStyleVar_GrabRounding: (5,),
            dpg.mvStyleVar_TabRounding: (5,),
            dpg.mvStyleVar_ScrollbarSize: (10,),
            dpg.mvStyleVar_ScrollbarRounding: (5,),
            dpg.mvStyleVar_WindowBorderSize: (0,),
            dpg.mvStyleVar_ChildBorderSize: (0,),
            dpg.mvStyleVar_PopupBorderSize: (1,),
            dpg.mvStyleVar_GrabMinSize: (11,),
        }
        plot_sizes = {
            dpg.mvPlotStyleVar_PlotPadding: (4, 4),
            dpg.mvPlotStyleVar_LabelPadding: (3, 2),
            dpg.mvPlotStyleVar_PlotBorderSize: (1,),
            dpg.mvPlotStyleVar_FitPadding: (0.0, 0.08),
            dpg.mvPlotStyleVar_MajorTickLen: (0, 0),
            dpg.mvPlotStyleVar_MinorTickLen: (0, 0),
            dpg.mvPlotStyleVar_MinorAlpha: (0.35,),
            dpg.mvPlotStyleVar_MousePosPadding: (6, 4),
        }
        with dpg.theme() as theme, dpg.theme_component(dpg.mvAll):
            for target, colour in core.items():
                dpg.add_theme_color(target, rgba(colour))
            for target, packed in plots.items():
                dpg.add_theme_color(target, packed, category=dpg.mvThemeCat_Plots)
            for target, value in sizes.items():
                dpg.add_theme_style(target, *value)
            for target, value in plot_sizes.items():
                dpg.add_theme_style(target, *value, category=dpg.mvThemeCat_Plots)
        return theme


def _core_colours(p: Palette) -> dict[int, Rgb]:
    """Of windows and controls."""
    return {
        dpg.mvThemeCol_Text: p.text,
        dpg.mvThemeCol_TextDisabled: p.muted,
        dpg.mvThemeCol_WindowBg: p.panel,
        dpg.mvThemeCol_ChildBg: p.panel,
        dpg.mvThemeCol_PopupBg: p.raised,
        dpg.mvThemeCol_Border: p.line,
        dpg.mvThemeCol_FrameBg: p.field,
        dpg.mvThemeCol_FrameBgHovered: p.field_hover,
        dpg.mvThemeCol_FrameBgActive: p.field_active,
        dpg.mvThemeCol_Button: p.field,
        dpg.mvThemeCol_ButtonHovered: p.field_hover,
        dpg.mvThemeCol_ButtonActive: p.field_active,
        dpg.mvThemeCol_Header: p.field,
        dpg.mvThemeCol_HeaderHovered: p.field_hover,
        dpg.mvThemeCol_HeaderActive: p.field_active,
        dpg.mvThemeCol_Tab: p.panel,
        dpg.mvThemeCol_TabHovered: p.field_hover,
        dpg.mvThemeCol_TabActive: p.field_active,
        dpg.mvThemeCol_CheckMark: p.accent,
        dpg.mvThemeCol_SliderGrab: p.accent,
        dpg.mvThemeCol_SliderGrabActive: p.accent,
        dpg.mvThemeCol_ScrollbarBg: p.panel,
        dpg.mvThemeCol_ScrollbarGrab: p.field_active,
        dpg.mvThemeCol_ScrollbarGrabHovered: p.faint,
        dpg.mvThemeCol_ScrollbarGrabActive: p.faint,
        dpg.mvThemeCol_Separator: p.line,
        dpg.mvThemeCol_TableHeaderBg: p.panel,
        dpg.mvThemeCol_TableBorderLight: p.line,
        dpg.mvThemeCol_TableBorderStrong: p.line,
        dpg.mvThemeCol_TableRowBg: p.panel,
        dpg.mvThemeCol_TableRowBgAlt: p.raised,
        dpg.mvThemeCol_TextSelectedBg: p.accent_fill,
        dpg.mvThemeCol_PlotHistogram: p.accent,
        dpg.mvThemeCol_TitleBg: p.panel,
        dpg.mvThemeCol_TitleBgActive: p.panel,
    }


def _plot_colours(p: Palette) -> dict[int, Rgba]:
    """Of plots."""
    return {
        dpg.mvPlotCol_FrameBg: (0, 0, 0, 0),
        dpg.mvPlotCol_PlotBg: rgba(p.panel),
        dpg.mvPlotCol_PlotBorder: rgba(p.line),
        dpg.mvPlotCol_AxisText: rgba(p.muted),
        dpg.mvPlotCol_AxisGrid: rgba(p.line, 0.9),
        dpg.mvPlotCol_AxisTick: rgba(p.line),
        dpg.mvPlotCol_InlayText: rgba(p.muted),
        dpg.mvPlotCol_Crosshairs: rgba(p.faint),
        dpg.mvPlotCol_AxisBgHovered: rgba(p.field_hover),
        dpg.mvPlotCol_AxisBgActive: rgba(p.field_active),
        dpg.mvPlotCol_Selection: rgba(p.accent),
    }


def _colours_of(kind: str, colours: dict[int, Rgba], padding: tuple[int, int]) -> Tag:
    with dpg.theme() as theme, dpg.theme_component(getattr(dpg, f"mv{kind}")):
        for target, colour in colours.items():
            dpg.add_theme_color(target, colour)
        dpg.add_theme_style(dpg.mvStyleVar_WindowPadding, *padding)
        dpg.add_theme_style(dpg.mvStyleVar_ChildBorderSize, 1 if dpg.mvThemeCol_Border in colours else 0)
    return theme


def _load_faces() -> Faces:
    body, bold = str(asset_path("fonts/Inter-Regular.otf")), str(asset_path("fonts/Inter-SemiBold.otf"))
    mono = str(asset_path("fonts/JetBrainsMono-Regular.ttf"))
    with dpg.font_registry():
        faces = Faces(
            body=dpg.add_font(body, 15),
            small=dpg.add_font(body, 13),
            bold=dpg.add_font(bold, 15),
            title=dpg.add_font(bold, 19),
            mono=dpg.add_font(mono, 13),
        )
    return faces
