"""The Overview page: facts of the chosen run, and the settings of all compared runs side by side."""

from __future__ import annotations

from imgui_bundle import ImVec2, ImVec4, imgui
from imgui_bundle import icons_fontawesome_6 as fa

from viewer.features.training.rows import bar
from viewer.features.training.rows import field as text_field
from viewer.runs.facts import SettingsPage, command_line, facts
from viewer.runs.reader import RunReader
from viewer.state.actions import CopyText, Dispatch
from viewer.widgets import controls
from viewer.widgets.glyphs import legible
from viewer.widgets.theme import BODY_PX, Theme

_TABLE = int(
    imgui.TableFlags_.scroll_y
    | imgui.TableFlags_.borders_inner_h
    | imgui.TableFlags_.resizable
    | imgui.TableFlags_.sizing_stretch_prop
)


class OverviewDrawing:
    def __init__(self) -> None:
        self.page = SettingsPage()

    def draw(self, theme: Theme, dispatch: Dispatch, run: RunReader, compared: list[RunReader]) -> None:
        em = theme.em
        room = imgui.get_content_region_avail()
        left = min(30 * em, 0.48 * room.x)
        imgui.push_style_color(imgui.Col_.child_bg, ImVec4(*theme.palette.panel, 1.0))
        padded = int(imgui.ChildFlags_.always_use_window_padding)
        if controls.begin_child("facts", ImVec2(left, 0.0), padded):
            self._facts(theme, dispatch, run)
        imgui.end_child()
        imgui.same_line()
        if controls.begin_child("settings", ImVec2(0.0, 0.0), padded):
            self._settings(theme, run, compared)
        imgui.end_child()
        imgui.pop_style_color()

    def _facts(self, theme: Theme, dispatch: Dispatch, run: RunReader) -> None:
        with run.lock:
            groups = facts(run)
        line = command_line(run)
        if line:
            if controls.button(theme, f"{fa.ICON_FA_COPY}  Copy the command###copy-command", tip=line):
                dispatch(CopyText(line, "command"))
        for group, rows in groups:
            if group == "Command":
                continue
            controls.section(theme, group)
            for label, text in rows:
                self._fact(theme, label, text)
        if line:
            controls.section(theme, "Command")
            with controls.font(theme.fonts.mono, BODY_PX * 0.86):
                imgui.push_text_wrap_pos(0.0)
                imgui.text_unformatted(line)
                imgui.pop_text_wrap_pos()

    def _fact(self, theme: Theme, label: str, text: str) -> None:
        """Label and text; a text that does not fit is cut and shown whole in the tooltip."""
        left, em = imgui.get_cursor_pos_x(), theme.em
        with controls.text_colour(theme.palette.muted):
            imgui.text_unformatted(label)
        imgui.same_line(left + 8.5 * em)
        shown = controls.ellipsis(text, imgui.get_content_region_avail().x)
        bad = label == "Error"
        with controls.text_colour(theme.palette.bad if bad else theme.palette.text):
            imgui.text_unformatted(shown)
        controls.tooltip(text if shown != text else "")

    def _settings(self, theme: Theme, run: RunReader, compared: list[RunReader]) -> None:
        em = theme.em
        runs = compared if run in compared else [run]
        if not any(one.config or one.options for one in runs):
            controls.note(theme, "The run has not written its settings yet.")
            return
        with bar(theme):
            tip = "Settings whose path holds every typed word"
            self.page.words = text_field(
                "##settings-filter", self.page.words, "Filter settings", 13 * em, tip
            )
            if len(runs) > 1:
                changed, on = imgui.checkbox("only what differs###settings-differ", self.page.only_different)
                self.page.only_different = on if changed else self.page.only_different
                controls.tooltip("Leave out what all ticked runs have in common")
                imgui.same_line()
            imgui.new_line()
        if not imgui.begin_table("settings-table", len(runs) + 1, _TABLE, ImVec2(0.0, 0.0)):
            return
        imgui.table_setup_column("Setting", 0, 1.2)
        for one in runs:
            imgui.table_setup_column(one.name[:28], 0, 1.0)
        imgui.table_setup_scroll_freeze(1, 1)
        imgui.table_headers_row()
        for row in self.page.rows(runs):
            imgui.table_next_row()
            imgui.table_next_column()
            with controls.text_colour(theme.palette.muted):
                imgui.text_unformatted(legible(row.name))
            for value in row.values:
                imgui.table_next_column()
                with controls.text_colour(theme.palette.warn if row.contrary else theme.palette.text):
                    shown = controls.ellipsis(value, imgui.get_content_region_avail().x)
                    imgui.text_unformatted(shown)
                controls.tooltip(value if shown != value else "")
        imgui.end_table()
