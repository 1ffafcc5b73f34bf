"""Ctrl+P: type a few letters of what is wanted, Enter does it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from imgui_bundle import ImVec2, imgui

from viewer.state.document import Document
from viewer.widgets import controls
from viewer.state.actions import OpenCheckpoint, ShowPanel
from viewer.shell.commands import COMMANDS
from viewer.widgets.context import PanelContext
from viewer.widgets.theme import BODY_PX

SHOWN = 12
_FLAGS = (
    imgui.WindowFlags_.no_decoration
    | imgui.WindowFlags_.no_docking
    | imgui.WindowFlags_.no_move
    | imgui.WindowFlags_.no_saved_settings
)


@dataclass(frozen=True)
class Entry:
    """One line: group, title, its key, what it does, and why it cannot be done now."""

    group: str
    title: str
    keys: str
    run: Callable[[Document, PanelContext], Document]
    why_not: str = ""


class CommandPalette:
    """Open or not, what was typed, and which line is marked."""

    def __init__(self) -> None:
        self.open = False
        self._typed = ""
        self._marked = 0
        self._fresh = False

    def toggle(self) -> None:
        self.open, self._typed, self._marked, self._fresh = not self.open, "", 0, True

    def draw(self, doc: Document, ctx: PanelContext, panels: Sequence[str]) -> Document:
        """Draws the palette over the window ("//##palette"); returns the document, changed by what was chosen."""
        if not self.open:
            return doc
        found = matching(entries(doc, ctx, panels), self._typed)
        em = ctx.theme.em
        view = imgui.get_main_viewport()
        imgui.set_next_window_pos(ImVec2(view.get_center().x, view.pos.y + 5 * em), imgui.Cond_.always, ImVec2(0.5, 0.0))
        imgui.set_next_window_size(ImVec2(36 * em, 0.0))
        imgui.push_style_color(imgui.Col_.window_bg, imgui.get_style_color_vec4(imgui.Col_.popup_bg))
        imgui.push_style_var(imgui.StyleVar_.window_padding, ImVec2(0.8 * em, 0.8 * em))
        imgui.push_style_var(imgui.StyleVar_.window_border_size, 1.0)
        imgui.begin("##palette", None, _FLAGS)
        chosen = self._lines(found, ctx)
        over = imgui.is_window_hovered(imgui.HoveredFlags_.allow_when_blocked_by_active_item)
        away = imgui.is_mouse_clicked(0) and not over and not imgui.is_window_appearing()
        imgui.end()
        imgui.pop_style_var(2)
        imgui.pop_style_color()
        if chosen is not None:
            self.open = False
            return chosen.run(doc, ctx)
        if away:
            self.open = False
        return doc

    def _lines(self, found: list[Entry], ctx: PanelContext) -> Entry | None:
        if self._fresh:
            imgui.set_keyboard_focus_here()
            self._fresh = False
        imgui.set_next_item_width(-1.0)
        changed, self._typed = imgui.input_text_with_hint("##palette-text", "What do you want to do?", self._typed)
        if changed:
            self._marked = 0
        step = int(imgui.is_key_pressed(imgui.Key.down_arrow)) - int(imgui.is_key_pressed(imgui.Key.up_arrow))
        self._marked = min(max(self._marked + step, 0), max(len(found) - 1, 0))
        first = min(max(self._marked - SHOWN + 3, 0), max(len(found) - SHOWN, 0))
        chosen: Entry | None = None
        for index, entry in enumerate(found[first : first + SHOWN], first):
            if self._line(entry, index == self._marked, index, ctx) and not entry.why_not:
                chosen = entry
        if not found:
            controls.note(ctx.theme, "Nothing is called that.")
        entered = imgui.is_key_pressed(imgui.Key.enter, False) or imgui.is_key_pressed(imgui.Key.keypad_enter, False)
        if entered and found and not found[self._marked].why_not:
            chosen = found[self._marked]
        return chosen

    def _line(self, entry: Entry, marked: bool, index: int, ctx: PanelContext) -> bool:
        theme, em = ctx.theme, ctx.theme.em
        with controls.disabled(entry.why_not):
            pressed = imgui.selectable(f"##line-{index}", marked, 0, ImVec2(0.0, 1.5 * em))[0]
        controls.tooltip(entry.why_not)
        corner, end = imgui.get_item_rect_min(), imgui.get_item_rect_max()
        draw, p = imgui.get_window_draw_list(), theme.palette
        middle = 0.5 * (corner.y + end.y) - 0.5 * imgui.get_font_size()
        draw.add_text(ImVec2(corner.x + 0.4 * em, middle), theme.colour(p.muted), entry.group)
        ink = theme.colour(p.text, p.faded if entry.why_not else 1.0)
        with controls.font(theme.fonts.mono, BODY_PX * 0.9):
            width = imgui.calc_text_size(entry.keys).x
            draw.add_text(ImVec2(end.x - width - 0.6 * em, middle), theme.colour(p.muted), entry.keys)
        draw.add_text(ImVec2(corner.x + 7.0 * em, middle), ink, controls.ellipsis(entry.title, end.x - corner.x - 8.5 * em - width))
        return pressed


def entries(doc: Document, ctx: PanelContext, panels: Sequence[str]) -> list[Entry]:
    """Commands, channels and samplers by name, panels, presets and recent files."""
    found = [
        Entry(c.group, c.title, ctx.keys.text(c.name), c.run, c.blocked(doc, ctx)) for c in COMMANDS if not c.name.startswith("channel-")
    ]
    if ctx.info is not None:
        for index, channel in enumerate(ctx.info.channels):
            why = "Needs a proposal network" if channel.needs_proposal and not ctx.info.has_proposal else ""
            found.append(Entry("Channel", channel.title, ctx.keys.text(f"channel-{index + 1}"), _show(channel.name), why))
        for sampler in ctx.info.samplers:
            found.append(Entry("Sampler", sampler.title, "", _sample(sampler.name), "" if sampler.available else "Not for this checkpoint"))
        if ctx.info.has_native:
            found.append(Entry("Sampler", "As its program renders", "", lambda doc, ctx: doc.replace(native=True)))
    found += [Entry("Panel", title, "", _panel(title)) for title in panels]
    found += [Entry("Preset", name, "", _preset(name)) for name in ctx.presets.names()]
    found += [Entry("Open", Path(path).name, "", _open(path)) for path in ctx.recent]
    return found


def matching(found: list[Entry], typed: str) -> list[Entry]:
    """Entries that hold every typed word, those whose title begins with the first one in front."""
    words = typed.lower().split()
    hits = [e for e in found if all(w in f"{e.group} {e.title}".lower() for w in words)]
    if not words:
        return hits
    return sorted(hits, key=lambda e: (not e.title.lower().startswith(words[0]), bool(e.why_not)))


def _show(name: str) -> Callable[[Document, PanelContext], Document]:
    return lambda doc, ctx: doc.replace(view=doc.view.with_channel(name))


def _sample(name: str) -> Callable[[Document, PanelContext], Document]:
    return lambda doc, ctx: doc.replace(sampler=doc.sampler.replace(name=name), native=False)


def _preset(name: str) -> Callable[[Document, PanelContext], Document]:
    return lambda doc, ctx: ctx.presets.applied(name, doc)


def _panel(title: str) -> Callable[[Document, PanelContext], Document]:
    def run(doc: Document, ctx: PanelContext) -> Document:
        ctx.emit(ShowPanel(title, True))
        return doc

    return run


def _open(path: str) -> Callable[[Document, PanelContext], Document]:
    def run(doc: Document, ctx: PanelContext) -> Document:
        ctx.emit(OpenCheckpoint(path))
        return doc

    return run
