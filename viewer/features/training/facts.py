"""The Overview page: facts of the chosen run, and the settings of all compared runs side by side."""

from __future__ import annotations

from dataclasses import dataclass

from imgui_bundle import ImVec2, ImVec4, imgui
from imgui_bundle import icons_fontawesome_6 as fa

from viewer.runs.facts import command_line, facts, settings
from viewer.runs.reader import RunReader
from viewer.widgets import controls
from viewer.state.actions import CopyText
from viewer.widgets.context import PanelContext
from viewer.widgets.glyphs import legible
from viewer.widgets.theme import BODY_PX
from viewer.features.training.rows import bar
from viewer.features.training.rows import field as text_field

_TABLE = int(
    imgui.TableFlags_.scroll_y | imgui.TableFlags_.borders_inner_h | imgui.TableFlags_.resizable | imgui.TableFlags_.sizing_stretch_prop
)


@dataclass
class OverviewPage:
    words: str = ""
    only_different: bool = True

    def draw(self, ctx: PanelContext, run: RunReader, compared: list[RunReader]) -> None:
        theme, em = ctx.theme, ctx.theme.em
        room = imgui.get_content_region_avail()
        left = min(30 * em, 0.48 * room.x)
        imgui.push_style_color(imgui.Col_.child_bg, ImVec4(*theme.palette.panel, 1.0))
        padded = int(imgui.ChildFlags_.always_use_window_padding)
        if imgui.begin_child("facts", ImVec2(left, 0.0), padded):
            self._facts(ctx, run)
        imgui.end_child()
        imgui.same_line()
        if imgui.begin_child("settings", ImVec2(0.0, 0.0), padded):
            self._settings(ctx, run, compared)
        imgui.end_child()
        imgui.pop_style_color()

    def _facts(self, ctx: PanelContext, run: RunReader) -> None:
        theme = ctx.theme
        with run.lock:
            groups = facts(run)
        line = command_line(run)
        if line:
            if controls.button(theme, f"{fa.ICON_FA_COPY}  Copy the command###copy-command", tip=line):
                ctx.emit(CopyText(line, "command"))
        for group, rows in groups:
            if group == "Command":
                continue
            controls.section(theme, group)
            for label, text in rows:
                self._fact(ctx, label, text)
        if line:
            controls.section(theme, "Command")
            with controls.font(theme.fonts.mono, BODY_PX * 0.86):
                imgui.push_text_wrap_pos(0.0)
                imgui.text_unformatted(line)
                imgui.pop_text_wrap_pos()

    def _fact(self, ctx: PanelContext, label: str, text: str) -> None:
        """Label and text; what does not fit is cut and told by the tooltip."""
        left, em = imgui.get_cursor_pos_x(), ctx.theme.em
        with controls.text_colour(ctx.theme.palette.muted):
            imgui.text_unformatted(label)
        imgui.same_line(left + 8.5 * em)
        shown = controls.ellipsis(text, imgui.get_content_region_avail().x)
        bad = label == "Error"
        with controls.text_colour(ctx.theme.palette.bad if bad else ctx.theme.palette.text):
            imgui.text_unformatted(shown)
        controls.tooltip(text if shown != text else "")

    def _settings(self, ctx: PanelContext, run: RunReader, compared: list[RunReader]) -> None:
        theme, em = ctx.theme, ctx.theme.em
        runs = compared if run in compared else [run]
        trees = [settings(one) for one in runs]
        if not any(trees):
            controls.note(theme, "The run has not written its settings yet.")
            return
        with bar(theme):
            tip = "Settings whose path holds every typed word"
            self.words = text_field(theme, "##settings-filter", self.words, "Filter settings", 13 * em, tip)
            if len(runs) > 1:
                changed, on = imgui.checkbox("only what differs###settings-differ", self.only_different)
                self.only_different = on if changed else self.only_different
                controls.tooltip("Leave out what all ticked runs have in common")
                imgui.same_line()
            imgui.new_line()
        names = dict.fromkeys(name for tree in trees for name in tree)
        wanted = self.words.lower().split()
        if not imgui.begin_table("settings-table", len(runs) + 1, _TABLE, ImVec2(0.0, 0.0)):
            return
        imgui.table_setup_column("Setting", 0, 1.2)
        for one in runs:
            imgui.table_setup_column(one.name[:28], 0, 1.0)
        imgui.table_setup_scroll_freeze(1, 1)
        imgui.table_headers_row()
        for name in names:
            values = [tree.get(name, "–") for tree in trees]
            differs = len(set(values)) > 1
            contrary = len({tree[name] for tree in trees if name in tree}) > 1
            if not all(w in name.lower() for w in wanted) or (len(runs) > 1 and self.only_different and not differs):
                continue
            imgui.table_next_row()
            imgui.table_next_column()
            with controls.text_colour(theme.palette.muted):
                imgui.text_unformatted(legible(name))
            for value in values:
                imgui.table_next_column()
                with controls.text_colour(theme.palette.warn if contrary else theme.palette.text):
                    imgui.text_unformatted(value[:90])
                controls.tooltip(value if len(value) > 40 else "")
        imgui.end_table()
